"""What the pixels of a calibrated frame say was done to it, by comparison with raw frames. What of it is right is not known here.

A calibrated pixel is its raw one less what was subtracted, so it has the noise of the raw one: that tells where it was, in which
frame, and times what it was taken, whatever a header says. What was subtracted is the difference; an overscan is the same along a
row, a bias the same in all frames, and whatever else differs was done by hand.
"""

from dataclasses import InitVar, dataclass, field
from functools import cached_property

import numpy as np

from ..statistics import medians, near_bounds

__all__ = [
    "CLEAR",
    "Place",
    "Subtracted",
    "common_of",
    "overscan_used",
    "place_of",
    "scale_of",
    "texture",
    "weights",
]

# Pixels that are compared to find where a frame was; 6 standard errors of their correlation are 0.1.
_SAMPLE = 4000
_CORRELATED = 6 / np.sqrt(_SAMPLE)
# So clear that no other place need be looked at: the noise of a bias of three frames leaves 0.87.
CLEAR = 0.85

# Further than this a frame is not thought to be shifted.
_REACH = 3

_CLIP = 5.0

# So many values tell to a hundredth where to clip.
_FOR_BOUNDS = 2**14

# So many pixels of a row or column give its level well enough to compare noise: to a tenth of it.
_FOR_LEVEL = 256

# Rows and columns of the part whose noise is compared: in the middle, as glow is in corners.
_PART = (256, 512)

# What the rounding of single precision leaves from row to row, in ADU.
_STEADY = 0.02

# Averages this close to what was subtracted, in ADU, are it: one more column, or one less, changes them by more.
_ROUNDED = 0.002

# How far a step of the search moves an end of the overscan.
_STEPS = (32, 8, 2, 1)

_TURNS = {
    "": lambda image: image,
    "upside down": lambda image: image[::-1],
    "left to right": lambda image: image[:, ::-1],
    "by half a turn": lambda image: image[::-1, ::-1],
    "about its diagonal": lambda image: image.T,
    "by a quarter turn": lambda image: image.T[::-1],
    "by a quarter turn back": lambda image: image.T[:, ::-1],
    "about its other diagonal": lambda image: image.T[::-1, ::-1],
}


@dataclass(frozen=True)
class Place:
    """Where the pixels of a calibrated frame were in a raw one.

    Attributes
    ----------
    y, x : int
        Row and column of the raw frame that its first pixel has.
    turn : str
        How it was flipped or turned; empty: not at all.
    likeness : float
        Correlation of the noise of the two, at most 1.
    """

    y: int
    x: int
    turn: str
    likeness: float

    def straight(self, image):
        """Return the calibrated frame as it lay in the raw one."""
        return _TURNS[self.turn](image)


@dataclass
class Subtracted:
    """What was subtracted from a raw frame.

    Attributes
    ----------
    rest : ndarray
        Shape (rows, columns): what differs along the rows; made in the memory of `difference`, raw less calibrated.
    lines : ndarray
        Shape (rows,): the median of each row.
    """

    difference: InitVar[np.ndarray]
    rest: np.ndarray = field(init=False)
    lines: np.ndarray = field(init=False)

    def __post_init__(self, difference):
        lines = medians(difference, axis=1)
        self.lines = lines[:, 0]
        self.rest = np.subtract(difference, lines, out=difference)

    @cached_property
    def level(self):
        """Its mean."""
        return float(np.nanmean(self.lines, dtype=np.float64))


def common_of(images):
    """Return the median of some images; where all agree but for rounding, half way between the least and the greatest.

    Parameters
    ----------
    images : list of ndarray
        Alike.

    Returns
    -------
    ndarray
    """
    low, high = np.minimum.reduce(images), np.maximum.reduce(images)
    common = (low + high) / 2
    differ = high - low > _STEADY
    if differ.any():
        common[differ] = medians(np.stack([image[differ] for image in images], axis=1), axis=1)[:, 0]
    return common


def place_of(image, raw, starts, *, anywhere=True):
    """Find where the pixels of a frame were in a raw frame.

    Parameters
    ----------
    image, raw : ndarray
    starts : list of (int, int)
        Rows and columns where it probably begins.
    anywhere : bool
        Look elsewhere, too, and for flips and turns.

    Returns
    -------
    Place or None
        `None`: nowhere, they are of another frame.
    """
    image, raw, best = _flat(image), _flat(raw), None
    for where in _places(image.shape, raw.shape, starts) if anywhere else ((*start, "") for start in starts):
        place = _likeness(image, raw, *where)
        best = place if best is None or place.likeness > best.likeness else best
        if best.likeness > CLEAR:
            break
    return best if best.likeness > _CORRELATED else None


