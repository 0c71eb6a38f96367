"""Check the answer: right and wrong results of simulated nights, each told by name."""

import json
import os
import shutil
from dataclasses import replace

import pytest
from answers import RIGHT, TAMPERINGS, by_ccdproc, by_darkcal, right_answer, right_recipe, small_camera
from astropy.io import fits

from darkcal_widgets import Night, Recipe, calibrate_darks, check_run, combine_darks, simulate_night
from darkcal_widgets.check import find_night
from darkcal_widgets.errors import NightError, RunError
from darkcal_widgets.simulate import CAMERAS, read_truth
from darkcal_widgets.simulate.cameras import CRYOGENIC
from darkcal_widgets.simulate.layers import Overscan

ROWS = 128


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    folder = simulate_night(tmp_path_factory.mktemp("cryo") / "night", "cryogenic", rows=ROWS)
    return Night(folder, dark_folder=folder / "darks")


@pytest.fixture(scope="module")
def thermo_electric(tmp_path_factory):
    return Night(simulate_night(tmp_path_factory.mktemp("thermo") / "night", "thermo-electric", rows=ROWS))


def answer(night, folder, **steps):
    calibrate_darks(night, Recipe(**steps), folder, progress=False)
    return check_run(folder, night)


def off(report):
    return {check.what: check.text for check in report.off}


def wrong(report):
    return {check.what: check.text for check in report.checks if check.state in ("off", "follows")}


def follows(report):
    return {check.what: check.cause for check in report.checks if check.state == "follows"}


def test_the_right_answers_are_right(cryogenic, thermo_electric, tmp_path):
    for number, (night, steps) in enumerate(
        (
            (cryogenic, {"overscan_columns": "2055:", "keep_columns": ":2048"}),
            (thermo_electric, {"keep_columns": ":4096", "subtract_bias": True}),
        )
    ):
        folder = tmp_path / str(number)
        calibrate_darks(night, Recipe(**steps), folder, progress=False)
        combine_darks(folder)
        report = check_run(folder, night.raw_folder)
        assert not report.off, str(report)
        assert {check.state for check in report.checks} == {"right"}
        report.raise_off()


def test_contaminated_columns_are_counted_and_weighed(cryogenic, tmp_path):
    report = answer(cryogenic, tmp_path / "out", overscan_columns="2048:", keep_columns=":2048")
    text = off(report)["overscan"]
    assert text.startswith("7 contaminated columns were included: the level is ")
    # The simulation says that all seven make a dark about 2 ADU too low.
    assert 1.0 < float(text.split()[-4]) < 3.0
    assert text.endswith("ADU too low.")
    assert set(off(report)) == {"overscan"}
    assert follows(report) == {"level": "overscan"}
    assert "follows      level: (follows from the overscan) In all 9 darks, at worst the level is" in str(
        report
    )


@pytest.mark.parametrize(
    ("steps", "what", "says"),
    [
        ({"overscan_columns": "2075:", "keep_columns": ":2048"}, "overscan", "20 usable columns were wasted"),
        (
            {"overscan_columns": "2000:", "keep_columns": ":2000"},
            "overscan",
            "48 columns of the image were used as overscan",
        ),
        (
            {"overscan_columns": "2055:", "keep_columns": ":2000"},
            "trim",
            "48 columns of the image were cut off",
        ),
        ({"overscan_columns": "2055:", "keep_columns": ":2050"}, "trim", "2 columns of overscan were left"),
        (
            {"overscan_columns": "2055:", "keep_columns": "[1:2048, 1:100]"},
            "trim",
            "Rows of the image were cut",
        ),
        (
            {"keep_columns": ":2048"},
            "bias",
            "The bias was left in: the level is 10",
        ),
        (
            {"keep_columns": ":2048", "subtract_bias": True},
            "overscan",
            "25 usable columns were not used: the bias level drifts by",
        ),
    ],
)
def test_each_mistake_with_the_cryogenic_night_is_named(cryogenic, tmp_path, steps, what, says):
    assert says in wrong(answer(cryogenic, tmp_path / "out", **steps))[what]


@pytest.mark.parametrize(
    ("steps", "what", "says"),
    [
        ({"keep_columns": ":4096"}, "bias", "The bias was left in"),
        (
            {"overscan_columns": "4096:", "keep_columns": ":4096"},
            "bias",
            "darks have to be scaled: its pattern would be scaled",
        ),
        (
            {"overscan_columns": "4096:", "keep_columns": ":4096"},
            "overscan",
            "It is not usable, but was subtracted: the level is",
        ),
        (
            {"overscan_columns": "4096:", "keep_columns": ":4096", "subtract_bias": True},
            "overscan",
            "in frames with light it lies +",
        ),
    ],
)
def test_each_mistake_with_the_thermo_electric_night_is_named(thermo_electric, tmp_path, steps, what, says):
    assert says in off(answer(thermo_electric, tmp_path / "out", **steps))[what]


