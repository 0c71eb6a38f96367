"""Exposures and temperatures of flats and science frames against those of the darks. No pixels are looked at."""

from dataclasses import dataclass

import numpy as np

from ..groups import TEMPERATURE_TOLERANCE, group_exposures, part_by_temperature, same_exposure

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
    temperature : float or None
        Of the darks, degrees Celsius; `None`: not known.
    """

    dark: float
    factor: float | None
    noise: float
    temperature: float | None = None


@dataclass(frozen=True)
class ExposureMatch:
    """One exposure time of flats or science frames, at one temperature, and the dark for it.

    Attributes
    ----------
    kind : str
        ``'flat'`` or ``'science'``.
    exposure : float
        Seconds.
    frames : int
        Of this kind and exposure.
    choices : tuple of DarkChoice
        The dark to use first, then the others; empty: there are no darks. Where there are darks of the same temperature, only
        those.
    temperature : float or None
        Of the frames, degrees Celsius; `None`: not known.
    named : bool
        Whether there are frames of this kind and exposure at another temperature, too.
    """

    kind: str
    exposure: float
    frames: int
    choices: tuple
    temperature: float | None = None
    named: bool = False

    @property
    def dark(self):
        """Exposure of the dark to use; `None`: there is none."""
        return self.choices[0].dark if self.choices else None

    @property
    def apart(self):
        """Degrees that the dark is warmer than the frames, where it is of another temperature; else 0."""
        if not self.choices or None in (self.temperature, self.choices[0].temperature):
            return 0.0
        warmer = self.choices[0].temperature - self.temperature
        return warmer if abs(warmer) > TEMPERATURE_TOLERANCE else 0.0

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
        """What the dark would be multiplied by; `None` if there is no dark, or one of no exposure."""
        return self.choices[0].factor if self.choices else None


def match_exposures(night):
    """Find the dark for each exposure time and temperature of the night's flats and science frames.

    Where there are darks of the same temperature, one of those is taken: dark current doubles with some 6 degrees. Of them, a
    dark of the same exposure is the best, else one of nearly the same. If all would have to be scaled, that with the least
    noise is taken: mostly the longest, since scaling down scales the noise down.

    Parameters
    ----------
    night : Night

    Returns
    -------
    tuple of ExposureMatch
        By kind, then by exposure, then by temperature.
    """
    return tuple(
        _match(kind, group, len(groups) > 1, night)
        for kind, members in (("flat", night.flats), ("science", night.science))
        for frames in _of_one_exposure(members)
        for groups in [_by_temperature(frames)]
        for group in groups
    )


def _match(kind, frames, named, night):
    exposure, temperature = frames[0].info.exposure, _temperature(frames)
    groups = [group for darks in _of_one_exposure(night.darks) for group in _by_temperature(darks)]
    alike = [darks for darks in groups if _as_warm(_temperature(darks), temperature)]
    choices = _choices(exposure, alike or groups, temperature, len(night.biases))
    return ExposureMatch(kind, exposure, len(frames), choices, temperature, named)


def _choices(exposure, groups, temperature, biases):
    """Return what could be done about an exposure, the best first."""
    choices = [_choice(exposure, darks, biases) for darks in groups]

    def rank(choice):
        known = None not in (choice.temperature, temperature)
        warmer = abs(choice.temperature - temperature) if known else 0.0
        away = abs(choice.dark - exposure)
        if same_exposure(exposure, choice.dark):
            return 0, away, warmer
        return (1, away, warmer) if _is_near(exposure, choice.dark) else (2, choice.noise, warmer)

    return tuple(sorted(choices, key=rank))


def _choice(exposure, darks, biases):
    dark, temperature = darks[0].info.exposure, _temperature(darks)
    if dark == 0:
        return DarkChoice(dark, None, np.inf, temperature)
    factor = exposure / dark
    noise = factor * np.sqrt(1 / len(darks) + (1 / biases if biases else 0))
    return DarkChoice(dark, factor, float(noise), temperature)


def _is_near(exposure, dark):
    return abs(exposure - dark) <= NEARLY * max(exposure, dark)


def _of_one_exposure(frames):
    """Part frames into those of one exposure; those without any are left out."""
    known = [frame for frame in frames if frame.info.exposure is not None]
    groups = group_exposures([frame.info.exposure for frame in known])
    return [[known[index] for index in group] for group in groups]


def _by_temperature(frames):
    groups, without = part_by_temperature(frames)
    return [*groups, without] if without else groups


def _temperature(frames):
    """Return the median temperature of frames; `None`: no header gives one."""
    known = [frame.info.temperature for frame in frames if frame.info.temperature is not None]
    return float(np.median(known)) if known else None


def _as_warm(one, other):
    """Tell whether two temperatures are the same; one that is not known is like none, but for another that is not."""
    if None in (one, other):
        return one is other
    return abs(one - other) <= TEMPERATURE_TOLERANCE
