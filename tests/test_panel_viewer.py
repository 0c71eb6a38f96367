"""The viewer: which pixels of a window are shown, in their places, and handing a file to another program."""

import numpy as np
import pytest
from nights import random_frame, write_raw

from darkcal_widgets import Night, Recipe
from darkcal_widgets.errors import ParameterError
from darkcal_widgets.panel import viewer
from darkcal_widgets.panel.effect import Effect
from darkcal_widgets.panel.sketch import Sketch
from darkcal_widgets.panel.viewer import PICTURE_PIXELS, after_picture, grid

SHAPE = (37, 53)


@pytest.mark.parametrize("shape", [(4128, 2080), (4000, 6000), (20, 30), (1, 1), (3, 100_000)])
def test_the_whole_frame_is_shown_in_pixels_of_a_screen(shape):
    rows, columns = grid((), shape)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (0, shape[0], 0, shape[1])
    count = len(range(*rows.indices(shape[0]))) * len(range(*columns.indices(shape[1])))
    assert count <= PICTURE_PIXELS + max(shape) / rows.step
    assert rows.step in (1, 2) or rows.step % 4 == 0


def test_a_small_window_is_shown_pixel_by_pixel():
    assert grid((100, 400, 50, 550), (4128, 2080)) == (slice(100, 400, 1), slice(50, 550, 1))


@pytest.mark.parametrize("window", [(-50, 2, 5, 9), (5000, 6000, 0, 10), (30, 20, 20, 30), (1, 2, 3)])
def test_a_window_lies_in_the_frame_and_is_not_empty(window):
    for part, size in zip(grid(window, (40, 60)), (40, 60), strict=True):
        assert 0 <= part.start < part.stop <= size
        assert part.stop - part.start >= 8


def test_both_pictures_are_of_the_same_pixels(tmp_path):
    data = random_frame(1, SHAPE, 1200)
    write_raw(tmp_path / "dark.fits", data, "dark")
    shown = Effect(Night(tmp_path))
    recipe = Recipe(overscan_columns="45:", keep_columns="4:44")
    before = shown.raw("dark.fits", "adu", (5, 30, 0, 50))
    after = shown.result("dark.fits", recipe, None, (5, 30, 0, 50))
    assert {key: before[key] for key in ("rows", "columns", "size")} == {
        key: after[key] for key in ("rows", "columns", "size")
    }
    raw, result = (np.frombuffer(one["values"], np.float32).reshape(one["size"]) for one in (before, after))
    np.testing.assert_array_equal(raw, data[5:30, :50])
    expected = raw[:, 4:44] - np.median(data[5:30, 45:], axis=1, keepdims=True)
    np.testing.assert_array_equal(result[:, 4:44], expected)
    assert np.isnan(result[:, :4]).all()
    assert np.isnan(result[:, 44:]).all()


def test_each_amplifier_is_shown_where_it_is_in_the_frame():
    data = random_frame(1, SHAPE, 1200)
    sketch = Sketch.of(data, "adu")
    recipe = Recipe(amplifiers=((":3", "3:21"), ("21:24", "24:50")))
    picture = after_picture(sketch, recipe.pieces(SHAPE), None, "float32", grid((), SHAPE))
    assert np.flatnonzero(np.isnan(picture).all(axis=0)).tolist() == [0, 1, 2, 21, 22, 23, 50, 51, 52]
    np.testing.assert_array_equal(
        picture[:, 24:50], data[:, 24:50] - np.median(data[:, 21:24], axis=1, keepdims=True)
    )


def test_a_file_is_handed_to_ds9(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(viewer.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(viewer.subprocess, "Popen", lambda command, **_: started.append(command))
    assert "handed to DS9" in viewer.hand_over(tmp_path / "a b.fits", "DS9")
    assert started == [["ds9", str(tmp_path / "a b.fits")]]


def test_imviz_is_given_the_code_of_a_cell(monkeypatch, tmp_path):
    monkeypatch.setattr(viewer.importlib.util, "find_spec", lambda _: object())
    code = viewer.hand_over(tmp_path / "a'b.fits", "Imviz")
    compile(code, "cell", "exec")
    assert repr(str(tmp_path / "a'b.fits")) in code


@pytest.mark.parametrize("name", ["DS9", "Imviz", "rm"])
def test_a_viewer_that_is_not_there_is_said(monkeypatch, tmp_path, name):
    monkeypatch.setattr(viewer.shutil, "which", lambda _: None)
    monkeypatch.setattr(viewer.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ParameterError, match="not installed here"):
        viewer.hand_over(tmp_path / "a.fits", name)
