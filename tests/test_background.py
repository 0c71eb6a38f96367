"""Level and noise of a dark away from glow, and where it glows."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, distance_transform_edt

from darkcal_widgets.darks.background import _distances, _grown, background, corner_glow


def noisy(seed=0, shape=(120, 160)):
    return np.random.default_rng(seed).normal(5, 2, shape)


def glowing(seed, brightness, size, shape=(384, 512)):
    """Return noise with a glow that falls exponentially from the lower left corner."""
    y, x = np.indices(shape)
    return noisy(seed, shape) + brightness * np.exp(-np.hypot(x, y) / size)


def test_level_and_noise_leave_out_glow_and_hot_pixels():
    image = noisy()
    image[:20, :20] += 500
    image[60, 70] = 9000
    ground = background(image)
    assert ground.level == pytest.approx(5, abs=0.1)
    assert ground.sigma == pytest.approx(2, rel=0.03)
    assert not ground.plain[:20, :20].any()


@pytest.mark.parametrize(("brightness", "size"), [(500, 30), (50, 50), (5, 60)])
def test_exponential_glow_is_followed_to_its_faint_end(brightness, size):
    levels = [background(glowing(seed, brightness, size)).level for seed in range(10)]
    # The standard error of the level is 2 / sqrt(100,000) = 0.006 where half of the frame is left.
    assert np.mean(levels) == pytest.approx(5, abs=0.012)


def test_noise_alone_does_not_glow():
    covered = [1 - background(noisy(seed, (256, 256))).plain.mean() for seed in range(50)]
    assert np.mean(np.array(covered) > 0) <= 0.04


def test_a_gradient_over_the_whole_frame_is_its_level():
    ground = background(noisy(1, (256, 256)) + np.linspace(0, 400, 256))
    assert ground.plain.all()


def test_the_glowing_corner_is_named_with_its_reach():
    image = glowing(1, 500, 20)
    name, value, error, reach = corner_glow(image, background(image))
    assert name == "lower left"
    assert value == pytest.approx(500 * np.exp(-np.hypot(3.5, 3.5) / 20), rel=0.1)
    assert error > 0
    assert 60 < reach < 300
    assert corner_glow(image[::-1, ::-1], background(image[::-1, ::-1]))[0] == "upper right"
    assert corner_glow(noisy(), background(noisy())) is None


def test_without_scatter_or_values_there_is_no_noise():
    constant, empty = background(np.full((40, 50), 7.0)), background(np.full((40, 50), np.nan))
    assert (constant.level, constant.sigma) == (7, 0)
    assert np.isnan(empty.level)
    assert empty.sigma == 0
    assert not empty.plain.any()


def test_pixels_without_a_value_are_left_out():
    image = noisy(2)
    image[5:60, 10:100] = np.nan
    ground = background(image)
    assert ground.level == pytest.approx(5, abs=0.1)
    assert ground.level_of(image + 3) == pytest.approx(8, abs=0.1)
    assert not ground.without([0], [0]).plain[0, 0]


@pytest.mark.parametrize("shape", [(16, 16), (1, 30), (64, 129)])
def test_blocks_near_glow_are_those_of_scipy(shape):
    bright = np.random.default_rng(1).random(shape) < 0.1
    np.testing.assert_array_equal(_distances(bright), distance_transform_edt(~bright))
    np.testing.assert_array_equal(_grown(bright), binary_dilation(bright, np.ones((3, 3)), iterations=2))
