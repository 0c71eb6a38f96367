"""Figures behind the advice: drawn for the two cameras, real frames and nights that hold next to nothing."""

import io

import numpy as np
import pytest
from nights import write_raw

from darkcal_widgets import (
    Night,
    Recipe,
    advise,
    calibrate_darks,
    combine_darks,
    measure_darks,
    simulate_night,
)
from darkcal_widgets.frames import read_frame
from darkcal_widgets.plots import evidence


def drawn(figure):
    """Draw a figure and return its axes."""
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure.axes


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


def test_the_columns_show_each_kind_and_the_points_lie_on_the_line(cryogenic):
    columns, follow = drawn(evidence.overscan_evidence(advise(cryogenic)))
    labels = columns.get_legend_handles_labels()[1]
    assert labels == ["bias", "dark", "flat", "science", "light", "clean"]
    low, high = columns.get_xlim()
    assert low < 2048 < 2055 < 2080 < high
    assert "yes" in follow.get_title()


def test_exposures_are_joined_to_the_darks_that_match(cryogenic):
    (axes,) = drawn(evidence.exposures(advise(cryogenic), cryogenic))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["science", "flat", "dark"]
    joined = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(joined) == 3


def test_the_shade_of_dark_current_is_where_noise_decides(report):
    (axes,) = drawn(evidence.dark_current(report))
    assert axes.get_legend_handles_labels()[1][0].startswith(("noise", "mean"))
    assert "e-/s" in axes.get_xlabel()


def test_linearity_draws_each_exposure(report):
    level, hot = drawn(evidence.linearity(report))
    assert len(level.containers[0].lines[0].get_xdata()) == 3
    assert len(hot.containers[0].lines[0].get_xdata()) == 1 + len(report.growth)


def test_the_read_noise_is_named_in_the_unit_of_the_gain(cryogenic):
    one, other = (read_frame(frame.path).data for frame in cryogenic.biases[:2])
    (axes,) = drawn(evidence.read_noise(one, other, 2.0))
    (label,) = [text for text in axes.get_legend_handles_labels()[1] if text.endswith("e-")]
    assert float(label.split()[0]) == pytest.approx(11.0, rel=0.05)


def test_one_frame_of_nothing_can_be_drawn(tmp_path):
    write_raw(tmp_path / "a.fits", np.full((20, 30), 7, "uint16"), "dark", None)
    night = Night(tmp_path)
    drawn(evidence.overscan_evidence(advise(night)))
    drawn(evidence.exposures(advise(night), night))


@pytest.mark.parametrize("name", ["saao-ste3", "feder-2013-07-04"])
def test_real_nights_can_be_drawn(real_frames, name):
    night = Night(real_frames / name)
    advice = advise(night)
    drawn(evidence.overscan_evidence(advice))
    drawn(evidence.exposures(advice, night))
