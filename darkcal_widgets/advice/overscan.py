"""The overscan, measured: which of its columns light reaches, and whether it tells the bias level.

Everything is measured on `FrameProfile`, in either direction: "columns" below are rows where the overscan lies above or
below the image.
"""

from dataclasses import replace

import numpy as np
from scipy.special import chdtri, stdtrit

from .measured import Contamination, Follow, FrameLevel, Measured, Shift
from .profiles import KINDS, clipped
from .strips import brightest, locate, pixel_noise

__all__ = [
    "CONTAMINATION_SIGMA",
    "FOLLOWING_RATIO",
    "MINIMUM_COLUMNS",
    "measure_overscan",
]

# A clean column is mistaken for a contaminated one, by chance, once in some thousand nights.
CONTAMINATION_SIGMA = 3.5

# Leaks fade with the distance from the image; further than this from the suspected column nothing is added.
_CONTRAST_COLUMNS = 12

# With fewer columns the median of a row carries over 60 % of the read noise of a pixel into the whole row.
MINIMUM_COLUMNS = 4

# Offsets of columns are the same in every frame and do no harm, but a scatter this many times the noise of a pixel means that
# part of the strip is something else, such as the edge of the image.
FLATNESS = 3.0

# Subtracting the overscan must take away at least half of the drift of the level, or else it is not worth its noise.
FOLLOWING_RATIO = 0.5

# A test that fails by chance once in a thousand nights.
_CHANCE = 1e-3

# Below this scatter of the pixels, rounding to whole ADU hides every drift smaller than 1 ADU.
ROUNDING_NOISE = 0.3


def measure_overscan(sample, claim):
    """Measure the overscan of a night.

    Parameters
    ----------
    sample : Sample
        From `sample_night`.
    claim : Claim
        From `read_claim`.

    Returns
    -------
    Measured
    """
    strip, source = locate(sample, claim, bool(_pairs(sample)))
    if strip is None:
        return Measured(sample, claim, source=source)
    inner = _without_outer(sample, strip)
    contamination = _contamination(sample, inner)
    clean = inner.without(contamination.count)
    sigma = pixel_noise(sample, strip.axis, clean)
    levels = _levels(sample, strip, clean)
    noise = _difference_noise(sample.shape[1 - strip.axis], strip, clean, sigma)
    return Measured(
        sample,
        claim,
        strip,
        source,
        contamination,
        clean,
        _pattern(sample, strip, clean),
        sigma,
        _follow(sample, strip, clean, levels, noise, sigma),
        _shift(levels, noise),
        levels,
    )


# --- Which columns light reaches --------------------------------------------------------------------------


def _contamination(sample, strip):
    """Compare bright with dark frames; without both, look at the shape of the brightest frames alone."""
    results = [_compared(sample, strip, *pair) for pair in _pairs(sample)] or [_alone(sample, strip)]
    return max(results, key=lambda result: (result.count, result.first / max(result.noise, 1e-9)))


def _without_outer(sample, strip):
    """Return the strip without the columns that light reaches from beyond it, where it does not end with the frame."""
    length = sample.shape[strip.axis]
    inside = strip.start > 0 if strip.low else strip.stop < length
    if not inside or not _pairs(sample):
        return strip
    image = (0, strip.start) if strip.low else (strip.stop, length)
    mirrored = replace(strip, image_start=image[0], image_stop=image[1])
    rest = mirrored.without(_contamination(sample, mirrored).count)
    return replace(strip, start=rest.start, stop=rest.stop)


def _pairs(sample):
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
    noise = np.hypot(
        1.4826 * np.median(np.abs(outer - np.median(outer))), frames[0].noise(strip.axis, _outer_half(strip))
    )
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


# --- Whether the rest is flat, follows, and is the same in all kinds --------------------------------------


def _pattern(sample, strip, clean):
    frames = sample.of_kind("bias") or sample.of_kind("dark") or list(sample.frames)
    profile = np.mean([frame.profile(strip.axis)[clean] for frame in frames], axis=0)
    return float(np.std(profile))


def _levels(sample, strip, part):
    return tuple(
        FrameLevel(
            frame.name,
            frame.kind,
            frame.exposure,
            frame.level(strip.axis, strip.image),
            frame.level(strip.axis, part),
        )
        for frame in sample.frames
    )


def _unlit_groups(sample):
    """Group frames without light by kind and exposure: within a group, only the bias level can change."""
    groups = {}
    for frame in sample.of_kind("bias", "dark"):
        groups.setdefault((frame.kind, frame.exposure), []).append(frame)
    return groups


