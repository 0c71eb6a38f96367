"""Runs that the panel starts: calibrating and combining, one at a time, to be cancelled, and how far each has come."""

import os
import time
from pathlib import Path
from threading import Event, RLock

from ..combine import combine_darks
from ..errors import DarkcalError, OutputError
from ..run.night import run_plan
from ..text import visible
from .made import Made
from .outlook import calibrate_refusal, combine_refusal
from .settings import plan_of

__all__ = ["Progress", "Runs", "calibrate", "combine", "compared"]


class Runs:
    """Does one run after the other, and hands how far each has come to `show`, a callable that takes a dict.

    Attributes
    ----------
    cancelled : Event
        Set when the run is to stop.
    """

    def __init__(self, show):
        self._show, self._one, self._progress = show, RLock(), None
        self.cancelled = Event()

    def do(self, work):
        """Do `work`, a callable that takes a `Progress` and returns a `Run`, once the run before has ended; return its `Run`."""
        with self._one:
            self.cancelled.clear()
            self._progress = progress = Progress(self._show)
            try:
                run = work(progress)
            except BaseException as error:
                progress.end(f"Stopped: {error}" if isinstance(error, DarkcalError) else repr(error))
                raise
            progress.end(str(run), run)
            return run

    def cancel(self):
        """Let the frames in work be the last ones."""
        self.cancelled.set()
        if self._progress is not None:
            self._progress.cancel()


def calibrate(parameters, night, runs, progress):
    """Calibrate the picked darks.

    Raises
    ------
    OutputError
        Results made otherwise are there, and are not to be replaced; nothing has been done.
    DarkcalError
        See `~darkcal_widgets.calibrate_darks`.
    """
    plan = plan_of(parameters, night)
    if plan.replaced and not plan.overwrite:
        raise OutputError(calibrate_refusal(plan))
    progress.begin(len(plan.jobs))
    return run_plan(plan, progress=False, on_outcome=progress.step, cancel=runs.cancelled)


def combine(parameters, night, _runs, progress):
    """Combine the picked darks that are calibrated with these settings.

    Raises
    ------
    OutputError
        There are none, or combined darks made otherwise are there, and are not to be replaced; nothing has been done.
    DarkcalError
        See `~darkcal_widgets.combine_darks`.
    """
    made = Made(plan_of(parameters, night))
    refused = combine_refusal(made)
    if refused and not (made.darks and parameters.overwrite):
        raise OutputError(refused)
    progress.begin(len(made.combined), "combined darks")
    files = [dark.name for dark in made.darks]
    return combine_darks(parameters.reduced_folder, files=files, overwrite=parameters.overwrite)


def compared(night, reduced_folder):
    """Say whether calibrated darks are right, if the truth of their night is known; empty: it is not.

    Combined darks are left out: after calibrating, they are yet to be made.
    """
    from ..check import check_run  # with the simulation, which other nights do without
    from ..simulate import TRUTH_NAME

    if not Path(night.raw_folder, TRUTH_NAME).is_file():
        return ""
    try:
        off = [check for check in check_run(reduced_folder, night).off if check.what != "combined darks"]
    except DarkcalError as error:
        return visible(f"Not compared with the truth of this simulated night: {error}")
    found = f"{off[0].what}: {off[0].text}" if off else "all is right."
    return visible(f"Compared with the truth of this simulated night: {found}")


class Progress:
    """Counts the frames of a run and hands the count to `show`, a callable that takes a dict; from any thread."""

    def __init__(self, show):
        self._lock = RLock()
        self._show, self._begun = show, time.monotonic()
        self._now = {"running": True, "done": 0, "total": 0, "failed": 0, "lines": [], "last": ""}

    def begin(self, total, what="frames"):
        """Say how many there are of what."""
        self._tell(total=total, what=what)

    def step(self, outcome):
        """Count one frame."""
        seconds = max(time.monotonic() - self._begun, 1e-6)
        with self._lock:
            done = self._now["done"] + 1
            self._tell(
                done=done,
                failed=self._now["failed"] + (outcome.state == "failed"),
                last=visible(f"{outcome.name}: {outcome.state}"),
                rate=done / seconds,
                left=(self._now["total"] - done) * seconds / done,
            )

    def cancel(self):
        """Say that the frames in work are the last ones."""
        with self._lock:
            if self._now["running"]:
                self._tell(cancelling=True)

    def end(self, text, run=None):
        """Say how the run ended; `run` is `None` where an error ended it."""
        results = [] if run is None else [outcome for outcome in run.outcomes if outcome.path is not None]
        self._tell(
            running=False,
            lines=[visible(line) for line in text.splitlines()],
            stopped=run is None or run.cancelled,
            seconds=time.monotonic() - self._begun,
            results=[
                {"name": visible(done.path.name), "path": os.path.abspath(done.path), "state": done.state}
                for done in results
            ],
        )

    def _tell(self, **news):
        with self._lock:
            self._now = self._now | news
            self._show(self._now)
