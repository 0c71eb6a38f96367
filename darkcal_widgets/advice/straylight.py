"""Which columns of the overscan light reaches, seen by comparing bright with faint frames; and what a tail leaves in the rest."""

from dataclasses import dataclass, replace

import numpy as np

from ..statistics import median_and_scatter
from .profiles import KINDS, clipped, mean_profile

__all__ = ["CONTAMINATION_SIGMA", "StrayLight", "comparable", "odd_last", "outer_reach", "stray_light"]

# A clean column is mistaken for a contaminated one, by chance, once in some thousand nights.
CONTAMINATION_SIGMA = 4.0

# Leaks fade with the distance from the image; further than this from the suspected column nothing is added.
_CONTRAST_COLUMNS = 12

# At most so many of the last columns are questioned. One is odd if it stands out this far from so many before it, if these lie
# within so much of each other.
_MOST_ODD, _ODD_SIGMA = 4, 5.0
_COMPARED_WITH, _FLAT_SIGMA = 8, 6.0

# A tail is fitted to this many contaminated columns and all that follow. It is believed if it stands out from the noise this
# far, and leaves no more than this times the squares of the noise; its length is one of these, in widths of the strip.
_TAIL_COLUMNS = 6
_TAIL_SIGMA = 4.0
_TAIL_MISFIT = 4.0
_TAIL_LENGTHS = np.geomspace(0.02, 2.0, 40)

# A tail that leaves less than this part of the noise of a pixel is not worth another column.
TAIL_LEFT = 0.1

# Nor are columns given up for it where so few are left; what it leaves is said instead.
_LEAST_LEFT = 4


@dataclass(frozen=True)
class StrayLight:
    """How far stray charge reaches into the overscan.

    Attributes
    ----------
    count : int
        Columns next to the image that are contaminated.
    evidence : str
        The frames that were compared, such as ``'flat - bias'``; empty: nothing could be compared.
    first, last : float
        Excess in the column next to the image and in the last contaminated one, in the unit of the frames.
    noise : float
        Of the excess of one column.
    left : float
        Mean excess that a tail fitted to the columns leaves in those that are not counted.
    at_least, at_most : float
        What is uncertain about that.
    seen : int
        Of the columns counted, those that stand out themselves; the others are given up for the tail.
    """

    count: int = 0
    evidence: str = ""
    first: float = 0.0
    last: float = 0.0
    noise: float = 0.0
    left: float = 0.0
    at_least: float = 0.0
    at_most: float = 0.0
    seen: int = 0


def comparable(sample):
    """Return the pairs of kinds that can be compared, a brighter with the faintest."""
    kinds = [kind for kind in KINDS if sample.of_kind(kind)]
    faint = kinds[0] if kinds and kinds[0] in ("bias", "dark") else None
    return [] if faint is None else [(bright, faint) for bright in kinds[1:]]


def stray_light(sample, strip, sigma):
    """Compare bright with dark frames; without both, look at the shape of the brightest frames alone.

    Parameters
    ----------
    sample : Sample
    strip : Strip
    sigma : float
        Noise of a pixel.

    Returns
    -------
    StrayLight
        Of the pair of kinds that shows most.
    """
    excesses = [_compared(sample, strip, *pair) for pair in comparable(sample)] or [_alone(sample, strip)]
    results = [_reach(*excess, sigma) for excess in excesses]
    worst = max(results, key=lambda result: (result.count, result.first / max(result.noise, 1e-9)))
    left = max(results, key=lambda result: result.left)
    return replace(worst, left=left.left, at_least=left.at_least, at_most=max(one.at_most for one in results))


def outer_reach(sample, strip, sigma):
    """Count the columns away from the image that light reaches from beyond the strip, where it does not end with the frame.

    None is given up for a tail: it comes from the image.
    """
    if not comparable(sample):
        return 0
    length = sample.shape[strip.axis]
    if strip.start > 0 if strip.low else strip.stop < length:
        image = (0, strip.start) if strip.low else (strip.stop, length)
        mirrored = replace(strip, image_start=image[0], image_stop=image[1])
        return stray_light(sample, mirrored, sigma).seen
    return 0


def odd_last(sample, strip):
    """Count the last columns that differ in some kind of frame from those before them.

    They may be lifted or lowered in bright frames, as by the first pixel of the next row. Where the columns before them are not
    on one level, as in a tail, nothing can be said.
    """
    excesses = [_compared(sample, strip, *pair)[:2] for pair in comparable(sample)]
    return max((_odd_last(excess, noise) for excess, noise in excesses), default=0)


