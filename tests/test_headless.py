"""Notebooks are run by this interpreter, failures are told in words, reports load and run nothing."""

import json
import re
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest

from darkcal_widgets.errors import ParameterError, RunError
from darkcal_widgets.headless import NotebookError, run_notebook, shipped_notebooks, write_report

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ATTACK = "<img src=x onerror=\"alert('header')\"><script>alert('header')</script>"


def save(path, *cells, widgets=None):
    """Write a notebook of code cells; the first is tagged as the one of the parameters."""
    cells = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    cells[0].metadata["tags"] = ["parameters"]
    notebook = nbformat.v4.new_notebook(cells=cells)
    if widgets is not None:
        notebook.metadata["widgets"] = widgets
    nbformat.write(notebook, path)
    return path


def shown(path, data):
    """Write a notebook with one output, as if it had been run."""
    cell = nbformat.v4.new_code_cell("show()", outputs=[nbformat.v4.new_output("display_data", data=data)])
    return save(path, cell)


def test_parameters_reach_the_notebook_and_folders_start_where_it_runs(tmp_path):
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


def test_the_kernel_is_this_interpreter_even_if_python3_names_another(tmp_path, monkeypatch):
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


def test_a_failed_cell_is_told_with_its_error_and_shown_in_the_report(tmp_path):
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


def test_a_run_can_be_stopped(tmp_path):
    stop = threading.Event()
    notebook = save(tmp_path / "n.ipynb", "open('started', 'w')", "import time; time.sleep(600)")
    threading.Thread(target=lambda: (wait_for(tmp_path / "started"), stop.set())).start()
    with pytest.raises(NotebookError, match=r"n.ipynb failed: stopped before its end"):
        run_notebook(notebook, tmp_path / "out", folder=tmp_path, stop=stop)


def test_warm_kernels_share_no_variables_and_no_random_numbers(tmp_path):
    code = "import numpy; open(name, 'w').write(f'{numpy.random.rand()}')"
    notebook = save(tmp_path / "n.ipynb", "name = ''", code, "assert 'seen' not in globals(); seen = True")
    for name in ("one", "two"):
        run_notebook(notebook, tmp_path / "out", {"name": name}, folder=tmp_path, warm=True)
    assert (tmp_path / "one").read_text() != (tmp_path / "two").read_text()


def test_a_killed_warm_kernel_is_told(tmp_path):
    notebook = save(tmp_path / "n.ipynb", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(RunError, match=r"n.ipynb failed: Kernel died"):
        run_notebook(notebook, tmp_path / "out", warm=True)


def wait_for(path, seconds=60):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


def test_a_missing_notebook_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"No notebook .*absent.ipynb"):
        run_notebook(tmp_path / "absent.ipynb", tmp_path)


def test_report_loads_nothing(tmp_path):
    state = {
        "application/vnd.jupyter.widget-state+json": {"version_major": 2, "version_minor": 0, "state": {}}
    }
    text = write_report(save(tmp_path / "n.ipynb", "1", widgets=state)).read_text()
    assert not re.search(r"<script|<link|@import|\bsrc=\"(?!data:)|url\(\s*['\"]?(?!data:|#)", text)


def test_report_shows_the_picture_beside_a_widget(tmp_path):
    view = {"version_major": 2, "version_minor": 0, "model_id": "m"}
    data = {"application/vnd.jupyter.widget-view+json": view, "image/png": PIXEL, "text/plain": "VBox(...)"}
    text = write_report(shown(tmp_path / "n.ipynb", data)).read_text()
    assert f"data:image/png;base64,{PIXEL}" in text
    assert "VBox" not in text


@pytest.mark.parametrize("kind", ["text/html", "text/markdown", "text/plain", "application/javascript"])
def test_markup_from_a_header_does_not_run_in_a_report(tmp_path, kind):
    text = write_report(shown(tmp_path / "n.ipynb", {kind: f"a {ATTACK} b", "text/plain": "a"})).read_text()
    assert "<script" not in text
    assert "onerror=" not in re.sub(r"&lt;.*?&gt;", "", text)


def test_tables_headings_and_own_pictures_survive_the_cleaning(tmp_path):
    table = "<table class='t'><thead><tr><th colspan='2'>file</th></tr></thead><tbody><tr><td>d1</td></tr></tbody></table>"
    path = shown(tmp_path / "n.ipynb", {"text/html": table + f"<img src='data:image/png;base64,{PIXEL}'>"})
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("# Darks\n\n> Two *steps*, `a < b`."))
    nbformat.write(notebook, path)
    text = write_report(path).read_text()
    for piece in (
        '<th colspan="2">file</th>',
        "<td>d1</td>",
        "<blockquote>",
        "<em>steps</em>",
        "a &lt; b",
        PIXEL,
    ):
        assert piece in text
    assert re.search(r"<h1[^>]*>Darks", text)
    assert "&lt;table" not in text


def test_both_notebooks_are_shipped():
    names = {number: path.name for number, path in shipped_notebooks().items()}
    assert names == {
        1: "1-overscan-subtracted-bias-kept.ipynb",
        2: "2-bias-subtracted-overscan-trimmed.ipynb",
    }
