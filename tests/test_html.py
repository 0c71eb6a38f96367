"""Tables as HTML: whatever stands in a cell is text."""

from astropy.table import Table

from darkcal_widgets.html import html_of, html_table, html_text


def test_what_stands_in_a_cell_or_a_heading_is_text():
    table = html_table([("<script>", "a\u202eb")], ("<b>", "&"))
    assert "<script>" not in table
    assert "&lt;script&gt;" in table
    assert "a\\u202eb" in table
    assert "<th>&lt;b&gt;</th><th>&amp;</th>" in table


def test_a_table_without_headings_has_no_head():
    assert "thead" not in html_table([("a", 1)])
    assert html_table([("a", 1)]).count("<td") == 2


def test_a_table_shows_names_and_units_but_no_types_of_numpy():
    table = Table({"file": ["<i>.fits"], "exposure": [3.0]}, units={"exposure": "s"})
    shown = html_of(table)
    assert "<th>s</th>" in shown
    assert "&lt;i&gt;.fits" in shown
    assert not any(word in shown for word in ("str", "float64", "<i>"))


def test_text_is_escaped_once():
    assert html_text("a < b") == "a &lt; b"
