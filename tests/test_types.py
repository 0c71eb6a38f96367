"""Type information: all that the package offers is annotated. Whether it is true is checked by ty, in `make check`."""

import inspect
from functools import cached_property
from pathlib import Path

import pytest

import darkcal_widgets

PACKAGE = Path(darkcal_widgets.__file__).parent
SPECIAL = ("__init__", "__getitem__")


def function_in(member):
    """Return the function behind a method or property; other members as they are."""
    if isinstance(member, cached_property):
        return member.func
    return getattr(member, "fget", None) or getattr(member, "__func__", member)


def public_functions():
    """Return all functions, methods and properties that the public names give, those that they inherit from ours included."""
    found = set()
    for name in darkcal_widgets.__all__:
        public = getattr(darkcal_widgets, name)
        owners = [
            base for base in getattr(public, "__mro__", ()) if base.__module__.startswith("darkcal_widgets")
        ]
        members = [
            member for base in owners for key, member in vars(base).items() if key in SPECIAL or key[0] != "_"
        ]
        found |= {one for one in map(function_in, members or [public]) if inspect.isfunction(one)}
    # Without a file: made by `dataclass`, from fields that have their types.
    return sorted(
        (one for one in found if one.__code__.co_filename != "<string>"), key=lambda one: one.__qualname__
    )


@pytest.mark.parametrize("function", public_functions(), ids=lambda one: one.__qualname__)
def test_what_is_public_is_annotated(function):
    signature = inspect.signature(function)
    named = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    assert [one.name for one in named if one.annotation is one.empty] == []
    assert signature.return_annotation is not signature.empty


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()
