"""Simulated nights hold what their truth file says."""

import shutil
import subprocess
from collections import Counter
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkcal_widgets.errors import NightError, OutputError, ParameterError
from darkcal_widgets.simulate import read_truth, realistic, simulate_examples, simulate_night
from darkcal_widgets.simulate.cameras import CRYOGENIC, THERMO_ELECTRIC, Exposure
from darkcal_widgets.simulate.layers import (
    ADC,
    BiasLevel,
    CosmicRays,
    DarkCurrent,
    HotPixels,
    Leak,
    Light,
    Overscan,
    ReadNoise,
    RowNoise,
    Slope,
)

ROWS = 48


@pytest.fixture(scope="module")
def cryogenic(tmp_path_factory):
    return simulate_night(tmp_path_factory.mktemp("cryogenic"), "cryogenic", seed=3, rows=ROWS)


@pytest.fixture(scope="module")
def thermo_electric(tmp_path_factory):
    return simulate_night(tmp_path_factory.mktemp("thermo"), "thermo-electric", seed=3, rows=ROWS)


def small_camera(**changes):
    """A camera of 60 x 80 pixels whose frames take no time to make."""
    plan = (
        Exposure("bias", 0.0, 3),
        Exposure("dark", 60.0, 3),
        Exposure("flat", 60.0, 2, light=0.3, filter="V"),
    )
    defaults = {"rows": 60, "columns": 80, "overscan": Overscan("right", 16), "plan": plan}
    return replace(CRYOGENIC, **{**defaults, **changes})


def frames_of(night, kind):
    truth = read_truth(night)
    names = [name for name, frame in truth["frames"].items() if frame["kind"] == kind]
    return {name: fits.getdata(night / name).astype(float) for name in names}


def all_bytes(night):
    return {p.relative_to(night).as_posix(): p.read_bytes() for p in night.rglob("*") if p.is_file()}


# --- Bytes ------------------------------------------------------------------------------------------------


def test_same_seed_gives_the_same_bytes(tmp_path):
    camera = small_camera()
    one = simulate_night(tmp_path / "one", camera, seed=5)
    other = simulate_night(tmp_path / "other", camera, seed=5)
    assert all_bytes(one) == all_bytes(other)


def test_another_seed_gives_other_frames(tmp_path):
    camera = small_camera()
    one = all_bytes(simulate_night(tmp_path / "one", camera, seed=5))
    other = all_bytes(simulate_night(tmp_path / "other", camera, seed=6))
    assert one.keys() == other.keys()
    assert all(one[name] != other[name] for name in one)


def test_frames_do_not_depend_on_how_many_others_there_are(tmp_path):
    camera = small_camera()
    shorter = replace(camera, plan=camera.plan[:1])
    whole = all_bytes(simulate_night(tmp_path / "whole", camera, seed=5))
    part = all_bytes(simulate_night(tmp_path / "part", shorter, seed=5))
    assert part["frame-003.fits"] == whole["frame-003.fits"]


def test_two_frames_of_a_night_have_different_noise(tmp_path):
    first, second, _ = frames_of(simulate_night(tmp_path, small_camera(), seed=5), "bias").values()
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


def test_second_call_rewrites_nothing(tmp_path):
    night = simulate_night(tmp_path / "night", small_camera(), seed=5)
    before = {path: path.stat().st_mtime_ns for path in night.rglob("*")}
    assert simulate_night(night, small_camera(), seed=5) == night
    assert {path: path.stat().st_mtime_ns for path in night.rglob("*")} == before


def test_a_missing_frame_is_made_again(tmp_path):
    night = simulate_night(tmp_path / "night", small_camera(), seed=5)
    before = all_bytes(night)
    (night / "frame-002.fits").unlink()
    simulate_night(night, small_camera(), seed=5)
    assert all_bytes(night) == before


def test_an_interrupted_simulation_is_finished(tmp_path):
    whole = all_bytes(simulate_night(tmp_path / "whole", small_camera(), seed=5))
    night = simulate_night(tmp_path / "night", small_camera(), seed=5)
    (night / "truth.json").unlink()
    (night / "frame-007.fits").unlink()
    simulate_night(night, small_camera(), seed=5)
    assert all_bytes(night) == whole


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"seed": 6}, r"seed 5, \d+ rows\) than was asked for \(.*seed 6"),
        ({"camera": small_camera(gain=3.0)}, r"rows with other settings\) than"),
    ],
)
def test_another_night_is_refused_and_the_one_there_kept(tmp_path, other, says):
    night = simulate_night(tmp_path / "night", small_camera(), seed=5)
    before = all_bytes(night)
    with pytest.raises(OutputError, match=says):
        simulate_night(night, **({"camera": small_camera(), "seed": 5} | other))
    assert all_bytes(night) == before


