"""What is said of a run before it starts."""

import pytest
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Parameters, Recipe, calibrate_darks
from darkcal_widgets.panel import outlook
from darkcal_widgets.panel.settings import plan_of

SHAPE = (20, 30)


@pytest.fixture
def night(tmp_path):
    return Night(small_night(tmp_path / "night"))


@pytest.fixture
def values(night, tmp_path):
    """Settings that are right."""
    return Parameters(
        raw_folder=night.raw_folder,
        reduced_folder=tmp_path / "out",
        overscan_columns="24:",
        keep_columns=":22",
    ).to_dict()


def results_note(values, night):
    return outlook.run_notes(plan_of(Parameters(**values), night))[0]


def bias_note(values, night):
    plan = plan_of(Parameters(**values), night)
    return outlook.bias_note(plan, values["combined_bias"] is not None)


def test_what_is_there_already_is_said_before(values, night):
    assert results_note(values, night) == "3 results will be written."
    recipe = Recipe(overscan_columns="24:", keep_columns=":22")
    calibrate_darks(night, recipe, values["reduced_folder"], files=["dark-0.fits"], progress=False)
    assert "1 made with these settings stay" in results_note(values, night)
    other = values | {"keep_columns": ":21"}
    assert "1 made with other settings will not be replaced" in results_note(other, night)
    assert "1 made with other settings will be replaced" in results_note(other | {"overwrite": True}, night)


def test_a_file_that_darkcal_did_not_make_is_said_before(values, night, tmp_path):
    write_raw(tmp_path / "out" / "dark-0.fits", random_frame(1, SHAPE))
    assert "1 not made by darkcal" in results_note(values, night)


def test_the_combined_bias_that_darks_will_get_is_named(values, night):
    assert bias_note(values, night) == ""
    with_bias = values | {"subtract_bias": True}
    assert "built from 4 bias frames" in bias_note(with_bias, night)
    calibrate_darks(night, Parameters(**with_bias).recipe, values["reduced_folder"], progress=False)
    assert "combined_bias.fits" in bias_note(with_bias, night)
