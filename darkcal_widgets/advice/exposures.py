"""Exposures of flats and science frames against those of the darks. No pixels are looked at."""

from dataclasses import dataclass

from ..groups import group_exposures, same_exposure

__all__ = ["ExposureMatch", "match_exposures"]


@dataclass(frozen=True)
class ExposureMatch:
    """One exposure time of flats or science frames, and the dark nearest to it.

    Attributes
    ----------
    kind : str
        ``'flat'`` or ``'science'``.
    exposure : float
        Seconds.
    frames : int
        Of this kind and exposure.
    dark : float or None
        Exposure of the matching dark, else of the nearest; `None`: there are no darks.
    """

    kind: str
    exposure: float
    frames: int
    dark: float | None

    @property
    def matches(self):
        """Whether the dark has the same exposure, so that it can be subtracted as it is."""
        return self.dark is not None and same_exposure(self.exposure, self.dark)

    @property
    def scaled(self):
        """Whether a dark has to be scaled to this exposure."""
        return self.dark is not None and not self.matches

    @property
    def factor(self):
        """What the dark would be multiplied by; `None` where there is no dark, or one of no exposure."""
        return self.exposure / self.dark if self.dark else None


def match_exposures(night):
    """Find the dark for each exposure time of the night's flats and science frames.

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
        ExposureMatch(kind, exposure, frames, min(darks, key=lambda dark: abs(dark - exposure), default=None))
        for kind, members in (("flat", night.flats), ("science", night.science))
        for exposure, frames in _exposures(members).items()
    )


def _exposures(frames):
    """Return exposure to number of frames, exposures that are the same counted as one."""
    exposures = [frame.info.exposure for frame in frames if frame.info.exposure is not None]
    return {exposures[group[0]]: len(group) for group in group_exposures(exposures)}