def test_with_overwrite_another_seed_replaces_the_night(tmp_path):
    fresh = all_bytes(simulate_night(tmp_path / "fresh", small_camera(), seed=6))
    longer = small_camera(plan=(*small_camera().plan, Exposure("science", 60.0, 2, light=0.1)))
    night = simulate_night(tmp_path / "night", longer, seed=5)
    simulate_night(night, small_camera(), seed=6, overwrite=True)
    assert all_bytes(night) == fresh


# --- Refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["real.fit", "darks/real.FITS.gz", "frame-001.fits"])
def test_folder_with_other_frames_is_refused_and_left_alone(tmp_path, name):
    foreign = tmp_path / name
    foreign.parent.mkdir(exist_ok=True)
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(tmp_path / "made.fits")
    shutil.move(tmp_path / "made.fits", foreign)
    before = all_bytes(tmp_path)
    with pytest.raises(OutputError, match=f"{name}; choose another folder"):
        simulate_night(tmp_path, small_camera())
    assert all_bytes(tmp_path) == before


def test_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "night").write_text("a file")
    with pytest.raises(OutputError, match="no folder for the night"):
        simulate_night(tmp_path / "night", small_camera())


def test_truth_that_names_files_elsewhere_deletes_none(tmp_path):
    night = simulate_night(tmp_path / "night", small_camera(), seed=5)
    precious = shutil.copy(night / "frame-001.fits", tmp_path / "precious.fits")
    text = (night / "truth.json").read_text().replace('"frames": {', '"frames": {"../precious.fits": {},')
    (night / "truth.json").write_text(text)
    simulate_night(night, small_camera(), seed=6, overwrite=True)
    assert precious.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"camera": "warm"}, "camera is 'warm'.*cryogenic, thermo-electric"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "one"}, "seed is 'one'"),
        ({"rows": 0}, "rows is 0"),
        ({"rows": 2.5}, "rows is 2.5"),
        ({"camera": small_camera(columns=16)}, "leaves no image area"),
        ({"camera": small_camera(plan=(Exposure("bias", 0.0, 2, name="same.fits"),))}, "same file name"),
    ],
)
def test_unusable_parameter_is_named(tmp_path, arguments, message):
    with pytest.raises(ParameterError, match=message):
        simulate_night(tmp_path / "night", **arguments)
    assert not (tmp_path / "night").exists()


@pytest.mark.parametrize(("side", "width"), [("middle", 10), ("right", 0), ("none", 4)])
def test_impossible_overscan_is_refused(side, width):
    with pytest.raises(ParameterError, match="overscan"):
        Overscan(side, width)


def test_truth_of_no_night_says_so(tmp_path):
    with pytest.raises(NightError, match=r"no truth\.json"):
        read_truth(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99}'])
def test_unreadable_truth_is_named(tmp_path, text):
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(NightError, match=r"truth\.json"):
        read_truth(tmp_path)


def test_cameras_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        CRYOGENIC.gain = 1.0


# --- The two examples -------------------------------------------------------------------------------------


def plan_of(night):
    frames = read_truth(night)["frames"].values()
    return Counter((frame["kind"], frame["exposure"]) for frame in frames)


def test_cryogenic_night_has_the_frames_of_example_1(cryogenic):
    assert plan_of(cryogenic) == {
        ("bias", 0.0): 6,
        ("dark", 7.0): 3,
        ("dark", 70.0): 3,
        ("dark", 300.0): 3,
        ("flat", 70.011): 3,
        ("flat", 7.0): 3,
        ("science", 300.062): 2,
    }
    assert len(list(cryogenic.glob("*.fits"))) == 14
    assert len(list((cryogenic / "darks").glob("*.fits"))) == 9


