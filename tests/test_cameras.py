"""Cameras from the raw frames to the figures at the end: as advised, the results are right. Each step has a file of its own."""

from dataclasses import replace

import cameras
import numpy as np
import pytest
from real_cameras import CAMERAS, examine, left_to_the_advice

from darkcal_widgets import Night, Recipe, Results, advise, calibrate_darks, combine_darks, measure_darks
from darkcal_widgets.parameters import ADVISED

RIGHT = {
    "gmos": {"overscan_columns": "44:", "keep_columns": ":44"},
    "mosaic": {"amplifiers": (("0:20", "20:60"), ("100:120", "60:100"))},
    "hires": {"overscan_columns": "70:", "keep_columns": ":70", "extensions": None},
    "acs": {"overscan_columns": "70:", "keep_columns": ":70"},
    "site": {"overscan_columns": "80:", "keep_columns": "10:80"},
    "cmos": {"overscan_columns": None, "keep_columns": None},
    "stacked": {"overscan_columns": "70:", "keep_columns": ":70"},
    "one_plane": {"overscan_columns": "70:", "keep_columns": ":70"},
    "fors": {"overscan_columns": "[1:90, 53:60]", "keep_columns": "[1:90, 6:52]"},
    "sdss": {"amplifiers": (("0:20", "20:80"), ("140:160", "80:140"))},
    "alfosc": {"overscan_columns": ":10", "keep_columns": "[11:90, 1:60]"},
    "deimos": {"overscan_columns": "60:", "keep_columns": "6:60", "extensions": None},
    "lris_red": {"overscan_columns": "60:", "keep_columns": "6:60", "extensions": ("VidInp1", "VidInp3")},
    "wfc": {"overscan_columns": ":12", "keep_columns": "12:", "extensions": None},
    "dslr": {"overscan_columns": None, "keep_columns": None, "subtract_bias": True},
    "webcam": {"overscan_columns": None, "keep_columns": None, "subtract_bias": True},
    "side_strips": {
        "amplifiers": (
            *(("120:132", "0:30"), ("132:144", "30:60")),
            *(("144:156", "60:90"), ("156:168", "90:120")),
        )
    },
    "middle_quadrants": {"amplifiers": (("60:70", "0:60"), ("70:80", "80:140"))},
}
COUNTS = {"bias": 4, "dark": 6, "flat": 2}


@pytest.mark.parametrize("name", RIGHT)
def test_a_night_calibrated_as_advised_gives_its_dark_current(tmp_path, name):
    night = Night(getattr(cameras, name)(tmp_path / "raw"))
    advice = advise(night)
    for kind, count in COUNTS.items():
        if kind != "flat" or name != "fors":
            assert len(night.of_type(kind)) == count, night.notes
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
        assert grown == pytest.approx(cameras.RATE * 240, abs=0.6 if advice.recipe.overscan_columns else 4.0)
        if advice.recipe.amplifiers:
            assert np.ptp(np.median(long[0].data, axis=0)) < 6, "a step between amplifiers"
    report = measure_darks(tmp_path / "out", night)
    expected, current = cameras.RATE * (report.gain or 1), report.dark_current
    assert current.value == pytest.approx(expected, abs=current.uncertainty)
    if advice.recipe.overscan_columns:
        assert current.uncertainty < expected


def test_four_overscans_in_the_order_turned_round_are_paired(tmp_path):
    pairs = advise(Night(cameras.side_strips(tmp_path / "raw", crossed=True))).recipe.amplifiers
    assert pairs[0] == ("156:168", "0:30")
    assert pairs[-1] == ("120:132", "90:120")


def test_amplifiers_without_a_fitting_overscan_are_unknown(tmp_path):
    def one_overscan(pixels, kind, index):
        del kind, index
        pixels[:, 120:] = pixels[:, 120:132].mean()
        pixels[:, 120:] += np.random.default_rng(1).normal(0, 4, (48, 48))
        return pixels

    advice = advise(Night(cameras.side_strips(tmp_path / "raw", change=one_overscan)))
    assert advice.recipe.amplifiers is None
    assert advice.decisions["amplifiers"].certainty == "unknown"
    assert "step" in advice.decisions["amplifiers"].reason


def test_images_of_another_layout_are_not_calibrated_alike(tmp_path):
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


@pytest.mark.unpublished
def test_of_real_cameras_the_advice_is_the_right_recipe_or_asks(real_cameras):
    for name, camera in CAMERAS.items():
        advice = advise(Night(real_cameras / name, image_types=camera.types))
        left = left_to_the_advice(camera, real_cameras / name)
        assert left.resolved(advice).recipe == Recipe(**camera.recipe), name
        asked = replace(left, **dict.fromkeys(camera.by_hand, ADVISED)).undecided(advice)
        assert set(asked) <= set(camera.by_hand)


def test_a_dark_strip_between_overscans_is_mentioned(tmp_path):
    def darkened(pixels, kind, index):
        del kind, index
        pixels[:, 62:76] = np.random.default_rng(2).normal(1000, 4, (48, 14))
        return pixels

    area, overscans = (slice(0, 48), slice(12, 126)), (slice(0, 48), slice(126, 138))
    night = cameras.layout_night(
        tmp_path / "raw", (48, 138), {"": [(1000, area, overscans)]}, {"": {}}, change=darkened
    )
    decisions = advise(Night(night)).decisions
    assert decisions["keep_columns"].certainty == "in doubt"
    assert "columns 62:76, stays in the result" in decisions["keep_columns"].reason
    assert decisions["amplifiers"].certainty == "unknown"
