"""YAML files that hold a mapping, read within bounds of size, depth and length: what strangers write costs no time and no memory.

What the names and values mean is not known here.
"""

import os
import stat

import yaml

from .errors import ParameterError
from .text import shortened

__all__ = ["parse_yaml", "read_small_text", "read_yaml"]

_MOST_BYTES = 1 << 19  # 4,000 names of frames are about 200 kB
_MOST_DEPTH = 8  # a list of names is at depth 2
_MOST_LENGTH = 4096  # characters of one value, which is the longest path that Linux takes
_MOST_NAMES = 1000
_LARGEST = 2**63  # beyond it Python may refuse to print a number

_PLAIN = (str, bool, int, float, type(None))
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Parser):
    """Reads dates as text, as papermill does: ``2024-99-99`` looks like a date and cannot be one."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (as PyYAML has it)
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in _Parser.yaml_implicit_resolvers.items()
    }


def read_yaml(path):
    """Read a YAML file that holds a mapping of names to plain values; nothing in it is run.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    dict
        Its keys are text; its values are text, numbers, `True`, `False`, `None`, and lists and mappings of those. Dates are text.

    Raises
    ------
    ParameterError
        The file cannot be read, is not YAML, holds something else, or is larger, deeper or longer than a parameter file can
        sensibly be. The message names the file.
    """
    where = f"the parameter file {path}"
    try:
        values = parse_yaml(read_small_text(path, _MOST_BYTES))
    except OSError as error:
        raise ParameterError(f"{where} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise ParameterError(f"{where} {error}") from error
    if not isinstance(values, dict):
        raise ParameterError(f"{where} holds {type(values).__name__}; expected lines of `name: value`.")
    if len(values) > _MOST_NAMES:
        raise ParameterError(f"{where} holds {len(values)} names; expected at most {_MOST_NAMES}.")
    return values


def parse_yaml(text):
    """Return the plain value that a YAML text stands for.

    Raises
    ------
    ValueError
        It is not YAML, or holds something that is not plain or exceeds the bounds; the message goes after the name of a file.

    Examples
    --------
    >>> parse_yaml("files: [a.fits, b.fits]\\nobserved: 2024-01-01\\noverwrite: no")
    {'files': ['a.fits', 'b.fits'], 'observed': '2024-01-01', 'overwrite': False}
    """
    try:
        _check_events(yaml.parse(text, _Parser))
        values = _load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {shortened(' '.join(str(error).split()))}") from error
    _check_plain(values)
    return values


def read_small_text(path, most):
    """Return the text of a regular file of at most `most` bytes.

    Raises
    ------
    OSError
        It cannot be opened or read, or is a folder.
    ValueError
        It is larger, not UTF-8, or a pipe or a device, which is not waited for; the message goes after the name of the file.
    """
    with open(path, "rb", opener=_without_waiting) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("is not a regular file; expected a text file.")
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"is larger than {most} bytes; expected a small text file.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 text: {error}.") from error


def _without_waiting(path, flags):
    """Open a file for `open`; a pipe without a writer would keep us waiting, to regular files it makes no difference."""
    return os.open(path, flags | os.O_NONBLOCK)


def _load(text):
    try:
        return yaml.load(text, _Loader)
    except ValueError as error:  # PyYAML takes 0b_ for a number, and then cannot convert it
        raise yaml.YAMLError(str(error)) from error


def _check_events(events):
    """Refuse what would cost more to build than it is worth, before anything is built."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            raise ValueError(f"holds lists within lists; expected at most {_MOST_DEPTH} levels.")
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(
                f"holds the alias *{shortened(event.anchor)}; write the value itself in its place."
            )
        if (tag := getattr(event, "tag", None)) is not None:
            raise ValueError(f"holds the tag {shortened(tag)}; write the plain value.")
        if len(getattr(event, "value", "")) > _MOST_LENGTH:
            raise ValueError(
                f"holds a value of {len(event.value)} characters ({shortened(event.value, 40)}); expected at most {_MOST_LENGTH}."
            )


def _check_plain(value):
    """Refuse names that are not text, and numbers that cannot be printed."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise ValueError(f"holds the name {name!r} ({type(name).__name__}); expected text.")
            _check_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_plain(inner)
    elif isinstance(value, int) and abs(value) >= _LARGEST:
        raise ValueError("holds a whole number of more than 64 bits; expected a smaller one.")
    elif not isinstance(value, _PLAIN):
        raise ValueError(f"holds a value of the kind {type(value).__name__}; expected text or a number.")
