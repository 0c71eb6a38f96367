"""The edges of the image, as frames with light show them. Not what the header says (`place`), nor which columns are clean.

Both directions are treated alike: "columns" below are rows where the overscan lies above or below the image.

The edge of an image is sharp: from one column to the next but one nearly all of the light is gone. Vignetting, shadows and
the ends of a slit fall more slowly. How much light is near the edge does not matter, as long as it stands out from the noise;
so a slit spectrum that is dark towards the edge shows it, too, if a little light is scattered there.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..statistics import median_and_scatter
from .profiles import clipped

__all__ = [
    "LEAST_WIDTH",
    "LIGHT_SIGMA",
    "LIT_FRACTION",
    "SHARPNESS",
    "Strip",
    "dark_strips",
    "falls_on",
    "lights_along",
]

# A column with less than this part of the light beside it is not part of the image: leaks into the overscan are of a percent.
LIT_FRACTION = 0.25

# This part of the light must be gone within two columns. The end of a slit, seen with a resolution of 2 columns, loses 0.76.
SHARPNESS = 0.8

# Part of the light of the bright columns that is scattered everywhere, also on an unlit part of the image.
_SCATTERED = 0.005

# Columns beyond an overscan that belong to neither it nor the image: some cameras read a few odd ones at the very edge.
_EDGE_COLUMNS = 16

# The light must stand out this far from the noise of a column before an edge is looked for in it.
LIGHT_SIGMA = 10.0

# An overscan has at least this many columns; one in the middle of the image more, since bad columns are dark, too.
LEAST_WIDTH, _LEAST_GAP = 2, 6

SIDES = {(1, "low"): "left", (1, "high"): "right", (0, "low"): "bottom", (0, "high"): "top"}


@dataclass(frozen=True)
class Strip:
    """The place of an overscan along one axis.

    Attributes
    ----------
    axis : int
        1: an overscan of columns; 0: of rows.
    start, stop : int
        Of the overscan, 0-based, end excluded.
    image_start, image_stop : int
        Of the image area; of its lower part where the overscan lies in the middle.
    middle : bool
        Whether the overscan lies between two parts of the image.
    """

    axis: int
    start: int
    stop: int
    image_start: int
    image_stop: int
    middle: bool = False

    @property
    def side(self):
        """``'left'``, ``'right'``, ``'bottom'``, ``'top'`` or ``'middle'``: where it is, seen from the image."""
        return "middle" if self.middle else SIDES[self.axis, "low" if self.low else "high"]

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

    @property
    def width(self):
        """Number of columns."""
        return self.stop - self.start

    def without(self, count):
        """Return the strip without the `count` columns next to the image, as a slice."""
        if self.low:
            return slice(self.start, self.stop - count)
        return slice(self.start + count, self.stop)

    def without_outer(self, count):
        """Return the strip without the `count` columns away from the image."""
        return replace(self, start=self.start + count) if self.low else replace(self, stop=self.stop - count)

    def outwards(self, profile):
        """Return the part of a profile (last axis) in the strip, the column next to the image first."""
        part = profile[..., self.part]
        return part[..., ::-1] if self.low else part


@dataclass(frozen=True)
class _Light:
    """Light along one axis in one kind of frame, the noise of one value, and how much the level drifts between frames.

    Without frames to compare (`compared`) it is the light above that of the darkest columns.
    """

    values: np.ndarray
    noise: float
    drift: float
    compared: bool
    rounding: float

    @property
    def typical(self):
        """The light of the brighter columns."""
        return float(np.percentile(self.values, 90))


# --- Light along an axis ----------------------------------------------------------------------------------


def lights_along(sample, axis):
    """Return the light of flats and of science frames, each less the frames without light if there are any."""
    unlit = sample.unlit
    groups = (sample.of_kind("flat"), sample.of_kind("science"))
    return [_light(lit, unlit, axis) for lit in groups if lit]


def _light(lit, unlit, axis):
    # Stars, and charge that bleeds from them, are elsewhere in the next frame.
    blocks = np.median([frame.blocks[axis] for frame in lit], axis=0)
    if unlit:
        blocks = blocks - np.mean([frame.blocks[axis] for frame in unlit], axis=0)
    else:
        blocks = blocks - np.percentile(np.median(blocks, axis=0), 1)
    quiet = unlit or lit
    # The noise of a profile is that of the mean of all blocks.
    noise = quiet[0].noise(axis, slice(None)) * np.sqrt(1 / len(lit) + (1 / len(unlit) if unlit else 0))
    if not unlit:
        # The blocks of a spectrum differ by far more than noise; neighbouring columns of a block do not.
        _, steps = median_and_scatter(np.diff(blocks, axis=1))
        noise = min(noise, float(steps) / np.sqrt(2 * len(blocks)))
    levels = [frame.level(axis, slice(None)) for frame in unlit]
    drift = float(np.ptp(levels)) if unlit else 0.0
    if quiet[0].noise(axis, slice(None)) * np.sqrt(quiet[0].shape[1 - axis]) < 0.5:
        drift += 1.0  # rounding to whole numbers hides as much
    chosen = _lit_blocks(blocks, drift + LIGHT_SIGMA * noise)
    noise = float(noise * np.sqrt(len(blocks) / len(chosen)))
    rounding = lit[0].rounding(axis)
    return _Light(clipped(chosen, 0, rounding), noise, drift, bool(unlit), rounding)


def _lit_blocks(blocks, least):
    """Return all blocks, or those with light where most have none: a spectrum lights but a few."""
    light = np.median(blocks, axis=1)
    if np.median(light) > least:
        return blocks
    floor = np.percentile(light, 5)
    return blocks[light >= floor + 0.5 * (np.percentile(light, 90) - floor)]


def falls_on(lights, part):
    """Tell whether light clearly falls on a part of an axis."""
    return any(
        np.median(light.values[part])
        > max(LIT_FRACTION * light.typical, LIGHT_SIGMA * light.noise) + light.drift
        for light in lights
    )


# --- Sharp edges ------------------------------------------------------------------------------------------


def dark_strips(lights, axis):
    """Return the dark strips at the ends of an axis, and within it, as `Strip`, of the first light that shows any.

    What is dark in one kind of frame and lit in another is not an overscan.
    """
    for light in lights:
        length = len(light.values)
        low = _at_end(replace(light, values=light.values[::-1]))
        high = _at_end(light)
        if low is not None:
            low = tuple(length - edge for edge in low[::-1])
        low, high = (None if ends and falls_on(lights, slice(*ends)) else ends for ends in (low, high))
        image = (0 if low is None else low[1], length if high is None else high[0])
        found = [Strip(axis, ends[0], ends[1], *image) for ends in (low, high) if ends is not None]
        gaps = [gap for gap in _gaps(light) if not falls_on(lights, slice(*gap))]
        lefts = [0, *(stop for _, stop in gaps)]
        found += [
            Strip(axis, *gap, before, gap[0], middle=True) for gap, before in zip(gaps, lefts, strict=False)
        ]
        if found:
            return found
    return []


def _at_end(light):
    """Return start and stop of a dark strip with a sharp edge at the high end, or `None`."""
    best, height, values = None, 0.0, light.values
    for index, before, floor in _falls(light):
        limit = floor + LIT_FRACTION * (before - floor)
        start = index + 1 if values[index + 1] < limit else index + 2
        lit_again = np.flatnonzero(values[start:] > limit)
        stop = start + int(lit_again[0]) if len(lit_again) else len(values)
        strip = stop - start >= LEAST_WIDTH and stop >= len(values) - _EDGE_COLUMNS
        if strip and _is_unlit(light, slice((start + stop) // 2, stop)) and values[index] - floor > height:
            best, height = (start, stop), values[index] - floor
    return best


def _is_unlit(light, part):
    """Tell whether a part has no light at all: even behind the end of a slit there is a little, scattered."""
    if not light.compared:
        # Of noise alone, neighbours differ as much as any two columns; of scattered light they differ less.
        _, scatter = median_and_scatter(light.values[part])
        _, steps = median_and_scatter(np.diff(light.values[part]))
        return scatter <= 2 * max(steps / np.sqrt(2), light.rounding)
    limit = 2 * light.drift + LIGHT_SIGMA * light.noise + _SCATTERED * light.typical
    return np.median(light.values[part]) < limit


def _falls(light):
    """Yield where the light falls as at the edge of an image: index of the last lit column, light before, floor after it.

    At index i the light l is the median of columns i-2 to i, the floor f the median of the 8 columns from i+2 on. It falls
    sharply to the dark if ``v[i] - v[i+2] >= 0.8 (l - f)`` and f is less than a quarter of l and of the usual light, but for the
    drift of the level.
    """
    values, least, typical = light.values, LIGHT_SIGMA * light.noise, light.typical
    steps = values[2:-3] - values[4:-1]
    # What falls so far follows from the conditions below, and spares the medians of nearly all columns of a noisy flat.
    far = (1 - LIT_FRACTION) * np.minimum(values[2:-3], values[1:-4]) - light.drift
    for index in 2 + np.flatnonzero(steps > SHARPNESS * np.maximum(least, far)):
        before, floor = (
            float(np.median(part)) for part in (values[index - 2 : index + 1], values[index + 2 : index + 10])
        )
        sharp = values[index] - values[index + 2] >= SHARPNESS * (before - floor)
        if sharp and before - floor > least and floor < LIT_FRACTION * min(before, typical) + light.drift:
            yield index, before, floor


def _gaps(light):
    """Return start and stop of each dark strip with a sharp edge on both sides, in their order along the axis."""
    length = len(light.values)
    mirrored = replace(light, values=light.values[::-1])
    down = {_edge_of(light.values, *fall) for fall in _falls(light)}
    up = {length - _edge_of(mirrored.values, *fall) for fall in _falls(mirrored)}
    gaps, behind = [], 0
    for start in sorted(down):
        stop = min((edge for edge in up if edge > start), default=start)
        if start < behind or stop - start < _LEAST_GAP or not _is_unlit(light, slice(start, stop)):
            continue
        if np.max(light.values[start:stop]) < LIT_FRACTION * light.typical:
            gaps.append((start, stop))
            behind = stop
    return gaps


def _edge_of(values, index, light, floor):
    """Return the first dark column after a fall."""
    return index + 1 if values[index + 1] < floor + LIT_FRACTION * (light - floor) else index + 2
