"""Calibrate one dark: subtract the overscan, trim, subtract the combined bias. No files here."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from . import __version__
from .errors import FrameError
from .memory import BAND_BYTES, own_array
from .sections import to_fits

__all__ = [
    "Calibration",
    "PixelCounts",
    "calibrate_array",
    "calibrate_dark",
    "calibrated_header",
    "check_bias",
    "overscan_level",
]

# Sections and flags of the raw frame that are no longer true after a trim.
_SECTION_KEYWORDS = (
    "BIASSEC", "TRIMSEC", "DATASEC", "CCDSEC", "DETSEC", "AMPSEC", "OSCAN", "OSCANAX", "OSCANST",
)  # fmt: skip

# Where a header says from which value on a pixel is saturated. Not DATAMAX: many programs write a frame's own maximum there.
_SATURATION_KEYWORDS = ("SATURATE", "SATLEVEL")

_SMALL_BUFFER = 512  # numbers; fewer than a row has


def calibrate_dark(dark, recipe, combined_bias=None, bias_name="in memory"):
    """Calibrate one dark.

    Parameters
    ----------
    dark : CCDData
        Raw dark of shape (rows, columns); it is not changed.
    recipe : Recipe
        What is done.
    combined_bias : CCDData, optional
        Needed where `recipe` subtracts the bias: calibrated with the same overscan and trim, of the shape of the trimmed dark
        and in its unit.
    bias_name : str
        How the history calls the combined bias.

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

    Notes
    -----
    Equal to `ccdproc.subtract_overscan` (``median=True``), `ccdproc.trim_image` and `ccdproc.subtract_bias`, one after the other.
    """
    from astropy.nddata import CCDData  # slow to import; results go to files without it

    calibration = Calibration.prepare(dark.data, dark.unit, recipe, combined_bias)
    trimmed = dark[calibration.regions.keep]
    return CCDData(
        calibration.band(0, calibration.shape[0]),
        unit=dark.unit,
        mask=_either(trimmed.mask, combined_bias.mask if recipe.subtract_bias else None),
        uncertainty=trimmed.uncertainty,
        wcs=trimmed.wcs,
        header=calibrated_header(dark.header, dark.shape, recipe, calibration.level, bias_name),
    )


@dataclass
class PixelCounts:
    """How many pixels of the kept part are saturated in the raw frame, and how many have no value in the result.

    Attributes
    ----------
    limit : float or None
        Raw values from here on are saturated; `None`: not known.
    saturated, no_value : int
    """

    limit: float | None = None
    saturated: int = 0
    no_value: int = 0

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
        if (
            self.limit is not None and not raw.max() < self.limit
        ):  # quicker than to look at each; NaN is no maximum
            self.saturated += int(np.count_nonzero(raw >= self.limit))

    def add_result(self, result):
        """Count the pixels without a value of a band."""
        with _absurd_values():
            if not np.isfinite(result.sum()):  # quicker than to look at each
                self.no_value += result.size - int(np.count_nonzero(np.isfinite(result)))

    @property
    def cards(self):
        """The counts by keyword, as they stand in the header of a result."""
        return {"NSATPIX": self.saturated, "NBADPIX": self.no_value}


@dataclass(frozen=True)
class Calibration:
    """What is subtracted from one frame and what is kept of it: computed band by band, when it is asked for.

    Attributes
    ----------
    image : ndarray or StoredImage
        Raw values, shape (rows, columns).
    regions : Regions
        Where the overscan and the kept part are.
    level : ndarray or None
        From `overscan_level`.
    bias : ndarray or None
        Of the shape of the kept part.
    dtype : str
        Type of the result.
    """

    image: object
    regions: object
    level: np.ndarray | None
    bias: np.ndarray | None
    dtype: str

    @classmethod
    def prepare(cls, image, unit, recipe, combined_bias=None):
        """Lay the recipe on an image in `unit` and measure its overscan; the combined bias has a shape, a unit and data.

        Raises
        ------
        FrameError, ParameterError
            See `calibrate_dark`.
        """
        regions = recipe.regions(image.shape)
        if recipe.subtract_bias:
            check_bias(unit, regions, combined_bias)
        bias = combined_bias.data if recipe.subtract_bias else None
        return cls(image, regions, overscan_level(image, regions), bias, recipe.output_dtype)

    @property
    def shape(self):
        """(rows, columns) of the kept part."""
        return tuple(part.stop - part.start for part in self.regions.keep)

    def band(self, start, stop, counts=None, memory=None):
        """Return calibrated rows `start` to `stop`, numbered in the kept part; `PixelCounts` may look at them.

        They may lie in `memory`, if that is given: see `bands`.
        """
        rows, columns = self.regions.keep
        rows = slice(rows.start + start, rows.start + stop)
        bias = None if self.bias is None else self.bias[start:stop]
        raw = self.image[rows, columns]
        if counts is not None:
            counts.add_raw(raw)
        values = np.empty(raw.shape, self._working) if memory is None else memory[: stop - start]
        with _absurd_values():
            np.copyto(values, raw, casting="unsafe")
        _subtract(values, _level_of(self.level, self.regions.axis, (rows, columns)), bias)
        with _absurd_values():
            result = values.astype(self.dtype, copy=False)
        # Integers have values, and so have their medians.
        if counts is not None and not (self.image.dtype.kind in "ui" and bias is None):
            counts.add_result(result)
        return result

    def bands(self, counts=None):
        """Yield the calibrated rows in bands that fit in the cache of a processor core, where the arithmetic is quick.

        A band lies in memory that this thread uses again, for the next one at the latest.
        """
        rows, columns = self.shape
        step = max(1, BAND_BYTES // (columns * np.dtype(self.dtype).itemsize))
        memory = own_array("band", (step, columns), self._working)
        for start in range(0, rows, step):
            yield self.band(start, min(start + step, rows), counts, memory)

    @property
    def _working(self):
        return _working_type(self.image.dtype, self.level, self.bias, self.dtype)


def _absurd_values():
    """Keep NumPy from warning of infinite and huge values, as a damaged frame may hold them; its settings are restored after."""
    return np.errstate(over="ignore", invalid="ignore")


def overscan_level(raw, regions):
    """Return the median of the overscan of each row (or column), to be broadcast over the frame.

    Returns
    -------
    ndarray or None
        Shape (rows, 1), or (1, columns) for an overscan of rows; `None` where no overscan is subtracted.
    """
    if regions.overscan is None:
        return None
    with _absurd_values():
        return np.median(raw[regions.overscan], axis=regions.axis, keepdims=True)


def calibrate_array(raw, regions, level, bias, dtype):
    """Return the kept part of `raw` minus the overscan's `level` minus the `bias`.

    Parameters
    ----------
    raw : ndarray
        Shape (rows, columns), any number type.
    regions : Regions
        Where the kept part is.
    level : ndarray or None
        From `overscan_level`.
    bias : ndarray or None
        Of the shape of the kept part.
    dtype : str
        Type of the result.

    Returns
    -------
    ndarray
        Of the shape of the kept part.
    """
    calibration = Calibration(raw, regions, level, bias, dtype)
    return calibration.band(0, calibration.shape[0])


def _level_of(level, axis, part):
    """Return the overscan's level of a part of the frame."""
    if level is None:
        return None
    return level[part[0]] if axis == 1 else level[:, part[1]]


