import bz2
import gzip
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_bias, combine_darks, results_table
from darkcal_widgets.errors import FrameError, NightError, OutputError, ParameterError
from darkcal_widgets.frames import Frame, Image, write_images
from darkcal_widgets.results import Results, members_digest

RECIPE = Recipe(overscan_columns="24:", keep_columns=":24")


def test_the_bias_is_made_with_the_recipes_overscan_and_trim(tmp_path):
    night = Night(small_night(tmp_path / "raw"))
    run = combine_bias(night, RECIPE, tmp_path / "out")
    frames = [fits.getdata(bias.path).astype(float) for bias in night.biases]
    stack = np.array([frame[:, :24] - np.median(frame[:, 24:], axis=1)[:, None] for frame in frames])
    with fits.open(run.written[0]) as hdus:
        np.testing.assert_allclose(hdus[0].data, stack.mean(axis=0), rtol=1e-6, atol=1e-5)
        header = hdus[0].header
    assert (header["COMBINED"], header["NCOMBINE"], header["IMAGETYP"], header["BUNIT"]) == (
        True,
        4,
        "bias",
        "adu",
    )
    assert header["IMCMB001"] == "bias-0.fits"


def test_a_second_run_keeps_the_bias_or_refuses_another_recipe(tmp_path):
    night = Night(small_night(tmp_path / "raw"))
    combine_bias(night, RECIPE, tmp_path / "out")
    before = (tmp_path / "out" / "combined_bias.fits").read_bytes()
    assert combine_bias(night, RECIPE, tmp_path / "out").unchanged == [
        tmp_path / "out" / "combined_bias.fits"
    ]
    with pytest.raises(OutputError, match="made with another recipe; set overwrite"):
        combine_bias(night, Recipe(keep_columns=":24"), tmp_path / "out")
    assert (tmp_path / "out" / "combined_bias.fits").read_bytes() == before
    assert combine_bias(night, Recipe(keep_columns=":24"), tmp_path / "out", overwrite=True).written


def test_a_damaged_bias_frame_costs_one_frame(tmp_path):
    folder = small_night(tmp_path / "raw")
    whole = (folder / "bias-1.fits").read_bytes()
    night = Night(folder)
    (folder / "bias-1.fits").write_bytes(whole[:3500])
    run = combine_bias(night, RECIPE, tmp_path / "out")
    assert list(run.failed) == ["bias-1.fits"]
    assert fits.getheader(run.written[0])["NCOMBINE"] == 3


def test_without_bias_frames_there_is_no_combined_bias(tmp_path):
    night = Night(small_night(tmp_path / "raw", biases=0))
    with pytest.raises(NightError, match=r"no bias frames in .*combined_bias, or set subtract_bias to False"):
        combine_bias(night, RECIPE, tmp_path / "out")


@pytest.fixture
def reduced(tmp_path):
    """Calibrated darks of 7, 70 and 70.011 s."""
    for index, exposure in enumerate((7.0, 70.0, 70.011)):
        write_raw(tmp_path / "raw" / f"dark-{index}.fits", random_frame(index), exposure=exposure)
    calibrate_darks(Night(tmp_path / "raw"), RECIPE, tmp_path / "out", progress=False)
    return tmp_path / "out"


def test_one_combined_dark_for_each_exposure(reduced):
    run = combine_darks(reduced)
    assert [path.name for path in run.written] == ["combined_dark_7.000.fits", "combined_dark_70.000.fits"]
    average = np.mean([fits.getdata(reduced / f"dark-{n}.fits") for n in (1, 2)], axis=0, dtype=float)
    with fits.open(run.written[1]) as hdus:
        np.testing.assert_array_equal(hdus[0].data, average.astype("float32"))
        assert hdus[0].header["NCOMBINE"] == 2


def test_averages_of_few_frames_say_so(reduced, tmp_path):
    (note,) = combine_darks(reduced).notes
    assert note.startswith(
        "Fewer than 4 frames are averaged in combined_dark_7.000.fits (1), combined_dark_70.000.fits (2):"
    )
    night = Night(small_night(tmp_path / "more", biases=4))
    assert combine_bias(night, RECIPE, tmp_path / "bias").notes == []


def test_combined_darks_follow_their_darks_and_nothing_else(reduced):
    combine_darks(reduced)
    assert len(combine_darks(reduced).unchanged) == 2
    (reduced / "dark-2.fits").unlink()
    run = combine_darks(reduced)
    assert [path.name for path in run.written] == ["combined_dark_70.000.fits"]
    assert [path.name for path in run.unchanged] == ["combined_dark_7.000.fits"]


