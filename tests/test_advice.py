"""Advice: what is recommended for nights whose answer is known, and for nights that hold too little."""

import importlib.util
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nights import write_raw

from darkcal_widgets import Frame, Night, Recipe, advise, simulate_night
from darkcal_widgets.advice import profiles
from darkcal_widgets.advice.exposures import match_exposures
from darkcal_widgets.advice.overscan import MINIMUM_COLUMNS
from darkcal_widgets.simulate import MINIMUM_CLEAN
from darkcal_widgets.simulate.cameras import CRYOGENIC, THERMO_ELECTRIC, Exposure
from darkcal_widgets.simulate.layers import Overscan

ROWS = 128
USABLE = "Is the overscan usable?"
FOLLOWS = "Does it follow the bias level?"
SAME_LEVEL = "Is its level the same in all kinds of frame?"
HEADER = "Is the header right about it?"
BIAS = "Must the bias be subtracted?"


def bench():
    path = Path(__file__).parents[1] / "bench" / "advice.py"
    sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location("bench_advice", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small(camera, **changes):
    """Return a camera of 300 columns whose frames all lie in one folder."""
    plan = tuple(replace(line, subfolder="") for line in camera.plan)
    claims = {"biassec": "right", "trimsec": "right"}
    overscan = replace(camera.overscan, **claims)
    return replace(camera, rows=ROWS, columns=300, plan=plan, overscan=overscan, **changes)


def night_of(folder, camera, seed=3):
    return Night(simulate_night(folder / "night", camera, seed=seed, rows=None))


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    folder = simulate_night(tmp_path_factory.mktemp("cryo") / "night", "cryogenic", rows=ROWS)
    return Night(folder, dark_folder=folder / "darks")


@pytest.fixture(scope="module")
def thermo_electric(tmp_path_factory):
    return Night(simulate_night(tmp_path_factory.mktemp("thermo") / "night", "thermo-electric", rows=ROWS))


def test_the_cryogenic_night_gets_the_clean_columns_though_its_header_claims_more(cryogenic):
    advice = advise(cryogenic)
    assert advice.recipe == Recipe(overscan_columns="2055:", keep_columns=":2048", subtract_bias=False)
    assert advice.finding(USABLE).verdict == "usable"
    assert advice.finding(HEADER).verdict == "in part"
    assert "7 of the 32" in advice.finding(HEADER).reason
    assert advice.missing == advice.assumed == ()


def test_the_overscan_of_the_thermo_electric_night_is_only_trimmed(thermo_electric):
    advice = advise(thermo_electric)
    assert advice.recipe == Recipe(keep_columns=":4096", subtract_bias=True)
    assert advice.finding(USABLE).verdict == "not usable"
    assert advice.finding(FOLLOWS).verdict == "no"
    assert advice.finding(SAME_LEVEL).verdict == "no"
    assert [match.matches for match in advice.exposures] == [False, False, False, True]


@pytest.mark.parametrize("camera", ["cryogenic", "thermo-electric"])
def test_random_cameras_are_judged_right(camera):
    scores = [bench().score_night(camera, seed, rows=192, columns=300) for seed in range(1, 9)]
    assert all(score.right for score in scores)
    assert all(score.exact for score in scores if score.usable)


def test_an_overscan_must_be_as_wide_here_as_in_the_truth():
    assert MINIMUM_COLUMNS == MINIMUM_CLEAN


@pytest.mark.parametrize(
    ("side", "overscan", "keep"),
    [
        ("right", "287:", ":280"),
        ("left", ":13", "20:"),
        ("top", f"[1:300, {ROWS - 12}:{ROWS}]", f"[1:300, 1:{ROWS - 20}]"),
        ("bottom", "[1:300, 1:13]", f"[1:300, 21:{ROWS}]"),
        ("none", None, None),
    ],
)
@pytest.mark.parametrize("biassec", ["right", None, f"[100:140,1:{ROWS}]", "nonsense"])
def test_the_overscan_is_found_on_any_side_whatever_the_header_claims(
    tmp_path, side, overscan, keep, biassec
):
    width = 0 if side == "none" else 20
    camera = small(CRYOGENIC)
    night = night_of(tmp_path, replace(camera, overscan=Overscan(side, width, biassec, None)))
    recipe = advise(night).recipe
    assert (recipe.overscan_columns, recipe.keep_columns) == (overscan, keep)


def test_a_header_that_names_a_part_of_the_image_is_found_out(tmp_path):
    camera = replace(small(CRYOGENIC), overscan=Overscan("right", 20, f"[100:140,1:{ROWS}]", None))
    assert advise(night_of(tmp_path, camera)).finding(HEADER).verdict == "no"


def test_a_level_that_does_not_drift_is_said_to_vary_too_little(tmp_path):
    camera = small(CRYOGENIC, bias=replace(CRYOGENIC.bias, drift=0.0))
    advice = advise(night_of(tmp_path, camera))
    assert advice.finding(FOLLOWS).verdict == "varies too little to be judged"
    assert advice.finding(USABLE).verdict == "usable, as far as can be judged"
    assert any("varies too little" in text for text in advice.assumed)


def test_an_overscan_that_rises_when_the_shutter_opens_is_not_usable(tmp_path):
    camera = small(CRYOGENIC, bias=replace(CRYOGENIC.bias, overscan_light_shift=40.0))
    advice = advise(night_of(tmp_path, camera))
    assert advice.finding(FOLLOWS).verdict == "yes"
    assert advice.finding(SAME_LEVEL).verdict == "no"
    assert advice.recipe.overscan_columns is None


def test_too_few_clean_columns_are_not_usable(tmp_path):
    camera = replace(small(CRYOGENIC), overscan=Overscan("right", 10))
    advice = advise(night_of(tmp_path, camera))
    assert advice.overscan.width == 3
    assert advice.finding(USABLE).verdict == "not usable"
    assert "only 3 columns" in advice.finding(USABLE).reason


def test_a_real_overscan_on_the_left_is_recognised(real_frames):
    advice = advise(Night(real_frames / "saao-ste3"))
    assert (advice.recipe.overscan_columns, advice.recipe.keep_columns) == ("3:13", "16:528")
    assert advice.overscan.strip.side == "left"
    assert advice.finding(FOLLOWS).verdict == "too few frames"


def test_frames_cut_to_8_bits_vary_too_little_to_be_judged(real_frames):
    advice = advise(Night(real_frames / "feder-2013-07-04"))
    assert advice.recipe == Recipe(keep_columns=":1536", subtract_bias=True)
    assert advice.overscan.strip.part == slice(1537, 1541)
    assert "varies too little to be judged" in advice.finding(USABLE).reason


def part_of(night, folder, *kinds):
    """Return a night of some kinds of frame of another."""
    folder.mkdir()
    for frame in night.frames:
        if frame.info.type in kinds:
            shutil.copy(frame.path, folder / frame.path.name)
    return Night(folder)


def test_darks_alone_leave_most_open(cryogenic, tmp_path):
    advice = advise(part_of(cryogenic, tmp_path / "part", "dark"))
    assert advice.finding(BIAS).verdict == "no, assumed"
    assert advice.finding("Where is the overscan?").verdict == "right, untested"
    missing = " ".join(advice.missing)
    assert all(f"no {kind}" in missing for kind in ("bias frames", "flats", "science frames"))
    assert any("header" in text for text in advice.assumed)
    assert "nan" not in str(advice)


def test_without_flats_science_frames_show_the_overscan(cryogenic, tmp_path):
    advice = advise(part_of(cryogenic, tmp_path / "part", "dark", "science", "bias"))
    assert advice.recipe.overscan_columns == "2055:"
    assert any("no flats" in text for text in advice.missing)


def test_a_dark_to_be_scaled_without_bias_frames_is_said(thermo_electric, tmp_path):
    advice = advise(part_of(thermo_electric, tmp_path / "part", "dark", "flat"))
    assert advice.finding(BIAS).verdict == "yes, but there is none"
    assert advice.recipe.subtract_bias


def test_one_frame_without_a_header_gives_no_number(tmp_path):
    write_raw(tmp_path / "a.fits", np.full((20, 30), 7, "uint16"), "dark", None)
    advice = advise(Night(tmp_path))
    assert advice.recipe == Recipe()
    assert advice.finding("Where is the overscan?").verdict == "unknown"
    assert any("no exposure time" in text for text in advice.missing)
    assert "nan" not in str(advice)


def test_frames_of_unknown_type_are_named_and_nothing_else_is_claimed(tmp_path):
    write_raw(tmp_path / "a.fits", np.ones((20, 30), "uint16"), "mystery")
    advice = advise(Night(tmp_path))
    assert advice.recipe == Recipe()
    assert any("'mystery'" in text for text in advice.missing)


def test_a_frame_of_another_shape_or_that_cannot_be_read_is_left_out_by_name(cryogenic, tmp_path):
    night = part_of(cryogenic, tmp_path / "part", "dark", "flat", "bias")
    write_raw(night.raw_folder / "small.fits", np.ones((5, 5), "uint16"), "science")
    (night.raw_folder / "broken.fits").write_bytes(b"SIMPLE")
    advice = advise(Night(night.raw_folder))
    assert advice.recipe.overscan_columns == "2055:"
    assert any("small.fits" in text and "5 x 5" in text for text in advice.missing)
    assert any("broken.fits" in text for text in advice.missing)


def test_a_few_frames_of_each_kind_are_read_once(tmp_path, monkeypatch):
    plan = tuple(
        Exposure(kind, seconds, 20, light, name="{number}.fits")
        for kind, seconds, light in (("bias", 0, 0), ("dark", 9, 0), ("flat", 9, 0.3), ("science", 9, 0.02))
    )
    night = night_of(tmp_path, replace(small(CRYOGENIC), plan=plan))
    read, seen = Frame.data.fget, []
    monkeypatch.setattr(Frame, "data", property(lambda frame: seen.append(frame.path) or read(frame)))
    advise(night)
    assert len(seen) == len(set(seen)) == 4 * profiles.FRAMES_PER_KIND


def test_differences_are_those_of_what_is_done_not_of_how_it_is_written(cryogenic):
    advice = advise(cryogenic)
    same = Recipe(overscan_columns="[2056:2080, 1:128]", keep_columns="[1:2048, *]")
    assert advice.differences(same) == []
    (sentence,) = advice.differences(replace(same, subtract_bias=True))
    assert sentence.startswith("subtract_bias is True, the advice is False: Each exposure has a dark")
    assert len(advice.differences(Recipe(overscan_columns="2048:"))) == 2


def test_the_line_for_papermill_holds_the_advice(cryogenic):
    words = shlex.split(advise(cryogenic).parameters_line(cryogenic))
    values = dict(zip(words[1::3], words[2::3], strict=True))
    assert set(words[::3]) == {"-p"}
    assert values == {
        "raw_folder": str(cryogenic.raw_folder),
        "dark_folder": str(cryogenic.dark_folder),
        "overscan_columns": "2055:",
        "keep_columns": ":2048",
        "subtract_bias": "False",
    }


def test_text_from_a_header_is_text_in_html_and_in_a_terminal(tmp_path):
    for index in range(2):
        frame = np.full((20, 30), 100, "uint16")
        write_raw(tmp_path / f"{index}.fits", frame, "flat", BIASSEC="<script>alert(1)</script>")
    advice = advise(Night(tmp_path))
    assert "<script>" not in advice._repr_html_()
    assert "&lt;script&gt;" in advice._repr_html_()
    assert "<script>" in str(advice)


def test_the_table_and_the_text_hold_every_question(thermo_electric):
    advice = advise(thermo_electric)
    assert list(advice.table["question"]) == [finding.question for finding in advice.findings]
    assert all(finding.question in str(advice) for finding in advice.findings)
    assert "keep_columns = ':4096'" in str(advice)


def test_an_unknown_question_is_an_error(thermo_electric):
    with pytest.raises(KeyError):
        advise(thermo_electric).finding("Is it raining?")


@pytest.mark.parametrize(
    ("dark", "flat", "matches"),
    [
        (70.0, 70.011, True),
        (7.0, 7.1, True),
        (7.0, 7.11, False),
        (300.0, 300.29, True),
        (300.0, 300.4, False),
    ],
)
def test_exposures_match_within_a_tenth_of_a_second_or_a_per_mille(tmp_path, dark, flat, matches):
    frame = np.ones((4, 4), "uint16")
    write_raw(tmp_path / "dark.fits", frame, "dark", dark)
    write_raw(tmp_path / "flat.fits", frame, "flat", flat)
    (match,) = match_exposures(Night(tmp_path))
    assert match.matches is matches
    assert match.scaled is not matches


def test_scaling_up_is_warned_of(tmp_path):
    frame = np.ones((4, 4), "uint16")
    write_raw(tmp_path / "dark.fits", frame, "dark", 10.0)
    write_raw(tmp_path / "science.fits", frame, "science", 50.0)
    advice = advise(Night(tmp_path))
    finding = advice.finding("Is there a dark for the science frames of 50 s?")
    assert finding.verdict == "no, scaled up"
    assert "noise" in finding.reason
    assert advice.recipe.subtract_bias


def test_the_thermo_electric_offset_is_measured(thermo_electric):
    follow = advise(thermo_electric).overscan.follow
    bias = THERMO_ELECTRIC.bias
    # Bias frames differ by the drift of the image and that of the overscan, of which ten are averaged.
    assert follow.offset == pytest.approx(bias.overscan_offset, abs=3.0)
