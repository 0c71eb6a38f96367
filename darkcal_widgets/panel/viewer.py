"""Pictures of a frame before and after: which pixels of a window a screen shows, and handing a file to another viewer."""

import importlib.util
import shutil
import subprocess

import numpy as np

from ..errors import ParameterError
from ..statistics import SAMPLING
from ..text import visible
from .sketch import calibrated, strided

__all__ = ["after_picture", "before_picture", "grid", "hand_over", "installed", "tile"]

# Pixels of a picture: about as many as it has on the screen, few enough to be sent at each step of a drag.
PICTURE_PIXELS = 160_000
_LEAST_WINDOW = 8

# What a cell has to hold to show a file in Imviz.
_IMVIZ = """from jdaviz import Imviz
imviz = Imviz()
imviz.load({path!r})
imviz.show()"""


def grid(window, shape):
    """Return the rows and columns that are shown of a window: all of a small one, every n-th of a large one.

    Parameters
    ----------
    window : sequence of int
        First row, last row + 1, first column, last column + 1; empty: the whole frame.
    shape : tuple of int
        (rows, columns) of the frame.

    Returns
    -------
    tuple of slice
        With start, stop and step. Large steps are multiples of 4, which sketches have in memory.

    Examples
    --------
    >>> grid((), (4128, 2080))
    (slice(0, 4128, 8), slice(0, 2080, 8))
    >>> grid((1000, 1300, 100, 500), (4128, 2080))
    (slice(1000, 1300, 1), slice(100, 500, 1))
    """
    edges = window if len(window) == 4 else (0, shape[0], 0, shape[1])
    parts = [_inside(*edges[2 * axis : 2 * axis + 2], shape[axis]) for axis in (0, 1)]
    area = np.prod([stop - start for start, stop in parts])
    step = int(np.ceil(np.sqrt(area / PICTURE_PIXELS)))
    step = step if step <= 2 else -(-step // SAMPLING) * SAMPLING
    return tuple(slice(start // step * step, stop, step) for start, stop in parts)


def _inside(start, stop, size):
    start = int(min(max(0, start), max(0, size - _LEAST_WINDOW)))
    return start, int(min(max(stop, start + _LEAST_WINDOW), size))


def before_picture(sketch, window):
    """Return raw values of a grid, shape (rows, columns), as float32."""
    return sketch[window].astype(np.float32)


def after_picture(sketch, pieces, bias, dtype, window):
    """Return calibrated values in their places in the frame, NaN where nothing is kept.

    Parameters
    ----------
    sketch : Sketch
    pieces : sequence of Regions
        From `Recipe.pieces`, one for each amplifier.
    bias : FileBias or FramesBias, optional
    dtype : str
        Of the result.
    window : tuple of slice
        From `grid`.

    Returns
    -------
    ndarray of float32
        Shape (rows, columns) of the grid.
    """
    picture = np.full([len(range(part.start, part.stop, part.step)) for part in window], np.nan, np.float32)
    for piece in pieces:
        shown = strided(piece, window, [part.step for part in window])
        values = calibrated(sketch, shown, bias, dtype)
        places = zip(shown.keep, window, values.shape, strict=True)
        starts = [((kept.start - part.start) // part.step, size) for kept, part, size in places]
        picture[tuple(slice(start, start + size) for start, size in starts)] = values
    return picture


def tile(values, window, shape):
    """Return a picture as the browser takes it: values, and where in a frame of a shape (rows, columns) they belong."""
    return {
        "shape": list(shape),
        "rows": [window[0].start, window[0].stop],
        "columns": [window[1].start, window[1].stop],
        "step": window[0].step,
        "size": list(values.shape),
        "values": values.tobytes(),
    }


def installed():
    """Return the names of the other viewers that are installed: DS9, Imviz."""
    is_there = {"DS9": shutil.which("ds9"), "Imviz": importlib.util.find_spec("jdaviz")}
    return [name for name, found in is_there.items() if found is not None]


def hand_over(path, viewer):
    """Open a file in another viewer on the machine of the kernel.

    Parameters
    ----------
    path : Path
    viewer : str
        One of `installed`.

    Returns
    -------
    str
        What was done, or the code of a cell that does it, in several lines.

    Raises
    ------
    ParameterError
        The viewer is not installed or cannot be started.
    """
    if viewer not in (names := installed()):
        raise ParameterError(
            f"viewer is {viewer!r}, which is not installed here; expected one of {', '.join(names) or 'none'}."
        )
    if viewer == "Imviz":
        return _IMVIZ.format(path=str(path))
    try:
        subprocess.Popen(["ds9", str(path)], start_new_session=True, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise ParameterError(f"DS9 cannot be started: {error.strerror}.") from error
    return f"{visible(path)} was handed to DS9."