def test_a_dark_without_exposure_is_left_out_by_name(reduced):
    with fits.open(reduced / "dark-0.fits", mode="update") as hdus:
        del hdus[0].header["EXPTIME"]
    run = combine_darks(reduced)
    assert "no exposure time" in run.failed["dark-0.fits"]
    assert len(run.written) == 1


def test_darks_without_an_exposure_are_not_called_absent(reduced):
    for path in reduced.glob("dark-*.fits"):
        with fits.open(path, mode="update") as hdus:
            del hdus[0].header["EXPTIME"]
    with pytest.raises(
        NightError, match=r"none of the 3 calibrated darks in .*dark-0.fits has no exposure time"
    ) as error:
        combine_darks(reduced)
    assert "calibrate_darks writes them" not in str(error.value)


def darks_at(folder, temperatures, exposures=(300.0,)):
    """Calibrate darks of 300 s, two at each temperature, and more of other exposures."""
    for place, temperature in enumerate(temperatures):
        for index in range(2):
            for exposure in exposures:
                write_raw(
                    folder / "raw" / f"dark-{place}-{index}-{exposure:g}.fits",
                    random_frame(10 * place + index, level=1000 + 50 * place),
                    exposure=exposure,
                    CCD_TEMP=None if temperature is None else temperature + 0.4 * index,
                )
    run = calibrate_darks(Night(folder / "raw"), Recipe(), folder / "out", progress=False)
    run.raise_failures()
    return folder / "out"


def test_one_combined_dark_for_each_temperature_of_an_exposure(tmp_path):
    reduced = darks_at(tmp_path, [-10.2, -5.2])
    run = combine_darks(reduced)
    assert [path.name for path in run.written] == [
        "combined_dark_300.000_-10C.fits",
        "combined_dark_300.000_-5C.fits",
    ]
    for path, level in zip(run.written, (1000, 1050), strict=True):
        with fits.open(path) as hdus:
            assert hdus[0].header["NCOMBINE"] == 2
            assert abs(np.median(hdus[0].data) - level) < 2
    assert len(combine_darks(reduced).unchanged) == 2


def test_one_temperature_leaves_the_name_as_it_is(tmp_path):
    run = combine_darks(darks_at(tmp_path, [-10.2, -10.0], exposures=(60.0, 300.0)))
    assert [path.name for path in run.written] == ["combined_dark_60.000.fits", "combined_dark_300.000.fits"]


def test_a_dark_without_temperature_goes_to_none_of_several(tmp_path):
    run = combine_darks(darks_at(tmp_path, [-10.2, -5.2, None]))
    assert len(run.written) == 2
    assert (
        "has no temperature in its header, and the darks of its exposure are of -10 °C and -5 °C"
        in run.failed["dark-2-0-300.fits"]
    )


