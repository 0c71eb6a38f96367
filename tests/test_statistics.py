"""Median, scatter and level of values with outliers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some
from scipy.special import chdtri, stdtrit

from darkcal_widgets.statistics import (
    chi_squared_quantile,
    level_and_scatter,
    median,
    median_and_scatter,
    near_median,
    t_quantile,
    without_outliers,
)


def noisy(shape=(400, 500), seed=0):
    values = np.random.default_rng(seed).normal(100, 3, shape)
    values[::50, ::50] = 60000
    values[1, 1] = np.nan
    return values


def test_outliers_and_nan_change_neither_median_nor_scatter():
    median, scatter = median_and_scatter(noisy())
    assert median == pytest.approx(100, abs=0.05)
    assert scatter == pytest.approx(3, rel=0.02)


def test_along_an_axis_they_broadcast_over_the_values():
    median, scatter = median_and_scatter(noisy(), axis=0)
    assert median.shape == scatter.shape == (1, 500)


def test_the_scatter_is_at_least_what_was_said():
    assert median_and_scatter(np.full(5, 7), least=0.5) == (7, 0.5)


def test_a_missing_value_is_not_near():
    np.testing.assert_array_equal(near_median(np.array([1.0, 1.1, 0.9, np.nan, 50.0]), 5), [1, 1, 1, 0, 0])


@pytest.mark.parametrize("shape", [(20, 30), (1000, 1000)], ids=["all", "a sample"])
def test_what_is_kept_is_what_is_near(shape):
    values = noisy(shape)
    kept = without_outliers(values, 5)
    assert kept.max() < 120
    assert kept.size == pytest.approx(values.size - (values > 1000).sum() - 1, abs=3)


def test_the_level_of_a_frame_leaves_out_hot_pixels():
    level, scatter = level_and_scatter(noisy())
    assert level == pytest.approx(100, abs=0.1)
    assert scatter == pytest.approx(3, rel=0.05)


@given(
    some.arrays(
        st.sampled_from([np.uint16, np.float32, np.float64]), st.integers(1, 60), elements=st.integers(0, 999)
    )
)
def test_the_median_is_numpys(values):
    assert median(values) == np.median(values)


@pytest.mark.parametrize("values", [[np.nan, 1, 5, 2], [np.nan], [3, np.nan, 4]])
def test_the_median_passes_over_what_is_not_a_number(values):
    with np.errstate(all="ignore"):
        expected = np.nan if np.isnan(values).all() else np.nanmedian(values)
    np.testing.assert_equal(median(np.array(values)), expected)


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 60, 1000, 2_000_000])
@pytest.mark.parametrize("chance", [0.1, 0.005, 0.0005])
def test_quantiles_are_those_of_scipy(freedom, chance):
    assert t_quantile(freedom, chance) == pytest.approx(stdtrit(freedom, 1 - chance), rel=1e-6)
    assert chi_squared_quantile(freedom, chance) == pytest.approx(chdtri(freedom, chance), rel=1e-6)
