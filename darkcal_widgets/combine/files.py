"""Combined bias and combined darks as files: which frames are averaged, band by band. Not the clipping (clip)."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FrameError, NightError, OutputError, ParameterError
from ..files import check_results_folder, file_state, make_results_folder, room_for_pixels
from ..frames import Frame, Image, write_images
from ..frames.kinds import declare_type
from ..frames.words import describe
from ..groups import group_exposures, part_by_temperature, without_odd, without_reduced
from ..outcome import Outcome, Run
from ..parallel import own_array, threaded
from ..recipe import Recipe
from ..recipe.calibrate import Calibration, calibrated_header
from ..recipe.steps import KEEP_BIAS
from ..results import (
    Results,
    damage,
    identity,
    is_result,
    members_digest,
    misnamed,
    samples_digest,
    standing,
)
from ..text import ascii_only
from .clip import CLIP_SIGMA, FEW_FRAMES, clipped_average, measure_noise
from .levels import mean_level, unlike_levels

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from ..night import Night

__all__ = ["COMBINED_BIAS", "bias_frames", "combine_bias", "combine_darks", "combined_standings"]

COMBINED_BIAS = "combined_bias.fits"

# Cards of one frame that are not true of an average.
_OF_ONE_FRAME = ("RAWFILE", "DCSAMPLE", "OSCNMEAN", "NSATPIX", "NBADPIX")

# Bytes of all frames' rows that one worker has in memory at once.
_BAND_BYTES = 1 << 26

# The noise of a pixel is measured in so many rows, at so many places of the frame.
_SAMPLE_ROWS, _SAMPLE_PLACES = 4, 8


@dataclass(frozen=True)
class _Member:
    """One frame to combine.

    Attributes
    ----------
    frame : Frame
    identity : str
        Tells its content from any other.
    state : tuple
        Of its file when it was looked at.
    calibrations : dict of str to Calibration
        How the rows of each of its images become calibrated rows, by the name of the image.
    headers : dict of str to Cards
        Of each image, calibrated.
    primary : Cards or None
        The primary header, if there are several images.
    """

    frame: Frame
    identity: str
    state: tuple
    calibrations: dict
    headers: dict
    primary: object


def combine_bias(
    night: "Night",
    recipe: Recipe,
    reduced_folder: "str | PathLike[str]",
    *,
    files: "Iterable[str] | None" = None,
    overwrite: bool = False,
) -> Run:
    """Combine the night's bias frames, each with the recipe's own overscan and trim, into ``combined_bias.fits``.

    Parameters
    ----------
    night : Night
    recipe : Recipe
        Its overscan, trim, unit and output type are used.
    reduced_folder : path-like
        Made if it is not there.
    files : iterable of str, optional
        Which bias frames, see `~darkcal_widgets.Night.select_biases`; `None`: all.
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
    frames, odd = bias_frames(night, recipe, files)
    recipe = recipe.of_bias
    found = dict(zip(frames, threaded(lambda frame: _bias_member(frame, recipe), frames), strict=True))
    odd |= {frame.name: str(error) for frame, error in found.items() if isinstance(error, FrameError)}
    run = Run([Outcome(name, "failed", reason=reason) for name, reason in odd.items()])
    members = [member for member in found.values() if isinstance(member, _Member)]
    if not members:
        raise NightError(f"none of the {len(frames)} bias frames in {night.raw_folder} can be used: {run}")
    digest_0_1 = recipe.digest_0_1(frames[0].select(recipe.extensions)[0].shape)
    run.outcomes.append(_combine(members, target, recipe.output_dtype, overwrite, digest_0_1))
    run.notes += _few_frames({target.name: len(members)})
    return run


def bias_frames(night, recipe, files=None):
    """Return the night's bias frames that belong together, and why others do not: a dictionary of name to reason.

    Raises
    ------
    NightError
        There are no bias frames, or none that are raw.
    ParameterError
        The recipe's sections do not fit them, or `files` chooses none of them.
    """
    if not night.biases:
        raise NightError(
            f"there are no bias frames in {night.raw_folder} to build a combined bias from; give one with combined_bias, or "
            f"{KEEP_BIAS}."
        )
    raw, reduced = without_reduced(night.select_biases(files), recipe)
    if not raw:
        raise NightError(f"there are no raw bias frames to combine: {' '.join(reduced.values())}")
    frames, odd = without_odd(raw, recipe.unit)
    for part in frames[0].select(recipe.extensions):
        recipe.pieces(part.shape)
    return frames, reduced | odd


