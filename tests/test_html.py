"""Tables as HTML: whatever stands in a cell is text."""

from darkcal_widgets.html import html_table, html_text


def test_what_stands_in_a_cell_or_a_heading_is_text():
    table = html_table([("<script>", "a\u202eb")], ("<b>", "&"))
    assert "<script>" not in table
    assert "&lt;script&gt;" in table
    assert "a\\u202eb" in table
    assert "<th>&lt;b&gt;</th><th>&amp;</th>" in table


def test_a_table_without_headings_has_no_head():
    assert "thead" not in html_table([("a", 1)])
    assert html_table([("a", 1)]).count("<td") == 2


def test_text_is_escaped_once():
    assert html_text("a < b") == "a &lt; b"
