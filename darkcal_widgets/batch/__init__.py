"""Many runs with one command: a semester of nights, or a class of students.

`input` reads and checks what is asked for, `pool` has it done by `worker` processes here or on a cluster,
`record` keeps what became of it, and `page` shows that.
"""

import sys
import time
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from ..errors import OutputError, ParameterError, RunError
from ..text import visible
from .input import read_requests
from .page import PAGE, SUMMARY, write_page
from .pool import Cluster, Machine, cores
from .record import Record, fingerprint, locked, read_records
from .worker import Job

__all__ = ["Batch", "run_batch"]

_REFRESH = 10.0  # seconds between two versions of the page while runs are done


@dataclass
class Batch:
    """What a call has done.

    Attributes
    ----------
    out : Path
    records : list of Record
        One for each run that was asked for.
    current : list of Record
        Those of them that were done by an earlier call, of the same input.
    """

    out: Path
    records: list
    current: list

    @property
    def failures(self):
        """The records of the runs that are not done."""
        return [record for record in self.records if record.state != "done"]

    def raise_failures(self):
        """Raise an error that lists the runs that are not done, if there are any.

        Raises
        ------
        RunError
        """
        if self.failures:
            listed = "\n".join(visible(f"  {record.name}: {record.error}") for record in self.failures)
            raise RunError(f"{len(self.failures)} of {len(self.records)} runs are not done:\n{listed}")

    def __str__(self):
        done = len(self.records) - len(self.failures)
        return (
            f"{done} of {len(self.records)} runs are done ({len(self.current)} of them by an earlier call)\n"
            f"  page:  {self.out / PAGE}\n  table: {self.out / SUMMARY}"
        )


def run_batch(
    sources, out, *, workers=None, timeout=None, force=False, scheduler=None, progress=True, on_mistakes=None
):
    """Run a notebook for each parameter file, several at once, and make one page of what came out.

    All files are checked before anything runs. Those with mistakes are not run; the others are. A run that fails costs no
    other. A run that an earlier call has done is left as it is, unless its parameters, its notebook, the version of darkcal
    or its raw files have changed.

    Parameters
    ----------
    sources : iterable of path-like
        Parameter files, folders of them, patterns, and tables, see `~darkcal_widgets.batch.input.read_requests`. Relative
        paths in a file start in the folder of that file.
    out : path-like
        Each run gets a folder in it for the executed notebook and its report; calibrated frames go where the parameters say.
    workers : int, optional
        Runs at once; default: one for each processor. On a cluster its workers' threads decide.
    timeout : float, optional
        Seconds after which a run is ended.
    force : bool
        Do again what an earlier call has done.
    scheduler : str, optional
        Address of a Dask scheduler: runs are done by its cluster.
    progress : bool
        Show a progress bar, where the output is a terminal.
    on_mistakes : callable, optional
        Called before anything runs with a line for each mistake.

    Returns
    -------
    Batch

    Raises
    ------
    ParameterError
        An option cannot be used; mistakes in parameter files are not raised but in the records.
    OutputError
        `out` cannot be used, or another batch is at work in it.
    RunError
        There is no such scheduler.
    KeyboardInterrupt
        Ctrl-C: kernels were ended, what was finished is kept and on the page.
    """
    _check_options(workers, timeout)
    requests = read_requests(sources)
    if on_mistakes is not None:
        mistakes = [f"{request.source}: {line}" for request in requests for line in request.problems]
        on_mistakes([visible(line) for line in mistakes])
    out = _made_folder(out, requests)
    with locked(out):
        known = read_records(out)
        records = {request.source: _before(request, out, known, force) for request in requests}
        current = [record for record in records.values() if record.state == "done"]
        jobs = [
            _job(request, out, timeout) for request in requests if records[request.source].state == "waiting"
        ]

        def show():
            others = [known[name] for name in known.keys() - {record.name for record in records.values()}]
            write_page(out, [*records.values(), *sorted(others, key=lambda record: record.name)])

        show()
        try:
            if jobs:
                place = (
                    Machine(min(workers or cores(), len(jobs))) if scheduler is None else Cluster(scheduler)
                )
                _do_all(place, jobs, records, show, progress)
        finally:
            show()
    return Batch(out, list(records.values()), current)


def _check_options(workers, timeout):
    if workers is not None and workers < 1:
        raise ParameterError(f"workers is {workers}; expected at least 1.")
    if timeout is not None and timeout <= 0:
        raise ParameterError(f"timeout is {timeout:g}; expected a number of seconds above 0.")


def _made_folder(out, requests):
    out = Path(out).resolve()
    sound = [request for request in requests if request.parameters is not None]
    own = {out, *(out / request.name for request in sound)}
    if raw := own & {folder.resolve() for request in sound for folder in request.raw_folders}:
        raise OutputError(
            f"{raw.pop()} is a folder of raw frames, which are never touched; name another folder for the batch."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out} cannot be made: {error.strerror}; name another folder for the batch."
        ) from error
    return out


def _before(request, out, known, force):
    """Return the record of a run before anything is done: invalid, done by an earlier call, or else to be done."""
    if request.problems:
        error = " ".join(line.replace("\n", " ") for line in request.problems)
        return Record(request.name, request.source, "invalid", error=error)
    earlier = known.get(request.name)
    if not force and earlier is not None and earlier.is_current(out / request.name, fingerprint(request)):
        return earlier
    return _job(request, out, None).record("waiting", error="not begun")


def _job(request, out, timeout):
    parameters = request.parameters
    dark_folder = request.path("dark_folder")
    return Job(
        name=request.name,
        source=request.source,
        recipe=_recipe_text(parameters.recipe),
        fingerprint=fingerprint(request),
        notebook=str(request.notebook),
        folder=str(request.folder),
        out=str(out / request.name),
        raw_folder=str(request.path("raw_folder")),
        dark_folder=None if dark_folder is None else str(dark_folder),
        reduced_folder=str(request.path("reduced_folder")),
        values=request.values,
        timeout=timeout,
    )


def _recipe_text(recipe):
    steps = [
        f"overscan {recipe.overscan_columns}" if recipe.overscan_columns is not None else "no overscan",
        f"keep {recipe.keep_columns}" if recipe.keep_columns is not None else "keep all",
        "bias subtracted" if recipe.subtract_bias else "bias kept",
    ]
    return ", ".join(steps)


def _do_all(place, jobs, records, show, progress):
    """Have all jobs done; records are put in place as they come."""
    futures = {}
    try:
        futures.update((place.submit(job), job) for job in jobs)
        _collect(place, futures, records, show, progress)
    except KeyboardInterrupt:
        place.stop()
        print("darkcal: ending the runs; Ctrl-C again to end them at once", file=sys.stderr)
        try:
            _collect(place, futures, records, show, progress=False)
        except KeyboardInterrupt:
            place.kill()
        raise
    finally:
        place.close()


def _collect(place, futures, records, show, progress):
    waiting, shown = set(futures), time.monotonic()
    with tqdm(total=len(futures), unit="run", disable=None if progress else True) as bar:
        while waiting:
            done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                records[futures[future].source] = place.record(futures[future], future)
            bar.update(len(done))
            bar.set_postfix_str(", ".join(place.running))
            if done and time.monotonic() - shown > _REFRESH:
                show()
                shown = time.monotonic()
