"""The overscan, measured: where it is, which of its columns are clean, and whether it tells the bias level.

Everything is measured on `FrameProfile`, in either direction: "columns" are rows where the overscan lies above or below
the image. What the measurements mean is said in `findings`.
"""

from dataclasses import dataclass, field

import numpy as np

from .amplifiers import Jump, image_jump, strip_jump
from .claims import Claim
from .levels import Follow, Shift, follow, frame_levels, level_noise, shift
from .place import Place, locate, pixel_noise
from .profiles import Sample
from .straylight import StrayLight, comparable, odd_last, outer_reach, stray_light

__all__ = ["Overscan", "measure_overscan"]


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
    pixel_noise : float
        Of one pixel of the overscan.
    follow : Follow
    shift : Shift
    jump : Jump or None
        A step of the level in the image or in the overscan, as of several amplifiers.
    levels : tuple of FrameLevel
    """

    sample: Sample
    claim: Claim
    place: Place
    stray: StrayLight = field(default_factory=StrayLight)
    clean: slice | None = None
    pattern: float = np.nan
    pixel_noise: float = np.nan
    follow: Follow = field(default_factory=lambda: Follow("too few frames"))
    shift: Shift = field(default_factory=lambda: Shift("cannot be judged"))
    jump: Jump | None = None
    levels: tuple = ()

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
        _pattern(sample, strip, clean),
        sigma,
        follow(sample, strip, clean, levels, noise, sigma),
        shift(levels, noise, sigma),
        strip_jump(sample, strip, clean, sigma) or image_jump(sample, strip, clean),
        levels,
    )


def _pattern(sample, strip, clean):
    frames = sample.of_kind("bias") or sample.of_kind("dark") or list(sample.frames)
    profile = np.mean([frame.profile(strip.axis)[clean] for frame in frames], axis=0)
    return float(np.std(profile))
