"""The steps of a recipe, in the order in which they are done. Not the loop over them, which is `calibrate`.

A step is one class here, listed in `STEPS`. Laid on frames of one shape it has the arithmetic (`apply` by ccdproc on a whole
CCDData; `measure` and `term` for the quick path), the key that makes two recipes differ, its header cards and its sentence.
Beside its own cards it writes those by which IRAF knows that it is done (OVERSCAN, TRIM, ZEROCOR), without their usual date.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import FrameError, ParameterError
from ..sections import parse_section, to_fits

__all__ = ["KEEP_BIAS", "STEPS", "Overscan", "SubtractBias", "Trim"]

# What to do where there is no combined bias.
KEEP_BIAS = "set subtract_bias to False"

# Sections and flags of the raw frame that are no longer true after a trim.
_SECTION_KEYWORDS = (
    "BIASSEC", "TRIMSEC", "DATASEC", "CCDSEC", "DETSEC", "AMPSEC", "OSCAN", "OSCANAX", "OSCANST",
)  # fmt: skip


class _Step:
    """What a step does unless it says otherwise: nothing."""

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
            It is needed and not given, has another shape than the trimmed dark, or is in another unit.
        """

    def measure(self, image, bias=None, /):
        """Return what the step needs to know of a frame; `bias` is the pixels of the combined one."""

    def term(self, measured, number, piece, /):
        """Return what is subtracted from the kept part of an amplifier, by its number and `Regions`; `None`: nothing."""


@dataclass(frozen=True)
class Overscan(_Step):
    """Subtract the median of the overscan of each row or column; `pieces` has one `Regions` for each amplifier."""

    pieces: tuple

    @classmethod
    def of(cls, recipe, shape):
        """Return the step laid on frames of `shape` (rows, columns); `None`: the recipe does not have it."""
        pieces = recipe.pieces(shape)
        return None if all(piece.overscan is None for piece in pieces) else cls(pieces)

    @staticmethod
    def summary(recipe):
        """Say in a few words what a recipe does, whatever the shape."""
        if recipe.amplifiers is not None:
            return f"overscan of {len(recipe.amplifiers)} amplifiers"
        return "no overscan" if recipe.overscan_columns is None else f"overscan {recipe.overscan_columns}"

    def key(self):
        """Return what makes two such steps differ."""
        return {"overscan": self._text(to_fits)}

    def apply(self, ccd, _=None):
        """Return a CCDData with the step done."""
        import ccdproc

        result = ccd.copy()
        result.data = result.data.astype(float)
        for piece in self.pieces:
            if piece.overscan is not None:
                part = ccdproc.subtract_overscan(
                    ccd[piece.keep],
                    overscan=ccd[_beside(piece)],
                    overscan_axis=piece.axis,
                    median=True,
                    add_keyword=False,
                )
                result.data[piece.keep] = part.data
        return result

    def measure(self, image, _=None, /):
        """Return the level of each row or column for each amplifier, to be broadcast over its kept part.

        Parameters
        ----------
        image : Frame or ndarray
            ``image[rows, columns]`` gives the raw values there.

        Returns
        -------
        list of ndarray or None
            Shape (rows, 1) or (1, columns). In single precision where that is exact: the median of integers of 16 bits is a
            multiple of a half.
        """
        return [None if piece.overscan is None else self._level(image, piece) for piece in self.pieces]

    def term(self, levels, number, _, /):
        """Return the levels of an amplifier."""
        return levels[number]

    def record(self, header, levels):
        """Say in the header of the result what was done."""
        over = "row" if self.pieces[0].axis == 1 else "column"
        header.add_history(f"darkcal: overscan {self._text(to_fits)} subtracted, median of each {over}")
        header["DCOSCAN"] = _fitting(self._text(to_fits), "overscan subtracted")
        mean = float(np.mean([np.mean(level, dtype=np.float64) for level in levels if level is not None]))
        header["OVERSCAN"] = f"Overscan section is {self._text(_iraf)} with mean={mean:.7g}"
        if np.isfinite(mean):
            header["OSCNMEAN"] = (round(mean, 4), "mean of the overscan levels subtracted")

    def _level(self, image, piece):
        with np.errstate(invalid="ignore", over="ignore"):  # infinite and huge values of a damaged frame
            level = np.median(image[_beside(piece)], axis=piece.axis, keepdims=True)
        return level.astype(np.float32) if _is_short_integer(image.dtype) else level.astype(np.float64)

    def _text(self, write):
        """Write the sections; of several amplifiers, each with the part that it is subtracted from."""
        if len(self.pieces) == 1:
            return write(self.pieces[0].overscan)
        texts = ((piece.overscan and write(piece.overscan), write(piece.keep)) for piece in self.pieces)
        return "; ".join(f"{overscan} from {image}" for overscan, image in texts if overscan)


