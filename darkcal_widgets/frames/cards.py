"""Header cards of a file that may be damaged: bytes in, cards that follow the FITS standard out.

What does not follow the standard is kept as text in a ``COMMENT``, before astropy sees it: astropy warns of such cards when
their file is read and fails on them when their value is asked for, which may be much later.
"""

import contextlib
import re
from functools import lru_cache

from astropy.io import fits

from ..errors import FrameError
from ..text import visible

__all__ = ["CARD", "END", "CardValues", "parse_cards", "storage_values", "wanted_values"]

CARD = 80
END = b"END".ljust(CARD)

_NUMBER = rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[ED][+-]?\d{1,3})?"
_VALUE = rb"'(?:[ -&(-~]|'')*'|[TF]|%s|\( *%s *, *%s *\)|" % (_NUMBER, _NUMBER, _NUMBER)
_COMMENT = rb" *(?:/[ -~]*)?"
_STANDARD = re.compile(
    rb"(?:COMMENT |HISTORY | {8})[ -~]*"
    rb"|CONTINUE  *'(?:[ -&(-~]|'')*'"
    + _COMMENT
    + rb"|(?=[A-Z0-9_-]+ *= )[A-Z0-9_ -]{8}= *(?:"
    + _VALUE
    + rb")"
    + _COMMENT
    # A convention that is older than the standard, and that every reader knows.
    + rb"|HIERARCH [A-Z0-9_ -]*[A-Z0-9_-] *= *(?:"
    + _VALUE
    + rb")"
    + _COMMENT
)

_TO_BE_CONTINUED = re.compile(rb"&' *(?:/[ -~]*)?\Z")

# Exponents want a capital letter; what is meant is clear.
_SMALL_EXPONENT = re.compile(rb"\A(.{8}= *[+-]?[\d.,]+)([ed])(?=[+-]?\d)")
# So do numbers written on a computer that is set to a language with a decimal comma.
_DECIMAL_COMMA = re.compile(rb"\A(.{8}= *[+-]?\d+),(?=\d+(?:[ED][+-]?\d{1,3})? *(?:/|\Z))")

# Cards on how the data are stored: to guess at one of them would be to guess at the image.
_STORAGE = re.compile(
    rb"(?:Z?(?:BITPIX|NAXIS\d*|BSCALE|BZERO|BLANK|[PG]COUNT|TFORM\d+)|SIMPLE|XTENSION|TTYPE\d+|TFIELDS|THEAP"
    rb"|Z(?:IMAGE|SIMPLE|TENSION|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|SCALE|ZERO|QUANTIZ|DITHER0)) *\Z"
)


# The value and the comment of a standard card, behind its keyword.
_VALUE_AND_COMMENT = re.compile(rb" *('(?:[^']|'')*'|[^/']*) *(?:/(.*))?")


def storage_values(content, name="the file"):
    """Return the cards up to END that say how the data are stored, and ``EXTNAME``, as keywords to values.

    Raises
    ------
    FrameError
        One of them makes no sense.
    """
    wanted = (card for card in _cards(content) if _is_storage(card[:8]) or card.startswith(b"EXTNAME "))
    return CardValues(_standard_cards(wanted, name))


class CardValues(dict):
    """Keywords to values of standard cards, of those that are there twice the first; `comments` has their comments.

    As a `~astropy.io.fits.Header` where only these are asked for: its cards would take most of the time of an inventory.

    Parameters
    ----------
    cards : iterable of bytes
        80 bytes each; none of them is continued by another.

    Examples
    --------
    >>> found = CardValues([b"EXPTIME = 30.0 / [s] open".ljust(80), b"OBJECT  = 'it''s dark'".ljust(80)])
    >>> found, found.comments["EXPTIME"]
    ({'EXPTIME': 30.0, 'OBJECT': "it's dark"}, '[s] open')
    """

    @classmethod
    def of(cls, values, comments):
        """Make them of dictionaries of values and comments."""
        found = cls(())
        found.update(values)
        found.comments = comments
        return found

    def __init__(self, cards):
        super().__init__()
        self.comments = {}
        for card in cards:
            keyword = card[:8].decode().rstrip()
            if keyword not in self and (found := _VALUE_AND_COMMENT.fullmatch(card, 10)):
                self[keyword] = _value(found[1].strip())
                self.comments[keyword] = (found[2] or b"").decode().strip()


def wanted_values(content, wanted, name="the file"):
    """Return some of the cards up to END as `CardValues`.

    Parameters
    ----------
    content : bytes
        Cards of 80 bytes each.
    wanted : set of bytes
        Keywords, 8 bytes each.
    name : str
        Of the file, for messages.

    Raises
    ------
    FrameError
        See `parse_cards`.
    """
    return CardValues(_standard_cards((card for card in _cards(content) if card[:8] in wanted), name))


def parse_cards(content, name="the file"):
    """Return the cards up to END as a header of which every card can be read and written without complaint.

    Parameters
    ----------
    content : bytes
        Cards of 80 bytes each.
    name : str
        Of the file, for messages.

    Returns
    -------
    `~astropy.io.fits.Header`

    Raises
    ------
    FrameError
        A card on how the image is stored makes no sense.
    """
    return fits.Header.fromstring(b"".join(_standard_cards(_cards(content), name)).decode("ascii"))


def _cards(content):
    """Yield the cards before END."""
    for at in range(0, len(content), CARD):
        if (card := content[at : at + CARD]) == END:
            return
        yield card


@lru_cache(maxsize=4096)
def _is_storage(keyword):
    """Tell whether a keyword, 8 bytes, is that of a card on how the data are stored."""
    return _STORAGE.match(keyword) is not None


def _value(text):
    """Read the value of a standard card that is not continued, section 4.2 of the standard."""
    if text.startswith(b"'"):
        return text[1:-1].replace(b"''", b"'").decode().rstrip()
    if text in (b"T", b"F"):
        return text == b"T"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text.replace(b"D", b"E"))
    return None


def _standard_cards(cards, name):
    """Yield standard cards; a string is only continued by a card that stands right behind it."""
    continued, storage = False, {}
    for card in cards:
        card = _SMALL_EXPONENT.sub(lambda found: found[1] + found[2].upper(), card, count=1)
        card = _DECIMAL_COMMA.sub(rb"\1.", card, count=1)
        is_continuation = card.startswith(b"CONTINUE")
        is_standard = _STANDARD.fullmatch(card) is not None and (continued or not is_continuation)
        if _is_storage(card[:8]):
            value = card.partition(b"/")[0].rstrip()
            if not is_standard or storage.setdefault(card[:8], value) != value:
                raise FrameError(
                    f"{name}: the card {_shown(card)!r} makes no sense, or is there twice with different values; without it the "
                    "image cannot be read. Leave it out."
                )
        continued = is_standard and _TO_BE_CONTINUED.search(card) is not None
        if is_standard:
            yield card
        else:
            yield from _as_comment(f"not standard: {_shown(card)}")


def _as_comment(text):
    width = CARD - len("COMMENT ")
    for at in range(0, len(text), width):
        yield f"COMMENT {text[at : at + width]:<{width}}".encode("ascii")


def _shown(card):
    return visible(card.decode("ascii", "replace").rstrip()).encode("ascii", "replace").decode()
