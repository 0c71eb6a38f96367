"""Fields that a user sets: what their kinds let through, and the schema and the texts that follow from them."""

from dataclasses import MISSING, dataclass, fields
from typing import Literal

import jsonschema
import pytest

from darkcal_widgets.errors import ParameterError
from darkcal_widgets.fields import checked, documented, notation, properties, setting


@documented
@dataclass(frozen=True, kw_only=True)
class Lamp:
    """A lamp.

    Attributes
    ----------
    {attributes}
    """

    name: str = setting(MISSING, "what it is called", "neon")
    place: str | None = setting(None, "where it is; None: nowhere", "dome", details="As on the map.")
    is_on: bool = setting(False, "whether it shines", True)
    colour: Literal["red", "blue"] = setting("red", "of its light", "blue")
    lines: tuple[str | int, ...] | None = setting(None, "its lines; None: it has none", ("H", 2))
    pairs: tuple[tuple[str | None, str], ...] | None = setting(None, "two and two", ((None, "a"),))
    words: dict[str, str] | None = setting(None, "what words mean", {"a": "b"})


FIELDS = {one.name: one for one in fields(Lamp)}
GOOD = {
    "name": ["neon"],
    "place": ["dome", None],
    "is_on": [True, False],
    "colour": ["red", "blue"],
    "lines": [["H"], [1, "a"], None],
    "pairs": [[["a", "b"], [None, "c"]], None],
    "words": [{}, {"a": "b"}, None],
}
BAD = {
    "name": ["", None, 5, True, ["a"]],
    "place": ["", 5],
    "is_on": [None, 1, "yes"],
    "colour": ["green", None, 1],
    "lines": [[], "H", [True], [None], [1.5]],
    "pairs": [[], [["a"]], [["a", None]], [["a", "b", "c"]], "ab"],
    "words": ["a", ["a"], 5],
}
SCHEMA = {"type": "object", "properties": properties(Lamp, list(FIELDS), "any", ["is_on"])}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in GOOD for value in GOOD[name]])
def test_what_the_check_takes_the_schema_takes(name, value):
    held = checked(FIELDS[name], value)
    assert held == (tuple(map(tuple, value)) if name == "pairs" and value else held)
    jsonschema.validate({name: value}, SCHEMA)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_what_the_check_refuses_the_schema_refuses(name, value):
    with pytest.raises(ParameterError, match=f"^{name} is .*; expected "):
        checked(FIELDS[name], value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: value}, SCHEMA)


def test_a_word_may_stand_for_a_value():
    jsonschema.validate({"is_on": "any"}, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"colour": "any"}, SCHEMA)


def test_examples_and_defaults_fit_the_schema():
    for name, one in SCHEMA["properties"].items():
        for value in [*one["examples"], *([one["default"]] if "default" in one else [])]:
            jsonschema.validate({name: value}, SCHEMA)
    assert "default" not in SCHEMA["properties"]["name"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("name", 5, "name is 5 (int); expected text such as 'neon' (what it is called)."),
        ("name", "", "name is an empty str; expected text such as 'neon' (what it is called)."),
        ("is_on", 1, "is_on is 1 (int); expected True or False."),
        ("colour", "green", "colour is 'green' (str); expected 'red' or 'blue'."),
        (
            "lines",
            "H",
            "lines is 'H' (str); expected a list such as ['H', 2], or None (its lines; None: it has none); "
            "with papermill: -y 'lines: [\"H\", 2]'.",
        ),
        ("words", 5, "words is 5 (int); expected a mapping such as {'a': 'b'}, or None (what words mean)."),
    ],
)
def test_the_message_says_what_was_found_and_is_expected(name, value, message):
    with pytest.raises(ParameterError) as caught:
        checked(FIELDS[name], value)
    assert str(caught.value) == message


def test_paths_are_held_as_text_and_lists_as_tuples(tmp_path):
    assert checked(FIELDS["place"], tmp_path) == str(tmp_path)
    assert checked(FIELDS["pairs"], [["a", "b"]]) == (("a", "b"),)


def test_the_docstring_lists_the_fields():
    assert "    place : str or None\n        Where it is; `None`: nowhere. As on the map.\n" in Lamp.__doc__
    assert "    words : dict or None\n        What words mean.\n    " in Lamp.__doc__


def test_kinds_are_written_as_papermill_reads_them():
    written = {name: notation(one.type) for name, one in FIELDS.items()}
    assert written == {
        "name": "str",
        "place": "str|None",
        "is_on": "bool",
        "colour": "str",
        "lines": "list[str|int]|None",
        "pairs": "list[list[str|None]]|None",
        "words": "dict[str,str]|None",
    }
    assert notation(bool, "advised") == "bool|str"
    assert notation(str | None, "advised") == "str|None"
