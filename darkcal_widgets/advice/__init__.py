"""Advice: the steps recommended for a night, with the measurement, the threshold and the reason behind each."""

from .advice import Advice, advise

__all__ = ["Advice", "advise"]
