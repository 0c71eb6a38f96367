"""Robust statistics of pixels: median, scatter by the median absolute deviation, level. Not the clipping of stacks (combine)."""

import numpy as np

__all__ = [
    "MAD_TO_SIGMA",
    "SAMPLING",
    "level_and_scatter",
    "median",
    "median_and_scatter",
    "near_bounds",
    "near_median",
    "without_outliers",
]

# So many values are enough to know where to clip all of them.
_ENOUGH = 250_000

# Quantiles of a Gaussian, and how many standard deviations from its median they lie.
_GAUSSIAN = {0.25: 0.674490, 0.05: 1.644854, 0.01: 2.326348}

# Standard deviation of a Gaussian over its median absolute deviation, 1 / (the normal distribution's 0.75 quantile).
MAD_TO_SIGMA = 1.482602218505602

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
    median = np.nanmedian(values, axis=axis, keepdims=axis is not None)
    deviation = np.nanmedian(np.abs(values - median), axis=axis, keepdims=axis is not None)
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
    level : float
        Mean of the values within 3 standard deviations of the median; a median moves in steps where counts are whole.
    scatter : float
        The standard deviation of a pixel, see `median_and_scatter`.
    """
    sample = data[::SAMPLING, ::SAMPLING].astype(float)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return np.nan, np.nan
    median, scatter = median_and_scatter(sample)
    return float(np.mean(sample[np.abs(sample - median) <= 3 * scatter])), float(scatter)


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
