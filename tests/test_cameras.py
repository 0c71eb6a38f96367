"""Cameras from the raw frames to the figures at the end: as advised, the results are right. Each step has a file of its own."""

import cameras
import numpy as np
import pytest
from real_cameras import examine

from darkcal_widgets import Night, Results, advise, calibrate_darks, combine_darks, measure_darks

RIGHT = {
    "gmos": {"overscan_columns": "44:", "keep_columns": ":44"},
    "mosaic": {"amplifiers": (("0:20", "20:60"), ("100:120", "60:100"))},
    "hires": {"overscan_columns": "70:", "keep_columns": ":70", "extensions": None},
    "acs": {"overscan_columns": "70:", "keep_columns": ":70"},
    "site": {"overscan_columns": "80:", "keep_columns": "10:80"},
    "cmos": {"overscan_columns": None, "keep_columns": None},
    "stacked": {"overscan_columns": "70:", "keep_columns": ":70"},
    "one_plane": {"overscan_columns": "70:", "keep_columns": ":70"},
}
RATE = 0.02  # ADU/s, of the nights that `cameras` lays out


@pytest.mark.parametrize("name", RIGHT)
def test_a_night_calibrated_as_advised_gives_its_dark_current(tmp_path, name):
    night = Night(getattr(cameras, name)(tmp_path / "raw"))
    advice = advise(night)
    for field, value in RIGHT[name].items():
        assert getattr(advice.recipe, field) == value, (name, str(advice))
    run = calibrate_darks(night, advice.recipe, tmp_path / "out")
    run.raise_failures()
    combine_darks(tmp_path / "out").raise_failures()
    combined = Results(tmp_path / "out").combined_darks
    short, long = combined[0].parts, combined[-1].parts
    for one, other in zip(short, long, strict=True):
        # Frames without an overscan keep their drift, a few ADU.
        grown = np.median(other.data) - np.median(one.data)
        assert grown == pytest.approx(RATE * 240, abs=0.6 if advice.recipe.overscan_columns else 4.0)
    report = measure_darks(tmp_path / "out", night)
    expected, current = RATE * (report.gain or 1), report.dark_current
    assert current.value == pytest.approx(expected, abs=current.uncertainty)
    if advice.recipe.overscan_columns:
        assert current.uncertainty < expected


def test_images_of_another_layout_than_the_first_are_not_calibrated_like_it(tmp_path):
    night = Night(cameras.gmos(tmp_path / "raw"))
    advice = advise(night)
    assert advice.recipe.extensions == ("1", "3", "5", "7", "9", "11")
    assert advice.finding("Is it the same for all images of a file?").verdict == "no"


def test_quadrants_calibrated_as_advised_have_no_steps(tmp_path):
    night = Night(cameras.quadrants(tmp_path / "raw"))
    calibrate_darks(night, advise(night).recipe, tmp_path / "out").raise_failures()
    (data, *_) = (frame.data for frame in Results(tmp_path / "out").darks)
    assert data.shape == (72, 80)
    levels = [
        np.median(data[rows, columns])
        for rows in (slice(36), slice(36, 72))
        for columns in (slice(40), slice(40, 80))
    ]
    assert np.ptp(levels) < 1


@pytest.mark.unpublished
def test_real_cameras_are_right_or_refused_with_the_reason(real_cameras):
    for name in ("shane_kast_blue", "lco_floyds"):
        assert examine(name, real_cameras).problems == ()
