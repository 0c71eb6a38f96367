import shutil
import subprocess
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import ccdproc
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from nights import (
    REAL_NIGHTS,
    as_double,
    folder_bytes,
    random_frame,
    reference_example_1,
    reference_example_2,
    small_night,
    write_raw,
)

from darkcal_widgets import (
    Night,
    Recipe,
    calibrate_dark,
    calibrate_darks,
    combine_bias,
    combine_darks,
    results_table,
    simulate_night,
)
from darkcal_widgets.errors import FrameError, NightError, OutputError, ParameterError, RunError
from darkcal_widgets.frames import Frame
from darkcal_widgets.run import file as run_file
from darkcal_widgets.run import make_plan
from darkcal_widgets.run.file import hold_bias

RECIPE = Recipe(overscan_columns="24:", keep_columns=":24")
WITH_BIAS = Recipe(keep_columns=":24", subtract_bias=True)

needs_fitsverify = pytest.mark.skipif(
    shutil.which("fitsverify") is None, reason="the program fitsverify is not installed"
)


def calibrate(night, recipe, folder, **options):
    return calibrate_darks(night, recipe, folder, progress=False, **options)


@pytest.fixture
def night(tmp_path):
    return Night(small_night(tmp_path / "raw"))


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    folder = simulate_night(tmp_path_factory.mktemp("night") / "cryo", "cryogenic", seed=3, rows=64)
    return Night(folder, dark_folder=folder / "darks")


@pytest.fixture(scope="module")
def thermo_electric(tmp_path_factory):
    return Night(simulate_night(tmp_path_factory.mktemp("night") / "te", "thermo-electric", seed=3, rows=64))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_example_1_equals_the_plain_ccdproc_loop_exactly(cryogenic, tmp_path, dtype):
    recipe = Recipe(overscan_columns="2055:", keep_columns=":2048", output_dtype=dtype)
    run = calibrate(cryogenic, recipe, tmp_path)
    assert len(run.written) == 9
    for dark, result in zip(cryogenic.darks, run.written, strict=True):
        data = fits.getdata(result)
        assert data.dtype.name == dtype
        assert np.max(np.abs(data - reference_example_1(dark.path))) == 0


@pytest.mark.parametrize(("dtype", "steps"), [("float32", 1), ("float64", 0)])
def test_example_2_equals_the_plain_ccdproc_loop(thermo_electric, tmp_path, dtype, steps):
    run = calibrate(
        thermo_electric, Recipe(keep_columns=":4096", subtract_bias=True, output_dtype=dtype), tmp_path
    )
    assert len(run.written) == 10
    bias = as_double(tmp_path / "combined_bias.fits")
    for dark, result in zip(thermo_electric.darks, run.written, strict=True):
        expected = reference_example_2(dark.path, bias)
        step = np.spacing(np.abs(expected).astype(dtype))
        assert np.all(np.abs(fits.getdata(result) - expected) <= steps * step)


@pytest.mark.parametrize("recipe", [RECIPE, WITH_BIAS])
def test_a_second_run_writes_nothing(night, tmp_path, recipe):
    calibrate(night, recipe, tmp_path / "out")
    before = folder_bytes(tmp_path / "out")
    times = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").iterdir())]
    run = calibrate(night, recipe, tmp_path / "out")
    assert (len(run.written), len(run.unchanged), run.failed) == (0, 3, {})
    assert folder_bytes(tmp_path / "out") == before
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "out").iterdir())] == times


def test_bytes_are_the_same_from_any_place_and_workers(night, tmp_path):
    shutil.copytree(tmp_path / "raw", tmp_path / "elsewhere" / "raw")
    calibrate(night, WITH_BIAS, tmp_path / "a", workers=1)
    calibrate(Night(tmp_path / "elsewhere" / "raw"), WITH_BIAS, tmp_path / "b", workers=3)
    with ProcessPoolExecutor(2) as executor:
        calibrate(night, WITH_BIAS, tmp_path / "c", executor=executor)
    assert folder_bytes(tmp_path / "a") == folder_bytes(tmp_path / "b") == folder_bytes(tmp_path / "c")


