"""Figures of the darks, drawn from a simulated night."""

import numpy as np
import pytest
from figures import drawn

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks, measure_darks, simulate_night
from darkcal_widgets.darks import figures


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    raw = simulate_night(tmp_path_factory.mktemp("cryo") / "night", "cryogenic", rows=96)
    return Night(raw, dark_folder=raw / "darks")


@pytest.fixture(scope="module")
def report(cryogenic, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reduced")
    recipe = Recipe(overscan_columns="2055:", keep_columns=":2048")
    calibrate_darks(cryogenic, recipe, folder, progress=False)
    combine_darks(folder)
    return measure_darks(folder, cryogenic)


def test_the_shade_of_dark_current_is_where_noise_decides(report):
    (axes,) = drawn(figures.dark_current(report))
    assert axes.get_legend_handles_labels()[1][0].startswith(("noise", "mean"))
    assert "e-/s" in axes.get_xlabel()


def test_linearity_draws_each_exposure(report):
    level, hot = drawn(figures.linearity(report))
    assert len(level.containers[0].lines[0].get_xdata()) == 3
    assert len(hot.containers[0].lines[0].get_xdata()) == 1 + len(report.growth)


def test_the_read_noise_is_named_in_the_unit_of_the_gain(cryogenic):
    one, other = (frame.data for frame in cryogenic.biases[:2])
    (axes,) = drawn(figures.read_noise(one, other, 2.0))
    (label,) = [text for text in axes.get_legend_handles_labels()[1] if text.endswith("e-")]
    assert float(label.split()[0]) == pytest.approx(11.0, rel=0.05)


def test_bias_frames_that_are_equal_can_be_drawn():
    drawn(figures.read_noise(np.full((20, 30), 7, "uint8"), np.full((20, 30), 7, "uint8")))
