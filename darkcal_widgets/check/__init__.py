"""Results against the truth, in sentences."""

from .check import Check, CheckReport, check_run, find_night

__all__ = ["Check", "CheckReport", "check_run", "find_night"]
