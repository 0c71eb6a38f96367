"""Exposures of flats and science frames against those of the darks. No pixels are looked at."""

from dataclasses import dataclass

import numpy as np

from ..groups import group_exposures, same_exposure

__all__ = ["NEARLY", "DarkChoice", "ExposureMatch", "match_exposures"]

# An exposure this much longer or shorter, as a part of it, is not worth scaling: it changes the dark current by as little.
NEARLY = 0.01


@dataclass(frozen=True)
class DarkChoice:
    """A dark exposure that could be used, in seconds, and what scaling it costs.

    Attributes
    ----------
    dark : float
    factor : float or None
        What the dark would be multiplied by; `None`: the dark has no exposure.
    noise : float
        Of the scaled dark, in units of the read noise of one frame, at least: with f the factor, n darks and m bias frames
        ``f sqrt(1/n + 1/m)``. The shot noise of the dark current comes on top.
    """

    dark: float
    factor: float | None
    noise: float


@dataclass(frozen=True)
class ExposureMatch:
    """One exposure time of flats or science frames, and the dark for it.

    Attributes
    ----------
    kind : str
        ``'flat'`` or ``'science'``.
    exposure : float
        Seconds.
    frames : int
        Of this kind and exposure.
    choices : tuple of DarkChoice
        The dark to use first, then the others; empty: there are no darks.
    """

    kind: str
    exposure: float
    frames: int
    choices: tuple

    @property
    def dark(self):
        """Exposure of the dark to use; `None`: there is none."""
        return self.choices[0].dark if self.choices else None

    @property
    def matches(self):
        """Whether the dark has the same exposure."""
        return self.dark is not None and same_exposure(self.exposure, self.dark)

    @property
    def nearly(self):
        """Whether the dark, though not of the same exposure, is near enough to be subtracted as it is."""
        return self.dark is not None and not self.matches and _is_near(self.exposure, self.dark)

    @property
    def scaled(self):
        """Whether a dark has to be scaled to this exposure."""
        return self.dark is not None and not self.matches and not self.nearly

    @property
    def factor(self):
        """What the dark would be multiplied by; `None` where there is no dark, or one of no exposure."""
        return self.choices[0].factor if self.choices else None


def match_exposures(night):
    """Find the dark for each exposure time of the night's flats and science frames.

    A dark of the same exposure is the best, else one of nearly the same. If all would have to be scaled, that with the least
    noise is taken: mostly the longest, since scaling down scales the noise down.

    Parameters
    ----------
    night : Night

    Returns
    -------
    tuple of ExposureMatch
        By kind, then by exposure.
    """
    darks = _exposures(night.darks)
    return tuple(
        ExposureMatch(kind, exposure, frames, _choices(exposure, darks, len(night.biases)))
        for kind, members in (("flat", night.flats), ("science", night.science))
        for exposure, frames in _exposures(members).items()
    )


def _choices(exposure, darks, biases):
    """Return what could be done about an exposure, the best first."""
    choices = [_choice(exposure, dark, count, biases) for dark, count in darks.items()]

    def rank(choice):
        away = abs(choice.dark - exposure)
        if same_exposure(exposure, choice.dark):
            return 0, away
        return (1, away) if _is_near(exposure, choice.dark) else (2, choice.noise)

    return tuple(sorted(choices, key=rank))


def _choice(exposure, dark, count, biases):
    if dark == 0:
        return DarkChoice(dark, None, np.inf)
    factor = exposure / dark
    return DarkChoice(dark, factor, float(factor * np.sqrt(1 / count + (1 / biases if biases else 0))))


def _is_near(exposure, dark):
    return abs(exposure - dark) <= NEARLY * max(exposure, dark)


def _exposures(frames):
    """Return exposure to number of frames, exposures that are the same counted as one."""
    exposures = [frame.info.exposure for frame in frames if frame.info.exposure is not None]
    return {exposures[group[0]]: len(group) for group in group_exposures(exposures)}
