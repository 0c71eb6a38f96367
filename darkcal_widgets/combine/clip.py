"""The average of many frames without the values far from their median.

What is computed is in `_clipped`, in double precision. What makes it quick: all frames of a pixel are sorted by a network of
`numpy.minimum` and `numpy.maximum`, which work on whole rows of pixels at once, and the sorted values tell, for nearly all
pixels, that no value is far from the median; only where one may be is anything else computed.
"""

from functools import lru_cache

import numpy as np

from ..statistics import MAD_TO_SIGMA

__all__ = ["CLIP_SIGMA", "clipped_average"]

# Deviations beyond this many standard deviations are left out: far enough that a Gaussian loses one value in two million,
# near enough to remove a cosmic ray.
CLIP_SIGMA = 5.0

# Pixels sorted at once: few enough for a processor's cache, enough that a call of NumPy is cheap for each.
_BLOCK = 1 << 15

# What single precision may do to a bound, relative to it.
_ROUNDING = 1e-5

# From so many frames on, counting is quicker than sorting: it settles five pixels of six.
_MANY = 64

# How far from the average the median is looked for, of the range of the values: where most are settled.
_MEDIAN_MARGIN = 0.05


def clipped_average(stack, sigma=CLIP_SIGMA):
    """Average along the first axis without the values far from their median.

    Parameters
    ----------
    stack : ndarray
        Shape (frames, ...), of any number type; it is not changed. NaN and infinity are no values.
    sigma : float
        Values further from the median than this many standard deviations (1.4826 times the median absolute deviation)
        are left out; one pass.

    Returns
    -------
    ndarray
        Shape (...), float64; NaN where no frame has a value.
    """
    flat = stack.reshape(len(stack), -1)
    if flat.dtype.kind != "f":
        flat = flat.astype(np.float64)
    average = np.empty(flat.shape[1])
    for start in range(0, flat.shape[1], _BLOCK):
        block = slice(start, start + _BLOCK)
        average[block] = _average_block(flat[:, block], sigma)
    return average.reshape(stack.shape[1:])


def _average_block(values, sigma):
    with np.errstate(over="ignore", invalid="ignore"):  # infinities; looked for in the next line
        average = values.sum(axis=0, dtype=np.float64) / len(values)
        incomplete = ~np.isfinite(average)
        settled = incomplete.copy()
        if len(values) >= _MANY:
            settled |= _are_near(values, average.astype(values.dtype), sigma)
    if incomplete.any():
        average[incomplete] = _masked(values[:, incomplete].astype(np.float64), sigma)
    if settled.any():
        places = np.flatnonzero(~settled)
        average[places] = _average_sorted(values.take(places, axis=1), average[places], sigma)
        return average
    return _average_sorted(values.copy(), average, sigma)


def _average_sorted(values, average, sigma):
    """Return the average without the far values, given that of all; `values` may be changed."""
    rows = list(values)
    _sort(rows)
    doubtful = np.flatnonzero(_may_be_far(rows, sigma))
    if len(doubtful):
        average[doubtful] = _clipped([row.take(doubtful).astype(np.float64) for row in rows], sigma)
    return average


def _clipped(rows, sigma):
    """Average sorted frames of finite values: the definition."""
    center, bound = _center_and_bound(rows, sigma)
    total, count = np.zeros_like(center), np.zeros_like(center)
    for row in rows:
        kept = (row >= center - bound) & (row <= center + bound)
        total += np.where(kept, row, 0)
        count += kept
    return total / count


