"""Parts of images that settings select, in both notations."""

import pytest

from darkcal_widgets.panel.parts import notation

SHAPE = (20, 30)


@pytest.mark.parametrize(
    ("text", "python", "fits_section", "axis"),
    [
        ("24:", "[:, 24:30]", "[25:30, 1:20]", 1),
        ("[25:30, 2:19]", "[:, 24:30]", "[25:30, 1:20]", 1),
        ("[1:30, 16:20]", "[15:20, :]", "[1:30, 16:20]", 0),
        ("-6:", "[:, 24:30]", "[25:30, 1:20]", 1),
    ],
)
def test_the_overscan_is_written_in_both_notations(text, python, fits_section, axis):
    found = notation({"overscan_columns": text}, "overscan_columns", SHAPE)
    assert (found["python"], found["fits"], found["axis"]) == (python, fits_section, axis)


@pytest.mark.parametrize("text", [None, "99:", "columns"])
def test_what_is_no_section_has_no_notation(text):
    assert notation({"keep_columns": text}, "keep_columns", SHAPE) is None
