"""Reports load nothing, run nothing, and show pictures and tables."""

import re

import nbformat
import pytest
from test_execute import save

from darkcal_widgets.notebooks import write_report

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ATTACK = "<img src=x onerror=\"alert('header')\"><script>alert('header')</script>"


def shown(path, data):
    """Write a notebook with one output, as if it had been run."""
    cell = nbformat.v4.new_code_cell("show()", outputs=[nbformat.v4.new_output("display_data", data=data)])
    return save(path, cell)


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
