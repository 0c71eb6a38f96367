"""The page and the table show how each run ended, and text from files as text."""

import html
import re

import numpy as np
import pytest
from astropy.table import Table

from darkcal_widgets.batch.page import write_page
from darkcal_widgets.batch.record import REPORT, THUMBNAIL, Record
from darkcal_widgets.batch.run import _facts

ATTACK = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>'\u202e\n"
RECORDS = [
    Record("b10", "b.yaml", "done", "1.ipynb", "bias kept", 9, 1, 0, 1083.5, 0.25, 5.9, "agrees", 12.0),
    Record("a9", "a.yaml", "failed", failed=2, error="no luck", seconds=100.0),
    Record("c", "c.yaml", "invalid", error="unit is 'x'"),
]


@pytest.fixture
def page(tmp_path):
    def write(records):
        write_page(tmp_path, records)
        return (tmp_path / "index.html").read_text()

    return write


def cells(text):
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<td.*?>(.*?)</td>", row) for row in body.strip().splitlines()]
    return [[html.unescape(re.sub("<.*?>", "", cell)) for cell in row] for row in rows]


def test_every_run_has_a_row_in_the_order_given(page):
    rows = cells(page(RECORDS))
    assert [row[0] for row in rows] == ["b10", "a9", "c"]
    assert rows[0][1:] == [
        "done", "", "bias kept", "9", "1", "0", "1083.5", "0.25", "5.9", "agrees", "12.0", "", "1.ipynb", "b.yaml",
    ]  # fmt: skip
    assert rows[2][7:9] == ["", ""]


def test_reports_and_pictures_that_are_there_are_linked(page, tmp_path):
    assert "href='b10/" not in page(RECORDS)
    (tmp_path / "b10").mkdir()
    for name in (REPORT, THUMBNAIL):
        (tmp_path / "b10" / name).touch()
    text = page(RECORDS)
    assert "<a href='b10/report.html'>b10</a>" in text
    assert "<img src='b10/thumbnail.png'" in text


def test_names_become_addresses(page, tmp_path):
    name = "50% o'x ?#&"
    (tmp_path / name).mkdir()
    (tmp_path / name / REPORT).touch()
    assert "<a href='50%25%20o%27x%20%3F%23%26/report.html'>" in page([Record(name, "x", "done")])


def test_nothing_is_loaded_and_no_text_is_markup(page):
    text = page([Record(ATTACK, ATTACK, ATTACK, ATTACK, ATTACK, check=ATTACK, error=ATTACK)])
    assert "onerror=" not in re.sub(r"&lt;.*?&gt;", "", text)
    assert text.count("<script") == 1
    assert not re.search(r"<link|@import|url\(|src='(?!.*thumbnail)|https?:", text)
    assert cells(text)[0][0] == ATTACK.replace("\u202e", "\\u202e").replace("\n", "\\n")


def test_the_counts_of_all_states_are_said(page):
    assert "3 runs: 1 done, 1 failed, 1 invalid." in page(RECORDS)


def test_the_table_has_types_units_and_holes(page, tmp_path):
    page([*RECORDS, Record("d", ATTACK, "done")])
    table = Table.read(tmp_path / "summary.ecsv")
    assert list(table["written"]) == [9, 0, 0, 0]
    assert table["level"][0] == 0.25
    assert list(table["level"].mask) == [False, True, True, True]
    assert table["seconds"].unit == "s"
    assert np.issubdtype(table["overscan"].dtype, np.floating)
    assert "\n" not in table["source"][3]


def test_an_empty_batch_has_a_page(page, tmp_path):
    assert cells(page([])) == []
    assert len(Table.read(tmp_path / "summary.ecsv")) == 0


def test_the_tagged_or_the_last_picture_stands_for_a_run(tmp_path):
    import base64
    import io
    import json
    from types import SimpleNamespace

    from PIL import Image

    def cell(colour, *tags):
        stream = io.BytesIO()
        Image.new("RGB", (4, 4), colour).save(stream, format="png")
        picture = {"image/png": base64.b64encode(stream.getvalue()).decode()}
        return {"metadata": {"tags": list(tags)}, "outputs": [{"data": picture}]}

    for cells, expected in (
        ([cell("red"), cell("lime", "thumbnail"), cell("blue")], (0, 255, 0)),
        ([cell("red"), cell("blue")], (0, 0, 255)),
    ):
        executed = tmp_path / "notebook.ipynb"
        executed.write_text(json.dumps({"cells": cells}))
        _facts(SimpleNamespace(folder=tmp_path), executed)
        with Image.open(tmp_path / "thumbnail.png") as image:
            assert image.getpixel((1, 1)) == expected
