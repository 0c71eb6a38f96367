"""What the darks tell: dark current, hot pixels, read noise, glow; and a dark scaled to another exposure."""

from .report import DarkReport, measure_darks
from .scale import scale_dark

__all__ = ["DarkReport", "measure_darks", "scale_dark"]
