"""The overscan, measured: where it is, which of its columns are clean, and whether it tells the bias level.

Everything is measured on `FrameProfile`, in either direction: "columns" are rows where the overscan lies above or below
the image.
"""

from dataclasses import dataclass, field

import numpy as np

from .claims import Claim
from .edges import Strip, locate, pixel_noise
from .levels import Follow, Shift, follow, frame_levels, level_noise, shift
from .profiles import Sample
from .straylight import Contamination, comparable, stray_light, without_outer

__all__ = ["FLATNESS", "MINIMUM_COLUMNS", "Overscan", "measure_overscan"]

# With fewer columns the median of a row carries over 60 % of the read noise of a pixel into the whole row.
MINIMUM_COLUMNS = 4

# Offsets of columns are the same in every frame and do no harm, but a scatter this many times the noise of a pixel means that
# part of the strip is something else, such as the edge of the image.
FLATNESS = 3.0


@dataclass(frozen=True)
class Overscan:
    """All that was measured of the overscan.

    Attributes
    ----------
    sample : Sample
    claim : Claim
    strip : Strip or None
        `None`: there is none, or it is not known where.
    source : str
        ``'measured'``, ``'header'`` (believed for want of frames with light) or ``'unknown'``.
    contamination : Contamination
    clean : slice or None
        The columns that no light reaches.
    pattern : float
        Scatter of the offsets of the clean columns.
    pixel_noise : float
        Of one pixel of the overscan.
    follow : Follow
    shift : Shift
    levels : tuple of FrameLevel
    """

    sample: Sample
    claim: Claim
    strip: Strip | None = None
    source: str = "unknown"
    contamination: Contamination = field(default_factory=Contamination)
    clean: slice | None = None
    pattern: float = np.nan
    pixel_noise: float = np.nan
    follow: Follow = field(default_factory=lambda: Follow("too few frames"))
    shift: Shift = field(default_factory=lambda: Shift("cannot be judged"))
    levels: tuple = ()

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
    strip, source = locate(sample, claim, bool(comparable(sample)))
    if strip is None:
        return Overscan(sample, claim, source=source)
    inner = without_outer(sample, strip)
    contamination = stray_light(sample, inner)
    clean = inner.without(contamination.count)
    sigma = pixel_noise(sample, strip.axis, clean)
    levels = frame_levels(sample, strip, clean)
    noise = level_noise(sample.shape[1 - strip.axis], strip, clean, sigma)
    return Overscan(
        sample,
        claim,
        strip,
        source,
        contamination,
        clean,
        _pattern(sample, strip, clean),
        sigma,
        follow(sample, strip, clean, levels, noise, sigma),
        shift(levels, noise),
        levels,
    )


def _pattern(sample, strip, clean):
    frames = sample.of_kind("bias") or sample.of_kind("dark") or list(sample.frames)
    profile = np.mean([frame.profile(strip.axis)[clean] for frame in frames], axis=0)
    return float(np.std(profile))
