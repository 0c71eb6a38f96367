"""Reading ahead: what will be asked for is read in a thread before. What that is, is not decided here."""

import time
from threading import Lock, Thread

from ..errors import DarkcalError

__all__ = ["ReadAhead"]

# Says what it has read no more often than this, in seconds.
_PAUSE = 0.3
# The picture goes first: meanwhile the browser draws it, and perhaps the next change comes.
_REST = 0.05


class ReadAhead:
    """Does one thing after the other until none is missing; what fails is not tried again.

    Parameters
    ----------
    missing : callable
        Returns what is missing, a dictionary of something to name it by to the callable that reads it; or `None` to stop.
    show : callable
        Called from time to time, and at the end.
    """

    def __init__(self, missing, show):
        self._missing, self._show = missing, show
        self._lock, self._is_running, self._is_asked = Lock(), False, False

    def start(self):
        """Begin, or once more from the beginning when what is done now is done."""
        with self._lock:
            self._is_asked = True
            if not self._is_running:
                self._is_running = True
                Thread(target=self._run, daemon=True).start()

    def _run(self):
        while self._goes_on():
            time.sleep(_REST)
            self._read()

    def _goes_on(self):
        with self._lock:
            self._is_running, self._is_asked = self._is_asked, False
            return self._is_running

    def _read(self):
        failed, shown = set(), time.monotonic()
        while (missing := self._missing()) is not None:
            name = next((name for name in missing if name not in failed), None)
            if name is not None:
                try:
                    missing[name]()
                except DarkcalError:
                    failed.add(name)  # whoever needs it will say why
            if name is None or time.monotonic() - shown > _PAUSE:
                shown = time.monotonic()
                self._show()
            if name is None:
                return
