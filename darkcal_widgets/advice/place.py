"""Where the overscan is: what the light shows (`edges`) against what the header claims, and what is believed of it."""

from dataclasses import dataclass, replace

import numpy as np

from ..sections import overlap, whole_of, with_part
from ..statistics import median_and_scatter
from .edges import LEAST_WIDTH, LIGHT_SIGMA, LIT_FRACTION, Strip, dark_strips, falls_on, lights_along
from .profiles import mean_profile

__all__ = ["Place", "locate", "pixel_noise"]

# A claimed image area is believed if it leaves out no more columns than this: the first and last ones of a chip are often odd.
_KEEP_SLACK = 8

# In a narrower strip an odd column at the outer edge cannot be told from the others.
_TRIM_WIDTH = 8


@dataclass(frozen=True)
class Place:
    """Where the overscan is, and how that is known.

    Attributes
    ----------
    strip : Strip or None
        `None`: there is none, or it is not known where.
    source : str
        ``'measured'``; ``'header'``: believed, because the light does not show it; ``'unknown'``.
    light : str
        ``'none'``: no frame has any; ``'everywhere'``: up to every edge; ``'edge'``: it ends sharply; ``'dim'``: the frames with
        light are dark towards an edge, but it does not end sharply.
    keep : tuple of slice or None
        Rows and columns of the image, where every side is known; `None`: not in one piece.
    against : bool
        Whether light falls on the overscan that the header names.
    strips : tuple of Strip
        All dark strips that the light shows.
    """

    strip: Strip | None
    source: str
    light: str
    keep: tuple | None
    against: bool = False
    strips: tuple = ()

    @property
    def gaps(self):
        """The dark strips within the image beside `strip`, as of other amplifiers."""
        own = self.strip
        return [
            one
            for one in self.strips
            if one.middle and not (own is not None and one.axis == own.axis and overlap(one.part, own.part))
        ]


def locate(sample, claim, comparable):
    """Find the overscan.

    Parameters
    ----------
    sample : Sample
    claim : Claim
        Tested if a frame has light, believed if none shows the edge.
    comparable : bool
        Whether bright and dark frames can be compared, so that the header need not be asked which columns are clean.

    Returns
    -------
    Place
    """
    if sample.shape is None:
        return Place(None, "unknown", "none", None)
    seen = {axis: lights_along(sample, axis) for axis in (1, 0)}
    strips = {axis: dark_strips(seen[axis], axis) for axis in (1, 0)}
    whole = whole_of(sample.shape)
    keep = tuple(_between(strips[axis], whole[axis]) for axis in (0, 1))
    against = claim.overscan is not None and falls_on(seen[claim.axis], claim.overscan)
    claimed = None if against else _claimed_strip(sample.shape, claim)
    strip = _main_strip(strips, claim)
    open_claim = claim.overscan is not None and claimed is not None and not strips[claimed.axis]
    if strip is not None and not (open_claim and claimed.axis != strip.axis):
        strip = _believed(sample, strip, claim, comparable)
        kept = None if strip.middle else _with_claim(keep, claim, seen)
        return Place(strip, "measured", "edge", kept, strips=(*strips[1], *strips[0]))
    light = "dim" if strip is not None else _amount(seen)
    if light == "everywhere":
        return Place(None, "measured", light, whole, against)
    if claimed is None:
        return Place(None, "unknown", light, whole, against)
    return Place(
        claimed, "header", light, _with_claim(with_part(keep, claimed.axis, claimed.image), claim, seen)
    )


def pixel_noise(sample, axis, part):
    """Return the noise of one pixel in `part` of an axis, the median over the frames."""
    noises = [frame.noise(axis, part) for frame in sample.frames]
    return float(np.median(noises) * np.sqrt(sample.shape[1 - axis]))


def _amount(seen):
    """Tell how much of the frame has light, see `Place.light`; there is no sharp edge."""
    lights = [light for axis in seen for light in seen[axis]]
    if not any(light.typical > LIGHT_SIGMA * light.noise for light in lights):
        return "none"
    ends = [[_lit_ends(light) for light in seen[axis]] for axis in seen]
    everywhere = all(any(light[end] for light in axis) for axis in ends for end in (0, 1))
    return "everywhere" if everywhere else "dim"


