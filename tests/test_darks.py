"""What the darks tell: numbers recovered from simulated nights, and a dark scaled to another exposure."""

import io
from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from nights import REAL_NIGHTS, random_frame, write_raw

from darkcal_widgets import (
    Night,
    Recipe,
    calibrate_darks,
    combine_darks,
    measure_darks,
    scale_dark,
    simulate_night,
)
from darkcal_widgets.darks.figures import dark_current, linearity
from darkcal_widgets.darks.hotpixels import confirmed, hot_pixels
from darkcal_widgets.darks.noise import Estimate
from darkcal_widgets.errors import FrameError, NightError, ParameterError
from darkcal_widgets.frames import Frame
from darkcal_widgets.simulate import read_truth
from darkcal_widgets.simulate.cameras import CRYOGENIC, THERMO_ELECTRIC

RECIPES = {
    "cryogenic": Recipe(overscan_columns="2055:", keep_columns=":2048"),
    "thermo-electric": Recipe(keep_columns=":4096", subtract_bias=True),
}


def reduced(folder, camera, recipe, **options):
    """Simulate a night, calibrate and combine its darks, and return the night and the folder of results."""
    raw = simulate_night(folder / "night", camera, **options)
    night = Night(raw, dark_folder=raw / "darks" if (raw / "darks").is_dir() else None)
    calibrate_darks(night, recipe, folder / "reduced", progress=False)
    combine_darks(folder / "reduced")
    return night, folder / "reduced"


