"""Calibrating the darks of a night: the plan, one file, the whole night."""

from .night import calibrate_darks
from .plan import Plan, make_plan

__all__ = ["Plan", "calibrate_darks", "make_plan"]
