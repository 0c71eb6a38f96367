"""What a frame is: bias, dark, flat, science or other, from what the user, the header and the name say. Not its numbers.

The keyword for the type is believed if nothing contradicts it. If it is silent, unknown or contradicted, other cards and
the name of the file may say it; that is a guess, and is called one, or the frame is ambiguous and has no type.
"""

import difflib
import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ParameterError
from ..files import result_name

__all__ = [
    "FRAME_TYPES",
    "Kind",
    "checked_image_types",
    "declare_type",
    "frame_type",
    "kind_of",
    "pattern_fits",
    "told_by_object",
]

FRAME_TYPES = ("bias", "dark", "flat", "science", "other")

# Says in a result of darkcal what the frame was used as; believed before all others.
_OWN_KEYWORD = "DCTYPE"

# In the order in which they are believed. KOAIMTYP is that of the Keck archive: LRIS itself calls every frame a dark. The second
# line: ESO, Subaru, SDSS, Magellan, SALT, LSST, TNG.
_TYPE_KEYWORDS = (
    *(_OWN_KEYWORD, "KOAIMTYP", "IMAGETYP", "OBSTYPE", "IMTYPE", "FRAME"),
    *("ESO DPR TYPE", "DATA-TYP", "FLAVOR", "EXPTYPE", "CCDTYPE", "IMGTYPE", "OBS-TYPE"),
)

# Lamps of Lick (Shane) and Keck, on or off: those that light flats, and those with spectral lines.
_FLAT_LAMPS = (*(f"LAMPSTA{n}" for n in "12345"), "HALOGEN", "FLAMP1", "FLAMP2", "FLIMAGIN", "FLSPECTR")
_LINE_LAMPS = (
    *(f"LAMPSTA{letter}" for letter in "ABCDEFGHIJK"),
    *("MERCURY", "NEON", "ARGON", "CADMIUM", "ZINC", "KRYPTON", "XENON", "FEARGON"),
)

# Keck: true where the shutter opens for the exposure.
_SHUTTER = "AUTOSHUT"

# Seconds; no bias frame lasts longer, and no camera needs longer for its shortest exposure.
_LONGEST_BIAS = 1.0

# Words of the type keyword in lower case, without spaces, punctuation, "frame", "field", "image", "exposure".
_TYPE_WORDS = {
    "bias": "bias zero offset",
    "dark": "dark darkflat flatdark",
    "flat": "flat flatfield skyflat flatsky domeflat dmflat twilightflat twiflat twilight dflat sflat intflat internalflat "
    "lampflat flatlamp pixelflat",
    "science": "object light science target sky standard std obj sci spectrum expose ext standardstar flux",
    "other": "comp comparison arc arclamp line focus test acquisition acquire lamp illum fringe wavelamp wave trace guide",
}
_TYPE_OF_WORD = {word: kind for kind, words in _TYPE_WORDS.items() for word in words.split()}

# Words, in the singular, of names that people give to frames and files.
_NAMED = {
    "bias": {"bias", "zero", "offset"},
    "dark": {"dark"},
    "flat": {"flat", "flatfield", "skyflat", "domeflat", "twilightflat", "twilight", "dflat", "sflat"},
    "other": {"arc", "comp", "comparison", "arclamp", "focus"},
}
# With one of these beside it, "dark" or "flat" is part of the name of something in the sky, or of an average of many frames.
_MISLEADING = set("nebula neb cloud globule matter galaxy star horsehead ldn barnard".split()) | set(
    "master combined average mean median stack stacked super norm normalized reduced calibrated".split()
)


@dataclass(frozen=True)
class Kind:
    """What a frame is used as, and why.

    Attributes
    ----------
    type : str or None
        One of `FRAME_TYPES`; `None`: unknown or ambiguous.
    word : str
        The word of the type keyword, empty if there is none.
    source : str
        Who says so: ``'user'``, ``'header'`` (the type keyword), ``'guess'``; ``'ambiguous'``; empty: nobody.
    evidence : str
        What was found, for a guess or where it is ambiguous.
    key : str
        A key of `image_types` that means frames like this one.
    """

    type: str | None
    word: str = ""
    source: str = ""
    evidence: str = ""
    key: str = ""


def frame_type(word, image_types=None):
    """Return the type of frame for the word in a header, or `None` for an unknown word.

    Examples
    --------
    >>> frame_type("Dark Frame"), frame_type("LAMP,DFLAT"), frame_type("my-dark", {"MY-DARK": "dark"})
    ('dark', 'flat', 'dark')
    """
    for key, kind in (image_types or {}).items():
        if "=" not in key and pattern_fits(word, key):
            return kind
    # ESO lists what a frame is of, as "FLAT,LAMP": a flat, if one of the words says so, or else what the first says.
    known = [kind for part in [word, *word.split(",")] if (kind := _type_of(part))]
    return next((kind for kind in known if kind == "flat"), known[0] if known else None)