@pytest.fixture(scope="module", params=["cryogenic", "thermo-electric"])
def example(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    night, results = reduced(folder, request.param, RECIPES[request.param], rows=256)
    return measure_darks(results, night), read_truth(night.raw_folder), night, results


def recovered(estimate, truth):
    return abs(estimate.value - truth) <= max(estimate.uncertainty, 0.05 * truth)


def test_dark_current_and_read_noise_are_recovered(example):
    report, truth, _, _ = example
    assert recovered(report.dark_current, truth["dark_current"])
    assert recovered(report.read_noise, truth["read_noise"])
    assert report.dark_current.unit == "e-/s"


def test_the_level_of_each_exposure_is_recovered(example):
    report, truth, _, _ = example
    for row in report.levels:
        expected = truth["dark_current"] * row["exposure"] / truth["gain"]
        assert recovered(Estimate(row["level"], row["uncertainty"]), expected)


def test_hot_pixels_are_found_and_nothing_else(example):
    report, truth, _, _ = example
    true = {(hot["x"], hot["y"]) for hot in truth["hot_pixels"]}
    found = set(zip(report.hot["x"].tolist(), report.hot["y"].tolist(), strict=True))
    assert len(true & found) >= 0.99 * len(true)
    assert len(found - true) <= 0.01 * len(found)


def test_the_rate_of_hot_pixels_is_that_of_the_truth(example):
    report, truth, _, _ = example
    # Beyond a quarter of the range a pixel may be full.
    full = 0.25 * 65535 * truth["gain"] / report.exposure
    rates = {(hot["x"], hot["y"]): hot["rate"] for hot in truth["hot_pixels"] if hot["rate"] < full}
    pairs = [(row["rate"], rates[place]) for row in report.hot if (place := (row["x"], row["y"])) in rates]
    ratios = np.divide(*np.transpose(pairs))
    assert len(pairs) > 5
    assert np.median(ratios) == pytest.approx(1, abs=0.05)


def test_the_corner_glows_in_one_camera_only(example):
    report, truth, _, _ = example
    assert report.glow.startswith("lower left corner") == (truth["camera"] == "cryogenic")
    assert bool(report.glow) == (truth["parameters"]["glow"]["rate"] > 0)


def test_growth_with_exposure_is_linear_or_not_to_be_told(example):
    report, truth, _, _ = example
    cryogenic = truth["camera"] == "cryogenic"
    assert report.linear.startswith("yes" if cryogenic else "there is only one exposure")


def test_a_given_gain_counts_and_no_bias_frames_are_said(example):
    report, truth, night, results = example
    doubled = measure_darks(results, night, gain=2 * truth["gain"])
    assert doubled.dark_current.value == pytest.approx(2 * report.dark_current.value)
    without = measure_darks(results)
    assert without.read_noise is None
    missing = "It takes two bias frames to measure the read noise: pass night to measure_darks."
    assert missing in without.notes


def test_text_and_table_hold_every_number_with_its_uncertainty(example):
    report, _, _, _ = example
    for text in (str(report), report._repr_html_()):
        assert str(report.dark_current) in text
        assert str(report.read_noise) in text
    assert "±" in str(report.dark_current)


def test_counts_that_bend_are_not_linear(tmp_path):
    plan = tuple(replace(line, subfolder="") for line in CRYOGENIC.plan)
    dense = replace(CRYOGENIC.hot_pixels, fraction=5e-4)
    camera = replace(CRYOGENIC, rows=128, plan=plan, hot_pixels=dense)
    _, folder = reduced(tmp_path, camera, RECIPES["cryogenic"], rows=None)
    assert measure_darks(folder).linear.startswith("yes")
    for path in folder.glob("*.fits"):
        with fits.open(path, mode="update", checksum=True) as hdus:
            hdus[0].data = np.maximum(hdus[0].data, 0) ** 0.95
    assert measure_darks(folder).linear.startswith("no")


def test_without_a_gain_dark_current_is_in_adu(tmp_path):
    plan = tuple(replace(line, subfolder="") for line in CRYOGENIC.plan)
    night, folder = reduced(tmp_path, replace(CRYOGENIC, rows=64, plan=plan), RECIPES["cryogenic"], rows=None)
    for path in folder.glob("*.fits"):
        fits.delval(path, "GAIN")
    report = measure_darks(folder, night)
    assert report.gain is None
    assert report.dark_current.unit == "adu/s"
    assert any("no gain" in note for note in report.notes)


def test_darks_that_are_not_in_a_combined_dark_are_not_measured(tmp_path):
    for index in range(4):
        write_raw(
            tmp_path / "raw" / f"dark-{index}.fits", random_frame(index, level=1000 + 50 * (index == 3))
        )
    run = calibrate_darks(Night(tmp_path / "raw"), Recipe(), tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out", files=run.results[:3])
    levels = measure_darks(tmp_path / "out").levels
    assert levels["darks"].tolist() == [3]
    assert levels["level"][0] == pytest.approx(1000, abs=2)


def test_levels_of_frames_in_electrons_are_in_electrons(tmp_path):
    plan = tuple(replace(line, subfolder="") for line in CRYOGENIC.plan)
    camera = replace(CRYOGENIC, rows=64, plan=plan, bunit="electron")
    _, folder = reduced(tmp_path, camera, RECIPES["cryogenic"], rows=None)
    report = measure_darks(folder)
    assert {report.levels[name].unit for name in ("level", "uncertainty", "noise")} == {u.electron}
    assert report.gain == 1.0
    assert linearity(report).axes[0].get_ylabel().endswith("[electron]")


def test_one_exposure_with_bias_tells_no_dark_current(tmp_path):
    camera = replace(THERMO_ELECTRIC, rows=64, columns=213)
    _, folder = reduced(tmp_path, camera, Recipe(keep_columns=":200"), rows=None)
    report = measure_darks(folder)
    assert report.dark_current is None
    assert any("bias is still in the darks" in note for note in report.notes)
    assert "dark current: cannot be measured" in str(report)


@pytest.mark.parametrize("value", [np.uint8(11), np.uint16(65535), np.uint16(0), np.float32(np.nan)])
@pytest.mark.parametrize("exposures", [(5.0,), (5.0, 5.0, 5.0), (5.0, 5.0, 60.0, 60.0)])
@pytest.mark.parametrize("recipe", [Recipe(), Recipe(subtract_bias=True), Recipe(overscan_columns="50:")])
def test_frames_without_scatter_say_so_and_stop_nothing(tmp_path, value, exposures, recipe):
    for index, seconds in enumerate((0.0, 0.0, 0.0, *exposures)):
        kind = "dark" if seconds else "bias"
        write_raw(tmp_path / "raw" / f"{kind}-{index}.fits", np.full((40, 60), value), kind, seconds)
    night = Night(tmp_path / "raw")
    calibrate_darks(night, recipe, tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    report = measure_darks(tmp_path / "out", night)
    assert report.dark_current is report.read_noise is None
    assert "hot pixels: cannot be measured" in str(report)
    assert any("neither noise nor hot pixels can be measured" in note for note in report.notes)
    draw_all(report)


@pytest.mark.parametrize("steps", [{}, {"overscan_columns": "1537:"}, {"subtract_bias": True}])
def test_a_night_cut_to_eight_bits_says_what_cannot_be_told(tmp_path, steps):
    night = Night(REAL_NIGHTS / "feder-2013-07-04")
    calibrate_darks(night, Recipe(keep_columns=":1536", **steps), tmp_path, progress=False)
    combine_darks(tmp_path)
    report = measure_darks(tmp_path, night)
    assert report.dark_current is None
    assert report.read_noise is None
    assert not report.linear.startswith("no")
    assert any("rounding" in note for note in report.notes)


def test_dark_current_holds_beside_a_drift_of_the_bias(tmp_path):
    rng = np.random.default_rng(1)
    for index, seconds in enumerate([0.0] * 10 + [60.0] * 10):
        kind, level = ("dark" if seconds else "bias"), 1000 + 0.5 * index + 0.05 * seconds / 2
        frame = np.rint(rng.normal(level, 5, (60, 80))).astype("uint16")
        write_raw(tmp_path / "raw" / f"{kind}-{index:02}.fits", frame, kind, seconds, GAIN=2.0)
    night = Night(tmp_path / "raw")
    calibrate_darks(night, Recipe(subtract_bias=True), tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    report = measure_darks(tmp_path / "out", night)
    assert abs(report.dark_current.value - 0.05) <= report.dark_current.uncertainty < 0.05
    assert any("seems to drift by 0.5 adu" in note for note in report.notes)
    alone = measure_darks(tmp_path / "out")
    assert abs(alone.dark_current.value - 0.05) <= alone.dark_current.uncertainty


def test_both_dark_currents_say_what_they_are_the_mean_of(example):
    report = example[0]
    text = str(report)
    assert "of most pixels, hot ones and glow left out" in text
    assert "of all pixels, hot ones and glow included" in text
    assert report.mean_dark_current.value > report.dark_current.value


def test_a_folder_without_combined_darks_is_refused(tmp_path):
    with pytest.raises(NightError, match="combine_darks"):
        measure_darks(tmp_path)


@pytest.mark.parametrize("gain", [0, -1.0])
def test_a_gain_must_be_above_zero(example, gain):
    with pytest.raises(ParameterError, match="gain"):
        measure_darks(example[3], gain=gain)


def noisy(seed=0, shape=(120, 160)):
    return np.random.default_rng(seed).normal(5, 2, shape)


def test_hot_pixels_in_corners_and_side_by_side_are_found():
    image = noisy(1)
    places = [(0, 0), (119, 159), (50, 50), (50, 51)]
    for y, x in places:
        image[y, x] += 60
    table = hot_pixels(image, 10.0, gain=2.0)
    assert sorted(zip(table["y"].tolist(), table["x"].tolist(), strict=True)) == sorted(places)
    assert table["rate"] == pytest.approx(60 * 2 / 10, rel=0.2)


@pytest.mark.parametrize("rate", [1.0, 100.0])
def test_the_rates_of_hot_pixels_hold_what_they_promise(rate):
    rng = np.random.default_rng(4)
    gain, seconds, frames = 2.0, 60.0, 5
    electrons = np.zeros((300, 400))
    electrons[5::10, 5::10] = rate * seconds
    darks = (rng.poisson(electrons, (frames, 300, 400)) + rng.normal(0, 6, (frames, 300, 400))) / gain
    table = hot_pixels(darks.mean(axis=0), seconds, gain=gain, frames=frames)
    assert len(table) == 1200
    reach = 2.5758 * table["uncertainty"] * gain / seconds
    assert np.mean(np.abs(table["rate"] - rate) <= reach) >= 0.97
    assert np.std(table["rate"]) == pytest.approx(np.mean(table["uncertainty"]) * gain / seconds, rel=0.1)


def test_without_a_gain_hot_pixels_tell_their_own_shot_noise(tmp_path):
    rng = np.random.default_rng(5)
    electrons = np.zeros((60, 80))
    electrons[5::10, 5::10] = 3000
    for index in range(6):
        frame = 1000 + (rng.poisson(electrons) + rng.normal(0, 6, electrons.shape)) / 2
        write_raw(tmp_path / "raw" / f"dark-{index}.fits", np.rint(frame).astype("uint16"), exposure=60.0)
    calibrate_darks(Night(tmp_path / "raw"), Recipe(), tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    hot = measure_darks(tmp_path / "out").hot
    assert np.mean(hot["uncertainty"]) == pytest.approx(np.sqrt((3000 + 36) / 6) / 2, rel=0.25)


def test_noise_alone_has_no_hot_pixels():
    assert len(hot_pixels(noisy(2, (500, 500)), 1.0)) == 0


def test_a_pixel_that_one_dark_denies_is_not_hot():
    image = noisy(3)
    image[7, 9] += 40
    table = hot_pixels(image, 1.0)
    assert confirmed(table, np.array([[45.0], [45.0], [46.0]])).tolist() == [True]
    assert confirmed(table, np.array([[45.0], [5.0], [-30.0]])).tolist() == [False]


# --- Scaling ----------------------------------------------------------------------------------------------


def dark(value=90.0, exposure=90.0, **cards):
    header = fits.Header(
        {"IMAGETYP": "dark", "EXPTIME": exposure, "GAIN": 2.0, "RDNOISE": 8.0, "NCOMBINE": 4}
    )
    header["BIASFILE"] = "combined_bias.fits"
    header.update(cards)
    return CCDData(np.full((3, 4), value), unit=u.adu, header=header)


def test_scaling_gives_the_data_and_the_noise_of_the_formula():
    bias = CCDData(np.zeros((3, 4)), unit=u.adu, header=fits.Header({"NCOMBINE": 16}))
    scaled = scale_dark(dark(), 9.0, combined_bias=bias)
    # R = 4 ADU: 16 / 4 + 16 / 16 + 90 / (2 * 4) = 16.25 ADU^2, and a tenth of its root.
    assert scaled.data == pytest.approx(9.0)
    assert scaled.uncertainty.array == pytest.approx(0.1 * np.sqrt(16.25))
    assert scaled.header["EXPTIME"] == 9.0
    assert "scaled down" in str(scaled.header["HISTORY"])


def test_the_noise_is_that_of_many_simulated_darks():
    rng = np.random.default_rng(5)
    shape, rate, gain, noise = (300, 300), 40.0, 2.0, 8.0
    biases = [rng.normal(0, noise / gain, shape) for _ in range(5)]
    darks = [(rng.poisson(rate, shape) + rng.normal(0, noise, shape)) / gain for _ in range(4)]
    data = np.mean(darks, axis=0) - np.mean(biases, axis=0)
    combined = CCDData(data, unit=u.adu, header=dark().header)
    bias = CCDData(np.zeros(shape), unit=u.adu, header=fits.Header({"NCOMBINE": 5}))
    scaled = scale_dark(combined, 30.0, combined_bias=bias)
    assert np.std(scaled.data) == pytest.approx(np.sqrt(np.mean(scaled.uncertainty.array**2)), rel=0.02)


def test_an_unknown_bias_is_recorded_and_its_noise_left_out():
    scaled = scale_dark(dark(), 90.0)
    assert scaled.uncertainty.array == pytest.approx(np.sqrt(16 / 4 + 90 / 8))
    assert "without the noise of the combined bias" in str(scaled.header["HISTORY"])


def test_a_dark_is_not_changed_by_scaling():
    given_dark = dark()
    scale_dark(given_dark, 9.0)
    assert given_dark.data == pytest.approx(90.0)
    assert given_dark.header["EXPTIME"] == 90.0


def test_darks_say_how_many_frames_are_in_their_bias(example):
    _, truth, night, results = example
    for path in results.glob("*dark*"):
        count = fits.getheader(path).get("DCNBIAS")
        assert count == (len(night.biases) if truth["recipe"]["subtract_bias"] else None)


def test_a_dark_may_say_how_many_frames_are_in_its_bias():
    scaled = scale_dark(dark(DCNBIAS=16), 90.0)
    assert scaled.uncertainty.array == pytest.approx(np.sqrt(16 / 4 + 16 / 16 + 90 / 8))
    assert "without the noise" not in str(scaled.header["HISTORY"])


def test_scaling_up_warns_and_is_recorded():
    with pytest.warns(UserWarning, match="noise grows 2-fold"):
        scaled = scale_dark(dark(), 180.0)
    assert "scaled up" in str(scaled.header["HISTORY"])


def test_a_dark_with_its_bias_is_refused():
    with_bias = dark()
    del with_bias.header["BIASFILE"]
    with pytest.raises(FrameError, match="bias was not subtracted"):
        scale_dark(with_bias, 1.2)


def test_a_dark_of_the_example_that_keeps_its_bias_is_refused(example):
    _, truth, _, results = example
    combined = Frame(sorted(results.glob("combined_dark*"))[-1]).ccd()
    if truth["camera"] == "cryogenic":
        with pytest.raises(FrameError, match="bias was not subtracted"):
            scale_dark(combined, 1.2)
    else:
        scaled = scale_dark(combined, 1.2)
        assert np.median(scaled.data) == pytest.approx(np.median(combined.data) * 1.2 / 90)


@pytest.mark.parametrize("exposure", [0, -1.0, np.nan])
def test_an_exposure_must_be_above_zero(exposure):
    with pytest.raises(ParameterError, match="exposure"):
        scale_dark(dark(), exposure)


@pytest.mark.parametrize(("card", "name"), [("GAIN", "gain"), ("RDNOISE", "read_noise")])
def test_a_missing_gain_or_read_noise_is_named_and_can_be_given(card, name):
    silent = dark()
    del silent.header[card]
    with pytest.raises(ParameterError, match=name):
        scale_dark(silent, 9.0)
    assert scale_dark(silent, 9.0, **{name: 3.0}).shape == (3, 4)


def test_a_dark_without_exposure_time_is_refused():
    silent = dark()
    del silent.header["EXPTIME"]
    with pytest.raises(FrameError, match="exposure time"):
        scale_dark(silent, 9.0)


def test_darks_of_several_temperatures_are_reported_at_one(tmp_path):
    rng = np.random.default_rng(3)
    for exposure in (60.0, 300.0):
        for temperature, rate in ((-10.0, 0.1), (-5.0, 0.2)):
            for index in range(3):
                level = 1000 + rate * exposure
                data = rng.normal(level, 5, (64, 64)).astype("uint16")
                name = f"d{temperature:.0f}-{exposure:.0f}-{index}.fits"
                write_raw(tmp_path / "raw" / name, data, exposure=exposure, CCD_TEMP=temperature, GAIN=100.0)
    calibrate_darks(Night(tmp_path / "raw"), Recipe(), tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    report = measure_darks(tmp_path / "out")
    assert report.dark_current.value == pytest.approx(0.2, abs=0.01)
    assert report.dark_current.unit == "adu/s"
    assert list(report.levels["darks"]) == [3, 3]
    notes = " ".join(report.notes)
    assert "This report is on those at -5 °C, without combined_dark_60.000_-10C.fits" in notes
    assert "'100', is on the camera's own scale and not in e-/ADU" in notes


def draw_all(report):
    for figure in (dark_current(report), linearity(report)):
        figure.savefig(io.BytesIO(), format="png", dpi=40)


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(overscan_columns="50:", keep_columns=":50")])
def test_darks_of_0_s_are_reported_without_a_dark_current(tmp_path, recipe):
    for index in range(4):
        image = np.random.default_rng(index).normal(1000, 5, (40, 60)).astype("uint16")
        image[20, 30] = 9000
        write_raw(tmp_path / "raw" / f"{index}.fits", image, "bias", exposure=0.0)
    night = Night(tmp_path / "raw", image_types={"file=*": "dark"})
    calibrate_darks(night, recipe, tmp_path / "out")
    combine_darks(tmp_path / "out")
    report = measure_darks(tmp_path / "out", night)
    assert any("exposure of 0 s (combined_dark_0.000.fits), as bias frames have" in n for n in report.notes)
    assert report.dark_current is report.mean_dark_current is None
    assert report.levels["darks"].tolist() == [4]
    assert (30, 20) in zip(report.hot["x"], report.hot["y"], strict=True)
    assert np.isnan(report.hot["rate"]).all()
    draw_all(report)


def test_darks_without_an_exposure_are_reported_too(tmp_path):
    dark = tmp_path / "combined_dark_x.fits"
    write_raw(dark, random_frame(1), exposure=None, COMBINED=True, DCRECIPE="x")
    report = measure_darks(tmp_path)
    assert report.dark_current is None
    assert any("gives no exposure time (combined_dark_x.fits)" in note for note in report.notes)
    draw_all(report)


def test_a_dark_current_below_zero_is_called_impossible(tmp_path):
    for n in range(4):
        write_raw(tmp_path / "raw" / f"dark-{n}.fits", random_frame(n, level=100))
        write_raw(tmp_path / "raw" / f"bias-{n}.fits", random_frame(9 + n, level=1000), "bias", 0.0)
    calibrate_darks(Night(tmp_path / "raw"), Recipe(subtract_bias=True), tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    report = measure_darks(tmp_path / "out")
    assert report.dark_current.value == pytest.approx(-90, abs=1)
    assert any(note.startswith("A dark current below 0 (-90") for note in report.notes)


def test_amplifiers_of_different_gains_are_reported_in_adu(tmp_path):
    for n in range(4):
        cards = {"GAIN": 1.0, "GAIN1": 1.0, "GAIN2": 2.5}
        write_raw(tmp_path / "raw" / f"dark-{n}.fits", random_frame(n, level=1060), **cards)
        write_raw(tmp_path / "raw" / f"bias-{n}.fits", random_frame(9 + n), "bias", 0.0, **cards)
    night = Night(tmp_path / "raw")
    calibrate_darks(night, Recipe(subtract_bias=True), tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    report = measure_darks(tmp_path / "out", night)
    assert (report.gain, report.dark_current.unit, report.read_noise.unit) == (None, "adu/s", "adu")
    assert any("different gains (GAIN1 = 1, GAIN2 = 2.5 e-/ADU)" in note for note in report.notes)
    assert measure_darks(tmp_path / "out", night, gain=1.5).dark_current.unit == "e-/s"
