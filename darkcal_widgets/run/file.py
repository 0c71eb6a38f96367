"""One dark as a job: its raw file in, its result out, all or nothing. Not which darks, nor how many at a time."""

import threading
from dataclasses import dataclass
from pathlib import Path

from ..combine.levels import mean_level
from ..errors import DarkcalError, FrameError, OutputError
from ..files import ANYTHING, sample_checksum
from ..frames import Frame, Image, write_images
from ..frames.kinds import declare_type
from ..frames.numbers import count_of
from ..outcome import Outcome
from ..recipe import Recipe
from ..recipe.calibrate import Calibration, PixelCounts, calibrated_header
from ..results import damage, standing
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
    shapes : tuple of tuple of int
        (rows, columns) of each image of the raw frame that is calibrated.
    images : tuple of str
        Their names, where the raw frame has several.
    bias : Path or None
        The combined bias that is subtracted.
    bias_checksum : str
    overwrite : bool
        Replace a result that was made otherwise.
    """

    name: str
    raw: Path
    result: Path
    recipe: Recipe
    shapes: tuple
    images: tuple = ()
    bias: Path | None = None
    bias_checksum: str = ""
    overwrite: bool = False

    @property
    def digest(self):
        """Of the recipe, as it stands in the header of the result."""
        return self.recipe.digest(*self.shapes, images=self.images)

    @property
    def digest_0_1(self):
        """That which version 0.1 has written for the same settings; it knew one image only."""
        return self.recipe.digest_0_1(self.shapes[0])

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
    raw = Frame.load(job.raw, job.name, borrowed=True)
    cards = job.cards(raw.checksum)
    if (existing := _current(job, cards)) is not None:
        return _unchanged(job, existing)
    biases, count = ({}, None) if job.bias is None else _biases(job)
    cards["DCSAMPLE"] = (sample_checksum(job.raw), "checksum of a sample of the raw file")
    if count is not None:
        cards["DCNBIAS"] = (count, "frames in the combined bias")
    parts = [_Part.prepare(part, job, biases) for part in raw.select(job.recipe.extensions)]
    primary = None if len(raw.parts) == 1 else _primary_header(raw, job, cards)
    try:
        expected = ANYTHING if job.overwrite else None
        write_images(job.result, [part.image(job, cards) for part in parts], primary, expected=expected)
    except FileExistsError:  # another run has been quicker
        existing = _current(job, cards)
        if existing is None:
            raise OutputError(
                f"{job.result} is being written by another run, too; run again when it is done."
            ) from None
        return _unchanged(job, existing)
    saturated, no_value = zip(*((part.counts.saturated, part.counts.no_value) for part in parts), strict=True)
    level = mean_level(part.counts.cards for part in parts)
    return Outcome(job.name, "written", job.result, job.raw, "", sum(saturated), sum(no_value), level)


@dataclass(frozen=True)
class _Part:
    """One image of a raw frame while it is calibrated."""

    frame: Frame
    unit: str
    calibration: Calibration
    counts: PixelCounts

    @classmethod
    def prepare(cls, frame, job, biases):
        unit = frame.unit(job.recipe.unit)
        bias = biases.get(frame.extension) or (None, "")
        calibration = Calibration.prepare(frame, job.recipe, unit, *bias)
        return cls(frame, unit, calibration, PixelCounts.of(frame.cards, frame.dtype))

    def image(self, job, cards):
        """Return the calibrated image, to be written."""
        calibration = self.calibration
        return Image(
            self._header(job, cards),
            calibration.shape,
            calibration.dtype,
            calibration.bands(self.counts),
            lambda: self.counts.cards,
        )

    def _header(self, job, cards):
        header = self.frame.cards.copy()
        if "BIASFILE" in cards:
            header["BIASFILE"] = cards["BIASFILE"]
        header = calibrated_header(header, job.digest, self.calibration.steps, self.calibration.measured)
        header.update(cards)
        if self.frame.extension:
            header["DCIMAGE"] = (ascii_only(self.frame.extension), "image of the raw file")
        info = self.frame.info
        if (info.type, info.type_source) != ("dark", "header"):  # what the header says is quick to know
            declare_type(header, "dark", info.exposure)
        header["BUNIT"] = self.unit
        header["NSATPIX"] = (0, "saturated pixels")
        header["NBADPIX"] = (0, "pixels without a value")
        header["CCDMEAN"] = (0, "mean of the pixels")
        if info.exposure is not None and "DARKTIME" not in header:
            header["DARKTIME"] = (info.exposure, "exposure in seconds")
        return header


def _primary_header(raw, job, cards):
    header = calibrated_header(raw.cards, job.digest, (), ())
    header.update(cards)
    declare_type(header, "dark", raw.info.exposure)
    return header


def _unchanged(job, header):
    headers = [header] if "CCDMEAN" in header else [part.cards for part in Frame(job.result).parts]
    counts = (sum(count_of(each, keyword, 0) for each in headers) for keyword in ("NSATPIX", "NBADPIX"))
    return Outcome(job.name, "unchanged", job.result, job.raw, "", *counts, mean_level(headers))


def _current(job, cards):
    """Return the header of the result that is there already; `None`: there is none, or it is to be replaced."""
    values = {keyword: value for keyword, (value, _) in cards.items()}
    found = standing(job.result, values, job.digest_0_1, with_pixels=True)
    if found.state == "current":
        return found.header
    if found.state == "foreign" or (found.state == "other" and not job.overwrite):
        raise OutputError(found.reason)
    return None


def _biases(job):
    """Return the pixels of the combined bias and their unit for each of its images, and how many frames it is the average of.

    It is read once for all workers of this process.
    """
    path, content, unit = job.bias, job.bias_checksum, job.recipe.unit
    with _BIAS_LOCK:
        if (path, content, unit) not in _HELD and hold_bias(path, unit) != content:
            raise FrameError(f"the combined bias {path} has changed since this run began; run again.")
        return _HELD[path, content, unit]


def hold_bias(path, unit):
    """Read a combined bias, hold it in memory instead of an earlier one, and return its checksum.

    Its images are held by their names; the only one of a file by an empty name, too, for darks that have one image, whatever its
    name.
    """
    frame = Frame.load(path)
    if loss := damage(frame):
        raise FrameError(f"the combined bias {path} {loss}; move it away to have it made again.")
    with _BIAS_LOCK:
        _HELD.clear()
        images = {part.label: (part.data, part.unit(unit)) for part in frame.parts}
        if len(images) == 1:
            images[""] = images[frame.label]
        _HELD[path, frame.checksum, unit] = images, count_of(frame.cards, "NCOMBINE")
    return frame.checksum
