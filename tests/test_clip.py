from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nights import reference_combination

from darkcal_widgets.combine.clip import (
    CLIP_SIGMA,
    PixelNoise,
    clipped_average,
    mad_clipped_average,
    measure_noise,
)

COUNTS = [1, 2, 3, 4, 5, 6, 7, 12, 20, 33, 64, 75]


def gaussian(rng, shape):
    return rng.normal(1000, 5, shape).astype("float32")


def around_zero(rng, shape):
    return rng.normal(0, 5, shape).astype("float32")


def with_cosmic_rays(rng, shape):
    return np.where(rng.random(shape) < 0.05, 60000, gaussian(rng, shape)).astype("float32")


def raw_integers(rng, shape):
    return rng.normal(1000, 5, shape).astype("uint16")


def half_integers(rng, shape):
    return (rng.integers(-20, 20, shape) / 2).astype("float32")


def few_values(rng, shape):
    return rng.choice([100, 101, 65535], shape, p=[0.7, 0.25, 0.05]).astype("float32")


def all_equal(rng, shape):
    return np.full(shape, 7.1, "float32")


def large_offset(rng, shape):
    return (6e4 + rng.normal(0, 0.01, shape)).astype("float32")


def double(rng, shape):
    return rng.normal(1000, 5, shape)


KINDS = [
    gaussian,
    around_zero,
    with_cosmic_rays,
    raw_integers,
    half_integers,
    few_values,
    all_equal,
    large_offset,
    double,
]


# --- As ccdproc does --------------------------------------------------------------------------------------


def are_far(stack):
    """Tell which values are more than 5 standard deviations from their median, as one would write it down."""
    stack = stack.astype(np.float64)
    center = np.median(stack, axis=0)
    bound = np.median(np.abs(stack - center), axis=0) * 1.482602218505602 * CLIP_SIGMA
    return (stack < center - bound) | (stack > center + bound)


def definition(stack):
    """Average the values that are not far."""
    return np.ma.array(stack.astype(np.float64), mask=are_far(stack)).mean(axis=0).data


@pytest.mark.parametrize("frames", COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_equals_ccdproc_within_float32_rounding(kind, frames):
    stack = kind(np.random.default_rng(frames), (frames, 15, 16))
    # ccdproc itself adds up in single precision where the frames are.
    atol = 3e-7 * np.abs(stack).max()
    np.testing.assert_allclose(
        mad_clipped_average(stack), reference_combination(stack).data, rtol=3e-7, atol=atol
    )


@pytest.mark.parametrize("frames", COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_equals_its_definition_in_double_precision(kind, frames):
    stack = kind(np.random.default_rng(100 + frames), (frames, 41, 53))
    np.testing.assert_allclose(mad_clipped_average(stack), definition(stack), rtol=1e-13, atol=1e-13)


@pytest.mark.filterwarnings(
    "ignore:Input data contains invalid values",
    "ignore:Mean of empty slice",  # of ccdproc, where bottleneck is not installed
    "ignore:Degrees of freedom <= 0",  # likewise
    "ignore:All-NaN slice",  # likewise
)
@pytest.mark.parametrize("frames", COUNTS)
def test_pixels_without_a_value_are_left_out_as_in_ccdproc(frames):
    rng = np.random.default_rng(frames)
    stack = with_cosmic_rays(rng, (frames, 15, 16))
    stack[rng.random(stack.shape) < 0.2] = np.nan
    stack[:, 2, 3] = np.nan
    expected = reference_combination(stack, "median", "mad_std")
    average = mad_clipped_average(stack)
    np.testing.assert_array_equal(np.isnan(average), expected.mask)
    np.testing.assert_allclose(
        average[~expected.mask], expected.data[~expected.mask], rtol=1e-6
    )  # ccdproc adds up in single precision


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.just(3)),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    )
)
@settings(deadline=None)
def test_any_numbers_are_averaged_as_defined(stack):
    expected = definition(stack)
    np.testing.assert_allclose(
        mad_clipped_average(stack), expected, rtol=1e-12, atol=1e-12 * float(np.abs(stack).max())
    )


