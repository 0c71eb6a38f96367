import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcal_widgets.errors import ParameterError
from darkcal_widgets.sections import Regions, parse_section, resolve_regions, to_fits, to_python

SHAPE = (4128, 2080)


def regions(overscan, keep, shape=SHAPE):
    parsed = [
        None if text is None else parse_section(text, name)
        for text, name in ((overscan, "overscan_columns"), (keep, "keep_columns"))
    ]
    return resolve_regions(*parsed, shape)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("2055:", slice(2055, 2080)),
        (":2048", slice(0, 2048)),
        (" 2055 : 2080 ", slice(2055, 2080)),
        ("-25:", slice(2055, 2080)),
        (":", slice(0, 2080)),
        ("[2056:2080, 1:4128]", slice(2055, 2080)),
        ("[2056:2080,*]", slice(2055, 2080)),
        ("[2056:2080, :]", slice(2055, 2080)),
        ("[   4:  13,   1: 520]", slice(3, 13)),
    ],
)
def test_both_notations_give_the_same_columns(text, columns):
    assert parse_section(text, "keep_columns").resolve(SHAPE)[1] == columns


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "",
        "2055",
        "1:2:3",
        "[1:2]",
        "[1:2, 3:4, 5:6]",
        "[0:5, *]",
        "[9:3, *]",
        "[a:b, *]",
        7,
        True,
        ["1:2"],
    ],
)
def test_what_is_no_selection_of_columns_is_refused_by_name(text):
    with pytest.raises(
        ParameterError, match=r"overscan_columns is .*'-20:'|overscan_columns is .*FITS sections count from 1"
    ):
        parse_section(text, "overscan_columns")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (":5000", "outside the frame of 2080 columns"),
        ("-3000:", "outside"),
        ("20:10", "selects no columns"),
        ("[1:10, 1:9999]", "4128 rows"),
    ],
)
def test_a_selection_outside_the_frame_names_its_size(text, problem):
    with pytest.raises(ParameterError, match=f"keep_columns is .*{problem}"):
        regions(None, text)


def test_a_row_too_few_in_a_header_does_not_matter():
    assert regions("[2056:2080, 1:4127]", None) == regions("2055:", None)


def test_an_overscan_that_spans_all_columns_is_one_of_rows():
    found = regions("[1:2080, 4121:4128]", "[*, 1:4120]")
    assert found == Regions((slice(4120, 4128), slice(0, 2080)), 0, (slice(0, 4120), slice(0, 2080)))


def test_an_overscan_on_the_left_goes_with_what_follows():
    found = regions("[4:13, 1:520]", "[17:528, 1:520]", (520, 536))
    assert (found.overscan[1], found.keep[1]) == (slice(3, 13), slice(16, 528))


@pytest.mark.parametrize(
    ("overscan", "keep"),
    [("2000:", ":2048"), ("2055:", ":2056"), ("2055:", ":"), ("[1:2080, 4000:4128]", ":2048")],
)
def test_a_kept_part_that_holds_overscan_is_refused(overscan, keep):
    with pytest.raises(ParameterError, match=r"keep_columns .* keeps a part of the overscan"):
        regions(overscan, keep)


def test_the_whole_frame_is_no_overscan():
    with pytest.raises(ParameterError, match="whole frame"):
        regions(":", None)


def test_python_notation_leaves_out_whole_axes():
    assert to_python((slice(0, 4128), slice(2055, 2080)), SHAPE) == "[:, 2055:2080]"


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_section_written_as_fits_reads_back(rows, columns, data):
    def part(size):
        start = data.draw(st.integers(0, size - 1))
        return slice(start, data.draw(st.integers(start + 1, size)))

    region = (part(rows), part(columns))
    assert parse_section(to_fits(region), "keep_columns").resolve((rows, columns)) == region


@pytest.mark.parametrize(
    ("overscan", "keep", "axis"),
    [
        ("[98:483, 4105:4190]", "[1:483, 1:4099]", 0),  # rows, some columns left out (WHT ISIS)
        ("[98:483, 4105:4190]", None, 0),
        ("[471:483, 1:4199]", None, 1),  # columns, one row left out
        ("[471:483, 20:50]", "[1:470, 1:4200]", 1),
        ("[20:50, 4190:4200]", "[1:483, 1:4189]", 0),
        ("[471:483, *]", "[1:470, 1:4100]", 1),
    ],
)
def test_rows_are_told_from_columns_by_what_lies_beside_them(overscan, keep, axis):
    sections = [None if text is None else parse_section(text, "section") for text in (overscan, keep)]
    assert resolve_regions(*sections, (4200, 483)).axis == axis


@pytest.mark.parametrize("text", ["5:5", "6:5"])
def test_a_section_of_no_columns_is_refused(text):
    with pytest.raises(ParameterError, match="keep_columns"):
        resolve_regions(None, parse_section(text, "keep_columns"), (20, 30))


def test_the_examples_in_an_error_can_be_used():
    with pytest.raises(ParameterError) as error:
        parse_section("columns", "overscan_columns")
    examples = re.findall(r"such as '(.+?)'", str(error.value))
    assert [parse_section(text, "overscan_columns").resolve((20, 30))[1] for text in examples] == [
        slice(10, 30),
        slice(0, 20),
    ]
