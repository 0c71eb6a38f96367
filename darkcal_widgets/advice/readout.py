"""Which overscan belongs to which part of an image that several amplifiers have read. What each overscan is worth: `overscan`.

What the header names is tested, and without a header the halves of image and overscan are paired, by the levels of frames
without light: they must be those of the same amplifier in both.
"""

import numpy as np

from ..sections import Regions, whole_of, with_part
from .edges import falls_on, lights_along

__all__ = ["find_amplifiers", "level_above"]

# Of two ways to pair two overscans with two images, the right one leaves less than this part of what the other leaves.
_CLEARLY = 0.25

# Between amplifiers, image less overscan may differ by this part of the noise of a pixel: as much as between the frames of one.
_ALIKE = 0.5


def find_amplifiers(sample, claim, place, sigma, overscan_jump=None, image_jump=None):
    """Find the overscan and the image of each of several amplifiers.

    Parameters
    ----------
    sample : Sample
    claim : Claim
    place : Place
    sigma : float
        Noise of a pixel.
    overscan_jump, image_jump : Jump, optional
        Steps of the level in overscan and image.

    Returns
    -------
    regions : tuple of Regions
        Of each amplifier; empty: there is one, or the pixels do not agree with any layout.
    source : str
        ``'header'``, ``'header, untested'`` (there is no frame without light) or ``'measured'``.
    """
    if claim.readout and not _any_lit(sample, claim.readout):
        if not sample.unlit:
            return claim.readout, "header, untested"
        if _agree(sample, claim.readout, sigma):
            return claim.readout, "header"
    if image_jump is not None and image_jump.parts > 2:
        found = _in_strips(sample, place, sigma, image_jump.parts)
    else:
        found = _paired(sample, place, sigma, overscan_jump, image_jump)
    return (found, "measured") if found else ((), "")


def level_above(sample, image, overscan):
    """Return the level of an image less that of an overscan, both `Regions`, mean over the frames without light."""
    beside = with_part(image.keep, overscan.axis, overscan.overscan[overscan.axis])
    levels = [
        frame.level_of(image.axis, image.keep) - frame.level_of(overscan.axis, beside)
        for frame in sample.unlit
    ]
    return float(np.mean(levels)) if levels else np.nan


def _any_lit(sample, readout):
    axes = {one.axis for one in readout}
    seen = {axis: lights_along(sample, axis) for axis in axes}
    return any(falls_on(seen[one.axis], one.overscan[one.axis]) for one in readout)


def _agree(sample, readout, sigma):
    """Tell whether each image lies as far above its own overscan as the others above theirs, and no nearer to another one."""
    above = np.array([[level_above(sample, image, overscan) for overscan in readout] for image in readout])
    own = np.diag(above)
    usual = np.median(own)
    left, tolerance = np.abs(own - usual), _ALIKE * sigma
    nearest = np.min(np.abs(above - usual), axis=1)
    images = np.ptp(above[:, 0])
    return bool(np.all(left <= nearest + tolerance) and np.max(left) <= max(tolerance, _CLEARLY * images))


def _in_strips(sample, place, sigma, count):
    """Pair equal parts of the image with as many of the overscan, in the same order or turned round; empty: neither agrees."""
    axis, strip = place.strip.axis, place.strip
    images, overscans = (
        [slice(edges[k], edges[k + 1]) for k in range(count)]
        for part in (strip.image, strip.part)
        for edges in [np.linspace(part.start, part.stop, count + 1).astype(int).tolist()]
    )
    for order in (overscans, overscans[::-1]):
        pairs = zip(order, images, strict=True)
        found = tuple(_regions(sample, place, axis, *pair) for pair in pairs)
        if _agree(sample, found, sigma):
            return found
    return ()


def _paired(sample, place, sigma, overscan_jump, image_jump):
    """Pair two overscans with two images; empty: there are not two, or it cannot be told which belongs to which."""
    halves = _halves(sample, place, overscan_jump, image_jump)
    if not halves or not sample.unlit:
        return ()
    axis, overscans, images = halves
    straight, crossed = (
        tuple(_regions(sample, place, axis, *pair) for pair in zip(order, images, strict=True))
        for order in (overscans, overscans[::-1])
    )
    differences = [
        abs(float(np.subtract(*(level_above(sample, one, one) for one in pair))))
        for pair in (straight, crossed)
    ]
    if differences[0] <= max(_ALIKE * sigma if place.strip.middle else 0.0, _CLEARLY * differences[1]):
        return straight
    return crossed if differences[1] <= _CLEARLY * differences[0] else ()


def _halves(sample, place, overscan_jump, image_jump):
    """Return axis, overscans and images of two amplifiers, or `None`."""
    strip = place.strip
    if strip is None:
        return None
    axis, length = strip.axis, sample.shape[strip.axis]
    if strip.middle:
        if place.gaps or not strip.start <= length / 2 <= strip.stop:
            return None
        images = [slice(0, strip.start), slice(strip.stop, length)]
        # Each amplifier writes its overscan beside its own image.
        at = (strip.start + strip.stop) // 2 if overscan_jump is None else overscan_jump.place
        return axis, [slice(strip.start, at), slice(at, strip.stop)], images
    if image_jump is None or image_jump.axis != axis:
        return None
    image, at = strip.image, image_jump.place
    images = [slice(image.start, at), slice(at, image.stop)]
    if overscan_jump is not None:
        at = overscan_jump.place
        return axis, [slice(strip.start, at), slice(at, strip.stop)], images
    ends = sorted(other.start for other in place.strips if other.axis == axis and not other.middle)
    if len(ends) == 2:
        return axis, [other.part for start in ends for other in place.strips if other.start == start], images
    return None


def _regions(sample, place, axis, overscan, image):
    whole = whole_of(sample.shape)
    return Regions(with_part(whole, axis, overscan), axis, with_part(place.keep or whole, axis, image))
