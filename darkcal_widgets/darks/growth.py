"""How counts grow with the exposure: dark current from the levels of frames, and whether hot pixels keep to a straight line.

Levels and counts come as numbers; files are read in `report`.
"""

from dataclasses import dataclass

import numpy as np

from .noise import student_t

__all__ = ["LINEARITY", "Linearity", "Slope", "jitter_of", "linearity_of", "mean_and_error", "slope_of"]

# Counts that stray from a straight line by more than this are not linear: better shutters and amplifiers keep within 1 %.
LINEARITY = 0.03

# What is not known better than this cannot be called linear.
_UNSURE = 0.1

# A drift is spoken of if it is as many times its uncertainty.
_DRIFT_SURE = 1.0

# Where nothing but the darks themselves can tell it, a drift goes on to the bias frames if it is as many standard errors.
_DRIFT_SEEN = 1.0

# Scatter of this part of the levels is that of computing with them.
_ROUNDING = 1e-12

# Hot pixels between these serve for linearity: well above the noise, well below saturation.
_LEAST_SIGMA, _MOST_FRACTION = 20.0, 0.5


@dataclass(frozen=True)
class Slope:
    """Growth of a level per second, with its uncertainty (99 % confidence), and the drift beside it.

    Attributes
    ----------
    value, uncertainty : float
    drift : float
        From one frame to the next; 0: none is sure.
    """

    value: float
    uncertainty: float
    drift: float = 0.0


def slope_of(seconds, levels, order=None):
    """Fit a straight line to levels, and beside it a drift of the bias level with the order of the frames.

    Parameters
    ----------
    seconds, levels : ndarray
        One of each frame.
    order : ndarray, optional
        Number of each frame in the order in which they were taken; `None`: the bias level cannot drift, since each frame's own
        overscan was subtracted.

    Returns
    -------
    Slope or None
        `None`: the frames are too few, or have no scatter that would tell how sure it is.

    Notes
    -----
    Ordinary least squares, with Student's t for the uncertainty. The drift is always fitted: left out where it is not seen, it is
    outside of one interval in ten where it is as large as its standard error.
    """
    ones = np.ones(len(levels))
    fit = _fit([seconds, ones] if order is None else [seconds, ones, order - np.mean(order)], levels)
    if fit is None:
        return None
    drift = fit.value[2] if order is not None and abs(fit.value[2]) > _DRIFT_SURE * fit.reach(2) else 0.0
    return Slope(fit.value[0], fit.reach(0), drift)


def mean_and_error(levels, order=None, away=0.0):
    """Return the mean of levels that should be equal, with its uncertainty.

    Parameters
    ----------
    levels : ndarray
    order : ndarray, optional
        See `slope_of`.
    away : float
        How many frames away, in the order, the level is needed: a drift that is seen between these frames goes on.

    Returns
    -------
    tuple of float or None
        `None`: there is only one, or no scatter.
    """
    fit = _fit([np.ones(len(levels))], levels)
    drifting = None if order is None else _fit([order - np.mean(order), np.ones(len(levels))], levels)
    if fit is None:
        return None
    drift = 0.0
    if drifting is not None and abs(drifting.value[0]) > _DRIFT_SEEN * drifting.error[0]:
        drift = abs(drifting.value[0]) + drifting.reach(0)
    return fit.value[0], fit.reach(0) + drift * away


def jitter_of(groups):
    """Return how much the dark current varies from frame to frame, as temperature makes it, and how sure that is.

    Parameters
    ----------
    groups : list of ndarray
        For each exposure, the summed counts of the hot pixels in each frame.

    Returns
    -------
    jitter : float
        Standard deviation over the mean.
    freedom : int
        Degrees of freedom; 0: no exposure has two frames.
    """
    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(np.sum((group / np.mean(group) - 1) ** 2) for group in groups if np.mean(group) > 0)
    return (float(np.sqrt(squares / freedom)) if freedom else np.nan), freedom