def test_a_bias_removed_twice_is_named(cryogenic, tmp_path):
    folder = tmp_path / "out"
    answer(cryogenic, folder, overscan_columns="2055:", keep_columns=":2048")
    for path in folder.glob("ccd*"):
        with fits.open(path, mode="update", checksum=True) as hdus:
            hdus[0].data -= 1080
    assert off(check_run(folder, cryogenic))["bias"].startswith(
        "The bias was removed twice: the level is 1080"
    )


def test_bias_subtracted_in_vain_does_no_harm(cryogenic, tmp_path):
    steps = {"overscan_columns": "2055:", "keep_columns": ":2048", "subtract_bias": True}
    report = answer(cryogenic, tmp_path / "out", **steps)
    assert not report.off
    assert any("does no harm" in check.text for check in report.checks)


def test_a_missing_dark_and_two_recipes_are_named(cryogenic, tmp_path):
    folder = tmp_path / "out"
    steps = {"overscan_columns": "2055:", "keep_columns": ":2048"}
    answer(cryogenic, folder, **steps)
    (folder / "ccd.007.0.fits").unlink()
    assert off(check_run(folder, cryogenic))["frames"].startswith(
        "1 of 9 darks have no result: darks/ccd.007"
    )
    calibrate_darks(
        cryogenic, Recipe(overscan_columns="2060:"), folder, files=["ccd.007.0.fits"], progress=False
    )
    assert "2 different recipes" in off(check_run(folder, cryogenic))["frames"]


def test_without_combined_darks_the_dark_current_is_not_checked(cryogenic, tmp_path):
    report = answer(cryogenic, tmp_path / "out", overscan_columns="2055:", keep_columns=":2048")
    assert report.checks[-1].state == "not checked"


def test_something_off_is_an_error_that_lists_it(cryogenic, tmp_path):
    report = answer(cryogenic, tmp_path / "out", overscan_columns="2048:", keep_columns=":2048")
    with pytest.raises(RunError, match="1 of 10 checks are off: overscan"):
        report.raise_off()
    assert "7 contaminated columns" in str(report)
    assert "7 contaminated columns" in report._repr_html_()


def test_an_overscan_of_rows_is_checked_like_one_of_columns(tmp_path):
    plan = tuple(replace(line, subfolder="") for line in CRYOGENIC.plan)
    camera = replace(CRYOGENIC, rows=ROWS, columns=300, plan=plan, overscan=Overscan("bottom", 20))
    night = Night(simulate_night(tmp_path / "night", camera, rows=None))
    right = {"overscan_columns": "[1:300, 1:13]", "keep_columns": "[1:300, 21:128]"}
    assert not answer(night, tmp_path / "right", **right).off
    wrong = right | {"overscan_columns": "[1:300, 1:20]"}
    assert "7 contaminated rows" in off(answer(night, tmp_path / "wrong", **wrong))["overscan"]


def test_what_was_done_is_told_by_pixels_not_by_cards(cryogenic, tmp_path):
    folder = tmp_path / "out"
    answer(cryogenic, folder, overscan_columns="2053:", keep_columns=":2047")
    for path in folder.glob("ccd*"):
        with fits.open(path, mode="update", checksum=True) as hdus:
            hdus[0].header["DCOSCAN"] = f"[2056:2080, 1:{ROWS}]"
    found = off(check_run(folder, cryogenic))
    assert found["overscan"].startswith("2 contaminated columns were included")
    assert found["trim"] == "1 column of the image was cut off."


def test_a_trim_at_the_wrong_overscan_follows_from_it(cryogenic, tmp_path):
    report = answer(cryogenic, tmp_path / "out", overscan_columns="2000:", keep_columns=":2000")
    assert set(off(report)) == {"overscan"}
    assert follows(report)["trim"] == "overscan"


# --- Whose results ----------------------------------------------------------------------------------------


def test_the_night_is_found_beside_the_results_or_here(cryogenic, tmp_path, monkeypatch):
    results = cryogenic.raw_folder.parent / "student" / "out"
    answer(cryogenic, results, overscan_columns="2055:", keep_columns=":2048")
    with pytest.raises(NightError, match="--night"):
        find_night(results)
    monkeypatch.chdir(cryogenic.raw_folder.parent)
    assert find_night(results).resolve() == cryogenic.raw_folder.resolve()
    beside = cryogenic.raw_folder.parent / "beside"
    shutil.copytree(results, beside)
    monkeypatch.chdir(tmp_path)
    assert find_night(beside) == cryogenic.raw_folder


