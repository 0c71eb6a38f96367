"""Fields of a dataclass that a user sets. Where one is defined, its meaning is, too; check, JSON Schema and docstring follow.

Which fields there are is not known here. Kinds are written as annotations: ``str``, ``bool``, ``int``, ``None``, ``Literal``,
``tuple`` (a list, in notebooks and files), ``dict``, and unions of those.
"""

import json
import os
import shlex
import textwrap
from dataclasses import MISSING, field, fields
from types import NoneType, UnionType
from typing import Literal, get_args, get_origin

from .errors import ParameterError

__all__ = ["as_lists", "checked", "documented", "notation", "papermill_option", "properties", "setting"]


def setting(default, meaning, *examples, details=""):
    """Return a field of a dataclass.

    Parameters
    ----------
    default : object
        `MISSING`: it has to be given.
    meaning : str
        In a few words, as the comment in a notebook has it.
    *examples : object
    details : str
        Further sentences, for the documentation.
    """
    metadata = {"meaning": meaning, "examples": examples, "details": " ".join(details.split())}
    return field(default=default, metadata=metadata)


def documented(cls):
    """Write the attributes of a dataclass into its docstring, in place of ``{attributes}``."""
    if cls.__doc__:  # python -OO has none
        own = [one for one in fields(cls) if one.name in cls.__annotations__]
        cls.__doc__ = cls.__doc__.replace("{attributes}", "\n    ".join(map(_attribute, own)))
    return cls


def _attribute(one):
    meaning = _sentences(one).replace("None:", "`None`:")
    lines = textwrap.wrap(meaning, 118, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return "\n".join([f"{one.name} : {_in_words(one.type)}", *lines])


def _sentences(one):
    meaning, details = one.metadata["meaning"], one.metadata["details"]
    return f"{meaning[0].upper()}{meaning[1:]}." + (f" {details}" if details else "")


def _in_words(kind):
    """Name a kind as docstrings do."""
    first, *others = _kinds(kind)
    name = "str" if get_origin(first) is Literal else (get_origin(first) or first).__name__
    return name + (" or None" if NoneType in others else "")


def _kinds(kind):
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def checked(one, value):
    """Return a value as a field holds it: paths as text, lists as tuples.

    Raises
    ------
    ParameterError
        It is not of the kind of the field, or is empty; the message names the field.
    """
    held = _held(value)
    if not _is(held, one.type) or held in ("", ()):
        kind = type(value).__name__
        found = f"an empty {kind}" if held in ("", ()) else f"{value!r} ({kind})"
        raise ParameterError(f"{one.name} is {found}; expected {_expected(one, value)}.")
    return held


def _held(value):
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return tuple(map(_held, value)) if isinstance(value, list | tuple) else value


def _is(value, kind):
    """Tell whether a value is of a kind; `True` is not a number."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, UnionType):
        return any(_is(value, one) for one in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis and isinstance(value, tuple) else inner
        return isinstance(value, tuple) and len(value) == len(kinds) and all(map(_is, value, kinds))
    return isinstance(value, origin or kind) and (kind is bool or not isinstance(value, bool))


def _expected(one, value):
    first, *others = _kinds(one.type)
    if first is bool:
        return "True or False"
    if get_origin(first) is Literal:
        return " or ".join(map(repr, get_args(first)))
    name = {tuple: "a list", dict: "a mapping"}.get(get_origin(first), "text")
    example, meaning = one.metadata["examples"][0], one.metadata["meaning"]
    words = f"{name} such as {as_lists(example)!r}{', or None' if NoneType in others else ''} ({meaning})"
    # papermill -p makes text of what is not a number.
    return (
        words
        if name == "text" or not isinstance(value, str)
        else f"{words}; with papermill: {papermill_option(one.name, example)}"
    )


def as_lists(value):
    """Return tuples, also those inside, as the lists that notebooks and files hold."""
    return [as_lists(each) for each in value] if isinstance(value, list | tuple) else value


def papermill_option(name, value):
    """Return what sets a parameter on papermill's command line.

    Examples
    --------
    >>> print(papermill_option("raw_folder", "my night"), papermill_option("files", ["d1.fits"]))
    -p raw_folder 'my night' -y 'files: ["d1.fits"]'
    """
    if isinstance(value, list | tuple | dict):
        return f"-y {shlex.quote(f'{name}: {json.dumps(as_lists(value))}')}"
    return f"-p {name} {shlex.quote(str(value))}"


def notation(kind, word=""):
    """Write a kind as in the comment of a notebook, ``list[str]|None``; `word`: text is taken, too.

    Examples
    --------
    >>> notation(tuple[str, ...] | None), notation(bool, "advised")
    ('list[str]|None', 'bool|str')
    """
    kinds = [_written(one) for one in _kinds(kind)]
    return "|".join([*kinds[:1], *(["str"] if word and "str" not in kinds else []), *kinds[1:]])


def _written(kind):
    origin, inner = get_origin(kind), get_args(kind)
    if origin is tuple:
        inside = inner[:1] if inner[-1] is Ellipsis else [inner[0] | inner[1]]
        return f"list[{notation(inside[0])}]"
    if origin is dict:
        return f"dict[{','.join(map(notation, inner))}]"
    return {Literal: "str", NoneType: "None"}.get(origin or kind) or kind.__name__


def properties(cls, names, word="", takes_word=()):
    """Describe fields as the ``properties`` of a JSON Schema.

    Parameters
    ----------
    cls : type
        A dataclass of `setting` fields.
    names : sequence of str
        Of the fields, in their order.
    word : str
        A text that the fields of `takes_word` take instead of a value.
    takes_word : collection of str

    Returns
    -------
    dict of str to dict
    """
    found = {one.name: one for one in fields(cls)}
    return {name: _property(found[name], [word] if name in takes_word else []) for name in names}


def _property(one, words):
    kinds = [_schema(kind) for kind in _kinds(one.type)] + [{"const": word} for word in words]
    kind = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    default = {} if one.default is MISSING else {"default": as_lists(one.default)}
    description = _sentences(one).replace("~darkcal_widgets.", "").replace("``", "`")
    return kind | {"description": description} | default | {"examples": as_lists(one.metadata["examples"])}


def _schema(kind):
    """Return the JSON Schema of a kind."""
    origin, inner = get_origin(kind), get_args(kind)
    if isinstance(kind, UnionType):
        return {"anyOf": [_schema(one) for one in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    if origin is tuple and inner[-1] is Ellipsis:
        return {"type": "array", "items": _schema(inner[0]), "minItems": 1}
    if origin is tuple:
        items, count = [_schema(one) for one in inner], len(inner)
        return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}
    names = {str: {"type": "string", "minLength": 1}, bool: {"type": "boolean"}, int: {"type": "integer"}}
    return names.get(kind, {"type": "null"})