@dataclass(frozen=True)
class Linearity:
    """What hot pixels show of the growth with exposure.

    Attributes
    ----------
    text : str
        What was found, in words.
    growth : dict
        Exposure to the counts over those in the longest exposure, and their uncertainty.
    jitter : float
        See `jitter_of`; NaN: not known.
    freedom : int
    """

    text: str
    growth: dict
    jitter: float = np.nan
    freedom: int = 0


def linearity_of(seconds, counts, sigma, hidden=0.0):
    """Compare the hot pixels of each exposure with the longest: in a linear camera counts grow as the exposure.

    Parameters
    ----------
    seconds : list of float
        Exposures, by length.
    counts : list of ndarray
        For each of them, counts of the hot pixels above the level: shape (frames, pixels).
    sigma : float
        Noise of a pixel in the average of the longest exposure.
    hidden : float
        How far the level may be off for rounding.

    Returns
    -------
    Linearity
    """
    longest = np.mean(counts[-1], axis=0)
    most = _MOST_FRACTION * np.max(longest, initial=0.0)
    good = (longest > _LEAST_SIGMA * sigma) & (longest < most)
    if good.sum() < 3 or not sigma > 0:
        return Linearity(_too_few(len(seconds)), {})
    sums = [group[:, good].sum(axis=1) for group in counts]
    jitter, freedom = jitter_of(sums)
    if len(seconds) < 2:
        return Linearity("there is only one exposure", {}, jitter, freedom)
    growth, judged = {}, []
    for exposure, group in zip(seconds[:-1], sums[:-1], strict=True):
        ratio, error = _ratio(group, sums[-1], sigma * np.sqrt(good.sum() * len(sums[-1])), jitter, freedom)
        error += hidden * good.sum() / np.mean(sums[-1])
        expected = exposure / seconds[-1]
        growth[exposure] = (float(ratio), float(error))
        judged.append((ratio / expected - 1, error / expected))
    worst, error = max(judged, key=lambda pair: abs(pair[0]) - pair[1])
    word = "yes" if abs(worst) <= max(LINEARITY, error) else "no"
    word = "unclear" if word == "yes" and error > _UNSURE else word
    text = f"{word}: counts of {int(good.sum())} hot pixels follow a straight line within {abs(worst):.1%} ± {error:.1%}"
    if not freedom:
        text += "; no exposure has two darks, so a change of temperature would look the same"
    return Linearity(text, growth, jitter, freedom)


def _too_few(exposures):
    return "there is only one exposure" if exposures < 2 else "there are too few hot pixels below saturation"


def _ratio(group, longest, noise, jitter, freedom):
    """Return the ratio of mean counts with its uncertainty: noise of the pixels, and jitter of the dark current.

    `noise` is that of the summed counts in one frame.
    """
    total = np.mean(longest)
    ratio = np.mean(group) / total
    of_pixels = student_t(1000) * noise / np.sqrt(len(group)) / total
    of_jitter = (
        student_t(freedom) * jitter * ratio * np.sqrt(1 / len(group) + 1 / len(longest)) if freedom else 0.0
    )
    return ratio, np.hypot(of_pixels, of_jitter)


@dataclass(frozen=True)
class _Fit:
    """Coefficients of a linear least-squares fit, their standard errors, and the degrees of freedom."""

    value: np.ndarray
    error: np.ndarray
    freedom: int

    def reach(self, index):
        """Return half the width of the interval of one coefficient (99 % confidence)."""
        return float(student_t(self.freedom) * self.error[index])


def _fit(columns, levels):
    """Fit by least squares; `None`: the columns depend on each other, or there is no scatter to take the errors from."""
    design = np.column_stack(columns).astype(float)
    freedom = len(levels) - design.shape[1]
    if freedom < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    value, squares, _, _ = np.linalg.lstsq(design, levels, rcond=None)
    variance = float(squares[0]) / freedom if squares.size else 0.0
    if not variance > (_ROUNDING * np.max(np.abs(levels))) ** 2:
        return None
    return _Fit(value, np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design))), freedom)
