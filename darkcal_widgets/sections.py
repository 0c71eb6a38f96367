"""Columns and FITS sections to slices, and back.

Two notations are read. A *Python slice* of columns, 0-based, end excluded: ``2055:``, ``:2048``, ``-25:``. A *FITS section*,
1-based, both ends included, columns first: ``[2056:2080, 1:4128]``, with ``*`` or ``:`` for a whole axis.
"""

import re
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise, product

from .errors import ParameterError

__all__ = [
    "Regions",
    "Section",
    "joined",
    "overlap",
    "overscan_axis",
    "parse_section",
    "resolve_regions",
    "to_brief",
    "to_fits",
    "to_python",
    "whole_of",
    "with_part",
]

_PYTHON = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")
_FITS = re.compile(r"\s*\[\s*([\d:*\s]+?)\s*,\s*([\d:*\s]+?)\s*\]\s*")
_FITS_RANGE = re.compile(r"(\d+)\s*:\s*(\d+)")
# What can be written, with examples that fit any frame of more than 20 columns.
_HINT = "write a Python slice of columns such as '-20:' (the last 20), or a FITS section such as '[1:20, *]' (the first 20)"


@dataclass(frozen=True)
class Section:
    """A part of a frame as it was written, not yet laid on a frame.

    Attributes
    ----------
    text : str
        As written.
    columns, rows : slice
        0-based, end excluded; ``slice(None)`` is the whole axis.
    parameter : str
        Name for the message of an error.
    """

    text: str
    columns: slice
    rows: slice
    parameter: str

    def resolve(self, shape):
        """Lay the section on a frame.

        Parameters
        ----------
        shape : tuple of int
            (rows, columns) of the frame.

        Returns
        -------
        tuple of slice
            Rows and columns with both ends given, to index the frame's array.

        Raises
        ------
        ParameterError
            The section is empty or reaches outside the frame.
        """
        return (
            _resolve_axis(self.rows, shape[0], "rows", self.text, self.parameter),
            _resolve_axis(self.columns, shape[1], "columns", self.text, self.parameter),
        )


@dataclass(frozen=True)
class Regions:
    """The overscan and the kept part of a frame of one shape, as slices with both ends given.

    Attributes
    ----------
    overscan : tuple of slice or None
        Rows and columns of the overscan; `None`: no overscan is subtracted.
    axis : int
        Axis over which the median of the overscan is taken: 1, one level per row; 0, one per column.
    keep : tuple of slice
        Rows and columns that the trim keeps.
    place : tuple of int
        Row and column of the result where the kept part begins: of several amplifiers each has its own.
    """

    overscan: tuple | None
    axis: int
    keep: tuple
    place: tuple = (0, 0)

    @property
    def shape(self):
        """(rows, columns) of the kept part."""
        return tuple(part.stop - part.start for part in self.keep)


def parse_section(text, parameter):
    """Read a Python slice of columns or a FITS section.

    Parameters
    ----------
    text : str
        ``'2055:'`` or ``'[2056:2080, 1:4128]'``.
    parameter : str
        Name for the message of an error.

    Returns
    -------
    Section

    Raises
    ------
    ParameterError
        The text is in neither notation, or surely selects nothing.

    Examples
    --------
    >>> parse_section("2055:", "overscan_columns").columns
    slice(2055, None, None)
    >>> parse_section("[2056:2080, *]", "overscan_columns").columns
    slice(2055, 2080, None)
    """
    if not isinstance(text, str):
        raise ParameterError(f"{parameter} is {text!r} ({type(text).__name__}); expected text: {_HINT}.")
    if python := _PYTHON.fullmatch(text):
        start, stop = (None if bound is None else int(bound) for bound in python.groups())
        return Section(text, slice(start, stop), slice(None), parameter)
    if fits := _FITS.fullmatch(text):
        columns, rows = (_fits_range(part, text, parameter) for part in fits.groups())
        return Section(text, columns, rows, parameter)
    raise ParameterError(f"{parameter} is {text!r}, which does not select columns; {_HINT}.")


def resolve_regions(overscan, keep, shape):
    """Lay the overscan and the kept part on a frame and check that they fit each other.

    As in IRAF's ccdproc, only the extent of the overscan across its levels counts: an overscan of columns gives one level
    for every row of the frame, whichever rows the section names, because headers often name one row too few. Whether a
    section is an overscan of columns or of rows is decided by `overscan_axis`.

    Parameters
    ----------
    overscan, keep : Section or None
        `None`: no overscan; everything kept.
    shape : tuple of int
        (rows, columns) of the frame.

    Returns
    -------
    Regions

    Raises
    ------
    ParameterError
        A section is empty or reaches outside the frame, the overscan is the whole frame, or it overlaps the kept part.
    """
    whole = (slice(0, shape[0]), slice(0, shape[1]))
    kept = whole if keep is None else keep.resolve(shape)
    if overscan is None:
        return Regions(None, 1, kept)
    found = overscan.resolve(shape)
    if found == whole:
        raise ParameterError(
            f"{overscan.parameter} is {overscan.text!r}, the whole frame of {shape[1]} columns x {shape[0]} rows; "
            "name only the columns (or rows) that no light falls on."
        )
    axis = overscan_axis(found, None if keep is None else kept, shape)
    strip = (whole[0], found[1]) if axis == 1 else (found[0], whole[1])
    if keep is not None and overlap(strip[axis], kept[axis]):
        raise ParameterError(
            f"{keep.parameter} {keep.text!r} keeps a part of the overscan {overscan.parameter} {overscan.text!r}, which is "
            f"{to_fits(strip)} of the frame; end the kept part before the overscan or move the overscan."
        )
    return Regions(strip, axis, kept)