def _subtract(values, level, bias):
    """Subtract in place."""
    with _absurd_values():
        if level is not None:
            # NumPy would fill its buffers with copies of each level, which takes three times as long as to subtract it.
            np.setbufsize(_SMALL_BUFFER)
            values -= level.astype(values.dtype)
        if bias is not None:
            values -= bias


def _working_type(raw, level, bias, dtype):
    """Return the type to calculate in: single precision where its only rounding is the last, otherwise double.

    Integers of 16 bits and their medians are multiples of a half, so their difference is exact in single precision.
    """
    if level is None and bias is None:
        return dtype
    exact = raw.kind in "ui" and raw.itemsize <= 2 and (bias is None or bias.dtype == np.float32)
    return np.float32 if exact and np.dtype(dtype) == np.float32 else np.float64


def check_bias(unit, regions, combined_bias):
    """Refuse a combined bias that does not fit a raw dark: not given, of another shape than the trimmed dark, in another unit.

    Raises
    ------
    FrameError
    """
    if combined_bias is None:
        raise FrameError(
            "subtract_bias is True, but there is no combined bias; give one, or set subtract_bias to False."
        )
    rows, columns = (part.stop - part.start for part in regions.keep)
    if combined_bias.shape != (rows, columns):
        found = " x ".join(map(str, combined_bias.shape))
        raise FrameError(
            f"the combined bias has {found} (rows x columns), the trimmed dark has {rows} x {columns}; use the bias of the same "
            "camera and binning, calibrated with the same keep_columns."
        )
    if combined_bias.unit != unit:
        raise FrameError(
            f"the combined bias is in {combined_bias.unit}, the dark in {unit}; use frames in one unit (BUNIT)."
        )


def calibrated_header(header, shape, recipe, level, bias_name):
    """Return the header of the calibrated frame: what was done added, what is no longer true removed.

    Parameters
    ----------
    header : `~astropy.io.fits.Header`
        Of the raw frame; it is not changed.
    shape : tuple of int
        (rows, columns) of the raw frame.
    recipe : Recipe
        What was done.
    level : ndarray or None
        From `overscan_level`.
    bias_name : str
        How the history calls the combined bias.
    """
    regions = recipe.regions(shape)
    result = fits.Header(header, copy=True)
    trimmed = regions.keep != (slice(0, shape[0]), slice(0, shape[1]))
    if level is not None:
        over = "row" if regions.axis == 1 else "column"
        result.add_history(f"darkcal: overscan {to_fits(regions.overscan)} subtracted, median of each {over}")
        if np.isfinite(mean := float(np.mean(level))):
            result["OSCNMEAN"] = (round(mean, 4), "mean of the overscan levels subtracted")
    if trimmed:
        result.add_history(f"darkcal: trimmed to {to_fits(regions.keep)}")
        _follow_trim(result, regions.keep)
    if recipe.subtract_bias:
        result.add_history(f"darkcal: combined bias subtracted: {bias_name}")
    result["DCRECIPE"] = (recipe.digest(shape), "digest of the darkcal recipe")
    result["DCVERS"] = (__version__, "version of darkcal_widgets")
    return result


def _follow_trim(header, keep):
    """Remove sections that are no longer true; shift the reference pixel of each WCS and the IRAF physical coordinates."""
    for keyword in _SECTION_KEYWORDS:
        header.remove(keyword, ignore_missing=True)
    for axis, start in (("1", keep[1].start), ("2", keep[0].start)):
        for stem in ("CRPIX", "LTV"):
            for keyword in [key for key in header if key.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == stem + axis]:
                if type(header[keyword]) in (int, float):
                    header[keyword] = header[keyword] - start


def _either(one, other):
    if one is None or other is None:
        return other if one is None else one
    return one | other
