"""Reading ahead: frames that will be drawn are read in a thread, before they are asked for. Which ones is not decided here."""

import time
from threading import Thread

from ..errors import FrameError

__all__ = ["ReadAhead"]

# Says what it has read no more often than this, in seconds.
_PAUSE = 0.3


class ReadAhead:
    """Reads frames one after the other until none is missing.

    Parameters
    ----------
    missing : callable
        Returns the frames that are missing and a callable that reads one of them; or `None` to stop.
    show : callable
        Called from time to time, and at the end.
    """

    def __init__(self, missing, show):
        self._missing, self._show, self._thread = missing, show, None

    def start(self):
        """Begin, unless it has begun already or nothing is missing."""
        found = self._missing()
        if found is not None and found[0] and (self._thread is None or not self._thread.is_alive()):
            self._thread = Thread(target=self._read, daemon=True)
            self._thread.start()

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
