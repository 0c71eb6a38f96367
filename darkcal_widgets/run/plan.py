"""Plan: everything that is decided about a run before a frame is touched. Made once, then shown, printed or run."""

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..choice import parted
from ..combine.files import COMBINED_BIAS, bias_frames
from ..errors import DarkcalError, FrameError, OutputError, ParameterError
from ..files import check_results_folder, result_name, sample_checksum
from ..frames import Frame
from ..groups import TEMPERATURE_TOLERANCE, differences_from, without_odd, without_reduced
from ..inventory import type_label
from ..recipe.steps import KEEP_BIAS
from ..results import Results, Standing, members_of, samples_digest, standing
from ..text import ascii_only, visible
from .file import DarkJob

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from ..night import Night
    from ..recipe import Recipe

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes
    ----------
    night : Night
    recipe : Recipe
    folder : Path
        Where the results go.
    darks : tuple of Frame
        Those that are calibrated, in the order of the night.
    jobs : tuple of DarkJob
        One for each of them.
    bias : Frame or None
        The combined bias; `None`: none is needed, or it is to be built.
    biases : tuple of Frame
        The bias frames that it is to be built from; empty: it is not built.
    files : list of str or None
        What was chosen, of darks and of bias frames.
    left_out : dict
        Name of each dark that is not calibrated, to the reason.
    notes : tuple of str
        What a user should know and that does not stop the run.
    overwrite : bool
        Replace results that were made otherwise.
    """

    night: "Night"
    recipe: "Recipe"
    folder: Path
    darks: tuple
    jobs: tuple
    bias: Frame | None
    biases: tuple
    files: list | None
    left_out: dict
    notes: tuple
    overwrite: bool

    @property
    def builds_bias(self):
        """Whether the combined bias is to be built."""
        return bool(self.biases)

    @cached_property
    def standings(self):
        """Name of each dark to the `Standing` of its result, from headers and a sample of the raw file: a change elsewhere in it
        is only seen by the run itself.
        """
        digests = {
            key: (job.digest, job.digest_0_1)
            for key, job in {(job.shapes, job.images): job for job in self.jobs}.items()
        }
        return {job.name: self._standing(job, *digests[job.shapes, job.images]) for job in self.jobs}

    @property
    def conflicts(self):
        """Sentences on the results that stand in the way: a run would report their darks as failed."""
        in_the_way = ("foreign",) if self.overwrite else ("foreign", "other")
        return [found.reason for found in self.standings.values() if found.state in in_the_way]

    @property
    def replaced(self):
        """Names of the results made otherwise that are where those of this run go: it replaces them if `overwrite` is true."""
        names = [job.result.name for job in self.jobs if self.standings[job.name].state == "other"]
        return [*names, *([COMBINED_BIAS] if self._replaces_bias else [])]

    @property
    def _replaces_bias(self):
        return self.builds_bias and (self.folder / COMBINED_BIAS).exists()

    @property
    def said_of_replaced(self):
        """How many results made otherwise there are, and how they were made; empty: there are none."""
        if not self.replaced:
            return ""
        headers = [found.header for found in self.standings.values() if found.state == "other"]
        # What was done to each of several images stands in their own headers.
        ways = Counter(_steps_of(header) for header in headers if "CCDMEAN" in header).most_common()
        how = "; ".join(f"{count}: {way}" if len(ways) > 1 else way for way, count in ways)
        count = f"{len(self.replaced)} results" if self.replaced[1:] else "1 result"
        bias = ", the combined bias among them" if COMBINED_BIAS in self.replaced else ""
        return f"{count} made otherwise in {self.folder}{bias}{f' ({how})' if how else ''}"

    def __str__(self):
        bias = ["build combined_bias.fits"] if self.builds_bias else []
        bias += [] if self.bias is None else [f"subtract {self.bias.path}"]
        lines = [
            f"{len(self.jobs)} darks of {self.night.raw_folder} to {self.folder}: {self.recipe.summary}",
            *bias,
        ]
        lines += [f"left out: {reason}" for reason in self.left_out.values()]
        lines += [f"in the way: {sentence}" for sentence in self.conflicts]
        return "\n".join(map(visible, [*lines, *(f"note: {note}" for note in self.notes)]))

    def _standing(self, job, digest, digest_0_1):
        try:
            cards = {"DCRECIPE": digest}
            if os.path.lexists(job.result):  # else nothing has to be read of the raw frame
                cards["DCSAMPLE"] = sample_checksum(job.raw)
            # Of a bias that is not made yet, no result can have been.
            if self.bias is not None or self._replaces_bias:
                cards["BIASSUM"] = self.bias and self.bias.checksum
            return standing(job.result, cards, digest_0_1)
        except DarkcalError as error:
            return Standing("foreign", str(error))


def make_plan(
    night: "Night",
    recipe: "Recipe",
    reduced_folder: "str | PathLike[str]",
    *,
    files: "Iterable[str] | None" = None,
    combined_bias: "str | PathLike[str] | None" = None,
    overwrite: bool = False,
    mixed: str = "leave out",
) -> Plan:
    """Check everything that can be checked before a frame is touched, and decide what is to be done; nothing is written.

    Parameters
    ----------
    night, recipe, reduced_folder, files, combined_bias, overwrite, mixed
        See `~darkcal_widgets.calibrate_darks`.

    Returns
    -------
    Plan

    Raises
    ------
    ParameterError, NightError, FrameError, OutputError
        See `~darkcal_widgets.calibrate_darks`.
    """
    folder, files = Path(reduced_folder), None if files is None else _as_list(files)
    raw, reduced = without_reduced(night.select_darks(files), recipe)
    darks, odd = without_odd(raw, recipe.unit, mixed)
    jobs = _jobs(darks, folder, recipe, overwrite)
    check_results_folder(
        folder, night.folders, [job.result for job in jobs], [frame.path for frame in night.frames]
    )
    bias, biases = None, ()
    if recipe.uses_bias and jobs:
        bias, biases = _chosen_bias(night, recipe, folder, darks, files, combined_bias, overwrite)
    all_darks = parted(files)[0] is None
    return Plan(
        night=night,
        recipe=recipe,
        folder=folder,
        darks=tuple(darks),
        jobs=jobs,
        bias=bias,
        biases=tuple(biases),
        files=files,
        left_out=_left_out(night, all_darks, odd) | reduced,
        notes=tuple(_notes(night, all_darks, darks, bias, biases)),
        overwrite=overwrite,
    )


def _notes(night, all_darks, darks, bias, biases):
    """Return what a user should know of what is not calibrated, and of the combined bias or the frames that it is built from."""
    notes = night.passed_over if all_darks else []
    notes += night.averages([*darks, *biases])
    notes += night.guesses("dark", *(["bias"] if biases else []))
    notes += [] if bias is None else _single_bias(bias)
    subtracted = biases if bias is None else [bias]
    return notes + _other_pedestal(subtracted[:1], darks) + bias_temperatures(subtracted, darks)


def _other_pedestal(biases, darks):
    """Say that another number was added to the pixels of biases than to those of the darks, as their headers tell."""
    notes = []
    for bias in biases:
        if other := sorted({dark.info.pedestal for dark in darks} - {bias.info.pedestal}):
            listed = ", ".join(f"{value:g}" for value in other)
            notes.append(
                f"PEDESTAL is {bias.info.pedestal:g} in {bias.name} and {listed} in darks: the calibrated darks are off by the "
                "difference. Take bias frames that were saved by the same program in the same way."
            )
    return notes


def bias_temperatures(biases, darks):
    """Say how many darks were taken at another temperature than bias frames that are subtracted from them.

    Parameters
    ----------
    biases, darks : sequence of Frame

    Returns
    -------
    list of str
        At most one sentence.
    """
    cold = [bias for bias in biases if bias.info.temperature is not None]
    apart = {
        (dark, bias): abs(dark.info.temperature - bias.info.temperature)
        for dark in darks
        for bias in cold
        if dark.info.temperature is not None
    }
    far = [pair for pair, degrees in apart.items() if degrees > TEMPERATURE_TOLERANCE]
    if not far:
        return []
    dark, bias = max(far, key=apart.__getitem__)
    count = len({pair[0] for pair in far})
    return [
        f"{bias.name} was taken at {bias.info.temperature:g} degrees, {dark.name} at {dark.info.temperature:g} "
        f"({count} dark{'s are' if count > 1 else ' is'} more than {TEMPERATURE_TOLERANCE:g} degrees away)."
    ]


def _as_list(files):
    """Return names that may come from an iterable that can be gone through only once; a lone text is refused later."""
    return files if isinstance(files, str) else list(files)


def _jobs(darks, folder, recipe, overwrite):
    parts = {dark: dark.select(recipe.extensions) for dark in darks}
    for shape in dict.fromkeys(part.shape for each in parts.values() for part in each):
        recipe.pieces(shape)
    jobs = tuple(
        DarkJob(
            dark.name,
            dark.path,
            folder / result_name(dark.path.name),
            recipe,
            tuple(part.shape for part in parts[dark]),
            tuple(part.extension for part in parts[dark] if part.extension),
            overwrite=overwrite,
        )
        for dark in darks
    )
    by_result = {}
    for job in jobs:
        by_result.setdefault(job.result.name.casefold(), []).append(job.name)
    for names in by_result.values():
        if len(names) > 1:
            raise OutputError(
                f"{' and '.join(names)} would have the same result; leave one out with files, or rename a copy."
            )
    return jobs


def _left_out(night, all_darks, odd):
    """Return why darks are not calibrated: they cannot be read, or do not belong with the others."""
    unreadable = night.unreadable_darks if all_darks else []
    advice = "It is left out; to calibrate frames like it, list them in files."
    return {name: night.unreadable[name] for name in unreadable} | {
        name: f"{reason} {advice}" for name, reason in odd.items()
    }


def _chosen_bias(night, recipe, folder, darks, files, combined_bias, overwrite):
    """Return the combined bias that the darks get, which fits them, or `None` and the bias frames to build it from."""
    found, chooses = combined_bias is None, parted(files)[1] is not None
    bias = Results(folder).combined_bias if found else _given_bias(combined_bias)
    # A combined bias that is named is used, whatever night it is from.
    wanted = night.select_biases(files) if found or chooses else []
    otherwise = "" if bias is None else _made_otherwise(bias, darks[0], recipe)
    differs = otherwise or ("" if bias is None else _others_in(bias, wanted, chooses))
    own = bias is not None and found and bias.name == COMBINED_BIAS
    if bias is None or (own and overwrite and night.biases and differs):
        return None, _frames_of_bias(night, recipe, darks, files)
    subject = f"the combined bias {bias.path}"
    if differs:
        raise FrameError(f"{subject} was made {differs}; {_way_out(found, bool(otherwise))}.")
    _check_images(subject, bias, darks, recipe)
    for dark in darks:
        _check_fits(bias, dark, recipe)
    _check_settings(subject, bias, darks, recipe)
    _check_level(subject, bias, darks[0], recipe)
    return bias, ()


def _frames_of_bias(night, recipe, darks, files):
    """Return the bias frames to build a combined bias from that fits the darks."""
    frames, _ = bias_frames(night, recipe, files)
    subject = f"the bias frame {frames[0].path}"
    _check_images(subject, frames[0], darks, recipe)
    _check_settings(subject, frames[0], darks, recipe)
    return night.select_biases(files)


def _way_out(found, otherwise):
    """Say what to do about a combined bias that was found, or named, and was made otherwise, or else from other frames."""
    if not found:
        return "give another, or None to have it found or built"
    way = "move it away to have it built again from the bias frames, or set overwrite"
    return way if otherwise else f"{way}, or name it with combined_bias if it is the right one"


def _given_bias(combined_bias):
    path = Path(combined_bias)
    if not path.is_file():
        raise ParameterError(
            f"combined_bias {str(combined_bias)!r} is not there (seen from {Path.cwd()}); give the path of a FITS file, or "
            "None to have it found or built."
        )
    frame = Frame(path)
    if frame.info.type not in ("bias", None):
        raise FrameError(
            f"combined_bias {str(path)!r} is not a bias: its header says {type_label(frame.info)!r}; give a combined bias, or "
            "None to have it found or built."
        )
    return frame


def _single_bias(bias):
    """Say that a combined bias does not look like the average of many frames."""
    if bias.info.combined or {"NCOMBINE", "IMCMB001"} & set(bias.cards):
        return []
    return [
        f"{bias.name} does not say that it is the average of many frames (COMBINED, NCOMBINE): the noise of a single bias frame "
        "goes into every dark."
    ]


def _made_otherwise(bias, dark, recipe):
    """Say what was done otherwise to a combined bias of darkcal: images, overscan or trim; of other biases nothing is known."""
    made = bias.cards.get("DCRECIPE")
    if made is None:
        return ""
    if lacking := _lacking(bias, dark, recipe):
        return f"for {lacking}"
    parts = [part for part in dark.parts if _image_for(part, bias) is not None]
    images, shapes = [part.extension for part in parts if part.extension], [part.shape for part in parts]
    of_bias = recipe.of_bias
    if made not in (of_bias.digest(*shapes, images=images), of_bias.digest_0_1(shapes[0])):
        return f"with other overscan_columns or keep_columns than the recipe's ({_steps_of(bias.cards)})"
    return ""


def _others_in(bias, wanted, chooses):
    """Say that a combined bias of darkcal is not of the bias frames that it would be built from now, though perhaps of some.

    Frames that are damaged, or do not belong with the others, are left out of it.
    """
    members, by_name = members_of(bias), {ascii_only(frame.path.name): frame for frame in wanted}
    if "DCRECIPE" not in bias.cards or not members or not wanted:
        return ""
    listed = f"{len(members)}: {', '.join(sorted(members)[:6])}"
    if not by_name.keys() >= {*members} or (chooses and len(members) * 2 <= len(wanted)):
        return (
            f"from other bias frames than {'files chooses' if chooses else 'those of this night'} ({listed})"
        )
    sample, is_whole = bias.cards.get("DCSAMPLE"), len(members) < 999
    if sample and is_whole and sample != samples_digest([by_name[name] for name in members]):
        return f"from bias frames of the same names, but not those of this night ({listed})"
    return ""


def _steps_of(header):
    overscan, kept, bias = (header.get(keyword) for keyword in ("DCOSCAN", "DCTRIM", "BIASFILE"))
    steps = f"overscan {overscan or 'not'} subtracted, {f'trimmed to {kept}' if kept else 'not trimmed'}"
    return f"{steps}, bias subtracted" if bias else steps


def _image_for(part, bias):
    """Return the image of a combined bias for a part of a dark: of its name, or the only one for the only one; or `None`."""
    if not part.extension:
        return bias if len(bias.parts) == 1 else None
    return next((image for image in bias.parts if image.label == part.extension), None)


def _lacking(bias, dark, recipe):
    """Say which images a combined bias has and which it lacks for a dark; empty: it has all."""
    missing = [part.label for part in dark.select(recipe.extensions) if _image_for(part, bias) is None]
    if not missing:
        return ""
    return f"{_images([part.label for part in bias.parts])}, but not for {', '.join(missing)} of {dark.name}"


def _images(labels):
    return f"image{'s' if labels[1:] else ''} {', '.join(labels)}"


def _check_images(subject, bias, darks, recipe):
    """Refuse a combined bias, or one of the bias frames that it is built from, which does not have all images of the darks."""
    for lacking in filter(None, (_lacking(bias, dark, recipe) for dark in darks)):
        raise FrameError(
            f"{subject} is for {lacking}; give one of all these images, named by EXTNAME, with combined_bias, or choose other "
            "extensions."
        )


def _check_settings(subject, bias, darks, recipe):
    """Refuse one that was taken with another camera, binning, readout mode or gain than the darks."""
    if differs := differences_from(bias, darks, recipe.unit):
        raise FrameError(
            f"{subject} cannot be subtracted from these darks: it has {differs}; give one taken with the settings of the darks "
            f"with combined_bias, choose other darks with files, or {KEEP_BIAS}."
        )


def _check_level(subject, bias, dark, recipe):
    """Refuse a combined bias of other software that has its overscan level still, where the recipe subtracts that, too."""
    for part in dark.select(recipe.extensions) if "DCRECIPE" not in bias.cards else ():
        image = _image_for(part, bias)
        level, noise = _overscan_level(part, recipe)
        own = float(np.median(image[_middle(image.shape[0]), :]))
        # Nearer to the level of the overscan than to 0, where the two can be told apart.
        if abs(level) > 5 * noise and abs(own - level) < abs(own):
            raise FrameError(
                f"{subject} has a level of {own:.6g}, as the overscan of {part.name} ({level:.6g}), which the recipe subtracts: "
                "the level would be subtracted twice. Give one from which the overscan was subtracted with combined_bias, or set "
                "overscan_columns and amplifiers to None."
            )


def _overscan_level(part, recipe):
    """Return level and scatter of the overscan that a recipe subtracts, 0 and 0 where it subtracts none."""
    overscan = next((piece.overscan for piece in recipe.pieces(part.shape) if piece.overscan), None)
    try:
        values = 0.0 if overscan is None else part[overscan]
    except FrameError:  # the run says what is wrong with this dark, and calibrates the others
        values = 0.0
    return float(np.median(values)), float(np.std(values))


def _middle(rows):
    """Return the rows in the middle that tell the level of an image quickly."""
    return slice(max(0, rows // 2 - 32), rows // 2 + 32)


def _check_fits(bias, dark, recipe):
    for part in dark.select(recipe.extensions):
        own = _image_for(part, bias)
        for step in recipe.steps(part.shape):
            try:
                step.check(part.unit(recipe.unit), own.shape, own.unit(recipe.unit))
            except FrameError as error:
                raise FrameError(f"{bias.path} and {part.name}: {error}") from error