def test_thermo_electric_night_has_the_frames_of_example_2(thermo_electric):
    plan = plan_of(thermo_electric)
    flats = {seconds: count for (kind, seconds), count in plan.items() if kind == "flat"}
    assert plan["bias", 0.0] == 10
    assert plan["dark", 90.0] == 10
    assert plan["science", 90.0] == 2
    assert sum(flats.values()) == 6
    assert (min(flats), max(flats)) == (1.0, 1.21)


def test_frames_have_all_columns_of_the_camera(cryogenic, thermo_electric):
    for night, columns in ((cryogenic, 2080), (thermo_electric, 4109)):
        for name in read_truth(night)["frames"]:
            header = fits.getheader(night / name)
            assert (header["NAXIS2"], header["NAXIS1"], header["BITPIX"]) == (ROWS, columns, 16)
            assert header["BZERO"] == 32768


def test_all_rows_are_those_of_the_camera():
    assert CRYOGENIC.scene(None).shape == (4128, 2080)
    assert THERMO_ELECTRIC.scene(None).shape == (4096, 4109)


def test_truth_gives_the_recipes_of_the_design(cryogenic, thermo_electric):
    expected = "Recipe(overscan_columns='2055:', keep_columns=':2048', subtract_bias=False)"
    assert read_truth(cryogenic)["recipe"]["text"] == expected
    expected = "Recipe(overscan_columns=None, keep_columns=':4096', subtract_bias=True)"
    assert read_truth(thermo_electric)["recipe"]["text"] == expected


def test_header_of_the_cryogenic_camera(cryogenic):
    header = fits.getheader(cryogenic / "ccd.016.0.fits")
    expected = {
        "IMAGETYP": "FLATFIELD",
        "EXPTIME": 70.011,
        "FILTER": "g'",
        "BIASSEC": f"[2049:2080,1:{ROWS - 1}]",
        "INSTRUME": "LFC",
        "GAIN": 2.0,
        "RDNOISE": 11.0,
        "CCD-TEMP": -115.0,
        "XBINNING": 1,
        "YBINNING": 1,
    }
    assert {keyword: header[keyword] for keyword in expected} == expected
    assert not {"BUNIT", "EXPOSURE", "TRIMSEC"} & set(header)


def test_header_of_the_thermo_electric_camera(thermo_electric):
    header = fits.getheader(thermo_electric / "AutoFlat-r-Bin1-006.fits")
    expected = {
        "IMAGETYP": "FLAT",
        "EXPTIME": 1.21,
        "EXPOSURE": 1.21,
        "BUNIT": "adu",
        "BIASSEC": f"[4097:4109,1:{ROWS}]",
        "TRIMSEC": f"[1:4096,1:{ROWS}]",
    }
    assert {keyword: header[keyword] for keyword in expected} == expected


def test_dates_advance_through_the_night(cryogenic):
    dates = [fits.getval(cryogenic / name, "DATE-OBS") for name in read_truth(cryogenic)["frames"]]
    assert dates == sorted(set(dates))
    assert dates[0] == "2016-09-06T02:00:00.000"


def test_examples_lie_under_their_names_and_are_small(tmp_path):
    nights = simulate_examples(tmp_path, seed=2)
    assert [night.name for night in nights] == ["example-cryo-LFC", "example-thermo-electric"]
    assert [read_truth(night)["shape"][0] for night in nights] == [512, 512]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.fits")) < 250e6


@pytest.mark.skipif(shutil.which("fitsverify") is None, reason="fitsverify is not installed")
def test_fitsverify_finds_nothing(cryogenic, thermo_electric):
    for night in (cryogenic, thermo_electric):
        for path in sorted(night.rglob("*.fits")):
            run = subprocess.run(["fitsverify", str(path)], capture_output=True, text=True, check=False)
            assert "0 warning(s) and 0 error(s)" in run.stdout, run.stdout


# --- Levels -----------------------------------------------------------------------------------------------


def within_noise(values, expected, deviation, sigmas=5.0):
    """Whether the mean agrees with `expected`, given the `deviation` of one value (and rounding, 1/12 ADU^2)."""
    return abs(values.mean() - expected) < sigmas * np.sqrt((deviation**2 + 1 / 12) / values.size)


def test_usable_overscan_lies_at_the_bias_level_of_each_frame(cryogenic):
    truth = read_truth(cryogenic)
    noise = truth["read_noise"] / truth["gain"]
    for name, level in truth["bias_levels"].items():
        overscan = fits.getdata(cryogenic / name)[:, 2055:].astype(float)
        assert within_noise(overscan, level, noise)


