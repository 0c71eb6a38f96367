"""A number with its uncertainty, and the read noise from pairs of bias frames."""

from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError
from ..statistics import near_bounds, t_quantile

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "hidden_by_rounding",
    "known_gain",
    "pooled",
    "read_noise",
    "row_noise",
    "student_t",
]

# Of a class of a hundred students, one sees the truth outside of the interval.
CONFIDENCE = 0.99

_CLIP = 5.0

# Neighbouring rows or columns may have noise in common: strips of them are compared, too.
_STRIPS = 16

# Values that are enough to know the step of the counts.
_ENOUGH = 250_000


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
    """Measure the read noise from pairs of bias frames: how much a pixel scatters from frame to frame.

    The difference of two frames of one camera holds nothing but the noise of both, so that the read noise is its standard
    deviation over the square root of 2 (Janesick 2001, Scientific Charge-Coupled Devices, chapter 2), less the variance of
    rounding to the camera's step, a twelfth of its square (Sheppard's correction). What the pixels of a row have in common in one
    frame and not in the next is part of it.

    Parameters
    ----------
    frames : sequence of ndarray
        Raw bias frames, at least two, of one shape (rows, columns).
    gain : float, optional
        Electrons per ADU; `None`: the result is in ADU.

    Returns
    -------
    Estimate
        Its uncertainty is taken from how rows, columns and strips of them differ, so that it holds for noise that they have in
        common; and it takes in what rounding hides where the noise is below the step.

    Raises
    ------
    ParameterError
        There are fewer than two frames.
    """
    pairs = list(zip(frames[::2], frames[1::2], strict=False))
    if not pairs:
        raise ParameterError(f"frames holds {len(frames)} bias frame; it takes two to see the noise.")
    return pooled([_pair_noise(*pair, gain) for pair in pairs])


def pooled(estimates):
    """Return the read noise of several independent pairs of frames from that of each."""
    value = np.sqrt(np.mean([one.value**2 for one in estimates]))
    error = np.sqrt(np.sum([one.uncertainty**2 for one in estimates])) / len(estimates)
    return Estimate(float(value), float(error), estimates[0].unit)


def row_noise(one, other):
    """Measure the noise that the pixels of a row have in common in one frame.

    Parameters
    ----------
    one, other : ndarray
        Raw frames of one shape (rows, columns).

    Returns
    -------
    float
        Standard deviation, in the unit of the frames; 0 if rows differ by no more than their pixels explain.
    """
    difference, near = _difference(one, other)
    count = np.maximum(near.sum(axis=1), 1)
    rows = np.where(near, difference, 0).sum(axis=1) / count
    explained = np.var(difference[near], dtype=np.float64) / count.mean()
    excess = np.var(rows, ddof=1) - explained if len(rows) > 1 else 0.0
    # The variance of n numbers is known to sqrt(2 / n) of itself.
    return float(np.sqrt(excess / 2)) if excess > 3 * np.sqrt(2 / len(rows)) * explained else 0.0


def hidden_by_rounding(one, other):
    """Return how far the level of a frame may be off for rounding: next to nothing where the noise is larger than the step.

    Parameters
    ----------
    one, other : ndarray
        Raw bias frames of one shape (rows, columns).

    Returns
    -------
    float
        In the unit of the frames: half a step times ``exp(-2 pi^2 v)`` for a variance v of the noise in squares of the step,
        which is no less than the mean error of rounding a Gaussian; Widrow & Kollár (2008), Quantization Noise, section 4.4.
    """
    difference, near = _difference(one, other)
    step = _step(one, other)
    found = np.var(difference[near], dtype=np.float64) / 2 - step**2 / 12 if near.any() else 0.0
    least, _ = _true_variances(found, 0.0, step)
    return float(step / 2 * np.exp(-2 * np.pi**2 * least / step**2))


def student_t(freedom):
    """Return Student's t for an interval of the confidence `CONFIDENCE` ("Student" 1908, Biometrika 6, 1)."""
    return t_quantile(max(1, freedom), (1 - CONFIDENCE) / 2)


def _pair_noise(one, other, gain):
    difference, near = _difference(one, other)
    middle = np.mean(difference[near], dtype=np.float64) if near.any() else 0.0
    squares = np.where(near, (difference - middle) ** 2 / 2, 0)
    total = squares.sum(dtype=np.float64) / max(near.sum(), 1)
    step = _step(one, other)
    low, high = _true_variances(total - step**2 / 12, _variance_error(squares, near, total), step)
    noise = np.sqrt(max(total - step**2 / 12, 0.0))
    reach = max(np.sqrt(high) - noise, noise - np.sqrt(low))
    factor = 1.0 if gain is None else gain
    return Estimate(float(factor * noise), float(factor * reach), "adu" if gain is None else "e-")


def _difference(one, other):
    """Return the difference of two frames, and where it is not an outlier."""
    difference = np.subtract(one, other, dtype=np.float32)
    low, high = near_bounds(difference, _CLIP)
    return difference, (difference >= low) & (difference <= high)


def _variance_error(squares, near, total):
    """Return the uncertainty of the mean of squares, whatever rows, columns or strips of them have in common."""
    reaches = [student_t(near.sum()) * total * np.sqrt(2 / max(near.sum(), 1))]
    for axis in (0, 1):
        sums, counts = squares.sum(axis=axis, dtype=np.float64), near.sum(axis=axis)
        for parts in {len(sums), min(_STRIPS, len(sums))}:
            starts = np.linspace(0, len(sums), parts, endpoint=False).astype(int)
            weights = np.add.reduceat(counts, starts)
            means = np.add.reduceat(sums, starts)[weights > 0] / weights[weights > 0]
            if len(means) > 1:
                reaches.append(student_t(len(means) - 1) * np.std(means, ddof=1) / np.sqrt(len(means)))
    return max(reaches)


def _true_variances(found, error, step):
    """Return the least and the greatest variance of the noise that may be behind one that was found.

    For a Gaussian, Sheppard's correction is off by no more than the largest term that it leaves out: Widrow & Kollár (2008),
    Quantization Noise, section 4.4.
    """
    true = np.maximum(found + np.linspace(-1, 1, 2001) * (error + step**2 / np.pi**2), 0.0)
    squares = true / step**2
    hidden = step**2 * np.exp(-2 * np.pi**2 * squares) * (4 * squares + 1 / np.pi**2)
    possible = true[np.abs(found - true) <= error + hidden]
    return (possible[0], possible[-1]) if possible.size else (0.0, max(found, 0.0) + error)


def _step(one, other):
    """Return the step of the counts: 16 for 12 bits that are stored times 16; near 0 for numbers that are not whole."""
    sample = np.concatenate([np.ravel(frame)[:: max(1, frame.size // _ENOUGH)] for frame in (one, other)])
    sample = sample[np.isfinite(sample)]
    if not sample.size or (sample != np.rint(sample)).any():
        return 1e-6
    return float(np.gcd.reduce((sample - sample.min()).astype(np.int64))) or 1.0
