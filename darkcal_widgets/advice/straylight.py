"""Which columns of the overscan light reaches: stray charge next to the image, seen by comparing bright with faint frames."""

from dataclasses import dataclass, replace

import numpy as np

from ..statistics import median_and_scatter
from .edges import brightest
from .profiles import KINDS

__all__ = ["CONTAMINATION_SIGMA", "Contamination", "comparable", "stray_light", "without_outer"]

# A clean column is mistaken for a contaminated one, by chance, once in some thousand nights.
CONTAMINATION_SIGMA = 3.5

# Leaks fade with the distance from the image; further than this from the suspected column nothing is added.
_CONTRAST_COLUMNS = 12


@dataclass(frozen=True)
class Contamination:
    """Which columns next to the image stray charge reaches.

    Attributes
    ----------
    count : int
        Columns.
    evidence : str
        The frames that were compared, such as ``'flat - bias'``; empty: nothing could be compared.
    first, last : float
        Excess in the column next to the image and in the last contaminated one, in the unit of the frames.
    noise : float
        Of the excess of one column.
    """

    count: int = 0
    evidence: str = ""
    first: float = 0.0
    last: float = 0.0
    noise: float = 0.0


def stray_light(sample, strip):
    """Compare bright with dark frames; without both, look at the shape of the brightest frames alone."""
    results = [_compared(sample, strip, *pair) for pair in comparable(sample)] or [_alone(sample, strip)]
    return max(results, key=lambda result: (result.count, result.first / max(result.noise, 1e-9)))


def without_outer(sample, strip):
    """Return the strip without the columns that light reaches from beyond it, where it does not end with the frame."""
    length = sample.shape[strip.axis]
    inside = strip.start > 0 if strip.low else strip.stop < length
    if not inside or not comparable(sample):
        return strip
    image = (0, strip.start) if strip.low else (strip.stop, length)
    mirrored = replace(strip, image_start=image[0], image_stop=image[1])
    rest = mirrored.without(stray_light(sample, mirrored).count)
    return replace(strip, start=rest.start, stop=rest.stop)


def comparable(sample):
    """Return the pairs of kinds that can be compared, a brighter with the faintest."""
    kinds = [kind for kind in KINDS if sample.of_kind(kind)]
    faint = kinds[0] if kinds and kinds[0] in ("bias", "dark") else None
    return [] if faint is None else [(bright, faint) for bright in kinds[1:]]


def _compared(sample, strip, bright, faint):
    sides, variances = [], []
    for kind in (bright, faint):
        frames = sample.of_kind(kind)
        if kind == "dark" == bright:
            longest = max(frame.exposure or 0.0 for frame in frames)
            frames = [frame for frame in frames if (frame.exposure or 0.0) == longest]
        sides.append(np.mean([frame.profile(strip.axis) for frame in frames], axis=0))
        variances.append(
            np.mean([frame.noise(strip.axis, _outer_half(strip)) ** 2 for frame in frames]) / len(frames)
        )
    excess = strip.outwards(sides[0] - sides[1])
    return _first_clean(excess, float(np.sqrt(sum(variances))), f"{bright} - {faint}")


def _alone(sample, strip):
    """Without frames to compare, the offsets of the columns themselves are the noise."""
    frames = brightest(sample) or sample.of_kind("dark") or sample.of_kind("bias")
    if not frames:
        return Contamination()
    profile = strip.outwards(np.mean([frame.profile(strip.axis) for frame in frames], axis=0))
    outer = profile[len(profile) // 2 :]
    _, scatter = median_and_scatter(outer)
    noise = np.hypot(scatter, frames[0].noise(strip.axis, _outer_half(strip)))
    return _first_clean(profile, float(noise), f"{frames[0].kind} frames alone")


def _first_clean(excess, noise, evidence):
    """Count the columns next to the image that lie above those further out.

    The column at the front of what is left, and the mean of the first few, must not stand out from the mean of all
    beyond them by more than `CONTAMINATION_SIGMA` times the noise of that difference.
    """
    count = 0
    while count < len(excess) - 1 and _stands_out(excess[count:], noise):
        count += 1
    base = np.mean(excess[count:])
    first, last = (excess[0] - base, excess[count - 1] - base) if count else (0.0, 0.0)
    return Contamination(count, evidence, float(first), float(last), noise)


def _stands_out(values, noise):
    lengths = np.arange(1, min(_CONTRAST_COLUMNS, len(values) - 1) + 1)
    sums = np.cumsum(values)
    inner = sums[lengths - 1] / lengths
    outer = (sums[-1] - sums[lengths - 1]) / (len(values) - lengths)
    errors = noise * np.sqrt(1 / lengths + 1 / (len(values) - lengths))
    return bool(np.any(inner - outer > CONTAMINATION_SIGMA * errors))


def _outer_half(strip):
    return strip.without((strip.stop - strip.start) // 2)