def _lit_ends(light):
    """Tell for the low and the high end whether the light goes on until a few columns from it."""
    if light.typical <= LIGHT_SIGMA * light.noise:
        return False, False
    ends = light.values[1:9], light.values[-9:-1]
    return tuple(bool(np.median(end) > LIT_FRACTION * light.typical) for end in ends)


def _main_strip(strips, claim):
    """Return the strip to measure: one that the header names, else of columns if it is wide enough, else the widest."""
    found = [strip for axis in (1, 0) for strip in strips[axis]]
    return max(
        found,
        key=lambda strip: (
            _is_claimed(strip, claim),
            not strip.middle,
            strip.axis == 1 and strip.width >= 4,
            strip.width,
        ),
        default=None,
    )


def _is_claimed(strip, claim):
    return claim.overscan is not None and claim.axis == strip.axis and overlap(claim.overscan, strip.part)


def _between(strips, whole):
    """Return the image between the strips of one axis."""
    strip = next((strip for strip in strips if not strip.middle), None)
    return whole if strip is None else strip.image


def _with_claim(keep, claim, seen):
    """Take over the image area that the header claims where it is the one found, or lies within it and leaves out the dark."""
    if claim.keep is None:
        return keep
    return tuple(
        claimed if _is_nearly(claimed, image) or _leaves_out_the_dark(claimed, image, seen[axis]) else image
        for axis, (claimed, image) in enumerate(zip(claim.keep, keep, strict=True))
    )


def _is_nearly(claimed, image):
    """Tell whether a claimed image area is the one found, but for a few columns less."""
    return 0 <= claimed.start - image.start <= _KEEP_SLACK and 0 <= image.stop - claimed.stop <= _KEEP_SLACK


def _leaves_out_the_dark(claimed, image, lights):
    """Tell whether what a claim leaves out of the image found has no light in any frame."""
    inside = image.start <= claimed.start and claimed.stop <= image.stop
    rest = [slice(image.start, claimed.start), slice(claimed.stop, image.stop)]
    return inside and not any(falls_on(lights, part) for part in rest if part.stop > part.start)


def _claimed_strip(shape, claim):
    """Return the strip that the header names, or that its image area leaves out; `None`: it says nothing."""
    axis, part = claim.axis, claim.overscan
    if part is None:
        axis, part = _left_out(shape, claim)
    if part is None:
        return None
    length = shape[axis]
    if claim.keep is not None and not overlap(claim.keep[axis], part):
        image = claim.keep[axis]
    else:
        image = slice(0, part.start) if part.start >= length - part.stop else slice(part.stop, length)
    if image.stop - image.start < 1:
        return None
    return Strip(axis, part.start, part.stop, image.start, image.stop)


def _left_out(shape, claim):
    """Return axis and slice of the widest strip that the claimed image area leaves out."""
    parts = []
    for axis in (1, 0):
        if claim.keep is not None:
            parts += [
                (axis, slice(0, claim.keep[axis].start)),
                (axis, slice(claim.keep[axis].stop, shape[axis])),
            ]
    axis, part = max(parts, key=lambda found: found[1].stop - found[1].start, default=(1, slice(0, 0)))
    return (axis, part) if part.stop - part.start >= LEAST_WIDTH else (1, None)


def _believed(sample, strip, claim, comparable):
    """Return the strip without what is neither overscan nor image.

    Where bright and dark frames cannot be compared, a claim that lies within the strip is believed; else odd columns at the
    outer edge are left out.
    """
    if claim.overscan is not None and claim.axis == strip.axis and not comparable:
        start, stop = claim.overscan.start, claim.overscan.stop
        if strip.start <= start and stop <= strip.stop:
            return replace(strip, start=start, stop=stop)
    return strip.without_outer(_odd_outside(sample, strip))


def _odd_outside(sample, strip):
    """Count the columns at the outer edge that differ from the rest of the strip in every way that noise does not."""
    if strip.width < _TRIM_WIDTH:
        return 0
    profile = strip.outwards(mean_profile(sample.unlit or sample.frames, strip.axis))
    median, scatter = median_and_scatter(profile)
    limit = max(6 * scatter, 2 * pixel_noise(sample, strip.axis, strip.part))
    odd = np.flatnonzero(np.abs(profile - median)[::-1][: _TRIM_WIDTH // 2] > limit)
    return 0 if len(odd) == 0 else int(odd[-1]) + 1
