"""Many runs with one command: a semester of nights, or a class of students."""

from .batch import Batch, run_batch

__all__ = ["Batch", "run_batch"]
