"""What was measured in a night speaks against settings that differ from the advice."""

import pytest

from darkcal_widgets import Night, Recipe, advise, simulate_night
from darkcal_widgets.advice.remarks import remarks


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    folder = simulate_night(tmp_path_factory.mktemp("remarks") / "night", "cryogenic", rows=128)
    return advise(Night(folder, dark_folder=folder / "darks"))


def on(advice, name="overscan_columns", **settings):
    right = {"overscan_columns": "2055:", "keep_columns": ":2048"}
    return remarks(advice, Recipe(**right | settings)).get(name, "")


def test_nothing_is_said_of_the_advice_itself(cryogenic):
    assert remarks(cryogenic, cryogenic.recipe) == {}


def test_the_columns_that_light_reaches_are_named(cryogenic):
    assert on(cryogenic, overscan_columns="2048:").startswith(
        "Light reaches columns 2048:2055: 7 columns, from "
    )
    assert on(cryogenic, overscan_columns="2040:", keep_columns=":2000").startswith(
        "Light reaches columns 2040:2055"
    )


def test_few_columns_are_called_few(cryogenic):
    assert on(cryogenic, overscan_columns="2079:").startswith("Only 1 column. The median over so few")
    assert on(cryogenic, overscan_columns="2076:2079").startswith("Only 3 columns.")


def test_fewer_columns_than_advised_are_not_wrong(cryogenic):
    assert on(cryogenic, overscan_columns="2060:") == ""


def test_what_is_kept_or_left_out_otherwise_is_said(cryogenic):
    assert on(cryogenic, "keep_columns", keep_columns=":100").startswith(
        "Advised: :2048. That is the image area"
    )
    assert on(cryogenic, overscan_columns=None).startswith("Advised: 2055:. Nothing speaks against it")
    assert on(cryogenic, "subtract_bias", subtract_bias=True).startswith(
        "Advised: no. Each exposure has a dark"
    )


def test_an_overscan_along_the_other_axis_gets_the_advice(cryogenic):
    assert on(cryogenic, overscan_columns="[1:2080, 1:20]", keep_columns=None).startswith("Advised: 2055:")


def test_an_overscan_that_is_not_usable_gets_the_reason(tmp_path):
    advice = advise(Night(simulate_night(tmp_path / "night", "thermo-electric", rows=64)))
    assert "because it does not follow the bias level" in on(
        advice, overscan_columns="4100:", keep_columns=":4096"
    )
