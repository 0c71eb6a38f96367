"""How many threads to work on, and work on that many."""

import os
from concurrent.futures import ThreadPoolExecutor

__all__ = ["default_workers", "threaded"]


def default_workers():
    """Return how many threads to use: those that a batch leaves to this run, or what one run alone may take."""
    return int(os.environ.get("DARKCAL_WORKERS", 0)) or min(4, os.cpu_count() or 1)


def threaded(function, items):
    """Do as ``list(map(function, items))``, several at a time."""
    with ThreadPoolExecutor(default_workers()) as pool:
        return list(pool.map(function, items))