def test_image_area_of_a_bias_lies_at_its_level(cryogenic, thermo_electric):
    for night, edge in ((cryogenic, 2048), (thermo_electric, 4096)):
        truth = read_truth(night)
        for name, pixels in frames_of(night, "bias").items():
            noise = truth["read_noise"] / truth["gain"]
            assert within_noise(pixels[:, :edge], truth["bias_levels"][name], noise)


def test_bias_level_drifts_within_its_bounds(cryogenic):
    levels = list(read_truth(cryogenic)["bias_levels"].values())
    assert 5 < np.ptp(levels) <= CRYOGENIC.bias.drift
    assert abs(np.mean(levels) - CRYOGENIC.bias.level) < CRYOGENIC.bias.drift / 2


def test_contaminated_columns_make_a_dark_a_few_adu_too_low(cryogenic):
    for pixels in frames_of(cryogenic, "dark").values():
        claimed, usable = np.median(pixels[:, 2048:], axis=1), np.median(pixels[:, 2055:], axis=1)
        assert 1 < (claimed - usable).mean() < 4


def test_thermo_electric_overscan_differs_by_fifty_adu(thermo_electric):
    def level(kind):
        return np.mean([pixels[:, 4096:].mean() for pixels in frames_of(thermo_electric, kind).values()])

    image = np.mean([pixels[:, :4096].mean() for pixels in frames_of(thermo_electric, "bias").values()])
    assert abs(level("dark") - level("bias")) < 6
    assert 35 < level("science") - level("bias") < 65
    assert 35 < level("flat") - level("bias") < 65
    assert level("bias") > image + 5


def test_thermo_electric_overscan_does_not_follow_the_bias(thermo_electric):
    truth = read_truth(thermo_electric)
    difference = np.subtract(list(truth["overscan_levels"].values()), list(truth["bias_levels"].values()))
    assert np.ptp(difference[:20]) > 2


def test_dark_current_grows_with_exposure(tmp_path):
    plan = tuple(Exposure("dark", seconds, 3) for seconds in (100.0, 400.0))
    quiet = replace(HotPixels(), fraction=0.0, saturated=0)
    camera = small_camera(plan=plan, hot_pixels=quiet, glow=replace(CRYOGENIC.glow, rate=0.0))
    camera = replace(camera, dark_current=replace(camera.dark_current, rate=0.5))
    night = simulate_night(tmp_path, camera, rows=60)
    truth = read_truth(night)
    for name, pixels in frames_of(night, "dark").items():
        electrons = 0.5 * truth["frames"][name]["exposure"]
        signal = pixels[:, :64] - truth["bias_levels"][name]
        deviation = np.sqrt(electrons + truth["read_noise"] ** 2 + (0.4 * 2) ** 2) / truth["gain"]
        assert within_noise(signal, electrons / truth["gain"], deviation)


def test_read_noise_is_that_of_the_camera(tmp_path):
    camera = small_camera(bias=BiasLevel(1000.0, drift=0.0), read_noise=ReadNoise(8.0), gain=0.5)
    first, second, _ = frames_of(simulate_night(tmp_path, camera), "bias").values()
    noise = (first - second).std() / np.sqrt(2) * camera.gain
    assert noise == pytest.approx(8.0, rel=5 / np.sqrt(2 * first.size))


def test_noise_of_a_flat_grows_as_the_root_of_its_electrons(tmp_path):
    smooth = Light(vignetting=0.0, response_deviation=0.0)
    camera = small_camera(light=smooth, hot_pixels=HotPixels(0.0, saturated=0), bias=BiasLevel(drift=0.0))
    first, second = frames_of(simulate_night(tmp_path, camera), "flat").values()
    image = np.s_[:, :64]
    variance = np.var((first - second)[image]) / 2 * camera.gain**2
    electrons = 0.3 * 65535 * camera.gain
    assert variance == pytest.approx(electrons + 11.0**2, rel=5 * np.sqrt(2 / first[image].size))


def test_glow_is_brightest_in_the_lower_left_corner(cryogenic):
    dark = fits.getdata(cryogenic / "darks/ccd.013.0.fits").astype(float)
    level = read_truth(cryogenic)["bias_levels"]["darks/ccd.013.0.fits"]
    assert np.median(dark[:20, :20]) - level == pytest.approx(30.0 * 300 / 2.0, rel=0.05)
    assert abs(np.median(dark[:, 600:2000]) - level) < 2


