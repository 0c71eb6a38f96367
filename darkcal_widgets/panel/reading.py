"""Reading ahead: in a thread, frames are read that will be drawn, and what takes long is drawn. It does not choose them."""

import time
from threading import Lock, Thread

from ..errors import FrameError

__all__ = ["ReadAhead"]

# Says what it has read no more often than this, in seconds.
_PAUSE = 0.3


class ReadAhead:
    """Reads frames one after the other until none is missing, and shows them.

    Parameters
    ----------
    missing : callable
        Returns the frames that are missing and a callable that reads one of them; or `None` to stop.
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
            self._read()

    def _goes_on(self):
        with self._lock:
            self._is_running, self._is_asked = self._is_asked, False
            return self._is_running

    def _read(self):
        unreadable, shown = set(), time.monotonic()
        while (found := self._missing()) is not None:
            frames, read = found
            frame = next((frame for frame in frames if frame not in unreadable), None)
            if frame is not None:
                try:
                    read(frame)
                except FrameError:
                    unreadable.add(frame)  # The run will say why.
            if frame is None or time.monotonic() - shown > _PAUSE:
                shown = time.monotonic()
                self._show()
            if frame is None:
                return
