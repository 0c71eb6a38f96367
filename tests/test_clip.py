from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nights import reference_combination

from darkcal_widgets.combine.clip import CLIP_SIGMA, _are_near, _comparisons, clipped_average

COUNTS = [1, 2, 3, 4, 5, 6, 7, 12, 20, 33, 64, 75]


def are_far(stack):
    """Tell which values are more than 5 standard deviations from their median, as one would write it down."""
    stack = stack.astype(np.float64)
    center = np.median(stack, axis=0)
    bound = np.median(np.abs(stack - center), axis=0) * 1.482602218505602 * CLIP_SIGMA
    return (stack < center - bound) | (stack > center + bound)


def definition(stack):
    """Average the values that are not far."""
    return np.ma.array(stack.astype(np.float64), mask=are_far(stack)).mean(axis=0).data


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


@pytest.mark.parametrize("frames", COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_equals_ccdproc_within_float32_rounding(kind, frames):
    stack = kind(np.random.default_rng(frames), (frames, 15, 16))
    # ccdproc itself adds up in single precision where the frames are.
    atol = 3e-7 * np.abs(stack).max()
    np.testing.assert_allclose(
        clipped_average(stack), reference_combination(stack).data, rtol=3e-7, atol=atol
    )


@pytest.mark.parametrize("frames", COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_equals_its_definition_in_double_precision(kind, frames):
    stack = kind(np.random.default_rng(100 + frames), (frames, 41, 53))
    np.testing.assert_allclose(clipped_average(stack), definition(stack), rtol=1e-13, atol=1e-13)


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
    average = clipped_average(stack)
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
        clipped_average(stack), expected, rtol=1e-12, atol=1e-12 * float(np.abs(stack).max())
    )


@pytest.mark.parametrize("frames", range(2, 24))
@pytest.mark.parametrize("kind", KINDS)
def test_counting_never_passes_over_a_value_that_is_far(kind, frames):
    rng = np.random.default_rng(frames)
    stack = kind(rng, (frames, 20000)).astype(np.float32)
    stack[rng.integers(frames)] += rng.exponential(20, 20000).astype(np.float32)
    near = _are_near(stack, stack.mean(axis=0), CLIP_SIGMA)
    assert not (near & are_far(stack).any(axis=0)).any()


def test_counting_settles_most_pixels_of_many_frames():
    stack = gaussian(np.random.default_rng(1), (80, 20000))
    assert _are_near(stack, stack.mean(axis=0), CLIP_SIGMA).mean() > 0.8


def test_values_that_are_all_equal_stay_what_they_are():
    np.testing.assert_array_equal(clipped_average(np.full((4, 3, 3), 7.25)), np.full((3, 3), 7.25))


def test_a_cosmic_ray_in_one_frame_is_left_out():
    stack = np.repeat(np.arange(6.0)[:, None, None], 2, axis=1)
    stack[0, 0, 0] = 1e5
    assert clipped_average(stack)[0, 0] == 3.0
    assert clipped_average(stack)[1, 0] == 2.5


def test_where_no_frame_has_a_value_the_result_has_none():
    stack = np.array([[1.0, np.nan, 5.0, np.inf], [3.0, np.nan, np.nan, 4.0]])[:, None, :]
    np.testing.assert_array_equal(clipped_average(stack), [[2.0, np.nan, 5.0, 4.0]])


def test_the_frames_are_not_changed_and_blocks_do_not_show():
    rng = np.random.default_rng(1)
    stack = with_cosmic_rays(rng, (5, 3, 20000))
    stack[1, 1, 7] = np.nan
    before = stack.copy()
    average = clipped_average(stack)
    np.testing.assert_array_equal(stack, before)
    np.testing.assert_array_equal(average[2, 19000:], clipped_average(stack[:, 2, 19000:]))


@pytest.mark.parametrize("count", range(1, 12))
def test_the_network_sorts_whatever_stands_in_it(count):
    # A network that sorts every sequence of zeros and ones sorts everything (Knuth, 5.3.4, theorem Z).
    for bits in product((0, 1), repeat=count):
        places = list(bits)
        for one, other in _comparisons(count):
            places[one], places[other] = sorted((places[one], places[other]))
        assert places == sorted(bits)
