"""Units of CCD frames: the words that cameras write for them. Not their arithmetic, which is astropy's."""

from .errors import ParameterError

__all__ = ["standard_unit"]

# The words that cameras and their software write for the two units of a CCD frame, in lower case.
_UNIT_WORDS = {
    "adu": (
        "adu",
        "adus",
        "ad units",
        "dn",
        "dns",
        "ct",
        "cts",
        "count",
        "counts",
        "data number",
        "data numbers",
    ),
    "electron": ("electron", "electrons", "e", "e-", "el"),
}
_STANDARD_UNIT = {word: unit for unit, words in _UNIT_WORDS.items() for word in words}


def standard_unit(word, parameter):
    """Return ``'adu'`` or ``'electron'`` for a word that cameras write for it, in any letter case.

    Raises
    ------
    ParameterError
        The word is unknown; `parameter` names it in the message.

    Examples
    --------
    >>> standard_unit("Counts", "BUNIT")
    'adu'
    """
    unit = _STANDARD_UNIT.get(word.strip().lower()) if isinstance(word, str) else None
    if unit is None:
        raise ParameterError(f"{parameter} is {word!r}; expected one of {', '.join(_STANDARD_UNIT)}.")
    return unit
