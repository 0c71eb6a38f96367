import threading
import time

import numpy as np
import pytest

from darkcal_widgets.parallel import default_workers, own_array, threaded


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_are_those_a_batch_leaves_and_keep_the_order(monkeypatch, workers):
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


def test_a_thread_gets_its_memory_again_if_large_enough():
    first = own_array("test", (3, 4), "float64")
    again = own_array("test", (5, 2), ">i4")
    assert again.shape == (5, 2)
    assert again.dtype == ">i4"
    assert np.shares_memory(first, again)
    larger = own_array("test", (5, 4), "float64")
    assert not np.shares_memory(first, larger)
    assert np.shares_memory(own_array("test", (1, 1), "u1"), larger)


def test_threads_and_purposes_do_not_share_memory():
    mine, others = own_array("test", (9,), "u1"), []
    thread = threading.Thread(target=lambda: others.append(own_array("test", (9,), "u1")))
    thread.start()
    thread.join()
    others.append(own_array("another test", (9,), "u1"))
    assert not any(np.shares_memory(mine, other) for other in others)
