"""A working folder: copies follow the package until they are edited, nights are never touched."""

import json
import os
import sys
from pathlib import Path

import nbformat
import pytest

from darkcal_widgets import simulate
from darkcal_widgets.errors import OutputError, RunError
from darkcal_widgets.notebooks import workspace
from darkcal_widgets.notebooks.workspace import demo, prepare, start_lab

NAMES = {1: "1-first.ipynb", 2: "2-second.ipynb"}
CALIBRATE = """
from pathlib import Path
results = Path("example{0}-reduced")
results.mkdir(exist_ok=True)
if not (results / "dark.fits").exists():
    (results / "dark.fits").write_text(Path("{1}/frame").read_text())
"""
NIGHTS = dict(enumerate(simulate.EXAMPLE_FOLDERS.values(), start=1))


def write(path, *cells):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), path)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Two small notebooks in place of the shipped ones, and nights made in no time."""
    folder = tmp_path / "package"
    folder.mkdir()
    notebooks = {number: folder / name for number, name in NAMES.items()}
    for number, path in notebooks.items():
        write(path, CALIBRATE.format(number, NIGHTS[number]))
    monkeypatch.setattr(workspace, "shipped_notebooks", lambda: notebooks)

    def simulate_night(night, camera):
        Path(night).mkdir(exist_ok=True)
        (Path(night) / "frame").write_text(camera)

    monkeypatch.setattr(simulate, "simulate_night", simulate_night)
    return notebooks


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "desk"


def test_notebooks_and_nights_lie_side_by_side(shipped, folder):
    made = prepare(folder)
    assert [path.read_bytes() for path in made.notebooks] == [path.read_bytes() for path in shipped.values()]
    assert made.simulated == tuple(folder / name for name in NIGHTS.values())
    assert (folder / NIGHTS[1] / "frame").read_text() == "cryogenic"


def test_preparing_again_changes_nothing(shipped, folder):
    prepare(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = prepare(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert (again.edited, again.simulated) == ((), ())


def test_an_edited_notebook_is_kept_and_said(shipped, folder):
    mine = prepare(folder).notebooks[0]
    write(mine, "my own work")
    edited = mine.read_bytes()
    write(shipped[1], "a newer version")
    again = prepare(folder)
    assert mine.read_bytes() == edited
    assert f"kept your edited {mine}" in str(again)


def test_an_unedited_older_copy_follows_the_newer_version(shipped, folder):
    copy = prepare(folder).notebooks[0]
    write(shipped[1], "a newer version")
    assert prepare(folder).edited == ()
    assert copy.read_bytes() == shipped[1].read_bytes()


def test_running_a_copy_does_not_make_it_edited(shipped, folder):
    copy = prepare(folder).notebooks[0]
    notebook = nbformat.read(copy, 4)
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="9 frames")]
    notebook.cells[0].execution_count = 3
    nbformat.write(notebook, copy)
    assert prepare(folder).edited == ()
    assert "9 frames" in copy.read_text()


def test_a_notebook_from_elsewhere_is_never_replaced(shipped, folder):
    folder.mkdir()
    (folder / NAMES[2]).write_text("not even a notebook")
    assert prepare(folder).edited == (folder / NAMES[2],)
    assert (folder / NAMES[2]).read_text() == "not even a notebook"


def test_a_pipe_in_place_of_a_notebook_is_not_waited_for(shipped, folder):
    folder.mkdir()
    os.mkfifo(folder / NAMES[1])
    with pytest.raises(OutputError, match=r"1-\S+ipynb is a pipe; remove it"):
        prepare(folder)


@pytest.mark.parametrize("note", ["{", "[]", "5", "\xff"])
def test_a_damaged_note_keeps_older_copies(shipped, folder, note):
    older = prepare(folder).notebooks[0]
    (folder / ".darkcal-notebooks.json").write_text(note, encoding="latin-1")
    write(shipped[1], "a newer version")
    assert prepare(folder).edited == (older,)


def test_a_night_that_is_there_is_left_alone(shipped, folder):
    (folder / NIGHTS[1]).mkdir(parents=True)
    (folder / NIGHTS[1] / "frame").write_text("real")
    assert prepare(folder).simulated == (folder / NIGHTS[2],)
    assert (folder / NIGHTS[1] / "frame").read_text() == "real"


def test_a_night_is_not_there_until_it_is_complete(shipped, folder, monkeypatch):
    def stop(night, camera):
        Path(night).mkdir()
        raise KeyboardInterrupt

    finished = simulate.simulate_night
    monkeypatch.setattr(simulate, "simulate_night", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(folder)
    monkeypatch.setattr(simulate, "simulate_night", finished)
    assert len(prepare(folder).simulated) == 2


def test_a_file_in_place_of_the_folder_is_refused(shipped, tmp_path):
    (tmp_path / "desk").write_text("")
    with pytest.raises(OutputError, match=r"Cannot put the notebooks into .*desk: File exists"):
        prepare(tmp_path / "desk")


def test_demo_says_where_it_left_results_and_reports(shipped, folder, capsys, monkeypatch):
    monkeypatch.delenv("MAKELEVEL", raising=False)
    demo(folder)
    said = capsys.readouterr().out
    for number, name in NAMES.items():
        results = folder / f"example{number}-reduced"
        assert (results / "dark.fits").is_file()
        assert f"{results} (1 written, 0 unchanged)" in said
        assert f"{folder / name}\n" in said
        assert (folder / name).with_suffix(".html").is_file()
        assert json.loads((folder / name).read_text())["cells"][0]["execution_count"] == 1
    assert said.endswith(f"  darkcal lab {folder}\n")


def test_demo_again_says_unchanged_and_keeps_an_edited_notebook(shipped, folder, capsys, monkeypatch):
    monkeypatch.setenv("MAKELEVEL", "1")
    demo(folder)
    write(folder / NAMES[1], "my own work")
    edited = (folder / NAMES[1]).read_bytes()
    capsys.readouterr()
    demo(folder)
    said = capsys.readouterr().out
    assert said.count("(0 written, 1 unchanged)") == 2
    assert (folder / NAMES[1]).read_bytes() == edited
    assert (folder / "1-first-executed.html").is_file()
    assert said.endswith("  make lab\n")


def test_demo_runs_the_second_example_though_the_first_fails(shipped, folder, capsys):
    write(shipped[1], "raise ValueError('no light')")
    with pytest.raises(RunError, match=r"1-first.ipynb failed: ValueError: no light"):
        demo(folder)
    assert (folder / "example2-reduced" / "dark.fits").is_file()
    assert prepare(folder).edited == ()


def test_lab_is_jupyterlab_with_its_own_token_and_address(shipped, folder, monkeypatch):
    started = []
    monkeypatch.setattr("os.execv", lambda path, command: started.append((path, command)))
    start_lab(folder, ["--no-browser"])
    [(path, command)] = started
    assert path == command[0] == sys.executable
    assert command[1:] == [
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/lab/tree/{NAMES[1]}",
        "--no-browser",
    ]


@pytest.mark.parametrize("is_there", [True, False])
def test_notebooks_and_their_note_are_not_written_through_links(shipped, folder, tmp_path, is_there):
    made = prepare(folder)
    older = made.notebooks[0].read_bytes()
    for path in (made.notebooks[0], folder / ".darkcal-notebooks.json"):
        target = tmp_path / f"target-{path.name}"
        if is_there:
            target.write_bytes(path.read_bytes())
        path.unlink()
        path.symlink_to(target)
    write(shipped[1], "a newer version")
    prepare(folder)
    target = tmp_path / f"target-{made.notebooks[0].name}"
    assert (target.read_bytes() == older) if is_there else not target.exists()
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert made.notebooks[0].read_bytes() == shipped[1].read_bytes()


def test_a_night_is_not_simulated_through_a_link(shipped, folder, tmp_path):
    folder.mkdir()
    (tmp_path / "raw").mkdir()
    (folder / f".{NIGHTS[1]}.part").symlink_to(tmp_path / "raw")
    with pytest.raises(OutputError, match="is a link"):
        prepare(folder)
    assert list((tmp_path / "raw").iterdir()) == []
