"""A class: nights, exercises and marks. A student's notebook needs the exercise alone."""

from .exercise import Exercise

__all__ = ["Exercise"]
