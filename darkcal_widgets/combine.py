"""Combined bias and combined darks: the clipped average of many frames."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .calibrate import calibrate_array, calibrated_header, overscan_level
from .errors import FrameError, NightError, OutputError
from .files import check_results_folder, checksum, is_frame_name, make_results_folder
from .frames import read_frame, read_header, read_rows, write_frame
from .headers import describe
from .mixed import without_odd
from .night import group_exposures
from .outcome import Outcome, Run

__all__ = [
    "CLIP_SIGMA",
    "COMBINED_BIAS",
    "check_bias_frames",
    "clipped_average",
    "combine_bias",
    "combine_darks",
]

COMBINED_BIAS = "combined_bias.fits"

# Deviations beyond this many standard deviations are left out: far enough that a Gaussian loses one value in two million,
# near enough to remove a cosmic ray.
CLIP_SIGMA = 5.0

# Standard deviation of a Gaussian over its median absolute deviation, 1 / (the normal distribution's 0.75 quantile).
_MAD_TO_SIGMA = 1.482602218505602

# Bytes of all frames' rows that are in memory at once.
_BAND_BYTES = 200_000_000


@dataclass(frozen=True)
class _Source:
    """One frame to combine: where it is, and how its rows become calibrated rows."""

    path: Path
    regions: object = None
    level: np.ndarray | None = None

    def rows(self, start, stop, dtype):
        """Return calibrated rows `start` to `stop`, counted in the kept part."""
        if self.regions is None:
            return read_rows(self.path, slice(start, stop)).astype(dtype)
        first = self.regions.keep[0].start
        band = slice(first + start, first + stop)
        regions = replace(self.regions, keep=(slice(0, stop - start), self.regions.keep[1]))
        level = self.level if self.level is None or self.regions.axis == 0 else self.level[band]
        return calibrate_array(read_rows(self.path, band), regions, level, None, dtype)


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
    Average of the values within 5 standard deviations of their median, the standard deviation taken from the median
    absolute deviation; one pass. Equal to `ccdproc.combine` with ``sigma_clip=True``, `numpy.ma.median` and
    `astropy.stats.mad_std`.
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
    for frame in frames:
        try:
            source, frame_header = _calibrated_source(frame, recipe, shape)
        except FrameError as error:
            run.outcomes.append(Outcome(frame.name, "failed", reason=str(error)))
        else:
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


def clipped_average(stack, sigma=CLIP_SIGMA):
    """Average along the first axis without the values far from their median.

    Parameters
    ----------
    stack : ndarray
        Shape (frames, ...), floating point. NaN is no value.
    sigma : float
        Values further from the median than this many standard deviations (1.4826 times the median absolute deviation)
        are left out; one pass.

    Returns
    -------
    ndarray
        Shape (...), float64; NaN where no frame has a value.
    """
    if np.isnan(stack).any():
        return _clipped_average(np.ma.masked_invalid(stack), sigma, np.ma.median).filled(np.nan)
    return _clipped_average(stack, sigma, np.median).data


def _clipped_average(stack, sigma, median):
    center = median(stack, axis=0)
    bound = sigma * _MAD_TO_SIGMA * median(np.abs(stack - center), axis=0)
    rejected = (stack < center - bound) | (stack > center + bound)
    return np.ma.array(stack, mask=np.ma.filled(rejected, True)).mean(axis=0, dtype=np.float64)


def _calibrated_source(frame, recipe, shape):
    raw = read_frame(frame.path, recipe.unit)
    regions = recipe.regions(shape)
    level = overscan_level(raw.data, regions)
    header = calibrated_header(raw.header, shape, recipe, level, "")
    header["BUNIT"] = raw.unit.to_string()
    return _Source(frame.path, regions, level), header


def _calibrated_dark(path):
    header, shape = read_header(path)
    if "DCRECIPE" not in header or header.get("COMBINED") is True:
        return None
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
    dtype = read_rows(path, slice(0, 1)).dtype.newbyteorder("=")
    return _combine([_Source(path) for path, _, _ in members], target, header, dtype, overwrite)


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
    average = _average(sources, dtype)
    make_results_folder(target.parent)
    write_frame(target, average, _combined_header(header, sources, inputs))
    return Outcome(target.name, "written", target)


def _average(sources, dtype):
    shape = _source_shape(sources[0])
    band = max(1, int(_BAND_BYTES / (len(sources) * shape[1] * np.dtype(dtype).itemsize)))
    average = np.empty(shape, dtype)
    for start in range(0, shape[0], band):
        stop = min(start + band, shape[0])
        average[start:stop] = clipped_average(
            np.stack([source.rows(start, stop, dtype) for source in sources])
        )
    return average


def _source_shape(source):
    if source.regions is None:
        return read_header(source.path)[1]
    return tuple(part.stop - part.start for part in source.regions.keep)


def _combined_header(header, sources, inputs):
    result = header.copy()
    for number, source in enumerate(sources[:999], start=1):
        result[f"IMCMB{number:03d}"] = source.path.name
    result["COMBINED"] = (True, "average of many frames")
    result["NCOMBINE"] = (len(sources), "number of frames combined")
    result["DCINPUT"] = (inputs, "digest of the frames combined")
    result.add_history(f"darkcal: average of {len(sources)} frames, clipped at {CLIP_SIGMA:g} sigma (MAD)")
    return result


def _inputs_digest(sources):
    listed = "\n".join(f"{source.path.name} {checksum(source.path)}" for source in sources)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def _frames(folder):
    if not folder.is_dir():
        raise NightError(
            f"the folder of calibrated darks {str(folder)!r} is not there; calibrate_darks makes it."
        )
    return sorted(path for path in folder.iterdir() if is_frame_name(path.name))