def _are_near(values, center, sigma):
    """Tell where counting shows that no value is far, for most pixels of many frames: it takes time in proportion to them.

    The median is between ``low`` and ``high``, if no more than half of the values are below the one, and no more above the other;
    if then more than half are further than ``reach`` from both, so is the median absolute deviation from 0.
    """
    least, most = values.min(axis=0), values.max(axis=0)
    margin = _MEDIAN_MARGIN * (most - least)
    half = (len(values) - 1) // 2
    (below,) = _counts(values, [(np.less, center)])
    # On which side of the center the median is; with neither, one of the two middle values is on each side, and their mean
    # no further than half of the margin.
    above_center, below_center = below <= half, below > len(values) // 2
    low = np.where(above_center, center, center - margin)
    high = np.where(below_center, center, center + margin)
    split = ~(above_center | below_center)
    median_low, median_high = (
        np.where(split, (low + center) / 2, low),
        np.where(split, (high + center) / 2, high),
    )
    reach = np.maximum(median_high - least, most - median_low) * ((1 + _ROUNDING) / (sigma * MAD_TO_SIGMA))
    reach += _slack(center, sigma)
    too_low, too_high, far_low, far_high = _counts(
        values,
        [
            (np.less, low),
            (np.greater, high),
            (np.less_equal, median_low - reach),
            (np.greater_equal, median_high + reach),
        ],
    )
    outside = far_low.astype(np.intp) + far_high
    return (too_low <= half) & (too_high <= half) & (outside > len(values) // 2)


def _counts(values, tests):
    """Count, for each pixel, the frames that pass each test: a comparison, and what to compare with."""
    counts = [np.zeros(values.shape[1], np.min_scalar_type(len(values))) for _ in tests]
    passed = np.empty(values.shape[1], bool)
    for row in values:
        for count, (compare, limit) in zip(counts, tests, strict=True):
            compare(row, limit, out=passed)
            count += passed.view(np.uint8)
    return counts


def _may_be_far(rows, sigma):
    """Tell where a value may be further than the bound from the median, whatever single precision has rounded."""
    center, bound = _center_and_bound(rows, sigma)
    farthest = np.maximum(rows[-1] - center, center - rows[0])
    return (farthest > (1 - _ROUNDING) * bound - _slack(center, sigma)) & (farthest > 0)


def _slack(center, sigma):
    """Return what the rounding of a median and of deviations from it may add up to in a bound."""
    return (2 + sigma) * np.finfo(center.dtype).eps * np.abs(center)


def _center_and_bound(rows, sigma):
    """Return the median of sorted frames, and how far from it a value is left out."""
    upper = len(rows) // 2
    lower = len(rows) - 1 - upper
    center = (rows[lower] + rows[upper]) / 2
    deviation = _kth_deviation(rows, center, upper + 1)
    if lower != upper:
        deviation = (deviation + _kth_deviation(rows, center, lower + 1)) / 2
    return center, deviation * MAD_TO_SIGMA * sigma


def _kth_deviation(rows, center, k):
    """Return the k-th smallest deviation from `center`: the k nearest values stand side by side in sorted frames."""
    smallest = None
    for low, high in zip(rows, rows[k - 1 :], strict=False):
        deviation = np.maximum(center - low, high - center)
        smallest = deviation if smallest is None else np.minimum(smallest, deviation, out=smallest)
    return smallest


def _masked(values, sigma):
    """Do as `_clipped`, where frames have no value."""
    values = np.ma.masked_invalid(values)
    center = np.ma.median(values, axis=0)
    bound = np.ma.median(np.abs(values - center), axis=0) * MAD_TO_SIGMA * sigma
    far = np.ma.filled((values < center - bound) | (values > center + bound), True)
    return np.ma.array(values, mask=far).mean(axis=0).filled(np.nan)


def _sort(rows):
    """Sort each pixel over a list of frames, in place."""
    spare = np.empty_like(rows[0])
    for one, other in _comparisons(len(rows)):
        low, high = rows[one], rows[other]
        np.minimum(low, high, out=spare)
        np.maximum(low, high, out=high)
        rows[one], spare = spare, low


@lru_cache(maxsize=16)
def _comparisons(count):
    """Return Batcher's network, Knuth's Algorithm 5.2.2M: pairs of places to be compared and put in order, one after another."""
    pairs, top = [], 1 << (count - 1).bit_length() >> 1
    step = top
    while step:
        pairs += [(place, place + step) for place in range(count - step) if not place & step]
        reach = top
        while reach > step:
            distance = reach - step
            pairs += [(place, place + distance) for place in range(count - distance) if place & step]
            reach >>= 1
        step >>= 1
    return pairs
