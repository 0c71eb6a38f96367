"""What a camera's header says of a frame, as one record; types are in `kinds`, numbers in `numbers`.

Each vocabulary of the many that cameras use has its one home in these three modules.
"""

from dataclasses import dataclass

from ..units import standard_unit
from .kinds import kind_of
from .numbers import binning_of, celsius, count_of, gain_of, number, read_noise_of, seconds

__all__ = ["FrameInfo", "describe"]

# Keywords in the order in which they are believed.
_FILTER_KEYWORDS = ("FILTER", "FILTERS", "FILTER1", "FILTNAM")
_READOUT_KEYWORDS = ("READOUTM", "READMODE", "RDMODE", "CCDSPEED", "ESO DET READ CLOCK")

# IRAF's and, of exposures that are combined while they are taken, MaxIm DL's.
_COUNT_KEYWORDS = ("NCOMBINE", "SNAPSHOT")

# Where IRAF and ccdproc say that a step was done, and with which word: some cameras use IRAF's keywords for settings.
_DONE_KEYWORDS = {
    "overscan": {"OVERSCAN": "overscan", "SUBTRACT_OVERSCAN": ""},
    "bias": {"ZEROCOR": "zero", "SUBTRACT_BIAS": ""},
    "dark": {"DARKCOR": "dark", "SUBTRACT_DARK": ""},
    "darkcal": {"DCRECIPE": ""},
}

# MaxIm DL and AstroImageJ have a letter for each step, in CALSTAT.
_DONE_LETTERS = {"bias": "B", "dark": "D"}


@dataclass(frozen=True, kw_only=True)
class FrameInfo:
    """What the header says of one frame; `None` if it is silent or makes no sense.

    Attributes
    ----------
    type : str or None
        One of `~darkcal_widgets.frames.kinds.FRAME_TYPES`; `None`: unknown or ambiguous.
    type_word : str
        The word in the header, empty if there is none.
    type_source, type_evidence, type_key : str
        Who says so, what was found, and how to say otherwise: see `~darkcal_widgets.frames.kinds.Kind`.
    exposure : float or None
        Seconds.
    filter : str
        Empty if there is none.
    shape : tuple of int
        (rows, columns).
    temperature : float or None
        Of the sensor, degrees Celsius.
    unit : str or None
        ``'adu'`` or ``'electron'``; `None`: no ``BUNIT``.
    gain, read_noise : float or None
        Electrons per ADU; electrons.
    gain_setting : str
        The gain on the camera's own scale, where the header gives it on that; empty if not.
    binning : tuple of int or None
        Columns, rows.
    readout, instrument : str
        Readout mode and camera; empty if not there.
    combined : bool
        Whether ``COMBINED`` is true: the average of many frames.
    averaged : int
        How many exposures the camera has averaged or added up in it; 1 unless the header says more.
    pedestal : float
        What has to be added to every pixel: programs write -100 where they have added 100 themselves.
    done : tuple of tuple of str
        Each step that was done to the frame before, ``'overscan'``, ``'bias'`` or ``'dark'`` (subtracted) or ``'darkcal'`` (it is
        a result), and the card that says so.
    """

    type: str | None
    type_word: str
    type_source: str
    type_evidence: str
    type_key: str
    exposure: float | None
    filter: str
    shape: tuple
    temperature: float | None
    unit: str | None
    gain: float | None
    read_noise: float | None
    gain_setting: str
    binning: tuple | None
    readout: str
    instrument: str
    combined: bool
    averaged: int
    pedestal: float
    done: tuple


def describe(header, shape, image_types=None, names=()):
    """Read the facts of one frame from its header.

    Parameters
    ----------
    header : mapping
        The FITS header, or some of its cards; its attribute ``comments``, if it has one, gives the comment of each.
    shape : tuple of int
        (rows, columns) of the image.
    image_types : mapping, optional
        See `~darkcal_widgets.frames.kinds.checked_image_types`, for cameras with words of their own.
    names : sequence of str
        Of the file, and of the frame if that is another; empty: they tell nothing of the type.

    Returns
    -------
    FrameInfo

    Raises
    ------
    ParameterError
        ``BUNIT`` holds a word that is not a unit of a CCD frame.
    """
    exposure, (gain, gain_setting), unit = seconds(header), gain_of(header), _text(header, ("BUNIT",))
    kind = kind_of(header, names, exposure, image_types)
    return FrameInfo(
        type=kind.type,
        type_word=kind.word,
        type_source=kind.source,
        type_evidence=kind.evidence,
        type_key=kind.key,
        exposure=exposure,
        filter=_text(header, _FILTER_KEYWORDS),
        shape=tuple(shape),
        temperature=celsius(header),
        unit=standard_unit(unit, "BUNIT") if unit else None,
        gain=gain,
        read_noise=read_noise_of(header),
        gain_setting=gain_setting,
        binning=binning_of(header),
        readout=_text(header, _READOUT_KEYWORDS),
        instrument=_text(header, ("INSTRUME",)),
        combined=header.get("COMBINED") is True,
        averaged=max(count_of(header, keyword, 1) for keyword in _COUNT_KEYWORDS),
        pedestal=number(header.get("PEDESTAL")) or 0.0,
        done=tuple(_done(header)),
    )


def _done(header):
    letters = _text(header, ("CALSTAT",))
    for step, keywords in _DONE_KEYWORDS.items():
        texts = {keyword: _text(header, (keyword,)) for keyword in keywords}
        says = [key for key, word in keywords.items() if texts[key] and word in texts[key].lower()]
        if says:
            yield step, f"{says[0]} is {texts[says[0]]!r}"
        elif _DONE_LETTERS.get(step, "-") in letters.upper():
            yield step, f"CALSTAT is {letters!r}"


def _text(header, keywords):
    values = (header.get(keyword) for keyword in keywords)
    texts = (str(value).strip() for value in values if value is not None)
    return next((text for text in texts if text), "")
