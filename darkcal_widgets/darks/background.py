"""What a dark is away from hot pixels and glow: its level and its noise; and where it glows. Hot pixels are in `hotpixels`."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..statistics import median_and_scatter, without_outliers

__all__ = ["Background", "background", "corner_glow"]

_CLIP = 5.0

# The standard error of a Gaussian's median, over that of its mean.
_MEDIAN_ERROR = np.sqrt(np.pi / 2)

# Pixels along the side of the blocks in which glow is looked for, on all but very small frames.
_BLOCK = 32
_LEAST_BLOCKS = 16

# The faint end of glow is only seen in the average of many blocks: twice as many along each side each time, until so few groups
# are left.
_LEAST_GROUPS = 4

# Glow fades out beyond the last block in which it is seen: so many more are left out of the level, and then, as long as the
# nearest third of what is left is brighter than the rest by so many standard errors, that third; never more than this part of
# the frame.
_GLOW_MARGIN = 2
_NEAREST = 1 / 3
_BRIGHTER = 2.0
_MOST_GLOW = 0.75

# Pixels along the side of the corner whose median is the glow.
_CORNER = 8


@dataclass(frozen=True)
class Background:
    """What a dark is without hot pixels and glow.

    Attributes
    ----------
    level : float
        Mean; NaN if no pixel has a value.
    sigma : float
        Noise of one pixel; 0 if all pixels are equal.
    plain : ndarray of bool
        Shape of the image: where there is no glow.
    """

    level: float
    sigma: float
    plain: np.ndarray

    def level_of(self, image):
        """Return the mean of another image of the same camera over the pixels without glow, outliers left out."""
        near = without_outliers(image[self.plain], _CLIP)
        return float(np.mean(near, dtype=np.float64)) if near.size else np.nan

    def without(self, x, y):
        """Return the background with some pixels, such as hot ones, left out."""
        plain = self.plain.copy()
        plain[y, x] = False
        return replace(self, plain=plain)


def background(image):
    """Measure the level and the noise of a dark away from glow.

    Parameters
    ----------
    image : ndarray
        Shape (rows, columns). NaN is not a value.

    Returns
    -------
    Background
    """
    finite = np.isfinite(image)
    if not finite.any():
        return Background(np.nan, 0.0, finite)
    edges = [_edges(length) for length in image.shape]
    side = edges[0][1] * edges[1][1]
    bright = _bright(_block_medians(image, *edges), _MEDIAN_ERROR * _clipped_level(image)[1] / np.sqrt(side))
    sizes = [np.diff(one) for one in edges]
    plain = ~np.repeat(np.repeat(bright, sizes[0], axis=0), sizes[1], axis=1)
    plain &= finite
    return Background(*_clipped_level(image[plain]), plain)


def corner_glow(image, ground):
    """Return the brightest corner if it glows: its name, the excess over the level with its standard error, and its reach.

    Returns
    -------
    tuple of (str, float, float, int) or None
        `None`: no corner differs from the rest. The reach is in pixels along the longer side.
    """
    corners = {"lower left": (1, 1), "lower right": (1, -1), "upper left": (-1, 1), "upper right": (-1, -1)}
    turned = {name: (image[::y, ::x], ~ground.plain[::y, ::x]) for name, (y, x) in corners.items()}
    values = {name: one[:_CORNER, :_CORNER] for name, (one, _) in turned.items()}
    values = {name: one for name, one in values.items() if np.isfinite(one).any()}
    if not values:
        return None
    name = max(values, key=lambda corner: np.nanmedian(values[corner]))
    glows = turned[name][1]
    if not glows[:2, :2].all():
        return None
    value = values[name]
    error = _MEDIAN_ERROR * np.nanstd(value) / np.sqrt(value.size)
    reach = max(_first_false(glows[0]), _first_false(glows[:, 0]))
    return name, float(np.nanmedian(value)) - ground.level, float(error), reach


def _first_false(line):
    return int(np.argmin(line)) if not line.all() else len(line)


def _edges(length):
    side = max(1, min(_BLOCK, length // _LEAST_BLOCKS))
    return np.linspace(0, length, max(1, length // side) + 1).astype(int)


def _block_medians(image, row_edges, column_edges):
    """Return the median of each block; all at once where they are equal and whole, which is four times as quick."""
    heights, widths = np.unique(np.diff(row_edges)), np.unique(np.diff(column_edges))
    if len(heights) == len(widths) == 1 and not np.isnan(image).any():
        shape = (len(row_edges) - 1, heights[0], len(column_edges) - 1, widths[0])
        blocks = image.reshape(shape).swapaxes(1, 2)
        return np.median(blocks.reshape(shape[0], shape[2], -1), axis=-1)
    rows, columns = list(pairwise(row_edges)), list(pairwise(column_edges))
    return np.array([[_median(image[a:b, c:d]) for c, d in columns] for a, b in rows])


def _median(block):
    finite = block[np.isfinite(block)]
    return np.median(finite) if finite.size else np.nan


def _bright(blocks, error):
    """Tell which blocks glow: those that stand out, alone or in groups of ever more blocks, and their neighbours.

    Parameters
    ----------
    blocks : ndarray
        Median of each block.
    error : float
        Its standard error, if there is nothing but noise.
    """
    bright, size = np.isnan(blocks), 1
    while min(blocks.shape) >= _LEAST_GROUPS * size:
        groups = _group_means(np.where(bright, np.nan, blocks), size)
        if np.isnan(groups).all():
            break
        middle, spread = median_and_scatter(groups, least=error / size)
        seen = np.nan_to_num(groups, nan=-np.inf) > middle + _CLIP * spread
        seen = np.repeat(np.repeat(seen, size, axis=0), size, axis=1)
        bright[: seen.shape[0], : seen.shape[1]] |= seen
        size *= 2
    grown = _grown(bright & ~np.isnan(blocks))
    # More is not glow, but a gradient over the whole frame, which is its level.
    return np.zeros_like(grown) if grown.mean() > _MOST_GLOW else _with_faint_end(grown, blocks)


def _with_faint_end(bright, blocks):
    """Return the blocks that glow with those around them in which the glow is seen only on average."""
    while bright.any():
        away = np.where(np.isnan(blocks), 0.0, _distances(bright))
        near = (away > 0) & (away <= np.quantile(away[away > 0], _NEAREST))
        rest = (away > 0) & ~near
        if (bright | near).mean() > _MOST_GLOW or rest.sum() < 2:
            break
        error = np.sqrt(sum(np.var(blocks[part], ddof=1) / part.sum() for part in (near, rest)))
        if not np.mean(blocks[near]) - np.mean(blocks[rest]) > _BRIGHTER * error:
            break
        bright = bright | near
    return bright


def _grown(bright):
    """Return where a block that is true is at most `_GLOW_MARGIN` rows and columns away."""
    side = 2 * _GLOW_MARGIN + 1
    around = np.lib.stride_tricks.sliding_window_view(np.pad(bright, _GLOW_MARGIN), (side, side))
    return around.any(axis=(2, 3))


def _distances(bright):
    """Return how far each block is from the nearest that is true, of which there is one: along its row first, then along columns.

    Felzenszwalb & Huttenlocher (2012), Theory of Computing 8, 415. To import scipy for it takes 0.2 s.
    """
    apart = [
        np.subtract.outer(places, places) ** 2.0 for places in (np.arange(size) for size in bright.shape)
    ]
    along_rows = np.array([apart[1][:, row].min(axis=1, initial=np.inf) for row in bright])
    return np.sqrt([np.min(along_rows + apart[0][:, [row]], axis=0) for row in range(len(bright))])


def _group_means(blocks, size):
    """Return the mean of each group of `size` x `size` blocks; NaN where fewer than half of them have a value."""
    rows, columns = (length // size for length in blocks.shape)
    groups = blocks[: rows * size, : columns * size].reshape(rows, size, columns, size).swapaxes(1, 2)
    groups = groups.reshape(rows, columns, size * size)
    count = np.isfinite(groups).sum(axis=-1)
    total = np.nansum(groups, axis=-1)
    return np.where(2 * count >= size * size, total / np.maximum(count, 1), np.nan)


def _clipped_level(values):
    """Return mean and standard deviation of the values within 5 standard deviations of the median; NaN and 0 of none."""
    near = without_outliers(values, _CLIP)
    if not near.size:
        return np.nan, 0.0
    return float(np.mean(near, dtype=np.float64)), float(np.std(near, dtype=np.float64))
