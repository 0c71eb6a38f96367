"""Whether the overscan tells the bias level: does it follow the image, is it the same in all kinds of frame?"""

from dataclasses import dataclass

import numpy as np

from ..statistics import chi_squared_quantile, median_and_scatter, t_quantile
from .profiles import clipped, largest_group

__all__ = [
    "FOLLOWING_RATIO",
    "MATTERS",
    "ROUNDING_NOISE",
    "Follow",
    "FrameLevel",
    "Shift",
    "follow",
    "frame_levels",
    "level_noise",
    "pattern_change",
    "shift",
]

# Subtracting the overscan must take away at least half of the drift of the level, or else it is not worth its noise.
FOLLOWING_RATIO = 0.5

# A test that fails by chance once in a thousand nights.
_CHANCE = 1e-3

# Below this scatter of the pixels, rounding to whole ADU hides every drift smaller than 1 ADU.
ROUNDING_NOISE = 0.3

# A change of level of less than this part of the noise of a pixel matters to nobody.
MATTERS = 0.1

# So few frames may drift alike by chance, if what is left is more than noise; and more, if it is over half of what is allowed.
_FEW = 5

# Two means further apart than this many standard errors, but not surely different, leave a doubt.
_DOUBT = 2.5


@dataclass(frozen=True)
class Follow:
    """Whether the overscan follows the level of the image area, in frames without light.

    Attributes
    ----------
    verdict : str
        ``'yes'``, ``'roughly'`` (perhaps by chance), ``'no'``, ``'varies too little to be judged'``,
        ``'cannot be judged from darks'`` (only darks drift apart, as they do if dark current or a leak of light changes) or
        ``'too few frames'``.
    kind : str
        Of the frames compared: ``'bias'`` or ``'dark'``.
    image, difference : float
        Scatter (standard deviation) of the image's level, and of overscan minus image.
    noise : float
        Scatter of the difference that the noise of the pixels explains.
    frames : int
        Compared.
    offset : float or None
        Overscan minus image in the bias frames.
    """

    verdict: str
    kind: str = "bias"
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
        ``'no'``, ``'perhaps'`` (the drift of the level is as large), ``'yes'`` or ``'cannot be judged'``.
    kind : str
        With the largest shift.
    value, limit : float
        Mean level of its frames minus that of frames without light, and what the drift explains. For darks: rise of
        overscan minus image against bias frames, where only a fall is natural (dark current).
    """

    verdict: str
    kind: str = ""
    value: float = np.nan
    limit: float = np.nan

    @property
    def is_close(self):
        """Whether more frames might decide otherwise: in frames with light, the value is less than 1.5 times its limit."""
        return self.kind != "dark" and abs(self.value) < 1.5 * self.limit


@dataclass(frozen=True)
class FrameLevel:
    """Level of the image area and of the clean overscan of one frame; the exposure is in seconds or `None`."""

    name: str
    kind: str
    exposure: float | None
    image: float
    overscan: float
    temperature: float | None = None


def frame_levels(sample, strip, clean):
    """Return the `FrameLevel` of each frame; `clean` is a slice."""
    return tuple(
        FrameLevel(
            frame.name,
            frame.kind,
            frame.exposure,
            frame.level(strip.axis, strip.image),
            frame.level(strip.axis, clean),
            frame.temperature,
        )
        for frame in sample.frames
    )


def level_noise(lines, strip, clean, sigma):
    """Return the noise of overscan minus image of one frame, from the noise of a pixel and the pixels on both sides."""
    counts = [lines * (part.stop - part.start) for part in (clean, strip.image)]
    return float(sigma * np.sqrt(sum(1 / count for count in counts)))


def pattern_change(sample, axis, clean):
    """Return how much the offsets of the clean columns change from frame to frame: 0 where noise explains it.

    Columns that different amplifiers have read, such as odd and even ones, drift apart. Offsets are those from the mean of their
    frame; compared are bias frames, or darks of one exposure and temperature where there are not two.

    Parameters
    ----------
    sample : Sample
    axis : int
    clean : slice

    Returns
    -------
    float
        Standard deviation of the offset of a column, without that of the noise.
    """
    biases = sample.of_kind("bias")
    frames = biases if len(biases) > 1 else largest_group(sample.of_kind("dark"), lambda frame: frame)
    freedom = (len(frames) - 1) * (clean.stop - clean.start - 1)
    if freedom < 1:
        return 0.0
    offsets = np.stack([frame.profile(axis)[clean] for frame in frames])
    offsets = offsets - offsets.mean(axis=1, keepdims=True)
    squares = float(np.sum((offsets - offsets.mean(axis=0)) ** 2))
    noise = np.mean([frame.noise(axis, clean) ** 2 for frame in frames])
    explained = chi_squared_quantile(freedom, _CHANCE) * noise
    return float(np.sqrt(squares / freedom - noise)) if squares > explained else 0.0


# --- Does it follow? --------------------------------------------------------------------------------------


def follow(sample, strip, clean, levels, noise, sigma):
    """Compare overscan and image from frame to frame.

    Bias frames decide: nothing but the bias level changes in them. Where they are fewer than three, or vary too little, darks
    of one exposure and temperature may still show that the overscan follows; that it does not they cannot show, because their
    dark current, or a leak of light, may have changed.

    With x the level of the image and d = overscan - x, each minus its mean over the frames, the overscan follows if the scatter
    of d is less than half that of x. It does not if it is more, and neither the noise of the pixels explains d (chi-squared
    test) nor it is too small to matter.
    """
    biases, darks = sample.of_kind("bias"), largest_group(sample.of_kind("dark"), lambda frame: frame)
    offsets = [level.overscan - level.image for level in levels if level.kind == "bias"]
    offset = float(np.mean(offsets)) if offsets else None
    results = [
        _following(kind, frames, strip, clean, noise, sigma, offset)
        for kind, frames in (("bias", biases), ("dark", darks))
        if len(frames) > 2
    ]
    if not results:
        return Follow("too few frames", frames=len(biases) + len(darks), offset=offset)
    sure = [
        result
        for result in results
        if result.verdict == "yes" or (result.verdict, result.kind) == ("no", "bias")
    ]
    return sure[0] if sure else results[0]


def _following(kind, frames, strip, clean, noise, sigma, offset):
    image = _changes(frames, strip.axis, strip.image)
    freedom = len(frames) - 1
    differences = _differences(frames, strip, clean)
    seen = max(noise, _block_noise(differences))
    squares = float(np.sum(image**2)), float(np.sum(np.median(differences, axis=1) ** 2))
    verdict = _follow_verdict(*squares, seen, freedom, sigma)
    if verdict == "no" and kind == "dark":
        verdict = "cannot be judged from darks"
    scatters = np.sqrt(np.array(squares) / freedom)
    return Follow(verdict, kind, *map(float, scatters), float(seen), len(frames), offset)


def _changes(frames, axis, part):
    """Return the level of each frame minus that of all; what is in every frame, such as glow, cancels block by block."""
    blocks = np.stack([frame.blocks[axis][:, part] for frame in frames])
    return np.array([clipped(block, None) for block in blocks - blocks.mean(axis=0)])


def _differences(frames, strip, clean):
    """Return overscan minus image of each block of each frame, minus its mean over the frames: shape (frames, blocks)."""
    sides = [
        np.stack([clipped(frame.blocks[strip.axis][:, part], 1) for frame in frames])
        for part in (clean, strip.image)
    ]
    difference = sides[0] - sides[1]
    return difference - difference.mean(axis=0)


def _block_noise(differences):
    """Return the noise of the difference of one frame as the blocks show it, bands and patterns that change included."""
    frames, blocks = differences.shape
    _, scatter = median_and_scatter(differences - np.median(differences, axis=1, keepdims=True))
    # The median of n values is 1.25 times as noisy as their mean.
    return 1.25 * float(scatter) / np.sqrt((1 - 1 / frames) * blocks)


def _follow_verdict(image_squares, difference_squares, noise, freedom, sigma):
    if sigma < ROUNDING_NOISE and max(image_squares, difference_squares) < freedom:
        return "varies too little to be judged"
    explained = chi_squared_quantile(freedom, _CHANCE) * noise**2
    negligible = freedom * (MATTERS * sigma) ** 2
    allowed = FOLLOWING_RATIO**2 * image_squares
    if difference_squares > max(explained, negligible, allowed):
        return "no"
    if image_squares > explained and difference_squares <= allowed:
        close = freedom < _FEW or 4 * difference_squares > allowed
        return "roughly" if close and difference_squares > max(explained, negligible) else "yes"
    return "varies too little to be judged"


# --- Is it the same in all kinds of frame? ----------------------------------------------------------------


def shift(levels, noise, sigma):
    """Compare the level of each kind of frame with light with that of frames without, and of darks with that of bias frames."""
    unlit = [level.overscan for level in levels if level.kind in ("bias", "dark")]
    shifts = [
        _lit_shift(kind, lit, unlit, noise, sigma)
        for kind in ("flat", "science")
        if (lit := [level.overscan for level in levels if level.kind == kind])
        and len(unlit) > 1
        and len(lit) + len(unlit) > 3
    ]
    if (rise := _dark_rise(levels, noise, sigma)) is not None:
        shifts.append(rise)
    order = ("no", "perhaps", "yes")
    if not any(one.kind != "dark" for one in shifts) and not any(one.verdict == "yes" for one in shifts):
        return Shift("cannot be judged")
    return max(shifts, key=lambda one: (order.index(one.verdict), abs(one.value) / one.limit))


def _lit_shift(kind, lit, unlit, noise, sigma):
    lit, unlit = np.array(lit), np.array(unlit)
    value = float(lit.mean() - unlit.mean())
    limit, error = _shift_limit(lit, unlit, noise)
    if abs(value) > max(limit, 3 * MATTERS * sigma):
        verdict = "yes"
    else:
        verdict = "perhaps" if abs(value) > max(_DOUBT * error, 4 * noise, 2 * MATTERS * sigma) else "no"
    return Shift(verdict, kind, value, limit)


def _shift_limit(lit, unlit, noise):
    """Return the difference of two means that the drift explains (Student's t), at least the drift seen, and its error."""
    freedom = len(lit) + len(unlit) - 2
    squares = np.sum((lit - lit.mean()) ** 2) + np.sum((unlit - unlit.mean()) ** 2)
    error = float(np.sqrt((squares / freedom + noise**2) * (1 / len(lit) + 1 / len(unlit))))
    return float(max(t_quantile(freedom, _CHANCE / 2) * error, np.ptp(unlit), 4 * noise)), error


def _dark_rise(levels, noise, sigma):
    """Return the largest rise of overscan minus image from bias frames to darks of one exposure; `None`: not both are there."""
    differences = {}
    for level in levels:
        differences.setdefault((level.kind, level.exposure), []).append(level.overscan - level.image)
    bias = [value for (kind, _), values in differences.items() if kind == "bias" for value in values]
    darks = [(np.mean(values), len(values)) for (kind, _), values in differences.items() if kind == "dark"]
    if not bias or not darks:
        return None
    rise, count = max(darks)
    value = float(rise - np.mean(bias))
    # An image that drifts against the overscan is another finding: it is not a rise.
    error = np.hypot(noise, np.std(bias, ddof=1) if len(bias) > 1 else 0.0) * np.sqrt(
        1 / count + 1 / len(bias)
    )
    limit = float(max(5 * error, MATTERS * sigma))
    return Shift("yes" if value > limit else "no", "dark", value, limit)