def test_raw_frames_are_not_touched(night, tmp_path):
    before = folder_bytes(tmp_path / "raw")
    calibrate(night, WITH_BIAS, tmp_path / "raw" / "reduced")
    combine_darks(tmp_path / "raw" / "reduced")
    assert {name: data for name, data in folder_bytes(tmp_path / "raw").items() if "/" not in name} == before


def test_results_carry_their_provenance(night, tmp_path):
    calibrate(night, WITH_BIAS, tmp_path)
    header = fits.getheader(tmp_path / "dark-1.fits")
    assert header["RAWFILE"] == "dark-1.fits"
    assert header["BIASFILE"] == "combined_bias.fits"
    assert header["DCRECIPE"] == WITH_BIAS.digest((20, 30))
    assert "darkcal: combined bias subtracted: combined_bias.fits" in list(header["HISTORY"])
    assert str(tmp_path) not in str(header)


def test_a_result_of_another_recipe_is_refused_unless_overwrite(night, tmp_path):
    calibrate(night, RECIPE, tmp_path / "out")
    before = folder_bytes(tmp_path / "out")
    other = replace(RECIPE, overscan_columns="25:")
    run = calibrate(night, other, tmp_path / "out")
    assert len(run.failed) == 3
    assert "was made with another recipe; set overwrite" in run.failed["dark-0.fits"]
    assert folder_bytes(tmp_path / "out") == before
    assert len(calibrate(night, other, tmp_path / "out", overwrite=True).written) == 3


def test_a_result_of_a_namesake_is_refused(night, tmp_path):
    calibrate(night, RECIPE, tmp_path / "out")
    (tmp_path / "raw" / "dark-0.fits").unlink()
    write_raw(tmp_path / "raw" / "dark-0.fits", random_frame(77))
    assert (
        "was made from another raw file" in calibrate(night, RECIPE, tmp_path / "out").failed["dark-0.fits"]
    )


def test_a_file_that_is_no_result_is_never_replaced(night, tmp_path):
    foreign = write_raw(tmp_path / "out" / "dark-0.fits", random_frame(1))
    before = foreign.read_bytes()
    run = calibrate(night, RECIPE, tmp_path / "out", overwrite=True)
    assert "already exists and was not written by darkcal" in run.failed["dark-0.fits"]
    assert foreign.read_bytes() == before
    assert len(run.written) == 2


def test_one_bad_frame_costs_one_frame_and_can_raise(night, tmp_path):
    (tmp_path / "raw" / "dark-1.fits").write_bytes((tmp_path / "raw" / "dark-1.fits").read_bytes()[:3500])
    (tmp_path / "raw" / "dark-9.fits").write_bytes(b"not a frame")
    run = calibrate(night, RECIPE, tmp_path / "out")
    assert [path.name for path in run.written] == ["dark-0.fits", "dark-2.fits"]
    assert list(run.failed) == ["dark-1.fits"]
    with pytest.raises(RunError, match=r"1 of 3 frames failed, 2 are done:\n  dark-1\.fits: .*is cut off"):
        run.raise_failures()


def test_a_file_that_no_header_could_be_read_from_fails_by_name(tmp_path):
    small_night(tmp_path / "raw")
    (tmp_path / "raw" / "dark-9.fits").write_bytes(b"not a frame")
    run = calibrate(Night(tmp_path / "raw"), RECIPE, tmp_path / "out")
    assert list(run.failed) == ["dark-9.fits"]
    assert len(run.written) == 3


def test_only_the_named_files_are_calibrated(night, tmp_path):
    run = calibrate(night, RECIPE, tmp_path / "out", files=["dark-2.fits"])
    assert [path.name for path in run.written] == ["dark-2.fits"]


