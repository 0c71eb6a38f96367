"""The settings that have stood in the panel, one state after the other, to go back and forward between. Nothing is set here."""

import time

__all__ = ["History"]

# Changes of the same settings within so many seconds, such as the keys of a text, are one step.
_PAUSE = 1.0
_MOST_STEPS = 500


class History:
    """States of the settings.

    Attributes
    ----------
    back, forward : list of str
        Names of the settings that change with the next step back, and forward; empty: there is none.
    """

    def __init__(self):
        self._states, self._place = [], 0  # each state: values by name, and what was accepted with them
        self._last = ([], 0.0)  # what was changed last, and when

    @property
    def back(self):
        return [] if self._place == 0 else _changed(*self._states[self._place - 1 : self._place + 1])

    @property
    def forward(self):
        return _changed(*following) if (following := self._states[self._place : self._place + 2])[1:] else []

    def note(self, values, accepted=None):
        """Remember settings as they are now; those that are the same as before are no step."""
        state = (values, accepted)
        if not self._states:
            self._states = [state]
            return
        changed = _changed(self._states[self._place], state)
        if not changed:
            self._states[self._place] = state
            return
        (names, then), now = self._last, time.monotonic()
        goes_on = names == changed and now - then < _PAUSE
        self._states[self._place + (0 if goes_on else 1) :] = [state]
        del self._states[:-_MOST_STEPS]
        self._place, self._last = len(self._states) - 1, (changed, now)

    def step(self, way):
        """Go back (-1) or forward (1), and return the values and what was accepted with them; `None`: there is nothing there."""
        if not (self.back if way < 0 else self.forward):
            return None
        self._place, self._last = self._place + way, ([], 0.0)
        return self._states[self._place]


def _changed(one, other):
    return [name for name, value in one[0].items() if other[0][name] != value]