def _flat(image):
    """Return an image without what its rows and columns have in common."""
    rows, columns = (slice(None, None, max(1, length // _FOR_LEVEL)) for length in image.shape)
    image = image - medians(image[:, columns], axis=1)
    image -= medians(image[rows], axis=0)
    return image


def _places(shape, raw_shape, starts):
    """Yield where a frame may have been, as row, column and turn, the likeliest first."""
    rows, columns = (max(0, whole - length) for whole, length in zip(raw_shape, shape, strict=True))
    corners = dict.fromkeys([*starts, (0, 0), (0, columns), (rows, 0), (rows, columns)])
    yield from ((*corner, turn) for turn in _TURNS for corner in corners)
    steps = range(-_REACH, _REACH + 1)
    yield from ((y + dy, x + dx, "") for y, x in corners for dy in steps for dx in steps)
    yield from ((0, x, "") for x in range(columns))
    yield from ((y, x, "") for x in {x for _, x in corners} for y in range(rows))


def _likeness(image, raw, y, x, turn=""):
    """Return a place with the correlation of a sample of pixels, outliers left out."""
    image, rng = _TURNS[turn](image), np.random.default_rng(1)
    rows, columns = (rng.integers(0, length, _SAMPLE) for length in image.shape)
    inside = (rows + y >= 0) & (rows + y < raw.shape[0]) & (columns + x >= 0) & (columns + x < raw.shape[1])
    rows, columns = rows[inside], columns[inside]
    one = image[rows, columns].astype(float)
    other = raw[rows + y, columns + x].astype(float)
    near = _is_near(one) & _is_near(other)
    one, other = one[near], other[near]
    if one.size < _SAMPLE / 4 or not (np.std(one) > 0 and np.std(other) > 0):
        return Place(y, x, turn, 0.0)
    return Place(y, x, turn, float(np.corrcoef(one, other)[0, 1]))


def _is_near(values):
    low, high = near_bounds(values.ravel()[:: max(1, values.size // _FOR_BOUNDS)], _CLIP)
    return (values >= low) & (values <= high)


def texture(image):
    """Return the noise of a part of an image: less the means of rows and columns, outliers 0; one-dimensional."""
    first = [max(0, (length - most) // 2) for length, most in zip(image.shape, _PART, strict=True)]
    part = image[first[0] :, first[1] :][: _PART[0], : _PART[1]].astype(np.float32)
    part -= medians(part, axis=1)
    near = _is_near(part)
    # Medians of whole counts are too coarse.
    for axis in (1, 0):
        means = np.sum(part, axis=axis, keepdims=True, where=near) / np.maximum(
            near.sum(axis=axis, keepdims=True), 1
        )
        part = np.where(near, part - means, 0)
    return part.ravel()


def scale_of(calibrated, raw):
    """Return what the pixels were multiplied by: the slope of their noise over that of the raw ones.

    Parameters
    ----------
    calibrated, raw : ndarray
        Of the same pixels.
    """
    one, other = texture(calibrated), texture(raw)
    both = (one != 0) & (other != 0)
    power = np.dot(other[both], other[both])
    return float(np.dot(one[both], other[both]) / power) if power > 0 else np.nan


def weights(image, frames):
    """Return the weight that each frame has in an image that was averaged of some of them, by least squares of their noise.

    Parameters
    ----------
    image : ndarray
        One-dimensional, see `texture`.
    frames : list of ndarray
        Alike.

    Returns
    -------
    ndarray
    """
    both = np.column_stack(frames)
    near = (image != 0) & (both != 0).all(axis=1)
    both = both[near].astype(np.float64)
    # The normal equations: few frames have many pixels, and their noise is not alike.
    return np.linalg.lstsq(both.T @ both, both.T @ image[near], rcond=None)[0]


def overscan_used(lines, raw, candidates):
    """Find the columns of a raw frame whose median, or mean, was subtracted from each row.

    Parameters
    ----------
    lines : ndarray
        Shape (rows,): what was subtracted from each row.
    raw : ndarray
        The same rows of the raw frame.
    candidates : list of (int, int)
        Where the search starts.

    Returns
    -------
    tuple of int or None
        First column and the one after the last; `None`: no columns explain it, or it is the same in all rows.
    """
    spread = float(np.std(np.diff(lines)))
    if not (spread > _STEADY and candidates):
        return None
    best = min(
        _descend(lines, raw, start, average) for start in candidates for average in (np.median, np.mean)
    )
    return best[1] if best[0] < spread / 2 else None


def _descend(lines, raw, start, average):
    """Move the ends of a range of columns as long as its averages come nearer to `lines`."""

    def misfit(ends):
        # From row to row: a slope along the columns is common to all of them.
        return float(np.std(np.diff(lines - average(raw[:, slice(*ends)], axis=1))))

    best = (misfit(start), tuple(start))
    for step in _STEPS:
        while best[0] > _ROUNDED:  # else these are the ones
            moved = [
                (best[1][0] + one, best[1][1] + other)
                for one, other in ((-step, 0), (step, 0), (0, -step), (0, step), (step, step), (-step, -step))
            ]
            fits = [ends for ends in moved if 0 <= ends[0] < ends[1] <= raw.shape[1]]
            nearer = min(((misfit(ends), ends) for ends in fits), default=best)
            if nearer[0] >= best[0]:
                break
            best = nearer
    return best
