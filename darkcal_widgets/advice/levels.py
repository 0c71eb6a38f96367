"""Whether the overscan tells the bias level: does it follow the image, and is it the same in all kinds of frame?"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, stdtrit

from .profiles import clipped

__all__ = [
    "FOLLOWING_RATIO",
    "ROUNDING_NOISE",
    "Follow",
    "FrameLevel",
    "Shift",
    "follow",
    "frame_levels",
    "level_noise",
    "shift",
]

# Subtracting the overscan must take away at least half of the drift of the level, or else it is not worth its noise.
FOLLOWING_RATIO = 0.5

# A test that fails by chance once in a thousand nights.
_CHANCE = 1e-3

# Below this scatter of the pixels, rounding to whole ADU hides every drift smaller than 1 ADU.
ROUNDING_NOISE = 0.3


@dataclass(frozen=True)
class Follow:
    """Whether the overscan follows the level of the image area, in frames without light.

    Attributes
    ----------
    verdict : str
        ``'yes'``, ``'no'``, ``'varies too little to be judged'`` or ``'too few frames'``.
    image, difference : float
        Scatter (standard deviation) of the image's level, and of overscan minus image, within frames of one kind and
        exposure.
    noise : float
        Scatter of the difference that the noise of the pixels explains.
    frames : int
        Compared.
    offset : float or None
        Overscan minus image in the bias frames.
    """

    verdict: str
    image: float = np.nan
    difference: float = np.nan
    noise: float = np.nan
    frames: int = 0
    offset: float | None = None


@dataclass(frozen=True)
class Shift:
    """Whether the overscan's level depends on the kind of frame.

    Attributes
    ----------
    verdict : str
        ``'no'``, ``'yes'`` or ``'cannot be judged'``.
    value, limit : float
        Mean level of frames with light minus that of frames without, and what the drift explains.
    dark_value, dark_limit : float
        Rise of overscan minus image from bias frames to darks, where only a fall is natural (dark current), and its limit.
    """

    verdict: str
    value: float = np.nan
    limit: float = np.nan
    dark_value: float = np.nan
    dark_limit: float = np.nan


@dataclass(frozen=True)
class FrameLevel:
    """Level of the image area and of the clean overscan of one frame; the exposure is in seconds or `None`."""

    name: str
    kind: str
    exposure: float | None
    image: float
    overscan: float


def frame_levels(sample, strip, part):
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


def level_noise(lines, strip, clean, sigma):
    """Return the noise of overscan minus image of one frame, from the noise of a pixel and the pixels on both sides."""
    counts = [lines * (part.stop - part.start) for part in (clean, strip.image)]
    return float(sigma * np.sqrt(sum(1 / count for count in counts)))


def follow(sample, strip, clean, levels, noise, sigma):
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


def shift(levels, noise):
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
