"""Robust statistics of pixels: median, level and scatter, noise from row to row. Not the clipping of stacks (combine)."""

import math
from functools import lru_cache

import numpy as np

__all__ = [
    "MAD_TO_SIGMA",
    "SAMPLING",
    "chi_squared_quantile",
    "level_and_scatter",
    "level_of",
    "median",
    "median_and_scatter",
    "medians",
    "near_bounds",
    "near_median",
    "row_levels",
    "row_noise",
    "t_quantile",
    "without_outliers",
]

# So many values are enough to know where to clip all of them.
_ENOUGH = 250_000

# A median absolute deviation from so many values says to a hundredth where to clip for a level.
_BOUNDS_FROM = 2**16

# A level is taken from the values within this many standard deviations of the median, that of a row from those within more: rows
# are on levels of their own.
_LEVEL_SIGMA = 3.0
_ROW_SIGMA = 5.0

# Quantiles of a Gaussian, and how many standard deviations from its median they lie.
_GAUSSIAN = {0.25: 0.674490, 0.05: 1.644854, 0.01: 2.326348}

# Standard deviation of a Gaussian over its median absolute deviation, 1 / (the normal distribution's 0.75 quantile).
MAD_TO_SIGMA = 1.482602218505602

# A density is added up in so many steps; quantiles are then right to seven digits.
_STEPS = 1 << 15

# Every 4th row and column is plenty for a level, and sixteen times quicker on a full-size frame.
SAMPLING = 4


def median_and_scatter(values, axis=None, least=0.0):
    """Return the median along an axis, and the standard deviation taken from the median absolute deviation.

    Parameters
    ----------
    values : ndarray
        NaN is not a value.
    axis : int, optional
        `None`: of all values.
    least : float
        The scatter is at least this, such as what rounding to whole ADU leaves.

    Returns
    -------
    median, scatter : float or ndarray
        Both keep the axis with length 1 if there is one, to be broadcast over `values`.

    Notes
    -----
    Scatter = 1.4826 times the median absolute deviation, as `astropy.stats.mad_std`: Hampel (1974),
    Journal of the American Statistical Association 69, 383.

    Examples
    --------
    >>> median, scatter = median_and_scatter(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    >>> float(median), round(float(scatter), 4)
    (3.0, 1.4826)
    """
    # numpy's nanmedian sorts masked arrays, or one line at a time: many times slower, so it is for NaN alone.
    middle = np.nanmedian if np.isnan(values).any() else np.median
    median = middle(values, axis=axis, keepdims=axis is not None)
    deviation = middle(np.abs(values - median), axis=axis, keepdims=axis is not None)
    return median, np.maximum(MAD_TO_SIGMA * deviation, least)


def median(values):
    """Return the median of all values that are not NaN, as `numpy.nanmedian` does, ten times faster; NaN if there is none.

    Parameters
    ----------
    values : ndarray
        Of any shape.

    Examples
    --------
    >>> median(np.array([[1.0, 2.0], [np.nan, 9.0]]))
    2.0
    """
    flat = values.ravel()
    flat = flat[~np.isnan(flat)] if flat.dtype.kind == "f" and np.isnan(flat.sum()) else flat
    if flat.size == 0:
        return float("nan")
    middle = flat.size // 2
    parted = np.partition(flat, middle)  # one place at a time: for two, numpy has no fast way
    upper = float(parted[middle])
    return upper if flat.size % 2 else (float(parted[:middle].max()) + upper) / 2


