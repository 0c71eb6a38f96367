"""Frames thinned for display: every 4th row and column, and profiles. Not what is drawn of them (effect).

The pixels of a sketch are pixels of the frame, and they are calibrated by the same functions as the frame itself, so that a level
shown is the level of the result, taken over every 4th row and column as in `~darkcal_widgets.results_table`.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

import numpy as np

from ..drawing import drawable
from ..errors import FrameError
from ..frames import Frame
from ..recipe.calibrate import subtract_terms
from ..recipe.steps import Overscan
from ..sections import Regions
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

    def kept(self, regions):
        """Return the raw pixels of the kept part: those whose row and column number is a multiple of 4."""
        return self.pixels[tuple(_sampled(part) for part in regions.keep)]

    def kept_median(self, regions):
        """Return the median of `kept`: the level before, which stays the same unless the kept part changes."""
        key = repr(regions.keep)
        if key not in self._kept_medians:
            self._kept_medians[key] = median(self.kept(regions))
        return self._kept_medians[key]

    def overscan_level(self, regions):
        """Return what is subtracted from `kept` for the overscan, to be broadcast over it; `None` where there is none."""
        if regions.overscan is None:
            return None
        rows, columns = (_sampled(part) for part in regions.keep)
        if regions.axis == 1:
            piece = Regions(regions.overscan, 1, (rows, regions.keep[1]))
            return Overscan((piece,)).measure(self.rows)[0]
        piece = Regions(regions.overscan, 0, (regions.keep[0], columns))
        return Overscan((piece,)).measure(self.columns)[0]

    def calibrated(self, regions, bias=None, dtype="float32"):
        """Calibrate `kept`.

        Parameters
        ----------
        regions : Regions
            From `Recipe.regions`.
        bias : ndarray, optional
            Of the same pixels.
        dtype : str
            Of the result.

        Returns
        -------
        ndarray
        """
        terms = [term for term in (self.overscan_level(regions), bias) if term is not None]
        return subtract_terms(self.kept(regions), terms, dtype)


class Sketches:
    """Sketches of files, each read once for as long as the file does not change; the least used ones are dropped."""

    def __init__(self, size=_KEPT_SKETCHES):
        self._size = size
        self._lock = Lock()
        self._kept = OrderedDict()

    def get(self, path, unit):
        """Return the sketch of a file.

        Raises
        ------
        FrameError
            The file cannot be read.
        """
        key = self._key(path, unit)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        frame = Frame(path)
        sketch = Sketch.of(frame.data, frame.unit(unit))
        with self._lock:
            self._kept[key] = sketch
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return sketch

    def has(self, path, unit):
        """Tell whether `get` would read nothing.

        Raises
        ------
        FrameError
            The file does not exist.
        """
        with self._lock:
            return self._key(path, unit) in self._kept

    @staticmethod
    def _key(path, unit):
        try:
            status = path.stat()
        except OSError as error:
            raise FrameError(
                f"{path} cannot be read: {error.strerror}. Look for it, then choose the folder again."
            ) from error
        return path, status.st_mtime_ns, status.st_size, unit


def bias_from_file(data, regions):
    """Return the pixels of a combined bias that belong to those of `Sketch.kept`."""
    rows, columns = (slice(-part.start % SAMPLING, None, SAMPLING) for part in regions.keep)
    return data[rows, columns]


def mean_raw(sketches):
    """Return the mean of raw frames in every 4th row and column."""
    return np.mean([sketch.pixels for sketch in sketches], axis=0)


def bias_from_frames(sketches, mean, regions):
    """Return the combined bias to be built, without its clipping: the mean of bias frames in the pixels of `Sketch.kept`.

    The mean of frames less their overscan is the mean of the frames less the mean of their overscan levels; only the levels
    change with the recipe.

    Parameters
    ----------
    sketches : sequence of Sketch
    mean : ndarray
        From `mean_raw`.
    regions : Regions
    """
    part = mean[tuple(_sampled(kept) for kept in regions.keep)]
    if regions.overscan is None:
        return part
    return part - np.mean([sketch.overscan_level(regions) for sketch in sketches], axis=0)


def _sampled(part):
    """Return the places, among every 4th row or column of a frame, of those inside `part`."""
    return slice(-(-part.start // SAMPLING), -(-part.stop // SAMPLING))
