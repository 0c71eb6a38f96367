"""The average of many frames without cosmic rays: what is far, and how far a pixel's noise reaches. Files are read elsewhere.

A value is left out where the noise of its pixel does not explain it, as IRAF's ``ccdclip`` does: the read noise, which is
measured from the frames themselves, and the shot noise of the pixel's charge. With few frames that is much safer than the scatter
of the pixel's own values: the median absolute deviation of three is often so small by chance that a fifth of the pixels lose a
good value. `mad_clipped_average` does that all the same, for it is what ccdproc does.
"""

from dataclasses import dataclass

import numpy as np

from ..statistics import median_and_scatter, without_outliers

__all__ = [
    "CLIP_SIGMA",
    "FEW_FRAMES",
    "PixelNoise",
    "clipped_average",
    "mad_clipped_average",
    "measure_noise",
]

# Deviations beyond this many standard deviations are left out: far enough that a Gaussian loses one value in two million,
# near enough to remove a cosmic ray.
CLIP_SIGMA = 5.0

# With fewer frames, a cosmic ray is told from noise by the noise model alone, and in two frames not at all.
FEW_FRAMES = 4

# The charge of a pixel differs from frame to frame by about this part of it, beside its shot noise: a tenth of a kelvin changes
# dark current by 1 %. In `ccdclip` it is called sensitivity noise.
_SENSITIVITY = 0.01

# Levels that are so many standard deviations, of a pixel and of all levels, from the others have not drifted there.
_FAR_OFF = 10.0

# Pixels averaged at once: few enough for a processor's cache, enough that a call of NumPy is cheap for each.
_BLOCK = 1 << 15


@dataclass(frozen=True)
class PixelNoise:
    """The noise of one pixel in one frame, in the unit of the frames.

    Attributes
    ----------
    sigma : float
        Standard deviation at `level`: read noise, rounding, and shot noise of the dark current that all pixels have.
    level : float
        Of most pixels, averaged over the frames.
    offsets : ndarray
        Shape (frames,): level of each frame, less their mean; 0 for a frame whose level is far from all others.
    gain : float or None
        Electrons per unit of the frames, for the shot noise of brighter pixels; `None`: not known.
    """

    sigma: float
    level: float
    offsets: np.ndarray
    gain: float | None = None

    def sigma_at(self, value):
        """Return the standard deviation of pixels that hold `value` on average.

        The variance is ``sigma^2 + S / g + (0.01 S)^2`` with S what the value is above the level, and g the gain: the photon
        transfer curve, Janesick (2001), Scientific Charge-Coupled Devices, chapter 2, and the sensitivity noise of IRAF's
        ``ccdclip``.
        """
        charge = np.maximum(value - self.level, 0)
        shot = 0.0 if self.gain is None else 1 / self.gain
        return np.sqrt(self.sigma**2 + charge * (shot + _SENSITIVITY**2 * charge))

    def is_guess_at(self, value):
        """Tell where the shot noise, for want of a gain, is not known and, at 1 e-/ADU, as large as the noise that is known."""
        return (self.gain is None) & (value - self.level > self.sigma * max(self.sigma, 4.0))


def measure_noise(samples, gain=None):
    """Measure the noise of a pixel from the differences of successive frames, in which all that is fixed cancels.

    Parameters
    ----------
    samples : iterable of ndarray
        The same pixels of each frame, ten thousand or more; only two of them are looked at at once. NaN is not a value.
    gain : float, optional
        Electrons per unit of the frames.

    Returns
    -------
    PixelNoise
        One frame that is bad in part does not make it larger: it is in two differences, and their median counts.
    """
    samples = map(_as_float, samples)
    previous = first = next(samples)
    steps, variances = [0.0], []
    for sample in samples:
        difference = without_outliers(sample - previous, CLIP_SIGMA)
        steps.append(np.mean(difference, dtype=np.float64) if difference.size else 0.0)
        variances += [np.var(difference, dtype=np.float64) / 2] if difference.size else []
        previous = sample
    sigma = np.sqrt(np.quantile(variances, 0.5, method="lower")) if variances else 0.0
    drift = np.cumsum(steps)
    usual = ~_is_far_off(drift, sigma)
    center = drift[usual].mean()
    return PixelNoise(
        float(sigma), _middle(first) + float(center), np.where(usual, drift - center, 0.0), gain
    )


def _is_far_off(levels, sigma):
    """Tell which levels no drift explains, as of a frame with light: such a frame's values are compared as they are."""
    middle = np.median(levels)
    scatter = median_and_scatter(levels)[1]
    return np.abs(levels - middle) > _FAR_OFF * max(sigma, scatter)


