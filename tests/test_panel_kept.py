"""What a notebook keeps of a panel."""

from darkcal_widgets.drawing import new_figure
from darkcal_widgets.errors import FrameError
from darkcal_widgets.panel.kept import picture_bundle, text_bundle


def test_a_picture_and_lines_of_text_are_kept():
    assert picture_bundle(lambda: new_figure(1, 1, ""))["image/png"].startswith("iVBOR")
    assert text_bundle(["one", "two\u202e"]) == {"text/plain": "one\ntwo\\u202e"}


def test_where_nothing_can_be_drawn_the_text_stays():
    def broken():
        raise FrameError("dark-0.fits cannot be read.")

    for figure in (broken, lambda: None):
        assert picture_bundle(figure) == {"text/plain": "DarkPanel"}
