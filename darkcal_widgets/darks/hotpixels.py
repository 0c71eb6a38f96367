"""Hot pixels: what stands out of its neighbours in a combined dark, at which rate, and whether the single darks confirm it."""

import numpy as np

from ..statistics import median_and_scatter
from ..tables import ShownTable
from .background import background

__all__ = ["HOT_SIGMA", "confirmed", "hot_pixels", "with_own_noise"]

# A pixel is hot this many standard deviations above its neighbours: of a million pixels without fault, one in three such
# frames goes that far.
HOT_SIGMA = 5.0

# Averages of three clipped values have longer tails than a Gaussian. The noise has no sign, hot pixels do: the threshold goes
# beyond what the noise reaches downwards, up to this many standard deviations more.
_TAIL_MARGIN = 1.1
_TAIL_SIGMA = 2.0

# Pixels whose neighbours are in memory together: glow has them by the ten thousand, and each has 24.
_AT_ONCE = 1 << 12

_RING = np.array([(y, x) for y in range(-2, 3) for x in range(-2, 3) if (y, x) != (0, 0)]).T

# The variance of the median of 24 neighbours over that of one of them, pi / 2 / 24.
_RING_VARIANCE = np.pi / 48


def hot_pixels(image, seconds, *, gain=None, frames=1, sigma=HOT_SIGMA, ground=None):
    """List the pixels far above their neighbours.

    Parameters
    ----------
    image : ndarray
        Combined dark, shape (rows, columns).
    seconds : float
        Exposure; 0: there is none, and the rates are NaN.
    gain : float, optional
        Electrons per ADU; `None`: the shot noise of glow is taken from the neighbours, that of a hot pixel is left out.
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
        standard deviation), rate (excess per second, in electrons if the gain is given) and sigmas (excess over the noise of a
        pixel there that is not hot); brightest first. Empty, with a threshold of NaN, where the image has no noise.
    """
    ground = background(image) if ground is None else ground
    threshold = _threshold(image, ground, sigma)
    y, x = np.nonzero(image > ground.level + threshold * ground.sigma)
    around, scatter = _neighbours(image, y, x)
    excess = image[y, x] - around
    noise = _noise(around - ground.level, scatter, ground.sigma, gain, frames) * np.sqrt(1 + _RING_VARIANCE)
    hot = excess > threshold * noise
    order = np.argsort(-excess[hot], kind="stable")
    columns = {"x": x, "y": y, "value": image[y, x], "excess": excess, "uncertainty": noise}
    table = ShownTable({name: values[hot][order] for name, values in columns.items()})
    table["rate"] = table["excess"] * ((1.0 if gain is None else gain) / (seconds or np.nan))
    table["sigmas"] = table["excess"] / table["uncertainty"]
    for name in table.colnames[2:]:
        table[name].format = "%.4g"
    table.meta["threshold"] = threshold
    return table if gain is None else with_own_noise(table, 1 / gain, frames)


def with_own_noise(table, shot, frames, jitter=0.0):
    """Return the table with the noise of the hot pixels' own charge in their uncertainty.

    Parameters
    ----------
    table : `~astropy.table.Table`
        From `hot_pixels`.
    shot : float
        Variance of the charge over the charge, in the unit of the image: 1 over the gain.
    frames : int
        How many the dark is the average of.
    jitter : float
        Standard deviation of the dark current from frame to frame, over the dark current.
    """
    table = table.copy()
    charge = np.maximum(np.asarray(table["excess"]), 0)
    noise = charge / np.asarray(table["sigmas"])
    table["uncertainty"] = np.sqrt(noise**2 + charge * (shot + jitter**2 * charge) / frames)
    table["uncertainty"].format = "%.4g"
    return table


def confirmed(table, values):
    """Tell which hot pixels the single darks confirm.

    Of few values the clipped average may have left out a low one, so that noise looks hot; the plain average has not.

    Parameters
    ----------
    table : `~astropy.table.Table`
        From `hot_pixels` of the combined dark.
    values : ndarray
        Of these pixels in the single darks, shape (darks, pixels).

    Returns
    -------
    ndarray of bool
    """
    excess = np.mean(values, axis=0) - (table["value"] - table["excess"])
    return np.asarray(excess > table.meta["threshold"] * table["excess"] / table["sigmas"])


def _threshold(image, ground, sigma):
    if not ground.sigma > 0:
        return np.nan
    lowest = float(np.min(image[ground.plain])) - ground.level
    return float(np.clip(-_TAIL_MARGIN * lowest / ground.sigma, sigma, sigma + _TAIL_SIGMA))


def _neighbours(image, y, x):
    """Return the median and the scatter of the 24 pixels around each place; beyond the edge there are none."""
    if len(y) == 0:
        return np.zeros(0), np.zeros(0)
    padded = np.pad(image.astype(np.result_type(image, np.float32), copy=False), 2, constant_values=np.nan)
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(y), _AT_ONCE)]
    return tuple(np.concatenate([_ring_statistics(padded, y[part], x[part]) for part in parts], axis=1))


def _ring_statistics(padded, y, x):
    around = padded[y[:, None] + 2 + _RING[0], x[:, None] + 2 + _RING[1]].astype(np.float64)
    around[np.isnan(around).all(axis=1)] = (
        0.0  # a pixel alone among pixels without a value is compared with nothing
    )
    return [found[:, 0] for found in median_and_scatter(around, axis=1)]


def _noise(glow, scatter, sigma, gain, frames):
    if gain is None:
        return np.maximum(sigma, scatter)
    return np.sqrt(sigma**2 + np.maximum(glow, 0) / (gain * frames))