def test_frames_that_would_have_one_result_are_refused(tmp_path):
    small_night(tmp_path / "raw")
    write_raw(tmp_path / "raw" / "DARK-0.FITS", random_frame(1))
    with pytest.raises(OutputError, match=r"DARK-0\.FITS and dark-0\.fits would have the same result"):
        calibrate(Night(tmp_path / "raw"), RECIPE, tmp_path / "out")


def test_results_in_the_raw_folder_are_refused(night, tmp_path):
    with pytest.raises(OutputError, match="raw data are never modified"):
        calibrate(night, RECIPE, tmp_path / "raw")


def test_columns_outside_the_frame_stop_the_run_at_once(night, tmp_path):
    with pytest.raises(ParameterError, match="keep_columns is ':99'"):
        calibrate(night, Recipe(keep_columns=":99"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_plan_writes_nothing(night, tmp_path):
    assert [job.name for job in make_plan(night, RECIPE, tmp_path / "out").jobs] == [
        "dark-0.fits",
        "dark-1.fits",
        "dark-2.fits",
    ]
    assert not (tmp_path / "out").exists()


def test_a_run_can_be_cancelled_and_continued(night, tmp_path):
    cancel = threading.Event()
    run = calibrate(
        night, RECIPE, tmp_path / "out", workers=1, cancel=cancel, on_outcome=lambda outcome: cancel.set()
    )
    assert run.cancelled
    assert 1 <= len(run.written) < 3
    rest = calibrate(night, RECIPE, tmp_path / "out")
    assert not rest.cancelled
    assert len(rest.written) + len(run.written) == 3


def test_no_bias_and_nothing_to_build_it_from_is_said(tmp_path):
    night = Night(small_night(tmp_path / "raw", biases=0))
    with pytest.raises(NightError, match=r"no bias frames in .*set subtract_bias to False"):
        calibrate(night, WITH_BIAS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_combined_biases_are_named(night, tmp_path):
    for name in ("one.fits", "two.fits"):
        write_raw(tmp_path / "out" / name, random_frame(1, (20, 24)), "bias", COMBINED=True)
    with pytest.raises(NightError, match=r"2 combined biases in .*: one\.fits, two\.fits\. Name the one"):
        calibrate(night, WITH_BIAS, tmp_path / "out")


def test_a_bias_of_other_software_is_used_if_named(night, tmp_path):
    bias = write_raw(tmp_path / "bias.fits", np.full((20, 24), 100.5, "float32"), "bias")
    run = calibrate(night, WITH_BIAS, tmp_path / "out", combined_bias=bias)
    expected = night.darks[0].path
    np.testing.assert_array_equal(
        fits.getdata(run.written[0]), fits.getdata(expected)[:, :24] - np.float32(100.5)
    )


def test_a_combined_bias_of_another_shape_is_refused(night, tmp_path):
    bias = write_raw(tmp_path / "bias.fits", random_frame(1, (20, 30)), "bias")
    with pytest.raises(FrameError, match=r"bias\.fits and dark-0\.fits: the combined bias has 20 x 30"):
        calibrate(night, WITH_BIAS, tmp_path / "out", combined_bias=bias)


def test_a_combined_bias_in_another_unit_is_refused(night, tmp_path):
    bias = write_raw(tmp_path / "bias.fits", random_frame(1, (20, 24)), "bias", BUNIT="electron")
    with pytest.raises(FrameError, match="is in electron, the dark in adu"):
        calibrate(night, WITH_BIAS, tmp_path / "out", combined_bias=bias)


def test_a_combined_bias_that_is_not_there_is_named(night, tmp_path):
    with pytest.raises(ParameterError, match=r"combined_bias 'gone\.fits' is not there"):
        calibrate(night, WITH_BIAS, tmp_path / "out", combined_bias="gone.fits")


def test_a_bias_of_other_sections_is_rebuilt_with_overwrite(night, tmp_path):
    combine_bias(night, replace(RECIPE, overscan_columns="26:"), tmp_path)
    recipe = replace(RECIPE, subtract_bias=True)
    with pytest.raises(
        FrameError, match=r"made with other overscan_columns or keep_columns.*\[27:30, 1:20\]"
    ):
        calibrate(night, recipe, tmp_path)
    assert len(calibrate(night, recipe, tmp_path, overwrite=True).written) == 3


@pytest.mark.parametrize("is_built", [True, False])
def test_a_bias_of_other_settings_is_refused(tmp_path, is_built):
    folder, binned = tmp_path / ("raw" if is_built else "bias"), {"XBINNING": 2, "YBINNING": 2}
    write_raw(folder / "b.fits", random_frame(1), "bias", 0.0, XBINNING=1, YBINNING=1, INSTRUME="A", GAIN=1.5)
    write_raw(tmp_path / "raw" / "d.fits", random_frame(2), **binned, INSTRUME="B", GAIN=2.5)
    given = None if is_built else folder / "b.fits"
    what = (
        r"it has binning 1 x 1, d\.fits has 2 x 2; camera A, d\.fits has B; gain 1\.5, d\.fits has 2\.5; give"
    )
    with pytest.raises(FrameError, match=what):
        calibrate(Night(tmp_path / "raw"), Recipe(subtract_bias=True), tmp_path / "out", combined_bias=given)


def test_a_bias_of_another_temperature_is_reported(tmp_path):
    write_raw(tmp_path / "raw" / "b.fits", random_frame(1), "bias", 0.0, CCD_TEMP=-20.0)
    write_raw(tmp_path / "raw" / "d.fits", random_frame(2), CCD_TEMP=-16.0)
    notes = " ".join(calibrate(Night(tmp_path / "raw"), WITH_BIAS, tmp_path / "out").notes)
    assert "taken at -20 degrees, d.fits at -16" in notes


def test_bias_frames_without_an_image_of_the_darks_are_refused(lris, tmp_path):
    for seed in range(3):
        names = ("VidInp1", "VidInp2", "VidInp3")
        several_images(tmp_path / "more" / f"d{seed}.fits", seed, "dark", 10.0, names)
        shutil.copy(tmp_path / "raw" / f"b{seed}.fits", tmp_path / "more")
    what = r"b0\.fits is for images VidInp1, VidInp2, but not for VidInp3 of d0\.fits"
    with pytest.raises(FrameError, match=what):
        calibrate(Night(tmp_path / "more"), Recipe(subtract_bias=True), tmp_path / "out")


def test_a_real_night_runs_as_both_examples(tmp_path):
    night = Night(REAL_NIGHTS / "feder-2013-07-04")
    run = calibrate(
        night, Recipe(overscan_columns="[1538:1541, 1:256]", keep_columns="[1:1536, 1:256]"), tmp_path / "1"
    )
    expected = reference_example_1(night.darks[0].path, slice(1537, 1541), slice(0, 1536))
    np.testing.assert_array_equal(fits.getdata(run.written[0]), expected)
    assert run.written[0].name == "darks-001D15.fit"
    run = calibrate(
        night,
        Recipe(keep_columns="[1:1536, 1:256]", subtract_bias=True, output_dtype="float64"),
        tmp_path / "2",
    )
    expected = reference_example_2(
        night.darks[0].path, as_double(tmp_path / "2" / "combined_bias.fits"), slice(0, 1536)
    )
    np.testing.assert_array_equal(fits.getdata(run.written[0]), expected)
    assert [path.name for path in combine_darks(tmp_path / "1").written] == [
        "combined_dark_15.000.fits",
        "combined_dark_60.000.fits",
    ]


def test_a_real_overscan_on_the_left_is_subtracted(tmp_path):
    night = Night(REAL_NIGHTS / "saao-ste3", image_types={"object": "dark"})
    run = calibrate(
        night,
        Recipe(overscan_columns="[   4:  13,   1: 520]", keep_columns="[  17: 528,   1: 520]"),
        tmp_path,
    )
    expected = reference_example_1(night.darks[0].path, slice(3, 13), slice(16, 528))
    np.testing.assert_array_equal(fits.getdata(run.written[0]), expected)


@needs_fitsverify
def test_fitsverify_finds_no_error_in_any_file_written(night, thermo_electric, cryogenic, tmp_path):
    calibrate(night, WITH_BIAS, tmp_path / "1")
    calibrate(thermo_electric, Recipe(keep_columns=":4096", subtract_bias=True), tmp_path / "2")
    calibrate(
        cryogenic,
        Recipe(overscan_columns="2055:", keep_columns=":2048", output_dtype="float64"),
        tmp_path / "3",
    )
    calibrate(
        Night(REAL_NIGHTS / "feder-2013-07-04"),
        Recipe(keep_columns=":1536", subtract_bias=True),
        tmp_path / "4",
    )
    calibrate(
        Night(REAL_NIGHTS / "saao-ste3", image_types={"object": "dark"}),
        Recipe(keep_columns="16:528"),
        tmp_path / "5",
    )
    for folder in tmp_path.glob("[1-5]"):
        combine_darks(folder)
    results = sorted(tmp_path.glob("[1-5]/*"))
    report = subprocess.run(
        ["fitsverify", "-e", "-q", *results], capture_output=True, text=True, check=False
    ).stdout
    assert report.count("verification OK") == len(results), report


# --- Several images in a file, several amplifiers in an image ---------------------------------------------------------------


def several_images(path, seed, kind, exposure, names=("VidInp1", "VidInp2"), means=4 * (1000,)):
    """Write a frame as Keck's LRIS does: an empty primary HDU that says what it is, an image for each amplifier."""
    primary = fits.PrimaryHDU(header=fits.Header({"IMAGETYP": kind, "EXPTIME": exposure}))
    images = []
    for n, name in enumerate(names):
        header = fits.Header({"DATASEC": "[1:24,1:20]"} | ({"EXTNAME": name} if name else {}))
        images.append(fits.ImageHDU(random_frame(10 * seed + n, level=means[n]), header))
    path.parent.mkdir(exist_ok=True)
    fits.HDUList([primary, *images]).writeto(path)


@pytest.fixture
def lris(tmp_path):
    for seed in range(3):
        several_images(tmp_path / "raw" / f"d{seed}.fits", seed, "dark", 10.0)
        several_images(tmp_path / "raw" / f"b{seed}.fits", 5 + seed, "bias", 0.0)
    return Night(tmp_path / "raw")


def by_ccdproc(path, extension, bias=None):
    ccd = CCDData.read(path, hdu=extension, unit="adu")
    ccd = ccdproc.subtract_overscan(ccd, overscan=ccd[:, 24:], overscan_axis=1, median=True)
    ccd = ccdproc.trim_image(ccd[:, :24])
    return ccd.data if bias is None else ccdproc.subtract_bias(ccd, bias).data


def test_every_image_of_a_file_is_calibrated_and_combined(lris, tmp_path):
    out, recipe = (
        tmp_path / "out",
        Recipe(**{**vars(RECIPE), "output_dtype": "float64", "subtract_bias": True}),
    )
    run = calibrate(lris, recipe, out)
    assert len(run.written) == 3
    with fits.open(out / "combined_bias.fits") as biases, fits.open(out / "d1.fits", checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "VidInp1", "VidInp2"]
        assert {"DCRECIPE", "DCINPUT", "BIASSUM", "IMAGETYP"} <= set(hdus[0].header)
        assert hdus[1].header["DCTRIM"] == "[1:24, 1:20]"
        assert "DATASEC" not in hdus[1].header
        for number in (1, 2):
            stack = [by_ccdproc(tmp_path / "raw" / f"b{n}.fits", number) for n in range(3)]
            expected = np.mean(stack, axis=0)
            np.testing.assert_allclose(biases[number].data, expected, rtol=1e-6, atol=1e-6)
            bias = CCDData(biases[number].data, unit="adu")
            expected = by_ccdproc(tmp_path / "raw" / "d1.fits", number, bias)
            np.testing.assert_array_equal(hdus[number].data, expected)
    combined = combine_darks(out)
    (path,) = combined.written
    with fits.open(path) as hdus:
        stack = [fits.getdata(out / f"d{n}.fits", 2) for n in range(3)]
        np.testing.assert_allclose(hdus[2].data, np.mean(stack, axis=0), rtol=1e-6, atol=1e-6)
        assert hdus[0].header["NCOMBINE"] == 3
    assert len(calibrate(lris, recipe, out).unchanged) == 3
    assert len(combine_darks(out).unchanged) == 1
    table = results_table(out)
    assert list(table["file"][-2:]) == ["d2.fits[VidInp1]", "d2.fits[VidInp2]"]
    assert {*table["state"]} == {"current"}
    assert "2 images of 20 x 30" in lris.table["shape"]


def test_a_parameter_chooses_some_images_of_a_file(lris, tmp_path):
    recipe = Recipe(**{**vars(RECIPE), "extensions": ["VIDINP2"]})
    calibrate(lris, recipe, tmp_path / "out")
    with fits.open(tmp_path / "out" / "d0.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "VidInp2"]
        expected = by_ccdproc(tmp_path / "raw" / "d0.fits", 2)
        np.testing.assert_array_equal(hdus[1].data, expected.astype("float32"))
    assert len(combine_darks(tmp_path / "out").written) == 1
    with pytest.raises(
        ParameterError, match=r"extensions names 'SCI', which .*its images are 1, VidInp1, 2, VidInp2"
    ):
        calibrate(lris, Recipe(extensions=["SCI"]), tmp_path / "other")


def test_results_of_other_images_are_not_unchanged(lris, tmp_path):
    first, second = (Recipe(extensions=[name]) for name in ("VidInp1", "VidInp2"))
    calibrate(lris, first, tmp_path / "out")
    assert "with another recipe" in calibrate(lris, second, tmp_path / "out").failed["d0.fits"]
    calibrate(lris, second, tmp_path / "out", overwrite=True)
    raw = fits.getdata(tmp_path / "raw" / "d0.fits", 2)
    np.testing.assert_array_equal(fits.getdata(tmp_path / "out" / "d0.fits", 1), raw)


@pytest.fixture(params=[None, "IM"], ids=["unnamed", "named"])
def mosaic(tmp_path, request):
    """Four images a file, each a hundred above the one before."""
    for seed in range(6):
        kind, exposure = ("bias", 0.0) if seed < 3 else ("dark", 10.0)
        names = [request.param and f"IM{number}" for number in range(1, 5)]
        several_images(
            tmp_path / "raw" / f"{kind}{seed}.fits", seed, kind, exposure, names, means=range(1000, 1400, 100)
        )
    return Night(tmp_path / "raw"), request.param or ""


def levels(path):
    with fits.open(path) as hdus:
        return [round(float(np.median(hdu.data)), -2) + 0.0 for hdu in hdus[1:]]


def test_each_image_gets_its_own_bias_whichever_are_chosen(mosaic, tmp_path):
    night, stem = mosaic
    chosen = Recipe(extensions=[f"{stem}2", f"{stem}4"], subtract_bias=True)
    assert len(calibrate(night, chosen, tmp_path / "out").written) == 3
    assert levels(tmp_path / "out" / "dark3.fits") == [0, 0]
    labels = [part.label for part in Frame(tmp_path / "out" / "dark3.fits").parts]
    assert labels == [f"{stem}2", f"{stem}4"]
    bias = tmp_path / "out" / "combined_bias.fits"
    one = replace(chosen, extensions=[f"{stem}4"])
    calibrate(night, one, tmp_path / "one", combined_bias=bias)
    assert levels(tmp_path / "one" / "dark3.fits") == [0]
    with pytest.raises(
        FrameError, match=rf"images {stem}2, {stem}4, but not for {stem}1 of dark3\.fits; give"
    ):
        calibrate(night, replace(chosen, extensions=[f"{stem}1"]), tmp_path / "a", combined_bias=bias)


def test_the_bias_of_one_image_is_not_that_of_another(mosaic, tmp_path):
    night, stem = mosaic
    first, third = (Recipe(extensions=[f"{stem}{n}"], subtract_bias=True) for n in (1, 3))
    calibrate(night, first, tmp_path / "out")
    with pytest.raises(FrameError, match=rf"for image {stem}1, but not for {stem}3 of dark3\.fits; move"):
        calibrate(night, third, tmp_path / "out")
    calibrate(night, third, tmp_path / "out", overwrite=True)
    assert levels(tmp_path / "out" / "dark3.fits") == [0]


def test_a_bias_with_one_image_is_not_for_files_with_several(lris, tmp_path):
    write_raw(tmp_path / "bias.fits", random_frame(1), "bias", 0.0, COMBINED=True)
    recipe = Recipe(subtract_bias=True)
    with pytest.raises(FrameError, match="is for image 0, but not for VidInp1, VidInp2 of d0"):
        calibrate(lris, recipe, tmp_path / "out", combined_bias=tmp_path / "bias.fits")


def test_images_in_another_order_are_averaged_by_name(tmp_path):
    for seed in range(6):
        kind, exposure = ("bias", 0.0) if seed < 3 else ("dark", 10.0)
        names, means = ("AB", (1000, 1100)) if seed % 2 else ("BA", (1100, 1000))
        several_images(tmp_path / "raw" / f"{kind}{seed}.fits", seed, kind, exposure, names, means)
    run = calibrate(Night(tmp_path / "raw"), Recipe(subtract_bias=True), tmp_path / "out")
    assert [levels(path) for path in (*run.written, *combine_darks(tmp_path / "out").written)] == [[0, 0]] * 4


def test_a_file_whose_images_have_other_names_is_left_out(lris, tmp_path):
    several_images(tmp_path / "raw" / "d9.fits", 9, "dark", 10.0, names=("VidInp1", "VidInp3"))
    run = calibrate(Night(tmp_path / "raw"), RECIPE, tmp_path / "out")
    assert "images VidInp1, VidInp3, the others have VidInp1, VidInp2" in run.failed["d9.fits"]


def test_a_file_with_fewer_images_than_the_others_is_left_out(lris, tmp_path):
    several_images(tmp_path / "raw" / "d9.fits", 9, "dark", 10.0, names=("VidInp1",))
    run = calibrate(Night(tmp_path / "raw"), RECIPE, tmp_path / "out")
    assert "shape (rows x columns) 20 x 30, the others have 2 images of 20 x 30" in run.failed["d9.fits"]


AMPLIFIERS = (("20:25", "0:10"), ("25:30", "10:20"))


@pytest.mark.parametrize("subtract_bias", [False, True])
def test_each_amplifier_has_its_own_overscan(tmp_path, subtract_bias):
    """As the Kast spectrograph writes them: both images, then both overscans."""
    rng = np.random.default_rng(1)
    for n, (kind, exposure) in enumerate([("dark", 10.0)] * 2 + [("bias", 0.0)] * 2):
        data = rng.integers(900, 920, (20, 30)).astype("uint16")
        data[:, 10:20] += 20
        data[:, 25:] += 20
        write_raw(tmp_path / "raw" / f"{n}.fits", data, kind, exposure, CRPIX1=3.0)
    recipe = Recipe(amplifiers=AMPLIFIERS, subtract_bias=subtract_bias, output_dtype="float64")
    calibrate(Night(tmp_path / "raw"), recipe, tmp_path / "out").raise_failures()
    ccd = CCDData.read(tmp_path / "raw" / "0.fits", unit="adu")
    halves = [
        ccdproc.subtract_overscan(ccd[:, image], overscan=ccd[:, overscan], overscan_axis=1, median=True).data
        for image, overscan in ((slice(0, 10), slice(20, 25)), (slice(10, 20), slice(25, 30)))
    ]
    expected = np.hstack(halves)
    bias = None
    if subtract_bias:
        bias = CCDData(fits.getdata(tmp_path / "out" / "combined_bias.fits"), unit="adu")
        expected = expected - bias.data
    with fits.open(tmp_path / "out" / "0.fits") as hdus:
        np.testing.assert_array_equal(hdus[0].data, expected)
        assert (
            hdus[0].header["DCOSCAN"] == "[21:25, 1:20] from [1:10, 1:20]; [26:30, 1:20] from [11:20, 1:20]"
        )
        assert hdus[0].header["CRPIX1"] == 3.0
    plain = calibrate_dark(ccd, recipe, bias)
    np.testing.assert_array_equal(plain.data, expected)
    combine_darks(tmp_path / "out").raise_failures()


def test_the_overscans_between_the_images_are_cut_out(tmp_path):
    data = np.tile(np.arange(12, dtype="uint16"), (8, 1))
    write_raw(tmp_path / "raw" / "a.fits", data)
    recipe = Recipe(amplifiers=[["4:6", "0:4"], ["6:8", "8:12"]])
    calibrate(Night(tmp_path / "raw"), recipe, tmp_path / "out")
    left, right = np.arange(4) - 4.5, np.arange(8, 12) - 6.5
    np.testing.assert_array_equal(fits.getdata(tmp_path / "out" / "a.fits"), np.tile([*left, *right], (8, 1)))


def test_four_amplifiers_make_one_image(tmp_path):
    data = np.zeros((8, 12), "uint16")
    data[:4, :6], data[:4, 6:], data[4:, :6], data[4:, 6:] = 10, 20, 30, 40
    write_raw(tmp_path / "raw" / "a.fits", data)
    halves = [("1:4", "5:6", "1:4"), ("1:4", "7:8", "9:12"), ("5:8", "5:6", "1:4"), ("5:8", "7:8", "9:12")]
    amplifiers = [[f"[{overscan}, {rows}]", f"[{image}, {rows}]"] for rows, overscan, image in halves]
    calibrate(Night(tmp_path / "raw"), Recipe(amplifiers=amplifiers), tmp_path / "out").raise_failures()
    np.testing.assert_array_equal(fits.getdata(tmp_path / "out" / "a.fits"), np.zeros((8, 8)))


def test_one_combined_bias_at_a_time_is_held_in_memory(tmp_path):
    for number in range(3):
        hold_bias(write_raw(tmp_path / f"b{number}.fits", random_frame(number), "bias", 0.0), "adu")
    assert [path.name for path, _, _ in run_file._HELD] == ["b2.fits"]


class OneAtATime:
    """An executor that takes many jobs and does one at a time."""

    _max_workers = 4

    def __init__(self):
        self._pool = ThreadPoolExecutor(1)
        self.submit = self._pool.submit


def test_jobs_that_wait_are_taken_back_when_a_run_is_cancelled(tmp_path):
    cancel = threading.Event()
    run = calibrate_darks(
        Night(small_night(tmp_path / "raw", darks=8)),
        RECIPE,
        tmp_path / "out",
        executor=OneAtATime(),
        cancel=cancel,
        on_outcome=lambda _: cancel.set(),
        progress=False,
    )
    assert run.cancelled
    assert len(run.written) < 8
