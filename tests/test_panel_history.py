"""Going back and forward between settings."""

import pytest

from darkcal_widgets.panel import history
from darkcal_widgets.panel.history import History


@pytest.fixture
def clock(monkeypatch):
    """Time that stands still until it is set."""
    now = [100.0]
    monkeypatch.setattr(history.time, "monotonic", lambda: now[0])
    return now


def noted(clock, *states):
    found = History()
    for state in states:
        clock[0] += 10
        found.note(state)
    return found


def test_there_is_nothing_to_go_back_to_at_first(clock):
    start = noted(clock, {"keep": 1})
    assert (start.back, start.forward, start.step(-1), start.step(1)) == ([], [], None, None)


def test_each_change_is_a_step_back_and_forward(clock):
    steps = noted(clock, {"keep": 1, "bias": False}, {"keep": 2, "bias": False}, {"keep": 2, "bias": True})
    assert (steps.back, steps.forward) == (["bias"], [])
    assert steps.step(-1)[0] == {"keep": 2, "bias": False}
    assert (steps.back, steps.forward) == (["keep"], ["bias"])
    steps.step(-1)
    assert steps.step(1)[0] == {"keep": 2, "bias": False}


def test_what_is_the_same_is_no_step(clock):
    steps = noted(clock, {"keep": 1}, {"keep": 1}, {"keep": 2}, {"keep": 2})
    assert steps.step(-1)[0] == {"keep": 1}
    assert steps.step(-1) is None


def test_a_change_after_going_back_forgets_what_came_after(clock):
    steps = noted(clock, {"keep": 1}, {"keep": 2}, {"keep": 3})
    steps.step(-1)
    clock[0] += 10
    steps.note({"keep": 9})
    assert steps.forward == []
    assert steps.step(-1)[0] == {"keep": 2}


def test_the_keys_of_one_text_are_one_step(clock):
    steps = noted(clock, {"keep": "", "bias": False})
    for text in ("2", "20", "205", "205:"):
        clock[0] += 0.3
        steps.note({"keep": text, "bias": False})
    clock[0] += 0.3
    steps.note({"keep": "205:", "bias": True})  # another setting
    assert steps.step(-1)[0]["keep"] == "205:"
    assert steps.step(-1)[0]["keep"] == ""


def test_a_change_right_after_going_back_is_a_step_of_its_own(clock):
    steps = noted(clock, {"keep": 1}, {"keep": 2})
    steps.step(-1)
    steps.note({"keep": 3})
    assert steps.step(-1)[0] == {"keep": 1}


def test_what_was_accepted_goes_with_the_settings(clock):
    steps = History()
    steps.note({"keep": 1}, "one camera")
    steps.note({"keep": 2}, "another")
    assert steps.step(-1) == ({"keep": 1}, "one camera")
