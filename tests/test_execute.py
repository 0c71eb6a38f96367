"""Notebooks are run by this interpreter, side by side if need be, and failures are told in words."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from papermill import engines

from darkcal_widgets.errors import OutputError, ParameterError, RunError
from darkcal_widgets.notebooks import NotebookError, execute, run_notebook, shipped_notebooks


def save(path, *cells, widgets=None):
    """Write a notebook of code cells; the first is tagged as the one of the parameters."""
    cells = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    cells[0].metadata["tags"] = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    if widgets is not None:
        notebook.metadata["widgets"] = widgets
    nbformat.write(notebook, path)
    return path


def test_parameters_reach_the_notebook_where_it_runs(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "level = 1", "open('seen', 'w').write(f'{level}')")
    (tmp_path / "night").mkdir()
    executed = run_notebook(notebook, tmp_path / "out", {"level": 7}, folder=tmp_path / "night")
    assert executed == tmp_path / "out" / "n.ipynb"
    assert (tmp_path / "night" / "seen").read_text() == "7"
    assert (tmp_path / "out" / "n.html").is_file()


def test_the_run_leaves_the_current_folder_and_the_source_alone(tmp_path, capfd):
    notebook = save(tmp_path / "n.ipynb", "level = 1")
    before, folder = notebook.read_bytes(), Path.cwd()
    run_notebook(notebook, tmp_path / "out", {"level": 2}, folder=tmp_path)
    assert (notebook.read_bytes(), Path.cwd()) == (before, folder)
    assert capfd.readouterr().out == ""


def test_the_kernel_is_this_interpreter(tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    command = ["/nonexistent/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "x", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    notebook = save(tmp_path / "n.ipynb", "import sys; open('which', 'w').write(sys.executable)")
    run_notebook(notebook, tmp_path / "out", folder=tmp_path)
    assert (tmp_path / "which").read_text() == sys.executable


def test_a_failed_cell_is_named_and_shown_in_the_report(tmp_path):
    notebook = save(tmp_path / "night{1}.ipynb", "level = 1", "raise ValueError('no darks in night-7')")
    with pytest.raises(RunError, match=r"night\{1\}.ipynb failed: ValueError: no darks in night-7") as caught:
        run_notebook(notebook, tmp_path / "out", {"level": 3}, name="run{2}.ipynb", report="report.html")
    assert str(tmp_path / "out" / "run{2}.ipynb") in str(caught.value)
    assert "no darks in night-7" in (tmp_path / "out" / "report.html").read_text()


def test_a_killed_kernel_is_told_and_leaves_a_report(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "print('so far')", "import os; os._exit(1)")
    with pytest.raises(RunError, match=r"(?s)n.ipynb failed: Kernel died.*n.ipynb"):
        run_notebook(notebook, tmp_path / "out")
    assert "so far" in (tmp_path / "out" / "n.html").read_text()


def test_a_run_that_takes_too_long_is_ended_and_leaves_a_report(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "print('so far')", "import time; time.sleep(600)")
    with pytest.raises(NotebookError) as caught:
        run_notebook(notebook, tmp_path / "out", timeout=6)
    assert caught.value.reason == "not done after 6 s, the time limit of a run; its kernel was ended"
    assert "so far" in (tmp_path / "out" / "n.html").read_text()


def test_the_notebook_is_saved_at_its_ends_and_now_and_then(tmp_path, monkeypatch):
    saves, write = [], engines.write_ipynb
    monkeypatch.setattr(engines, "write_ipynb", lambda *file: (saves.append(file), write(*file)))
    notebook = save(tmp_path / "n.ipynb", "level = 1", *["level += 1"] * 5)
    monkeypatch.setattr(execute, "_SAVE_EVERY", 600.0)
    run_notebook(notebook, tmp_path / "out")
    assert len(saves) == 2
    saves.clear()
    monkeypatch.setattr(execute, "_SAVE_EVERY", 0.0)
    run_notebook(notebook, tmp_path / "out")
    assert len(saves) > 6


def test_a_run_can_be_stopped(tmp_path):
    stop = threading.Event()
    notebook = save(tmp_path / "n.ipynb", "open('started', 'w')", "import time; time.sleep(600)")
    threading.Thread(target=lambda: (wait_for(tmp_path / "started"), stop.set())).start()
    with pytest.raises(NotebookError, match=r"n.ipynb failed: stopped before its end"):
        run_notebook(notebook, tmp_path / "out", folder=tmp_path, stop=stop.is_set)


def test_threads_run_notebooks_side_by_side(tmp_path):
    notebook = save(
        tmp_path / "n.ipynb", "name = ''", "import os; open(name, 'w').write(os.environ['GREETING'])"
    )
    with ThreadPoolExecutor(3) as pool:
        for name in ("one", "two", "three"):
            options = {"folder": tmp_path, "name": f"{name}.ipynb", "environment": {"GREETING": f"to {name}"}}
            pool.submit(run_notebook, notebook, tmp_path / "out", {"name": name}, **options)
    assert [(tmp_path / name).read_text() for name in ("one", "two", "three")] == [
        "to one",
        "to two",
        "to three",
    ]
    assert len(list((tmp_path / "out").glob("*.html"))) == 3


def test_a_lost_kernel_is_told_from_a_failed_cell(tmp_path):
    for code, lost in (("import os; os._exit(1)", True), ("raise RuntimeError('no luck')", False)):
        with pytest.raises(NotebookError) as caught:
            run_notebook(save(tmp_path / "n.ipynb", code), tmp_path / "out")
        assert caught.value.kernel_lost is lost


def wait_for(path, seconds=60):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"No notebook .*absent.ipynb"):
        run_notebook(tmp_path / "absent.ipynb", tmp_path)


def test_all_notebooks_are_shipped():
    names = {number: path.name for number, path in shipped_notebooks().items()}
    assert names == {
        1: "1-overscan-subtracted-bias-kept.ipynb",
        2: "2-bias-subtracted-overscan-trimmed.ipynb",
        3: "3-your-own-night.ipynb",
    }


@pytest.mark.parametrize("make_link", [Path.symlink_to, Path.hardlink_to])
def test_nothing_is_written_through_a_link(tmp_path, make_link):
    notebook = save(tmp_path / "n.ipynb", "level = 1")
    (tmp_path / "out").mkdir()
    (tmp_path / "raw.fits").write_bytes(b"raw")
    for name in ("n.ipynb", "n.html"):
        make_link(tmp_path / "out" / name, tmp_path / "raw.fits")
    executed = run_notebook(notebook, tmp_path / "out", folder=tmp_path)
    assert (tmp_path / "raw.fits").read_bytes() == b"raw"
    assert json.loads(executed.read_text())["cells"]


def test_a_notebook_is_not_replaced_by_what_it_is_executed_to(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "level = 1")
    before = notebook.read_bytes()
    with pytest.raises(ParameterError, match="would be replaced by what it is executed to"):
        run_notebook(notebook, tmp_path)
    assert notebook.read_bytes() == before


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "level = 1")
    (tmp_path / "out" / "n.ipynb").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"out/n\.ipynb cannot be written"):
        run_notebook(notebook, tmp_path / "out")
