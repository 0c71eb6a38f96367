"""Figures behind the advice: drawn for a simulated camera and for nights that hold little."""

import numpy as np
import pytest
from cameras import kast_blue
from figures import drawn
from nights import REAL_NIGHTS, write_raw

from darkcal_widgets import Night, advise, simulate_night
from darkcal_widgets.advice import figures


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    raw = simulate_night(tmp_path_factory.mktemp("cryo") / "night", "cryogenic", rows=96)
    return Night(raw, dark_folder=raw / "darks")


def test_columns_show_each_kind_and_points_lie_on_the_line(cryogenic):
    columns, follow = drawn(figures.overscan_evidence(advise(cryogenic)))
    labels = columns.get_legend_handles_labels()[1]
    assert labels == ["bias", "dark", "flat", "science", "light", "clean"]
    low, high = columns.get_xlim()
    assert low < 2048 < 2055 < 2080 < high
    assert "yes" in follow.get_title()


@pytest.mark.parametrize("lit", [True, False])
def test_the_clean_columns_of_each_amplifier_are_shaded(tmp_path, lit):
    night = Night(kast_blue(tmp_path, lit=lit, AMPSROW=2, COVER=16))
    columns, follow = drawn(figures.overscan_evidence(advise(night)))
    assert "clean, of each amplifier" in columns.get_legend_handles_labels()[1]
    low, high = columns.get_xlim()
    assert low < 128 < 160 < high
    assert len(follow.lines[0].get_xdata()) == 8  # 4 bias frames, 2 amplifiers


def test_exposures_are_joined_to_the_darks_that_match(cryogenic):
    (axes,) = drawn(figures.exposures(advise(cryogenic), cryogenic))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["science", "flat", "dark"]
    joined = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert len(joined) == 3


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
def test_real_nights_can_be_drawn(name):
    night = Night(REAL_NIGHTS / name)
    advice = advise(night)
    drawn(figures.overscan_evidence(advice))
    drawn(figures.exposures(advice, night))
