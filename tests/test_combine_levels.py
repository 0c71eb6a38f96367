import numpy as np
import pytest
from nights import random_frame, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks
from darkcal_widgets.combine.levels import below_bias, mean_level, unlike_levels
from darkcal_widgets.frames import Frame


def levels(folder, *values, exposures=None, **cards):
    """Return darks of these levels, as the functions take them."""
    exposures = exposures or [60.0] * len(values)
    paths = [
        write_raw(folder / f"dark-{n}.fits", random_frame(n), exposure=exposure, **cards)
        for n, exposure in enumerate(exposures)
    ]
    return dict(zip(map(Frame, paths), values, strict=True))


def test_a_dark_unlike_the_others_is_named(tmp_path):
    (note,) = unlike_levels(levels(tmp_path, 3, 2, 2503, 4, 3))
    assert note.startswith(
        "dark-2.fits lies 2500 adu above the others of 60 s: look at it, and leave it out with files if"
    )
    (note,) = unlike_levels(levels(tmp_path / "low", 1000, 1003, 700))
    assert note.startswith("dark-2.fits lies 300 adu below the others of 60 s")


def test_of_two_darks_the_brighter_is_named(tmp_path):
    (note,) = unlike_levels(levels(tmp_path, 503, 3))
    assert note.startswith("dark-0.fits lies 500 adu above the other of 60 s")


@pytest.mark.parametrize(
    "values", [(3, 23, -2), (1000, 1020, 985, 1010), (5000, 5400, 4800), (0, 40, 80, 120), (7,)]
)
def test_what_a_drift_explains_is_not_noted(tmp_path, values):
    assert unlike_levels(levels(tmp_path, *values)) == []


def test_exposures_and_temperatures_are_not_mixed(tmp_path):
    darks = levels(tmp_path, 3, 4, 3, 900, 901, 902, exposures=[10.0] * 3 + [300.0] * 3)
    darks |= levels(tmp_path / "warm", 500, 501, 502, CCD_TEMP=10.0)
    darks |= levels(tmp_path / "cold", 1, 2, 3, CCD_TEMP=-10.0)
    assert unlike_levels(darks) == []


def test_darks_below_the_bias_are_counted(tmp_path):
    assert below_bias(levels(tmp_path, 3, -12)) == []
    (note,) = below_bias(levels(tmp_path / "low", -870, -868, 3))
    assert note.startswith(
        "dark-0.fits lies 870 adu below the combined bias (2 darks lie below it): its bias was subtracted"
    )


def test_a_mean_that_is_missing_is_not_guessed():
    assert mean_level([{"CCDMEAN": 2.0}, {"CCDMEAN": 4.0}]) == 3.0
    assert mean_level([{"CCDMEAN": 2.0}, {}]) is None


def test_run_and_combining_say_so(tmp_path):
    for n in range(5):
        frame = random_frame(n, level=1003)
        frame[10 * (n != 2) :, :] += np.uint16(1250 * (n == 2))
        write_raw(tmp_path / "raw" / f"dark-{n}.fits", frame)
        write_raw(tmp_path / "raw" / f"bias-{n}.fits", random_frame(20 + n, level=1900), "bias", 0.0)
    run = calibrate_darks(
        Night(tmp_path / "raw"), Recipe(subtract_bias=True), tmp_path / "out", progress=False
    )
    assert any("dark-2.fits lies 1249 adu above the others of 10 s" in note for note in run.notes), run.notes
    assert any("below the combined bias (4 darks lie below it)" in note for note in run.notes)
    again = calibrate_darks(
        Night(tmp_path / "raw"), Recipe(subtract_bias=True), tmp_path / "out", progress=False
    )
    assert len(again.unchanged) == 5
    assert again.notes == run.notes
    assert any("dark-2.fits lies 1249 adu" in note for note in combine_darks(tmp_path / "out").notes)
