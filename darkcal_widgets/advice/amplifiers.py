"""Whether image and overscan have one level each: a step shows several amplifiers, which one overscan cannot serve."""

from dataclasses import dataclass

import numpy as np

from .profiles import clipped, mean_profile

__all__ = ["Jump", "image_jump", "strip_jump"]

# A jump of the level inside image or overscan must stand out this far from such steps elsewhere.
_JUMP_SIGMA = 8.0


@dataclass(frozen=True)
class Jump:
    """A step of the bias level between two halves, as of two amplifiers, or between four quarters.

    Attributes
    ----------
    where : str
        ``'image'`` or ``'overscan'``.
    axis, place : int
        Axis, and the first column (row) behind the step.
    value : float
        Level behind the step minus level before it.
    parts : int
        4: there is a step in the middle of both halves.
    """

    where: str
    axis: int
    place: int
    value: float
    parts: int = 2


def image_jump(sample, strip, clean):
    """Find a step of the bias level in the image, in its middle or at all its quarters, that the overscan does not have.

    Returns
    -------
    Jump or None
    """
    frames = sample.unlit
    if not frames:
        return None
    length = sample.shape[strip.axis]
    parts = [strip.image] + ([slice(strip.stop, length)] if strip.middle else [])
    columns = np.concatenate([np.arange(part.start, part.stop) for part in parts])
    blocks = np.mean([frame.blocks[strip.axis] for frame in frames], axis=0)
    profile = clipped(blocks[:, columns], 0)
    quarters = [_step(half) for half in (profile[: len(profile) // 2], profile[len(profile) // 2 :])]
    if not strip.middle and None not in quarters:
        return Jump("image", strip.axis, int(columns[quarters[0][0]]), quarters[0][1], parts=4)
    if (found := _step(profile)) is not None:
        return Jump("image", strip.axis, int(columns[found[0]]), found[1])
    across = clipped(blocks[:, columns], 1) - clipped(blocks[:, clean], 1)
    if (found := _step(across)) is not None:
        place = round(found[0] / len(across) * sample.shape[1 - strip.axis])
        return Jump("image", 1 - strip.axis, place, found[1])
    return None


def strip_jump(sample, strip, clean, sigma):
    """Find a step of the bias level in the middle of the overscan, as between those of two amplifiers; a `Jump` or `None`."""
    if not sample.unlit or clean.stop - clean.start < 8:
        return None
    profile = mean_profile(sample.unlit, strip.axis)[clean]
    found = _step(profile, np.arange(4, len(profile) - 3))
    if found is None or abs(found[1]) < 0.5 * sigma:
        return None
    return Jump("overscan", strip.axis, int(clean.start + found[0]), found[1])


def _step(profile, places=None):
    """Return place and height of the one step of a profile that otherwise stays on two levels, or `None`.

    Without `places`, the step is looked for in the middle, where images of several amplifiers are joined. The height at a place
    is the median of the next columns less that of the last; it must stand out from the heights elsewhere, and all that follows
    must keep at least half of it.
    """
    length = len(profile)
    if length < 8:
        return None
    reach = max(2, min(24, length // 8))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(profile, reach), axis=1)
    heights = dict(enumerate((medians[reach:] - medians[:-reach]).tolist(), start=reach))
    if places is None:
        places = range(length // 2 - 2, length // 2 + 3)
    places = [int(at) for at in places if at in heights]
    # The medians step within some columns of the place; there, from one column to the next.
    at = max(places, key=lambda at: abs(heights[at]) + abs(profile[at] - profile[at - 1]), default=None)
    if at is None:
        return None
    elsewhere = [height for k, height in heights.items() if abs(k - at) > reach]
    if len(elsewhere) < 4:
        elsewhere = np.concatenate([np.diff(profile[:at]), np.diff(profile[at:])])
    usual = np.sqrt(np.mean(np.square(elsewhere)))
    halves = np.median(profile[at:]) - np.median(profile[:at])
    if abs(heights[at]) > _JUMP_SIGMA * usual and halves / heights[at] > 0.5:
        return at, heights[at]
    return None