def joined(amplifiers):
    """Lay the images of several amplifiers side by side, and one above the other, in the order in which they are read out.

    Parameters
    ----------
    amplifiers : sequence of Regions

    Returns
    -------
    tuple of Regions
        The same, each with its place in the result.

    Raises
    ------
    ParameterError
        The images do not fill a rectangle.

    Examples
    --------
    Two images with the overscans between them:

    >>> left = Regions((slice(0, 9), slice(4, 6)), 1, (slice(0, 9), slice(0, 4)))
    >>> right = Regions((slice(0, 9), slice(6, 8)), 1, (slice(0, 9), slice(8, 12)))
    >>> [regions.place for regions in joined([left, right])]
    [(0, 0), (0, 4)]
    """
    edges = [sorted({(one.keep[axis].start, one.keep[axis].stop) for one in amplifiers}) for axis in (0, 1)]
    kept = sorted(tuple((part.start, part.stop) for part in one.keep) for one in amplifiers)
    apart = all(one[1] <= other[0] for axis in edges for one, other in pairwise(axis))
    if kept != sorted(product(*edges)) or not apart:
        listed = ", ".join(to_fits(one.keep) for one in amplifiers)
        raise ParameterError(
            f"the images of the amplifiers, {listed}, do not fill a rectangle; give each pixel to one amplifier."
        )
    starts = [
        dict(zip(axis, accumulate((stop - start for start, stop in axis), initial=0), strict=False))
        for axis in edges
    ]
    return tuple(
        replace(one, place=tuple(starts[axis][part.start, part.stop] for axis, part in enumerate(one.keep)))
        for one in amplifiers
    )


def overscan_axis(overscan, keep, shape):
    """Tell an overscan of columns from one of rows.

    Parameters
    ----------
    overscan, keep : tuple of slice
        Rows and columns; `keep` may be `None`.
    shape : tuple of int
        (rows, columns) of the frame.

    Returns
    -------
    int
        1 for columns, 0 for rows: the axis that the overscan does not span, if it spans the other; else the one along which
        it lies beside the kept part; else its shorter side.

    Examples
    --------
    Rows of the WHT's ISIS, some columns left out:

    >>> overscan_axis((slice(4104, 4190), slice(97, 483)), (slice(0, 4099), slice(0, 483)), (4200, 483))
    0
    """
    spanned = [part == slice(0, length) for part, length in zip(overscan, shape, strict=True)]
    if spanned[0] != spanned[1]:
        return 1 if spanned[0] else 0
    if keep is not None:
        beside = [not overlap(one, other) for one, other in zip(overscan, keep, strict=True)]
        if beside[0] != beside[1]:
            return 1 if beside[1] else 0
    rows, columns = (part.stop - part.start for part in overscan)
    return 0 if rows < columns else 1


def whole_of(shape):
    """Return the rows and columns of a whole frame."""
    return tuple(slice(0, length) for length in shape)


def with_part(region, axis, part):
    """Return the rows and columns of a region with another part along one axis."""
    return (part, region[1]) if axis == 0 else (region[0], part)


def to_brief(region, shape):
    """Write slices in the briefest way to be read back: a Python slice of columns where all rows are in it, else a FITS section.

    Returns
    -------
    str or None
        `None`: the whole frame.

    Examples
    --------
    >>> to_brief((slice(0, 4128), slice(2055, 2080)), (4128, 2080))
    '2055:'
    """
    rows, columns = region
    if rows != slice(0, shape[0]):
        return to_fits(region)
    if columns == slice(0, shape[1]):
        return None
    start = "" if columns.start == 0 else columns.start
    stop = "" if columns.stop == shape[1] else columns.stop
    return f"{start}:{stop}"


def to_fits(region):
    """Write slices as a FITS section.

    Examples
    --------
    >>> to_fits((slice(0, 4128), slice(2055, 2080)))
    '[2056:2080, 1:4128]'
    """
    rows, columns = region
    return f"[{columns.start + 1}:{columns.stop}, {rows.start + 1}:{rows.stop}]"


def to_python(region, shape):
    """Write slices as a Python index, whole axes as ``:``.

    Examples
    --------
    >>> to_python((slice(0, 4128), slice(2055, 2080)), (4128, 2080))
    '[:, 2055:2080]'
    """
    texts = (
        ":" if part == slice(0, n) else f"{part.start}:{part.stop}"
        for part, n in zip(region, shape, strict=True)
    )
    return f"[{', '.join(texts)}]"


def _fits_range(part, text, parameter):
    if part in ("*", ":"):
        return slice(None)
    bounds = _FITS_RANGE.fullmatch(part)
    if bounds is None:
        raise ParameterError(f"{parameter} is {text!r}: {part!r} is not a range; {_HINT}.")
    first, last = map(int, bounds.groups())
    if not 1 <= first <= last:
        raise ParameterError(
            f"{parameter} is {text!r}: {part!r} selects nothing; FITS sections count from 1 and name the lower end first."
        )
    return slice(first - 1, last)


def _resolve_axis(wanted, size, axis, text, parameter):
    start, stop = (
        default if bound is None else bound + size if bound < 0 else bound
        for bound, default in ((wanted.start, 0), (wanted.stop, size))
    )
    if not (0 <= start <= size and 0 <= stop <= size):
        raise ParameterError(
            f"{parameter} is {text!r}, which reaches outside the frame of {size} {axis}; "
            f"expected {axis} within 0:{size} (Python) or 1:{size} (FITS)."
        )
    if start >= stop:
        raise ParameterError(
            f"{parameter} is {text!r}, which selects no {axis} of a frame of {size} {axis}; give a range that holds at least one."
        )
    return slice(start, stop)


def overlap(one, other):
    """Tell whether two slices, or anything with a start and a stop, have something in common."""
    return one.start < other.stop and other.start < one.stop