def combine_darks(
    reduced_folder: "str | PathLike[str]",
    *,
    files: "Iterable[str | PathLike[str]] | None" = None,
    overwrite: bool = False,
) -> Run:
    """Combine calibrated darks, one combined dark for each exposure time and temperature.

    Exposures within 0.1 s or 0.1 % of each other belong together, and temperatures within 2 degrees. The files are named
    ``combined_dark_<exposure in seconds, 3 decimals>.fits``, or where there are several temperatures of an exposure
    ``combined_dark_<exposure>_<temperature of the coldest in degrees Celsius>C.fits``; they are made again when darks were
    added or have changed.

    Parameters
    ----------
    reduced_folder : path-like
        Where `calibrate_darks` has written its results.
    files : iterable of path-like, optional
        The calibrated darks to combine, such as `Run.results`; `None`: every one in the folder.
    overwrite : bool
        Replace combined darks that were made with another recipe.

    Returns
    -------
    Run
        With one outcome for each combined dark, and one for each dark that had to be left out.

    Raises
    ------
    NightError
        There are no calibrated darks in the folder, none that can be combined, or they were made with different recipes or are
        of several cameras, gains or the like without a majority.
    ParameterError
        `files` names what is not a calibrated dark of the folder.
    """
    results = Results(reduced_folder).require()
    picked = _picked(results, files)
    wrong = dict(results.unreadable) if files is None else {}
    for dark, loss in zip(picked, threaded(_damage, picked), strict=True):
        if reason := misnamed(dark) or _without_exposure(dark) or loss:
            wrong[dark.name] = reason
    darks = [dark for dark in picked if dark.name not in wrong]
    if not darks:
        raise NightError(_nothing_to_combine(results.folder, wrong if picked else {}))
    _check_one_recipe(results.folder, darks)
    darks, odd = without_odd(darks, "adu")
    advice = "It is left out; to combine frames like it, list them in files."
    wrong |= {name: f"{reason} {advice}" for name, reason in odd.items()}
    run = Run([Outcome(name, "failed", reason=reason) for name, reason in wrong.items()])
    targets, unplaced = _targets(results.folder, darks)
    run.outcomes += [Outcome(dark.name, "failed", reason=reason) for dark, reason in unplaced.items()]
    for target, members in targets.items():
        dtype = members[0].parts[0].dtype.name
        run.outcomes.append(_combine([_dark_member(dark) for dark in members], target, dtype, overwrite))
    run.notes += _few_frames({target.name: len(members) for target, members in targets.items()})
    levels = {dark: mean_level(part.cards for part in dark.parts) for dark in darks}
    run.notes += unlike_levels({dark: level for dark, level in levels.items() if level is not None})
    return run


def combined_standings(folder, darks):
    """Compare the combined darks of a folder with those that `combine_darks` would make there, from headers alone.

    Parameters
    ----------
    folder : Path
    darks : sequence of Frame
        Calibrated darks, all made with one recipe.

    Returns
    -------
    dict of Path to Standing
        Of each combined dark that would be made.
    """
    targets, _ = _targets(folder, [dark for dark in darks if dark.info.exposure is not None])
    return {
        target: standing(
            target, _cards(members[0].cards, [(dark.path.name, identity(dark)) for dark in members])
        )
        for target, members in targets.items()
    }


def _targets(folder, darks):
    """Return the path of each combined dark to the darks that belong to it, and why some belong to none."""
    targets, unplaced = {}, {}
    for group in group_exposures([dark.info.exposure for dark in darks]):
        parts, without = _by_temperature([darks[index] for index in sorted(group)])
        unplaced |= without
        for label, members in parts.items():
            targets[folder / f"combined_dark_{members[0].info.exposure:.3f}{label}.fits"] = members
    return targets, unplaced


def _cards(cards, identities):
    """Return the cards that tell what an average is made from; `cards` are of one of its members, `identities` of all."""
    return {"DCRECIPE": cards["DCRECIPE"], "DCINPUT": members_digest(identities)}