# --- Hot pixels and the ADC -------------------------------------------------------------------------------


def test_hot_pixels_are_where_the_truth_says(tmp_path):
    camera = small_camera(
        overscan=Overscan("left", 16),
        hot_pixels=HotPixels(fraction=5e-3, slowest=20.0, fastest=300.0, saturated=3),
        glow=replace(CRYOGENIC.glow, rate=0.0),
    )
    night = simulate_night(tmp_path, camera)
    hot = read_truth(night)["hot_pixels"]
    for name, pixels in frames_of(night, "dark").items():
        excess = pixels - read_truth(night)["bias_levels"][name]
        found = {(int(x), int(y)) for y, x in np.argwhere(excess > 300) if x >= 16}
        assert found == {(pixel["x"], pixel["y"]) for pixel in hot}
        assert len(hot) == 3 + round(5e-3 * 60 * 64)
        for pixel in hot:
            if not pixel["saturated"]:
                electrons = pixel["rate"] * 60.0
                sigma = np.sqrt(electrons + 11.0**2) / camera.gain
                assert abs(excess[pixel["y"], pixel["x"]] - electrons / camera.gain) < 6 * sigma


def test_saturated_pixels_are_clipped_but_in_the_bias(cryogenic):
    saturated = [pixel for pixel in read_truth(cryogenic)["hot_pixels"] if pixel["saturated"]]
    assert len(saturated) == CRYOGENIC.hot_pixels.saturated
    for kind in ("dark", "flat", "science"):
        for pixels in frames_of(cryogenic, kind).values():
            assert all(pixels[pixel["y"], pixel["x"]] == 65535 for pixel in saturated)
    assert all(pixels.max() < 2000 for pixels in frames_of(cryogenic, "bias").values())


def test_adc_rounds_and_clips():
    adu = np.array([[-3.0, 0.4, 0.6, 65534.6, 7e4]], dtype=np.float32)
    frame = ADC().render(None, None, adu)
    assert frame.dtype == np.uint16
    assert frame.tolist() == [[0, 0, 1, 65535, 65535]]


# --- The leak, on every side ------------------------------------------------------------------------------


def contaminated_by_frames(night):
    """Positions along the overscan's axis that hold charge, from noise-free frames: flat minus bias."""
    truth = read_truth(night)
    flat, bias = (next(iter(frames_of(night, kind).items())) for kind in ("flat", "bias"))
    excess = flat[1] - bias[1] - truth["bias_levels"][flat[0]] + truth["bias_levels"][bias[0]]
    profile = excess.mean(axis=1 if truth["overscan"]["axis"] == "rows" else 0)
    start, stop = truth["overscan"]["overscan"]
    return [place for place in range(start, stop) if profile[place] > 1]


@pytest.mark.parametrize(
    ("side", "contaminated", "clean_slice", "keep_slice"),
    [
        ("right", [64, 65, 66], "67:", ":64"),
        ("left", [13, 14, 15], ":13", "16:"),
        ("top", [44, 45, 46], "47:", ":44"),
        ("bottom", [13, 14, 15], ":13", "16:"),
    ],
)
def test_leak_reaches_exactly_its_columns(tmp_path, side, contaminated, clean_slice, keep_slice):
    camera = small_camera(
        overscan=Overscan(side, 16),
        leak=Leak(columns=3),
        read_noise=ReadNoise(0.5),
        bias=BiasLevel(drift=0.0),
    )
    night = simulate_night(tmp_path, camera)
    overscan = read_truth(night)["overscan"]
    assert contaminated_by_frames(night) == contaminated == list(range(*overscan["contaminated"]))
    assert (overscan["clean_slice"], overscan["keep_slice"]) == (clean_slice, keep_slice)
    assert overscan["contaminated_count"] == 3
    assert overscan["clean_count"] == 13
    assert overscan["usable"]


def test_columns_beyond_the_leak_hold_no_charge_at_all(tmp_path):
    camera = small_camera(leak=Leak(columns=5, deferred=80.0), read_noise=ReadNoise(0.0))
    camera = replace(camera, column_pattern=replace(camera.column_pattern, deviation=0.0))
    night = simulate_night(tmp_path, camera)
    truth = read_truth(night)
    for kind in ("dark", "flat"):
        for name, pixels in frames_of(night, kind).items():
            assert np.all(pixels[:, 69:] == np.rint(truth["bias_levels"][name]))
            assert np.all(pixels[:, 64:69].mean(axis=0) > truth["bias_levels"][name] + 2)


