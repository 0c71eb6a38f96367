"""What is asked of the settings before a run."""

import pytest

from darkcal_widgets.panel.questions import Questions

ONE, OTHER = ("LFC", "20 x 30"), ("CG16M", "40 x 60")
VALUES = {"overscan_columns": "24:", "keep_columns": ":22", "subtract_bias": False, "amplifiers": None}


@pytest.fixture
def questions():
    found = Questions()
    found.ask(VALUES, ONE)
    return found


def test_another_cameras_settings_are_questioned_until_changed(questions):
    assert questions.open == {}
    questions.ask(VALUES, OTHER)
    assert set(questions.open) == {"overscan_columns", "keep_columns"}
    assert "another night (LFC 20 x 30)" in questions.open["keep_columns"]
    questions.ask(VALUES | {"keep_columns": ":50"}, OTHER)
    assert set(questions.open) == {"overscan_columns"}
    questions.ask(VALUES, ONE)  # back again
    assert questions.open == {}


def test_what_is_accepted_is_not_asked_again(questions):
    questions.ask(VALUES, OTHER)
    questions.accept(VALUES, OTHER)
    questions.ask(VALUES, OTHER)
    assert questions.open == {}


def test_without_frames_nothing_is_asked_or_accepted(questions):
    questions.ask(VALUES, None)
    assert (questions.open, questions.accepted[0]) == ({}, ONE)


def test_what_the_advice_left_open_is_asked(questions):
    questions.leave_open(VALUES, {"subtract_bias": "Is it?"})
    questions.ask(VALUES, ONE)
    assert questions.open == {"subtract_bias": "Is it?"}
    questions.ask(VALUES | {"subtract_bias": True}, ONE)
    assert questions.open == {}
