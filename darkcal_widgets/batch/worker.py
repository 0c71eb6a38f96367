"""A worker of a batch: a process that does one run after the other, so that they share what starting costs.

It is told what to do on its standard input, a line of JSON each: ``{"job": ...}``, answered by a line with the record of
the run, and ``{"stop": true}``. When its input ends, because whoever started it is gone, it ends its kernel and itself.
"""

import base64
import contextlib
import io
import json
import os
import queue
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import DarkcalError
from ..headless import NotebookError, run_notebook
from ..outcome import MIME_TYPE
from .record import EXECUTED, REPORT, THUMBNAIL, Record, forget

__all__ = ["Job", "do_job", "main"]

_THUMBNAIL_SIZE = (320, 180)  # pixels

# The picture of the cell with this tag stands for the run on the page; without one, the notebook's last picture.
THUMBNAIL_TAG = "thumbnail"
_PATIENCE = 20.0  # seconds that the worker gives a run to end after its own end has been asked for


@dataclass(frozen=True)
class Job:
    """One run as a worker needs it, in words that go through JSON; all paths are absolute.

    Attributes
    ----------
    name, source, recipe, fingerprint : str
        See `~darkcal_widgets.batch.record.Record`.
    notebook, folder, out : str
        What is run, where it runs, and the folder of the run.
    raw_folder, dark_folder, reduced_folder : str
    values : dict
        For the notebook's cell of parameters.
    timeout : float or None
        Seconds.
    """

    name: str
    source: str
    recipe: str
    fingerprint: str
    notebook: str
    folder: str
    out: str
    raw_folder: str
    dark_folder: str | None
    reduced_folder: str
    values: dict
    timeout: float | None = None

    def record(self, state, **facts):
        """Return a record of this run."""
        return Record(self.name, self.source, state, Path(self.notebook).name, self.recipe, **facts)


def do_job(job, stop=None):
    """Do one run and keep its record in its folder; what fails is in the record, not an exception.

    Parameters
    ----------
    job : Job
    stop : `threading.Event`, optional
        Once it is set, the kernel is ended.

    Returns
    -------
    Record
    """
    out, begun = Path(job.out), time.monotonic()
    error = _reason(lambda: _run(job, out, stop))
    facts = {}
    trouble = _reason(lambda: facts.update(_facts(job, out / EXECUTED)))
    error = error or trouble
    state = "done" if not error else "stopped" if stop is not None and stop.is_set() else "failed"
    record = job.record(
        state, error=_one_line(error), seconds=time.monotonic() - begun, fingerprint=job.fingerprint, **facts
    )
    # Where the folder cannot be written to, that is the error in the record, or the run is done again by the next call.
    with contextlib.suppress(DarkcalError):
        record.save(out)
    return record


def main():
    """Work until the input ends."""
    # Whatever else is printed here, by libraries and kernels, is no answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    _prepare()
    jobs, stop = queue.SimpleQueue(), threading.Event()
    threading.Thread(target=_listen, args=(jobs, stop), daemon=True).start()
    for job in iter(jobs.get, None):
        record = do_job(job, stop)
        answers.write(f"{json.dumps(asdict(record))}\n")
        answers.flush()


def _prepare():
    """Import once what every run needs, while the fork server does the same for the kernels."""
    from ..headless import warm

    if warm.can_fork():
        warm.prepare(at_once=True)
    import nbconvert  # noqa: F401
    import papermill  # noqa: F401

    from .. import results  # noqa: F401


def _listen(jobs, stop):
    for line in sys.stdin:
        order = json.loads(line)
        if "job" in order:
            jobs.put(Job(**order["job"]))
        else:
            stop.set()
    stop.set()
    jobs.put(None)
    time.sleep(_PATIENCE)
    os._exit(1)


def _clear(out):
    """Take away what an earlier attempt has left, record first: nothing of it may pass for this run's."""
    forget(out)
    for name in (EXECUTED, REPORT, THUMBNAIL):
        (out / name).unlink(missing_ok=True)


def _run(job, out, stop):
    out.mkdir(parents=True, exist_ok=True)
    _clear(out)
    run_notebook(
        job.notebook,
        out,
        job.values,
        folder=job.folder,
        name=EXECUTED,
        report=REPORT,
        timeout=job.timeout,
        stop=stop,
        warm=True,
    )


def _reason(act):
    """Do something and say why it failed, if it did in a way that can be expected."""
    try:
        act()
    except NotebookError as failure:
        return failure.reason
    except (DarkcalError, OSError) as failure:
        return str(failure)
    return ""


def _facts(job, executed):
    """Return what an executed notebook shows, and what its results are; one of its pictures becomes the thumbnail."""
    if not executed.is_file():
        return {}
    cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    shown = _shown(cells)
    tagged = [cell for cell in cells if THUMBNAIL_TAG in cell["metadata"].get("tags", ())]
    pictures = [data["image/png"] for data in _shown(tagged) or shown if "image/png" in data]
    if pictures:
        _write_thumbnail("".join(pictures[-1]), executed.with_name(THUMBNAIL))
    runs = [data[MIME_TYPE] for data in shown if MIME_TYPE in data]
    paths = [Path(job.folder) / path for run in runs for path in run["results"]]
    counts = {name: sum(run[name] for run in runs) for name in ("written", "unchanged", "failed")}
    return counts | {"results": [str(path) for path in paths]} | _measured(job, paths)


def _shown(cells):
    return [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]


def _write_thumbnail(picture, path):
    from PIL import Image

    # A run does not fail because a picture in it cannot be read, or is absurdly large.
    with (
        contextlib.suppress(OSError, ValueError, Image.DecompressionBombError),
        Image.open(io.BytesIO(base64.b64decode(picture))) as image,
    ):
        image.thumbnail(_THUMBNAIL_SIZE)
        image.save(path)


def _measured(job, paths):
    """Measure the results of a run: medians over its darks, and the check where the truth is known."""
    import numpy as np

    from ..results import results_table

    if not paths:
        return {}
    names = {path.name for path in paths}
    rows = [row for row in results_table(job.reduced_folder) if row["file"] in names and row["frames"] == 1]
    columns = {name: [row[name] for row in rows] for name in ("overscan", "level", "scatter")}
    medians = {
        name: float(np.median(values))
        for name, values in columns.items()
        if values and np.isfinite(values).all()
    }
    return medians | {"check": _check(job)}


def _check(job):
    """Say how the results of a simulated night compare with its truth; nothing for a real one."""
    from ..check import check_run
    from ..night import Night
    from ..simulate import TRUTH_NAME

    if not (Path(job.raw_folder) / TRUTH_NAME).is_file():
        return ""
    try:
        report = check_run(job.reduced_folder, Night(job.raw_folder, job.dark_folder))
    except DarkcalError as error:
        return f"not checked: {_one_line(str(error))}"
    if report.off:
        return "off: " + _one_line("\n".join(check.text for check in report.off))
    return f"right: {sum(check.state == 'right' for check in report.checks)} comparisons with the truth"


def _one_line(text):
    return "; ".join(line.strip() for line in text.splitlines() if line.strip()).replace(":; ", ": ")
