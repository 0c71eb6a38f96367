import pickle
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkcal_widgets.errors import DarkcalError, FrameError, RunError
from darkcal_widgets.outcome import Outcome, Run
from darkcal_widgets.text import visible


@given(st.text())
def test_what_is_shown_is_printable_and_only_escaped_once(text):
    shown = visible(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Zl", "Zp", "Cs"}
    assert visible(shown) == shown


@pytest.mark.parametrize("text", ["dark-1.fits", "Sträßle 暗 <b>$x$</b>", "C:\\raw\\dark"])
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == text


def test_an_error_shows_no_terminal_what_it_could_act_on():
    error = FrameError("a\x1b[2J\nb\u202e.fits is damaged")
    assert str(error) == "a\\x1b[2J\\nb\\u202e.fits is damaged"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_each_failure_has_one_line_whatever_its_name():
    run = Run([Outcome("a\nfailed: b", "failed", reason="cut\x07 off"), Outcome("c", "failed", reason="no")])
    with pytest.raises(RunError) as raised:
        run.raise_failures()
    assert str(raised.value).splitlines()[1:] == ["  a\\nfailed: b: cut\\x07 off", "  c: no"]
    assert str(run).splitlines()[1] == "failed: a\\nfailed: b: cut\\x07 off"
    assert issubclass(RunError, DarkcalError)