def test_results_state_a_type_the_raw_header_lacks(tmp_path):
    for index in range(2):
        write_raw(tmp_path / "raw" / f"a{index}.fits", random_frame(index), None, 30.0, OBJECT="cap on")
        write_raw(tmp_path / "raw" / f"z{index}.fits", random_frame(index), "DARK", 0.0)
    night = Night(tmp_path / "raw", image_types={"object=cap*": "dark"})
    calibrate_darks(night, Recipe(subtract_bias=True), tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    results = Results(tmp_path / "out")
    assert [frame.name for frame in results.combined_darks] == ["combined_dark_30.000.fits"]
    assert results.combined_bias.info.type == "bias"
    assert {frame.info.type for frame in results.darks} == {"dark"}


def test_copies_and_foreign_averages_are_not_averaged_in(reduced):
    combine_darks(reduced)
    before = (reduced / "combined_dark_70.000.fits").read_bytes()
    (reduced / "mine.fits").write_bytes((reduced / "dark-1.fits").read_bytes())
    run = combine_darks(reduced)
    assert "mine.fits has the header of a dark made from 'dark-1.fits'" in run.failed["mine.fits"]
    assert len(run.unchanged) == 2
    assert (reduced / "combined_dark_70.000.fits").read_bytes() == before


def test_darks_of_different_recipes_are_not_averaged(reduced, tmp_path):
    other = Recipe(keep_columns=":24")
    calibrate_darks(
        Night(tmp_path / "raw"), other, reduced, files=["dark-0.fits"], overwrite=True, progress=False
    )
    with pytest.raises(NightError, match=r"different recipes.*dark-0\.fits; dark-1\.fits, dark-2\.fits"):
        combine_darks(reduced)


def test_a_folder_without_calibrated_darks_says_so(tmp_path):
    with pytest.raises(NightError, match="no calibrated darks"):
        combine_darks(tmp_path)
    with pytest.raises(NightError, match="is not there"):
        combine_darks(tmp_path / "gone")


def test_a_combined_bias_goes_into_no_raw_folder(tmp_path):
    raw = small_night(tmp_path / "raw")
    with pytest.raises(OutputError, match="raw data are never modified"):
        combine_bias(Night(raw), RECIPE, raw)


def test_a_foreign_file_is_kept_even_with_overwrite(tmp_path):
    raw = small_night(tmp_path / "raw")
    mine = write_raw(tmp_path / "out" / "combined_bias.fits", random_frame(1))
    with pytest.raises(OutputError, match="already exists and was not written by darkcal; move it away"):
        combine_bias(Night(raw), RECIPE, tmp_path / "out", overwrite=True)
    np.testing.assert_array_equal(fits.getdata(mine), random_frame(1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        Recipe(keep_columns="2:24"),
        Recipe(),
        Recipe(overscan_columns="[1:30, 17:20]", keep_columns="[*, 3:16]"),
    ],
)
def test_bands_and_kinds_of_file_give_one_combined_bias(tmp_path, monkeypatch, recipe, dtype):
    folder = small_night(tmp_path / "raw", darks=0, biases=7)
    night, recipe = Night(folder), replace(recipe, output_dtype=dtype)
    combine_bias(night, recipe, tmp_path / "a")
    for index, pack, suffix in ((2, gzip.compress, ".gz"), (5, bz2.compress, ".bz2")):
        path = folder / f"bias-{index}.fits"
        path.with_name(path.name + suffix).write_bytes(pack(path.read_bytes()))
        path.unlink()
    monkeypatch.setattr("darkcal_widgets.combine.files._BAND_BYTES", 7 * 30 * 8 * 3)
    combine_bias(Night(folder), recipe, tmp_path / "b")
    one, other = (fits.getdata(tmp_path / name / "combined_bias.fits") for name in "ab")
    assert one.dtype.name == dtype
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_combined_darks_are_means_without_cosmic_rays(tmp_path, count):
    rng = np.random.default_rng(count)
    stack = rng.normal(20, 5, (count, 20, 30)).astype("float32")
    stack[rng.random(stack.shape) < 0.1] = np.nan
    stack[:, 3, 4] = np.nan
    stack[0, 5, 6] = 6e4
    for index, frame in enumerate(stack):
        path = write_raw(tmp_path / "raw" / f"dark-{index}.fits", frame)
    calibrate_darks(Night(path.parent), Recipe(), tmp_path / "out", progress=False)
    (combined,) = combine_darks(tmp_path / "out").written
    if np.isfinite(stack[:, 5, 6]).sum() > 2:
        stack[0, 5, 6] = np.nan
    expected, data = (
        np.ma.masked_invalid(stack.astype(float)).mean(axis=0).filled(np.nan),
        fits.getdata(combined),
    )
    whole = np.isfinite(stack).all(axis=0)
    np.testing.assert_allclose(data[whole], expected[whole], rtol=3e-7)
    # Where a frame has no value, its level is made up for; in so small a frame it is known to some tenths of an ADU.
    np.testing.assert_allclose(data, expected, atol=0.5)


def test_a_frame_that_shrinks_while_it_is_combined_is_named(reduced, monkeypatch):
    content = (reduced / "dark-1.fits").read_bytes()

    def shrink(frame, spill):
        if frame.path.name == "dark-1.fits":
            frame.path.write_bytes(content[:-4000])
        return frame

    monkeypatch.setattr(Frame, "in_rows", shrink)
    with pytest.raises(FrameError, match=r"dark-1\.fits has changed"):
        combine_darks(reduced)
    assert not (reduced / "combined_dark_70.000.fits").exists()


def test_only_the_darks_that_are_picked_are_combined(reduced):
    run = combine_darks(reduced, files=[reduced / "dark-0.fits", "dark-1.fits"])
    counts = [fits.getheader(path)["NCOMBINE"] for path in run.written]
    assert counts == [1, 1]
    with pytest.raises(ParameterError, match=r"files names gone\.fits, not a calibrated dark in"):
        combine_darks(reduced, files=["gone.fits"])


def test_a_combined_dark_has_no_cards_of_one_dark(reduced):
    combined = fits.getheader(combine_darks(reduced).written[1])
    assert not {"RAWFILE", "OSCNMEAN", "NSATPIX"} & set(combined)
    assert combined["OVERSCAN"] == "Overscan section is [25:30,1:20]"
    assert combined["CCDMEAN"] == pytest.approx(
        fits.getdata(reduced / "combined_dark_70.000.fits").mean(), rel=1e-5
    )


def test_the_table_says_when_a_combined_dark_is_out_of_date(reduced, tmp_path):
    def state(name):
        table = results_table(reduced)
        return table["state"][list(table["file"]).index(name)]

    combine_darks(reduced)
    assert {*results_table(reduced)["state"]} == {"current"}
    content = (reduced / "dark-2.fits").read_bytes()
    (reduced / "dark-2.fits").unlink()
    assert "it was made from dark-2.fits, which is no longer there" in state("combined_dark_70.000.fits")
    assert state("combined_dark_7.000.fits") == "current"
    (reduced / "dark-2.fits").write_bytes(content)
    other = Recipe(overscan_columns="25:", keep_columns=":24")
    calibrate_darks(Night(tmp_path / "raw"), other, reduced, overwrite=True, progress=False)
    assert "made again since; combine again" in state("combined_dark_7.000.fits")
    combine_darks(reduced, files=["dark-1.fits"], overwrite=True)
    assert "dark-2.fits is not in it" in state("combined_dark_70.000.fits")


def test_the_table_says_when_another_bias_was_subtracted(tmp_path):
    night = Night(small_night(tmp_path / "raw"))
    calibrate_darks(night, replace(RECIPE, subtract_bias=True), tmp_path / "out", progress=False)
    write_raw(tmp_path / "raw" / "bias-9.fits", random_frame(9), "bias", 0.0)
    (tmp_path / "out" / "combined_bias.fits").unlink()
    combine_bias(Night(night.raw_folder), RECIPE, tmp_path / "out")
    table = results_table(tmp_path / "out")
    assert "combined_bias.fits is not the one that was subtracted" in table["state"][1]


def test_darks_of_another_camera_are_left_out(tmp_path):
    for index, camera in enumerate("AAB"):
        write_raw(tmp_path / f"raw/dark-{index}.fits", random_frame(index), INSTRUME=camera)
    night = Night(tmp_path / "raw")
    calibrate_darks(night, Recipe(), tmp_path / "out", mixed="keep", progress=False)
    run = combine_darks(tmp_path / "out")
    assert "camera B, the others have A. It is left out; to combine" in run.failed["dark-2.fits"]
    assert fits.getheader(run.written[0])["NCOMBINE"] == 2


def test_darks_of_several_combined_biases_are_not_averaged(tmp_path):
    for name, first in (("a", 0), ("b", 3)):
        for index in range(first, first + 3):
            write_raw(tmp_path / name / f"dark-{index}.fits", random_frame(index))
            write_raw(tmp_path / name / f"bias-{index}.fits", random_frame(10 + index), "bias", 0.0)
        recipe = Recipe(subtract_bias=True)
        run = calibrate_darks(
            Night(tmp_path / name), recipe, tmp_path / "out", overwrite=True, progress=False
        )
    with pytest.raises(NightError, match=r"combined biases.*dark-2\.fits; dark-3\.fits"):
        combine_darks(tmp_path / "out")
    assert len(combine_darks(tmp_path / "out", files=run.results).written) == 1


def test_darks_of_different_shapes_are_not_averaged(reduced):
    with fits.open(reduced / "dark-1.fits") as hdus:
        write_images(reduced / "dark-1.fits", [Image.of(hdus[0].data[:-2].astype("float32"), hdus[0].header)])
    with pytest.raises(NightError, match="different shapes"):
        combine_darks(reduced)


def test_a_combination_knows_its_frames_by_name_and_content():
    digests = {members_digest(pairs) for pairs in ([("a", "x")], [("b", "x")], [("a", "y")])}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (
            "tempfile.TemporaryFile",
            OSError(30, "Read-only file system"),
            "Read-only file system; choose a folder",
        ),
        (
            "darkcal_widgets.frames.Frame.in_rows",
            OSError("9 requested and 5 written"),
            "5 written .is the disk full",
        ),
    ],
)
def test_a_disk_without_room_for_pixels_is_named(reduced, monkeypatch, target, error, words):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(target, refuse)
    with pytest.raises(OutputError, match=rf"a temporary file in .*out cannot be written: .*{words}"):
        combine_darks(reduced)
