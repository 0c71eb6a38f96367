"""Where the overscan is: the frames with light show the edge of the image. Not which of its columns are clean.

Both directions are treated alike: "columns" below are rows where the overscan lies above or below the image.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..statistics import median_and_scatter

__all__ = ["LIT_FRACTION", "Strip", "brightest", "locate", "pixel_noise"]

# A column with less than this part of the image's light is no part of the image: vignetting leaves more, and leaks into
# the overscan are of a percent.
LIT_FRACTION = 0.25

# Columns beyond an overscan that belong to neither it nor the image: some cameras read a few odd ones at the very edge.
_EDGE_COLUMNS = 16

# The light must stand out this far from the noise of a column before an edge is looked for in it.
_LIGHT_SIGMA = 10.0

# In a narrower strip an odd column at the outer edge cannot be told from the others.
_TRIM_WIDTH = 8

SIDES = {(1, "low"): "left", (1, "high"): "right", (0, "low"): "bottom", (0, "high"): "top"}


@dataclass(frozen=True)
class Strip:
    """The place of the overscan along one axis.

    Attributes
    ----------
    axis : int
        1: an overscan of columns; 0: of rows.
    start, stop : int
        Of the overscan, 0-based, end excluded.
    image_start, image_stop : int
        Of the image area.
    """

    axis: int
    start: int
    stop: int
    image_start: int
    image_stop: int

    @property
    def side(self):
        """``'left'``, ``'right'``, ``'bottom'`` or ``'top'``: which side of the image it is on."""
        return SIDES[self.axis, "low" if self.low else "high"]

    @property
    def low(self):
        """Whether it comes before the image."""
        return self.start < self.image_start

    @property
    def image(self):
        """The image area as a slice along the axis."""
        return slice(self.image_start, self.image_stop)

    @property
    def part(self):
        """The overscan as a slice along the axis."""
        return slice(self.start, self.stop)

    def without(self, count):
        """Return the strip without the `count` columns next to the image, as a slice."""
        if self.low:
            return slice(self.start, self.stop - count)
        return slice(self.start + count, self.stop)

    def outwards(self, profile):
        """Return the part of a profile in the strip, the column next to the image first."""
        part = profile[self.part]
        return part[::-1] if self.low else part


def locate(sample, claim, comparable):
    """Find the overscan.

    Parameters
    ----------
    sample : Sample
    claim : Claim
        Tested where a frame has light, believed where none has.
    comparable : bool
        Whether bright and dark frames can be compared, so that the header need not be asked which columns are clean.

    Returns
    -------
    Strip or None
    source : str
        ``'measured'``, ``'header'`` or ``'unknown'``.
    """
    strip, source = _locate(sample, claim)
    return (strip if strip is None else _believed(sample, strip, claim, comparable)), source


def _locate(sample, claim):
    """Return the strip, or `None`, and where it is known from."""
    lit = brightest(sample)
    for axis in (1, 0):
        strip = _edge(sample, lit, axis, claim) if lit else None
        if strip is not None:
            return strip, "measured"
    if lit and _has_light(sample, lit):
        return None, "measured"
    if claim.overscan is None:
        return None, "unknown"
    return _claimed_strip(sample.shape, claim), "header"


def brightest(sample):
    """Return the flats of a sample, or else its science frames; empty: no frame has light."""
    for kind in ("flat", "science"):
        if frames := sample.of_kind(kind):
            return frames
    return []


def _light(sample, lit, axis):
    """Return the light along an axis and the noise of one value; frames without light are subtracted where there are any."""
    unlit = sample.of_kind("bias") or sample.of_kind("dark")
    profile = np.mean([frame.profile(axis) for frame in lit], axis=0)
    if unlit:
        profile = profile - np.mean([frame.profile(axis) for frame in unlit], axis=0)
    else:
        profile = profile - np.percentile(profile, 1)
    noise = lit[0].noise(axis, slice(None)) / np.sqrt(len(lit))
    return profile, noise


def _has_light(sample, lit):
    profile, noise = _light(sample, lit, 1)
    return bool(np.median(profile) > _LIGHT_SIGMA * noise)


def _edge(sample, lit, axis, claim):
    """Find the widest strip without light at an end of an axis, with a sharp edge to the image."""
    profile, noise = _light(sample, lit, axis)
    signal = np.median(profile)
    if signal <= _LIGHT_SIGMA * noise:
        return None
    dark = profile < LIT_FRACTION * signal
    strips = [_at_end(dark, profile / signal), _at_end(dark[::-1], profile[::-1] / signal)]
    length = len(profile)
    low, high = strips[0], None if strips[1] is None else tuple(length - edge for edge in strips[1][::-1])
    image = (0 if low is None else low[1], length if high is None else high[0])
    found = [strip for strip in (low, high) if strip is not None]
    if not found:
        return None
    start, stop = max(found, key=lambda strip: _claimed_first(strip, claim, axis))
    return Strip(axis, start, stop, *image)


def _at_end(dark, light):
    """Return start and stop of a run of dark columns that begins within a few columns of the end, or `None`."""
    if not dark[: _EDGE_COLUMNS + 1].any():
        return None
    start = int(np.argmax(dark))
    lit_again = np.flatnonzero(~dark[start:])
    if len(lit_again) == 0:
        return None
    stop = start + int(lit_again[0])
    # The step from overscan to image is one of two columns; vignetting and shadows are smoother.
    sharp = light[min(stop + 1, len(light) - 1)] - light[stop - 1] > LIT_FRACTION
    return (start, stop) if stop - start >= 2 and sharp else None


def _claimed_first(strip, claim, axis):
    """Rank strips: one that the header names comes first, then the widest."""
    claimed = claim.overscan is not None and claim.axis == axis and _overlaps(claim.overscan, slice(*strip))
    return claimed, strip[1] - strip[0]


def _overlaps(one, other):
    return one.start < other.stop and other.start < one.stop


def _claimed_strip(shape, claim):
    length, start, stop = shape[claim.axis], claim.overscan.start, claim.overscan.stop
    if claim.keep is not None and not _overlaps(claim.keep[claim.axis], claim.overscan):
        image = claim.keep[claim.axis]
    else:
        image = slice(0, start) if start >= length - stop else slice(stop, length)
    return Strip(claim.axis, start, stop, image.start, image.stop)


def _believed(sample, strip, claim, comparable):
    """Return the strip without what is neither overscan nor image.

    Where bright and dark frames cannot be compared, a claim that lies within the strip is believed; else odd columns at the
    outer edge are left out.
    """
    if claim.overscan is not None and claim.axis == strip.axis and not comparable:
        start, stop = claim.overscan.start, claim.overscan.stop
        if strip.start <= start and stop <= strip.stop:
            return replace(strip, start=start, stop=stop)
    outside = _odd_outside(sample, strip)
    return (
        replace(strip, start=strip.start + outside)
        if strip.low
        else replace(strip, stop=strip.stop - outside)
    )


def _odd_outside(sample, strip):
    """Count the columns at the outer edge that differ from the rest of the strip in every way that noise does not."""
    if strip.stop - strip.start < _TRIM_WIDTH:
        return 0
    frames = sample.of_kind("bias") or sample.of_kind("dark") or list(sample.frames)
    profile = strip.outwards(np.mean([frame.profile(strip.axis) for frame in frames], axis=0))
    median, scatter = median_and_scatter(profile)
    limit = max(6 * scatter, 2 * pixel_noise(sample, strip.axis, strip.part))
    odd = np.flatnonzero(np.abs(profile - median)[::-1][: _TRIM_WIDTH // 2] > limit)
    return 0 if len(odd) == 0 else int(odd[-1]) + 1


def pixel_noise(sample, axis, part):
    """Return the noise of one pixel in `part` of an axis, the median over the frames."""
    noises = [frame.noise(axis, part) for frame in sample.frames]
    return float(np.median(noises) * np.sqrt(sample.shape[1 - axis]))