def test_of_two_nights_with_the_same_names_the_checksums_decide(tmp_path):
    nights = [simulate_night(tmp_path / str(seed), "cryogenic", seed=seed, rows=64) for seed in (1, 2)]
    night = Night(nights[1], dark_folder=nights[1] / "darks")
    calibrate_darks(night, Recipe(keep_columns=":2048"), tmp_path / "out", progress=False)
    assert find_night(tmp_path / "out") == nights[1]
    with pytest.raises(NightError, match="from another ccd"):
        check_run(tmp_path / "out", nights[0])


def test_results_and_truth_must_be_there_and_belong_together(cryogenic, thermo_electric, tmp_path):
    answer(cryogenic, tmp_path / "out", overscan_columns="2055:", keep_columns=":2048")
    with pytest.raises(NightError, match="is not a frame of"):
        check_run(tmp_path / "out", thermo_electric)
    with pytest.raises(NightError, match="no calibrated darks"):
        check_run(tmp_path / "nowhere", cryogenic)
    with pytest.raises(NightError, match=r"truth\.json"):
        check_run(tmp_path / "out", tmp_path)


def test_a_broken_truth_beside_the_results_is_named(cryogenic, tmp_path):
    answer(cryogenic, tmp_path / "out", overscan_columns="2055:", keep_columns=":2048")
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "truth.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(NightError, match=r"truth\.json"):
        check_run(tmp_path / "out")


def test_combined_darks_of_other_columns_are_not_right(cryogenic, tmp_path):
    out, recipe = tmp_path / "out", Recipe(overscan_columns="2055:", keep_columns=":2048")
    calibrate_darks(cryogenic, Recipe(overscan_columns="2060:", keep_columns=":2048"), out, progress=False)
    combine_darks(out)
    calibrate_darks(cryogenic, recipe, out, overwrite=True, progress=False)
    assert (
        "is out of date: darks that it was made from have been made again"
        in off(check_run(out, cryogenic))["combined darks"]
    )
    combine_darks(out, overwrite=True)
    assert not check_run(out, cryogenic).off


@pytest.mark.parametrize("name", ["version", "frames", "overscan", "bias_levels", "pipe"])
def test_a_damaged_truth_is_named_and_a_pipe_is_not_waited_for(cryogenic, tmp_path, name):
    answer(cryogenic, tmp_path / "out", overscan_columns="2055:", keep_columns=":2048")
    night = tmp_path / "night"
    shutil.copytree(cryogenic.raw_folder, night)
    truth = json.loads((night / "truth.json").read_text())
    (night / "truth.json").unlink()
    if name == "pipe":
        os.mkfifo(night / "truth.json")
    else:
        (night / "truth.json").write_text(json.dumps(truth | {name: {"x": "y"}}))
    with pytest.raises(NightError, match=r"truth\.json"):
        check_run(tmp_path / "out", night)


# --- Tampered results -------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=list(CAMERAS))
def small(request, tmp_path_factory):
    """A small night, and right results of darkcal for one camera, of plain ccdproc for the other."""
    folder = tmp_path_factory.mktemp("small")
    raw = simulate_night(folder / "night", small_camera(request.param, rows=96, columns=300), rows=None)
    night = Night(raw, dark_folder=raw / "darks" if (raw / "darks").is_dir() else None)
    software = by_darkcal if request.param == "cryogenic" else by_ccdproc
    software(night, folder / "right", right_recipe(read_truth(raw)))
    assert not check_run(folder / "right", raw).off
    return raw, folder / "right"


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
def test_tampering_is_told_by_one_sentence_of_its_own(small, tmp_path, tampering):
    raw, right = small
    shutil.copytree(right, tmp_path / "out")
    tampering.tamper(tmp_path / "out", read_truth(raw))
    (found,) = check_run(tmp_path / "out", raw).off
    assert found.what == tampering.what
    assert tampering.says in found.text


@pytest.mark.parametrize("seed", range(len(RIGHT)))
def test_all_that_is_right_stays_right(tmp_path, seed):
    _, results, night = right_answer(seed, tmp_path)
    assert not check_run(results, night).off


def test_the_truth_may_lie_elsewhere(tmp_path):
    camera = small_camera("cryogenic", rows=96, columns=300)
    raw = simulate_night(tmp_path / "night", camera, rows=None, truth_folder=tmp_path / "kept")
    night = Night(raw, dark_folder=raw / "darks")
    by_darkcal(night, tmp_path / "out", right_recipe(read_truth(tmp_path / "kept")))
    assert not check_run(tmp_path / "out", night, tmp_path / "kept").off
    with pytest.raises(NightError, match=r"truth\.json"):
        check_run(tmp_path / "out", night)