def test_leak_wider_than_the_overscan_leaves_nothing_usable(tmp_path):
    camera = small_camera(overscan=Overscan("right", 4), leak=Leak(columns=12))
    overscan = read_truth(simulate_night(tmp_path, camera))["overscan"]
    assert overscan["contaminated_count"] == 4
    assert overscan["clean_slice"] is None
    assert not overscan["usable"]


def test_no_overscan_means_no_sections_and_nothing_to_trim(tmp_path):
    night = simulate_night(tmp_path, small_camera(overscan=Overscan("none", 0)))
    header = fits.getheader(night / "frame-001.fits")
    recipe = read_truth(night)["recipe"]
    assert not {"BIASSEC", "TRIMSEC"} & set(header)
    assert (recipe["overscan_columns"], recipe["keep_columns"]) == (None, None)


@pytest.mark.parametrize(
    ("claim", "found"),
    [("right", "[65:80,1:60]"), ("[1:9,2:{rows}]", "[1:9,2:60]"), (None, None)],
)
def test_header_claims_what_it_is_told_to(tmp_path, claim, found):
    camera = small_camera(overscan=Overscan("right", 16, biassec=claim))
    night = simulate_night(tmp_path, camera)
    assert fits.getheader(night / "frame-001.fits").get("BIASSEC") == found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    level=st.floats(300, 3000),
    drift=st.floats(0, 30),
    noise=st.floats(2, 12),
    gain=st.floats(0.5, 4),
    leak=st.integers(0, 12),
    side=st.sampled_from(["left", "right", "top", "bottom", "none"]),
    width=st.integers(4, 100),
    counts=st.tuples(*[st.integers(3, 6)] * 3),
    claim=st.sampled_from(["right", None, "[1:10,1:10]"]),
)
def test_any_drawn_camera_gives_the_night_its_truth_tells(
    tmp_path_factory, level, drift, noise, gain, leak, side, width, counts, claim
):
    camera = replace(
        CRYOGENIC,
        rows=140,
        columns=160,
        gain=gain,
        overscan=Overscan(side, 0 if side == "none" else width, biassec=claim),
        plan=tuple(replace(e, count=n) for e, n in zip(small_camera().plan, counts, strict=True)),
        bias=BiasLevel(level, drift),
        read_noise=ReadNoise(noise),
        leak=Leak(columns=leak),
        hot_pixels=HotPixels(fraction=0.0, saturated=2),
    )
    night = simulate_night(tmp_path_factory.mktemp("drawn"), camera, seed=11)
    truth = read_truth(night)
    assert Counter(frame["kind"] for frame in truth["frames"].values()) == dict(
        zip(("bias", "dark", "flat"), counts, strict=True)
    )
    clean = slice(*truth["overscan"]["clean"])
    index = (clean, slice(None)) if truth["overscan"]["axis"] == "rows" else (slice(None), clean)
    for name, bias_level in truth["bias_levels"].items():
        overscan = fits.getdata(night / name)[index].astype(float)
        if overscan.size:
            assert within_noise(overscan, bias_level, noise / gain, sigmas=6)


def test_a_night_is_not_written_into_a_folder_that_is_a_link(tmp_path):
    camera = small_camera(plan=(Exposure("dark", 60.0, 1, subfolder="darks"),))
    simulate_night(tmp_path / "raw", camera)
    before = all_bytes(tmp_path / "raw")
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "darks").symlink_to(tmp_path / "raw" / "darks")
    with pytest.raises(OutputError, match="darks is a link"):
        simulate_night(tmp_path / "night", camera, seed=77)
    assert all_bytes(tmp_path / "raw") == before


# --- Layers that real nights have -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_looking(tmp_path_factory):
    camera = replace(realistic(THERMO_ELECTRIC), rows=200, columns=300)
    return simulate_night(tmp_path_factory.mktemp("real") / "night", camera, rows=None)