def _odd_last(excess, noise):
    count = 0
    for last in range(1, min(_MOST_ODD, len(excess) // 4) + 1):
        before = excess[-last - _COMPARED_WITH : -last]
        x = np.arange(len(before))
        expected = np.polyval(np.polyfit(x, before, 1), len(before))
        # Variance of a straight line through n points, one step beyond them, with that of the column itself.
        variance = 1 + 1 / len(x) + (len(x) - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2)
        even = np.ptp(before) < _FLAT_SIGMA * noise
        if even and abs(excess[-last] - expected) > _ODD_SIGMA * noise * np.sqrt(variance):
            count = last
    return count


def _compared(sample, strip, bright, faint):
    """Return the excess of each column in the brighter kind, the column next to the image first, its noise, and the names.

    What is in all columns of a block, such as bands of rows, is subtracted from each block before.
    """
    sides = []
    for kind in (bright, faint):
        frames = sample.of_kind(kind)
        if kind == "dark" == bright:
            longest = max(frame.exposure or 0.0 for frame in frames)
            frames = [frame for frame in frames if (frame.exposure or 0.0) == longest]
        sides.append(np.mean([frame.blocks[strip.axis] for frame in frames], axis=0))
    blocks = strip.outwards(sides[0] - sides[1])
    outer = blocks[:, blocks.shape[1] // 2 :]
    blocks = blocks - np.median(outer, axis=1, keepdims=True)
    least = frames[0].rounding(strip.axis) / np.sqrt(len(frames))
    # Neighbouring columns differ by the noise of both, whatever the level of their block.
    steps = np.diff(outer, axis=1)
    _, scatter = median_and_scatter(steps - np.median(steps, axis=0), least=least)
    noise = scatter / np.sqrt(2 * (len(blocks) - 1))
    return clipped(blocks, 0, least), float(noise), f"{bright} - {faint}"


def _alone(sample, strip):
    """Without frames to compare, the offsets of the columns themselves are the noise."""
    frames = sample.brightest or sample.of_kind("dark") or sample.of_kind("bias")
    profile = strip.outwards(mean_profile(frames, strip.axis))
    _, scatter = median_and_scatter(profile[len(profile) // 2 :])
    noise = np.hypot(scatter, frames[0].noise(strip.axis, strip.without(strip.width // 2)))
    return profile, float(noise), f"{frames[0].kind} frames alone"


def _reach(excess, noise, evidence, sigma):
    """Count the columns next to the image that lie above those further out, or in which a fitted tail leaves too much.

    The column at the front of what is left, and the mean of the first few, must not stand out from the mean of all
    beyond them by more than `CONTAMINATION_SIGMA` times the noise of that difference.
    """
    count = 0
    while count < len(excess) - 1 and _stands_out(excess[count:], noise):
        count += 1
    seen = count
    tails = _tails(excess, noise, max(0, count - _TAIL_COLUMNS))
    while count < len(excess) - _LEAST_LEFT and _left(tails, count)[2] > TAIL_LEFT * sigma:
        count += 1
    base = np.mean(excess[count:])
    first, last = (excess[0] - base, excess[count - 1] - base) if count else (0.0, 0.0)
    return StrayLight(count, evidence, float(first), float(last), noise, *_left(tails, count), seen)


def _left(tails, count):
    """Return what the first of the tails leaves in the mean of the columns after the first `count`, the least and the most."""
    left = np.mean(tails[:, count:], axis=1)
    return float(left[0]), float(np.min(left)), float(np.max(left))


def _stands_out(values, noise):
    lengths = np.arange(1, min(_CONTRAST_COLUMNS, len(values) - 1) + 1)
    sums = np.cumsum(values)
    inner = sums[lengths - 1] / lengths
    outer = (sums[-1] - sums[lengths - 1]) / (len(values) - lengths)
    errors = noise * np.sqrt(1 / lengths + 1 / (len(values) - lengths))
    return bool(np.any(inner - outer > CONTAMINATION_SIGMA * errors))


def _tails(excess, noise, first):
    """Fit ``a exp(-x / l) + c`` to the columns from `first` on and return the exponentials that are possible, the best first.

    For each of a range of lengths l, a and c follow by least squares. Possible are those whose sum of squares is larger than the
    smallest by less than 4 times that of the noise (two standard deviations); none, where the best fits badly or does not stand
    out from the noise: then 0 is returned.
    """
    values = excess[first:]
    x = np.arange(len(values))
    shapes = np.exp(-x / (len(excess) * _TAIL_LENGTHS[:, None]))
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    spreads = np.maximum(np.sum(centred**2, axis=1), 1e-12)
    amplitudes = centred @ values / spreads
    squares = np.sum((values - values.mean() - amplitudes[:, None] * centred) ** 2, axis=1)
    best = int(np.argmin(squares))
    fits = squares[best] < _TAIL_MISFIT * noise**2 * max(1, len(values) - 3)
    stands_out = amplitudes[best] * np.sqrt(spreads[best]) > _TAIL_SIGMA * noise
    if not (fits and stands_out):
        return np.zeros((1, len(excess)))
    possible = np.flatnonzero(squares < squares[best] + 4 * noise**2)
    possible = np.concatenate([[best], possible])
    away = np.arange(len(excess)) - first
    return amplitudes[possible, None] * np.exp(-away / (len(excess) * _TAIL_LENGTHS[possible, None]))
