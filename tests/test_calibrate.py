import ccdproc
import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import random_frame

from darkcal_widgets import Recipe, calibrate_dark
from darkcal_widgets.errors import FrameError
from darkcal_widgets.recipe.calibrate import Calibration, PixelCounts, subtract_terms


def dark(dtype="uint16", shape=(20, 30), **header):
    return CCDData(random_frame(5, shape, dtype=dtype), unit="adu", header=fits.Header(header))


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 12),
    kept=st.integers(1, 12),
    overscan=st.integers(1, 9),
    left=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=60, deadline=None)
def test_overscan_and_trim_equal_plain_ccdproc(seed, rows, kept, overscan, left, dtype):
    ccd = CCDData(
        np.random.default_rng(seed).integers(0, 65536, (rows, kept + overscan), dtype="uint16"), unit="adu"
    )
    keep, strip = (slice(overscan, None), slice(0, overscan)) if left else (slice(0, kept), slice(kept, None))
    expected = ccdproc.trim_image(
        ccdproc.subtract_overscan(ccd, overscan=ccd[:, strip], median=True)[:, keep]
    ).data
    text = [f"{part.start}:{'' if part.stop is None else part.stop}" for part in (strip, keep)]
    result = calibrate_dark(ccd, Recipe(overscan_columns=text[0], keep_columns=text[1], output_dtype=dtype))
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.data, expected)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 9), st.integers(3, 12)),
    raw=st.sampled_from("uint8 uint16 int16 int32 float32 float64".split()),
    of_bias=st.sampled_from([None, "float32", "float64"]),
    overscan=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=60, deadline=None)
def test_the_quick_path_equals_the_plain_one(seed, shape, raw, of_bias, overscan, dtype):
    rng = np.random.default_rng(seed)
    data = rng.integers(0, 120, shape).astype(raw)
    bias = None if of_bias is None else rng.normal(40, 5, (shape[0], shape[1] - 2)).astype(of_bias)
    recipe = Recipe(
        overscan_columns="-2:" if overscan else None,
        keep_columns=":-2",
        subtract_bias=bias is not None,
        output_dtype=dtype,
    )
    calibration = Calibration.prepare(data, recipe, bias=bias)
    plain = calibrate_dark(
        CCDData(data, unit="adu"), recipe, None if bias is None else CCDData(bias, unit="adu")
    )
    quick = calibration.band(0, calibration.shape[0])
    assert quick.dtype == plain.dtype == dtype
    # ccdproc subtracts in single precision what is in single precision; the quick path rounds once.
    steps = 1 if "float32" in (of_bias, raw) or dtype == "float32" else 0
    np.testing.assert_allclose(quick, plain.data, rtol=0, atol=steps * np.spacing(np.float32(240)))


