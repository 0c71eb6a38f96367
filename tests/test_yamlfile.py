"""Parameter files are read within bounds: whatever is in them, a message follows, soon."""

import os
import time

import pytest

from darkcal_widgets.errors import ParameterError
from darkcal_widgets.yamlfile import read_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture
def written(tmp_path):
    """Write a file and return its path: ``written(text or bytes)``."""

    def write(content):
        path = tmp_path / "p.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("unit: adu\nfiles: [a.fits, b.fits]", {"unit": "adu", "files": ["a.fits", "b.fits"]}),
        (
            "a: 1\nb: 2.5\nc: no\nd: null\ne: {f: ~}",
            {"a": 1, "b": 2.5, "c": False, "d": None, "e": {"f": None}},
        ),
        ("night: 2024-01-01", {"night": "2024-01-01"}),
        ("night: 2024-99-99", {"night": "2024-99-99"}),
        ("\ufeffname: 'Schluß'", {"name": "Schluß"}),
        ("a: {<<: {b: 1}}", {"a": {"b": 1}}),
        ("{}", {}),
    ],
)
def test_plain_values_are_read(written, text, values):
    assert read_yaml(written(text)) == values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML: while parsing"),
        ("a: 1\n---\nb: 2", "is not YAML: expected a single document"),
        ("- a", "holds list; expected lines of `name: value`"),
        ("", "holds NoneType; expected lines"),
        (b"a: \xff", "is not UTF-8 text"),
        (b"a: \0", "is not YAML"),
        (BOMB, r"holds the alias \*a; write the value itself"),
        ("a: &a [*a]", r"holds the alias \*a"),
        ("a: " + "[" * 3000 + "]" * 3000, "(holds lists within lists|is not YAML)"),
        ("a: " + "[" * 9 + "]" * 9, "holds lists within lists; expected at most 8 levels"),
        ("a: " + "9" * 5000, "holds a value of 5000 characters"),
        ("a: 0x" + "f" * 4000, "holds a whole number of more than 64 bits"),
        ("a: " + ":".join(["1"] * 2000), "holds a whole number of more than 64 bits"),
        ("a: 0b_", "is not YAML: invalid literal"),
        ("a: !!int xyz", "holds the tag tag:yaml.org,2002:int; write the plain value"),
        ("a: !!set {b, c}", "holds the tag"),
        ("a: !!timestamp x", "holds the tag"),
        ("a: !!python/object/apply:os.system [id]", "holds the tag"),
        ("a: =", "is not YAML: could not determine a constructor"),
        ("5: a", r"holds the name 5 \(int\); expected text"),
        ("a: {5: b}", r"holds the name 5 \(int\)"),
        ("? [a]\n: b", "is not YAML: while constructing a mapping"),
        ("\n".join(f"n{n}: 1" for n in range(1001)), "holds 1001 names; expected at most 1000"),
        ("a: b\n" * 200_000, "is larger than 524288 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_not_a_plain_mapping_is_told_in_few_words(written, content, message):
    path, begun = written(content), time.monotonic()
    with pytest.raises(ParameterError, match=message) as caught:
        read_yaml(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1500
    assert time.monotonic() - begun < 5


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"p\.yaml cannot be read: No such file"):
        read_yaml(tmp_path / "p.yaml")


def test_folders_pipes_and_links_in_a_circle_are_not_waited_for(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "circle.yaml").symlink_to("circle.yaml")
    for name, message in (
        ("folder", "cannot be read: Is a directory"),
        ("pipe", "is not a regular file"),
        ("circle", "cannot be read: Too many levels of symbolic links"),
        ("n" * 300, "cannot be read: File name too long"),
    ):
        with pytest.raises(ParameterError, match=message):
            read_yaml(tmp_path / f"{name}.yaml")
