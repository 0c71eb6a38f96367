"""Combined bias and combined darks: the clipped average of many frames."""

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..calibrate import Calibration, calibrated_header
from ..errors import FrameError, NightError, OutputError
from ..files import check_results_folder, checksum, is_frame_name, make_results_folder, result_name
from ..frames import open_image, read_header, read_raw, read_rows, write_frame
from ..frames.headers import describe
from ..memory import own_array
from ..mixed import without_odd
from ..night import group_exposures
from ..outcome import Outcome, Run
from ..sections import Regions
from ..text import ascii_only
from ..workers import threaded
from .clip import CLIP_SIGMA, clipped_average, measure_noise

__all__ = [
    "COMBINED_BIAS",
    "check_bias_frames",
    "combine_bias",
    "combine_darks",
]

COMBINED_BIAS = "combined_bias.fits"

# Bytes of all frames' rows that one worker has in memory at once.
_BAND_BYTES = 1 << 26

# The noise of a pixel is measured in so many rows, at so many places of the frame.
_SAMPLE_ROWS, _SAMPLE_PLACES = 4, 8


@dataclass(frozen=True)
class _Source:
    """One frame to combine: where it is, what it was when it was read, and how its rows become calibrated rows."""

    path: Path
    checksum: str
    regions: Regions
    level: np.ndarray | None = None

    def calibration(self, dtype, scratch):
        """Open the file; what cannot be read row by row is unpacked into the folder `scratch`."""
        return Calibration(open_image(self.path, scratch), self.regions, self.level, None, dtype)


def combine_bias(night, recipe, reduced_folder, *, overwrite=False):
    """Combine the night's bias frames, each with the recipe's own overscan and trim, into ``combined_bias.fits``.

    Parameters
    ----------
    night : Night
    recipe : Recipe
        Its overscan, trim, unit and output type are used.
    reduced_folder : path-like
        Made if it is not there.
    overwrite : bool
        Replace a combined bias that was made with another recipe.

    Returns
    -------
    Run
        With one outcome for ``combined_bias.fits``, and one for each bias frame that had to be left out.

    Raises
    ------
    NightError
        There are no bias frames, none that can be read, or no kind of them is in the majority.
    OutputError
        A combined bias of another recipe is there and `overwrite` is false, or raw data would be in danger.

    Notes
    -----
    Average of the values that the noise explains, see `darkcal_widgets.combine.clip.clipped_average`.
    """
    target = Path(reduced_folder) / COMBINED_BIAS
    check_results_folder(target.parent, night.folders, [target], [frame.path for frame in night.frames])
    check_bias_frames(night, recipe)
    recipe = replace(recipe, subtract_bias=False)
    frames, odd = without_odd(night.biases, recipe.unit)
    run, sources, header = (
        Run([Outcome(name, "failed", reason=reason) for name, reason in odd.items()]),
        [],
        None,
    )
    shape = frames[0].info.shape
    for frame, found in zip(
        frames, threaded(lambda frame: _attempt(frame, recipe, shape), frames), strict=True
    ):
        if isinstance(found, FrameError):
            run.outcomes.append(Outcome(frame.name, "failed", reason=str(found)))
        else:
            source, frame_header = found
            sources.append(source)
            header = header or frame_header
    if not sources:
        raise NightError(
            f"none of the {len(night.biases)} bias frames in {night.raw_folder} can be used: {run}"
        )
    run.outcomes.append(_combine(sources, target, header, recipe.output_dtype, overwrite))
    return run


def check_bias_frames(night, recipe):
    """Refuse a night that a combined bias cannot be built from.

    Raises
    ------
    NightError
        There are no bias frames.
    ParameterError
        The recipe's sections do not fit them.
    """
    if not night.biases:
        raise NightError(
            f"there are no bias frames in {night.raw_folder} to build a combined bias from; give one with combined_bias, or "
            "set subtract_bias to False."
        )
    frames, _ = without_odd(night.biases, recipe.unit)
    recipe.regions(frames[0].info.shape)


def combine_darks(reduced_folder, *, overwrite=False):
    """Combine the calibrated darks of a folder, one combined dark for each exposure time.

    Exposures within 0.1 s or 0.1 % of each other belong together. The files are named
    ``combined_dark_<exposure in seconds, 3 decimals>.fits``; they are made again when darks were added or have changed.

    Parameters
    ----------
    reduced_folder : path-like
        Where `calibrate_darks` has written its results.
    overwrite : bool
        Replace combined darks that were made with another recipe.

    Returns
    -------
    Run
        With one outcome for each combined dark, and one for each dark that had to be left out.

    Raises
    ------
    NightError
        There are no calibrated darks in the folder, or they were made with different recipes.
    """
    folder = Path(reduced_folder)
    run, darks = Run(), []
    for path in _frames(folder):
        try:
            dark = _calibrated_dark(path)
        except FrameError as error:
            run.outcomes.append(Outcome(path.name, "failed", reason=str(error)))
        else:
            darks += [] if dark is None else [dark]
    if not darks:
        raise NightError(f"there are no calibrated darks in {folder}; calibrate_darks writes them.")
    _check_one_recipe(folder, darks)
    for group in group_exposures([info.exposure for _, _, info in darks]):
        members = [darks[index] for index in sorted(group)]
        run.outcomes.append(_combine_exposure(folder, members, overwrite))
    return run


