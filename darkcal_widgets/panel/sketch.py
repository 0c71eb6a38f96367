"""Frames thinned for display: every 4th row and column in memory, and profiles. Not what is drawn of them (effect, viewer).

The pixels shown are pixels of the frame, and they are calibrated by the same functions as the frame itself, so that a level shown
is the level of the result.
"""

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock

import numpy as np

from ..drawing import drawable
from ..errors import FrameError
from ..frames import Frame
from ..recipe.calibrate import subtract_terms
from ..recipe.steps import Overscan
from ..statistics import SAMPLING, level_of

__all__ = ["FileBias", "FramesBias", "Sketch", "Sketches", "calibrated", "overscan_level", "strided"]

# A sketch of a full-size frame holds 9 MB.
_KEPT_SKETCHES = 80
# Bytes of whole frames that are kept, for a picture that is zoomed into.
_KEPT_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is kept of a frame for display. ``sketch[rows, columns]`` gives raw values as ``frame[rows, columns]`` does.

    Every 4th row and every 4th column is in memory; where others are asked for, the whole frame is read.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns) of the frame.
    unit : str
    rows, columns : ndarray
        Every 4th row with all columns; every 4th column with all rows.
    column_means, row_means : ndarray
        Mean of each column over all rows, of each row over all columns.
    whole : callable
        Returns all raw values.
    """

    shape: tuple
    unit: str
    rows: np.ndarray
    columns: np.ndarray
    column_means: np.ndarray
    row_means: np.ndarray
    whole: object = field(repr=False)
    _levels: dict = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data, unit, whole=None):
        """Sketch an image of shape (rows, columns); what cannot be drawn, such as infinite values, is NaN."""
        data = _drawable(data)
        return cls(
            data.shape,
            str(unit),
            data[::SAMPLING].copy(),
            data[:, ::SAMPLING].copy(),
            data.mean(axis=0, dtype=np.float64),
            data.mean(axis=1, dtype=np.float64),
            (lambda: data) if whole is None else lambda: _drawable(whole()),
        )

    def __getitem__(self, part):
        rows, columns = part
        if _is_sampled(rows):
            return self.rows[_among_sampled(rows), columns]
        if _is_sampled(columns):
            return self.columns[rows, _among_sampled(columns)]
        return self.whole()[rows, columns]

    @property
    def dtype(self):
        """Type of the raw values."""
        return self.rows.dtype

    @cached_property
    def column_medians(self):
        """Median of each column over every 4th row."""
        return np.median(self.rows, axis=0)

    @cached_property
    def row_medians(self):
        """Median of each row over every 4th column."""
        return np.median(self.columns, axis=1)

    def profile(self, axis, statistic):
        """Return one value for each column (`axis` 1) or row (`axis` 0); `statistic` is ``'mean'`` or ``'median'``."""
        return getattr(self, f"{'column' if axis == 1 else 'row'}_{statistic}s")

    def level(self, pieces):
        """Return level and scatter of the raw pixels of kept parts, which stay the same unless these change."""
        key = repr([piece.keep for piece in pieces])
        if key not in self._levels:
            self._levels[key] = level_of(np.concatenate([self[piece.keep].ravel() for piece in pieces]))
        return self._levels[key]


def strided(piece, window, steps):
    """Return a piece whose kept part is every n-th row and column of a window of the frame, as far as the piece keeps them.

    Parameters
    ----------
    piece : Regions
    window : tuple of slice
        Rows and columns of the frame; rows and columns are counted from its start.
    steps : tuple of int
        n for rows and columns.
    """
    pairs = zip(piece.keep, window, steps, strict=True)
    keep = tuple(_every(part, shown, step) for part, shown, step in pairs)
    moved = (
        place + new.start - old.start for place, new, old in zip(piece.place, keep, piece.keep, strict=True)
    )
    return replace(piece, keep=keep, place=tuple(moved))


def _every(part, shown, step):
    first, stop = max(part.start, shown.start), min(part.stop, shown.stop)
    start = first + (shown.start - first) % step
    return slice(start, max(start, stop), step)


def overscan_level(source, piece):
    """Return what is subtracted from the kept part of a piece for the overscan, to be broadcast over it; `None`: nothing is.

    Parameters
    ----------
    source : Sketch or ndarray
    piece : Regions
        Its kept part may be strided.
    """
    return Overscan((piece,)).measure(source)[0]


def calibrated(source, piece, bias=None, dtype="float32"):
    """Calibrate the kept part of a piece.

    Parameters
    ----------
    source : Sketch or ndarray
        Raw values.
    piece : Regions
        Its kept part may be strided.
    bias : FileBias or FramesBias, optional
        What is subtracted.
    dtype : str
        Of the result.

    Returns
    -------
    ndarray
    """
    terms = (overscan_level(source, piece), bias and bias.at(piece))
    return subtract_terms(source[piece.keep], [term for term in terms if term is not None], dtype)


@dataclass(frozen=True)
class FileBias:
    """A combined bias in a file: pixels of the shape of the result."""

    data: np.ndarray

    def at(self, piece):
        """Return its pixels that belong to the kept part of a piece, which may be strided."""
        places = zip(piece.place, piece.keep, strict=True)
        return self.data[tuple(slice(at, at + part.stop - part.start, part.step) for at, part in places)]


class FramesBias:
    """A combined bias that is to be built, without its clipping: the mean of bias frames, each less its overscan.

    Parameters
    ----------
    sketches : sequence of Sketch
    """

    def __init__(self, sketches):
        self.sketches = sketches
        self._means = OrderedDict()

    def at(self, piece):
        """Return its pixels that belong to the kept part of a piece, which may be strided."""
        levels = [overscan_level(sketch, piece) for sketch in self.sketches]
        mean = self._mean(piece.keep)
        return mean if levels[0] is None else mean - np.mean(levels, axis=0)

    def _mean(self, keep):
        """Return the mean of the raw frames, which changes with the part that is looked at and not with the overscan."""
        key = repr(keep)
        if key not in self._means:
            self._means[key] = np.mean([sketch[keep] for sketch in self.sketches], axis=0)
            while len(self._means) > 2:  # of the picture, and of the levels
                self._means.popitem(last=False)
        return self._means[key]


class Sketches:
    """Sketches of files, each read once for as long as the file does not change; the least used ones are dropped."""

    def __init__(self, size=_KEPT_SKETCHES):
        self._size = size
        self._lock = Lock()
        self._kept = OrderedDict()
        self._whole = OrderedDict()

    def get(self, path, unit, extension=""):
        """Return the sketch of a file, or of one image of a file with several, which `extension` names.

        Raises
        ------
        FrameError
            The file cannot be read.
        """
        key = self._key(path, unit, extension)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        frame = _frame(path, extension)
        sketch = Sketch.of(frame.data, frame.unit(unit), lambda: self._read_whole(path, extension))
        with self._lock:
            self._kept[key] = sketch
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return sketch

    def has(self, path, unit, extension=""):
        """Tell whether `get` would read nothing.

        Raises
        ------
        FrameError
            The file does not exist.
        """
        with self._lock:
            return self._key(path, unit, extension) in self._kept

    def _read_whole(self, path, extension):
        """Return all values of a file, read again only if the file has changed or there was no room to keep them."""
        key = self._key(path, "", extension)
        with self._lock:
            if key in self._whole:
                self._whole.move_to_end(key)
                return self._whole[key]
        data = _frame(path, extension).data
        with self._lock:
            self._whole[key] = data
            while sum(kept.nbytes for kept in self._whole.values()) > _KEPT_BYTES:
                self._whole.popitem(last=False)
        return data

    @staticmethod
    def _key(path, unit, extension):
        try:
            status = path.stat()
        except OSError as error:
            raise FrameError(
                f"{path} cannot be read: {error.strerror}. Look for it, then choose the folder again."
            ) from error
        return path, status.st_mtime_ns, status.st_size, unit, extension


def _frame(path, extension):
    return Frame(path).select([extension] if extension else None)[0]


def _drawable(data):
    return drawable(data) if data.dtype.kind == "f" else data


def _is_sampled(part):
    return (part.step or 1) % SAMPLING == 0 and (part.start or 0) % SAMPLING == 0


def _among_sampled(part):
    """Return the place of rows or columns among every 4th; what lies before the start and after the stop counts as it did."""
    return slice((part.start or 0) // SAMPLING, -(-part.stop // SAMPLING), part.step // SAMPLING)
