"""Memory that a thread uses again and again: to get new memory takes as long as the arithmetic that is done in it."""

import threading

__all__ = ["BAND_BYTES", "own_array"]

# Bytes of a result that are worked on at once: its working arrays stay in a processor's cache, and the threads seldom meet at
# Python's lock.
BAND_BYTES = 1 << 21

_OWN = threading.local()


def own_array(purpose, shape, dtype):
    """Return an array in memory of this thread, the same at each call for a purpose as long as it is large enough.

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