def excess_of_rows(camera, folder):
    """Return the scatter of the means of rows of a bias, over that of independent pixels; a slope is left out."""
    camera = replace(camera, plan=(Exposure("bias", 0.0, 1),))
    (pixels,) = frames_of(simulate_night(folder, camera, rows=128), "bias").values()
    pixels = pixels[:, :4096] - pixels[:, :4096].mean(axis=0)
    rows = pixels.mean(axis=1)
    rows -= np.polyval(np.polyfit(np.arange(128), rows, 1), np.arange(128))
    return rows.std() / (pixels.std() / 64)


def test_rows_of_real_looking_frames_scatter_more_widely(tmp_path):
    assert 0.8 < excess_of_rows(THERMO_ELECTRIC, tmp_path / "plain") < 1.2
    assert 1.5 < excess_of_rows(realistic(THERMO_ELECTRIC), tmp_path / "real") < 6.8


def test_hot_pixels_that_look_real_fall_steeply_and_touch(real_looking):
    hot = read_truth(real_looking)["hot_pixels"]
    rates = np.array([pixel["rate"] for pixel in hot if not pixel["saturated"]])
    assert 1e-3 < len(hot) / (200 * 287) < 1.6e-2
    assert (rates < 2 * rates.min()).mean() > 0.4
    places = {(pixel["x"], pixel["y"]) for pixel in hot}
    steps = [(dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]
    touching = [any((x + dx, y + dy) in places for dx, dy in steps) for x, y in places]
    assert np.mean(touching) > 0.25
    assert len(places) == len(hot)


def test_cosmic_rays_hit_long_exposures_one_frame_each(tmp_path):
    camera = small_camera(cosmic_rays=CosmicRays(rate=2e-4), hot_pixels=HotPixels(0.0, saturated=0))
    camera = replace(camera, glow=replace(CRYOGENIC.glow, rate=0.0))
    night = simulate_night(tmp_path, camera)
    hit = [
        set(map(tuple, np.argwhere(pixels[:, :64] > 1300))) for pixels in frames_of(night, "dark").values()
    ]
    assert all(hit)
    assert not set.intersection(*hit)
    assert all((pixels < 1300).all() for pixels in frames_of(night, "bias").values())


def test_a_slope_and_row_noise_leave_the_true_level_the_mean(tmp_path):
    camera = small_camera(slope=Slope(40.0), row_noise=RowNoise(adu=2.0, pickup=1.0))
    night = simulate_night(tmp_path, camera)
    truth = read_truth(night)
    for name, pixels in frames_of(night, "bias").items():
        assert abs(pixels[:, :64].mean() - truth["bias_levels"][name]) < 0.7
        assert pixels[-5:].mean() - pixels[:5].mean() > 30


def test_dark_current_doubles_with_temperature_and_spreads(tmp_path):
    plan = tuple(
        Exposure("dark", 100.0, 2, temperature=t, name=f"{t}-{{count}}.fits") for t in (-20.0, -13.5)
    )
    quiet = replace(HotPixels(), fraction=0.0, saturated=0)
    dark_current = DarkCurrent(5.0, spread=0.5)
    camera = small_camera(plan=plan, hot_pixels=quiet, dark_current=dark_current, temperature=-20.0)
    night = simulate_night(tmp_path, replace(camera, glow=replace(CRYOGENIC.glow, rate=0.0)))
    truth = read_truth(night)
    frames = {
        name: pixels[:, :64] - truth["bias_levels"][name] for name, pixels in frames_of(night, "dark").items()
    }
    cold, warm = frames["-20.0-1.fits"], frames["-13.5-1.fits"]
    assert warm.mean() / cold.mean() == pytest.approx(2.0, rel=0.02)
    assert np.corrcoef(cold.ravel(), warm.ravel())[0, 1] > 0.9
    assert {frame["temperature"] for frame in truth["frames"].values()} == {-20.0, -13.5}


def test_a_frame_of_another_kind_is_told_by_the_truth_alone(tmp_path):
    plan = (Exposure("dark", 5.0, 2), Exposure("flat", 5.0, 1, light=0.2, labelled="dark"))
    night = simulate_night(tmp_path, small_camera(plan=plan))
    assert fits.getval(night / "frame-003.fits", "IMAGETYP") == "DARK"
    assert read_truth(night)["frames"]["frame-003.fits"] == {
        "kind": "flat",
        "exposure": 5.0,
        "temperature": CRYOGENIC.temperature,
        "lit": True,
    }
