"""What the panel draws: pictures and histograms from pixels, levels and profiles from a night."""

import numpy as np
import pytest
from cameras import kast_blue
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe, simulate_night
from darkcal_widgets.errors import FrameError
from darkcal_widgets.panel import effect
from darkcal_widgets.panel.effect import Effect


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


def test_a_constant_frame_has_a_spread_to_divide_by(tmp_path):
    write_raw(tmp_path / "dark.fits", np.full((9, 9), 7, "uint16"), "dark")
    shown = Effect(Night(tmp_path)).before_after("dark.fits", Recipe(), None)
    assert shown["half"] > 0
    assert shown["after"]["level"] == 7


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    """The cryogenic camera's night: light leaks into columns 2048 to 2054 of its overscan."""
    raw = simulate_night(tmp_path_factory.mktemp("lesson") / "night", "cryogenic", rows=512)
    return Effect(Night(raw, dark_folder=raw / "darks"))


def shown_for(lesson, columns):
    recipe = Recipe(overscan_columns=columns, keep_columns=":2048")
    return lesson.before_after("darks/ccd.007.0.fits", recipe, None)


def test_three_overscans_have_three_different_effects(lesson):
    lit, clean, single = (shown_for(lesson, columns) for columns in ("2048:", "2055:", "2079:"))
    # Light in seven of 32 columns lifts their median, so that every dark ends too low by what is too much.
    assert lit["light"]["mean"] > 10
    assert lit["light"]["median"] > 1
    assert lit["after"]["level"] < -1
    for right in (clean, single):
        assert abs(right["light"]["mean"]) < 4 * right["light"]["error"]
        assert abs(right["light"]["median"]) < 4 * right["light"]["median_error"]
        assert abs(right["after"]["level"]) < 4 * right["after"]["error"]
    # The median of 25 columns has 1.25 / 5 of the noise of a pixel, one column all of it: stripes.
    pixel = clean["before"]["scatter"]
    assert clean["before"]["rows"] < 0.1 * pixel
    assert clean["after"]["rows"] == pytest.approx(0.25 * pixel, rel=0.2)
    assert single["after"]["rows"] == pytest.approx(pixel, rel=0.2)
    assert single["after"]["scatter"] == pytest.approx(np.sqrt(2) * pixel, rel=0.1)


def test_levels_resolve_what_whole_counts_would_hide(lesson):
    names = [f"darks/ccd.{number:03d}.0.fits" for number in range(7, 16)]
    for frame in lesson.unread(names, "adu"):
        lesson.read(frame, "adu")
    rows = lesson.levels(names, Recipe(overscan_columns="2055:", keep_columns=":2048"), None)["rows"]
    after = [row["after"] for row in rows]
    assert len({round(level, 2) for level in after}) > 5
    assert np.ptp(after) < 0.6 < 10 < np.ptp([row["before"] for row in rows])


def test_stripes_are_the_levels_of_neighbouring_rows(lesson):
    single = shown_for(lesson, "2079:")
    assert np.std(single["after"]["stripes"]) > 5 * np.std(single["before"]["stripes"])


def test_without_light_or_overscan_nothing_is_said_of_light(lesson, tmp_path):
    assert shown_for(lesson, None)["light"] is None
    dark = Effect(Night(small_night(tmp_path / "night")))
    assert dark.before_after("dark-0.fits", Recipe(overscan_columns="24:"), None)["light"] is None


def test_the_light_is_that_of_the_amplifier_with_most_of_it(tmp_path):
    night = Night(kast_blue(tmp_path, lit=True, AMPSROW=2, COVER=16))
    parts = (("128:144", ":64"), ("144:160", "64:128"))
    recipe = Recipe(amplifiers=parts)
    light = Effect(night).before_after(night.biases[0].name, recipe, None)["light"]
    assert light["frames"] == "flat - bias"
    assert np.isfinite([light["mean"], light["median"], light["error"]]).all()


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
    assert (shown["after"]["level"] is None) == (rows.stop is None)
