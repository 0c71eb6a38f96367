"""The dark current of a folder of darks, from the levels of single frames and what is known of their bias. Reads no files."""

from dataclasses import dataclass

import numpy as np

from .growth import Linearity, mean_and_error, slope_of
from .noise import Estimate, student_t

__all__ = ["Bias", "Levels", "Scale", "Single", "with_bias"]

_NO_SCATTER = (
    "No dark current: the levels of the darks do not scatter, like those of saturated frames, or there are too few of them to "
    "distinguish it from a drift of the bias level."
)
_ONE_DARK = "No dark current: there is only one dark, so nothing shows how uncertain it would be."
_DRIFT_UNSEEN = "Without bias frames of the night, a slow drift of the bias level looks like dark current."


@dataclass(frozen=True)
class Single:
    """One calibrated dark.

    Attributes
    ----------
    name, date : str
        Of the file, and of its beginning, as the header says.
    exposure : float
        Seconds.
    level : float
        Mean of the pixels away from glow and hot pixels.
    mean : float
        Of all pixels.
    values : ndarray
        Of the hot pixels.
    """

    name: str
    date: str
    exposure: float
    level: float
    mean: float
    values: np.ndarray


@dataclass(frozen=True)
class Bias:
    """The bias of the darks: what was subtracted, and how its level went from frame to frame.

    Attributes
    ----------
    overscan : bool
        Each dark's own overscan was subtracted, so that the level of its bias is gone.
    subtracted : bool
        A combined bias was subtracted.
    count : int or None
        How many frames are in it; `None`: not known.
    frames : tuple of Single
        The night's bias frames, treated as the darks were; empty if they show nothing.
    """

    overscan: bool = False
    subtracted: bool = False
    count: int | None = None
    frames: tuple = ()


@dataclass(frozen=True)
class Scale:
    """What turns a level into a dark current: electrons per unit of the frames, and the unit that it is given in."""

    factor: float
    unit: str

    @classmethod
    def of(cls, gain):
        """Return that of a gain in electrons per ADU; `None`: not known."""
        return cls(1.0, "adu/s") if gain is None else cls(gain, "e-/s")

    def estimate(self, value, uncertainty):
        """Return a number of that unit."""
        return Estimate(float(self.factor * value), float(self.factor * uncertainty), self.unit)


@dataclass(frozen=True)
class Levels:
    """What the dark current is taken from.

    Attributes
    ----------
    groups : list of list of Single
        The darks of each exposure, by length.
    unit : str
        Of their levels.
    linear : Linearity
        What hot pixels tell of the jitter of the dark current.
    bias : Bias
    hidden : float
        How far a level may be off for rounding.
    """

    groups: list
    unit: str
    linear: Linearity
    bias: Bias
    hidden: float

    def dark_current(self, name, scale, notes):
        """Return the dark current as an `Estimate` from one kind of level, ``'level'`` or ``'mean'``.

        `None`: it cannot be measured, and a sentence is added to `notes` that says why; not where all exposures are 0.
        """
        members = [*self.bias.frames, *(member for group in self.groups for member in group)]
        if not self.groups:
            notes.append(
                "No dark current: there are no single calibrated darks whose levels could be compared."
            )
            return None
        if not self.groups[-1][0].exposure:
            return None  # the report says so, of the whole folder
        if len({member.exposure for member in members}) > 1 and len(members) > 2:
            return self._from_growth(members, name, scale, notes)
        return self._from_level(self.groups[-1], name, scale, notes)

    def _from_growth(self, members, name, scale, notes):
        seconds = np.array([member.exposure for member in members])
        levels = np.array([getattr(member, name) for member in members])
        slope = slope_of(seconds, levels, None if self.bias.overscan else _order(members))
        if slope is None or not np.isfinite(slope.value):
            notes.append(_NO_SCATTER)
            return None
        if slope.drift:
            notes.append(
                f"The bias level seems to drift by {slope.drift:.2g} {self.unit} from one frame to the next; the dark current is "
                "what grows with the exposure on top of that."
            )
        error = np.hypot(slope.uncertainty, self._jitter(slope.value)) + 2 * self.hidden / np.ptp(seconds)
        return scale.estimate(slope.value, error)

    def _from_level(self, group, name, scale, notes):
        if not self.bias.subtracted and not self.bias.overscan:
            notes.append("No dark current: the bias is still in the darks, and all have one exposure.")
            return None
        away = 0.0 if self.bias.overscan else (len(group) + (self.bias.count or len(group))) / 2
        levels = np.array([getattr(member, name) for member in group])
        found = mean_and_error(levels, None if self.bias.overscan else _order(group), away)
        if found is None or not np.isfinite(found[0]):
            notes.append(_ONE_DARK if len(levels) < 2 else _NO_SCATTER)
            return None
        if not self.bias.subtracted:
            notes.append(
                "The dark current assumes that the overscan has the bias of the image, since there is only one exposure."
            )
        elif self.bias.count is None:
            notes.append("The uncertainty of the dark current does not include that of the combined bias.")
        if self.bias.subtracted and not self.bias.overscan:
            notes.append(_DRIFT_UNSEEN)
        value, error = found
        error = error * with_bias(len(group), self.bias) + 2 * self.hidden
        return scale.estimate(value / group[0].exposure, error / group[0].exposure)

    def _jitter(self, slope):
        """Return what the jitter of the dark current, seen in the hot pixels, adds to the uncertainty of a slope."""
        if not self.linear.freedom or not np.isfinite(self.linear.jitter):
            return 0.0
        return (
            student_t(self.linear.freedom) * self.linear.jitter * abs(slope) / np.sqrt(len(self.groups[-1]))
        )


def _order(members):
    """Return the number of each frame in the order in which they were taken: by date if all have their own, else by name."""
    dates = [member.date for member in members]
    keys = dates if all(dates) and len(set(dates)) == len(dates) else [member.name for member in members]
    return np.argsort(np.argsort(np.array(keys), kind="stable"), kind="stable").astype(float)


def with_bias(count, bias):
    """Return how much larger an error is for the combined bias that was subtracted, whose mean level has an error, too."""
    return np.sqrt(1 + count / bias.count) if bias.subtracted and bias.count and not bias.overscan else 1.0
