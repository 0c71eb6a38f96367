"""A class: a night and an exercise for each student, and marks for what they hand in. A student's notebook needs the exercise alone."""

from .exercise import Exercise

__all__ = ["Exercise"]
