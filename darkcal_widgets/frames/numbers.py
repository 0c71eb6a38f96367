"""Numbers as cameras write them: exposures in seconds, temperatures in degrees Celsius, gain in electrons per ADU. Not types."""

import math
import re

__all__ = [
    "binning_of",
    "celsius",
    "count_of",
    "gain_of",
    "number",
    "read_noise_of",
    "seconds",
]

# Keywords in the order in which they are believed.
_EXPOSURE_KEYWORDS = (
    *("EXPTIME", "EXPOSURE", "EXPOSED", "XPOSURE"),
    *("ITIME", "TTIME", "ELAPTIME"),  # of Keck
    *("EXP_TIME", "EXP-TIME", "INTTIME"),
)
# The sensor itself first; what it was to be set to only where that is silent.
_TEMPERATURE_KEYWORDS = (
    *("CCD-TEMP", "CCDTEMP", "DET-TEMP", "DETTEMP", "TEMPDET", "CCDATEMP", "TEMPERAT"),
    *("SET-TEMP", "CCDSTEMP"),
)
_ELECTRON_GAIN_KEYWORDS = ("EGAIN", "E-GAIN", "ESO DET OUT1 CONAD")
_GAIN_KEYWORD = "GAIN"
_NUMBERED_GAIN = re.compile(r"E?GAIN\d+|S_GAIN\d+|ESO DET OUT\d+ CONAD")
_GAIN_SETTING_KEYWORDS = ("CCDGAIN",)
# Drivers of cameras with a gain that can be set write the offset beside it.
_OFFSET_KEYWORDS = ("OFFSET", "BLKLEVEL")
_READ_NOISE_KEYWORDS = ("RDNOISE", "READNOIS", "RON", "ESO DET OUT1 RON")
_BINNING_KEYWORDS = (
    *(("XBINNING", "YBINNING"), ("CCDXBIN", "CCDYBIN"), ("XBIN", "YBIN"), ("DETXBIN", "DETYBIN")),
    ("ESO DET WIN1 BINX", "ESO DET WIN1 BINY"),
)
_BINNING_TEXTS = ("CCDSUM", "BINNING")
_TIME_UNIT = "TIMEUNIT"  # section 9.3 of the FITS standard

# Seconds; a header that claims more, eleven days, is damaged.
LONGEST_EXPOSURE = 1e6

_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "usec", "µs", "microsec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
}
# Short ones are words of English, too, unless they stand where a unit does.
_UNIT_IN_TEXT = re.compile(r"(?:\[|\(|\bin )\s*([a-zµ]+)\b|\b((?:milli|micro)sec\w*|msecs?|usec|minutes)\b")

# Degrees Celsius; silicon does not work below, and nobody runs a camera above.
_COLDEST, _WARMEST = -200.0, 60.0
# A bare number from here on is in kelvin: no sensor survives it in degrees Celsius.
_LEAST_KELVIN = 100.0
_IN_KELVIN = re.compile(r"\[\s*k\s*\]|\(\s*k\s*\)|\bkelvins?\b|\bin k\b")

# Electrons per ADU that are believed of a GAIN whose comment gives no unit. A pixel holds up to about a million electrons, and
# 16 bits count to 65,535: 20 leaves nothing out. Below 0.05 a full range would be 3,000 electrons.
_LEAST_GAIN, _MOST_GAIN = 0.05, 20.0
# And where keyword or comment name electrons: 8 bits and a million electrons would be 4,000.
_LEAST_SAID_GAIN, _MOST_SAID_GAIN = 1e-3, 4e3
_PER_ADU = re.compile(r"\be-?\s*(?:/|per\b)|electrons?\s*\)?\s*(?:/|per\b)|\[e-?/|electrons?\b")
_PER_ELECTRON = re.compile(r"\b(?:adu|dn|counts?)s?\s*(?:/|per)\s*(?:e\b|e-|electron)")
_A_SETTING = re.compile(r"index|setting|mode|\bdb\b|ratio|%|percent|level|register|sensor gain")

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[ed][+-]?\d+)?)\s*([a-zµ]*)")


def number(value):
    """Return the number that a card holds, `None` if it holds none.

    Examples
    --------
    >>> number("3,2E-05"), number(" 6 "), number("1.5D2"), number("UNKNOWN"), number(True)
    (3.2e-05, 6.0, 150.0, None, None)
    """
    return _number_and_unit(value)[0]


def count_of(header, keyword, otherwise=None):
    """Return the whole number above 0 that a card holds; `otherwise` if it does not: a camera may use the keyword, too.

    Examples
    --------
    >>> count_of({"NCOMBINE": 5}, "NCOMBINE"), count_of({"NCOMBINE": "x"}, "NCOMBINE", 1)
    (5, 1)
    """
    value = number(header.get(keyword))
    return int(value) if value is not None and value >= 1 else otherwise


