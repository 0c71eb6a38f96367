"""How every figure looks."""

import numpy as np
import pytest

from darkcal_widgets.drawing import level_and_spread, new_figure, plain, thinned


def test_a_large_image_is_thinned_and_a_small_one_is_not():
    assert thinned(np.zeros((4128, 400))).shape == (459, 400)


def test_titles_are_plain_text():
    figure = new_figure(3, 2, "$x$_{1}")
    assert plain("a$b") == r"a\$b"
    assert figure._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("image", [np.full((3, 3), 7), np.array([[0, 0, 0, 9]])])
def test_the_spread_of_an_image_is_above_zero(image):
    assert level_and_spread(image)[1] > 0
