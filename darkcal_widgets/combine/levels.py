"""Sentences on calibrated darks whose level no drift explains, from levels that are known already. Nothing is read here.

The level of a frame is the mean of its pixels, as ``CCDMEAN`` gives it.
"""

import numpy as np

from ..frames.numbers import number
from ..groups import group_exposures, part_by_temperature
from ..statistics import median_and_scatter
from ..text import visible

__all__ = ["below_bias", "mean_level", "unlike_levels"]

# In the unit of the frames. Where no overscan is subtracted, the bias drifts by up to 20 ADU between frames.
_DRIFT = 30.0

# Dark current may differ by this part from frame to frame, for temperatures that belong together differ by up to 2 degrees.
_PART = 0.1

# Levels that are so many standard deviations from the others, as those are spread themselves.
_SIGMA = 5.0


def mean_level(headers):
    """Return the mean of the pixels of a frame from the header of each of its images; `None`: one of them does not give it."""
    means = [number(header.get("CCDMEAN")) for header in headers]
    return None if None in means else float(np.mean(means))


def unlike_levels(levels):
    """Say which darks lie far above or below the others of their exposure and temperature.

    Parameters
    ----------
    levels : dict of Frame to float
        Level of each calibrated dark, in the unit of the frames.

    Returns
    -------
    list of str
        A sentence for each such dark.
    """
    darks = [dark for dark in levels if dark.info.exposure is not None]
    groups = group_exposures([dark.info.exposure for dark in darks])
    alike = (part for group in groups for part in part_by_temperature([darks[i] for i in sorted(group)])[0])
    return [
        sentence for part in alike for sentence in _unlike(part, np.array([levels[dark] for dark in part]))
    ]


def _unlike(darks, levels):
    middle, scatter = (levels.min(), 0.0) if len(levels) == 2 else median_and_scatter(levels)
    away = levels - middle
    far = np.abs(away) > max(_DRIFT, _PART * abs(middle), _SIGMA * scatter)
    return [
        _far_off(dark, away, len(darks))
        for dark, away, is_far in zip(darks, away, far, strict=True)
        if is_far
    ]


def _far_off(dark, away, count):
    others = "the other" if count == 2 else "the others"
    return (
        f"{visible(dark.name)} lies {abs(away):.0f} {dark.unit()} {'above' if away > 0 else 'below'} {others} of "
        f"{dark.info.exposure:g} s: look at it, and leave it out with files if it holds light or its readout has failed."
    )


def below_bias(levels):
    """Say which darks lie so far below the combined bias that was subtracted that it cannot be theirs.

    Parameters
    ----------
    levels : dict of Frame to float
        Level of each calibrated dark, in the unit of the frames.

    Returns
    -------
    list of str
        At most one sentence.
    """
    below = {dark: -level for dark, level in levels.items() if level < -_DRIFT}
    if not below:
        return []
    lowest = max(below, key=below.__getitem__)
    more = f" ({len(below)} darks lie below it)" if len(below) > 1 else ""
    return [
        f"{visible(lowest.name)} lies {below[lowest]:.0f} {lowest.unit()} below the combined bias{more}: its bias was subtracted "
        "before, it was taken with another offset than the bias frames, or it was saved on another scale."
    ]
