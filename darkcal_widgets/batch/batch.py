"""A batch: what is asked for is read, what is left to do is done, several runs at once, and one page shows how each ended.

`requests` reads and checks, `engine` has each `run` done, here or on a cluster, `record` keeps how it ended, `page` shows it.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm.auto import tqdm

from ..errors import OutputError, ParameterError, RunError
from ..text import visible
from .engine import Engine, cores
from .page import PAGE, SUMMARY, write_page
from .record import Record, fingerprint, locked, read_records
from .requests import read_requests
from .run import Task

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

    def raise_failures(self, *, told=False):
        """Raise an error that lists the runs that are not done, if there are any.

        Parameters
        ----------
        told : bool
            Mistakes in parameter files have been told by `on_mistakes`, and are not listed again.

        Raises
        ------
        RunError
        """
        listed = [record for record in self.failures if not told or record.state != "invalid"]
        if self.failures:
            count = f"{len(self.failures)} of {len(self.records)} runs failed or were not started"
            if mistaken := len(self.failures) - len(listed):
                count += f", {mistaken} of them for mistakes told above"
            lines = [visible(f"  {record.name}: {record.error}") for record in listed]
            raise RunError("\n".join([count + (":" if lines else "."), *lines]))

    def __str__(self):
        done = len(self.records) - len(self.failures)
        return (
            f"{done} of {len(self.records)} runs done ({len(self.current)} in an earlier call)\n"
            f"  page:  {self.out / PAGE}\n  table: {self.out / SUMMARY}"
        )


def run_batch(
    sources, out, *, workers=None, timeout=None, force=False, scheduler=None, progress=True, on_mistakes=None
):
    """Run a notebook for each parameter file, several at once, and make one page of how they ended.

    All files are checked before anything runs. Those with mistakes are not run; the others are. A run that fails costs no
    other. A run that an earlier call has done is left as it is, unless its parameters, its notebook, the version of darkcal
    or its raw files have changed.

    Parameters
    ----------
    sources : iterable of path-like
        Parameter files, folders of them, patterns, and tables, see `~darkcal_widgets.batch.requests.read_requests`. Relative
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
        Nobody answers at the address of the scheduler.
    KeyboardInterrupt
        Ctrl-C, or the signal that ends a process or tells it that its terminal is gone: kernels were ended, what was finished
        is kept and on the page.
    """
    _check_options(workers, timeout)
    out = Path(os.path.realpath(out))
    requests = _away_from_raw(read_requests(sources), out)
    if on_mistakes is not None:
        mistakes = [f"{request.source}: {line}" for request in requests for line in request.problems]
        on_mistakes([visible(line) for line in mistakes])
    _make_folder(out)
    with locked(out):
        known = _known(out)
        made_from = {}
        records = {request.source: _before(request, out, known, force, made_from) for request in requests}
        current = [record for record in records.values() if record.state == "done"]
        todo = [request for request in requests if records[request.source].state == "waiting"]

        def show():
            others = [known[name] for name in known.keys() - {record.name for record in records.values()}]
            write_page(out, [*records.values(), *sorted(others, key=lambda record: record.name)])

        show()
        try:
            if todo:
                with Engine(min(workers or cores(), len(todo)), scheduler) as engine, _signals_as_ctrl_c():
                    tasks = [
                        Task(request, out / request.name, made_from[request.source], engine.batch, timeout)
                        for request in todo
                    ]
                    _do_all(engine, tasks, records, show, progress)
        finally:
            show()
    return Batch(out, list(records.values()), current)


def _check_options(workers, timeout):
    if workers is not None and workers < 1:
        raise ParameterError(f"workers is {workers}; expected at least 1.")
    if timeout is not None and timeout <= 0:
        raise ParameterError(f"timeout is {timeout:g}; expected a number of seconds above 0.")


def _away_from_raw(requests, out):
    """Refuse a folder of raw frames as that of the batch; a run whose own folder is one gets a problem.

    Raises
    ------
    OutputError
    """
    raw = {
        os.path.realpath(folder)
        for request in requests
        if not request.problems
        for folder in request.raw_folders
    }
    refusal = "is a folder of raw frames, which are never modified; name another folder for the batch."
    if str(out) in raw:
        raise OutputError(f"{out} {refusal}")

    def checked(request):
        own = out / request.name
        if request.problems or os.path.realpath(own) not in raw:
            return request
        return replace(request, problems=(f"{own} {refusal}",))

    return [checked(request) for request in requests]


def _make_folder(out):
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out} cannot be made: {error.strerror}; name another folder for the batch."
        ) from error


def _known(out):
    try:
        return read_records(out)
    except OSError as error:
        raise OutputError(
            f"{out} cannot be read: {error.strerror}; name another folder for the batch."
        ) from error


def _before(request, out, known, force, made_from):
    """Return the record of a run before anything is done: invalid, done by an earlier call, or else to be done.

    What it is made from is noted in `made_from`.
    """
    problems = list(request.problems)
    if not problems:
        try:
            made_from[request.source] = fingerprint(request)
        except OSError as error:
            problems = [f"a file of the night cannot be looked at: {error.strerror} ({error.filename})."]
    if problems:
        error = " ".join(line.replace("\n", " ") for line in problems)
        return Record(request.name, request.source, "invalid", error=error)
    earlier = known.get(request.name)
    if (
        not force
        and earlier is not None
        and earlier.is_current(out / request.name, made_from[request.source])
    ):
        return earlier
    return Record.of(request, "waiting", error="not begun")


@contextlib.contextmanager
def _signals_as_ctrl_c():
    """Take the signal that ends a process, and that of a terminal that is gone, for Ctrl-C: no kernel may stay behind.

    The first one counts: who sends them sends both, or the same again. One that was ignored, as by ``nohup``, still is.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone can take signals
        yield
        return
    taken = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_DFL
    ]
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def end(received, _):
        for number in taken:
            signal.signal(number, signal.SIG_IGN)
        if received != signal.SIGTERM:
            _silence(terminals)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _silence(descriptors):
    """Have what is still written to a terminal that is gone go nowhere, where it would be one error more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _do_all(engine, tasks, records, show, progress):
    """Have all runs done; records are put in place as they come."""
    futures = {}
    try:
        futures.update((engine.submit(task), task) for task in tasks)
        _collect(engine, futures, records, show, progress)
    except KeyboardInterrupt:
        engine.stop()
        print("darkcal: ending the runs", file=sys.stderr, flush=True)
        _collect(engine, futures, records, show, progress=False)
        raise


def _collect(engine, futures, records, show, progress):
    waiting, shown = set(futures), time.monotonic()
    with tqdm(total=len(futures), unit="run", disable=None if progress else True) as bar:
        while waiting:
            done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                task = futures[future]
                records[task.request.source] = engine.record(task, future)
            bar.update(len(done))
            # On a cluster its own dashboard tells.
            bar.set_postfix_str(
                ", ".join(sorted(futures[run].request.name for run in waiting if run.running()))
            )
            if done and time.monotonic() - shown > _REFRESH:
                show()
                shown = time.monotonic()
