"""The overscan, measured: where it is, which of its columns are clean, and whether it tells the bias level.

Everything is measured on `FrameProfile`, in either direction: "columns" are rows where the overscan lies above or below
the image. What the measurements mean is said in `findings`.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from ..sections import Regions, with_part
from .amplifiers import Jump, image_jump, strip_jump
from .claims import Claim
from .edges import Strip
from .levels import Follow, Shift, follow, frame_levels, level_noise, pattern_change, shift
from .place import Place, locate, pixel_noise
from .profiles import Sample, mean_profile
from .readout import find_amplifiers, level_above
from .straylight import StrayLight, comparable, odd_last, outer_reach, stray_light

__all__ = ["Amplifier", "Overscan", "measure_overscan"]


@dataclass(frozen=True)
class Amplifier:
    """One of several amplifiers: its overscan and its image, and what was measured of them as if there were no other.

    Attributes
    ----------
    regions : Regions
        Where its overscan and its image are.
    measured : Overscan
        Its columns are counted from the first of its own image on.
    above : float
        Level of its image less that of its overscan in frames without light.
    """

    regions: Regions
    measured: "Overscan"
    above: float

    @property
    def clean(self):
        """Rows and columns of the overscan that no light reaches; `None`: there are none."""
        axis, whole, clean = self.regions.axis, self.regions.overscan, self.measured.clean
        if whole is None or clean is None or not self.measured.width:
            return None
        moved = whole[axis].start - self.measured.strip.start
        return with_part(whole, axis, slice(clean.start + moved, clean.stop + moved))


@dataclass(frozen=True)
class Overscan:
    """All that was measured of the overscan.

    Attributes
    ----------
    sample : Sample
    claim : Claim
    place : Place
    stray : StrayLight
    clean : slice or None
        The columns that no light reaches.
    pattern : float
        Scatter of the offsets of the clean columns.
    change : float
        What of these offsets changes from frame to frame, see `~darkcal_widgets.advice.levels.pattern_change`.
    pixel_noise : float
        Of one pixel of the overscan.
    follow : Follow
    shift : Shift
    jump : Jump or None
        A step of the level in the image or in the overscan, as of several amplifiers.
    levels : tuple of FrameLevel
    amplifiers : tuple of Amplifier
        Where there are several and each has an overscan of its own.
    readout : str
        How they are known, see `~darkcal_widgets.advice.readout.find_amplifiers`.
    """

    sample: Sample
    claim: Claim
    place: Place
    stray: StrayLight = field(default_factory=StrayLight)
    clean: slice | None = None
    pattern: float = np.nan
    change: float = 0.0
    pixel_noise: float = np.nan
    follow: Follow = field(default_factory=lambda: Follow("too few frames"))
    shift: Shift = field(default_factory=lambda: Shift("cannot be judged"))
    jump: Jump | None = None
    levels: tuple = ()
    amplifiers: tuple = ()
    readout: str = ""

    @property
    def strip(self):
        """The `Strip`, or `None`: there is none, or it is not known where."""
        return self.place.strip

    @property
    def unit(self):
        """Of the levels: that of the frames' headers, ADU where they give none."""
        return self.sample.unit or "adu"

    @property
    def width(self):
        """Number of clean columns."""
        return 0 if self.clean is None else self.clean.stop - self.clean.start


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
    Overscan
    """
    place = locate(sample, claim, bool(comparable(sample)))
    overscan = _measured(sample, claim, place)
    if sample.shape is None:
        return overscan
    regions, source = find_amplifiers(sample, claim, place, _noise(overscan), *_jumps(overscan))
    amplifiers = tuple(_amplifier(sample, place, one) for one in regions)
    return replace(overscan, amplifiers=amplifiers, readout=source)


def _measured(sample, claim, place):
    """Measure the overscan in its place."""
    if place.strip is None:
        return Overscan(sample, claim, place)
    strip = place.strip
    sigma = pixel_noise(sample, strip.axis, strip.part)
    inner = strip.without_outer(outer_reach(sample, strip, sigma))
    inner = inner.without_outer(odd_last(sample, inner))
    stray = stray_light(sample, inner, sigma)
    clean = inner.without(stray.count)
    sigma = pixel_noise(sample, strip.axis, clean)
    levels = frame_levels(sample, strip, clean)
    noise = level_noise(sample.shape[1 - strip.axis], strip, clean, sigma)
    return Overscan(
        sample,
        claim,
        place,
        stray,
        clean,
        float(np.std(mean_profile(sample.unlit or sample.frames, strip.axis)[clean])),
        pattern_change(sample, strip.axis, clean),
        sigma,
        follow(sample, strip, clean, levels, noise, sigma),
        shift(levels, noise, sigma),
        strip_jump(sample, strip, clean, sigma) or image_jump(sample, strip, clean),
        levels,
    )


def _noise(overscan):
    if overscan.width:
        return overscan.pixel_noise
    return pixel_noise(overscan.sample, 1, slice(None))


def _jumps(overscan):
    """Return the steps of the level in overscan and image; `None`: there is none."""
    jump = overscan.jump
    if jump is None or jump.where == "image":
        return None, jump
    return jump, image_jump(overscan.sample, overscan.strip, overscan.clean)


def _amplifier(sample, place, regions):
    """Measure an amplifier on its own columns: its image, its overscan, and its image again.

    The order of the columns does not tell from which end of the overscan the light comes in, so there is image at both.
    """
    axis, part = regions.axis, regions.overscan[regions.axis]
    image = np.arange(regions.keep[axis].start, regions.keep[axis].stop)
    order = np.concatenate([image, np.arange(part.start, part.stop), image])
    frames = tuple(frame.of_lines(axis, regions.keep[1 - axis], order) for frame in sample.frames)
    own = replace(sample, frames=frames, shape=frames[0].shape)
    strip = Strip(axis, len(image), len(image) + part.stop - part.start, 0, len(image))
    found = _measured(own, Claim(), replace(place, strip=strip, source="measured", keep=None, strips=()))
    return Amplifier(regions, found, level_above(sample, regions, regions))
