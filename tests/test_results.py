import numpy as np
import pytest
from astropy.io import fits
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks, results_table
from darkcal_widgets.errors import FrameError, NightError
from darkcal_widgets.frames import Frame
from darkcal_widgets.results import Results, levels_of, standing
from darkcal_widgets.statistics import level_and_scatter


def test_hot_pixels_and_whole_counts_do_not_move_the_level():
    data = np.round(np.random.default_rng(1).normal(1000.3, 5, (400, 400)))
    data[::7, ::5] = 60000
    level, scatter = level_and_scatter(data)
    assert level == pytest.approx(1000.3, abs=0.2)
    assert scatter == pytest.approx(5, rel=0.2)


def test_levels_come_in_the_order_of_the_files(tmp_path):
    frames = [random_frame(seed, level=100 * seed) for seed in (3, 1, 2)]
    paths = [write_raw(tmp_path / f"{n}.fits", frame) for n, frame in enumerate(frames)]
    assert levels_of(map(Frame, paths)) == [level_and_scatter(frame)[0] for frame in frames]


def test_the_table_lists_results_and_nothing_else(tmp_path):
    night = Night(small_night(tmp_path / "raw"))
    calibrate_darks(
        night, Recipe(overscan_columns="24:", keep_columns=":24"), tmp_path / "out", progress=False
    )
    combine_darks(tmp_path / "out")
    write_raw(tmp_path / "out" / "foreign.fits", random_frame(1))
    (tmp_path / "out" / "bad.fits").write_bytes(b"not a frame")
    table = results_table(tmp_path / "out")
    assert list(table["file"]) == ["combined_dark_10.000.fits", "dark-0.fits", "dark-1.fits", "dark-2.fits"]
    assert list(table["frames"]) == [3, 1, 1, 1]
    assert list(table["exposure"]) == [10.0] * 4
    raw = fits.getdata(night.darks[0].path)
    assert table["overscan"][1] == pytest.approx(np.median(raw[:, 24:], axis=1).mean(), abs=1e-3)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NightError, match="gone"):
        results_table(tmp_path / "gone")


def made_by_0_1(path, recipe):
    """Change a result into what version 0.1 has written with the same settings."""
    with fits.open(path, mode="update") as hdus:
        header = hdus[0].header
        header["DCRECIPE"], header["DCVERS"] = recipe.digest_0_1((20, 30)), "0.1.0"


def test_results_of_version_0_1_are_recognised_and_not_mixed_in(tmp_path):
    night, recipe = Night(small_night(tmp_path / "raw")), Recipe(overscan_columns="24:", keep_columns=":24")
    calibrate_darks(night, recipe, tmp_path / "out", progress=False)
    made_by_0_1(tmp_path / "out" / "dark-1.fits", recipe)
    run = calibrate_darks(night, recipe, tmp_path / "out", progress=False)
    assert len(run.unchanged) == 2
    reason = "made by darkcal 0.1.0 with the same settings; set overwrite to replace it"
    assert reason in run.failed["dark-1.fits"]
    other = calibrate_darks(night, Recipe(keep_columns=":24"), tmp_path / "out", progress=False)
    assert "made by darkcal 0.1.0 with another recipe" in other.failed["dark-1.fits"]
    again = calibrate_darks(night, recipe, tmp_path / "out", overwrite=True, progress=False)
    assert [path.name for path in again.written] == ["dark-1.fits"]


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path, monkeypatch):
    write_raw(tmp_path / "a.fits", random_frame(1))
    first = Results(tmp_path).frames
    assert Results(tmp_path).frames == first
    (tmp_path / "a.fits").unlink()
    write_raw(tmp_path / "a.fits", random_frame(1), exposure=99.0)
    assert Results(tmp_path).frames[0].info.exposure == 99.0


def test_the_table_names_the_unit_of_the_levels(tmp_path):
    write_raw(tmp_path / "raw" / "dark.fits", random_frame(1), BUNIT="electron")
    calibrate_darks(Night(tmp_path / "raw"), Recipe(), tmp_path / "out", progress=False)
    assert list(results_table(tmp_path / "out")["unit"]) == ["electron"]


