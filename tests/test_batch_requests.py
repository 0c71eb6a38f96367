"""What a batch is asked to run: every source, every mistake of every file at once."""

import os
import time

import pytest
import yaml
from batches import write_notebook, write_parameters

from darkcal_widgets.batch.requests import read_requests
from darkcal_widgets.notebooks import shipped_notebooks

MINIMUM = {"notebook": 1, "raw_folder": "raw", "dark_folder": None, "reduced_folder": "reduced"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a night and a notebook, which is also the current one."""
    (tmp_path / "raw").mkdir()
    write_notebook(tmp_path / "run.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(name, **values):
    with open(name, "w") as stream:
        yaml.safe_dump(values, stream)
    return name


def problems(*sources):
    return [line for request in read_requests(sources) for line in request.problems]


def test_files_folders_and_patterns_are_read_each_file_once(folder):
    for name in ("b.yaml", "a.yml", "c.yaml"):
        write_parameters(name)
    assert [request.name for request in read_requests(["."])] == ["a", "b", "c"]
    assert [request.name for request in read_requests(["*.yaml", folder / "b.yaml", "a.yml"])] == [
        "b",
        "c",
        "a",
    ]
    assert problems(".") == []


def test_a_file_the_panel_saved_is_a_run(folder):
    from darkcal_widgets import Parameters

    Parameters(raw_folder="raw", reduced_folder="reduced", keep_columns="10:50").save("p.yaml", notebook=1)
    (request,) = read_requests(["p.yaml"])
    assert (request.problems, request.notebook) == ((), shipped_notebooks()[1])
    assert request.parameters.keep_columns == "10:50"


def test_what_is_not_given_is_the_notebooks_own(folder):
    save("p.yaml", **MINIMUM | {"notebook": 2})
    (request,) = read_requests(["p.yaml"])
    assert request.parameters.subtract_bias is True
    assert request.values == {name: value for name, value in MINIMUM.items() if name != "notebook"}


def test_relative_paths_start_in_the_folder_of_the_file(folder, tmp_path_factory, monkeypatch):
    save("p.yaml", **MINIMUM)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    (request,) = read_requests([os.path.relpath(folder / "p.yaml")])
    assert request.problems == ()
    assert request.path("reduced_folder") == folder / "reduced"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"notebook": "absent"},
            "the parameter 'notebook' is missing; expected 1, 2, 3 or the path of a notebook.",
        ),
        ({"notebook": 7}, "notebook is 7; expected 1, 2, 3 or the path of an .ipynb file."),
        ({"notebook": True}, "notebook is True; expected 1, 2, 3 or the path of an .ipynb file."),
        ({"notebook": "x.ipynb"}, "notebook is 'x.ipynb', which is not there"),
        ({"raw_folder": "rwa"}, "raw_folder is 'rwa', which is not there"),
        ({"dark_folder": "darks"}, "dark_folder is 'darks', which is not there"),
        ({"combined_bias": "b.fits"}, "combined_bias is 'b.fits', which is not there"),
        (
            {"overscan_colums": "3:"},
            "there is no parameter 'overscan_colums'; did you mean 'overscan_columns'?",
        ),
        ({"files": []}, "files is an empty list"),
        ({"reduced_folder": "raw"}, "reduced_folder is 'raw', a folder of raw frames (of p.yaml)"),
    ],
)
def test_a_mistake_is_explained(folder, values, expected):
    write_parameters("p.yaml", **values)
    (found,) = problems("p.yaml")
    assert found.startswith(expected)


def test_every_mistake_of_every_file_is_listed(folder):
    save("a.yaml", notebook=7, raw_folder=5, overscan_colums="3:")
    write_parameters("b.yaml", unit="bananas", overwrite=1)
    (folder / "c.yaml").write_text("- 1")
    write_parameters("d.yaml")
    (folder / "e.yaml").write_text("{}")
    found = {
        request.name: [line.partition(" ")[0] for line in request.problems]
        for request in read_requests(["."])
    }
    assert found == {
        "a": ["notebook", "raw_folder", "there"],
        "b": ["unit", "overwrite"],
        "c": ["the"],
        "d": [],
        "e": ["the"],
    }


def test_names_of_the_notebooks_own_are_no_mistake(folder):
    write_parameters("p.yaml", action="wait")
    (request,) = read_requests(["p.yaml"])
    assert (request.problems, request.values["action"]) == ((), "wait")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not a notebook", "which is not a notebook"),
        ('{"cells": [], "metadata": {}}', "has no cell tagged 'parameters'"),
        (
            '{"cells": [{"cell_type": "code", "source": "a = (", "metadata": {"tags": ["parameters"]}}]}',
            "its cell of parameters is not Python",
        ),
    ],
)
def test_a_notebook_that_cannot_be_run_is_a_mistake(folder, text, expected):
    (folder / "run.ipynb").write_text(text)
    write_parameters("p.yaml")
    (found,) = problems("p.yaml")
    assert expected in found


def test_absent_and_empty_sources_are_mistakes(folder):
    (folder / "empty").mkdir()
    (folder / "t.csv").write_text("notebook,raw_folder\n")
    found = problems("absent.yaml", "x*.yaml", "empty", "t.csv", "t2.csv")
    assert ["absent.yaml" in found[0], "x*.yaml" in found[1]] == [True, True]
    assert found[2] == "there is no parameter file (.yaml, .yml) in the folder."
    assert found[3] == "the table t.csv has no row; give it one for each run."
    assert found[4].startswith("the table t2.csv cannot be read")


def test_two_runs_of_one_name_are_both_refused(folder):
    for place in ("one", "two"):
        (folder / place).mkdir()
        write_notebook(folder / place / "run.ipynb")
        (folder / place / "raw").mkdir()
    write_parameters("one/p.yaml")
    write_parameters("two/P.yaml")
    assert problems("one", "two") == [
        "name is 'p', as in two/P.yaml; expected a name for each run.",
        "name is 'P', as in one/p.yaml; expected a name for each run.",
    ]


def test_two_runs_into_one_folder_are_both_refused(folder):
    (folder / "link").symlink_to("red")
    (folder / "red").mkdir()
    for name, place in (("a", "red"), ("b", "link"), ("c", "other")):
        write_parameters(f"{name}.yaml", reduced_folder=place)
    assert problems(".") == [
        "reduced_folder is 'red', the same folder as in b.yaml; expected one for each run.",
        "reduced_folder is 'link', the same folder as in a.yaml; expected one for each run.",
    ]


def test_results_do_not_go_into_the_raw_frames_of_another_run(folder):
    (folder / "raw2").mkdir()
    write_parameters("a.yaml", reduced_folder="raw2")
    write_parameters("b.yaml", raw_folder="raw2")
    (found,) = problems(".")
    assert found.startswith("reduced_folder is 'raw2', a folder of raw frames (of b.yaml)")


def test_a_csv_table_has_a_row_for_each_run(folder):
    (folder / "runs.csv").write_text(
        "name,notebook,raw_folder,dark_folder,reduced_folder,overscan_columns,keep_columns,subtract_bias,files\n"
        'first,1,raw,None,r1,2055:,":2048",true,"[a.fits, b.fits]"\n'
        ",2,raw,None,r2,,10:50,FALSE,\n"
    )
    first, second = read_requests(["runs.csv"])
    assert (first.name, second.name) == ("first", "runs-002")
    assert (first.problems, second.problems) == ((), ())
    assert first.values == {
        "raw_folder": "raw",
        "dark_folder": None,
        "reduced_folder": "r1",
        "overscan_columns": "2055:",
        "keep_columns": ":2048",
        "subtract_bias": True,
        "files": ["a.fits", "b.fits"],
    }
    assert (second.values["keep_columns"], second.values["subtract_bias"]) == ("10:50", False)
    assert second.parameters.files is None


def test_mistakes_in_a_table_name_the_row(folder):
    (folder / "runs.csv").write_text(
        "notebook,raw_folder,dark_folder,reduced_folder,subtract_bias\n1,raw,none,r1,perhaps\n1,raw,none,r2,no,x\n"
    )
    first, second = read_requests(["runs.csv"])
    assert (first.source, first.problems) == (
        "runs.csv, row 1",
        ("subtract_bias is 'perhaps' (str); expected True or False.",),
    )
    assert second.problems == ("the row has 1 cells more than there are columns.",)


def test_types_of_frames_may_stand_in_a_cell(folder):
    (folder / "runs.csv").write_text(
        "notebook,raw_folder,dark_folder,reduced_folder,image_types\n"
        '1,raw,None,r1,"{OBJECT=bias*: bias, file=d10*: dark}"\n1,raw,None,r2,OBJECT=bias*: bias\n1,raw,None,r3,dark\n'
    )
    one, two, three = read_requests(["runs.csv"])
    assert one.parameters.image_types == {"OBJECT=bias*": "bias", "file=d10*": "dark"}
    assert two.parameters.image_types == {"OBJECT=bias*": "bias"}
    assert "image_types is 'dark'" in three.problems[0]


@pytest.mark.parametrize(
    "name",
    ["../up", "a/b", ".hidden", "index.html", "bell\a", "x" * 201, "\N{CJK UNIFIED IDEOGRAPH-661F}" * 120],
)
def test_a_name_that_could_leave_the_folder_or_hide_is_refused(folder, name):
    (folder / "runs.csv").write_text(
        f"name,notebook,raw_folder,dark_folder,reduced_folder\n{name},1,raw,None,red\n"
    )
    (found,) = problems("runs.csv")
    assert found == f"name is {name!r}; expected a plain name, for a folder of its own."


def test_cells_are_read_as_yaml_reads_them(folder):
    (folder / "runs.csv").write_text(
        "notebook,raw_folder,dark_folder,reduced_folder,action,overwrite\n"
        "run.ipynb,raw,None,r1,2024-99-99,no\nrun.ipynb,raw,None,r2,7,\nrun.ipynb,raw,None,r3,a: [,yes\n"
    )
    requests = read_requests(["runs.csv"])
    assert [request.values["action"] for request in requests] == ["2024-99-99", 7, "a: ["]
    assert [request.parameters.overwrite for request in requests] == [False, False, True]


HOSTILE = {
    "a date for a folder": ("raw_folder: 2024-01-01", "raw_folder is '2024-01-01', which is not there"),
    "no such date": ("unit: 2024-99-99", "unit is '2024-99-99'; expected one of"),
    "a tag": ("unit: !!int xyz", "holds the tag"),
    "a long number": ("unit: " + "9" * 5000, "holds a value of 5000 characters"),
    "a number Python does not print": ("unit: 0x" + "f" * 4000, "more than 64 bits"),
    "nested brackets": ("files: " + "[" * 3000 + "]" * 3000, "holds lists within lists"),
    "an alias": ("a: &a [x]\nfiles: *a", "holds the alias *a"),
    "a name that is not text": ("5: x", "holds the name 5 (int)"),
    "NUL": ('raw_folder: "a\\0b"', "which cannot be a path (embedded null byte)"),
    "half a character": ('raw_folder: "\\ud800"', "is not YAML"),
    "an overlong path": ("raw_folder: " + "x" * 4000, "which cannot be used (File name too long)"),
    "an overlong place": ("reduced_folder: " + "x" * 300, "which cannot be used (File name too long)"),
    "links in a circle": ("raw_folder: circle", "which cannot be used (Too many levels of symbolic links)"),
    "a place in a circle": ("reduced_folder: circle", "which cannot be used (Too many levels of symbolic links)"),
    "a bias in a circle": ("combined_bias: circle", "which cannot be used (Too many levels of symbolic links)"),
    "a pipe for a bias": ("combined_bias: pipe", "which is not there"),
    "a file for a night": ("raw_folder: run.ipynb", "which is not there"),
    "a notebook in a circle": ("notebook: circle.ipynb", "notebook is 'circle.ipynb', which is not there"),
    "a pipe for a notebook": ("notebook: pipe.ipynb", "notebook is 'pipe.ipynb', which is not there"),
    "an overlong notebook": ("notebook: " + "x" * 4000 + ".ipynb", "which is not there"),
    "many mistakes": ("files: [" + "[], " * 20000 + "]", "characters ..."),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_one_bad_run_among_good_ones(folder, case):
    (folder / "circle").symlink_to("circle")
    (folder / "circle.ipynb").symlink_to("circle.ipynb")
    for name in ("pipe", "pipe.ipynb"):
        os.mkfifo(folder / name)
    text, expected = HOSTILE[case]
    given = text.partition(":")[0]
    own = "".join(
        f"{name}: {value}\n"
        for name, value in (("notebook", "run.ipynb"), ("reduced_folder", "reduced-bad"))
        if name != given
    )
    (folder / "bad.yaml").write_text(f"{own}{text}\n")
    write_parameters("good.yaml")
    begun = time.monotonic()
    bad, good = read_requests(["."])
    assert expected in bad.problems[0]
    assert all(len(line) < 2000 for line in bad.problems)
    assert good.problems == ()
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("notebook,notebook\n1,2\n", "has two columns named 'notebook'"),
        ("notebook, notebook \n1,2\n", "has two columns named 'notebook'"),
        ("", "has no row"),
        ("\n\n", "has no row"),
        (",\n1,2\n", "has two columns named ''"),
        ("\0\n1\n", "the parameter 'notebook' is missing"),
        (b"\xff\xfe", "is not UTF-8 text"),
        ("notebook\n" + "x" * 200_000, "cannot be read: field larger than field limit"),
        ("notebook\n" + "[" * 3000, "notebook is '[[["),
        ("notebook\n" + "9" * 5000, "notebook is '999"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_table_is_a_mistake_of_its_own(folder, content, expected):
    (folder / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    write_parameters("good.yaml")
    *bad, good = read_requests(["t.csv", "good.yaml"])
    assert any(expected in line for request in bad for line in request.problems)
    assert good.problems == ()


def test_sources_that_cannot_be_read_are_mistakes(folder, monkeypatch):
    os.mkfifo(folder / "pipe.yaml")
    os.mkfifo(folder / "queue.csv")
    (folder / "circle.yaml").symlink_to("circle.yaml")
    (folder / "shut").mkdir()
    listdir = os.listdir

    def refuse(path="."):  # not by taking the right away, which means nothing to root
        if os.path.basename(path) == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    requests = read_requests(["pipe.yaml", "queue.csv", "circle.yaml", "shut", "x" * 300])
    found = [request.problems[0] for request in requests]
    for line, expected in zip(
        found,
        (
            "is not a regular file",
            "is not a regular file",
            "Too many levels of symbolic links",
            "shut cannot be read: Permission denied",
            "File name too long",
        ),
        strict=True,
    ):
        assert expected in line


def test_a_night_that_may_not_be_looked_into_is_a_mistake(folder, monkeypatch):
    write_parameters("p.yaml")
    listdir = os.listdir

    def refuse(path="."):
        if os.path.basename(path) == "raw":
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", refuse)
    (found,) = problems("p.yaml")
    assert found.startswith("raw_folder is 'raw', which cannot be used (Permission denied)")


def test_the_word_advised_is_a_value_in_files_and_tables(folder):
    left = {"overscan_columns": "advised", "keep_columns": "advised", "subtract_bias": "advised"}
    save("a.yaml", **MINIMUM | left)
    save("b.yaml", notebook=3, raw_folder="raw", reduced_folder="reduced2")
    table = "name,notebook,raw_folder,dark_folder,reduced_folder,subtract_bias,amplifiers\nc,2,raw,none,reduced3,advised,advised"
    (folder / "t.csv").write_text(table)
    one, two, row = read_requests(["a.yaml", "b.yaml", "t.csv"])
    assert (one.problems, two.problems, row.problems) == ((), (), ())
    assert one.parameters.advised == tuple(left)
    assert two.parameters.advised == (*left, "amplifiers")
    assert row.parameters.advised == ("subtract_bias", "amplifiers")