def _changes(frames, axis, part):
    """Return the level of each frame minus that of all; what is in every frame, such as glow, cancels block by block."""
    blocks = np.stack([frame.blocks[axis][:, part] for frame in frames])
    return np.array([clipped(block, None) for block in blocks - blocks.mean(axis=0)])


def _difference_noise(lines, strip, clean, sigma):
    """Return the noise of overscan minus image of one frame, from the noise of a pixel and the pixels on both sides."""
    counts = [lines * (part.stop - part.start) for part in (clean, strip.image)]
    return float(sigma * np.sqrt(sum(1 / count for count in counts)))


def _follow(sample, strip, clean, levels, noise, sigma):
    """Compare overscan and image from frame to frame.

    With x the level of the image and d = overscan - x, each minus its mean within frames of one kind and exposure, the overscan
    follows if the scatter of d is less than half that of x. It does not if it is more and the noise of the pixels cannot
    explain d (chi-squared test).
    """
    offsets = [level.overscan - level.image for level in levels if level.kind == "bias"]
    offset = float(np.mean(offsets)) if offsets else None
    groups = [frames for frames in _unlit_groups(sample).values() if len(frames) > 1]
    freedom = sum(len(frames) - 1 for frames in groups)
    if freedom < 2:
        unlit = len(sample.of_kind("bias", "dark"))
        return Follow("too few frames", frames=unlit, offset=offset)
    image, overscan = (
        np.concatenate([_changes(frames, strip.axis, part) for frames in groups])
        for part in (strip.image, clean)
    )
    squares = np.sum(image**2), np.sum((overscan - image) ** 2)
    verdict = _follow_verdict(*squares, noise, freedom, sigma)
    scatters = np.sqrt(np.array(squares) / freedom)
    return Follow(verdict, *map(float, scatters), noise, len(image), offset)


def _follow_verdict(image_squares, difference_squares, noise, freedom, sigma):
    if sigma < ROUNDING_NOISE and max(image_squares, difference_squares) < freedom:
        return "varies too little to be judged"
    explained = float(chdtri(freedom, _CHANCE)) * noise**2
    allowed = FOLLOWING_RATIO**2 * image_squares
    if difference_squares > max(explained, allowed):
        return "no"
    if image_squares > explained and difference_squares <= allowed:
        return "yes"
    return "varies too little to be judged"


def _shift(levels, noise):
    """Compare the level of frames with light with that of frames without, and of darks with that of bias frames."""
    lit = np.array([level.overscan for level in levels if level.kind in ("flat", "science")])
    unlit = np.array([level.overscan for level in levels if level.kind in ("bias", "dark")])
    rise, rise_limit = _dark_rise(levels, noise)
    in_darks = bool(rise > rise_limit)
    if len(lit) == 0 or len(unlit) < 2 or len(lit) + len(unlit) < 4:
        return Shift("yes" if in_darks else "cannot be judged", dark_value=rise, dark_limit=rise_limit)
    value = float(lit.mean() - unlit.mean())
    limit = _shift_limit(lit, unlit, noise)
    return Shift("yes" if in_darks or abs(value) > limit else "no", value, limit, rise, rise_limit)


def _shift_limit(lit, unlit, noise):
    """Return the difference of two means that the drift of the level explains (Student's t), at least the drift seen."""
    freedom = len(lit) + len(unlit) - 2
    squares = np.sum((lit - lit.mean()) ** 2) + np.sum((unlit - unlit.mean()) ** 2)
    error = np.sqrt((squares / freedom + noise**2) * (1 / len(lit) + 1 / len(unlit)))
    return float(max(stdtrit(freedom, 1 - _CHANCE / 2) * error, np.ptp(unlit), 4 * noise))


def _dark_rise(levels, noise):
    """Return the largest rise of overscan minus image from bias frames to darks of one exposure, and its limit."""
    differences = {}
    for level in levels:
        differences.setdefault((level.kind, level.exposure), []).append(level.overscan - level.image)
    bias = [value for (kind, _), values in differences.items() if kind == "bias" for value in values]
    darks = [(np.mean(values), len(values)) for (kind, _), values in differences.items() if kind == "dark"]
    if not bias or not darks:
        return np.nan, np.nan
    rise, count = max(darks)
    return float(rise - np.mean(bias)), float(5 * noise * np.sqrt(1 / count + 1 / len(bias)))
