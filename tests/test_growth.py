"""How counts grow with the exposure: numbers drawn at random, and how often the stated 99 % hold the truth."""

import numpy as np
import pytest

from darkcal_widgets.darks.growth import jitter_of, linearity_of, mean_and_error, slope_of

NIGHTS = 400


def held(intervals, truth):
    """Return the part of the intervals, value and uncertainty, that hold the truth."""
    values, reaches = np.transpose(intervals)
    return np.mean(np.abs(values - truth) <= reaches)


@pytest.mark.parametrize("drift", [0.0, 0.02, 0.1, 0.5, -2.0])
@pytest.mark.parametrize(
    "seconds", [np.repeat([0.0, 60], 10), np.repeat([0.0, 7, 70, 300], 3)], ids=["bias and darks", "series"]
)
def test_the_slope_holds_the_truth_whatever_the_drift(seconds, drift):
    rng = np.random.default_rng(1)
    order = np.arange(len(seconds), dtype=float)
    found = []
    for _ in range(NIGHTS):
        levels = 0.01 * seconds + drift * order + rng.normal(0, 0.3, len(seconds))
        slope = slope_of(seconds, levels, order)
        found.append((slope.value, slope.uncertainty))
    assert held(found, 0.01) >= 0.97


def test_bias_frames_on_both_sides_take_the_drift_out():
    rng = np.random.default_rng(1)
    seconds, order = np.repeat([0.0, 60, 0], (5, 10, 5)), np.arange(20.0)
    levels = [rng.normal(0, 0.3, 20) for _ in range(NIGHTS)]
    reaches = [[slope_of(seconds, one, way).uncertainty for one in levels] for way in (order, None)]
    assert np.median(reaches[0]) < 1.05 * np.median(reaches[1])


def test_only_a_sure_drift_is_spoken_of():
    rng = np.random.default_rng(1)
    seconds, order = np.repeat([0.0, 60], 10), np.arange(20.0)
    spoken = [
        [slope_of(seconds, drift * order + rng.normal(0, 0.3, 20), order).drift != 0 for _ in range(NIGHTS)]
        for drift in (0.0, 0.5)
    ]
    assert np.mean(spoken[0]) < 0.03
    assert np.mean(spoken[1]) > 0.97


def test_a_drift_between_darks_goes_on_to_the_bias_frames():
    rng = np.random.default_rng(2)
    order = np.arange(10.0)
    found = [
        mean_and_error(0.5 * (order + 10 - 4.5) + rng.normal(0, 0.1, 10), order, 10.0) for _ in range(NIGHTS)
    ]
    assert held(found, 0) >= 0.97


@pytest.mark.parametrize("levels", [[5.0], [5.0, 5.0, 5.0], [0.0, 0.0]])
def test_levels_without_scatter_tell_no_mean(levels):
    assert mean_and_error(np.array(levels)) is None


def test_exact_lines_and_two_frames_tell_no_slope():
    assert slope_of(np.array([0.0, 60, 60, 0]), np.array([1.0, 2, 2, 1])) is None
    assert slope_of(np.array([0.0, 60]), np.array([1.0, 2.1])) is None


def hot_counts(rng, jitter, power=1.0, pixels=40, frames=3):
    """Draw the counts of hot pixels for 7, 70 and 300 s, each frame at a temperature of its own."""
    rates = np.geomspace(2, 60, pixels)
    warmth = {seconds: 1 + rng.normal(0, jitter, (frames, 1)) for seconds in (7.0, 70.0, 300.0)}
    counts = [
        rng.poisson((rates * t) ** power * warmth[t]) / 2 + rng.normal(0, 5, (frames, pixels)) for t in warmth
    ]
    return list(warmth), counts


@pytest.mark.parametrize("jitter", [0.0, 0.02, 0.075])
def test_temperature_does_not_bend_a_straight_line(jitter):
    rng = np.random.default_rng(3)
    texts = [linearity_of(*hot_counts(rng, jitter), 5 / np.sqrt(3)).text for _ in range(NIGHTS)]
    assert np.mean([text.startswith("no") for text in texts]) <= 0.03
    if not jitter:
        assert np.mean([text.startswith("yes") for text in texts]) >= 0.9


def test_counts_that_bend_are_told_from_a_straight_line():
    found = linearity_of(*hot_counts(np.random.default_rng(4), 0.01, power=0.9), 5 / np.sqrt(3))
    assert found.text.startswith("no")


def test_what_is_hardly_known_is_not_called_linear():
    texts = [linearity_of(*hot_counts(np.random.default_rng(seed), 0.2), 3.0).text for seed in range(20)]
    assert sum(text.startswith("unclear") for text in texts) > 15


def test_one_dark_of_each_exposure_leaves_temperature_open():
    found = linearity_of(*hot_counts(np.random.default_rng(5), 0.0, frames=1), 5.0)
    assert "a change of temperature would look the same" in found.text


def test_the_jitter_is_that_of_the_frames():
    rng = np.random.default_rng(6)
    found = [
        jitter_of([1e4 * (1 + rng.normal(0, 0.05, 4)), 1e6 * (1 + rng.normal(0, 0.05, 4))])
        for _ in range(200)
    ]
    assert np.sqrt(np.mean(np.square([jitter for jitter, _ in found]))) == pytest.approx(0.05, rel=0.1)
    assert {freedom for _, freedom in found} == {6}


@pytest.mark.parametrize(("pixels", "sigma"), [(0, 3.0), (2, 3.0), (40, 0.0), (40, np.nan)])
def test_few_hot_pixels_or_no_noise_tell_nothing(pixels, sigma):
    found = linearity_of(*hot_counts(np.random.default_rng(7), 0.0, pixels=pixels), sigma)
    assert (found.text, found.growth) == ("there are too few hot pixels below saturation", {})
