"""Figures behind the advice: drawn for the two cameras, real frames and nights that hold next to nothing."""

import io

import numpy as np
import pytest
from nights import write_raw

from darkcal_widgets import Night, advise, simulate_night
from darkcal_widgets.plots import evidence


def drawn(figure):
    """Draw a figure and return its axes."""
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure.axes


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    raw = simulate_night(tmp_path_factory.mktemp("cryo") / "night", "cryogenic", rows=96)
    return Night(raw, dark_folder=raw / "darks")


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
