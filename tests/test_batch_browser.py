"""The page of a batch in a real browser, opened from the disk."""

import nbformat
import pytest
from test_batch_page import ATTACK, RECORDS
from test_notebook_report import PIXEL

from darkcal_widgets.batch.page import write_page
from darkcal_widgets.batch.record import EXECUTED, REPORT, THUMBNAIL, Record
from darkcal_widgets.batch.run import _write_thumbnail
from darkcal_widgets.notebooks import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def out(tmp_path):
    """The folder of a batch with a page, a report and a picture; a run has an attack for a name and an error."""
    run = tmp_path / "b10"
    run.mkdir()
    outputs = [nbformat.v4.new_output("display_data", data={"text/html": f"<p>the report {ATTACK}</p>"})]
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)]), run / EXECUTED
    )
    write_report(run / EXECUTED, run / REPORT)
    _write_thumbnail(PIXEL, run / THUMBNAIL)
    write_page(tmp_path, [*RECORDS, Record(ATTACK, ATTACK, "done", error=ATTACK)])
    return tmp_path


@pytest.fixture
def opened(chromium, out):
    """Open the page: ``opened(java_script_enabled=False)``; requests to anywhere but the disk fail the test."""
    contexts, requests = [], []

    def open_page(**options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.goto((out / "index.html").as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def names(page):
    return page.locator("tbody tr td:first-child").all_inner_texts()


def test_rows_sort_both_ways_with_holes_last(opened):
    page = opened()
    start = names(page)
    page.get_by_role("button", name="run", exact=True).click()
    assert names(page)[-3:] == ["a9", "b10", "c"]
    page.get_by_role("button", name="seconds").click()
    assert names(page)[-2:] == ["b10", "a9"]
    page.get_by_role("button", name="seconds").click()
    assert names(page)[:2] == ["a9", "b10"]
    page.get_by_role("button", name="level").click()
    assert names(page)[0] == "b10"
    page.get_by_role("button", name="level").click()
    assert names(page)[0] == "b10"
    assert sorted(names(page)) == sorted(start)


def test_a_thumbnail_is_seen_and_a_report_opens(opened):
    page = opened()
    picture = page.locator("img")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.get_by_role("link", name="b10").click()
    page.wait_for_url("**/b10/report.html")
    assert "the report" in page.locator("body").inner_text()


def test_text_from_files_does_not_run(opened):
    page = opened()
    assert page.title() == "darkcal batch"
    assert "<script>" in names(page)[-1]
    page.get_by_role("link", name="b10").click()
    page.wait_for_load_state()
    assert page.title() != "run"


def test_the_page_is_whole_without_javascript(opened):
    page = opened(java_script_enabled=False)
    assert names(page)[:3] == ["b10", "a9", "c"]
    assert page.get_by_role("button").count() == 0
    assert "level" in page.locator("th").all_inner_texts()
