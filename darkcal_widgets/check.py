"""Check the answer: results from a simulated night against its true values, in sentences for a student."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .darks import measure_darks
from .darks.background import background
from .darks.treatment import Treatment
from .errors import DarkcalError, NightError, RunError
from .files import checksum
from .frames import Frame
from .html import html_table
from .night import Night
from .recipe import Recipe
from .results import Results
from .simulate import TRUTH_NAME, read_truth
from .text import visible

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Check", "CheckReport", "check_run", "find_night"]

# Levels this close are the same: a tenth of the read noise of a pixel, or less, in any usual camera.
LEVEL_TOLERANCE = 0.5

# And this many standard errors of the mean level of the frames.
_LEVEL_SIGMA = 4.0

# Leaving out usable columns is called waste where it adds a tenth to the noise of the level of a row.
WASTE = 1.1

# Of the bias level: what is off by more than this part of it is the bias itself, left in or removed twice.
_BIAS_PART = 0.5

# A dark current is off where it differs from the truth by more than 5 %, and by more than this many times its uncertainty: of
# a hundred students who have done all right, chance would else make one fail.
_FRACTION, _SURE = 0.05, 1.5


@dataclass(frozen=True)
class Check:
    """One thing that was compared.

    Attributes
    ----------
    what : str
    state : str
        ``'right'``, ``'off'`` or ``'not checked'``.
    text : str
        One sentence.
    """

    what: str
    state: str
    text: str


@dataclass(frozen=True)
class CheckReport:
    """All that was compared; `off` tells whether something is wrong."""

    checks: tuple

    @property
    def off(self):
        """The checks that found something wrong."""
        return [check for check in self.checks if check.state == "off"]

    def raise_off(self):
        """Raise an error if something is off.

        Raises
        ------
        RunError
        """
        if self.off:
            listed = ", ".join(check.what for check in self.off)
            raise RunError(f"{len(self.off)} of {len(self.checks)} checks are off: {listed}.")

    def __str__(self):
        return "\n".join(f"{check.state:11}  {check.what}: {visible(check.text)}" for check in self.checks)

    def _repr_html_(self):
        return html_table([(check.what, check.state, check.text) for check in self.checks])


@dataclass(frozen=True)
class _Result:
    """One calibrated dark: what its header says was done to it, its place in the truth, and its level."""

    frame: str
    exposure: float
    recipe: str
    treatment: Treatment
    level: float


def check_run(
    reduced_folder: "str | PathLike[str]", night: "Night | str | PathLike[str] | None" = None
) -> CheckReport:
    """Compare calibrated darks of a simulated night with the truth.

    Parameters
    ----------
    reduced_folder : path-like
        Where `calibrate_darks` has written.
    night : Night or path-like, optional
        The simulated night; `None`: the one beside `reduced_folder`, or in the working directory, that the results were
        made from (see `find_night`).

    Returns
    -------
    CheckReport

    Raises
    ------
    NightError
        There are no results, no night with a truth file, or the results are not of that night.
    FrameError
        A result is damaged.
    """
    paths = _result_paths(Path(reduced_folder))
    folder = find_night(reduced_folder) if night is None else _folder_of(night)
    truth = read_truth(folder)
    Results(reduced_folder).require_whole()
    with _damage_named(folder):
        _check_origin(paths, folder, truth)
        results = _results(paths, truth)
        return CheckReport(
            (
                _frames(results, truth),
                _overscan(results, truth),
                _kept(results, truth),
                _bias(results, truth),
                _level(results, truth),
                _combined(reduced_folder),
                _dark_current(reduced_folder, folder, truth),
            )
        )


@contextlib.contextmanager
def _damage_named(folder):
    """Turn what a truth file of the right outline and wrong values leads to into an error that names it."""
    try:
        yield
    except DarkcalError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        found = f"{type(error).__name__}: {error}"
        raise NightError(
            f"{folder / TRUTH_NAME} is damaged ({found}), or the results are not of this night; make the night again."
        ) from error


def find_night(reduced_folder):
    """Find the simulated night that results were made from.

    Folders beside `reduced_folder` and in the working directory are looked at; the one with a truth file that lists the raw
    frames of the results, and whose frames have their checksums, is the night.

    Returns
    -------
    Path

    Raises
    ------
    NightError
        There are no results, or no such folder.
    """
    paths = _result_paths(Path(reduced_folder))
    places = dict.fromkeys((Path(reduced_folder).resolve().parent, Path.cwd()))
    for place in places:
        for truth in sorted([*place.glob(TRUTH_NAME), *place.glob(f"*/{TRUTH_NAME}")]):
            with _damage_named(truth.parent):
                if _origin_problem(paths, truth.parent, read_truth(truth.parent)) is None:
                    return truth.parent
    raise NightError(
        f"no simulated night of these results was found in {', '.join(map(str, places))}; name its folder, the one with "
        f"{TRUTH_NAME} in it (darkcal check {reduced_folder} --night FOLDER)."
    )


# --- Results and their origin -----------------------------------------------------------------------------


def _result_paths(folder):
    """Return path to header of the single calibrated darks."""
    darks = Results(folder).darks
    found = {dark.path: dark.header for dark in darks if "RAWFILE" in dark.header}
    if not found:
        raise NightError(
            f"there are no calibrated darks in {str(folder)!r}; name the folder of results (reduced_folder)."
        )
    return found


def _raw_names(truth):
    """Return the file name of each dark of the truth to its name in the night."""
    return {Path(name).name: name for name, frame in truth["frames"].items() if frame["kind"] == "dark"}


def _check_origin(paths, folder, truth):
    if problem := _origin_problem(paths, folder, truth):
        raise NightError(f"{problem}; name the night these results were made from.")


def _origin_problem(paths, folder, truth):
    names = _raw_names(truth)
    for path, header in paths.items():
        if header["RAWFILE"] not in names:
            return f"{path} was made from {header['RAWFILE']}, which is not a dark of {folder}"
    path, header = next(iter(paths.items()))
    raw = Path(folder) / names[header["RAWFILE"]]
    if raw.is_file() and header.get("DCINPUT") not in (None, checksum(raw)):
        return f"{path} was made from another {header['RAWFILE']} than the one in {folder}"
    return None


def _folder_of(night):
    return night.raw_folder if isinstance(night, Night) else Path(night)


def _results(paths, truth):
    names = _raw_names(truth)
    exposures = {
        path: truth["frames"][names[header["RAWFILE"]]]["exposure"] for path, header in paths.items()
    }
    ground = background(Frame(max(exposures, key=exposures.__getitem__)).data)
    results = []
    for path, header in paths.items():
        frame = names[header["RAWFILE"]]
        data = Frame(path).data
        level = ground.level_of(data) if data.shape == ground.plain.shape else background(data).level
        results.append(
            _Result(
                frame,
                exposures[path],
                header["DCRECIPE"],
                Treatment.of(header, truth["shape"]),
                level,
            )
        )
    return results


# --- The checks -------------------------------------------------------------------------------------------


def _frames(results, truth):
    darks = _raw_names(truth)
    missing = sorted(set(darks.values()) - {result.frame for result in results})
    recipes = {result.recipe for result in results}
    if len(recipes) > 1:
        return Check("frames", "off", f"The darks were calibrated with {len(recipes)} different recipes.")
    if missing:
        listed = ", ".join(missing[:3]) + (" and more" if len(missing) > 3 else "")
        return Check("frames", "off", f"{len(missing)} of {len(darks)} darks have no result: {listed}.")
    return Check("frames", "right", f"Every dark of the night was calibrated ({len(darks)}).")


def _overscan(results, truth):
    true, name = truth["overscan"], truth["overscan"]["axis"]
    used = _used(results[0], true)
    error = _level_text(results, truth)
    if used is None:
        if not true["usable"]:
            return Check("overscan", "right", "It is not usable, and was not subtracted.")
        drift = np.ptp([truth["bias_levels"][result.frame] for result in results])
        why = f"the bias level drifts by {drift:.1f} ADU between the darks"
        if len(results) == 1:
            why = "only they show the bias level of this dark"
        return Check("overscan", "off", f"{true['clean_count']} usable {name} were not used: {why}.")
    if lit := _overlap(used, true["image"]):
        return Check("overscan", "off", f"{lit} {name} of the image were used as overscan: {error}.")
    if not true["usable"]:
        return Check("overscan", "off", f"It is not usable, but was subtracted: {_misled(results, truth)}.")
    if lit := _overlap(used, true["contaminated"]):
        return Check("overscan", "off", f"{lit} contaminated {name} were included: {error}.")
    count = used[1] - used[0]
    if np.sqrt(true["clean_count"] / count) > WASTE:
        wasted = true["clean_count"] - count
        more = np.sqrt(true["clean_count"] / count) - 1
        text = (
            f"{wasted} usable {name} were wasted: the level of a row is {more:.0%} noisier than it could be."
        )
        return Check("overscan", "off", text)
    return Check("overscan", "right", f"{count} of {true['clean_count']} usable {name} were used, no other.")


def _misled(results, truth):
    """Say what subtracting an overscan that is not usable has done."""
    error, tolerance = _level_error(results, truth)
    if abs(error) > tolerance:
        return _level_text(results, truth)
    levels, frames = truth["overscan_levels"], truth["frames"]
    lit, unlit = (
        np.mean([levels[name] for name, frame in frames.items() if frame["kind"] in kinds] or [np.nan])
        for kinds in (("flat", "science"), ("bias", "dark"))
    )
    if abs(lit - unlit) > LEVEL_TOLERANCE:
        return f"in frames with light it lies {lit - unlit:+.1f} ADU from where it lies in darks"
    return "its own drift was added to the image"


def _used(result, true):
    if result.treatment.overscan is None:
        return None
    return _ends(result.treatment.overscan[0 if true["axis"] == "rows" else 1])


def _ends(part):
    return part.start, part.stop


def _overlap(one, other):
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _kept(results, truth):
    true, name = truth["overscan"], truth["overscan"]["axis"]
    axis = 0 if name == "rows" else 1
    kept = [_ends(part) for part in results[0].treatment.keep]
    cut = true["image"][1] - true["image"][0] - _overlap(kept[axis], true["image"])
    left = _overlap(kept[axis], true["overscan"])
    if kept[1 - axis] != (0, truth["shape"][1 - axis]):
        other = "columns" if axis == 0 else "rows"
        return Check("trim", "off", f"{other.capitalize()} of the image were cut off.")
    if left:
        return Check("trim", "off", f"{left} {name} of overscan were left in the result.")
    if cut:
        return Check("trim", "off", f"{cut} {name} of the image were cut off.")
    return Check("trim", "right", "The image was kept, the overscan cut off.")


def _bias(results, truth):
    needed, subtracted = _true_recipe(truth).uses_bias, bool(results[0].treatment.bias_file)
    error, level = _level_error(results, truth)[0], _bias_level(truth)
    if error < -_BIAS_PART * level:
        return Check("bias", "off", f"The bias was removed twice: {_level_text(results, truth)}.")
    if error > _BIAS_PART * level:
        return Check("bias", "off", f"The bias was left in: {_level_text(results, truth)}.")
    if needed and not subtracted:
        text = "The bias was not subtracted, but the darks have to be scaled: its pattern would be scaled with them."
        return Check("bias", "off", text)
    if subtracted and not needed:
        return Check("bias", "right", "It was subtracted, which does no harm; no dark has to be scaled.")
    if needed:
        return Check("bias", "right", "It was subtracted, since darks have to be scaled.")
    return Check("bias", "right", "It was not subtracted, since no dark has to be scaled.")


def _level(results, truth):
    error, tolerance = _level_error(results, truth)
    if abs(error) > tolerance:
        text = _level_text(results, truth)
        return Check("level", "off", text[0].upper() + text[1:] + f" (tolerance {tolerance:.1f} ADU).")
    average = f", on average over {len(results)} darks" if len(results) > 1 else ""
    text = f"It is right within {tolerance:.1f} ADU{average}."
    return Check("level", "right", text)


def _combined(reduced_folder):
    """Judge whether the combined darks are what the calibrated ones would give now."""
    results = Results(reduced_folder)
    if not results.combined_darks:
        return Check("combined darks", "not checked", "There are none; combine_darks makes them.")
    outdated = {dark.name: results.out_of_date(dark) for dark in results.combined_darks}
    for name, reason in outdated.items():
        if reason:
            return Check("combined darks", "off", f"{name} is out of date: {reason}")
    names = ", ".join(outdated) if len(outdated) < 4 else f"All {len(outdated)}"
    verb = "was" if len(outdated) == 1 else "were"
    return Check("combined darks", "right", f"{names} {verb} made from the calibrated darks as they are now.")


def _dark_current(reduced_folder, folder, truth):
    try:
        report = measure_darks(reduced_folder, Night(folder), gain=truth["gain"])
    except NightError:
        return Check("dark current", "not checked", "There are no combined darks; combine_darks makes them.")
    found, true = report.dark_current, truth["dark_current"]
    if found is None:
        return Check("dark current", "not checked", " ".join(report.notes))
    text = f"{found}, true {true:g} e-/s."
    near = abs(found.value - true) <= max(_SURE * found.uncertainty, _FRACTION * true)
    return Check("dark current", "right" if near else "off", text)


# --- Levels -----------------------------------------------------------------------------------------------


def _true_recipe(truth):
    return Recipe(**{name: value for name, value in truth["recipe"].items() if name != "text"})


def _bias_level(truth):
    """Return the mean bias level of the night's bias frames, or of all frames if there are none."""
    levels = truth["bias_levels"]
    biases = [levels[name] for name, frame in truth["frames"].items() if frame["kind"] == "bias"]
    return float(np.mean(biases or list(levels.values())))


def _target(result, truth):
    """Return the level that the right recipe leaves in a dark, in ADU."""
    dark = truth["dark_current"] * result.exposure / truth["gain"]
    if truth["overscan"]["usable"]:
        return dark
    own = truth["bias_levels"][result.frame]
    # A bias of the night's frames takes away their mean level; the drift of this one frame stays.
    return dark + own - (_bias_level(truth) if _true_recipe(truth).uses_bias else 0.0)


def _level_error(results, truth):
    """Return the mean error of the level, and what chance explains."""
    errors = np.array([result.level - _target(result, truth) for result in results])
    spread = np.std(errors, ddof=1) / np.sqrt(len(errors)) if len(errors) > 1 else 0.0
    return float(errors.mean()), float(max(LEVEL_TOLERANCE, _LEVEL_SIGMA * spread))


def _level_text(results, truth):
    error, _ = _level_error(results, truth)
    return f"the level is {abs(error):.1f} ADU too {'low' if error < 0 else 'high'}"
