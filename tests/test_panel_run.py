"""Runs that the panel starts, and how far each has come."""

import threading
from queue import Queue

import pytest

from darkcal_widgets import DarkPanel, Night, Recipe, simulate_night
from darkcal_widgets.errors import NightError
from darkcal_widgets.outcome import Outcome, Run
from darkcal_widgets.panel.run import Runs, compared

ONE = Outcome("dark-0.fits", "written")


@pytest.fixture
def told():
    return []


@pytest.fixture
def runs(told):
    return Runs(told.append)


def test_each_frame_is_counted(runs, told):
    def work(progress):
        progress.begin(2)
        progress.step(ONE)
        progress.step(Outcome("dark-1.fits", "failed"))
        return Run([ONE])

    runs.do(work)
    assert [(now["done"], now["failed"], now["running"]) for now in told] == [
        (0, 0, True),
        (1, 0, True),
        (2, 1, True),
        (2, 1, False),
    ]


def test_once_cancelled_it_is_stopping_until_the_end(runs, told):
    def work(progress):
        progress.begin(3)
        runs.cancel()
        progress.step(ONE)
        progress.step(ONE)
        return Run([ONE], cancelled=True)

    runs.do(work)
    assert [now.get("cancelling", False) for now in told] == [False, True, True, True, True]
    assert told[-1]["stopped"]
    runs.cancel()  # of a run that has ended
    assert len(told) == 5


def test_an_error_ends_a_run_and_is_said(runs, told):
    def work(_progress):
        raise NightError("there are no darks")

    with pytest.raises(NightError):
        runs.do(work)
    assert (told[-1]["lines"], told[-1]["running"]) == (["Stopped: there are no darks"], False)


def test_one_run_waits_for_another(runs):
    begun, go_on, order = threading.Event(), threading.Event(), []

    def first(_progress):
        begun.set()
        go_on.wait(10)
        order.append("first")
        return Run()

    thread = threading.Thread(target=runs.do, args=[first])
    thread.start()
    assert begun.wait(10)
    other = threading.Thread(target=runs.do, args=[lambda _progress: order.append("second") or Run()])
    other.start()
    go_on.set()
    thread.join(10)
    other.join(10)
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("2055:", "all is right."),
        ("2048:", "overscan: 7 contaminated columns were included"),
    ],
)
def test_where_the_truth_is_known_the_button_compares(tmp_path, columns, said):
    raw = simulate_night(tmp_path / "night", rows=64)
    recipe = Recipe(overscan_columns=columns, keep_columns=":2048")
    panel = DarkPanel(Night(raw, dark_folder=raw / "darks"), recipe, tmp_path / "out")
    lines = Queue()
    panel.observe(lambda change: lines.put(change.new.get("lines", [])), "progress")
    panel._act(panel, {"action": "calibrate"}, [])
    last = ""
    while "the truth" not in last:
        last = " ".join(lines.get(timeout=60))
    assert f"Compared with the truth of this simulated night: {said}" in last
    (raw / "truth.json").unlink()
    assert compared(panel.night, tmp_path / "out") == ""
    panel.close()
