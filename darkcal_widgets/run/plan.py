"""Plan: everything that is decided about a run before a frame is touched. Made once, then shown, printed or run."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..choice import parted
from ..combine.files import COMBINED_BIAS, bias_frames
from ..errors import DarkcalError, FrameError, OutputError, ParameterError
from ..files import check_results_folder, result_name, sample_checksum
from ..frames import Frame
from ..groups import TEMPERATURE_TOLERANCE, without_odd, without_reduced
from ..inventory import type_label
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
            job.shapes: (job.digest, job.digest_0_1)
            for job in {job.shapes: job for job in self.jobs}.values()
        }
        return {job.name: self._standing(job, *digests[job.shapes]) for job in self.jobs}

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
            cards = {"DCRECIPE": digest, "DCSAMPLE": sample_checksum(job.raw)}
            if (
                self.bias is not None or self._replaces_bias
            ):  # of one that is not made yet, no result can have been
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
    if bias is not None:
        notes += _single_bias(bias) + bias_differences(bias, darks) + bias_temperatures([bias], darks)
    return notes + bias_temperatures(biases, darks)


def bias_differences(bias, darks):
    """Say where the combined bias was taken with other settings than the darks; of temperatures, see `bias_temperatures`.

    Parameters
    ----------
    bias : Frame
    darks : sequence of Frame

    Returns
    -------
    list of str
    """
    notes = []
    for what in ("binning", "gain", "readout"):
        own = getattr(bias.info, what)
        other = sorted({str(getattr(dark.info, what)) for dark in darks} - {str(own)})
        if other and own not in (None, ""):
            notes.append(f"{bias.name} has {what} {own}, darks have {', '.join(other)}.")
    other = sorted({dark.info.pedestal for dark in darks} - {bias.info.pedestal})
    if other:
        notes.append(
            f"PEDESTAL is {bias.info.pedestal:g} in {bias.name} and {', '.join(f'{value:g}' for value in other)} in darks: the "
            "calibrated darks are off by the difference. Take bias frames that were saved by the same program in the same way."
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
    shapes = {dark: tuple(part.shape for part in dark.select(recipe.extensions)) for dark in darks}
    for shape in dict.fromkeys(shape for each in shapes.values() for shape in each):
        recipe.pieces(shape)
    jobs = tuple(
        DarkJob(
            dark.name,
            dark.path,
            folder / result_name(dark.path.name),
            recipe,
            shapes[dark],
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
    otherwise = "" if bias is None else _made_otherwise(bias, darks, recipe)
    differs = otherwise or ("" if bias is None else _others_in(bias, wanted, chooses))
    own = bias is not None and found and bias.name == COMBINED_BIAS
    if bias is None or (own and overwrite and night.biases and differs):
        bias_frames(night, recipe, files)
        return None, night.select_biases(files)
    if differs:
        raise FrameError(
            f"the combined bias {bias.path} was made {differs}; move it away to have it built again from the bias frames, or set "
            f"overwrite{'' if otherwise else ', or name it with combined_bias if it is the right one'}."
        )
    for dark in darks:
        _check_fits(bias, dark, recipe)
    return bias, ()


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


def _made_otherwise(bias, darks, recipe):
    """Say what was done otherwise to a combined bias of darkcal: overscan or trim; of other biases nothing is known."""
    of_bias, shapes = recipe.of_bias, [part.shape for part in darks[0].select(recipe.extensions)]
    made = bias.cards.get("DCRECIPE")
    if made is None:
        return ""
    if made not in (of_bias.digest(*shapes), of_bias.digest_0_1(shapes[0])):
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


def _check_fits(bias, dark, recipe):
    of_bias = {part.label: part for part in bias.parts} if len(bias.parts) > 1 else {}
    for part in dark.select(recipe.extensions):
        own = of_bias.get(part.label) if of_bias else bias
        for step in recipe.steps(part.shape):
            try:
                step.check(part.unit(recipe.unit), own and own.shape, own and own.unit(recipe.unit))
            except FrameError as error:
                raise FrameError(f"{bias.path} and {part.name}: {error}") from error
