"""Figures of frames: drawn of arrays whose values are obvious."""

import numpy as np
import pytest
from figures import drawn

from darkcal_widgets import Recipe
from darkcal_widgets.drawing import new_figure, side_by_side
from darkcal_widgets.frames import figures


def noisy(level, shape=(40, 60)):
    return np.random.default_rng(1).normal(level, 3, shape)


def profiles_of(profiles, pieces, margin=40):
    """Draw profiles whole and zoomed, side by side."""
    figure = new_figure(10, 4)
    whole, zoomed = side_by_side(figure, (1, 1))
    for axes in (whole, zoomed):
        figures.draw_profiles(axes, profiles, pieces, "adu")
    figures.zoom_to_overscan(zoomed, profiles, pieces, margin)
    return figure


def test_before_and_after_span_alike_around_their_medians():
    before, after = (axes.images[0] for axes in drawn(figures.before_after(noisy(1000), noisy(0)))[:2])
    (low, high), (low_after, high_after) = before.get_clim(), after.get_clim()
    assert high - low == pytest.approx(high_after - low_after)
    assert (low + high) / 2 == pytest.approx(1000, abs=1)
    assert (low_after + high_after) / 2 == pytest.approx(0, abs=1)


def test_a_profile_is_drawn_whole_and_zoomed_to_the_overscan():
    pieces = Recipe(overscan_columns="50:", keep_columns=":48").pieces((40, 60))
    profiles = {"dark $x$": noisy(100).mean(axis=0)}
    whole, zoomed = drawn(profiles_of(profiles, pieces, margin=5))
    assert zoomed.get_xlim() == (45, 60)
    assert "overscan" in whole.get_legend_handles_labels()[1]


@pytest.mark.parametrize(
    ("keep", "left"), [(":48", 48), ("10:", 0), (None, 59)], ids=["right", "left", "nothing"]
)
def test_without_an_overscan_the_zoom_shows_what_is_cut_off(keep, left):
    pieces = Recipe(keep_columns=keep).pieces((40, 60))
    _, zoomed = drawn(profiles_of({"dark": noisy(100).mean(axis=0)}, pieces, margin=0))
    assert zoomed.get_xlim()[0] == left


def test_levels_are_drawn_around_their_mean_with_the_unit():
    drift, histogram = drawn(figures.levels([1000, 1010], [1, 3], ["a_$1$.fits", "b.fits"], "electron"))
    before, after = drift.get_lines()
    np.testing.assert_allclose(before.get_ydata(), [-5, 5])
    np.testing.assert_allclose(after.get_ydata(), [-1, 1])
    assert "[electron]" in histogram.get_xlabel()


@pytest.mark.parametrize("count", [1, 3])
def test_each_combined_image_has_its_picture(count):
    images = {f"{number} s": noisy(number) for number in range(count)}
    axes = drawn(figures.combined_images(images))
    assert sum(bool(one.images) for one in axes[: count + 1]) == count
    assert axes[0].get_title() == "0 s"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("where", [np.s_[3, 5:9], np.s_[:, 48:], np.s_[:, :]], ids=["some", "strip", "all"])
def test_what_no_axis_can_show_is_left_out(value, where):
    image = noisy(100).astype("float32")
    image[where] = value
    regions = Recipe(overscan_columns="50:", keep_columns=":48").pieces((40, 60))
    drawn(figures.before_after(image, image[:, :48]))
    profile = np.where(np.isin(np.arange(60), np.flatnonzero(image[3] == image[3, 59])), value, 100.0)
    drawn(profiles_of({"dark": profile}, regions))
    drawn(figures.combined_images({"dark": image}))
    drawn(figures.levels([value, 1], [1, value], ["a", "b"]))
    drawn(figures.levels([value], [value], ["a"]))


def test_an_image_without_a_value_is_told_in_a_sentence():
    nothing = np.full((5, 6), np.nan)
    for figure in (figures.before_after(nothing, nothing), figures.combined_images({"a": nothing})):
        assert "No pixel has a value." in [text.get_text() for axes in drawn(figure) for text in axes.texts]


def test_an_image_of_one_value_can_be_drawn():
    constant = np.full((5, 6), 7.0)
    drawn(figures.before_after(constant, constant))
    drawn(figures.combined_images({"constant": constant}))


def test_the_overscan_of_each_amplifier_is_shaded_once():
    pieces = Recipe(amplifiers=(("50:55", ":24"), ("55:60", "24:48"))).pieces((40, 60))
    whole, zoomed = drawn(profiles_of({"dark": noisy(100).mean(axis=0)}, pieces, margin=5))
    assert whole.get_legend_handles_labels()[1] == ["dark", "overscan 1", "overscan 2"]
    assert zoomed.get_xlim() == (45, 60)
