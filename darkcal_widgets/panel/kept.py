"""What a notebook keeps of a panel, to be read without a kernel: a picture and the settings, renewed. Not the drawing (still)."""

import asyncio
import base64
import contextlib
from functools import partial

from ..errors import DarkcalError
from ..text import visible

__all__ = ["Kept", "picture_bundle", "text_bundle"]

# The picture is drawn again when nothing has been changed for this long.
_REST_SECONDS = 1.5


class Kept:
    """The outputs of a notebook that show the picture and the settings; `make` returns the two."""

    def __init__(self, make):
        self._make, self._loop, self._displays, self._turn = make, None, (), 0

    def display(self):
        """Display both."""
        from IPython.display import display

        with contextlib.suppress(RuntimeError):  # outside a kernel there is no event loop
            self._loop = asyncio.get_running_loop()
        self._displays = [display(bundle, raw=True, display_id=True) for bundle in self._make()]

    def renew(self):
        """Make both again once this has not been asked for for a while, where the kernel has nothing else to do."""
        self._turn += 1
        if self._displays and self._loop is not None:
            later = partial(self._loop.call_later, _REST_SECONDS, self._renew, self._turn)
            self._loop.call_soon_threadsafe(later)

    def end(self):
        """Let them stay as they are."""
        self._displays = ()

    def _renew(self, turn):
        if turn == self._turn and self._displays:
            for display, bundle in zip(self._displays, self._make(), strict=True):
                display.update(bundle, raw=True)


def picture_bundle(figure):
    """Return what is displayed of the picture that the callable `figure` draws, as far as there is one."""
    try:
        drawn = figure()
    except DarkcalError:
        drawn = None  # the text says what is wrong
    image = {} if drawn is None else {"image/png": base64.b64encode(drawn._repr_png_()).decode()}
    return {"text/plain": "DarkPanel"} | image


def text_bundle(lines):
    """Return what is displayed of lines of text."""
    return {"text/plain": "\n".join(map(visible, lines))}
