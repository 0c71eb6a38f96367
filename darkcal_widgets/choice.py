"""Choice: which darks and bias frames the parameter `files` means, by name, pattern, exposure or temperature.

Not what a frame is (night).
"""

import difflib
import re
from functools import partial

from .errors import ParameterError
from .frames.kinds import pattern_fits
from .frames.numbers import number
from .groups import TEMPERATURE_TOLERANCE, same_exposure
from .text import visible

__all__ = ["chosen", "parted"]

# The unit of what can be chosen, and whether a value is the one that is asked for.
_CHOICES = {
    "exposure": ("s", same_exposure),
    "temperature": ("°C", lambda one, other: abs(one - other) <= TEMPERATURE_TOLERANCE),
}

# Begins what is said of bias frames: "bias:b-10*".
_OF_BIASES = re.compile(r"\s*bias\s*:\s*", re.IGNORECASE)


def parted(files):
    """Part what `files` holds into what is said of darks and what is said of bias frames.

    Parameters
    ----------
    files : iterable of str, or None
        It may be one that can be gone through only once.

    Returns
    -------
    of_darks, of_biases : list of str or None
        `None`: nothing is said, and all are meant.

    Raises
    ------
    ParameterError
        It is not a list of names, or an empty one.

    Examples
    --------
    >>> parted(["dark-10*", "bias:temperature=-10"])
    (['dark-10*'], ['temperature=-10'])
    """
    if files is None:
        return None, None
    names = [files] if isinstance(files, str) else list(files)
    if isinstance(files, str) or not all(isinstance(name, str) for name in names):
        raise ParameterError(f"files is {files!r}; expected a list of file names, or None for all darks.")
    if not names:
        raise ParameterError(
            "files is an empty list: no dark is selected; give at least one, or None for all darks."
        )
    of_darks = [name for name in names if not _OF_BIASES.match(name)]
    of_biases = [_OF_BIASES.sub("", name, count=1) for name in names if _OF_BIASES.match(name)]
    return of_darks or None, of_biases or None


def chosen(wanted, frames, kind, why_not):
    """Return the frames that are meant, each once, in the order in which they are named; by a pattern, in their own.

    Parameters
    ----------
    wanted : list of str
        From `parted`.
    frames : sequence of Frame
        Those to choose from.
    kind : str
        What they are: ``'dark'`` or ``'bias frame'``.
    why_not : callable
        Says why nothing that fits a name, as told by the function it is given, is one of them; empty: there is nothing.

    Raises
    ------
    ParameterError
        There is something in `wanted` that no frame fits.
    """
    by_name = {}
    for frame in frames:
        for name in _names(frame):
            by_name.setdefault(name, frame)  # where two folders hold the same name, the first is meant
    found = [frame for entry in wanted for frame in _meant(entry, frames, by_name, kind, why_not)]
    return list(dict.fromkeys(found))


def _meant(wanted, frames, by_name, kind, why_not):
    """Return the frames that one entry means; a name is looked up, for thousands may be named one by one."""
    if wanted in by_name:
        return [by_name[wanted]]
    if reason := why_not(partial(_is_named, wanted)):
        raise ParameterError(f"files names {wanted!r}, which {reason}")
    fits = partial(_fits_pattern, wanted)
    if found := [frame for frame in frames if any(map(fits, _names(frame)))]:
        return found
    if reason := why_not(fits):
        raise ParameterError(f"files names {wanted!r}, which {reason}")
    if (choices := _choices(wanted)) is not None:
        return _by_choices(wanted, choices, frames, kind)
    raise ParameterError(_unknown(wanted, frames, kind))


def _names(frame):
    return frame.name, frame.path.name, visible(frame.name)


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


def _by_choices(wanted, choices, frames, kind):
    found = [frame for frame in frames if all(_has(frame, *choice) for choice in choices)]
    if found:
        return found
    there = "; ".join(f"{name} {_values(frames, name)}" for name, _ in choices)
    raise ParameterError(f"files holds {wanted!r}, which fits no {kind}; the {kind}s have {there}.")


def _has(frame, name, value):
    own = getattr(frame.info, name)
    return own is not None and _CHOICES[name][1](own, value)


def _values(frames, name):
    values = sorted({value for frame in frames if (value := getattr(frame.info, name)) is not None})
    listed = ", ".join(dict.fromkeys(f"{value:.5g}" for value in values[:12])) or "unknown"
    return f"{listed} {_CHOICES[name][0]}" if values else listed


def _unknown(wanted, frames, kind):
    # Of a pattern, what stands before its first sign is compared.
    start = re.split(r"[*?[]", wanted)[0] or wanted
    is_pattern = start != wanted
    names = [frame.path.name for frame in frames]
    offered = {name[: len(start)] if is_pattern else name: name for name in reversed(names)}
    offered |= {f"{name}=": f"{name}=" for name in _CHOICES}
    near = difflib.get_close_matches(start, offered, n=1)
    advice = f"did you mean {offered[near[0]]!r}?" if near else "print(night.table) lists the names."
    where = f" in {frames[0].path.parent}" if frames else ""
    if is_pattern:
        return f"files holds the pattern {wanted!r}, which fits no {kind}{where}; {advice}"
    return f"files names {wanted!r}, which is not{where or ' there'}; {advice}"
