"""What the panel shows is what a run would write: the same pixels, the same levels."""

from dataclasses import replace

import numpy as np
import pytest
from nights import random_frame, write_raw

from darkcal_widgets import Recipe
from darkcal_widgets.errors import FrameError
from darkcal_widgets.panel.sketch import Sketch, Sketches, bias_from_file, bias_from_frames, mean_raw
from darkcal_widgets.recipe.calibrate import Calibration

SHAPE = (37, 53)
RECIPES = [
    Recipe(),
    Recipe(overscan_columns="45:", keep_columns=":44"),
    Recipe(overscan_columns=":6", keep_columns="7:53"),
    Recipe(overscan_columns="[1:53, 31:37]", keep_columns="[3:50, 2:30]"),
    Recipe(keep_columns="[2:41, 6:33]", output_dtype="float64"),
    Recipe(amplifiers=(("45:49", ":22"), ("49:", "22:45"))),
    Recipe(amplifiers=((None, "3:21"), (":3", "21:50")), output_dtype="float64"),
    Recipe(
        amplifiers=tuple(
            (overscan, f"[{columns}, {rows}]")
            for rows in ("2:19", "20:37")
            for overscan, columns in (("46:50", "3:20"), ("50:", "21:45"))
        )
    ),
]


def frame(seed=1, shape=SHAPE):
    return random_frame(seed, shape)


def result(data, recipe, bias=None):
    """The calibrated frame, made by what a run uses."""
    calibration = Calibration.prepare(data, replace(recipe, subtract_bias=bias is not None), bias=bias)
    return calibration.band(0, calibration.shape[0])


def sampled(values, pieces):
    """Those pixels of a result whose row and column in the frame are multiples of 4."""
    return values[np.ix_(*(of_result(pieces, axis) for axis in (0, 1)))]


def of_result(pieces, axis):
    """Rows (or columns) of the result which in the frame are multiples of 4."""
    pairs = {
        (piece.place[axis] + n, piece.keep[axis].start + n)
        for piece in pieces
        for n in range(piece.shape[axis])
    }
    return [place for place, raw in sorted(pairs) if raw % 4 == 0]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_calibrated_pixels_are_those_of_the_result(recipe):
    data, pieces = frame(), recipe.pieces(SHAPE)
    shown = Sketch.of(data, "adu").calibrated(pieces, dtype=recipe.output_dtype)
    np.testing.assert_array_equal(shown, sampled(result(data, recipe), pieces))
    assert shown.dtype == recipe.output_dtype


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_combined_bias_is_subtracted_where_it_belongs(recipe):
    data, pieces = frame(), recipe.pieces(SHAPE)
    whole = result(data, recipe)
    bias = np.arange(whole.size, dtype=float).reshape(whole.shape)
    shown = Sketch.of(data, "adu").calibrated(pieces, bias_from_file(bias, pieces), recipe.output_dtype)
    np.testing.assert_array_equal(shown, sampled(result(data, recipe, bias), pieces))


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_bias_to_be_built_is_the_mean_of_its_frames(recipe):
    pieces, frames = recipe.pieces(SHAPE), [frame(seed) for seed in range(4)]
    sketches = [Sketch.of(one, "adu") for one in frames]
    shown = bias_from_frames(sketches, mean_raw(sketches), pieces)
    mean = np.mean([result(one, recipe) for one in frames], axis=0)
    np.testing.assert_allclose(shown, sampled(mean, pieces), rtol=1e-6)


def _grid(piece):
    return tuple(slice(-part.start % 4, None, 4) for part in piece.keep)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_the_level_before_is_the_median_of_the_raw_pixels(recipe):
    data, pieces = frame(), recipe.pieces(SHAPE)
    sketch = Sketch.of(data, "adu")
    expected = np.median(np.concatenate([data[piece.keep][_grid(piece)].ravel() for piece in pieces]))
    assert sketch.kept_median(pieces) == expected
    assert sketch.kept_median(pieces) == expected  # kept


def test_profiles_are_of_all_rows_and_columns():
    data = frame()
    sketch = Sketch.of(data, "adu")
    np.testing.assert_allclose(sketch.profile(1, "mean"), data.mean(axis=0))
    np.testing.assert_allclose(sketch.profile(0, "mean"), data.mean(axis=1))
    np.testing.assert_array_equal(sketch.profile(1, "median"), np.median(data[::4], axis=0))
    np.testing.assert_array_equal(sketch.profile(0, "median"), np.median(data[:, ::4], axis=1))


def test_a_file_is_read_once_until_it_changes(tmp_path):
    path, sketches = write_raw(tmp_path / "dark.fits", frame()), Sketches()
    first = sketches.get(path, "adu")
    assert sketches.get(path, "adu") is first
    assert sketches.has(path, "adu")
    path.unlink()
    write_raw(path, frame(2, (40, 60)))
    assert not sketches.has(path, "adu")
    assert sketches.get(path, "adu").shape == (40, 60)


def test_the_least_used_sketches_are_dropped(tmp_path):
    paths = [write_raw(tmp_path / f"{n}.fits", frame(n)) for n in range(3)]
    sketches = Sketches(size=2)
    for path in (paths[0], paths[1], paths[0], paths[2]):
        sketches.get(path, "adu")
    assert [sketches.has(path, "adu") for path in paths] == [True, False, True]


def test_a_file_that_is_gone_is_said(tmp_path):
    with pytest.raises(FrameError, match=r"dark\.fits cannot be read: No such file"):
        Sketches().get(tmp_path / "dark.fits", "adu")


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_what_cannot_be_drawn_is_no_value(value):
    data = random_frame(1, dtype="float32")
    data[4:8] = value
    sketch = Sketch.of(data, "adu")
    pieces = Recipe(keep_columns=":24").pieces(data.shape)
    assert np.isnan(sketch.column_means).all()
    assert 900 < sketch.kept_median(pieces) < 1100
    assert np.isfinite(Sketch.of(random_frame(2), "adu").rows).all()
