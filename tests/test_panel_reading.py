"""Reading ahead: everything once, one after the other, and what fails not again."""

import time

from darkcal_widgets.errors import FrameError
from darkcal_widgets.panel.reading import ReadAhead


def read_all(left, broken=()):
    """Read what is left until the reader says that it has come to the end; return what was read and how often it was shown."""
    done, shown = [], []

    def read(name):
        if name in broken:
            done.append(f"not {name}")
            raise FrameError(f"{name} cannot be read.")
        left.remove(name)
        done.append(name)

    reader = ReadAhead(
        lambda: {name: lambda name=name: read(name) for name in left}, lambda: shown.append(len(done))
    )
    reader.start()
    deadline = time.monotonic() + 10
    while not shown and time.monotonic() < deadline:
        time.sleep(0.01)
    return done, shown


def test_everything_is_read_once_and_shown():
    assert read_all(["a", "b", "c"]) == (["a", "b", "c"], [3])


def test_what_cannot_be_read_is_passed_over():
    assert read_all(["a", "b", "c"], broken=["b"]) == (["a", "not b", "c"], [3])


def test_it_ends_when_nothing_is_to_be_drawn():
    shown = []
    reader = ReadAhead(lambda: None, lambda: shown.append(1))
    reader.start()
    assert shown == []