def _type_of(word):
    parts = re.findall(r"[a-z]+", word.lower())
    plain = "".join(part for part in parts if part not in ("frame", "field", "image", "exposure", "exp"))
    return _TYPE_OF_WORD.get(plain) or _TYPE_OF_WORD.get(plain.removesuffix("s"))


def checked_image_types(image_types):
    """Return what a user says of the types of frames as a dictionary, empty for `None`.

    Parameters
    ----------
    image_types : mapping or None
        Keys are words of the type keyword (``''``: there is none), ``"CARD=pattern"`` for any card of the header, or
        ``"file=pattern"`` for the name of the file, all in any letter case, with ``*`` and ``?`` as in a shell; values are of
        `FRAME_TYPES`. The first that fits counts.

    Raises
    ------
    ParameterError
        It is not a mapping, or names a type that does not exist.
    """
    if image_types is None:
        return {}
    if not isinstance(image_types, Mapping):
        raise ParameterError(
            f"image_types is {image_types!r}; expected None or a mapping such as {{'OBJECT=bias*': 'bias', 'file=d10*': 'dark'}} "
            "(on papermill's command line: -y \"image_types: {'OBJECT=bias*': bias}\")."
        )
    for word, kind in image_types.items():
        if kind not in FRAME_TYPES:
            near = difflib.get_close_matches(str(kind).lower(), FRAME_TYPES, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise ParameterError(
                f"image_types maps {word!r} to {kind!r}; expected one of {', '.join(FRAME_TYPES)}.{meant}"
            )
    return {str(word): kind for word, kind in image_types.items()}


def pattern_fits(text, pattern):
    """Tell whether a text fits a shell pattern, in any letter case and without spaces around it."""
    text, pattern = text.strip().lower(), pattern.strip().lower()
    return text == pattern or fnmatch.fnmatchcase(text, pattern)


def kind_of(header, names=(), exposure=None, image_types=None):
    """Decide what a frame is.

    Parameters
    ----------
    header : mapping
        Cards by keyword.
    names : sequence of str
        Of the file, and of the frame if that is another; empty: they tell nothing.
    exposure : float or None
        Seconds.
    image_types : mapping, optional
        See `checked_image_types`.

    Returns
    -------
    Kind
    """
    words = {keyword: word for keyword in _TYPE_KEYWORDS if (word := _text(header.get(keyword)))}
    known = (keyword for keyword, word in words.items() if frame_type(word))
    keyword = next(known, next(iter(words), ""))
    word = words.get(keyword, "")
    for key, kind in (image_types or {}).items():
        if _means(key, words, header, names):
            return Kind(kind, word, "user")
    plain = Kind(frame_type(word), word, "header" if frame_type(word) else "", key=word)
    if keyword == _OWN_KEYWORD:
        return plain
    hints = [*_contradictions(words, keyword), *_hints(header, names)]
    found = f"{keyword} is {word!r}" if word else "no keyword gives its type"
    weigh = {"dark": _called_dark, "bias": _called_bias, "science": _called_science, None: _not_called}
    return weigh[plain.type](plain, found, hints, exposure) if plain.type in weigh else plain


def declare_type(header, kind, exposure):
    """Make a header say what a result is, where by itself it says something else or leaves it to a guess."""
    found = kind_of(header, exposure=exposure)
    if found.type == kind and found.source == "header":
        return
    header["IMAGETYP"] = (kind, f"the raw frame has {found.word!r}"[:47] if found.word else "type of frame")
    header[_OWN_KEYWORD] = (kind, "type of frame that darkcal used it as")


def told_by_object(text):
    """Return the type that the title of an observation says, or `None`: most titles are those of stars."""
    words = _name_words(text)
    kind = _named_kind(words)
    # A dark may have its exposure in its title, but not a name beside it.
    said = {"frame", "s", "sec", "second", "exposure"} | _NAMED["dark"] | _NAMED["flat"]
    return None if kind == "dark" and words - said else kind


# --- Hints ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Hint:
    """A type that something else than the type keyword tells, what it is, and a key of `image_types` for it."""

    type: str
    evidence: str
    key: str
    is_name: bool = False


def _contradictions(words, keyword):
    """Return what other type keywords tell that are not so well believed and tell something else."""
    told = frame_type(words[keyword]) if keyword else None
    others = [(other, word, frame_type(word)) for other, word in words.items() if told and other != keyword]
    return [
        _Hint(kind, f"{other} is {word!r}", f"{other}={word}")
        for other, word, kind in others
        if kind not in (None, told)
    ]


def _hints(header, names):
    """Return what title, lamps, shutter and name say, in the order in which they are believed."""
    hints = []
    title = _text(header.get("OBJECT"))
    if kind := told_by_object(title):
        hints.append(_Hint(kind, f"OBJECT is {title!r}", f"OBJECT={title}"))
    for kind, lamps in (("flat", _FLAT_LAMPS), ("other", _LINE_LAMPS)):
        if lit := [lamp for lamp in lamps if _is_on(header.get(lamp))]:
            hints.append(_Hint(kind, f"{lit[0]} is on", f"{lit[0]}=on"))
    if _is_on(header.get(_SHUTTER)):
        hints.append(_Hint("science", f"{_SHUTTER} is T, so that the shutter opened", f"{_SHUTTER}=T"))
    if names and (kind := _named_kind(_name_words(result_name(names[0])))):
        hints.append(_Hint(kind, f"its name says {kind!r}", f"file={names[0]}", is_name=True))
    return hints


def _called_dark(plain, found, hints, exposure):
    if exposure == 0:
        return _guess("bias", plain, f"{found}, the exposure 0 s")
    # A name does not outweigh the keyword: darks for flats are called after their flats.
    against = [hint for hint in hints if hint.type != "dark" and not hint.is_name]
    if not against or any(hint.type == "dark" and not hint.is_name for hint in hints):
        return plain
    kinds = [hint.type for hint in hints if hint.type != "science"]
    if len(kinds) > 1 and len(set(kinds)) == 1 and kinds[0] != "bias":
        return _guess(kinds[0], plain, _listed(found, hints), against[0].key)
    return _ambiguous(plain, _listed(found, against), against[0].key)


def _called_bias(plain, found, _, exposure):
    if exposure is not None and exposure > _LONGEST_BIAS:
        return _guess("bias", plain, f"{found}, but the exposure {exposure:g} s")
    return plain


def _called_science(plain, found, hints, exposure):
    hints = [hint for hint in hints if hint.type != "science"]
    if not hints:
        return plain
    first = hints[0]
    is_timed_bias = first.type == "bias" and (exposure or 0) > _LONGEST_BIAS
    # Where a name alone contradicts the keyword, a frame with light could get among the darks or bias frames.
    if is_timed_bias or (first.is_name and first.type in ("bias", "dark")):
        return _ambiguous(plain, _listed(found, [first], exposure), first.key)
    return _guess(_timed(first.type, exposure), plain, _listed(found, [first], exposure), first.key)


def _not_called(plain, found, hints, exposure):
    hints = [hint for hint in hints if hint.type != "science"]
    if plain.word and _name_words(plain.word) & _MISLEADING:
        return plain
    if not hints and exposure == 0:
        return _guess("bias", plain, f"{found}, the exposure is 0 s")
    if not hints:
        return plain
    first, kinds = hints[0], {_timed(hint.type, exposure) for hint in hints}
    if len(kinds) > 1 or (first.type == "bias" and (exposure or 0) > _LONGEST_BIAS):
        return _ambiguous(plain, _listed(found, hints, exposure), first.key)
    return _guess(kinds.pop(), plain, _listed(found, hints), first.key)


def _timed(kind, exposure):
    return "bias" if kind == "dark" and exposure == 0 else kind


def _guess(kind, plain, evidence, key=None):
    return Kind(kind, plain.word, "guess", evidence, plain.key if key is None else key)


def _ambiguous(plain, evidence, key):
    return Kind(None, plain.word, "ambiguous", evidence, key)


def _listed(found, hints, exposure=None):
    lasting = [] if exposure is None else [f"the exposure is {exposure:g} s"]
    return ", ".join([found, *(hint.evidence for hint in hints), *lasting])


# --- Words ------------------------------------------------------------------------------------------------


def _means(key, words, header, names):
    """Tell whether a key of `image_types` means a frame."""
    name, equals, pattern = key.partition("=")
    if not equals:
        return any(pattern_fits(word, key) for word in words.values()) or (not words and not key.strip())
    if _keyword(name) == "FILE":
        return any(pattern_fits(given, pattern) for name in names for given in (name, result_name(name)))
    value = header.get(_keyword(name))
    return value is not None and any(pattern_fits(text, pattern) for text in _spellings(value))


def _keyword(name):
    return name.strip().upper().removeprefix("HIERARCH ").strip()


def _spellings(value):
    """Return the ways in which a user may write the value of a card."""
    if isinstance(value, bool):
        return ("T", "True") if value else ("F", "False")
    return (str(value), f"{value:g}") if isinstance(value, int | float) else (str(value),)


def _text(value):
    return "" if value is None else str(value).strip()


def _is_on(value):
    return value is True or _text(value).lower() == "on"


def _name_words(text):
    """Return the words of a name in lower case and in the singular; `MyDark_001` has two."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)
    return {word if word in ("bias", "s") else word.removesuffix("s") for word in _singular(words)}


def _singular(words):
    return ("bias" if word.lower() == "biases" else word.lower() for word in words)


def _named_kind(words):
    if words & _MISLEADING:
        return None
    kinds = {kind for kind, named in _NAMED.items() if words & named}
    if kinds == {"dark", "flat"} or words & {"darkflat", "flatdark"}:
        return "dark"  # one for the flats
    return kinds.pop() if len(kinds) == 1 else None
