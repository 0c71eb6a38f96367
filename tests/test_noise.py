"""Read noise from pairs of bias frames, and a number with its uncertainty."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkcal_widgets.darks.noise import Estimate, hidden_by_rounding, read_noise, row_noise
from darkcal_widgets.errors import ParameterError


def bias_frames(rng, noise, *, rows=0.0, step=1, level=1000.3, shape=(80, 120), count=4):
    """Draw raw bias frames: noise of each pixel, noise common to a row, and counts in steps."""
    for _ in range(count):
        frame = level + rng.normal(0, noise, shape) + rng.normal(0, rows, (shape[0], 1))
        yield step * np.rint(frame / step)


@pytest.mark.parametrize(
    ("noise", "rows", "step"),
    [
        (5, 0, 1),
        (5, 2, 1),
        (5, 10, 1),
        (30, 0, 16),
        (10, 0, 16),
        (5, 0, 16),
        (0.5, 0, 1),
        (0.3, 0, 1),
        (0.1, 0, 1),
    ],
)
def test_the_interval_holds_the_truth(noise, rows, step):
    rng = np.random.default_rng(1)
    found = [read_noise(list(bias_frames(rng, noise, rows=rows, step=step))) for _ in range(100)]
    held = [abs(one.value - np.hypot(noise, rows)) <= one.uncertainty for one in found]
    assert np.mean(held) >= 0.97


def test_without_row_noise_the_interval_is_hardly_wider():
    rng = np.random.default_rng(2)
    found = [read_noise(list(bias_frames(rng, 5.0))) for _ in range(100)]
    assert np.median([one.uncertainty for one in found]) < 1.8 * 2.5758 * np.std([one.value for one in found])


@settings(max_examples=15, deadline=None)
@given(noise=st.floats(2, 12), gain=st.floats(0.5, 4), level=st.floats(300, 3000), seed=st.integers(0, 99))
def test_read_noise_is_recovered_though_counts_are_whole(noise, gain, level, seed):
    rng = np.random.default_rng(seed)
    frames = [np.rint(rng.normal(level, noise / gain, (200, 300))).astype("uint16") for _ in range(4)]
    found = read_noise(frames, gain)
    assert abs(found.value - noise) <= max(found.uncertainty, 0.05 * noise)
    assert found.unit == "e-"


def test_read_noise_takes_two_frames():
    with pytest.raises(ParameterError, match="two"):
        read_noise([np.zeros((3, 3))])


def test_frames_that_are_equal_leave_what_rounding_hides():
    found = read_noise([np.full((20, 30), 7, "uint8")] * 2)
    assert found.value == 0
    assert 0.1 < found.uncertainty < 0.5


def test_cosmic_rays_are_not_read_noise():
    one, other = bias_frames(np.random.default_rng(3), 5.0, count=2)
    one[::20, ::20] += 3000
    assert read_noise([one, other]).value == pytest.approx(5, abs=0.15)


@pytest.mark.parametrize("rows", [2.0, 5.0])
def test_the_noise_common_to_a_row_is_told(rows):
    found = [
        row_noise(*bias_frames(np.random.default_rng(seed), 5.0, rows=rows, count=2)) for seed in range(20)
    ]
    assert np.mean(found) == pytest.approx(rows, rel=0.1)


def test_rows_that_differ_by_chance_have_no_noise_in_common():
    found = [row_noise(*bias_frames(np.random.default_rng(seed), 5.0, count=2)) for seed in range(50)]
    assert np.count_nonzero(found) <= 1


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3, 0.5, 5.0])
def test_what_rounding_hides_of_a_level_is_within_its_bound(noise):
    rng = np.random.default_rng(4)
    for level in np.linspace(1000, 1001, 9):
        one, other = bias_frames(rng, noise, level=level, count=2, shape=(300, 400))
        assert abs(one.mean() - level) <= hidden_by_rounding(one, other) + 5 * noise / np.sqrt(one.size)


def test_an_estimate_shows_as_many_digits_as_it_has():
    assert str(Estimate(0.012345, 0.0021, "e-/s")) == "0.0123 ± 0.0021 e-/s"
    assert str(Estimate(123.4, 12.0)) == "123 ± 12"
