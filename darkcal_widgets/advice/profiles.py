"""Frames reduced to profiles: all that the overscan is measured from, a thousandth of the pixels.

A profile is the mean of each column (or row) of a frame, in 32 blocks of rows (or columns). Each frame is read once, averaged
and let go. The scatter of the blocks gives the noise, and their median keeps a cosmic ray or a saturated pixel from bending
a profile.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..errors import FrameError
from ..groups import same_exposure
from ..parallel import threaded
from ..statistics import near_median

__all__ = [
    "FRAMES_PER_KIND",
    "KINDS",
    "FrameProfile",
    "Sample",
    "clipped",
    "frame_profile",
    "largest_group",
    "mean_profile",
    "sample_night",
]

# Enough to see a drift from frame to frame; more would only make the advice slower.
FRAMES_PER_KIND = 6

# From no light to most light.
KINDS = ("bias", "dark", "science", "flat")

# Blocks along each axis: enough for a scatter, few enough that a full-size frame becomes half a megabyte.
_BLOCKS = 32

# Rounding to whole ADU leaves this scatter even where the amplifier has none: 1 / sqrt(12).
_ROUNDING = 0.288675

_CLIP = 5.0

# Kelvin. A dark current doubles in some 6 K: within this step it changes by 6 %.
_TEMPERATURE_STEP = 0.5


@dataclass(frozen=True)
class FrameProfile:
    """One frame, averaged in blocks.

    Attributes
    ----------
    name, kind : str
        Of the frame; the kind is one of `KINDS`.
    exposure : float or None
        Seconds.
    shape : tuple of int
        (rows, columns) of the frame.
    blocks : tuple of ndarray
        ``blocks[1]``: means over blocks of rows, shape (blocks, columns). ``blocks[0]``: means over blocks of columns,
        shape (blocks, rows).
    temperature : float or None
        Of the CCD, as in the header.
    """

    name: str
    kind: str
    exposure: float | None
    shape: tuple
    blocks: tuple
    temperature: float | None = None

    def profile(self, axis):
        """Return the mean of each column (`axis` 1) or row (0), with blocks that differ from the others left out."""
        return self._profiles[axis]

    @cached_property
    def _profiles(self):
        return [clipped(self.blocks[axis], 0, self.rounding(axis)) for axis in (0, 1)]

    def noise(self, axis, part):
        """Return the noise of one value of the profile, from the scatter of the blocks in `part` (a slice)."""
        blocks = self.blocks[axis][:, part]
        deviations = blocks - self.profile(axis)[part]
        squares = np.mean(deviations**2, where=near_median(deviations, _CLIP, least=self.rounding(axis)))
        rounding = _ROUNDING / np.sqrt(self.shape[1 - axis])
        return float(max(np.sqrt(squares / max(1, len(blocks) - 1)), rounding))

    def level(self, axis, part):
        """Return the mean of the frame over `part` (a slice of columns or rows), without outlying blocks."""
        return float(clipped(self.blocks[axis][:, part], None, self.rounding(axis)))

    def level_of(self, axis, part):
        """Return the mean over `part`, rows and columns, without outlying blocks; blocks that lie in it by half are left out."""
        blocks = self._blocks_in(axis, part[1 - axis])[:, part[axis]]
        return float(clipped(blocks, None, self.rounding(axis)))

    def of_lines(self, axis, lines, order):
        """Return the profile of some columns (`axis` 1; 0: rows) in some `lines`, across them.

        Parameters
        ----------
        axis : int
        lines : slice
        order : ndarray
            The columns, in this order.

        Returns
        -------
        FrameProfile
            Its blocks along the other axis are those of the whole frame.
        """
        shape = (lines.stop - lines.start, len(order))
        blocks = list(self.blocks)
        blocks[axis] = self._blocks_in(axis, lines)[:, order]
        return replace(self, shape=shape if axis == 1 else shape[::-1], blocks=tuple(blocks))

    def _blocks_in(self, axis, lines):
        blocks = self.blocks[axis]
        edges = _block_edges(self.shape[1 - axis])
        inside = (edges[:-1] >= lines.start) & (edges[1:] <= lines.stop)
        return blocks[inside] if np.any(inside) else blocks

    def rounding(self, axis):
        """Return the scatter that rounding to whole ADU leaves in the mean of one block."""
        return _ROUNDING / np.sqrt(self.shape[1 - axis] / len(self.blocks[axis]))


@dataclass(frozen=True)
class Sample:
    """The frames of a night that were looked at.

    Attributes
    ----------
    frames : tuple of FrameProfile
    shape : tuple of int or None
        Of all of them; `None`: there is no frame.
    left_out : tuple of str
        One sentence for each reason for which frames could not be used, with their names.
    unit : str or None
        ``'adu'`` or ``'electron'``; `None`: no header gives one.
    images : tuple of Frame
        What each of `frames` was made from, a file's one image or one of its parts.
    """

    frames: tuple
    shape: tuple | None
    left_out: tuple = ()
    unit: str | None = None
    images: tuple = ()

    def of_kind(self, *kinds):
        """Return the frames of some kinds."""
        return [frame for frame in self.frames if frame.kind in kinds]

    @property
    def unlit(self):
        """The bias frames, or else the darks; empty: there is no frame without light."""
        return self.of_kind("bias") or self.of_kind("dark")

    @property
    def brightest(self):
        """The flats, or else the science frames; empty: no frame has light."""
        return self.of_kind("flat") or self.of_kind("science")


def sample_night(night, per_kind=FRAMES_PER_KIND, extension=None):
    """Read some frames of each kind, spread over the night and over the exposures, and reduce each to its profile.

    Parameters
    ----------
    night : Night
    per_kind : int
        Frames of each kind at most.
    extension : str, optional
        Which image of files with several is looked at, by its label; `None`: the only one.

    Returns
    -------
    Sample
    """
    kinds = dict(zip(KINDS, (night.biases, night.darks, night.science, night.flats), strict=True))
    if len(night.biases) < 3:
        kinds["dark"] = largest_group(night.darks, lambda frame: frame.info)
    chosen = [
        (kind, frame)
        for kind, frames in kinds.items()
        for frame in _spread(sorted(frames, key=lambda f: (f.info.exposure or 0.0, f.name)), per_kind)
    ]
    parts = [(kind, part) for kind, frame in chosen if (part := _image(frame, extension)) is not None]
    shape = _usual_shape([part for _, part in parts])
    fitting = [(kind, part) for kind, part in parts if part.shape == shape]
    done = threaded(lambda pair: _try_profile(*pair), fitting)
    looked_at = [index for index, one in enumerate(done) if isinstance(one, FrameProfile)]
    return Sample(
        tuple(done[index] for index in looked_at),
        shape,
        (
            *_not_looked_at(
                (frame.name, _other_images(frame, extension))
                for _, frame in chosen
                if _image(frame, extension) is None
            ),
            *_not_looked_at(
                (part.name, _other_shape(part, shape)) for _, part in parts if part.shape != shape
            ),
            *(one for one in done if isinstance(one, str)),
        ),
        _unit(night),
        tuple(fitting[index][1] for index in looked_at),
    )


def frame_profile(data, name, kind, exposure, temperature=None):
    """Reduce one frame, an array of shape (rows, columns), to its profile.

    Returns
    -------
    FrameProfile
    """
    blocks = tuple(_block_means(data, 1 - axis) for axis in (0, 1))
    return FrameProfile(name, kind, exposure, data.shape, blocks, temperature)


def mean_profile(frames, axis):
    """Return the mean of each column (`axis` 1) or row (0) over some frames."""
    return np.mean([frame.profile(axis) for frame in frames], axis=0)


def clipped(values, axis, least=0.0):
    """Return the mean along an axis (`None`: of all) without values over 5 standard deviations from the median."""
    return np.mean(values, axis=axis, where=near_median(values, _CLIP, axis, least), dtype=float)


def largest_group(frames, conditions):
    """Return the largest group of frames with the same dark current.

    Parameters
    ----------
    frames : list
    conditions : callable
        Returns what has the `exposure` and the `temperature` of a frame.
    """
    groups = (
        [other for other in frames if _same_conditions(conditions(frame), conditions(other))]
        for frame in frames
    )
    return max(groups, key=len, default=[])


def _same_conditions(one, other):
    if None in (one.exposure, other.exposure):
        return one.exposure is other.exposure
    if not same_exposure(one.exposure, other.exposure):
        return False
    if None in (one.temperature, other.temperature):
        return one.temperature is other.temperature
    return abs(one.temperature - other.temperature) <= _TEMPERATURE_STEP


def _block_means(data, axis):
    length = data.shape[axis]
    edges = _block_edges(length)
    exact = {"u1": np.uint32, "u2": np.uint32, "u4": np.uint64}.get(data.dtype.str[1:], np.float64)
    bands = (data[a:b] if axis == 0 else data[:, a:b] for a, b in pairwise(edges))
    # NumPy adds up rows much quicker one band after the other than by reduceat.
    sums = np.stack([band.sum(axis=axis, dtype=exact) for band in bands], axis=axis)
    means = sums / np.expand_dims(np.diff(edges), 1 - axis)
    return np.ascontiguousarray(means if axis == 0 else means.T, dtype=np.float64)


def _block_edges(length):
    return np.linspace(0, length, min(_BLOCKS, length) + 1).astype(int)


def _spread(frames, count):
    if len(frames) <= count:
        return frames
    return [frames[round(index)] for index in np.linspace(0, len(frames) - 1, count)]


def _image(frame, extension):
    """Return the image of a frame that is looked at; `None`: it does not have that one, or has several and none is named."""
    found = [part for part in frame.parts if part.extension == (extension or "")]
    return found[0] if found else None


def _other_images(frame, extension):
    if extension:
        return f"without the image {extension} that others hold"
    return f"of {frame.shape_text}, others of one"


def _usual_shape(frames):
    shapes = Counter(frame.shape for frame in frames)
    return shapes.most_common(1)[0][0] if shapes else None


def _unit(night):
    """Return the unit that most headers of a night give, or `None` where none gives one."""
    units = Counter(frame.info.unit for frame in night.frames if frame.info.unit)
    return units.most_common(1)[0][0] if units else None


def _other_shape(frame, shape):
    found, usual = (" x ".join(map(str, size)) for size in (frame.shape, shape))
    return f"of {found} pixels (rows x columns), the others of {usual}"


def _not_looked_at(pairs):
    """Return a sentence for each reason on the frames, pairs of name and reason, that it leaves out."""
    names = {}
    for name, reason in pairs:
        names.setdefault(reason, []).append(name)
    return [f"Not looked at: {', '.join(left_out)}, {reason}." for reason, left_out in names.items()]


def _try_profile(kind, frame):
    """Return the profile of a frame, or the reason why there is none."""
    try:
        data = frame.data
    except FrameError as error:
        return str(error)
    return frame_profile(data, frame.name, kind, frame.info.exposure, frame.info.temperature)
