import pytest
from nights import random_frame, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_bias
from darkcal_widgets.errors import NightError, ParameterError
from darkcal_widgets.frames import Frame
from darkcal_widgets.groups import (
    group_exposures,
    group_temperatures,
    odd_frames,
    same_exposure,
    without_odd,
    without_reduced,
)

CARDS = {
    "INSTRUME": "one",
    "XBINNING": 1,
    "YBINNING": 1,
    "READOUTM": "slow",
    "GAIN": 1.5,
    "CCD-TEMP": -20.0,
    "BUNIT": "adu",
}
RECIPE = Recipe(keep_columns=":8")


def night(folder, *odd, kind="dark", count=3, **usual):
    for index in range(count):
        write_raw(folder / f"{kind}-{index}.fits", random_frame(index, (10, 12)), kind, **(CARDS | usual))
    for index, cards in enumerate(odd):
        shape = cards.pop("shape", (10, 12))
        write_raw(folder / f"odd-{index}.fits", random_frame(9, shape), kind, **(CARDS | usual | cards))
    return Night(folder)


DIFFERENCES = {
    "shape": ({"shape": (20, 12)}, r"shape \(rows x columns\) 20 x 12, the others have 10 x 12"),
    "narrow": ({"shape": (10, 4)}, "10 x 4"),
    "binning": ({"XBINNING": 2, "YBINNING": 2}, "binning 2 x 2, the others have 1 x 1"),
    "mode": ({"READOUTM": "fast"}, "readout mode fast, the others have slow"),
    "gain": ({"GAIN": 3.0}, "gain 3, the others have 1.5"),
    "gain setting": ({"GAIN": (100.0, "index")}, "gain setting 100, the others have 1"),
    "camera": ({"INSTRUME": "two"}, "camera two, the others have one"),
    "unit": ({"BUNIT": "electron"}, "unit electron, the others have adu"),
}


@pytest.mark.parametrize(("cards", "reason"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_dark_of_another_kind_is_found_named_and_left_out(tmp_path, cards, reason):
    usual = {"GAIN": (1, "index")} if "setting" in reason else {}
    mixed = night(tmp_path / "raw", dict(cards), **usual)
    run = calibrate_darks(mixed, RECIPE, tmp_path / "out", progress=False)
    assert sorted(path.name for path in run.written) == ["dark-0.fits", "dark-1.fits", "dark-2.fits"]
    assert list(run.failed) == ["odd-0.fits"]
    with pytest.raises(NightError, match=reason):
        calibrate_darks(mixed, RECIPE, tmp_path / "refused", mixed="refuse", progress=False)
    assert not (tmp_path / "refused").exists()


def test_the_user_may_keep_them_or_calibrate_them_by_themselves(tmp_path):
    mixed = night(tmp_path / "raw", {"GAIN": 3.0})
    kept = calibrate_darks(mixed, RECIPE, tmp_path / "out", mixed="keep", progress=False)
    assert len(kept.written) == 4
    alone = calibrate_darks(mixed, RECIPE, tmp_path / "alone", files=["odd-0.fits"], progress=False)
    assert len(alone.written) == 1


def test_what_a_header_does_not_say_is_no_difference(tmp_path):
    silent = dict.fromkeys(CARDS)
    assert odd_frames(night(tmp_path, silent).darks) == {}


@pytest.mark.parametrize("temperature", [-20.0, -18.5, -21.9, -10.0])
def test_calibrating_needs_no_common_temperature(tmp_path, temperature):
    assert odd_frames(night(tmp_path, {"CCD-TEMP": temperature}).darks) == {}


def test_without_a_majority_nothing_is_guessed(tmp_path):
    with pytest.raises(NightError, match=r"none is in the majority: gain: .*odd-1.fits has 3"):
        odd_frames(night(tmp_path, {"GAIN": 3.0}, {"GAIN": 3.0}, count=2).darks)


def test_several_differences_are_all_named(tmp_path):
    odd = odd_frames(night(tmp_path, {"GAIN": 3.0, "INSTRUME": "two"}).darks)
    assert "camera two, the others have one; gain 3, the others have 1.5" in odd["odd-0.fits"]


def test_a_wrong_choice_is_named(tmp_path):
    with pytest.raises(
        ParameterError, match="mixed is 'skip'; expected one of 'leave out', 'refuse', 'keep'"
    ):
        without_odd([], "adu", "skip")


def test_a_bias_of_another_kind_is_left_out_even_if_first(tmp_path):
    mixed = night(tmp_path / "raw", kind="bias")
    write_raw(tmp_path / "raw" / "a-first.fits", random_frame(9, (20, 12)), "bias", **CARDS)
    run = combine_bias(Night(mixed.raw_folder), RECIPE, tmp_path / "out")
    assert list(run.failed) == ["a-first.fits"]
    assert [path.name for path in run.written] == ["combined_bias.fits"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (70.0, 70.011, True),
        (7.0, 7.1, True),
        (7.0, 7.11, False),
        (300.0, 300.29, True),
        (300.0, 300.31, False),
    ],
)
def test_exposures_match_within_a_tenth_or_a_thousandth(one, other, same):
    assert same_exposure(one, other) is same
    assert same_exposure(other, one) is same


def test_temperatures_are_grouped_the_coldest_first():
    assert group_temperatures([-5.2, -10.2, -4.8, -9.0, -8.1]) == [[1, 3], [4], [0, 2]]
    assert group_temperatures([-5.2, -10.2, -4.8]) == [[1], [0, 2]]
    assert group_temperatures([]) == []


def test_a_group_of_exposures_is_never_wider_than_the_tolerance():
    assert group_exposures([1.0, 1.09, 1.18, 1.27]) == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("cards", "kind", "recipe", "refused"),
    [
        ({"CALSTAT": "B"}, "dark", Recipe(subtract_bias=True), "set subtract_bias to False"),
        ({"CALSTAT": "B"}, "dark", Recipe(), ""),
        ({"CALSTAT": "B"}, "bias", Recipe(), "has had the bias subtracted"),
        ({"CALSTAT": "D"}, "dark", Recipe(), "has had a dark subtracted already (CALSTAT is 'D')"),
        (
            {"OVERSCAN": "Overscan section is [1:3,1:9]"},
            "dark",
            Recipe(overscan_columns="24:"),
            "overscan_columns",
        ),
        ({"TRIM": "Trim data section is [1:20,1:9]"}, "dark", Recipe(overscan_columns="24:"), ""),
    ],
)
def test_no_step_is_done_a_second_time(tmp_path, cards, kind, recipe, refused):
    frame = Frame(write_raw(tmp_path / "a.fits", random_frame(1), kind, **cards))
    kept, reduced = without_reduced([frame], recipe)
    assert (kept == [frame]) is not bool(refused)
    assert refused in reduced.get("a.fits", "")