def _few_frames(counts):
    """Say what the averages of few frames cannot be rid of; `counts` is their names to how many frames are in them."""
    few = [f"{name} ({count})" for name, count in counts.items() if count < FEW_FRAMES]
    if not few:
        return []
    return [
        f"Fewer than {FEW_FRAMES} frames are averaged in {', '.join(few)}. With 1 or 2 frames no cosmic ray is removed; with 3, "
        "a pixel that was hit twice keeps one. Take more of them."
    ]


def _picked(results, files):
    """Return the calibrated darks that `files` names, in the order of the folder."""
    if files is None:
        return results.darks
    names = {Path(file).name for file in files}
    if unknown := names - {dark.name for dark in results.darks}:
        raise ParameterError(
            f"files names {', '.join(sorted(unknown))}, not a calibrated dark in {results.folder}; calibrate it first."
        )
    return [dark for dark in results.darks if dark.name in names]


def _bias_member(frame, recipe):
    """Return a bias frame as a member, or the error that it costs."""
    try:
        raw = frame.loaded()
        parts = raw.select(recipe.extensions)
        units = [part.unit(recipe.unit) for part in parts]
        laid = [Calibration.prepare(part, recipe, unit) for part, unit in zip(parts, units, strict=True)]
    except FrameError as error:
        return error
    images = [part.extension for part in parts if part.extension]
    digest = recipe.digest(*(part.shape for part in parts), images=images)
    headers = {}
    for part, one, unit in zip(parts, laid, units, strict=True):
        header = calibrated_header(part.cards, digest, one.steps, one.measured)
        header["BUNIT"] = unit
        if part.extension:
            header["DCIMAGE"] = (ascii_only(part.extension), "image of the raw file")
        headers[part.extension] = header
    primary = None if len(raw.parts) == 1 else calibrated_header(raw.cards, digest, (), ())
    for header in (*headers.values(), *([] if primary is None else [primary])):
        declare_type(header, "bias", frame.info.exposure)
    # The pixels are read again, some rows at a time, when they are averaged.
    unread = zip(laid, frame.select(recipe.extensions), strict=True)
    calibrations = {part.extension: replace(one, image=part) for one, part in unread}
    return _Member(frame, raw.checksum, raw.state, calibrations, headers, primary)


def _dark_member(dark):
    """Return a calibrated dark as a member: its pixels are averaged as they are."""
    as_they_are = Recipe(output_dtype=dark.parts[0].dtype.name)
    calibrations = {part.extension: Calibration.prepare(part, as_they_are) for part in dark.parts}
    headers = {part.extension: part.cards for part in dark.parts}
    primary = None if len(dark.parts) == 1 else dark.cards
    return _Member(dark, identity(dark), dark.state, calibrations, headers, primary)


def _damage(dark):
    loss = damage(dark)
    return loss and f"{dark.path} {loss}; calibrate it again with overwrite."


def _without_exposure(dark):
    if dark.info.exposure is not None:
        return ""
    return (
        f"{dark.path} has no exposure time (EXPTIME, EXPOSURE or the like), so it does not belong to a combined dark. Write it "
        "into the header of a copy of the raw frame, and calibrate that."
    )


def _nothing_to_combine(folder, wrong):
    if not wrong:
        return f"there are no calibrated darks in {folder}; calibrate_darks writes them."
    reasons = list(wrong.values())
    more = f" And {len(reasons) - 5} more." if len(reasons) > 5 else ""
    return f"none of the {len(reasons)} calibrated darks in {folder} can be combined: {' '.join(reasons[:5])}{more}"


def _by_temperature(darks):
    """Part darks of one exposure by their temperature.

    Returns
    -------
    parts : dict
        What is added to the name of the combined dark, nothing where there is only one, to its darks.
    unplaced : dict of Frame to str
        Why a dark belongs to none of several.
    """
    groups, without = part_by_temperature(darks)
    if len(groups) == 1:
        return {"": groups[0]}, {}
    # The coldest give names that are never the same, for they are farther apart than the tolerance.
    coldest = [min(dark.info.temperature for dark in group) for group in groups]
    found = " and ".join(f"{temperature:.0f} °C" for temperature in coldest)
    reason = f"has no temperature in its header, and the darks of its exposure are of {found}. Leave it out with files."
    parts = {f"_{round(temperature)}C": group for temperature, group in zip(coldest, groups, strict=True)}
    return parts, {dark: f"{dark.path} {reason}" for dark in without}


