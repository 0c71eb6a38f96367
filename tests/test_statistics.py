"""Robust statistics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from darkcal_widgets.statistics import median


@given(
    some.arrays(
        st.sampled_from([np.uint16, np.float32, np.float64]), st.integers(1, 60), elements=st.integers(0, 999)
    )
)
def test_median_is_numpys(values):
    assert median(values) == np.median(values)


@pytest.mark.parametrize("values", [[np.nan, 1, 5, 2], [np.nan], [3, np.nan, 4]])
def test_median_passes_over_what_is_not_a_number(values):
    with np.errstate(all="ignore"):
        expected = np.nan if np.isnan(values).all() else np.nanmedian(values)
    np.testing.assert_equal(median(np.array(values)), expected)
