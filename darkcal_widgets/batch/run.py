"""One run of a batch: its notebook is executed, and its record and its picture are kept in its folder.

Runs side by side, on this machine or on others, are the `engine`'s.
"""

import base64
import contextlib
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import DarkcalError, OutputError, RunError
from ..files import replacing
from ..notebooks import NotebookError, run_notebook
from ..outcome import CHECK_TYPE, MIME_TYPE
from ..text import shortened
from .record import EXECUTED, REPORT, THUMBNAIL, Record, forget
from .requests import Request

__all__ = ["THUMBNAIL_TAG", "Task", "do_run"]

# The picture of the cell with this tag stands for the run on the page; without one, the notebook's last picture.
THUMBNAIL_TAG = "thumbnail"
_THUMBNAIL_SIZE = (320, 180)  # pixels
_ATTEMPTS = 2  # the system may end a kernel once, for want of memory; twice is the run's doing
_MARK = ".darkcal-attempt-"
LARGE = 1 << 20  # bytes of memory that are given back to the system as soon as they are not used
_THREAD_LIMITS = (
    "DARKCAL_WORKERS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@dataclass(frozen=True)
class Task:
    """A run that is to be done, as it is sent to where it is done.

    Attributes
    ----------
    request : Request
        A sound one.
    out : Path
        The folder of the run.
    made_from : str
        The request's `~darkcal_widgets.batch.record.fingerprint`.
    batch : str
        A word that no other batch has.
    timeout : float or None
        Seconds.
    """

    request: Request
    out: Path
    made_from: str
    batch: str
    timeout: float | None = None


def do_run(task, threads, stop):
    """Do one run and keep its record in its folder; what fails is in the record, not an exception.

    A run whose kernel is lost is done once more.

    Parameters
    ----------
    task : Task
    threads : int
        How many the kernel may use.
    stop : callable
        Once it returns true, the kernel is ended.

    Returns
    -------
    Record
    """
    if stop():
        return Record.of(task.request, "stopped", error="stopped before it began")
    if error := _reason(lambda: _make_folder(task.out)):
        return Record.of(task.request, "failed", error=error)
    begun = time.monotonic()
    error = _reason(lambda: _run(task, threads, stop))
    facts = {}
    trouble = _reason(lambda: facts.update(_facts(task.request, task.out / EXECUTED)))
    error = error or trouble
    state = "done" if not error else "stopped" if stop() else "failed"
    record = Record.of(
        task.request,
        state,
        error=_one_line(error),
        seconds=time.monotonic() - begun,
        fingerprint=task.made_from,
        **facts,
    )
    # Where the folder cannot be written to, that is the error in the record, or the run is done again by the next call.
    with contextlib.suppress(DarkcalError):
        record.save(task.out)
    return record


def _run(task, threads, stop):
    """Execute the notebook, again if its kernel is lost."""
    reason = "the process that did the run was lost"
    with contextlib.closing(_attempts(task)) as attempts:
        for _ in attempts:
            try:
                return _attempt(task, threads, stop)
            except NotebookError as failure:
                if not failure.kernel_lost:
                    raise
                reason = failure.reason
    raise RunError(f"{reason} ({_ATTEMPTS} times)")


def _attempt(task, threads, stop):
    _clear(task.out)
    return run_notebook(
        task.request.notebook,
        task.out,
        task.request.values,
        folder=task.request.folder,
        name=EXECUTED,
        report=REPORT,
        timeout=task.timeout,
        stop=stop,
        environment=_environment(threads),
    )


def _make_folder(out):
    if out.is_symlink():
        raise OutputError(
            f"{out} is a link; remove it, or name another folder: nothing is written through links."
        )
    out.mkdir(parents=True, exist_ok=True)


def _attempts(task):
    """Yield for each attempt that the run has left.

    A mark in the folder of the run stands for each: where the whole process is lost, and a Dask cluster sends the run elsewhere,
    nothing else tells how often that has happened. Runs that only waited in that process have no mark.
    """
    for mark in task.out.glob(f"{_MARK}*"):
        if task.batch not in mark.name:  # of a batch that was killed
            mark.unlink(missing_ok=True)
    marks = [task.out / f"{_MARK}{number}-{task.batch}" for number in range(_ATTEMPTS)]
    try:
        for mark in marks:
            if not mark.exists():
                mark.touch(exist_ok=False)  # not through a link
                yield
    finally:
        for mark in marks:
            mark.unlink(missing_ok=True)


def _clear(out):
    """Take away what an earlier attempt has left, record first: nothing of it may pass for this run's."""
    forget(out)
    for name in (EXECUTED, REPORT, THUMBNAIL):
        (out / name).unlink(missing_ok=True)


def _environment(threads):
    """Return what limits a kernel: its threads, and its memory.

    Each of the dozen threads of a kernel would have its own arena of memory; with one for all, a run of the first notebook on a
    small night peaks at 198 MiB in place of 247, and takes as long. Arrays of more than 1 MiB are given back when they are done
    with, which glibc would stop doing after the first of them: 19 MiB less at the end.
    """
    memory = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": str(LARGE)}
    return dict.fromkeys(_THREAD_LIMITS, str(threads)) | memory


def _reason(act):
    """Do something and say why it failed, if it did."""
    try:
        act()
    except NotebookError as failure:
        return failure.reason
    except (DarkcalError, OSError) as failure:
        return str(failure) or type(failure).__name__
    except Exception as failure:  # whatever it is, of papermill or of nbconvert: one run costs one run
        return f"{type(failure).__name__}: {failure}"
    return ""


def _facts(request, executed):
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
    paths = [request.folder / path for run in runs for path in run["results"]]
    counts = {name: sum(run[name] for run in runs) for name in ("written", "unchanged", "failed")}
    return counts | {"results": [str(path) for path in paths]} | _measured(request, paths, shown)


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
        with replacing(path) as stream:
            image.save(stream, "png")


def _measured(request, paths, shown):
    """Measure the results of a run: medians over its darks, and the check where the truth is known."""
    import numpy as np

    from ..results import results_table

    if not paths:
        return {}
    names = {path.name for path in paths}
    rows = [
        row
        for row in results_table(request.path("reduced_folder"))
        if row["file"] in names and row["frames"] == 1
    ]
    columns = {name: [row[name] for row in rows] for name in ("overscan", "level", "scatter")}
    medians = {
        name: float(np.median(values))
        for name, values in columns.items()
        if values and np.isfinite(values).all()
    }
    return medians | {"check": _check(request, shown)}


def _check(request, shown):
    """Say how the results of a simulated night compare with its truth, as the notebook found; nothing for a real one."""
    from ..simulate import TRUTH_NAME

    raw_folder = request.path("raw_folder")
    if not (raw_folder / TRUTH_NAME).is_file():
        return ""
    reduced_folder = request.path("reduced_folder")
    found = [data[CHECK_TYPE] for data in shown if CHECK_TYPE in data]
    for one in reversed(found):
        if one["folder"] == str(reduced_folder.resolve()):
            return _one_line(one["verdict"])
    from ..check import check_run
    from ..night import Night

    try:
        return _one_line(check_run(reduced_folder, Night(raw_folder, request.path("dark_folder"))).verdict)
    except DarkcalError as error:
        return f"not checked: {_one_line(str(error))}"


def _one_line(text):
    line = "; ".join(line.strip() for line in text.splitlines() if line.strip()).replace(":; ", ": ")
    return shortened(line, 2000)