# --- By the noise -----------------------------------------------------------------------------------------


def average(stack, gain=None):
    """Average as `combine` does, with the noise that is measured from the frames themselves."""
    return clipped_average(stack, measure_noise(stack, gain))


def lost(stack, result):
    """Return the part of the pixels whose average lacks a value."""
    return np.mean(np.abs(result - stack.mean(axis=0, dtype=np.float64)) > 1e-6)


@pytest.mark.parametrize("frames", [3, 4, 5, 6, 10, 20])
@pytest.mark.parametrize("gain", [2.0, None])
def test_good_values_are_kept_at_the_variance_of_the_mean(frames, gain):
    stack = gaussian(np.random.default_rng(frames), (frames, 200, 500))
    result = average(stack, gain)
    assert lost(stack, result) < 1e-3
    assert np.var(result) == pytest.approx(25 / frames, rel=0.02)


@pytest.mark.parametrize("frames", [3, 5, 12])
@pytest.mark.parametrize("sigmas", [10, 30, 5000])
def test_cosmic_rays_are_gone(frames, sigmas):
    rng = np.random.default_rng(frames)
    clean = gaussian(rng, (frames, 200, 500))
    stack = clean.copy()
    hit = rng.random((200, 500)) < 0.01
    stack[rng.integers(frames, size=hit.sum()), hit] += 5 * sigmas
    excess = (average(stack, 2.0) - clean.mean(axis=0))[hit]
    assert np.mean(excess * frames > 2.5 * sigmas) < 0.01


@pytest.mark.parametrize("noise", [0.2, 0.3, 0.5])
@pytest.mark.parametrize("frames", [3, 5, 10])
def test_quiet_counts_have_an_unbiased_average(frames, noise):
    rng = np.random.default_rng(frames)
    for step in (1, 16):
        stack = step * np.rint(rng.normal(1000.3, noise, (frames, 200, 500))).astype("float32")
        assert average(stack).mean() == pytest.approx(stack.mean(dtype=np.float64), abs=0.001 * step)


def test_drifting_levels_lose_no_more_values():
    rng = np.random.default_rng(1)
    drift = np.array([0, 40, -60, 100, 20])[:, None, None]
    clean = gaussian(rng, (5, 200, 500)) + drift
    assert lost(clean, average(clean)) < 1e-3
    stack = clean.astype("float32")
    stack[3, ::20, ::20] += 200
    result = average(stack)
    assert result[::20, ::20].mean() == pytest.approx(clean.mean(), abs=0.5)


@pytest.mark.parametrize("frames", [3, 5, 10])
@pytest.mark.parametrize("gain", [2.0, None])
def test_shot_noise_is_not_taken_for_a_cosmic_ray(frames, gain):
    rng = np.random.default_rng(frames)
    stack = rng.poisson(4000, (frames, 200, 500)) / 2.0 + rng.normal(0, 5, (frames, 200, 500))
    result = clipped_average(stack, PixelNoise(5.0, 0.0, np.zeros(frames), gain))
    assert lost(stack, result) < 0.01


def test_a_pixel_beyond_the_noise_model_is_judged_by_itself():
    # Half of the values are high: a pixel that switches between two levels, not ten cosmic rays.
    stack = np.tile([[0.0], [100.0]], (5, 1)) + np.random.default_rng(1).normal(0, 5, (10, 5000))
    assert lost(stack, clipped_average(stack, PixelNoise(5.0, 0.0, np.zeros(10), 2.0))) == 0


def test_of_two_values_none_is_left_out():
    stack = np.array([[[10.0]], [[60000.0]]])
    assert clipped_average(stack, PixelNoise(5.0, 10.0, np.zeros(2), 2.0)) == 30005


