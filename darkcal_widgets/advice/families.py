"""The sections of several amplifiers that one header names, each with its overscan and its image. Nothing is believed here."""

import itertools
import re

from ..errors import ParameterError
from ..sections import Regions, joined, overlap, overscan_axis, parse_section, whole_of, with_part

__all__ = ["claimed_amplifiers", "counted_sections"]

# Sections in the image as it is read, in the order in which they are believed, with a number or letter for each amplifier:
# BIASSEC2 and DATASEC2, or as NOAO writes them BSEC12, TSEC12 and DSEC12. CCDSEC and AMPSEC may count on the CCD instead.
_OVERSCAN, _IMAGE = ("BIASSEC", "BSEC"), ("TRIMSEC", "TSEC", "DATASEC", "DSEC")
_NAMED = re.compile(rf"({'|'.join((*_OVERSCAN, *_IMAGE))})([1-9A-L][1-9]?)")


def claimed_amplifiers(header, shape):
    """Read which overscan belongs to which part of the image.

    Parameters
    ----------
    header : mapping
    shape : tuple of int
        (rows, columns) of the frame; `None`: there is none.

    Returns
    -------
    tuple of Regions
        One for each amplifier; empty: the header does not name several, or what it names does not fit the frame.
    """
    if shape is None:
        return ()
    return _named(header, shape) or _side_by_side(header, shape) or _channels(header, shape)


def counted_sections(header, shape):
    """Read the overscan and the image of one amplifier where a header counts their columns and rows instead of naming sections.

    Lick's controllers write the overscan behind the image; ESO's count columns (rows) before and behind the image as they are
    read, and an output at the far end of the chip turns their order round.

    Returns
    -------
    overscan, keep : tuple of slice or None
        Rows and columns; `None`: the header counts none, or more than there are, or has several amplifiers.
    text : str
        The cards.
    """
    if shape is None or _count(header, "AMPSROW") > 1 or _count(header, "ESO DET OUTPUTS") > 1:
        return None, None, ""
    strips = [_counted(header, *pair) for pair in (("Y", shape[0]), ("X", shape[1]))]
    if (width := _count(header, "COVER")) and _count(header, "AMPSROW"):
        strips[1] = (0, width, f"COVER = {width}")
    if any(before + behind >= length for (before, behind, _), length in zip(strips, shape, strict=True)):
        return None, None, ""
    keep = tuple(
        slice(before, length - behind) for (before, behind, _), length in zip(strips, shape, strict=True)
    )
    axis = 1 if max(strips[1][:2]) else 0
    before, behind, _ = strips[axis]
    if not max(before, behind):
        return None, None, ""
    part = slice(shape[axis] - behind, shape[axis]) if behind >= before else slice(0, before)
    return with_part(whole_of(shape), axis, part), keep, "; ".join(text for *_, text in strips if text)


def _counted(header, letter, length):
    """Return how many columns ("X") or rows ("Y") are before and behind the image, as ESO counts them, and the cards."""
    names = [f"ESO DET OUT1 {word}{letter}" for word in ("PRSC", "OVSC")]
    counts = [_count(header, name) for name in names]
    text = ", ".join(f"{name} = {count}" for name, count in zip(names, counts, strict=True) if count)
    is_turned = 2 * _count(header, f"ESO DET OUT1 {letter}") > length
    return (*(counts[::-1] if is_turned else counts), text)


def _named(header, shape):
    """Read sections whose keywords end in the name of the amplifier."""
    found = {}
    for keyword in header:
        if match := _NAMED.fullmatch(str(keyword)):
            found.setdefault(match[2], {})[match[1]] = str(header[keyword])
    pairs = [(_first(named, _OVERSCAN), _first(named, _IMAGE)) for named in found.values()]
    if len(pairs) < 2 or not all(overscan and image for overscan, image in pairs):
        return ()
    try:
        sections = [
            tuple(parse_section(text, "amplifiers").resolve(shape) for text in pair) for pair in pairs
        ]
    except ParameterError:
        return ()
    return _fitting(sections, shape)


def _side_by_side(header, shape):
    """Read the layout of Lick's controllers: the images of all amplifiers, then their overscans in the same order."""
    amplifiers, width = (_count(header, keyword) for keyword in ("AMPSROW", "COVER"))
    lit = shape[1] - amplifiers * width
    if amplifiers < 2 or width < 1 or lit < amplifiers or lit % amplifiers or _count(header, "ROVER"):
        return ()
    rows, step = slice(0, shape[0]), lit // amplifiers
    sections = [
        (
            (rows, slice(lit + index * width, lit + (index + 1) * width)),
            (rows, slice(index * step, (index + 1) * step)),
        )
        for index in range(amplifiers)
    ]
    return _fitting(sections, shape)


def _channels(header, shape):
    """Read the channels of Subaru's cameras: first and last column (1) and row (2) of each image, and column of its overscan."""
    sections, number = [], 1
    while f"S_EFMN{number}1" in header:
        image = tuple(_span(header, f"S_EF{{}}{number}{axis}") for axis in (2, 1))
        sections.append(((slice(0, shape[0]), _span(header, f"S_OS{{}}{number}1")), image))
        number += 1
    fits = (
        0 <= span.start < span.stop <= length
        for section in itertools.chain(*sections)
        for span, length in zip(section, shape, strict=True)
    )
    if len(sections) < 2 or not all(fits):
        return ()
    return _fitting(sections, shape)


def _span(header, name):
    return slice(_count(header, name.format("MN")) - 1, _count(header, name.format("MX")))


def _fitting(sections, shape):
    """Return the sections as `Regions`, or nothing if they overlap or do not fill a rectangle."""
    if any(whole_of(shape) in pair for pair in sections):
        return ()
    try:
        return joined([_regions(overscan, image, shape) for overscan, image in sections])
    except ParameterError:
        return ()


def _regions(overscan, image, shape):
    axis = overscan_axis(overscan, image, shape)
    if overlap(overscan[axis], image[axis]):
        raise ParameterError("an amplifier's image holds its overscan.")
    # As in a recipe, an overscan of columns gives a level to every row.
    return Regions(with_part(whole_of(shape), axis, overscan[axis]), axis, image)


def _first(named, keywords):
    return next((named[keyword] for keyword in keywords if keyword in named), None)


def _count(header, keyword):
    value = header.get(keyword)
    return value if type(value) is int and value >= 0 else 0
