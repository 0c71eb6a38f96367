"""What is said of a run before it starts."""

from pathlib import Path

import pytest
from nights import right_settings, small_night

from darkcal_widgets import Night, Parameters, Recipe, calibrate_darks
from darkcal_widgets.panel import outlook, settings
from darkcal_widgets.panel.made import Made


@pytest.fixture
def night(tmp_path):
    return Night(small_night(tmp_path / "night"))


@pytest.fixture
def values(night, tmp_path):
    """Settings that are right."""
    return right_settings(night, tmp_path / "out")


def planned(values, night):
    return settings.planned(values, night)[0]


def results_note(values, night):
    plan = planned(values, night)
    return outlook.run_notes(plan, Made(plan))[0]


def bias_note(values, night):
    plan = planned(values, night)
    return outlook.bias_note(plan, values["combined_bias"] is not None)


def test_what_is_there_already_is_said_before(values, night):
    assert results_note(values, night) == "3 results will be written."
    recipe = Recipe(overscan_columns="24:", keep_columns=":22")
    calibrate_darks(night, recipe, values["reduced_folder"], files=["dark-0.fits"], progress=False)
    assert results_note(values, night) == "Calibrated with these settings: 1 of 3 picked darks."
    other = planned(values | {"keep_columns": ":21"}, night)
    folder = values["reduced_folder"]
    how = "overscan [25:30, 1:20] subtracted, trimmed to [1:22, 1:20]"
    assert outlook.run_notes(other, Made(other)) == [
        f"To be replaced: 1 result made otherwise in {folder} ({how})."
    ]
    assert outlook.calibrate_deed(other) == {
        "label": "Replace 1 result and write 2",
        "replaces": True,
        "off": "",
    }
    assert outlook.calibrate_refusal(other) == (
        f"There is 1 result made otherwise in {folder} ({how}): press “Replace 1 result and write 2” in the panel, set "
        "overwrite, or name another reduced_folder."
    )


def test_a_combined_bias_is_among_what_is_replaced(values, night):
    with_bias = values | {"subtract_bias": True}
    calibrate_darks(night, Parameters(**with_bias).recipe, values["reduced_folder"], progress=False)
    (path := Path(values["reduced_folder"]) / "dark-2.fits").unlink()
    calibrate_darks(night, Recipe(keep_columns=":22"), path.parent, files=[path.name], progress=False)
    other = planned(with_bias | {"keep_columns": ":21"}, night)
    assert outlook.calibrate_deed(other)["label"] == "Replace 4 results"
    (note,) = outlook.run_notes(other, Made(other))
    assert "the combined bias among them (2: overscan [25:30" in note
    assert "bias subtracted; 1: overscan not subtracted" in note


def test_the_combined_bias_that_darks_will_get_is_named(values, night):
    assert bias_note(values, night) == ""
    with_bias = values | {"subtract_bias": True}
    assert "built from 4 bias frames" in bias_note(with_bias, night)
    calibrate_darks(night, Parameters(**with_bias).recipe, values["reduced_folder"], progress=False)
    assert "combined_bias.fits" in bias_note(with_bias, night)
