"""Choice: which darks the parameter `files` means, by name, pattern, exposure or temperature. Not what a dark is (night)."""

import difflib
import re
from functools import partial

from .errors import ParameterError
from .frames.kinds import pattern_fits
from .frames.numbers import number
from .groups import TEMPERATURE_TOLERANCE, same_exposure
from .text import visible

__all__ = ["chosen"]

# The unit of what can be chosen, and whether a value is the one that is asked for.
_CHOICES = {
    "exposure": ("s", same_exposure),
    "temperature": ("°C", lambda one, other: abs(one - other) <= TEMPERATURE_TOLERANCE),
}


def chosen(files, darks, not_a_dark):
    """Return the darks that are meant, each once, in the order in which they are named; by a pattern, in their own.

    Parameters
    ----------
    files : iterable of str
        See `~darkcal_widgets.Night.select_darks`.
    darks : sequence of Frame
    not_a_dark : callable
        Says why nothing that fits a name, as told by the function it is given, is a dark; empty: there is nothing.

    Raises
    ------
    ParameterError
        There is nothing in `files`, or something that no dark fits.
    """
    by_name = {}
    for dark in darks:
        for name in _names(dark):
            by_name.setdefault(name, dark)  # where two folders hold the same name, the first is meant
    found = [dark for wanted in _checked(files) for dark in _meant(wanted, darks, by_name, not_a_dark)]
    return list(dict.fromkeys(found))


def _checked(files):
    """Return what `files` gives, whatever iterable it is; it may be one that can be gone through only once."""
    names = [files] if isinstance(files, str) else list(files)
    if isinstance(files, str) or not all(isinstance(name, str) for name in names):
        raise ParameterError(f"files is {files!r}; expected a list of file names, or None for all darks.")
    if not names:
        raise ParameterError(
            "files is an empty list: no dark is selected; name at least one, or None for all darks."
        )
    return names


def _meant(wanted, darks, by_name, not_a_dark):
    """Return the darks that one entry means; a name is looked up, for thousands of darks may be named one by one."""
    if wanted in by_name:
        return [by_name[wanted]]
    if reason := not_a_dark(partial(_is_named, wanted)):
        raise ParameterError(f"files names {wanted!r}, which {reason}")
    fits = partial(_fits_pattern, wanted)
    if found := [dark for dark in darks if any(map(fits, _names(dark)))]:
        return found
    if reason := not_a_dark(fits):
        raise ParameterError(f"files names {wanted!r}, which {reason}")
    if (choices := _choices(wanted)) is not None:
        return _by_choices(wanted, choices, darks)
    raise ParameterError(_unknown(wanted, darks))


def _names(dark):
    return dark.name, dark.path.name, visible(dark.name)


def _is_named(wanted, name):
    return name == wanted


def _fits_pattern(wanted, name):
    return any(sign in wanted for sign in "*?[") and pattern_fits(name, wanted)


def _choices(wanted):
    """Return name and value of each choice in an entry such as ``exposure=300 temperature=-10``; `None`: it is a name."""
    parts = re.split(r"[\s,]+", wanted.strip())
    pairs = [part.partition("=")[::2] for part in parts]
    if any(name.lower() not in _CHOICES for name, _ in pairs):
        return None
    for name, text in pairs:
        if number(text) is None:
            raise ParameterError(f"files holds {wanted!r}; expected a number, as in '{name.lower()}=300'.")
    return [(name.lower(), number(text)) for name, text in pairs]


def _by_choices(wanted, choices, darks):
    found = [dark for dark in darks if all(_has(dark, *choice) for choice in choices)]
    if found:
        return found
    there = "; ".join(f"{name} {_values(darks, name)}" for name, _ in choices)
    raise ParameterError(f"files holds {wanted!r}, which fits no dark; the darks have {there}.")


def _has(dark, name, value):
    own = getattr(dark.info, name)
    return own is not None and _CHOICES[name][1](own, value)


def _values(darks, name):
    values = sorted({value for dark in darks if (value := getattr(dark.info, name)) is not None})
    listed = ", ".join(dict.fromkeys(f"{value:.5g}" for value in values[:12])) or "unknown"
    return f"{listed} {_CHOICES[name][0]}" if values else listed


def _unknown(wanted, darks):
    # Of a pattern, what stands before its first sign is compared.
    start = re.split(r"[*?[]", wanted)[0] or wanted
    is_pattern = start != wanted
    names = [dark.path.name for dark in darks]
    offered = {name[: len(start)] if is_pattern else name: name for name in reversed(names)}
    offered |= {f"{name}=": f"{name}=" for name in _CHOICES}
    near = difflib.get_close_matches(start, offered, n=1)
    advice = f"did you mean {offered[near[0]]!r}?" if near else "print(night.table) lists the names."
    where = f" in {darks[0].path.parent}" if darks else ""
    if is_pattern:
        return f"files holds the pattern {wanted!r}, which fits no dark{where}; {advice}"
    return f"files names {wanted!r}, which is not{where or ' there'}; {advice}"
