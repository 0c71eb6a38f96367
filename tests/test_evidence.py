"""Figures behind the advice and the numbers of the darks: drawn for the two cameras, real frames and nights that hold little."""

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
from darkcal_widgets.advice import figures
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
    columns, follow = drawn(figures.overscan_evidence(advise(cryogenic)))
    labels = columns.get_legend_handles_labels()[1]
    assert labels == ["bias", "dark", "flat", "science", "light", "clean"]
    low, high = columns.get_xlim()
    assert low < 2048 < 2055 < 2080 < high
    assert "yes" in follow.get_title()


def test_exposures_are_joined_to_the_darks_that_match(cryogenic):
    (axes,) = drawn(figures.exposures(advise(cryogenic), cryogenic))
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
    drawn(figures.overscan_evidence(advise(night)))
    drawn(figures.exposures(advise(night), night))


def test_levels_are_in_the_unit_of_the_frames(tmp_path):
    for kind in ("bias", "flat"):
        frame = np.full((40, 60), 1000.0) + 5000.0 * (kind == "flat") * (np.arange(60) < 50)
        write_raw(tmp_path / f"{kind}.fits", frame.astype("float32"), kind, BUNIT="electron")
    advice = advise(Night(tmp_path))
    columns, follow = drawn(figures.overscan_evidence(advice))
    assert columns.get_ylabel() == "mean of the column [electron]"
    assert "[electron]" in follow.get_ylabel()
    assert "adu" not in "".join(finding.measured + finding.threshold for finding in advice.findings)


@pytest.mark.parametrize("name", ["saao-ste3", "feder-2013-07-04"])
def test_real_nights_can_be_drawn(real_frames, name):
    night = Night(real_frames / name)
    advice = advise(night)
    drawn(figures.overscan_evidence(advice))
    drawn(figures.exposures(advice, night))
