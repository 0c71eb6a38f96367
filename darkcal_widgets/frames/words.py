"""What a camera's header says of a frame: type, exposure, filter, temperature, and the rest.

Each vocabulary of the many that cameras use has its one home here.
"""

import math
import re
from dataclasses import dataclass

from ..units import standard_unit

__all__ = ["FRAME_TYPES", "KEYWORDS", "FrameInfo", "describe", "frame_type", "unit_of"]

FRAME_TYPES = ("bias", "dark", "flat", "science", "other")

# Keywords in the order in which they are believed.
_TYPE_KEYWORDS = ("IMAGETYP", "OBSTYPE", "IMTYPE", "FRAME")
_EXPOSURE_KEYWORDS = ("EXPTIME", "EXPOSURE")
_FILTER_KEYWORDS = ("FILTER", "FILTERS", "FILTER1", "FILTNAM")
_TEMPERATURE_KEYWORDS = ("CCD-TEMP", "CCDTEMP", "DET-TEMP", "DETTEMP")
_GAIN_KEYWORDS = ("GAIN", "EGAIN")
_READ_NOISE_KEYWORDS = ("RDNOISE", "READNOIS", "RON")
_BINNING_KEYWORDS = (("XBINNING", "YBINNING"), ("CCDXBIN", "CCDYBIN"), ("XBIN", "YBIN"))
_READOUT_KEYWORDS = ("READOUTM", "READMODE", "RDMODE")

# Seconds; a header that claims more, eleven days, is damaged.
LONGEST_EXPOSURE = 1e6

# All that `describe` looks at.
KEYWORDS = frozenset(
    (
        *_TYPE_KEYWORDS,
        *_EXPOSURE_KEYWORDS,
        *_FILTER_KEYWORDS,
        *_TEMPERATURE_KEYWORDS,
        *_GAIN_KEYWORDS,
        *_READ_NOISE_KEYWORDS,
        *(keyword for pair in _BINNING_KEYWORDS for keyword in pair),
        *_READOUT_KEYWORDS,
        "BUNIT",
        "INSTRUME",
        "COMBINED",
    )
)

# Words for the types, in lower case, without "frame", "field", "image" and punctuation.
_TYPE_WORDS = {
    "bias": ("bias", "zero", "offset"),
    "dark": ("dark",),
    "flat": (
        "flat",
        "sky flat",
        "skyflat",
        "flatfield",
        "dome flat",
        "domeflat",
        "twilight flat",
        "twilight",
        "dflat",
        "sflat",
        "flat lamp",
    ),
    "science": ("object", "light", "science", "target", "sky", "standard", "std", "obj", "sci"),
    "other": ("comp", "comparison", "arc", "focus", "test", "acquisition", "lamp", "illum", "fringe"),
}
_TYPE_OF_WORD = {word: kind for kind, words in _TYPE_WORDS.items() for word in words}


@dataclass(frozen=True, kw_only=True)
class FrameInfo:
    """What the header says of one frame; `None` where it is silent or makes no sense.

    Attributes
    ----------
    type : str or None
        One of `FRAME_TYPES`.
    type_word : str
        The word in the header, empty if there is none.
    exposure : float or None
        Seconds.
    filter : str
        Empty if there is none.
    shape : tuple of int
        (rows, columns).
    temperature : float or None
        Of the CCD, as in the header (degrees Celsius in most).
    unit : str or None
        ``'adu'`` or ``'electron'``; `None`: no ``BUNIT``.
    gain, read_noise : float or None
        Electrons per ADU; electrons.
    binning : tuple of int or None
        Columns, rows.
    readout, instrument : str
        Readout mode and camera; empty if not there.
    combined : bool
        Whether ``COMBINED`` is true: the average of many frames.
    """

    type: str | None
    type_word: str
    exposure: float | None
    filter: str
    shape: tuple
    temperature: float | None
    unit: str | None
    gain: float | None
    read_noise: float | None
    binning: tuple | None
    readout: str
    instrument: str
    combined: bool


def describe(header, shape, image_types=None):
    """Read the facts of one frame from its header.

    Parameters
    ----------
    header : mapping
        The FITS header.
    shape : tuple of int
        (rows, columns) of the image.
    image_types : mapping, optional
        Words of the header, in any letter case, to one of `FRAME_TYPES`, for cameras with words of their own.

    Returns
    -------
    FrameInfo

    Raises
    ------
    ParameterError
        ``BUNIT`` holds a word that is not a unit of a CCD frame.
    """
    word = _text(header, _TYPE_KEYWORDS)
    return FrameInfo(
        type=frame_type(word, image_types),
        type_word=word,
        exposure=_exposure(header),
        filter=_text(header, _FILTER_KEYWORDS),
        shape=tuple(shape),
        temperature=_number(header, _TEMPERATURE_KEYWORDS),
        unit=unit_of(header),
        gain=_number(header, _GAIN_KEYWORDS),
        read_noise=_number(header, _READ_NOISE_KEYWORDS),
        binning=_binning(header),
        readout=_text(header, _READOUT_KEYWORDS),
        instrument=_text(header, ("INSTRUME",)),
        combined=header.get("COMBINED") is True,
    )


def frame_type(word, image_types=None):
    """Return the type of frame for the word in a header, or `None` for an unknown word.

    Examples
    --------
    >>> frame_type("Dark Frame"), frame_type("zero"), frame_type("my-dark", {"MY-DARK": "dark"})
    ('dark', 'bias', 'dark')
    """
    own = {key.strip().lower(): kind for key, kind in (image_types or {}).items()}
    lowered = word.strip().lower()
    if lowered in own:
        return own[lowered]
    plain = re.sub(r"[^a-z]+", " ", lowered)
    plain = " ".join(part for part in plain.split() if part not in ("frame", "field", "image", "exposure"))
    return _TYPE_OF_WORD.get(plain)


def _exposure(header):
    seconds = _number(header, _EXPOSURE_KEYWORDS)
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_EXPOSURE else None


def unit_of(header):
    """Return the unit that ``BUNIT`` gives: ``'adu'``, ``'electron'``, or `None` where it says nothing.

    Raises
    ------
    ParameterError
        It holds a word that is not a unit of a CCD frame.
    """
    word = header.get("BUNIT")
    if word is None or not str(word).strip():
        return None
    return standard_unit(str(word), "BUNIT")


def _binning(header):
    for keywords in _BINNING_KEYWORDS:
        found = [_number(header, (keyword,)) for keyword in keywords]
        if None not in found:
            return tuple(int(value) for value in found)
    return None


def _text(header, keywords):
    values = (header.get(keyword) for keyword in keywords)
    texts = (str(value).strip() for value in values if value is not None)
    return next((text for text in texts if text), "")


def _number(header, keywords):
    for keyword in keywords:
        value = header.get(keyword)
        if isinstance(value, bool):
            continue
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            return number
    return None
