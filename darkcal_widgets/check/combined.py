"""Combined frames beside the frames they are averages of, as their pixels tell. Not single darks (seen)."""

from dataclasses import dataclass

import numpy as np

from ..groups import TEMPERATURE_TOLERANCE, same_exposure
from ..statistics import median
from .pixels import texture, weights

__all__ = ["Average", "combined_trouble", "listed", "members_of"]

# A frame is in an average if it has this part of the greatest weight in it, and more than what chance gives to one that is not.
_HAS_PART, _CHANCE = 0.3, 0.01

# An average lies between the least and the greatest of its members, but for rounding, in ADU; in more pixels than this part of
# them it may not.
_ROUNDING, _FEW = 0.2, 1e-5

# An image is the mean of a stack if this part of its pixels are, to so many ADU; one frame more would change them by tenths.
_EQUAL, _MOST = 0.01, 0.9


@dataclass(frozen=True)
class Average:
    """What the noise of an average tells.

    Attributes
    ----------
    members : list of str
        Names of the frames that are in it.
    total : float
        Sum of the weights: 1 in an average.
    """

    members: list
    total: float


def members_of(image, textures):
    """Return which frames are in an average.

    Parameters
    ----------
    image : ndarray
        A texture, see `~darkcal_widgets.check.pixels.texture`.
    textures : dict of str to ndarray
        Of the frames that may be in it.
    """
    found = weights(image, list(textures.values()))
    least = max(_CHANCE, _HAS_PART * found.max())
    members = [name for name, weight in zip(textures, found, strict=True) if weight > least]
    return Average(members, float(found.sum()))


def combined_trouble(combined, darks):
    """Say what is wrong with a combined dark, beside the calibrated darks of the folder as they are; empty: nothing.

    Parameters
    ----------
    combined : Frame
    darks : list of ~darkcal_widgets.check.seen.Dark
    """
    image = combined.data
    alike = [dark for dark in darks if dark.frame.shape == image.shape]
    due = [dark.frame for dark in alike if _belongs(dark.frame, combined)]
    if not due:
        return "there is no calibrated dark of its exposure and shape."
    stack = np.stack([dark.data for dark in due])
    # A median may pass over frames whose level differs, and still is made of all of them.
    if _is_median(image, stack):
        return ""
    if _is_mean(image, stack):
        return _outside(image, stack)
    average = members_of(texture(image), {dark.frame.name: dark.texture for dark in alike})
    names = [dark.name for dark in due]
    if not average.members:
        return f"its pixels are of none of the {len(due)} darks of its exposure."
    if not 0.5 < average.total < 1.5:
        return f"it is about {average.total:.2g} times the average of its darks."
    if set(average.members) != set(names):
        return _other_members(average.members, names)
    return _outside(image, stack)


def _is_median(image, stack):
    """Whether an image is the median of a stack; a few rows, looked at first, tell of most that it is not."""
    parts = (slice(None, None, 16), slice(None))
    return all(
        not (np.abs(image[part] - np.median(stack[:, part], axis=0)) >= _ROUNDING).any() for part in parts
    )


def _is_mean(image, stack):
    """Whether most pixels of a few rows are the mean of a stack, so that no other frame is in it."""
    part = slice(None, None, 16)
    return np.mean(np.abs(image[part] - np.mean(stack[:, part], axis=0)) < _EQUAL) > _MOST


def _belongs(dark, combined):
    exposures, temperatures = zip(
        *((info.exposure, info.temperature) for info in (dark.info, combined.info)), strict=True
    )
    if None in exposures or not same_exposure(*exposures):
        return False
    return None in temperatures or abs(temperatures[0] - temperatures[1]) <= TEMPERATURE_TOLERANCE


def _other_members(members, due):
    strange = [name for name in members if name not in due]
    if strange:
        return f"{listed(strange)} {'is' if len(strange) == 1 else 'are'} in it, of another exposure."
    missing = [name for name in due if name not in members]
    return f"only {len(members)} of {len(due)} darks {'is' if len(members) == 1 else 'are'} in it; {listed(missing)} not."


def _outside(image, stack):
    """Say that pixels lie outside of what the members of an average hold."""
    # Where a value was left out, the average makes up for the level of its frame.
    reach = _ROUNDING + float(np.ptp([median(image) for image in stack]))
    with np.errstate(invalid="ignore"):
        outside = (image < np.min(stack, axis=0) - reach) | (image > np.max(stack, axis=0) + reach)
    empty = ~np.isfinite(image) & np.isfinite(stack).all(axis=0)
    if empty.any():
        return f"{empty.sum()} of its pixels have no value, though all darks have one there."
    if outside.sum() <= _FEW * image.size:
        return ""
    off = float(np.nanmedian(image - np.median(stack, axis=0)))
    if abs(off) > _ROUNDING and outside.mean() > 0.1:
        return f"it is {abs(off):.1f} ADU {'higher' if off > 0 else 'lower'} than its darks."
    return f"{outside.sum()} of its pixels lie outside of what its darks hold there."


def listed(names):
    """Return the first three of some names."""
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
