"""The steps of a recipe, in the order in which they are done. Not the loop over them, which is `calibrate`.

A step is one class here, listed in `STEPS`. Laid on frames of one shape it has the arithmetic (`apply` by ccdproc on a whole
CCDData; `measure` and `term` for the quick path), the key that makes two recipes differ, its header cards and its sentence.
Beside its own cards it writes those by which IRAF knows that it is done (OVERSCAN, TRIM, ZEROCOR), without their usual date.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import FrameError, ParameterError
from ..sections import parse_section, to_fits

__all__ = ["STEPS", "Overscan", "SubtractBias", "Trim"]

# Sections and flags of the raw frame that are no longer true after a trim.
_SECTION_KEYWORDS = (
    "BIASSEC", "TRIMSEC", "DATASEC", "CCDSEC", "DETSEC", "AMPSEC", "OSCAN", "OSCANAX", "OSCANST",
)  # fmt: skip


@dataclass(frozen=True)
class Overscan:
    """Subtract the median of the overscan of each row (`axis` 1) or column (0); `region` is rows and columns, as slices."""

    region: tuple
    axis: int

    @classmethod
    def of(cls, recipe, shape):
        """Return the step laid on frames of `shape` (rows, columns); `None`: the recipe does not have it."""
        regions = recipe.regions(shape)
        return None if regions.overscan is None else cls(regions.overscan, regions.axis)

    @staticmethod
    def summary(recipe):
        """Say in a few words what a recipe does, whatever the shape."""
        return "no overscan" if recipe.overscan_columns is None else f"overscan {recipe.overscan_columns}"

    def key(self):
        """Return what makes two such steps differ."""
        return {"overscan": to_fits(self.region)}

    def check(self, unit, bias_shape, bias_unit):
        """Refuse nothing: the sections were checked when they were laid on the frame."""

    def apply(self, ccd, _=None):
        """Return a CCDData with the step done."""
        import ccdproc

        return ccdproc.subtract_overscan(
            ccd, overscan=ccd[self.region], overscan_axis=self.axis, median=True, add_keyword=False
        )

    def measure(self, image, _=None):
        """Return the level of each row or column, to be broadcast over the raw frame.

        Parameters
        ----------
        image : Frame or ndarray
            ``image[rows, columns]`` gives the raw values there.

        Returns
        -------
        ndarray
            Shape (rows, 1) or (1, columns). In single precision where that is exact: the median of integers of 16 bits is a
            multiple of a half.
        """
        with np.errstate(invalid="ignore"):  # infinities of a damaged frame
            level = np.median(image[self.region], axis=self.axis, keepdims=True)
        return level.astype(np.float32) if _is_short_integer(image.dtype) else level.astype(np.float64)

    def term(self, level, keep):
        """Return what is subtracted from the kept part."""
        return level[keep[0]] if self.axis == 1 else level[:, keep[1]]

    def record(self, header, level):
        """Say in the header of the result what was done."""
        over = "row" if self.axis == 1 else "column"
        header.add_history(f"darkcal: overscan {to_fits(self.region)} subtracted, median of each {over}")
        header["DCOSCAN"] = (to_fits(self.region), "overscan subtracted")
        mean = float(np.mean(level, dtype=np.float64))
        header["OVERSCAN"] = f"Overscan section is {_iraf(self.region)} with mean={mean:.7g}"
        if np.isfinite(mean):
            header["OSCNMEAN"] = (round(mean, 4), "mean of the overscan levels subtracted")


@dataclass(frozen=True)
class Trim:
    """Keep a part of the frame; `keep` is rows and columns, as slices."""

    keep: tuple

    @classmethod
    def of(cls, recipe, shape):
        """Return the step laid on frames of `shape` (rows, columns); `None`: everything is kept."""
        keep = recipe.regions(shape).keep
        return None if keep == tuple(slice(0, size) for size in shape) else cls(keep)

    @staticmethod
    def summary(recipe):
        """Say in a few words what a recipe does, whatever the shape."""
        return "keep all" if recipe.keep_columns is None else f"keep {recipe.keep_columns}"

    def key(self):
        """Return what makes two such steps differ."""
        return {"keep": to_fits(self.keep)}

    def check(self, unit, bias_shape, bias_unit):
        """Refuse nothing: the sections were checked when they were laid on the frame."""

    def apply(self, ccd, _=None):
        """Return a CCDData with the step done; mask, uncertainty and WCS follow."""
        import ccdproc

        return ccdproc.trim_image(ccd[self.keep], add_keyword=False)

    def measure(self, image, _=None):
        """Return `None`: nothing is subtracted."""
        return

    def record(self, header, _=None):
        """Say in the header of the result what was done; shift each WCS and the IRAF physical coordinates."""
        header.add_history(f"darkcal: trimmed to {to_fits(self.keep)}")
        header["DCTRIM"] = (to_fits(self.keep), "part of the raw frame that was kept")
        header["TRIM"] = f"Trim data section is {_iraf(self.keep)}"
        section = _section_of_ccd(header, self.keep)
        for keyword in _SECTION_KEYWORDS:
            header.remove(keyword, ignore_missing=True)
        if section is not None:
            header["CCDSEC"] = (_iraf(section), "part of the CCD that this is")
        for axis, start in (("1", self.keep[1].start), ("2", self.keep[0].start)):
            for stem in ("CRPIX", "LTV"):
                for keyword in [
                    key for key in header if key.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == stem + axis
                ]:
                    if type(header[keyword]) in (int, float):
                        header[keyword] = header[keyword] - start


@dataclass(frozen=True)
class SubtractBias:
    """Subtract the combined bias from the kept part, of `shape` (rows, columns)."""

    shape: tuple

    @classmethod
    def of(cls, recipe, shape):
        """Return the step laid on frames of `shape` (rows, columns); `None`: the recipe does not have it."""
        if not recipe.subtract_bias:
            return None
        return cls(tuple(part.stop - part.start for part in recipe.regions(shape).keep))

    @staticmethod
    def summary(recipe):
        """Say in a few words what a recipe does, whatever the shape."""
        return "bias subtracted" if recipe.subtract_bias else "bias kept"

    def key(self):
        """Return what makes two such steps differ."""
        return {"subtract_bias": True}

    def check(self, unit, bias_shape, bias_unit):
        """Refuse a combined bias that does not fit darks in `unit`.

        Parameters
        ----------
        unit : str
        bias_shape : tuple of int or None
            (rows, columns); `None`: there is no combined bias.
        bias_unit : str

        Raises
        ------
        FrameError
            It is not given, has another shape than the trimmed dark, or is in another unit.
        """
        if bias_shape is None:
            raise FrameError(
                "subtract_bias is True, but there is no combined bias; give one, or set subtract_bias to False."
            )
        if bias_shape != self.shape:
            found, expected = (" x ".join(map(str, shape)) for shape in (bias_shape, self.shape))
            raise FrameError(
                f"the combined bias has {found} (rows x columns), the trimmed dark has {expected}; use the bias of the same "
                "camera and binning, calibrated with the same keep_columns."
            )
        if bias_unit != unit:
            raise FrameError(
                f"the combined bias is in {bias_unit}, the dark in {unit}; use frames in one unit (BUNIT)."
            )

    def apply(self, ccd, bias):
        """Return a CCDData with the step done; what is masked in the bias is masked."""
        import ccdproc

        return ccdproc.subtract_bias(ccd, bias, add_keyword=False)

    def measure(self, image, bias):
        """Return the pixels of the combined bias."""
        return bias

    def term(self, bias, _):
        """Return what is subtracted from the kept part."""
        return bias

    def record(self, header, _=None):
        """Say in the header of the result what was done."""
        name = header.get("BIASFILE", "in memory")
        header.add_history(f"darkcal: combined bias subtracted: {name}")
        header["ZEROCOR"] = f"Zero level correction image is {name}"


STEPS = (Overscan, Trim, SubtractBias)


def _iraf(region):
    """Write a region as IRAF does, without a space."""
    return to_fits(region).replace(" ", "")


def _section_of_ccd(header, keep):
    """Return which part of the CCD the kept part is, as slices; `None`: the header does not tell.

    Columns of the frame are columns of the CCD shifted by as much as ``DATASEC`` and ``CCDSEC`` differ, or not at all where
    there is neither and the first pixel is kept.
    """
    sections = [header.get(keyword) for keyword in ("DATASEC", "CCDSEC")]
    if sections == [None, None]:
        return keep if all(part.start == 0 for part in keep) else None
    try:
        data, ccd = (parse_section(str(text), "section") for text in sections)
        shifts = [
            to.start - start.start for start, to in ((data.rows, ccd.rows), (data.columns, ccd.columns))
        ]
    except (ParameterError, TypeError):  # one of them is missing, or spans a whole axis
        return None
    return tuple(slice(part.start + by, part.stop + by) for part, by in zip(keep, shifts, strict=True))


def _is_short_integer(dtype):
    return dtype.kind in "ui" and dtype.itemsize <= 2
