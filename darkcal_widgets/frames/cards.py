"""Header cards of a file that may be damaged: bytes in, cards that follow the FITS standard out.

What does not follow the standard is kept as text in a ``COMMENT``, before astropy sees it: astropy warns of such cards when
their file is read and fails on them when their value is asked for, which may be much later.
"""

import contextlib
import re
from collections.abc import MutableMapping
from functools import lru_cache
from itertools import takewhile

from astropy.io import fits

from ..errors import FrameError
from ..text import visible

__all__ = ["CARD", "END", "STORAGE_KEYWORDS", "Cards"]

CARD = 80
END = b"END".ljust(CARD)
_END = END.decode()

# Cards that describe how a file stores its data; a frame in memory does not have them.
STORAGE_KEYWORDS = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "INHERIT",
    "BZERO", "BSCALE", "BLANK", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM",
)  # fmt: skip

# Cards that have no value and may stand in a header any number of times.
_COMMENTARY = ("COMMENT", "HISTORY", "")

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[ED][+-]?\d{1,3})?"
_STRING = r"'(?:[ -&(-~]|'')*'"
_VALUE = rf"(?:{_STRING}|[TF]|{_NUMBER}|\( *{_NUMBER} *, *{_NUMBER} *\)|) *(?:/[ -~]*)?"
_STANDARD = re.compile(
    r"(?:COMMENT |HISTORY | {8})[ -~]*"
    rf"|CONTINUE  *{_STRING} *(?:/[ -~]*)?"
    rf"|(?=[A-Z0-9_-]+ *= )[A-Z0-9_ -]{{8}}= *{_VALUE}"
    # A convention that is older than the standard, and that every reader knows; ccdproc writes small letters.
    rf"|HIERARCH [A-Za-z0-9_ -]*[A-Za-z0-9_-] *= *{_VALUE}"
)
_TO_BE_CONTINUED = re.compile(r"&' *(?:/[ -~]*)?\Z")
# The value and the comment of a standard card, behind its keyword.
_VALUE_AND_COMMENT = re.compile(r" *('(?:[^']|'')*'|[^/']*) *(?:/(.*))?")

# Exponents want a capital letter; what is meant is clear.
_SMALL_EXPONENT = re.compile(r"\A(.{8}= *[+-]?[\d.,]+)([ed])(?=[+-]?\d)")
# So do numbers written on a computer that is set to a language with a decimal comma.
_DECIMAL_COMMA = re.compile(r"\A(.{8}= *[+-]?\d+),(?=\d+(?:[ED][+-]?\d{1,3})? *(?:/|\Z))")

# Cards on how the data are stored: to guess at one of them would be to guess at the image.
_STORAGE = re.compile(
    r"Z?(?:BITPIX|NAXIS\d*|BSCALE|BZERO|BLANK|[PG]COUNT|TFORM\d+)|SIMPLE|XTENSION|TTYPE\d+|TFIELDS|THEAP"
    r"|Z(?:IMAGE|SIMPLE|TENSION|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|SCALE|ZERO|QUANTIZ|DITHER0)"
)


class Cards(MutableMapping):
    """A header as its text: keywords to values, each read when it is asked for and written when it is set.

    It is used as a `~astropy.io.fits.Header`, whose cards would take most of the time of an inventory, and a tenth of that of a
    full-size dark. Of a keyword that is there twice the first card counts.

    Parameters
    ----------
    text : bytes
        Cards of 80 bytes each; what follows END is not looked at.
    name : str
        Of the file, for messages.

    Raises
    ------
    FrameError
        A card on how the image is stored makes no sense.

    Examples
    --------
    >>> cards = Cards(b"EXPTIME = 30.0 / [s] open".ljust(80) + b"OBJECT  = 'it''s dark'".ljust(80))
    >>> dict(cards), cards.comments["EXPTIME"]
    ({'EXPTIME': 30.0, 'OBJECT': "it's dark"}, '[s] open')
    """

    def __init__(self, text=b"", name="the file"):
        self._entries = _entries(text.decode("latin-1"))
        _check_storage(self._entries, name)

    @classmethod
    def of(cls, header):
        """Make them of an astropy `~astropy.io.fits.Header`."""
        return cls("".join(map(_written, header.cards)).encode("ascii"))

    def header(self):
        """Return them as an astropy `~astropy.io.fits.Header`, of which every card can be read and written without complaint."""
        return fits.Header.fromstring("".join(self.texts()))

    def texts(self):
        """Yield the cards in standard form, 80 characters each."""
        for entry in self._entries.values():
            yield from _standard(entry)

    def copy(self):
        """Return other cards of the same text."""
        result = Cards()
        result._entries = dict(self._entries)
        return result

    def completed(self, primary):
        """Return the cards of an image and, where it has none of a keyword, those of the primary header."""
        result = self.copy()
        for keyword, entry in primary._entries.items():
            if not entry.isspace():
                result._entries.setdefault(keyword, entry)
        return result

    def without(self, keywords):
        """Return the cards of all other keywords."""
        result = self.copy()
        for keyword in keywords:
            result._entries.pop(keyword, None)
        return result

    @property
    def comments(self):
        """The comments by keyword."""
        return _Comments(self)

    def add_history(self, text):
        """Add ``HISTORY`` cards at the end."""
        for at in range(0, len(text), CARD - 8):
            self._entries[object()] = f"HISTORY {text[at : at + CARD - 8]}".ljust(CARD)

    def get(self, keyword, default=None):
        """Return the value of a card, or else the default."""
        # Of a hundred keywords that cameras may use, ten are there.
        found = self._read(keyword) if keyword in self._entries else None
        return default if found is None else found[0]

    def __getitem__(self, keyword):
        found = self._read(keyword)
        if found is None:
            raise KeyError(keyword)
        return found[0]

    def __contains__(self, keyword):
        return self._read(keyword) is not None

    def __setitem__(self, keyword, value):
        value, comment = value if isinstance(value, tuple) else (value, (self._read(keyword) or ("", ""))[1])
        is_new = keyword not in self._entries
        # A new card stands before the comments at the end.
        tail = [*takewhile(_is_commentary, reversed(self._entries))][::-1] if is_new else ()
        self._entries[keyword] = _image(keyword, value, comment)
        for last in tail:
            self._entries[last] = self._entries.pop(last)

    def __delitem__(self, keyword):
        del self._entries[keyword]

    def __iter__(self):
        return (keyword for keyword in self._entries if not _is_commentary(keyword))

    def __len__(self):
        return sum(1 for _ in self)

    def _read(self, keyword):
        """Return the value and the comment of a card, `None` where there is no standard one."""
        entry = self._entries.get(keyword)
        return None if entry is None else _value_and_comment(entry)


