"""What was measured of an overscan, as records."""

from dataclasses import dataclass, field

import numpy as np

from .profiles import Sample
from .strips import Claim, Strip

__all__ = ["Contamination", "Follow", "FrameLevel", "Measured", "Shift"]


@dataclass(frozen=True)
class Contamination:
    """Which columns next to the image stray charge reaches.

    Attributes
    ----------
    count : int
        Columns.
    evidence : str
        The frames that were compared, such as ``'flat - bias'``; empty: nothing could be compared.
    first, last : float
        Excess in the column next to the image and in the last contaminated one, in the unit of the frames.
    noise : float
        Of the excess of one column.
    """

    count: int = 0
    evidence: str = ""
    first: float = 0.0
    last: float = 0.0
    noise: float = 0.0


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


@dataclass(frozen=True)
class Measured:
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
    def width(self):
        """Number of clean columns."""
        return 0 if self.clean is None else self.clean.stop - self.clean.start
