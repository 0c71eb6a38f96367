import threading

import numpy as np

from darkcal_widgets.memory import own_array


def test_a_thread_gets_the_same_memory_again_as_long_as_it_is_large_enough():
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