def clipped_average(stack, noise, sigma=CLIP_SIGMA):
    """Average along the first axis without the values that the noise does not explain.

    Parameters
    ----------
    stack : ndarray
        Shape (frames, ...), of any number type; it is not changed. NaN and infinity are not values.
    noise : PixelNoise
        From `measure_noise` of the same frames.
    sigma : float
        How far a value may be, in standard deviations of its pixel.

    Returns
    -------
    ndarray
        Shape (...), float64; NaN where no frame has a value.

    Notes
    -----
    Each frame's own offset is taken from its values before they are compared and averaged, so that a pixel keeps its level
    where a value is left out. Where no value is further than the noise allows from the average of all but the lowest and the
    highest, all are kept; elsewhere those far from the median are left out. If they are more than a third, the noise model
    does not hold for that pixel, and the scatter of its own values decides what is far. Of one or two values none is left out.
    """
    flat = _as_float(stack).reshape(len(stack), -1)
    average = np.empty(flat.shape[1])
    for start in range(0, flat.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        average[block] = _average_block(flat[:, block], noise, sigma)
    return average.reshape(stack.shape[1:])


def mad_clipped_average(stack, sigma=CLIP_SIGMA):
    """Average as `ccdproc.combine` does with sigma clipping by `numpy.ma.median` and `astropy.stats.mad_std`; one pass.

    Parameters
    ----------
    stack, sigma
        See `clipped_average`.

    Returns
    -------
    ndarray
        Shape (...), float64; NaN where no frame has a value.
    """
    values = stack.astype(np.float64)
    filled = _filled(values)
    median, scatter = median_and_scatter(filled, axis=0)
    return _mean_of(values, np.abs(filled - median) <= sigma * scatter)


def _as_float(values):
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def _middle(values):
    finite = values[np.isfinite(values)]
    return float(np.median(finite.astype(np.float64))) if finite.size else 0.0


def _average_block(values, noise, sigma):
    with np.errstate(over="ignore", invalid="ignore"):  # infinities and NaN, which are looked at again
        total, lowest, highest = _sums_and_extremes(values, noise.offsets.astype(values.dtype))
        average = total / len(values)
        doubtful = ~np.isfinite(average)
        if len(values) > 2:
            doubtful |= _may_be_far(total, lowest, highest, len(values), noise, sigma)
    places = np.flatnonzero(doubtful)
    if len(places):
        offsets = noise.offsets[:, None]
        average[places] = _without_far(values.take(places, axis=1) - offsets, noise, sigma)
    return average


def _sums_and_extremes(values, offsets):
    """Return the sum of each pixel's values, and the lowest and the highest less their frame's offset, in one pass."""
    total, lowest = values[0].astype(np.float64), values[0] - offsets[0]
    wide, highest, shifted = np.empty_like(total), lowest.copy(), np.empty_like(lowest)
    for row, offset in zip(values[1:], offsets[1:], strict=True):
        np.copyto(wide, row)  # quicker than numpy's own conversion while it adds
        total += wide
        np.subtract(row, offset, out=shifted)
        np.minimum(lowest, shifted, out=lowest)
        np.maximum(highest, shifted, out=highest)
    return total, lowest, highest


def _may_be_far(total, lowest, highest, count, noise, sigma):
    """Tell where a value is far from the average of all but the lowest and the highest: nearly nowhere."""
    # Elsewhere even the two are nearer to each other than that; a hundredth is for rounding.
    far = highest - lowest >= 0.99 * sigma * noise.sigma
    places = np.flatnonzero(far)
    lowest, highest = lowest[places], highest[places]
    center = ((total[places] - lowest - highest) / (count - 2)).astype(lowest.dtype)
    bound = sigma * noise.sigma_at(center)
    far[places] = (highest - center > bound) | (center - lowest > bound)
    return far


def _without_far(values, noise, sigma):
    """Average a few pixels of float64 values without those far from the median; what is not finite is not a value."""
    filled = _filled(values)
    median, scatter = median_and_scatter(filled, axis=0)
    deviation = np.abs(filled - median)
    bound = sigma * noise.sigma_at(median)
    count = np.isfinite(filled).sum(axis=0)
    unexplained = (deviation > bound).sum(axis=0) > count // 3
    own = np.maximum(bound, sigma * scatter * _small_sample(count))
    return _mean_of(values, deviation <= np.where(unexplained | noise.is_guess_at(median), own, bound))


def _filled(values):
    """Return the values with NaN for what is not finite, and 0 in pixels that have no value at all: their median is of no use."""
    finite = np.isfinite(values)
    return np.where(finite, values, np.where(finite.any(axis=0), np.nan, 0))


def _small_sample(count):
    """Return how much wider a bound from the median absolute deviation of few values has to be.

    With it, one pixel in a hundred of pure noise loses a value, for 5 standard deviations and from 3 values on; found by drawing
    200,000 Gaussian samples of each size. Less than 1 in a hundred is lost from 30 values on without it.
    """
    return 1 + 21 / np.maximum(count - 2, 1) ** 1.82


def _mean_of(values, kept):
    """Return the mean of the values kept that are finite; NaN where there are none."""
    kept = kept & np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.where(kept, values, 0).sum(axis=0) / kept.sum(axis=0)
