"""How many threads to work on."""

import os

__all__ = ["default_workers"]


def default_workers():
    """Return how many threads to use: those that a batch leaves to this run, or what one run alone may take."""
    return int(os.environ.get("DARKCAL_WORKERS", 0)) or min(4, os.cpu_count() or 1)
