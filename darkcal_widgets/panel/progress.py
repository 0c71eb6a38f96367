"""How far a run has come, in plain values that the panel shows. The run itself is not here."""

import os
import time
from threading import RLock

from ..text import visible

__all__ = ["Progress"]


class Progress:
    """Counts the frames of a run and hands the count to `show`, a callable that takes a dict; from any thread."""

    def __init__(self, show):
        self._lock = RLock()
        self._show, self._begun = show, time.monotonic()
        self._now = {"running": True, "done": 0, "total": 0, "failed": 0, "lines": [], "last": ""}

    def begin(self, total):
        """Say how many frames there are."""
        self._tell(total=total)

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
