"""A class: a night and an exercise for each student, and the marks for what they hand in."""

from .exercise import Exercise
from .make import make_class
from .mark import mark_class

__all__ = ["Exercise", "make_class", "mark_class"]
