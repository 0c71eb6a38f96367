"""What was made already with the settings of a plan."""

import pytest
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks, make_plan
from darkcal_widgets.panel.made import Made

RECIPE = Recipe(overscan_columns="24:", keep_columns=":22")


@pytest.fixture
def night(tmp_path):
    folder = small_night(tmp_path / "night", darks=2)
    write_raw(folder / "dark-long.fits", random_frame(7, (20, 30)), exposure=300.0)
    return Night(folder)


def made(night, folder, recipe=RECIPE):
    return Made(make_plan(night, recipe, folder, overwrite=True))


def test_nothing_is_made_at_first(night, tmp_path):
    found = made(night, tmp_path / "out")
    assert (found.darks, found.combined) == ([], {})


def test_combined_darks_are_missing_up_to_date_or_out_of_date(night, tmp_path):
    calibrate_darks(night, RECIPE, tmp_path / "out", files=["dark-0.fits", "dark-1.fits"], progress=False)
    assert made(night, tmp_path / "out").combined == {"combined_dark_10.000.fits": "not made yet"}
    combine_darks(tmp_path / "out", files=["dark-0.fits"])
    calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    assert made(night, tmp_path / "out").combined == {
        "combined_dark_10.000.fits": "out of date",
        "combined_dark_300.000.fits": "not made yet",
    }
    combine_darks(tmp_path / "out")
    found = made(night, tmp_path / "out")
    assert found.named("up to date") == ["combined_dark_10.000.fits", "combined_dark_300.000.fits"]
    assert [dark.name for dark in found.darks] == ["dark-0.fits", "dark-1.fits", "dark-long.fits"]


def test_those_of_other_settings_are_made_otherwise(night, tmp_path):
    calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    other = Recipe(keep_columns=":22")
    assert made(night, tmp_path / "out", other).darks == []
    calibrate_darks(night, other, tmp_path / "out", overwrite=True, progress=False)
    assert set(made(night, tmp_path / "out", other).combined.values()) == {"made otherwise"}
