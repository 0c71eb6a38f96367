"""Tables as a notebook shows them."""

from darkcal_widgets.tables import ShownTable


def test_a_notebook_shows_units_and_no_types():
    table = ShownTable({"file": ["a <b>.fits"], "exposure": [90.0]})
    table["exposure"].unit = "s"
    shown = table._repr_html_()
    assert "<th>s</th>" in shown
    assert "str" not in shown
    assert "a &lt;b&gt;.fits" in shown


def test_a_long_table_is_shown_in_part_and_kept_whole():
    table = ShownTable({"row": range(500)})
    assert table._repr_html_().count("<tr>") < 100
    assert len(table[:300]) == 300
