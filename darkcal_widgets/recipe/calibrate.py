"""Calibrate one frame: a CCDData by ccdproc (the plain path), the pixels of a file band by band (the quick path). No files here.

The quick path gives the same numbers, tested to be equal, and is there because of its speed: a full-size dark takes ccdproc 80 ms
and two copies in double precision, and takes 12 ms in bands that stay in a processor's cache.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from .. import __version__
from ..parallel import BAND_BYTES, own_array

if TYPE_CHECKING:
    from astropy.nddata import CCDData

    from ..frames import Frame
    from . import Recipe

__all__ = ["Calibration", "PixelCounts", "calibrate_dark", "calibrated_header", "subtract_terms"]

# Where a header says from which value on a pixel is saturated. Not DATAMAX: many programs write a frame's own maximum there.
_SATURATION_KEYWORDS = ("SATURATE", "SATLEVEL")

_SMALL_BUFFER = 512  # numbers; fewer than a row has


def calibrate_dark(dark: "CCDData", recipe: "Recipe", combined_bias: "CCDData | None" = None) -> "CCDData":
    """Calibrate one dark by ccdproc's functions, one step of the recipe after the other.

    Parameters
    ----------
    dark : CCDData
        Raw dark of shape (rows, columns); it is not changed.
    recipe : Recipe
        What is done.
    combined_bias : CCDData, optional
        Needed where `recipe` subtracts the bias: calibrated with the same overscan and trim, of the shape of the trimmed dark
        and in its unit.

    Returns
    -------
    CCDData
        A new frame in the recipe's output type. Mask, uncertainty and WCS follow the trim; pixels masked in the
        combined bias are masked; the header tells what was done.

    Raises
    ------
    FrameError
        A combined bias is needed and not given, or does not fit the dark.
    ParameterError
        The recipe's sections do not fit the frame.
    """
    steps = recipe.steps(dark.shape)
    bias, bias_unit = (None, "") if combined_bias is None else (combined_bias.data, str(combined_bias.unit))
    _check(steps, str(dark.unit), bias, bias_unit)
    result = dark.copy()
    for step in steps:
        result = step.apply(result, combined_bias)
    measured = [step.measure(dark.data, bias) for step in steps]
    with _absurd_values():
        result.data = result.data.astype(recipe.output_dtype)
    result.header = calibrated_header(fits.Header(dark.header), recipe.digest(dark.shape), steps, measured)
    return result


def calibrated_header(header, digest, steps, measured):
    """Return the header of the calibrated frame: what was done added, what is no longer true removed.

    Parameters
    ----------
    header : Cards or `~astropy.io.fits.Header`
        Of the raw frame; it is not changed.
    digest : str
        Of the recipe.
    steps : sequence of step
        From `Recipe.steps`.
    measured : sequence
        What each of them has measured.
    """
    result = header.copy()
    with _absurd_values():
        for step, found in zip(steps, measured, strict=True):
            step.record(result, found)
    result["CCDPROC"] = "CCD processing done"
    result["DCRECIPE"] = (digest, "digest of the darkcal recipe")
    result["DCVERS"] = (__version__, "version of darkcal_widgets")
    return result


@dataclass
class PixelCounts:
    """How many pixels of the kept part are saturated in the raw frame, how many have no value in the result, and their mean.

    Attributes
    ----------
    limit : float or None
        Raw values from here on are saturated; `None`: not known.
    saturated, no_value, values : int
        Pixels that are saturated; results without and with a value.
    total : float
        Sum of the values.
    """

    limit: float | None = None
    saturated: int = 0
    no_value: int = 0
    values: int = 0
    total: float = 0.0

    @classmethod
    def of(cls, header, dtype):
        """Start to count for a raw frame of a type: saturated is what its header or the full range of its ADC says."""
        values = [header.get(keyword) for keyword in _SATURATION_KEYWORDS]
        limits = [value for value in values if type(value) in (int, float) and 0 < value < np.inf]
        limits += [int(np.iinfo(dtype).max)] if dtype.kind == "u" else []
        limit = min(limits, default=None)
        return cls(limit if limit is None or dtype.kind == "f" else int(np.ceil(limit)))

    def add_raw(self, raw):
        """Count the saturated pixels of a band."""
        # The maximum is quicker than a look at each; NaN is not a maximum.
        if self.limit is not None and not raw.max() < self.limit:
            self.saturated += int(np.count_nonzero(raw >= self.limit))

    def add_result(self, result):
        """Count the pixels without a value of a band, and add up the others."""
        with _absurd_values():
            # Row by row: nine times quicker than sum, and the rounding of single precision stays in a row.
            total = np.einsum("ij->i", result).sum(dtype=np.float64)
            if not np.isfinite(total):
                finite = result[np.isfinite(result)]
                self.no_value += result.size - finite.size
                self.values -= result.size - finite.size
                total = finite.sum(dtype=np.float64)
        self.values += result.size
        self.total += float(total)

    @property
    def cards(self):
        """Counts and mean by keyword, as they stand in the header of a result."""
        mean = float(f"{self.total / self.values:.7g}") if self.values else 0
        return {"NSATPIX": self.saturated, "NBADPIX": self.no_value, "CCDMEAN": mean}


@dataclass(frozen=True)
class Calibration:
    """A recipe laid on one frame: what is kept of it and what is subtracted, computed band by band when it is asked for.

    Attributes
    ----------
    image : Frame or ndarray
        Raw values, shape (rows, columns).
    pieces : tuple of Regions
        What is kept, one for each amplifier.
    shape : tuple of int
        (rows, columns) of the result.
    steps : tuple of step
        From `Recipe.steps`.
    measured : tuple
        What each step has measured in the frame.
    dtype : str
        Type of the result.
    """

    image: "Frame | np.ndarray"
    pieces: tuple
    shape: tuple
    steps: tuple
    measured: tuple
    dtype: str

    @classmethod
    def prepare(cls, image, recipe, unit="adu", bias=None, bias_unit="adu"):
        """Lay a recipe on an image and measure what it needs.

        Parameters
        ----------
        image : Frame or ndarray
            Raw values, shape (rows, columns).
        recipe : Recipe
        unit : str
            Of the image.
        bias : ndarray, optional
            Pixels of the combined bias, where it is subtracted.
        bias_unit : str

        Returns
        -------
        Calibration

        Raises
        ------
        FrameError, ParameterError
            See `calibrate_dark`.
        """
        steps, shape = recipe.steps(image.shape), image.shape
        _check(steps, unit, bias, bias_unit)
        measured = tuple(step.measure(image, bias) for step in steps)
        return cls(
            image, recipe.pieces(shape), recipe.result_shape(shape), steps, measured, recipe.output_dtype
        )

    def band(self, start, stop, counts=None, memory=None):
        """Return calibrated rows `start` to `stop`, numbered in the result; `PixelCounts` may look at them.

        They may lie in `memory`, if that is given: see `bands`.
        """
        if len(self.pieces) == 1:
            return self._of_piece(0, start, stop, counts, memory)
        result = np.empty((stop - start, self.shape[1]), self.dtype)
        for number, piece in enumerate(self.pieces):
            row, column = piece.place
            low, high = max(start, row), min(stop, row + piece.shape[0])
            if low < high:
                part = self._of_piece(number, low - row, high - row, counts)
                result[low - start : high - start, column : column + piece.shape[1]] = part
        return result

    def bands(self, counts=None):
        """Yield the calibrated rows in bands that fit in the cache of a processor core, where the arithmetic is quick.

        A band lies in memory that this thread uses again, for the next one at the latest.
        """
        rows, columns = self.shape
        step = max(1, BAND_BYTES // (columns * np.dtype(self.dtype).itemsize))
        terms = self._terms(0, 0, 1)
        memory = own_array("band", (step, columns), _working_type(self.image.dtype, terms, self.dtype))
        for start in range(0, rows, step):
            yield self.band(start, min(start + step, rows), counts, memory)

    def _of_piece(self, number, start, stop, counts=None, memory=None):
        """Return calibrated rows of the kept part of one amplifier, numbered in it."""
        rows, columns = self.pieces[number].keep
        raw = self.image[slice(rows.start + start, rows.start + stop), columns]
        if counts is not None:
            counts.add_raw(raw)
        memory = None if memory is None else memory[: stop - start]
        result = subtract_terms(raw, self._terms(number, start, stop), self.dtype, memory)
        if counts is not None:
            counts.add_result(result)
        return result

    def _terms(self, number, start, stop):
        """Return what is subtracted from some rows of the kept part of one amplifier, to be broadcast over them."""
        piece = self.pieces[number]
        found = (
            step.term(measured, number, piece)
            for step, measured in zip(self.steps, self.measured, strict=True)
        )
        return [term if len(term) == 1 else term[start:stop] for term in found if term is not None]


def subtract_terms(raw, terms, dtype, memory=None):
    """Return raw values minus each of the terms, rounded once, to `dtype`.

    Parameters
    ----------
    raw : ndarray
        Shape (rows, columns), any number type.
    terms : sequence of ndarray
        To be broadcast over `raw`.
    dtype : str
        ``'float32'`` or ``'float64'``.
    memory : ndarray, optional
        Of the shape of `raw`; it is calculated in if it has the type that the calculation needs.

    Returns
    -------
    ndarray
    """
    working = _working_type(raw.dtype, terms, dtype)
    values = memory if memory is not None and memory.dtype == working else np.empty(raw.shape, working)
    with _absurd_values():
        np.copyto(values, raw, casting="unsafe")
        for term in terms:
            if 1 in term.shape:
                # NumPy would fill its buffers with copies of each level, which takes three times as long as to subtract it.
                np.setbufsize(_SMALL_BUFFER)
            values -= term.astype(values.dtype, copy=False)
        return values.astype(dtype, copy=False)


def _check(steps, unit, bias, bias_unit):
    for step in steps:
        step.check(unit, None if bias is None else bias.shape, bias_unit)


def _working_type(raw, terms, dtype):
    """Return the type to calculate in: single precision where its only rounding is the last, otherwise double.

    The difference of an integer of 16 bits and a level that is exact in single precision is exact itself.
    """
    if not terms:
        return np.dtype(dtype)
    exact = raw.kind in "ui" and raw.itemsize <= 2 and all(term.dtype == np.float32 for term in terms)
    return np.dtype(np.float32 if exact and dtype == "float32" else np.float64)


def _absurd_values():
    """Keep NumPy from warning of infinite and huge values, as a damaged frame may hold them; its settings are restored after."""
    return np.errstate(over="ignore", invalid="ignore")
