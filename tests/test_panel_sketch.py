"""What the panel shows is what a run would write: the same pixels, the same levels."""

from dataclasses import replace

import numpy as np
import pytest
from nights import random_frame, write_raw

from darkcal_widgets import Recipe
from darkcal_widgets.errors import FrameError
from darkcal_widgets.panel.sketch import FileBias, FramesBias, Sketch, Sketches, calibrated, strided
from darkcal_widgets.recipe.calibrate import Calibration
from darkcal_widgets.statistics import level_of

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


def shown(piece, steps, window=(slice(0, 37), slice(0, 53))):
    """The piece with every n-th row and column of a window, and where they are in the result."""
    thinned = strided(piece, window, steps)
    places = zip(thinned.place, thinned.keep, strict=True)
    return thinned, tuple(slice(at, at + part.stop - part.start, part.step) for at, part in places)


GRIDS = {
    "every 4th": ((4, 4), (slice(0, 37), slice(0, 53))),
    "rows and fewer columns": ((4, 12), (slice(0, 37), slice(0, 53))),
    "a window of all": ((1, 1), (slice(5, 30), slice(7, 48))),
    "every other of a window": ((2, 2), (slice(6, 30), slice(4, 48))),
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_calibrated_pixels_are_those_of_the_result(recipe, grid):
    data = frame()
    whole, sketch = result(data, recipe), Sketch.of(data, "adu")
    for piece in recipe.pieces(SHAPE):
        thinned, places = shown(piece, *grid)
        values = calibrated(sketch, thinned, dtype=recipe.output_dtype)
        np.testing.assert_array_equal(values, whole[places])
        assert values.dtype == recipe.output_dtype


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_combined_bias_is_subtracted_where_it_belongs(recipe, grid):
    data = frame()
    bias = np.arange(result(data, recipe).size, dtype=float).reshape(recipe.result_shape(SHAPE))
    whole, sketch = result(data, recipe, bias), Sketch.of(data, "adu")
    for piece in recipe.pieces(SHAPE):
        thinned, places = shown(piece, *grid)
        values = calibrated(sketch, thinned, FileBias(bias), recipe.output_dtype)
        np.testing.assert_array_equal(values, whole[places])


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_bias_to_be_built_is_the_mean_of_its_frames(recipe, grid):
    frames = [frame(seed) for seed in range(4)]
    bias = FramesBias([Sketch.of(one, "adu") for one in frames])
    mean = np.mean([result(one, recipe) for one in frames], axis=0)
    for piece in recipe.pieces(SHAPE):
        thinned, places = shown(piece, *grid)
        np.testing.assert_allclose(bias.at(thinned), mean[places], rtol=1e-6)


def test_the_level_before_is_that_of_the_raw_pixels():
    data, sketch = frame(), Sketch.of(frame(), "adu")
    pieces = [shown(piece, (4, 4))[0] for piece in RECIPES[5].pieces(SHAPE)]
    expected = level_of(np.concatenate([data[piece.keep].ravel() for piece in pieces]))
    assert sketch.level(pieces) == expected
    assert sketch.level(pieces) == expected  # kept


def test_only_what_a_sketch_does_not_have_is_read():
    data, reads = frame(), []
    sketch = Sketch.of(data, "adu", lambda: reads.append(1) or data)
    np.testing.assert_array_equal(sketch[slice(4, 30, 8), slice(3, 9)], data[4:30:8, 3:9])
    np.testing.assert_array_equal(sketch[slice(3, 9), slice(4, 30, 8)], data[3:9, 4:30:8])
    assert not reads
    np.testing.assert_array_equal(sketch[slice(4, 30, 2), slice(3, 9)], data[4:30:2, 3:9])
    assert reads


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


def test_a_whole_frame_is_read_anew_when_it_has_changed(tmp_path):
    path, sketches = write_raw(tmp_path / "dark.fits", frame()), Sketches()
    sketch = sketches.get(path, "adu")
    np.testing.assert_array_equal(sketch.whole(), frame())
    assert sketch.whole() is sketch.whole()
    path.unlink()
    write_raw(path, frame(2))
    np.testing.assert_array_equal(sketch.whole(), frame(2))


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
    assert 900 < sketch.level(pieces)[0] < 1100
    assert np.isfinite(Sketch.of(random_frame(2), "adu").rows).all()