def test_an_overscan_of_rows_equals_plain_ccdproc():
    ccd = dark()
    expected = ccdproc.subtract_overscan(ccd, overscan=ccd[16:], overscan_axis=0, median=True)[:16].data
    result = calibrate_dark(
        ccd, Recipe(overscan_columns="[1:30, 17:20]", keep_columns="[*, 1:16]", output_dtype="float64")
    )
    np.testing.assert_array_equal(result.data, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_every_kind_of_number_is_calibrated(dtype):
    ccd = CCDData(random_frame(5, level=100, dtype=dtype), unit="adu")
    bias = CCDData(np.full((20, 24), 7.25), unit="adu")
    result = calibrate_dark(ccd, Recipe(keep_columns=":24", subtract_bias=True, output_dtype="float64"), bias)
    np.testing.assert_array_equal(result.data, ccd.data[:, :24].astype(float) - 7.25)


def test_the_raw_frame_is_not_changed():
    ccd = dark(BIASSEC="[25:30,1:20]")
    before = ccd.data.copy(), ccd.header.copy()
    result = calibrate_dark(ccd, Recipe(overscan_columns="24:", keep_columns=":24"))
    result.data[:] = 0
    np.testing.assert_array_equal(ccd.data, before[0])
    assert ccd.header == before[1]


def test_mask_and_wcs_follow_the_trim_and_the_bias():
    wcs = WCS(naxis=2)
    wcs.wcs.crpix = [10.0, 5.0]
    ccd = CCDData(random_frame(5), unit="adu", wcs=wcs, mask=np.zeros((20, 30), bool))
    ccd.mask[3, 8] = True
    bias = CCDData(np.zeros((20, 26)), unit="adu", mask=np.zeros((20, 26), bool))
    bias.mask[7, 7] = True
    result = calibrate_dark(ccd, Recipe(keep_columns="4:", subtract_bias=True), bias)
    assert list(zip(*np.nonzero(result.mask), strict=True)) == [(3, 4), (7, 7)]
    np.testing.assert_array_equal(result.wcs.wcs.crpix, [6.0, 5.0])


def test_the_header_tells_what_was_done_and_nothing_untrue():
    ccd = dark(
        BIASSEC="[25:30,1:20]", TRIMSEC="[3:24,1:20]", CRPIX1=10.0, CRPIX2=5.0, LTV1=0.0, OBJECT="dark"
    )
    result = calibrate_dark(ccd, Recipe(overscan_columns="24:", keep_columns="2:24"))
    header = result.header
    assert "BIASSEC" not in header
    assert "TRIMSEC" not in header
    assert (header["CRPIX1"], header["CRPIX2"], header["LTV1"], header["OBJECT"]) == (8.0, 5.0, -2.0, "dark")
    history = list(header["HISTORY"])
    assert history == [
        "darkcal: overscan [25:30, 1:20] subtracted, median of each row",
        "darkcal: trimmed to [3:24, 1:20]",
    ]
    assert header["OSCNMEAN"] == pytest.approx(np.median(ccd.data[:, 24:], axis=1).mean(), abs=1e-4)


def test_sections_stay_where_nothing_was_trimmed():
    assert (
        calibrate_dark(dark(BIASSEC="[25:30,1:20]"), Recipe(overscan_columns="24:")).header["BIASSEC"]
        == "[25:30,1:20]"
    )


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (None, "subtract_bias is True, but there is no combined bias"),
        (CCDData(np.zeros((20, 30)), unit="adu"), "has 20 x 30 .*the trimmed dark has 20 x 24"),
        (CCDData(np.zeros((20, 24)), unit=u.electron), "is in electron, the dark in adu"),
    ],
)
def test_a_bias_that_does_not_fit_is_refused(bias, message):
    with pytest.raises(FrameError, match=message):
        calibrate_dark(dark(), Recipe(keep_columns=":24", subtract_bias=True), bias)


def test_values_too_large_for_the_result_count_as_missing():
    raw = np.full((2, 3), 1e300)
    raw[0, 0] = 1.0
    calibration, counts = Calibration.prepare(raw, Recipe()), PixelCounts()
    (band,) = calibration.bands(counts)
    assert (counts.no_value, band[0, 0], np.isinf(band).sum()) == (5, 1.0, 5)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int64"])
def test_large_integers_are_subtracted_exactly(dtype):
    data = np.full((4, 30), 2**24 + 1, dtype)
    result = Calibration.prepare(data, Recipe(overscan_columns="24:", keep_columns=":24")).band(0, 4)
    np.testing.assert_array_equal(result, np.zeros((4, 24)))
    level = np.array([[2**24]], np.float32)
    np.testing.assert_array_equal(subtract_terms(data[:, :24], [level], "float32"), np.ones((4, 24)))


def test_a_bias_in_double_precision_is_not_rounded_first():
    raw, bias = np.full((4, 30), 20000, "uint16"), np.full((4, 30), 19999.9996)
    recipe = Recipe(keep_columns=":30", subtract_bias=True)
    result = Calibration.prepare(raw, recipe, bias=bias).band(0, 4)
    np.testing.assert_allclose(result, 0.0004, rtol=1e-6)


@pytest.mark.parametrize(
    ("cards", "limit"),
    [
        ({"SATURATE": 0}, 65535),
        ({"SATURATE": -5}, 65535),
        ({"SATURATE": 1200.5}, 1201),
        ({"SATURATE": 1200}, 1200),
        ({"SATLEVEL": 60000.0, "SATURATE": 0.0}, 60000),
    ],
)
def test_saturated_is_what_the_header_says_where_it_can_be(cards, limit):
    counts = PixelCounts.of(fits.Header(cards), np.dtype("uint16"))
    assert counts.limit == limit
    counts.add_raw(np.array([[limit - 1, limit]], np.uint16))
    assert counts.saturated == 1


@pytest.mark.parametrize("keyword", ["BIASSEC", "TRIMSEC", "DATASEC", "CCDSEC", "DETSEC", "AMPSEC"])
def test_sections_of_the_raw_frame_do_not_outlive_a_trim(keyword):
    trimmed = calibrate_dark(dark(**{keyword: "[1:24,1:20]"}), Recipe(keep_columns="2:24"))
    assert trimmed.header.get(keyword) != "[1:24,1:20]"
