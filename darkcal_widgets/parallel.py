"""Threads: how many to work on, how to work on them, and the memory that each uses again. Not processes (batch)."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["BAND_BYTES", "default_workers", "own_array", "threaded"]

# Bytes of a result that are worked on at once: its working arrays stay in a processor's cache, and the threads seldom meet at
# Python's lock.
BAND_BYTES = 1 << 21

_OWN = threading.local()


def default_workers():
    """Return how many threads to use: those that a batch leaves to this run, or what one run alone may take."""
    return int(os.environ.get("DARKCAL_WORKERS", 0)) or min(4, os.cpu_count() or 1)


def threaded(function, items):
    """Do as ``list(map(function, items))``, several at a time."""
    with ThreadPoolExecutor(default_workers()) as pool:
        return list(pool.map(function, items))


def own_array(purpose, shape, dtype):
    """Return an array in memory of this thread, the same at each call for a purpose as long as it is large enough.

    To get new memory takes as long as the arithmetic that is done in it.

    Parameters
    ----------
    purpose : str
        What it is for; whoever asks for the same must be done with the array before.
    shape : tuple of int
    dtype : dtype

    Returns
    -------
    ndarray
        Whatever was left in it.
    """
    import numpy as np

    dtype = np.dtype(dtype)
    size = dtype.itemsize * int(np.prod(shape))
    memory = getattr(_OWN, purpose, None)
    if memory is None or memory.size < size:
        memory = np.empty(size, np.uint8)
        setattr(_OWN, purpose, memory)
    return memory[:size].view(dtype).reshape(shape)
