import ccdproc
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.stats import mad_std
from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_bias, combine_darks
from darkcal_widgets.combine import clipped_average
from darkcal_widgets.errors import NightError, OutputError

RECIPE = Recipe(overscan_columns="24:", keep_columns=":24")


def reference(stack):
    """Combine as ccdproc does with the settings that are promised."""
    return ccdproc.combine(
        [CCDData(frame, unit="adu", mask=np.isnan(frame)) for frame in stack],
        method="average",
        sigma_clip=True,
        sigma_clip_low_thresh=5,
        sigma_clip_high_thresh=5,
        sigma_clip_func=np.ma.median,
        sigma_clip_dev_func=mad_std,
        dtype="float32",
    )


@pytest.mark.parametrize("frames", [1, 2, 3, 6, 7, 20])
def test_the_average_equals_ccdproc_within_float32_rounding(frames):
    rng = np.random.default_rng(frames)
    stack = rng.normal(1000, 5, (frames, 15, 16)).astype("float32")
    stack[0, 2, 3], stack[-1, 4, 5] = 60000, -500
    np.testing.assert_allclose(clipped_average(stack), reference(stack).data, rtol=2e-7)


def test_values_that_are_all_equal_stay_what_they_are():
    np.testing.assert_array_equal(clipped_average(np.full((4, 3, 3), 7.25)), np.full((3, 3), 7.25))


def test_a_cosmic_ray_in_one_frame_is_left_out():
    stack = np.repeat(np.arange(6.0)[:, None, None], 2, axis=1)
    stack[0, 0, 0] = 1e5
    assert clipped_average(stack)[0, 0] == 3.0
    assert clipped_average(stack)[1, 0] == 2.5


def test_pixels_without_a_value_are_left_out_and_where_there_is_none_the_result_has_none():
    stack = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, np.nan]])[:, None, :]
    np.testing.assert_array_equal(clipped_average(stack), [[2.0, np.nan, 5.0]])


def test_the_combined_bias_is_made_with_the_recipes_own_overscan_and_trim(tmp_path):
    night = Night(small_night(tmp_path / "raw"))
    run = combine_bias(night, RECIPE, tmp_path / "out")
    frames = [fits.getdata(bias.path).astype(float) for bias in night.biases]
    stack = np.array([frame[:, :24] - np.median(frame[:, 24:], axis=1)[:, None] for frame in frames])
    with fits.open(run.written[0]) as hdus:
        np.testing.assert_allclose(hdus[0].data, reference(stack).data, rtol=1e-6, atol=1e-5)
        header = hdus[0].header
    assert (header["COMBINED"], header["NCOMBINE"], header["IMAGETYP"], header["BUNIT"]) == (
        True,
        4,
        "bias",
        "adu",
    )
    assert header["IMCMB001"] == "bias-0.fits"


def test_the_combined_bias_is_left_alone_the_second_time_and_refused_for_another_recipe(tmp_path):
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


def test_a_night_without_bias_frames_cannot_give_a_combined_bias(tmp_path):
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


def test_combined_darks_are_made_again_only_when_their_darks_change(reduced):
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
    with pytest.raises(OutputError, match="raw data are never touched"):
        combine_bias(Night(raw), RECIPE, raw)


def test_a_file_that_is_no_result_is_kept_whatever_overwrite_says(tmp_path):
    raw = small_night(tmp_path / "raw")
    mine = write_raw(tmp_path / "out" / "combined_bias.fits", random_frame(1))
    with pytest.raises(OutputError, match="no result of darkcal; move it away"):
        combine_bias(Night(raw), RECIPE, tmp_path / "out", overwrite=True)
    np.testing.assert_array_equal(fits.getdata(mine), random_frame(1))
