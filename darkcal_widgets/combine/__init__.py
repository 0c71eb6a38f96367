"""Combined bias and combined darks: the clipped average of many frames."""

from .files import COMBINED_BIAS, combine_bias, combine_darks

__all__ = ["COMBINED_BIAS", "combine_bias", "combine_darks"]
