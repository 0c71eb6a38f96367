"""Which combined bias the darks of a night get, and whether it fits them; nothing is written."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from .calibrate import check_bias
from .combine import COMBINED_BIAS, check_bias_frames
from .errors import DarkcalError, FrameError, NightError, ParameterError
from .files import is_frame_name
from .frames import read_header
from .frames.headers import describe
from .mixed import TEMPERATURE_TOLERANCE, without_odd

__all__ = ["bias_differences", "choose_bias", "find_combined_bias", "known_header"]


def choose_bias(
    night, recipe, reduced_folder, *, files=None, combined_bias=None, overwrite=False, mixed="leave out"
):
    """Decide which combined bias the darks get, and check that it fits them; nothing is written.

    Returns
    -------
    Path or None
        `None`: it has to be built from the night's bias frames.

    Raises
    ------
    NightError
        There are several combined biases, or none and no bias frames to build one from.
    FrameError
        The combined bias has another shape or unit than the darks, or was made with another overscan or trim.
    ParameterError
        The file `combined_bias` is not there.
    """
    darks, _ = without_odd(night.select_darks(files), recipe.unit, mixed)
    path = _given_bias(combined_bias) if combined_bias is not None else find_combined_bias(reduced_folder)
    own = path is not None and combined_bias is None and path.name == COMBINED_BIAS
    if path is None or (own and overwrite and night.biases and _sections_differ(path, darks, recipe)):
        check_bias_frames(night, recipe)
        return None
    _check_combined_bias(path, darks, recipe)
    return path


def find_combined_bias(reduced_folder):
    """Return the combined bias in a folder, found by its header, or `None`.

    Raises
    ------
    NightError
        There are several.
    """
    folder = Path(reduced_folder)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [path for path in paths if is_frame_name(path.name) and _is_combined_bias(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise NightError(
            f"there are {len(found)} combined biases in {folder}: {names}. Name the one to use with combined_bias, or move the "
            "others away."
        )
    return found[0] if found else None


def _given_bias(combined_bias):
    path = Path(combined_bias)
    if not path.is_file():
        raise ParameterError(
            f"combined_bias {str(combined_bias)!r} is not there (seen from {Path.cwd()}); give the path of a FITS file, or "
            "None to have it found or built."
        )
    return path


def _check_combined_bias(path, darks, recipe):
    header, shape = read_header(path)
    if _sections_differ(path, darks, recipe):
        raise FrameError(
            f"the combined bias {path} was made with other overscan_columns or keep_columns than the recipe's "
            f"({_sections_text(header)}); move it away to have it built again from the bias frames, or set overwrite."
        )
    bias = _Claim(shape, describe(header, shape).unit or recipe.unit)
    for dark in darks:
        try:
            check_bias(dark.info.unit or recipe.unit, recipe.regions(dark.info.shape), bias)
        except FrameError as error:
            raise FrameError(f"{path} and {dark.name}: {error}") from error


@dataclass(frozen=True)
class _Claim:
    """What the header of a combined bias says: enough to check it against a dark before either is read."""

    shape: tuple
    unit: str


def bias_differences(path, darks):
    """Say where the combined bias was taken with other settings than the darks."""
    notes, bias = [], describe(*read_header(path))
    for what in ("binning", "gain", "readout"):
        other = sorted({str(getattr(dark.info, what)) for dark in darks} - {str(getattr(bias, what))})
        if other and getattr(bias, what) not in (None, ""):
            notes.append(f"{path.name} has {what} {getattr(bias, what)}, darks have {', '.join(other)}.")
    if bias.temperature is not None:
        far = [dark for dark in darks if dark.info.temperature is not None]
        far = [dark for dark in far if abs(dark.info.temperature - bias.temperature) > TEMPERATURE_TOLERANCE]
        if far:
            worst = max(far, key=lambda dark: abs(dark.info.temperature - bias.temperature))
            notes.append(
                f"{path.name} was taken at {bias.temperature:g} degrees, {worst.name} at {worst.info.temperature:g} "
                f"({len(far)} darks are more than {TEMPERATURE_TOLERANCE:g} degrees away)."
            )
    return notes


def _sections_differ(path, darks, recipe):
    header, _ = read_header(path)
    if "DCRECIPE" not in header:
        return False
    return header["DCRECIPE"] != replace(recipe, subtract_bias=False).digest(darks[0].info.shape)


def _sections_text(header):
    steps = [
        str(line) for line in header.get("HISTORY", []) if "overscan" in str(line) or "trimmed" in str(line)
    ]
    return "; ".join(steps) or "nothing subtracted, nothing trimmed"


def _is_combined_bias(path):
    try:
        info = describe(*known_header(path))
    except DarkcalError:
        return False  # Whatever it is, it is no combined bias; frames that fail are reported where they are used.
    return info.combined and info.type == "bias"


def known_header(path):
    """Do as `read_header`, and read again only when the file has changed: the panel asks at every turn."""
    status = path.stat()
    return _header_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _header_of(path, _changed, _size):
    return read_header(path)
