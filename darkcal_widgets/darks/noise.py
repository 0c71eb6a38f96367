"""A number with its uncertainty, and the read noise."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from ..errors import ParameterError
from ..statistics import without_outliers

__all__ = ["CONFIDENCE", "Estimate", "known_gain", "read_noise", "student_t"]

# Of a class of a hundred students, one sees the truth outside of the interval.
CONFIDENCE = 0.99

_CLIP = 5.0

# Rounding to whole ADU adds this variance to each frame (Sheppard's correction).
_ROUNDING_VARIANCE = 1 / 12


@dataclass(frozen=True)
class Estimate:
    """A number, its uncertainty (99 % confidence), and its unit."""

    value: float
    uncertainty: float
    unit: str = ""

    def __str__(self):
        if not np.isfinite(self.uncertainty) or self.uncertainty <= 0:
            return f"{self.value:.4g} {self.unit}".strip()
        digits = max(0, 1 - int(np.floor(np.log10(self.uncertainty))))
        return f"{self.value:.{digits}f} ± {self.uncertainty:.{digits}f} {self.unit}".strip()


def known_gain(info, gain=None):
    """Return the gain that was given, else 1 for a frame in electrons, else that of the header or `None`."""
    if gain is not None:
        return gain
    if info.unit == "electron":
        return 1.0
    return info.gain if info.gain is not None and info.gain > 0 else None


def read_noise(frames, gain=None):
    """Measure the read noise from pairs of bias frames.

    The difference of two frames of one camera holds nothing but the noise of both, so that the read noise is its standard
    deviation over the square root of 2, less the variance 1/12 that rounding to whole ADU adds to each frame.

    Parameters
    ----------
    frames : sequence of ndarray
        Raw bias frames, at least two, of one shape.
    gain : float, optional
        Electrons per ADU; `None`: the result is in ADU.

    Returns
    -------
    Estimate

    Raises
    ------
    ParameterError
        There are fewer than two frames.
    """
    pairs = list(zip(frames[::2], frames[1::2], strict=False))
    if not pairs:
        raise ParameterError(f"frames holds {len(frames)} bias frame; it takes two to see the noise.")
    variances, pixels = [], 0
    for one, other in pairs:
        difference = _difference(one, other)
        variances.append(np.var(difference) / 2 - _ROUNDING_VARIANCE)
        pixels += difference.size
    variance = max(float(np.mean(variances)), 0.0)
    total = variance + _ROUNDING_VARIANCE
    factor = 1.0 if gain is None else gain
    # A variance from N differences is known to sqrt(2 / N) of itself.
    error = student_t(pixels) * total * np.sqrt(2 / pixels) / (2 * np.sqrt(max(variance, 1e-12)))
    return Estimate(factor * np.sqrt(variance), factor * float(error), "adu" if gain is None else "e-")


def student_t(freedom):
    """Return Student's t for an interval of the confidence `CONFIDENCE`."""
    return float(stdtrit(max(1, freedom), (1 + CONFIDENCE) / 2))


def _difference(one, other):
    return without_outliers(np.subtract(one, other, dtype=np.float32), _CLIP).astype(np.float64)