class _Comments:
    def __init__(self, cards):
        self._cards = cards

    def __getitem__(self, keyword):
        return self._cards._read(keyword)[1]


def _entries(text):
    """Return the text of cards by their keyword; by an object of its own where they are commentary.

    Continuations, and cards of a keyword that was there before, follow in the text of the card that they belong to.
    """
    entries, keyword = {}, None
    for at in range(0, len(text), CARD):
        card = text[at : at + CARD]
        if card == _END:
            break
        stem = card[:8].rstrip(" ")
        if stem != "CONTINUE" or keyword is None:
            keyword = object() if stem in _COMMENTARY else _long_keyword(card) if stem == "HIERARCH" else stem
        entries[keyword] = entries.get(keyword, "") + card
    # Programs leave room for more cards before END.
    while entries and entries[keyword := next(reversed(entries))].isspace():
        del entries[keyword]
    return entries


def _is_commentary(keyword):
    return not isinstance(keyword, str)


def _long_keyword(card):
    """Return the keyword of a card of the HIERARCH convention, as astropy does, if it cannot be one of another card."""
    keyword = card[8:].partition("=")[0].strip().upper()
    return keyword if len(keyword) > 8 or " " in keyword else f"HIERARCH {keyword}"


def _split(entry):
    return [entry[at : at + CARD] for at in range(0, len(entry), CARD)]


def _check_storage(entries, name):
    for keyword, entry in entries.items():
        if _is_storage(keyword) and (card := _unusable(entry)) is not None:
            raise FrameError(
                f"{name}: the card {_shown(card)!r} makes no sense, or is there twice with different values; without it the "
                "image cannot be read. Leave it out."
            )


# One camera writes the same cards into most of its frames.
@lru_cache(maxsize=4096)
def _unusable(entry):
    """Return the card of an entry that is not standard, or that contradicts the first; `None`: there is none."""
    cards = [_mended(card) for card in _split(entry) if not card.startswith("CONTINUE")]
    values = [card.partition("/")[0].rstrip() for card in cards]
    bad = (
        c for c, value in zip(cards, values, strict=True) if not _STANDARD.fullmatch(c) or value != values[0]
    )
    return next(bad, None)


@lru_cache(maxsize=4096)
def _is_storage(keyword):
    return not _is_commentary(keyword) and _STORAGE.fullmatch(keyword) is not None


@lru_cache(maxsize=4096)
def _standard(entry):
    """Return the standard cards of an entry; a string is only continued by a card that stands right behind it."""
    texts, continued = [], False
    for card in map(_mended, _split(entry)):
        is_standard = _STANDARD.fullmatch(card) and (continued or not card.startswith("CONTINUE"))
        continued = is_standard and _TO_BE_CONTINUED.search(card)
        texts += [card] if is_standard else _as_comment(f"not standard: {_shown(card)}")
    return texts


@lru_cache(maxsize=4096)
def _value_and_comment(entry):
    """Read the first standard card of an entry, section 4.2 of the standard; `None`: there is none."""
    texts = _standard(entry)
    while texts and texts[0].startswith("COMMENT "):
        texts = texts[1:]
    if not texts:
        return None
    continued = [*takewhile(lambda text: text.startswith("CONTINUE"), texts[1:])]
    if continued or texts[0].startswith("HIERARCH"):
        card = fits.Card.fromstring("".join([texts[0], *continued]))
        return card.value, card.comment
    found = _VALUE_AND_COMMENT.fullmatch(texts[0], 10)
    return found and (_value(found[1].strip()), (found[2] or "").strip())


def _value(text):
    if text.startswith("'"):
        return text[1:-1].replace("''", "'").rstrip()
    if text in ("T", "F"):
        return text == "T"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text.replace("D", "E"))
    return None


@lru_cache(maxsize=4096, typed=True)
def _image(keyword, value, comment):
    return fits.Card(keyword, value, comment).image


def _written(card):
    """Return a card of astropy in standard form; one that cannot be understood becomes a comment, so that nothing is lost."""
    try:
        card.verify("silentfix+exception")
        return card.image
    except (fits.VerifyError, ValueError):
        return "".join(_as_comment(f"card that is not standard FITS: {card.rawkeyword} {card.rawvalue}"))


def _mended(card):
    card = _SMALL_EXPONENT.sub(lambda found: found[1] + found[2].upper(), card, count=1)
    return _DECIMAL_COMMA.sub(r"\1.", card, count=1)


def _as_comment(text):
    width = CARD - len("COMMENT ")
    return [f"COMMENT {text[at : at + width]:<{width}}" for at in range(0, len(text), width)]


def _shown(card):
    return visible(card.rstrip()).encode("ascii", "replace").decode()