def test_a_combined_dark_of_mixed_temperatures_is_out_of_date(tmp_path):
    for index, temperature in enumerate((-10.0, -10.1)):
        write_raw(tmp_path / "raw" / f"d{index}.fits", random_frame(index), CCD_TEMP=temperature)
    calibrate_darks(Night(tmp_path / "raw"), Recipe(), tmp_path / "out", progress=False)
    (combined,) = combine_darks(tmp_path / "out").written
    write_raw(tmp_path / "raw" / "d2.fits", random_frame(2), CCD_TEMP=-5.0)
    calibrate_darks(Night(tmp_path / "raw"), Recipe(), tmp_path / "out", progress=False)
    state = {row["file"]: row["state"] for row in Results(tmp_path / "out").table}
    assert state[combined.name] == "current"
    write_raw(tmp_path / "raw" / "d3.fits", random_frame(3), CCD_TEMP=-10.3)
    calibrate_darks(Night(tmp_path / "raw"), Recipe(), tmp_path / "out", progress=False)
    state = {row["file"]: row["state"] for row in Results(tmp_path / "out").table}
    assert state[combined.name] == "d3.fits is not in it; combine again."


def test_foreign_cards_of_our_names_do_not_stop_the_table(tmp_path):
    cards = dict.fromkeys(
        ("NCOMBINE", "OSCNMEAN", "NSATPIX", "NBADPIX", "CCDMEAN", "DCNBIAS", "BIASFILE"), "x"
    )
    write_raw(tmp_path / "raw" / "dark.fits", random_frame(1), **cards)
    write_raw(tmp_path / "raw" / "dark-2.fits", random_frame(2), **dict.fromkeys(cards, True))
    recipe = Recipe(keep_columns=":24")
    calibrate_darks(Night(tmp_path / "raw"), recipe, tmp_path / "out", progress=False).raise_failures()
    combine_darks(tmp_path / "out").raise_failures()
    results = Results(tmp_path / "out")
    assert "nan" in str(results)
    assert list(results.table["frames"]) == [2, 1, 1]
    assert np.isnan(results.table["overscan"]).all()


def test_a_frame_without_a_value_has_no_level():
    assert np.isnan(level_and_scatter(np.full((8, 8), np.nan))).all()
    assert np.isnan(level_and_scatter(np.full((8, 8), np.inf))).all()
    assert level_and_scatter(np.where(np.eye(8), np.inf, 5.0)) == (5.0, 0.0)


def test_a_link_that_leads_nowhere_is_not_an_absent_result(tmp_path):
    (tmp_path / "dark.fits").symlink_to(tmp_path / "nowhere.fits")
    with pytest.raises(FrameError, match=r"dark\.fits cannot be read"):
        standing(tmp_path / "dark.fits", {})


@pytest.mark.parametrize(
    ("keyword", "cause"),
    [
        ("DCRECIPE", "with another recipe"),
        ("DCINPUT", "from another raw file"),
        ("BIASSUM", "with another combined bias"),
        ("OTHER", "differently"),
    ],
)
def test_what_a_result_was_made_otherwise_with_is_told(tmp_path, keyword, cause):
    path = write_raw(tmp_path / "dark.fits", random_frame(1), DCRECIPE="a", DCINPUT="a", BIASSUM="a")
    found = standing(path, {keyword: "b"})
    assert (found.state, found.reason.partition(" was made ")[2].partition(";")[0]) == ("other", cause)


def test_a_header_is_read_again_when_its_file_has_changed(tmp_path):
    path = write_raw(tmp_path / "dark.fits", random_frame(1), DCRECIPE="a")
    assert standing(path, {"DCRECIPE": "b"}).state == "other"
    path.unlink()
    write_raw(path, random_frame(1), DCRECIPE="b", exposure=11.0)
    assert standing(path, {"DCRECIPE": "b"}).state == "current"


def test_only_a_combined_bias_is_taken_for_one(tmp_path):
    for kind in ("dark", "flat"):
        write_raw(tmp_path / f"{kind}.fits", random_frame(1), kind, COMBINED=True)
    assert Results(tmp_path).combined_bias is None
    write_raw(tmp_path / "b.fits", random_frame(1), "bias", 0.0, COMBINED=True)
    assert Results(tmp_path).combined_bias.name == "b.fits"


def test_the_level_is_that_of_the_noise_alone():
    data = np.random.default_rng(1).normal(0, 1, (400, 400))
    data[::40] += 6
    assert abs(level_and_scatter(data)[0]) < 0.05


def test_a_damaged_result_is_to_be_made_again(tmp_path):
    (tmp_path / "dark.fits").write_bytes(b"SIMPLE  =                    F".ljust(2880))
    (reason,) = Results(tmp_path).unreadable.values()
    assert reason.endswith("delete it and run again.")
    assert "leave it out" not in reason