@dataclass(frozen=True)
class Trim(_Step):
    """Keep a part of the frame; `pieces` has one `Regions` for each amplifier, which are joined to one image."""

    pieces: tuple

    @classmethod
    def of(cls, recipe, shape):
        """Return the step laid on frames of `shape` (rows, columns); `None`: everything is kept."""
        pieces = recipe.pieces(shape)
        whole = tuple(slice(0, size) for size in shape)
        return None if [piece.keep for piece in pieces] == [whole] else cls(pieces)

    @staticmethod
    def summary(recipe):
        """Say in a few words what a recipe does, whatever the shape."""
        if recipe.amplifiers is not None:
            return "keep their images"
        return "keep all" if recipe.keep_columns is None else f"keep {recipe.keep_columns}"

    def key(self):
        """Return what makes two such steps differ."""
        return {"keep": self._text(to_fits)}

    def apply(self, ccd, _=None):
        """Return a CCDData with the step done; mask, uncertainty and WCS follow, but no WCS follows a joining."""
        import ccdproc

        if len(self.pieces) == 1:
            return ccdproc.trim_image(ccd[self.pieces[0].keep], add_keyword=False)
        return _join(
            [(piece, ccdproc.trim_image(ccd[piece.keep], add_keyword=False)) for piece in self.pieces]
        )

    def record(self, header, _=None):
        """Say in the header of the result what was done; shift each WCS and the IRAF physical coordinates."""
        header.add_history(f"darkcal: trimmed to {self._text(to_fits)}")
        header["DCTRIM"] = _fitting(self._text(to_fits), "part of the raw frame that was kept")
        header["TRIM"] = f"Trim data section is {self._text(_iraf)}"
        keep = _bounds(self.pieces)
        section = None if keep is None else _section_of_ccd(header, keep)
        for keyword in _SECTION_KEYWORDS:
            header.pop(keyword, None)
        if section is not None:
            header["CCDSEC"] = (_iraf(section), "part of the CCD that this is")
        if keep is not None:
            _shift_coordinates(header, keep)

    def _text(self, write):
        return " + ".join(write(piece.keep) for piece in self.pieces)


@dataclass(frozen=True)
class SubtractBias(_Step):
    """Subtract the combined bias from the kept part, of `shape` (rows, columns)."""

    shape: tuple
    parameter = "subtract_bias"

    @classmethod
    def of(cls, recipe, shape):
        """Return the step laid on frames of `shape` (rows, columns); `None`: the recipe does not have it."""
        if not recipe.subtract_bias:
            return None
        return cls(recipe.result_shape(shape))

    @staticmethod
    def summary(recipe):
        """Say in a few words what a recipe does, whatever the shape."""
        return "bias subtracted" if recipe.subtract_bias else "bias kept"

    def key(self):
        """Return what makes two such steps differ."""
        return {"subtract_bias": True}

    def check(self, unit, bias_shape, bias_unit):
        """Refuse a combined bias that does not fit darks in `unit`."""
        if bias_shape is None:
            raise FrameError(
                f"subtract_bias is True, but there is no combined bias; give one, or {KEEP_BIAS}."
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

    def measure(self, image, bias=None, /):
        """Return the pixels of the combined bias."""
        return bias

    def term(self, bias, _, piece, /):
        """Return the part of the combined bias where an amplifier lies."""
        return bias[_place(piece)]

    def record(self, header, _=None):
        """Say in the header of the result what was done."""
        name = header.get("BIASFILE", "in memory")
        header.add_history(f"darkcal: combined bias subtracted: {name}")
        header["ZEROCOR"] = f"Zero level correction image is {name}"


STEPS = (Overscan, Trim, SubtractBias)


def _fitting(text, comment):
    """Return a value and its comment for a card, without the comment where there is no room for it."""
    return (text, comment) if len(text) + len(comment) < 64 else text


def _beside(piece):
    """Return the part of the overscan that lies beside the kept part: the same rows, or the same columns."""
    return (piece.keep[0], piece.overscan[1]) if piece.axis == 1 else (piece.overscan[0], piece.keep[1])


def _place(piece):
    """Return where the kept part of a piece lies in the result."""
    return tuple(slice(at, at + size) for at, size in zip(piece.place, piece.shape, strict=True))


def _bounds(pieces):
    """Return the part of the raw frame that the pieces fill without a gap, in the order in which they lie there, or `None`."""
    starts = [min(piece.keep[axis].start for piece in pieces) for axis in (0, 1)]
    if any(piece.keep[axis].start - piece.place[axis] != starts[axis] for piece in pieces for axis in (0, 1)):
        return None
    return tuple(slice(starts[axis], max(piece.keep[axis].stop for piece in pieces)) for axis in (0, 1))


def _join(trimmed):
    """Return one CCDData of those of several amplifiers: pairs of `Regions` and CCDData."""
    from astropy.nddata import CCDData

    shape = tuple(max(piece.place[axis] + piece.shape[axis] for piece, _ in trimmed) for axis in (0, 1))

    def together(get):
        values = [get(ccd) for _, ccd in trimmed]
        if values[0] is None:
            return None
        whole = np.empty(shape, values[0].dtype)
        for (piece, _), value in zip(trimmed, values, strict=True):
            whole[_place(piece)] = value
        return whole

    first = trimmed[0][1]
    uncertainty = together(lambda ccd: None if ccd.uncertainty is None else ccd.uncertainty.array)
    return CCDData(
        together(lambda ccd: ccd.data),
        unit=first.unit,
        mask=together(lambda ccd: ccd.mask),
        uncertainty=None if uncertainty is None else type(first.uncertainty)(uncertainty),
        header=first.header,
    )


def _shift_coordinates(header, keep):
    by = {
        f"{stem}{axis}": keep[-axis].start
        for stem in ("CRPIX", "LTV")
        for axis in (1, 2)
        if keep[-axis].start
    }
    for keyword in list(header) if by else ():
        start = by.get(keyword.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        if start is not None and type(header[keyword]) in (int, float):
            header[keyword] = header[keyword] - start


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
