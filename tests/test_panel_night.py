"""The night as the panel looks at it."""

import pytest
from nights import random_frame, small_night, write_raw

from darkcal_widgets.errors import NightError
from darkcal_widgets.panel.night import OpenNight

STATE = {
    "files": None,
    "frame": None,
    "marked": (),
    "extension": None,
    "extensions": None,
    "amplifiers": None,
}
STATE |= {"overscan_columns": "24:", "keep_columns": ":22"}


@pytest.fixture
def opened(tmp_path):
    return OpenNight.at(small_night(tmp_path / "night", darks=3, biases=1), None, None)


def test_the_first_picked_dark_is_looked_at_by_default(opened):
    assert opened.looked_at(STATE) == "dark-0.fits"
    assert opened.looked_at(STATE | {"files": ("dark-2.fits",)}) == "dark-2.fits"
    assert opened.looked_at(STATE | {"frame": "bias-0.fits"}) == "bias-0.fits"
    assert opened.looked_at(STATE | {"frame": "nowhere.fits"}) == "dark-0.fits"


def test_rows_are_those_of_the_list(opened):
    assert opened.chosen(STATE) == {"picked": [1, 2, 3], "marked": [1], "row": 1}
    names = {"files": ("dark-1.fits", "dark-9.fits"), "marked": ("bias-0.fits", "dark-1.fits")}
    assert opened.chosen(STATE | names) == {"picked": [2], "marked": [0, 2], "row": 2}


def test_of_the_image_looked_at_the_parts_are_told(opened):
    selected = opened.selected(STATE)
    assert (selected["shape"], selected["overscan_columns"]["columns"]) == ((20, 30), [24, 30])
    assert (selected["images"], selected["amplifiers"]) == ([], None)


def test_without_a_night_it_says_why(tmp_path):
    opened = OpenNight.at(tmp_path / "nowhere", None, None)
    assert "not there" in opened.trouble["raw_folder"]
    assert (opened.picked(STATE), opened.camera, opened.remarks(None)) == ([], None, {})
    assert opened.chosen(STATE) == {"picked": [], "marked": [], "row": None}
    with pytest.raises(NightError, match="not there"):
        opened.require()


def test_the_camera_is_that_of_most_darks(opened, tmp_path):
    write_raw(tmp_path / "night" / "small.fits", random_frame(1, (8, 9)), "dark")
    again = OpenNight.at(tmp_path / "night", None, None)
    assert again.camera == opened.camera
    assert "20 x 30" in opened.camera[1]
