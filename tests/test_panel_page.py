"""What the browser is given: one script joined from many, a label for each parameter, and sections as text."""

import pytest

from darkcal_widgets import Parameters
from darkcal_widgets.panel.page import FRONT, LABELS, script

SHAPE = [20, 30]


def test_the_modules_are_joined_into_one_that_imports_nothing():
    lines = script().splitlines()
    assert [line for line in lines if line.startswith(("import", "export"))] == ["export default { render };"]


def test_every_module_is_joined_and_no_two_give_the_same_name():
    names = []
    for path in FRONT.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert source.splitlines()[0] in script()
        starts = ("function ", "async function ", "const ", "let ", "export ")
        words = [
            line.partition("(")[0].partition(" =")[0]
            for line in source.splitlines()
            if line.startswith(starts)
        ]
        names += [word.split()[-1] for word in words if not word.startswith("export default")]
    assert len(names) == len(set(names)) > 50


def test_every_parameter_has_a_label():
    assert set(LABELS) == set(Parameters.names())
    assert len(set(LABELS.values())) == len(LABELS)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "now", "axis", "part", "text"),
    [
        ("overscan_columns", None, 1, [24, 30], "24:"),
        ("overscan_columns", {"rows": [0, 20], "columns": [24, 30]}, 1, [25, 29], "25:29"),
        ("overscan_columns", {"rows": [0, 20], "columns": [24, 30]}, 0, [16, 20], "[1:30, 17:20]"),
        ("overscan_columns", {"rows": [16, 20], "columns": [0, 30]}, 1, [24, 30], "24:"),
        ("overscan_columns", None, 1, [24, 99], "24:99"),  # what is wrong is left to be said
        ("keep_columns", {"rows": [0, 20], "columns": [0, 22]}, 0, [2, 18], "[1:22, 3:18]"),
        ("keep_columns", {"rows": [2, 18], "columns": [0, 22]}, 1, [4, 20], "[5:20, 3:18]"),
        ("keep_columns", {"rows": [0, 20], "columns": [0, 22]}, 1, [0, 30], ":"),
    ],
)
def test_a_drag_sets_its_axis_and_keeps_the_other(chromium, name, now, axis, part, text):
    source = (FRONT / "sections.js").read_text(encoding="utf-8").replace("export ", "")
    page = chromium.new_page()
    found = page.evaluate(
        f"(given) => {{ {source}; return withPart(...given); }}", [name, now, axis, part, SHAPE]
    )
    page.close()
    assert found == text