def medians(values, axis):
    """Return the medians along an axis, which keeps length 1, as `numpy.nanmedian` does, several times faster.

    Parameters
    ----------
    values : ndarray
        NaN is not a value.
    axis : int

    Examples
    --------
    >>> medians(np.array([[1.0, 2.0, 9.0, 4.0]]), axis=1)
    array([[3.]])
    """
    length = values.shape[axis]
    if not length or np.isnan(values.sum()):
        return np.nanmedian(values, axis=axis, keepdims=True)
    lines = np.partition(np.moveaxis(values, axis, -1), length // 2)  # one place at a time, as in `median`
    middle = lines[..., length // 2 :][..., :1]
    if length % 2 == 0:
        middle = (lines[..., : length // 2].max(axis=-1, keepdims=True) + middle) / 2
    return np.moveaxis(middle, -1, axis)


@lru_cache
def t_quantile(freedom, chance):
    """Return what Student's t exceeds with this chance ("Student" 1908, Biometrika 6, 1).

    Parameters
    ----------
    freedom : float
        Degrees of freedom, 1 or more.
    chance : float
        Below 0.5.

    Returns
    -------
    float

    Notes
    -----
    With t = sqrt(n) tan(a), the density of a is proportional to cos(a)^(n - 1). To import `scipy.special` for its quantiles takes
    0.2 s and 10 MiB.

    Examples
    --------
    >>> round(t_quantile(5, 0.005), 4)
    4.0321
    """
    angle = np.linspace(0, min(np.pi / 2, 40 / math.sqrt(freedom)), _STEPS)
    return math.sqrt(freedom) * math.tan(_quantile(angle, np.cos(angle) ** (freedom - 1), 1 - 2 * chance))


@lru_cache
def chi_squared_quantile(freedom, chance):
    """Return what chi-squared of `freedom`, 1 or more, degrees of freedom exceeds with this chance.

    Notes
    -----
    The density of chi is proportional to x^(n - 1) exp(-x^2 / 2); it ends within 10 of its peak.

    Examples
    --------
    >>> round(chi_squared_quantile(5, 0.001), 3)
    20.515
    """
    peak = math.sqrt(freedom - 1)
    chi = np.linspace(max(1e-9, peak - 10), peak + 10, _STEPS)
    logarithm = (freedom - 1) * np.log(chi) - chi**2 / 2
    return _quantile(chi, np.exp(logarithm - logarithm.max()), 1 - chance) ** 2


def _quantile(values, density, part):
    """Return up to which value this part of all lies."""
    mass = np.append(0.0, np.cumsum(density[1:] + density[:-1]))
    return float(np.interp(part * mass[-1], mass, values))


def near_median(values, sigma, axis=None, least=0.0):
    """Tell which values lie within `sigma` standard deviations of their median; NaN does not.

    Parameters
    ----------
    values : ndarray
    sigma : float
    axis, least
        See `median_and_scatter`.

    Returns
    -------
    ndarray of bool
        Of the shape of `values`.
    """
    median, scatter = median_and_scatter(values, axis, least)
    return np.abs(values - median) <= sigma * scatter


def level_and_scatter(data: np.ndarray) -> tuple[float, float]:
    """Measure the level of a frame without its hot pixels, cosmic rays and glow, from every 4th row and column.

    Parameters
    ----------
    data : ndarray
        Shape (rows, columns). NaN and infinite ones are not values; without a value, level and scatter are NaN.

    Returns
    -------
    level, scatter : float
        See `level_of`.
    """
    return level_of(data[::SAMPLING, ::SAMPLING])


def level_of(values):
    """Return the level of values, and the standard deviation of one, without those that are far from the others.

    Neither moves in steps where the values are whole numbers, as their median and median absolute deviation do.

    Parameters
    ----------
    values : ndarray
        Of any shape; NaN and infinite ones are not values. Without a value, level and scatter are NaN.

    Returns
    -------
    level : float
        Mean of the values within 3 standard deviations, by the median absolute deviation, of the median.
    scatter : float
        Standard deviation of a Gaussian that has the same one within these bounds.

    Examples
    --------
    >>> counts = np.rint(np.random.default_rng(1).normal(1000.3, 5.5, 100_000))
    >>> level, scatter = level_of(np.append(counts, [65535.0] * 500))
    >>> round(level, 1), round(scatter, 1)
    (1000.3, 5.5)
    """
    values = np.ravel(values)
    values = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64, copy=False)
    if not np.isfinite(values.sum()):
        values = values[np.isfinite(values)]
    if not values.size:
        return np.nan, np.nan
    level, scatter = _median_and_mad(values[:: max(1, values.size // _BOUNDS_FROM)])
    for _ in range(2):  # the median may be half a count off
        level, scatter = _within(values, level, scatter)
    return level, scatter


def _median_and_mad(sample):
    middle = median(sample)
    scatter = MAD_TO_SIGMA * median(np.abs(sample - middle))
    return middle, scatter if scatter > 0 else _median_and_spread(sample)[1]


def _within(values, level, scatter):
    """Return mean and standard deviation from the values within 3 of these standard deviations of this level."""
    bound = _LEVEL_SIGMA * scatter
    away = values - level  # numbers near 0 lose nothing in single precision
    near = np.abs(away) <= bound
    away *= near  # quicker than to pick them
    count = max(1, int(np.count_nonzero(near)))
    mean = float(np.sum(away, dtype=np.float64)) / count
    variance = float(np.sum(np.square(away), dtype=np.float64)) / count - mean**2
    return level + mean, _untruncated(math.sqrt(max(0.0, variance)), bound)


def _untruncated(deviation, bound):
    """Return the standard deviation of a Gaussian which within `bound` on both sides of its mean has that `deviation`.

    The variance of a Gaussian cut off at k standard deviations is 1 - 2 k phi(k) / erf(k / sqrt(2)) times that of the whole:
    Johnson, Kotz and Balakrishnan (1994), Continuous Univariate Distributions 1, section 10.1.
    """
    sigma = deviation
    for _ in range(3):  # by then it changes by less than a thousandth
        k = bound / sigma if sigma > 0 else math.inf
        if math.isinf(k):
            return deviation
        density = math.exp(-k * k / 2) / math.sqrt(2 * math.pi)
        sigma = deviation / math.sqrt(1 - 2 * k * density / math.erf(k / math.sqrt(2)))
    return sigma


def row_levels(image, level, scatter):
    """Return the mean of each row without values far from the level of all, and of how many values it is the mean.

    Parameters
    ----------
    image : ndarray
        Shape (rows, columns).
    level, scatter : float
        Of the image, see `level_of`.

    Returns
    -------
    levels, counts : ndarray
        Shape (rows,). A row without such a value has a level of NaN.
    """
    away = np.subtract(image, level, dtype=np.float32)
    near = np.abs(away) <= max(_ROW_SIGMA * scatter, 1e-6)
    counts = np.count_nonzero(near, axis=1)
    sums = np.sum(np.where(near, away, 0), axis=1, dtype=np.float64)
    return level + np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0), counts


def row_noise(levels, counts, scatter):
    """Return by how much each row differs from the next beyond what the noise of their pixels explains, as a standard deviation.

    Such rows are seen as stripes: each has an offset of its own, as from an overscan of few columns.

    Parameters
    ----------
    levels, counts : ndarray
        From `row_levels`.
    scatter : float
        Of a pixel.

    Returns
    -------
    float
        NaN, where there are fewer than three rows with a value.

    Notes
    -----
    The variance of the difference of two rows is twice that of a row's offset plus twice that of the mean of its pixels.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> striped = rng.normal(0, 5, (10000, 100)) + rng.normal(0, 2, (10000, 1))
    >>> level, scatter = level_of(striped)
    >>> round(row_noise(*row_levels(striped, level, scatter), scatter), 1)
    2.0
    """
    steps = np.diff(levels[counts > 0])
    if len(steps) < 2:
        return np.nan
    variance = level_of(steps)[1] ** 2 / 2
    # Of the pixels' variance that of the rows is a part.
    count = float(np.mean(counts[counts > 0]))
    rows = (variance - scatter**2 / count) / (1 - 1 / count) if count > 1 else variance
    return math.sqrt(max(0.0, rows))


def without_outliers(values, sigma):
    """Return the values within `sigma` standard deviations of their median, both taken from a sample of many values.

    Parameters
    ----------
    values : ndarray
        NaN is not a value.
    sigma : float

    Returns
    -------
    ndarray
        Shape (values kept,).

    Notes
    -----
    The standard deviation is that of a Gaussian of the same quartiles. Counts that come in steps wider than their noise may have
    quartiles that are equal, and a median absolute deviation of 0; then quantiles further out are taken.

    Examples
    --------
    >>> without_outliers(np.array([8.0, 9.0, 10.0, 11.0, 12.0, 500.0]), 5)
    array([ 8.,  9., 10., 11., 12.])
    """
    values = np.ravel(values)
    low, high = near_bounds(values, sigma)
    return values[(values >= low) & (values <= high)]


def near_bounds(values, sigma):
    """Return the least and the greatest value that `without_outliers` keeps; NaN of no values.

    Parameters
    ----------
    values, sigma
        See `without_outliers`.

    Returns
    -------
    low, high : float
    """
    values = np.ravel(values)
    median, scatter = _median_and_spread(values[:: max(1, values.size // _ENOUGH)])
    return median - sigma * scatter, median + sigma * scatter


def _median_and_spread(sample):
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return np.nan, np.nan
    median, *ends = np.quantile(sample, [0.5, *(end for low in _GAUSSIAN for end in (low, 1 - low))])
    for low, high, reach in zip(ends[::2], ends[1::2], _GAUSSIAN.values(), strict=True):
        if high > low:
            return median, (high - low) / (2 * reach)
    return median, 0.0