def seconds(header):
    """Return the exposure in seconds, `None` if the header does not give one that makes sense.

    The unit is that of the text itself (``'30 ms'``), or else of the card's comment, or else ``TIMEUNIT``; seconds without any.
    """
    for keyword in _EXPOSURE_KEYWORDS:
        value, unit = _number_and_unit(header.get(keyword))
        if value is None:
            continue
        exposure = value * (_SECONDS.get(unit) or _time_unit(header, keyword))
        if 0 <= exposure <= LONGEST_EXPOSURE:
            return exposure
    return None


def celsius(header):
    """Return the temperature of the sensor in degrees Celsius, `None` if no card gives one that a sensor can have."""
    for keyword in _TEMPERATURE_KEYWORDS:
        value = number(header.get(keyword))
        if value is None:
            continue
        if value >= _LEAST_KELVIN or _IN_KELVIN.search(_comment(header, keyword)):
            value = round(value - 273.15, 6)
        if _COLDEST <= value <= _WARMEST:
            return value
    return None


def gain_of(header):
    """Return the gain in electrons per ADU, `None` if no card gives it, and the camera's own setting of its gain as text.

    ``EGAIN`` is in electrons by its name. A ``GAIN`` may be a position of a switch or a number of the camera's own scale: it is
    not believed where its comment says so, where an offset stands beside a whole number, or where it is implausible.
    """
    found = (_said(header, keyword) for keyword in _ELECTRON_GAIN_KEYWORDS)
    gain = next((value for value in found if value is not None), None)
    written = number(header.get(_GAIN_KEYWORD))
    own = _believed(header, written)
    settings = [header.get(keyword) for keyword in _GAIN_SETTING_KEYWORDS]
    if own is None:
        settings.insert(0, header.get(_GAIN_KEYWORD) if written is None else f"{written:g}")
    setting = next((str(value).strip() for value in settings if value is not None and str(value).strip()), "")
    return (own if gain is None else gain), setting


def unequal_gains(header):
    """Return the gains of several amplifiers by keyword, where a header numbers them and they differ; else nothing.

    Examples
    --------
    >>> unequal_gains({"GAIN": 1.0, "GAIN1": 1.0, "GAIN2": 2.5}), unequal_gains({"GAIN1": 2.0, "GAIN2": 2.0})
    ({'GAIN1': 1.0, 'GAIN2': 2.5}, {})
    """
    keywords = (keyword for keyword in header if _NUMBERED_GAIN.fullmatch(keyword))
    gains = {keyword: value for keyword in keywords if (value := _said(header, keyword)) is not None}
    return gains if len({*gains.values()}) > 1 else {}


def read_noise_of(header):
    """Return the read noise in electrons, `None` if the header gives none above 0."""
    found = (number(header.get(keyword)) for keyword in _READ_NOISE_KEYWORDS)
    return next((value for value in found if value is not None and value > 0), None)


def binning_of(header):
    """Return the binning of columns and of rows, `None` if the header is silent."""
    for keywords in _BINNING_KEYWORDS:
        found = [number(header.get(keyword)) for keyword in keywords]
        if None not in found:
            return tuple(int(value) for value in found)
    for keyword in _BINNING_TEXTS:
        if len(found := re.findall(r"\d+", str(header.get(keyword, "")))) == 2:
            return tuple(map(int, found))
    return None


def _number_and_unit(value):
    if value is None or isinstance(value, bool):
        return None, ""
    text = str(value).strip().lower()
    # A decimal comma, from a computer that is set to a language with one.
    found = _NUMBER.fullmatch(text.replace(",", ".") if "." not in text else text)
    if found is None:
        return None, ""
    result = float(found[1].replace("d", "e"))
    return (result if math.isfinite(result) else None), found[2]


def _comment(header, keyword):
    comments = getattr(header, "comments", None)
    return "" if comments is None or keyword not in header else str(comments[keyword]).lower()


def _time_unit(header, keyword):
    for short, long in _UNIT_IN_TEXT.findall(_comment(header, keyword)):
        if (short or long) in _SECONDS:
            return _SECONDS[short or long]
    # Not days and years, which are of times and not of exposures in most headers that have them.
    unit = str(header.get(_TIME_UNIT, "")).strip().lower()
    return _SECONDS[unit] if unit in ("ms", "us") else 1.0


def _said(header, keyword):
    value = number(header.get(keyword))
    return value if value is not None and _LEAST_SAID_GAIN <= value <= _MOST_SAID_GAIN else None


def _believed(header, value):
    """Return a GAIN as electrons per ADU, if it can be that."""
    if value is None or value <= 0:
        return None
    comment = _comment(header, _GAIN_KEYWORD)
    if _PER_ELECTRON.search(comment):
        return 1 / value
    if _PER_ADU.search(comment):
        return _said(header, _GAIN_KEYWORD)
    beside_offset = any(keyword in header for keyword in _OFFSET_KEYWORDS) and value.is_integer()
    if beside_offset or _A_SETTING.search(comment):
        return None
    return value if _LEAST_GAIN <= value <= _MOST_GAIN else None
