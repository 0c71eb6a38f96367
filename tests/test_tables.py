"""Tables as a notebook shows them."""

from darkcal_widgets.tables import ShownTable


def test_a_notebook_shows_units_and_no_types():
    table = ShownTable({"file": ["a <b>.fits"], "exposure": [90.0]})
    table["exposure"].unit = "s"
    shown = table._repr_html_()
    assert "<th>s</th>" in shown
    assert "str" not in shown
    assert "a &lt;b&gt;.fits" in shown


def test_a_printed_table_shows_every_column_in_any_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    table = ShownTable({f"column {number}": ["x" * 20] for number in range(9)} | {"state": ["current"]})
    assert "..." not in str(table)
    assert "current" in str(table)


def test_a_long_table_is_shown_in_part_and_kept_whole():
    table = ShownTable({"row": range(500)})
    assert table._repr_html_().count("<tr>") < 100
    assert len(table[:300]) == 300
