"""One dark as a job: its raw file in, its result out, all or nothing. Not which darks, nor how many at a time."""

import threading
from dataclasses import dataclass
from pathlib import Path

from ..errors import DarkcalError, FrameError, OutputError
from ..frames import Frame, write_bands
from ..outcome import Outcome
from ..recipe.calibrate import Calibration, PixelCounts, calibrated_header
from ..results import standing
from ..text import ascii_only

__all__ = ["DarkJob", "calibrate_file", "hold_bias"]

_BIAS_LOCK = threading.RLock()
_HELD = {}  # the combined bias in memory, by its path, checksum and unit


@dataclass(frozen=True)
class DarkJob:
    """Everything that one worker needs to calibrate one dark; small enough to be sent to another process.

    Attributes
    ----------
    name : str
        Of the dark, as the night names it.
    raw, result : Path
    recipe : Recipe
    shape : tuple of int
        (rows, columns) of the raw frame.
    bias : Path or None
        The combined bias that is subtracted.
    bias_checksum : str
    overwrite : bool
        Replace a result that was made otherwise.
    """

    name: str
    raw: Path
    result: Path
    recipe: object
    shape: tuple
    bias: Path | None = None
    bias_checksum: str = ""
    overwrite: bool = False

    @property
    def digest(self):
        """Of the recipe, as it stands in the header of the result."""
        return self.recipe.digest(self.shape)

    def cards(self, checksum):
        """Return the cards that tell what the result is made from, for a raw file of this checksum."""
        cards = {
            "DCRECIPE": (self.digest, "digest of the darkcal recipe"),
            "DCINPUT": (checksum, "checksum of the raw file"),
            "RAWFILE": (ascii_only(self.raw.name), "raw frame"),
        }
        if self.bias is not None:
            cards["BIASFILE"] = (ascii_only(self.bias.name), "combined bias subtracted")
            cards["BIASSUM"] = (self.bias_checksum, "checksum of the combined bias")
        return cards


def calibrate_file(job):
    """Calibrate one file as the job says; an expected failure is an outcome, not an exception."""
    try:
        return _calibrate(job)
    except DarkcalError as error:
        return Outcome(job.name, "failed", raw=job.raw, reason=str(error))


def _calibrate(job):
    raw = Frame(job.raw, job.name).loaded(borrowed=True)
    cards = job.cards(raw.checksum)
    if (existing := _current(job, cards)) is not None:
        return _unchanged(job, existing)
    bias = (None, "") if job.bias is None else _bias(job)
    unit = raw.unit(job.recipe.unit)
    calibration = Calibration.prepare(raw, job.recipe, unit, *bias)
    counts = PixelCounts.of(raw.header, raw.dtype)
    try:
        write_bands(
            job.result,
            calibration.bands(counts),
            calibration.shape,
            calibration.dtype,
            _header(raw, calibration, job, cards, unit),
            counts=lambda: counts.cards,
            new=not job.overwrite,
        )
    except FileExistsError:  # another run has been quicker
        return _unchanged(job, _current(job, cards))
    return Outcome(job.name, "written", job.result, job.raw, "", counts.saturated, counts.no_value)


def _header(raw, calibration, job, cards, unit):
    header = raw.header.copy()
    header.update({keyword: card for keyword, card in cards.items() if keyword == "BIASFILE"})
    header = calibrated_header(header, job.digest, calibration.steps, calibration.measured)
    header.update(cards)
    header["BUNIT"] = unit
    header["NSATPIX"] = (0, "saturated pixels")
    header["NBADPIX"] = (0, "pixels without a value")
    header["CCDMEAN"] = (0, "mean of the pixels")
    if raw.info.exposure is not None and "DARKTIME" not in header:
        header["DARKTIME"] = (raw.info.exposure, "exposure in seconds")
    return header


def _unchanged(job, header):
    pixels = [value if type(value := header.get(keyword)) is int else 0 for keyword in ("NSATPIX", "NBADPIX")]
    return Outcome(job.name, "unchanged", job.result, job.raw, "", *pixels)


def _current(job, cards):
    """Return the header of the result that is there already; `None`: there is none, or it is to be replaced."""
    values = {keyword: value for keyword, (value, _) in cards.items()}
    found = standing(job.result, values, job.recipe.digest_0_1(job.shape))
    if found.state == "current":
        return found.header
    if found.state == "foreign" or (found.state == "other" and not job.overwrite):
        raise OutputError(found.reason)
    return None


def _bias(job):
    """Return the pixels of the combined bias and their unit, read once for all workers of this process."""
    path, content, unit = job.bias, job.bias_checksum, job.recipe.unit
    with _BIAS_LOCK:
        if (path, content, unit) not in _HELD and hold_bias(path, unit) != content:
            raise FrameError(f"the combined bias {path} has changed since this run began; run again.")
        return _HELD[path, content, unit]


def hold_bias(path, unit):
    """Read a combined bias, hold it in memory instead of an earlier one, and return its checksum."""
    frame = Frame(path).loaded()
    with _BIAS_LOCK:
        _HELD.clear()
        _HELD[path, frame.checksum, unit] = (frame.data, frame.unit(unit))
    return frame.checksum