def _check_one_recipe(folder, darks):
    by_recipe = {}
    for dark in darks:
        made = (dark.cards["DCRECIPE"], dark.cards.get("BIASSUM"), dark.shape_text)
        by_recipe.setdefault(made, []).append(dark.name)
    if len(by_recipe) > 1:
        listed = "; ".join(", ".join(names) for names in by_recipe.values())
        raise NightError(
            f"the calibrated darks in {folder} were made with different recipes or combined biases, or have different shapes: "
            f"{listed}. Calibrate them again with overwrite or into another folder, or choose some with files."
        )


def _combine(members, target, dtype, overwrite, digest_0_1=""):
    headers = members[0].headers
    cards = _cards(
        next(iter(headers.values())), [(member.frame.path.name, member.identity) for member in members]
    )
    recipe, inputs = cards["DCRECIPE"], cards["DCINPUT"]
    found = standing(target, cards, digest_0_1, with_pixels=True)
    if found.state == "current":
        return Outcome(target.name, "unchanged", target)
    made_alike = found.header is not None and found.header.get("DCRECIPE") == recipe
    if found.state == "foreign" or (found.state == "other" and not overwrite and not made_alike):
        raise OutputError(found.reason)
    make_results_folder(target.parent)
    images = [_combined_image(members, name, dtype, target.parent, inputs) for name in headers]
    primary = members[0].primary
    if primary is not None:
        primary = _combined_header(primary, members, inputs)
    for member in members:
        if file_state(member.frame.path) != member.state:
            raise FrameError(f"{member.frame.path} has changed while it was combined; combine again.")
    try:
        write_images(target, images, primary, expected=found.file)
    except FileExistsError:  # another run has been quicker
        if standing(target, cards, with_pixels=True).state != "current":
            raise OutputError(
                f"{target} was made otherwise by another run in the meantime; combine again."
            ) from None
        return Outcome(target.name, "unchanged", target)
    return Outcome(target.name, "written", target)


def _combined_image(members, name, dtype, folder, inputs):
    """Return the average of the image of a name of all members, to be written."""
    average = _average(members, name, dtype, folder)
    header = _combined_header(members[0].headers[name], members, inputs)
    with np.errstate(over="ignore"):  # damaged frames may hold huge values
        mean = float(np.mean(average, dtype=np.float64))
    if np.isfinite(mean):
        header["CCDMEAN"] = (float(f"{mean:.7g}"), "mean of the pixels")
    return Image.of(average, header)


def _average(members, name, dtype, folder):
    """Combine band by band: only a few rows of all frames are in memory, and each is read once."""
    # A temporary file without a name: whatever happens, nothing of it stays in the folder of results.
    with room_for_pixels(folder):
        spill = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (it is closed below)
    with spill:
        calibrations = (member.calibrations[name] for member in members)
        with room_for_pixels(folder):
            frames = [replace(one, image=one.image.in_rows(spill), dtype=dtype) for one in calibrations]
        rows, columns = frames[0].shape
        step = max(1, _BAND_BYTES // (len(frames) * columns * np.dtype(dtype).itemsize))
        average = np.empty((rows, columns), dtype)
        noise = measure_noise((_sample(frame, rows) for frame in frames), _gain(members[0].headers[name]))

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


def _gain(header):
    """Return electrons per unit of the frame; `None`: not known."""
    info = describe(header, ())
    if info.unit == "electron":
        return 1.0
    return info.gain if info.gain is not None and info.gain > 0 else None


def _combined_header(header, members, inputs):
    result = header.copy()
    for keyword in _OF_ONE_FRAME:
        result.pop(keyword, None)
    if "OVERSCAN" in result:
        result["OVERSCAN"] = str(result["OVERSCAN"]).partition(" with mean")[0]
    for number, member in enumerate(members[:999], start=1):
        result[f"IMCMB{number:03d}"] = ascii_only(member.frame.path.name)
    result["COMBINED"] = (True, "average of many frames")
    result["NCOMBINE"] = (len(members), "number of frames combined")
    result["DCINPUT"] = (inputs, "digest of the frames combined")
    frames = [member.frame for member in members]
    if not is_result(frames[0]):
        result["DCSAMPLE"] = (samples_digest(frames), "digest of samples of the raw files")
    result.add_history(
        f"darkcal: average of {len(members)} frames, clipped at {CLIP_SIGMA:g} sigma of the noise"
    )
    return result
