import threading
import time

import pytest

from darkcal_widgets.workers import default_workers, threaded


@pytest.mark.parametrize("workers", [1, 3])
def test_things_are_worked_on_by_as_many_threads_as_a_batch_leaves_and_come_in_order(monkeypatch, workers):
    monkeypatch.setenv("DARKCAL_WORKERS", str(workers))
    assert default_workers() == workers
    threads = set()

    def double(number):
        threads.add(threading.current_thread())
        time.sleep(0.01)
        return 2 * number

    assert threaded(double, range(9)) == list(range(0, 18, 2))
    assert len(threads) == workers


def test_what_goes_wrong_in_a_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        threaded(lambda number: 1 / number, [1, 0])
