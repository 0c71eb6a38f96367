"""Frames thinned for display: every 4th row and column, and profiles. Not what is drawn of them (effect).

The pixels of a sketch are pixels of the frame, and they are calibrated by the same functions as the frame itself, so that a level
shown is the level of the result, taken over every 4th row and column as in `~darkcal_widgets.results_table`.
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
from ..sections import Regions, joined
from ..statistics import SAMPLING, median

__all__ = ["Sketch", "Sketches", "bias_from_file", "bias_from_frames", "mean_raw"]

# A sketch of a full-size frame holds 9 MB.
_KEPT_SKETCHES = 80


@dataclass(frozen=True, eq=False)
class Sketch:
    """What is kept of a frame for display.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns) of the frame.
    unit : str
    rows, columns : ndarray
        Every 4th row with all columns; every 4th column with all rows.
    column_means, row_means : ndarray
        Mean of each column over all rows, of each row over all columns.
    """

    shape: tuple
    unit: str
    rows: np.ndarray
    columns: np.ndarray
    column_means: np.ndarray
    row_means: np.ndarray
    _kept_medians: dict = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, data, unit):
        """Sketch an image of shape (rows, columns); what cannot be drawn, such as infinite values, is NaN."""
        data = drawable(data) if data.dtype.kind == "f" else data
        return cls(
            data.shape,
            str(unit),
            data[::SAMPLING].copy(),
            data[:, ::SAMPLING].copy(),
            data.mean(axis=0, dtype=np.float64),
            data.mean(axis=1, dtype=np.float64),
        )

    @cached_property
    def column_medians(self):
        """Median of each column over every 4th row."""
        return np.median(self.rows, axis=0)

    @cached_property
    def row_medians(self):
        """Median of each row over every 4th column."""
        return np.median(self.columns, axis=1)

    @property
    def pixels(self):
        """Every 4th row and column of the raw frame."""
        return self.rows[:, ::SAMPLING]

    def profile(self, axis, statistic):
        """Return one value for each column (`axis` 1) or row (`axis` 0); `statistic` is ``'mean'`` or ``'median'``."""
        return getattr(self, f"{'column' if axis == 1 else 'row'}_{statistic}s")

    def kept(self, pieces):
        """Return the raw pixels of the kept parts, joined: those whose row and column number is a multiple of 4.

        Parameters
        ----------
        pieces : sequence of Regions
            From `Recipe.pieces`, one for each amplifier.
        """
        return _joined(pieces, [self.pixels[_sampled(piece)] for piece in pieces])

    def kept_median(self, pieces):
        """Return the median of `kept`: the level before, which stays the same unless the kept parts change."""
        key = repr([piece.keep for piece in pieces])
        if key not in self._kept_medians:
            self._kept_medians[key] = median(self.kept(pieces))
        return self._kept_medians[key]

    def overscan_level(self, pieces):
        """Return what is subtracted from `kept` for the overscan, to be broadcast over it; `None` where there is none."""
        levels = [self._level(piece) for piece in pieces]
        if all(level is None for level in levels):
            return None
        if len(pieces) == 1:
            return levels[0]
        found = next(level.dtype for level in levels if level is not None)
        none = np.zeros((1, 1), found)
        spread = [
            np.broadcast_to(none if level is None else level, self.pixels[_sampled(piece)].shape)
            for piece, level in zip(pieces, levels, strict=True)
        ]
        return _joined(pieces, spread)

    def calibrated(self, pieces, bias=None, dtype="float32"):
        """Calibrate `kept`.

        Parameters
        ----------
        pieces : sequence of Regions
            From `Recipe.pieces`, one for each amplifier.
        bias : ndarray, optional
            Of the same pixels.
        dtype : str
            Of the result.

        Returns
        -------
        ndarray
        """
        terms = [term for term in (self.overscan_level(pieces), bias) if term is not None]
        return subtract_terms(self.kept(pieces), terms, dtype)

    def _level(self, piece):
        if piece.overscan is None:
            return None
        rows, columns = _sampled(piece)
        if piece.axis == 1:
            thinned, image = replace(piece, keep=(rows, piece.keep[1])), self.rows
        else:
            thinned, image = replace(piece, keep=(piece.keep[0], columns)), self.columns
        return Overscan((thinned,)).measure(image)[0]


class Sketches:
    """Sketches of files, each read once for as long as the file does not change; the least used ones are dropped."""

    def __init__(self, size=_KEPT_SKETCHES):
        self._size = size
        self._lock = Lock()
        self._kept = OrderedDict()

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
        frame = Frame(path).select([extension] if extension else None)[0]
        sketch = Sketch.of(frame.data, frame.unit(unit))
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

    @staticmethod
    def _key(path, unit, extension):
        try:
            status = path.stat()
        except OSError as error:
            raise FrameError(
                f"{path} cannot be read: {error.strerror}. Look for it, then choose the folder again."
            ) from error
        return path, status.st_mtime_ns, status.st_size, unit, extension


def bias_from_file(data, pieces):
    """Return the pixels of a combined bias that belong to those of `Sketch.kept`."""
    return _joined(pieces, [data[_sampled_of_result(piece)] for piece in pieces])


def mean_raw(sketches):
    """Return the mean of raw frames in every 4th row and column."""
    return np.mean([sketch.pixels for sketch in sketches], axis=0)


def bias_from_frames(sketches, mean, pieces):
    """Return the combined bias to be built, without its clipping: the mean of bias frames in the pixels of `Sketch.kept`.

    The mean of frames less their overscan is the mean of the frames less the mean of their overscan levels; only the levels
    change with the recipe.

    Parameters
    ----------
    sketches : sequence of Sketch
    mean : ndarray
        From `mean_raw`.
    pieces : sequence of Regions
        From `Recipe.pieces`, one for each amplifier.
    """
    part = _joined(pieces, [mean[_sampled(piece)] for piece in pieces])
    levels = [sketch.overscan_level(pieces) for sketch in sketches]
    return part if levels[0] is None else part - np.mean(levels, axis=0)


def _joined(pieces, values):
    """Return as one image those of several amplifiers, each thinned."""
    if len(pieces) == 1:
        return values[0]
    places = joined([Regions(None, 1, _sampled(piece)) for piece in pieces])
    shape = tuple(max(one.place[axis] + one.shape[axis] for one in places) for axis in (0, 1))
    whole = np.empty(shape, np.result_type(*values))
    for place, value in zip(places, values, strict=True):
        whole[tuple(slice(at, at + size) for at, size in zip(place.place, place.shape, strict=True))] = value
    return whole


def _sampled(piece):
    """Return the places, among every 4th row and column of a frame, of those that a piece keeps."""
    return tuple(slice(-(-part.start // SAMPLING), -(-part.stop // SAMPLING)) for part in piece.keep)


def _sampled_of_result(piece):
    """Return the places in the result of those rows and columns that a piece keeps and that a sketch has."""
    return tuple(
        slice(at + -part.start % SAMPLING, at + size, SAMPLING)
        for at, size, part in zip(piece.place, piece.shape, piece.keep, strict=True)
    )