def _attempt(frame, recipe, shape):
    try:
        return _calibrated_source(frame, recipe, shape)
    except FrameError as error:
        return error


def _calibrated_source(frame, recipe, shape):
    raw = read_raw(frame.path, recipe.unit)
    calibration = Calibration.prepare(raw.image, raw.unit, recipe)
    header = calibrated_header(raw.header, shape, recipe, calibration.level, "")
    header["BUNIT"] = raw.unit
    return _Source(frame.path, raw.checksum, calibration.regions, calibration.level), header


def _calibrated_dark(path):
    header, shape = read_header(path)
    if "DCRECIPE" not in header or header.get("COMBINED") is True:
        return None
    raw = header.get("RAWFILE", "")
    if result_name(raw) != ascii_only(path.name):
        raise FrameError(
            f"{path} has the header of a dark made from {raw!r}, but not its name: a copy, or made from darks by other software. "
            "It is left out; move it away."
        )
    info = describe(header, shape)
    if info.exposure is None:
        raise FrameError(
            f"{path} has no exposure time (EXPTIME or EXPOSURE), so it belongs to no combined dark."
        )
    return path, header, info


def _check_one_recipe(folder, darks):
    by_recipe = {}
    for path, header, info in darks:
        by_recipe.setdefault((header["DCRECIPE"], info.shape), []).append(path.name)
    if len(by_recipe) > 1:
        listed = "; ".join(", ".join(names) for names in by_recipe.values())
        raise NightError(
            f"the calibrated darks in {folder} were made with different recipes or have different shapes: {listed}. "
            "Calibrate them again with overwrite, or into another folder."
        )


def _combine_exposure(folder, members, overwrite):
    path, header, info = members[0]
    header = header.copy()
    target = folder / f"combined_dark_{info.exposure:.3f}.fits"
    dtype = read_rows(path, slice(0, 1)).dtype
    whole = Regions(None, 1, tuple(slice(0, length) for length in info.shape))
    paths = [path for path, _, _ in members]
    sources = [
        _Source(path, content, whole) for path, content in zip(paths, threaded(checksum, paths), strict=True)
    ]
    return _combine(sources, target, header, dtype, overwrite)


def _combine(sources, target, header, dtype, overwrite):
    inputs = _inputs_digest(sources)
    if target.exists():
        existing, _ = read_header(target)
        if "DCRECIPE" not in existing:
            raise OutputError(
                f"{target} is there and is no result of darkcal; move it away, or name another reduced_folder."
            )
        if existing.get("DCINPUT") == inputs and existing.get("DCRECIPE") == header["DCRECIPE"]:
            return Outcome(target.name, "unchanged", target)
        if existing.get("DCRECIPE") != header["DCRECIPE"] and not overwrite:
            raise OutputError(
                f"{target} was made with another recipe; set overwrite to replace it, or name another reduced_folder."
            )
    average = _average(sources, dtype, _gain(header))
    make_results_folder(target.parent)
    write_frame(target, average, _combined_header(header, sources, inputs))
    return Outcome(target.name, "written", target)


def _gain(header):
    """Return electrons per unit of the frame; `None`: not known."""
    info = describe(header, ())
    if info.unit == "electron":
        return 1.0
    return info.gain if info.gain is not None and info.gain > 0 else None


def _average(sources, dtype, gain):
    """Combine band by band: only a few rows of all frames are in memory, and each is read once."""
    with tempfile.TemporaryDirectory(prefix="darkcal-") as scratch:
        frames = [source.calibration(dtype, scratch) for source in sources]
        rows, columns = frames[0].shape
        step = max(1, _BAND_BYTES // (len(frames) * columns * np.dtype(dtype).itemsize))
        average = np.empty((rows, columns), dtype)
        noise = measure_noise((_sample(frame, rows) for frame in frames), gain)

        def fill(start):
            stop = min(start + step, rows)
            stack = own_array("stack", (len(frames), stop - start, columns), dtype)
            for place, frame in enumerate(frames):
                stack[place] = frame.band(start, stop, memory=stack[place])
            average[start:stop] = clipped_average(stack, noise)

        threaded(fill, range(0, rows, step))
    return average


def _sample(frame, rows):
    """Read a few rows from all over a frame."""
    starts = np.linspace(0, max(0, rows - _SAMPLE_ROWS), _SAMPLE_PLACES).astype(int)
    return np.concatenate([frame.band(start, min(start + _SAMPLE_ROWS, rows)) for start in np.unique(starts)])


def _combined_header(header, sources, inputs):
    result = header.copy()
    for number, source in enumerate(sources[:999], start=1):
        result[f"IMCMB{number:03d}"] = ascii_only(source.path.name)
    result["COMBINED"] = (True, "average of many frames")
    result["NCOMBINE"] = (len(sources), "number of frames combined")
    result["DCINPUT"] = (inputs, "digest of the frames combined")
    result.add_history(
        f"darkcal: average of {len(sources)} frames, clipped at {CLIP_SIGMA:g} sigma of the noise"
    )
    return result


def _inputs_digest(sources):
    listed = "\n".join(f"{source.path.name} {source.checksum}" for source in sources)
    return hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()[:16]


def _frames(folder):
    if not folder.is_dir():
        raise NightError(
            f"the folder of calibrated darks {str(folder)!r} is not there; calibrate_darks makes it."
        )
    return sorted(path for path in folder.iterdir() if is_frame_name(path.name))
