"""What a header claims of the overscan and of the image area. Nothing is believed here: `edges` tests it."""

import re
from dataclasses import dataclass

from ..errors import ParameterError
from ..frames.numbers import binning_of
from ..sections import overscan_axis, parse_section
from .families import claimed_amplifiers, counted_sections

__all__ = ["Claim", "read_claim"]

# Words that stand for "not known" where a section should be.
_SILENT = ("", "UNKNOWN", "N/A", "NONE", "UNDEFINED")

# Sections that cameras with several amplifiers number or letter: BIASSEC2, BSEC12, AMPSEC3, DSECB ...
_OF_AN_AMPLIFIER = re.compile(
    r"(?:BIASSEC|BSEC|DATASEC|DSEC|AMPSEC|ASEC|CCDSEC|CSEC|TRIMSEC|TSEC)([1-9A-L][1-9]?)"
)
_AMPLIFIER_COUNTS = (("NAMPS",), ("NAMP",), ("AMPSROW", "AMPSCOL"), ("ESO DET OUTPUTS",))
_MOST_AMPLIFIERS = 64


@dataclass(frozen=True)
class Claim:
    """What the header says; `None` if it says nothing that can be read.

    Attributes
    ----------
    overscan : slice or None
        Along `axis`.
    axis : int
        1: an overscan of columns; 0: of rows.
    keep : tuple of slice or None
        Rows and columns of the image area.
    texts : tuple of str
        The cards.
    problems : tuple of str
        What cannot be read, one sentence each.
    amplifiers : int
        That read the image.
    readout : tuple of Regions
        Overscan and image of each of several amplifiers, where it names them.
    """

    overscan: slice | None = None
    axis: int = 1
    keep: tuple | None = None
    texts: tuple = ()
    problems: tuple = ()
    amplifiers: int = 1
    readout: tuple = ()


def read_claim(header, shape):
    """Read what a header claims of the overscan and of the image area.

    Which overscan belongs to which of several amplifiers is read by `families`.

    Parameters
    ----------
    header : mapping
    shape : tuple of int
        (rows, columns) of the frame.

    Returns
    -------
    Claim
    """
    texts, problems, found = [], [], {}
    for keyword in ("BIASSEC", "TRIMSEC", "DATASEC", "CCDSEC"):
        text = str(header.get(keyword, "")).strip()
        if text.upper() in _SILENT:
            continue
        texts.append(f"{keyword} = {text!r}")
        try:
            found[keyword] = parse_section(text, keyword).resolve(shape)
        except ParameterError as error:
            # CCDSEC may count on the CCD, of which the frame is a part.
            if keyword != "CCDSEC":
                problems.append(_problem(error, header))
    keep = next((found[word] for word in ("TRIMSEC", "DATASEC", "CCDSEC") if word in found), None)
    part, counted, text = counted_sections(header, shape)
    if "BIASSEC" in found:
        part = found["BIASSEC"]
    elif part is not None:
        keep = keep or counted
        texts.append(text)
    overscan, axis = None, 1
    if part is not None:
        axis = overscan_axis(part, keep, shape)
        overscan = part[axis]
    if readout := claimed_amplifiers(header, shape):
        texts.append(f"overscan and image of {len(readout)} amplifiers")
    return Claim(overscan, axis, keep, tuple(texts), tuple(problems), _amplifiers(header), readout)


def _problem(error, header):
    """Say what is wrong with a section, and whether binning may be why it lies outside the frame."""
    text, binning = str(error), binning_of(header)
    if "outside" not in text or binning in (None, (1, 1)):
        return text
    return f"{text} The frame is binned {binning[0]} x {binning[1]}: perhaps the section counts pixels before binning."


def _amplifiers(header):
    """Return the number of amplifiers: as the header counts them, or as its sections name them."""
    named = {match[1] for keyword in header if (match := _OF_AN_AMPLIFIER.fullmatch(str(keyword)))}
    counts = [len(named)]
    for keywords in _AMPLIFIER_COUNTS:
        values = [header.get(keyword) for keyword in keywords]
        if all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in values):
            counts.append(values[0] * (values[1] if len(values) > 1 else 1))
    most = max(counts)
    return most if 1 <= most <= _MOST_AMPLIFIERS else 1
