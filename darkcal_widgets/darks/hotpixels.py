"""Hot pixels and glow: what stands out of a combined dark, and the level of all the rest."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from astropy.table import Table
from scipy.ndimage import binary_dilation

from ..statistics import median_and_scatter, without_outliers

__all__ = ["HOT_SIGMA", "Background", "background", "confirmed", "corner_glow", "hot_pixels"]

# A pixel is hot this many standard deviations above its neighbours: of a million pixels without fault, one in three such
# frames goes that far.
HOT_SIGMA = 5.0

# Averages of three clipped values have longer tails than a Gaussian. The noise has no sign, hot pixels do: the threshold goes
# beyond what the noise reaches downwards, up to this many standard deviations more.
_TAIL_MARGIN = 1.1
_TAIL_SIGMA = 2.0

_CLIP = 5.0

# Of a Gaussian's median over that of its mean: its standard error is the square root of pi / 2 times as large.
_MEDIAN_ERROR = np.sqrt(np.pi / 2)

# Pixels along the side of the blocks in which glow is looked for, on all but very small frames.
_BLOCK = 32
_LEAST_BLOCKS = 16

# Glow fades out beyond the last block in which it is seen: so many more are left out of the level.
_GLOW_MARGIN = 2

# Pixels along the side of the corner whose median is the glow.
_CORNER = 8

_RING = np.array([(y, x) for y in range(-2, 3) for x in range(-2, 3) if (y, x) != (0, 0)]).T


@dataclass(frozen=True)
class Background:
    """What a dark is without hot pixels and glow.

    Attributes
    ----------
    level : float
        Mean.
    sigma : float
        Noise of one pixel.
    plain : ndarray of bool
        Shape of the image: where there is no glow.
    """

    level: float
    sigma: float
    plain: np.ndarray

    def level_of(self, image):
        """Return the mean of another image of the same camera over the pixels without glow, hot ones left out."""
        return _clipped_level(image[self.plain])[0]


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
    edges = [_edges(length) for length in image.shape]
    blocks = _block_medians(image, *edges)
    _, sigma = _clipped_level(image)
    side = edges[0][1] * edges[1][1]
    middle, spread = median_and_scatter(blocks, least=_MEDIAN_ERROR * sigma / np.sqrt(side))
    bright = binary_dilation(blocks > middle + _CLIP * spread, np.ones((3, 3)), iterations=_GLOW_MARGIN)
    if bright.mean() > 0.5:
        bright[:] = False  # Then it is not glow, but a gradient over the whole frame, which is its level.
    sizes = [np.diff(one) for one in edges]
    plain = ~np.repeat(np.repeat(bright, sizes[0], axis=0), sizes[1], axis=1)
    plain &= np.isfinite(image)
    return Background(*_clipped_level(image[plain]), plain)


def hot_pixels(image, seconds, *, gain=None, frames=1, sigma=HOT_SIGMA, ground=None):
    """List the pixels far above their neighbours.

    Parameters
    ----------
    image : ndarray
        Combined dark, shape (rows, columns).
    seconds : float
        Exposure.
    gain : float, optional
        Electrons per ADU; `None`: the shot noise of glow is taken from the neighbours.
    frames : int
        How many the dark is the average of.
    sigma : float
        Threshold in standard deviations.
    ground : Background, optional
        Of `image`, if it is known already.

    Returns
    -------
    `~astropy.table.Table`
        Columns x and y (0-based, in `image`), value, excess over the median of the 24 neighbours, its uncertainty (one
        standard deviation), rate (excess per second, in electrons if the gain is given) and sigmas; brightest first.
    """
    ground = background(image) if ground is None else ground
    lowest = float(np.min(image[ground.plain])) - ground.level
    threshold = float(np.clip(-_TAIL_MARGIN * lowest / ground.sigma, sigma, sigma + _TAIL_SIGMA))
    y, x = np.nonzero(image > ground.level + threshold * ground.sigma)
    around, scatter = _neighbours(image, y, x)
    excess = image[y, x] - around
    noise = _noise(around - ground.level, scatter, ground.sigma, gain, frames)
    # The median of 24 neighbours has a noise of its own: pi / 2 / 24 of the variance of one.
    error = noise * np.sqrt(1 + np.pi / 48)
    hot = excess > threshold * error
    order = np.argsort(-excess[hot], kind="stable")
    factor = (1.0 if gain is None else gain) / seconds
    columns = {"x": x, "y": y, "value": image[y, x], "excess": excess, "uncertainty": error}
    table = Table({name: values[hot][order] for name, values in columns.items()})
    table["rate"] = table["excess"] * factor
    table["sigmas"] = table["excess"] / table["uncertainty"]
    for name in table.colnames[2:]:
        table[name].format = "%.4g"
    table.meta["threshold"] = threshold
    return table


def confirmed(table, values):
    """Keep the hot pixels that the single darks confirm.

    Of three values the clipped average may have left out a low one, so that noise looks hot; the plain average has not.

    Parameters
    ----------
    table : `~astropy.table.Table`
        From `hot_pixels` of the combined dark.
    values : ndarray
        Of these pixels in the single darks, shape (darks, pixels).

    Returns
    -------
    `~astropy.table.Table`
    """
    excess = np.mean(values, axis=0) - (table["value"] - table["excess"])
    return table[np.asarray(excess > table.meta["threshold"] * table["uncertainty"])]


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
    name = max(values, key=lambda corner: np.nanmedian(values[corner]))
    glows = turned[name][1]
    if not glows[0, 0]:
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
    return np.array([[np.nanmedian(image[a:b, c:d]) for c, d in columns] for a, b in rows])


def _clipped_level(values):
    """Return mean and standard deviation of the values within 5 standard deviations of the median."""
    near = without_outliers(values, _CLIP)
    return float(np.mean(near, dtype=np.float64)), float(np.std(near, dtype=np.float64))


def _neighbours(image, y, x):
    """Return the median and the scatter of the 24 pixels around each place; beyond the edge there are none."""
    padded = np.pad(image.astype(np.float64), 2, constant_values=np.nan)
    around = padded[y[:, None] + 2 + _RING[0], x[:, None] + 2 + _RING[1]]
    if len(y) == 0:
        return np.zeros(0), np.zeros(0)
    return tuple(found[:, 0] for found in median_and_scatter(around, axis=1))


def _noise(glow, scatter, sigma, gain, frames):
    if gain is None:
        return np.maximum(sigma, scatter)
    return np.sqrt(sigma**2 + np.maximum(glow, 0) / (gain * frames))