@pytest.mark.parametrize("frames", COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_any_frames_are_averaged_within_their_range(kind, frames):
    stack = kind(np.random.default_rng(frames), (frames, 15, 16))
    result, noise = average(stack), measure_noise(stack)
    slack = np.ptp(noise.offsets) + 1e-5 * np.abs(stack).max()
    assert (result >= stack.min(axis=0) - slack).all()
    assert (result <= stack.max(axis=0) + slack).all()


@pytest.mark.parametrize("frames", [1, 2, 3, 8])
def test_pixels_without_a_value_are_left_out(frames):
    rng = np.random.default_rng(frames)
    stack = gaussian(rng, (frames, 15, 16))
    stack[rng.random(stack.shape) < 0.2] = np.nan
    stack[0, 5, 6] = np.inf
    stack[:, 2, 3] = np.nan
    values = np.ma.masked_invalid(stack.astype(np.float64))
    result = clipped_average(stack, PixelNoise(5.0, 1000.0, np.zeros(frames)))
    np.testing.assert_allclose(result, values.mean(axis=0).filled(np.nan), rtol=1e-12)


def test_the_noise_is_that_of_the_frames_not_their_pattern():
    rng = np.random.default_rng(3)
    fixed = rng.exponential(50, (200, 500))
    stack = fixed + rng.normal(0, 5, (6, 200, 500)) + np.array([0, 7, -3, 5, 0, 0])[:, None, None]
    stack[2, ::30, ::30] += 5000
    noise = measure_noise(stack, 1.5)
    assert noise.sigma == pytest.approx(5, rel=0.02)
    assert noise.level == pytest.approx(np.median(fixed) + 1.5, abs=0.5)
    np.testing.assert_allclose(noise.offsets, np.array([0, 7, -3, 5, 0, 0]) - 1.5, atol=0.2)
    assert noise.gain == 1.5


def test_frames_without_values_have_no_noise():
    noise = measure_noise(np.full((3, 4, 5), np.nan))
    assert (noise.sigma, noise.level, noise.offsets.tolist()) == (0, 0, [0, 0, 0])


@pytest.mark.parametrize(
    "method", [partial(clipped_average, noise=PixelNoise(0.0, 0.0, np.zeros(6))), mad_clipped_average]
)
def test_each_method_leaves_out_only_the_far_value(method):
    stack = np.full((6, 2, 2), 7.25)
    np.testing.assert_array_equal(method(stack), np.full((2, 2), 7.25))
    stack[0, 0, 0] = 1e5
    np.testing.assert_array_equal(method(stack), np.full((2, 2), 7.25))


def test_the_frames_are_not_changed_and_blocks_do_not_show():
    rng = np.random.default_rng(1)
    stack = with_cosmic_rays(rng, (5, 3, 20000))
    stack[1, 1, 7] = np.nan
    before, noise = stack.copy(), measure_noise(stack)
    result = clipped_average(stack, noise)
    np.testing.assert_array_equal(stack, before)
    np.testing.assert_array_equal(result[2, 19000:], clipped_average(stack[:, 2, 19000:], noise))


def test_the_noise_of_large_values_warns_of_nothing():
    frames = [np.full((4, 6), 3e38, np.float32), np.full((4, 6), 3.1e38, np.float32)]
    assert measure_noise(frames, None) is not None


@pytest.mark.parametrize("bad", [2500, -1000, 200])
@pytest.mark.parametrize("part", [slice(None), slice(100, None), slice(0, 60)])
def test_a_frame_that_is_bad_in_part_does_not_stop_the_clipping(bad, part):
    stack = np.random.default_rng(1).normal(3, 4, (7, 200, 200))
    stack[3, part] += bad
    stack[0, 70] += 300  # cosmic rays in a good frame
    noise = measure_noise(stack, 1.0)
    assert noise.sigma == pytest.approx(4, rel=0.02)
    result = clipped_average(stack, noise)
    assert np.abs(result - 3).max() < 12
    assert result.mean() == pytest.approx(3, abs=0.05)


def test_a_drift_of_the_level_is_not_taken_for_a_bad_frame():
    drift = np.array([0, 0.5, 20, -3, 8])[:, None, None]
    stack = np.random.default_rng(2).normal(1000, 4, (5, 100, 100)) + drift
    result = clipped_average(stack, measure_noise(stack))
    assert np.abs(result - stack.mean(axis=0)).max() < 4
    assert result.mean() == pytest.approx(stack.mean(), abs=0.01)
