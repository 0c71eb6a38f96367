"""One dark as a job: its raw file in, its result out, all or nothing."""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from .calibrate import Calibration, PixelCounts, calibrated_header
from .errors import DarkcalError, FrameError, OutputError
from .frames import read_header, read_raw, write_bands
from .outcome import Outcome
from .text import ascii_only

__all__ = ["Job", "calibrate_file", "hold_bias"]

_BIAS_LOCK = threading.RLock()
_HELD = {}  # the combined bias in memory, by its path, checksum and unit


@dataclass(frozen=True)
class Job:
    """Everything that one worker needs to calibrate one dark; small enough to be sent to another process."""

    name: str
    raw: Path
    result: Path
    recipe: object
    bias: Path | None = None
    bias_checksum: str = ""
    overwrite: bool = False


def calibrate_file(job):
    """Calibrate one file as the job says; an expected failure is an outcome, not an exception."""
    try:
        return _calibrate_file(job)
    except DarkcalError as error:
        return Outcome(job.name, "failed", reason=str(error))


def _calibrate_file(job):
    raw = read_raw(job.raw, job.recipe.unit, borrowed=True)
    cards = _provenance(job, raw.shape, raw.checksum)
    if (existing := _same_result(job, cards)) is not None:
        return _unchanged(job, existing)
    bias = None if job.bias is None else _bias(job.bias, job.bias_checksum, job.recipe.unit)
    calibration = Calibration.prepare(raw.image, raw.unit, job.recipe, bias)
    bias_name = "" if job.bias is None else ascii_only(job.bias.name)
    header = calibrated_header(raw.header, raw.shape, job.recipe, calibration.level, bias_name)
    header.update(cards)
    header["BUNIT"] = raw.unit
    header["NSATPIX"] = (0, "saturated pixels")
    header["NBADPIX"] = (0, "pixels without a value")
    counts = PixelCounts.of(raw.header, raw.image.dtype)
    try:
        write_bands(
            job.result,
            calibration.bands(counts),
            calibration.shape,
            calibration.dtype,
            header,
            counts=lambda: counts.cards,
            new=not job.overwrite,
        )
    except FileExistsError:  # another run has been quicker
        return _unchanged(job, _same_result(job, cards))
    return Outcome(job.name, "written", job.result, "", counts.saturated, counts.no_value)


def _unchanged(job, header):
    pixels = [value if type(value := header.get(keyword)) is int else 0 for keyword in PixelCounts().cards]
    return Outcome(job.name, "unchanged", job.result, "", *pixels)


def _provenance(job, shape, made_from):
    cards = {
        "DCRECIPE": (job.recipe.digest(shape), "digest of the darkcal recipe"),
        "DCINPUT": (made_from, "checksum of the raw file"),
        "RAWFILE": (ascii_only(job.raw.name), "raw frame"),
    }
    if job.bias is not None:
        cards["BIASFILE"] = (ascii_only(job.bias.name), "combined bias subtracted")
        cards["BIASSUM"] = (job.bias_checksum, "checksum of the combined bias")
    return cards


def _same_result(job, cards):
    """Return the header of the result that is there already; `None`: there is none, or it is to be replaced."""
    if not os.path.lexists(job.result):
        return None
    header, _ = read_header(job.result)
    if "DCRECIPE" not in header:
        raise OutputError(
            f"{job.result} is there and is no result of darkcal; move it away, or name another reduced_folder."
        )
    different = [key for key, (value, _) in cards.items() if header.get(key) != value]
    if not different:
        return header
    if job.overwrite:
        return None
    causes = {
        "DCRECIPE": "with another recipe",
        "DCINPUT": "from another raw file",
        "BIASSUM": "with another combined bias",
    }
    cause = next((text for key, text in causes.items() if key in different), "differently")
    raise OutputError(
        f"{job.result} was made {cause}; set overwrite to replace it, or name another reduced_folder."
    )


def _bias(path, content, unit):
    """Return the combined bias, read once for all workers of this process."""
    with _BIAS_LOCK:
        if (path, content, unit) not in _HELD and hold_bias(path, unit) != content:
            raise FrameError(f"the combined bias {path} has changed since this run began; run again.")
        return _HELD[path, content, unit]


def hold_bias(path, unit):
    """Read a combined bias, hold it in memory instead of an earlier one, and return its checksum."""
    raw = read_raw(path, unit)
    with _BIAS_LOCK:
        _HELD.clear()
        _HELD[path, raw.checksum, unit] = replace(raw, image=raw.data)
    return raw.checksum
