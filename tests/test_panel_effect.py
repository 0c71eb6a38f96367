"""What the panel draws: pictures and histograms from pixels, levels and profiles from a night."""

import numpy as np
import pytest
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe
from darkcal_widgets.errors import FrameError
from darkcal_widgets.panel import effect
from darkcal_widgets.panel.effect import Effect


def test_a_picture_goes_from_dark_to_bright_with_nan_dark():
    values = np.array([[-100, 0, 100, np.nan, 1e9, -1e9]])
    np.testing.assert_array_equal(effect.picture(values, 0, 100), [[0, 127, 255, 0, 255, 0]])


def test_a_picture_is_never_larger_than_a_screen_shows():
    assert max(effect.thin(np.zeros((1032, 1028))).shape) <= effect.PICTURE_SIZE


def test_the_histogram_counts_all_values_around_the_middle():
    values = random_frame(1, (37, 53)).astype(float)
    counts, width = effect.histogram(values, 1000, 50)
    assert counts.sum() == np.count_nonzero(np.abs(values - 1000) <= len(counts) * width / 2)
    assert len(counts) % 2 == 1
    assert abs(np.argmax(counts) - len(counts) // 2) < 12


def test_bins_of_whole_numbers_are_whole():
    counts, width = effect.histogram(np.repeat(np.arange(900.0, 1100.0), 10), 1000, 30)
    assert width == int(width)
    assert len(set(counts)) == 1


def test_a_constant_frame_has_a_spread_to_divide_by():
    assert effect.half_width(np.full((9, 9), 7.0)) > 0


def test_levels_are_of_the_frames_that_were_read(tmp_path):
    shown = Effect(Night(small_night(tmp_path / "night")))
    recipe, names = Recipe(overscan_columns="24:", keep_columns=":22"), ["dark-0.fits", "dark-1.fits"]
    assert shown.levels(names, recipe, None) == {"rows": [], "picked": 2, "shown": 2}
    waiting = shown.unread(names, "adu")
    assert [frame.name for frame in waiting[:2]] == names
    shown.read(waiting[1], "adu")
    (row,) = shown.levels(names, recipe, None)["rows"]
    assert row["name"] == "dark-1.fits"
    assert abs(row["after"]) < 300 < 1000 < row["before"]


def test_bias_frames_of_another_shape_are_not_averaged(tmp_path):
    night = Night(small_night(tmp_path / "night", biases=0))
    with pytest.raises(FrameError, match="no bias frame has the shape of the dark, 20 rows x 30 columns"):
        Effect(night).before_after("dark-0.fits", Recipe(subtract_bias=True), None)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
@pytest.mark.parametrize("rows", [slice(0, 3), slice(None)], ids=["some rows", "all"])
def test_a_frame_with_undrawable_values_is_shown(tmp_path, value, rows):
    data = random_frame(1, level=1200, dtype="float32")
    data[rows] = value
    write_raw(tmp_path / "dark.fits", data)
    shown = Effect(Night(tmp_path)).before_after("dark.fits", Recipe(keep_columns=":24"), None)
    assert shown["half"] > 0
    assert (sum(shown["after"]["counts"]) > 0) == (rows.stop is not None)
    assert Effect(Night(tmp_path)).raw("dark.fits", "adu")["values"]
