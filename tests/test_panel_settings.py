"""Settings as they stand in the controls: what is wrong is said for the one that has to change."""

import pytest
from astropy.io import fits
from nights import random_frame, right_settings, small_night, write_raw

from darkcal_widgets import Night
from darkcal_widgets.panel import settings

SHAPE = (20, 30)


@pytest.fixture
def night(tmp_path):
    return Night(small_night(tmp_path / "night"))


@pytest.fixture
def values(night, tmp_path):
    """Settings that are right."""
    return right_settings(night, tmp_path / "out")


def problems(values, night):
    return settings.planned(values, night)[1]


def test_right_settings_have_no_problems(values, night):
    assert problems(values, night) == {}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("overscan_columns", "24:99", "reaches outside the frame of 30 columns"),
        ("overscan_columns", "twenty", "does not select columns"),
        ("overscan_columns", "20:", "keeps a part of the overscan"),
        ("keep_columns", "9:3", "selects no columns"),
        ("keep_columns", ":26", "keeps a part of the overscan"),
        ("files", (), "no dark is selected"),
        ("files", ("dark-9.fits",), "is not in"),
        ("files", "dark-1.fits", "expected a list such as"),
        ("reduced_folder", "", "expected text such as"),
        ("overwrite", 1, "expected True or False"),
        ("output_dtype", "int16", "expected 'float32' or 'float64'"),
        ("unit", "volt", "expected one of adu"),
    ],
)
def test_each_wrong_setting_is_said_at_its_control(values, night, name, value, sentence):
    assert sentence in problems(values | {name: value}, night)[name]


def test_an_overlap_is_said_at_both_controls(values, night):
    assert set(problems(values | {"keep_columns": ":26"}, night)) == {
        "overscan_columns",
        "keep_columns",
    }


def test_two_wrong_sections_are_both_said(values, night):
    found = problems(values | {"keep_columns": "abc", "overscan_columns": "24:99"}, night)
    assert "does not select columns" in found["keep_columns"]
    assert "outside the frame" in found["overscan_columns"]


def test_results_among_the_raw_frames_are_refused(values, night):
    found = problems(values | {"reduced_folder": values["raw_folder"]}, night)
    assert "raw data are never modified" in found["reduced_folder"]


def test_no_darks_is_said_at_their_folder(values, tmp_path):
    write_raw(tmp_path / "other" / "flat.fits", random_frame(1, SHAPE), "flat")
    assert "no darks" in problems(values, Night(tmp_path / "other"))["dark_folder"]


def test_no_way_to_a_combined_bias_is_said_at_the_bias(values, tmp_path):
    night = Night(small_night(tmp_path / "other", biases=0))
    assert "bias" in problems(values | {"subtract_bias": True}, night)["subtract_bias"]


def test_a_combined_bias_that_is_not_there_is_said_at_its_path(values, night):
    wrong = values | {"subtract_bias": True, "combined_bias": "nowhere.fits"}
    assert "is not there" in problems(wrong, night)["combined_bias"]


def test_a_combined_bias_of_another_shape_is_said(values, night, tmp_path):
    path = tmp_path / "bias.fits"
    fits.PrimaryHDU(random_frame(1, (7, 9)), fits.Header({"IMAGETYP": "bias", "COMBINED": True})).writeto(
        path
    )
    wrong = values | {"subtract_bias": True, "combined_bias": str(path)}
    assert "7 x 9" in problems(wrong, night)["combined_bias"]


def test_sections_beside_amplifiers_are_marked_there(values, night):
    two = [["24:27", "0:10"], ["27:30", "10:20"]]
    found = problems(values | {"amplifiers": two}, night)
    assert set(found) == {"overscan_columns", "keep_columns"}
    assert "beside" in found["keep_columns"]
    alone = values | {"amplifiers": two, "overscan_columns": None, "keep_columns": None}
    assert problems(alone, night) == {}


def test_files_that_darkcal_did_not_make_are_said_before(values, night, tmp_path):
    for name in ("dark-0.fits", "dark-1.fits"):
        write_raw(tmp_path / "out" / name, random_frame(1, SHAPE))
    sentence = problems(values | {"overwrite": True}, night)["reduced_folder"]
    assert "dark-0.fits already exists and was not written by darkcal" in sentence
    assert sentence.endswith("And 1 more is in the way.")
    assert problems(values | {"files": ("dark-2.fits",)}, night) == {}
