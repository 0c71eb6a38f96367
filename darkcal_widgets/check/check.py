"""Check the answer: results from a simulated night against its true values, in sentences for a student.

What was done is told from pixels (`seen`, `combined`). Here it is said whether that was right, and of several wrong things
which one the others follow from.
"""

import contextlib
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..darks.report import dark_current_alone
from ..errors import DarkcalError, NightError, RunError
from ..groups import same_exposure
from ..html import html_table
from ..night import Night
from ..outcome import CHECK_TYPE
from ..results import Results
from ..simulate import TRUTH_NAME, read_truth
from ..statistics import MAD_TO_SIGMA, median, medians
from ..text import visible
from .combined import combined_trouble, listed, members_of
from .pixels import common_of, texture
from .seen import TrueNight, find_darks, origin_problem, see

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Check", "CheckReport", "check_run", "find_night"]

# Levels this close are the same, in ADU: a tenth of the read noise of a pixel, or less, in any usual camera.
LEVEL_TOLERANCE = 0.5

# And so many standard errors of the level of an overscan.
_LEVEL_SIGMA = 4.0

# The standard error of a Gaussian's median, over that of its mean.
_MEDIAN_ERROR = np.sqrt(np.pi / 2)

# Leaving out usable columns is called waste where it adds a tenth to the noise of the level of a row.
WASTE = 1.1

# Of the bias level: what is off by more than this part of it is the bias itself, left in or removed twice.
_BIAS_PART = 0.5

# Of the weights of the bias frames in what was subtracted: above it, a combined bias was.
_BIAS_WEIGHT = 0.5

# What rounding to single precision leaves of a difference, in ADU.
_ROUNDING = 0.1

# The rows of a bias that was combined otherwise than here differ by this part of the noise of a pixel.
_BIAS_ROWS = 0.2

# A pixel differs from the bias that was subtracted by no more than this many standard deviations of one frame.
_CLIP = 8.0

# A dark current is off where it differs from the truth by more than 5 %, and by more than this many times its uncertainty: of
# a hundred students who have done all right, chance would else make one fail.
_FRACTION, _SURE = 0.05, 1.5

# Of each check: those before it whose mistakes it shows once more.
_FOLLOWS = {
    "overscan": ("geometry",),
    "trim": ("geometry",),
    "bias": ("geometry",),
    "level": ("geometry", "unit", "overscan", "bias", "pixels"),
    "pixels": ("geometry", "unit", "bias"),
    "combined darks": ("frames", "geometry", "unit", "level", "pixels"),
    "dark current": (
        "frames",
        "geometry",
        "overscan",
        "trim",
        "bias",
        "unit",
        "level",
        "pixels",
        "combined darks",
    ),
}


@dataclass(frozen=True)
class Check:
    """One thing that was compared.

    Attributes
    ----------
    what : str
    state : str
        ``'right'``, ``'off'``, ``'follows'`` (it is off because another one is) or ``'not checked'``.
    text : str
        One sentence.
    cause : str
        Of what follows: the check that it follows from.
    """

    what: str
    state: str
    text: str
    cause: str = ""

    def __str__(self):
        text = f"(follows from the {self.cause}) {self.text}" if self.cause else self.text
        return f"{self.state:11}  {self.what}: {visible(text)}"


@dataclass(frozen=True)
class CheckReport:
    """All that was compared, in the order of the steps; one mistake is off once, and what comes of it follows.

    Attributes
    ----------
    checks : tuple of Check
    folder : str
        The absolute path of the results.
    """

    checks: tuple
    folder: str = ""

    @property
    def off(self):
        """The checks that found something wrong, those that follow left out; the first is where it began."""
        return [check for check in self.checks if check.state == "off"]

    @property
    def verdict(self):
        """Whether something is off, and what, as a batch tells it."""
        if self.off:
            return "off: " + "\n".join(check.text for check in self.off)
        return f"right: {sum(check.state == 'right' for check in self.checks)} comparisons with the truth"

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
        return "\n".join(map(str, self.checks))

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {CHECK_TYPE: {"folder": self.folder, "verdict": self.verdict}}

    def _repr_html_(self):
        rows = [
            (check.what, f"follows from the {check.cause}" if check.cause else check.state, check.text)
            for check in self.checks
        ]
        return html_table(rows)


def check_run(
    reduced_folder: "str | PathLike[str]",
    night: "Night | str | PathLike[str] | None" = None,
    truth: "str | PathLike[str] | None" = None,
) -> CheckReport:
    """Compare calibrated darks of a simulated night with the truth, pixel by pixel with their raw frames.

    Results of other software, such as plain ccdproc, are compared as well, if their files have the names of the raw ones. The
    calibrated darks are in memory all at once.

    Parameters
    ----------
    reduced_folder : path-like
        Where `calibrate_darks` has written.
    night : Night or path-like, optional
        The simulated night; `None`: the one beside `reduced_folder`, or in the working directory, that the results were
        made from (see `find_night`).
    truth : path-like, optional
        The folder of its truth file; `None`: the night itself.

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
    folder = find_night(reduced_folder) if night is None else _folder_of(night)
    place = folder if truth is None else Path(truth)
    values = read_truth(place)
    Results(reduced_folder).require_whole()
    with _damage_named(place):
        found = _found(reduced_folder, values)
        if problem := origin_problem(found, folder):
            raise NightError(f"{problem}; name the night these results were made from.")
        true = TrueNight(folder, values)
        answer = _Answer(reduced_folder, see(found, true), true)
        return CheckReport(tuple(_with_causes(answer.checks())), str(Path(reduced_folder).resolve()))


def _folder_of(night):
    return night.raw_folder if isinstance(night, Night) else Path(night)


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
    places = dict.fromkeys((Path(reduced_folder).resolve().parent, Path.cwd()))
    for place in places:
        for path in sorted([*place.glob(TRUTH_NAME), *place.glob(f"*/{TRUTH_NAME}")]):
            with _damage_named(path.parent):
                found = list(find_darks(reduced_folder, read_truth(path.parent)))
                if found and not origin_problem(found, path.parent):
                    return path.parent
    raise NightError(
        f"no simulated night of these results was found in {', '.join(map(str, places))}; name its folder, the one with "
        f"{TRUTH_NAME} in it (darkcal check {reduced_folder} --night FOLDER)."
    )


def _found(reduced_folder, truth):
    found = list(find_darks(reduced_folder, truth))
    if not found:
        raise NightError(
            f"there are no calibrated darks in {str(reduced_folder)!r}; name the folder of results (reduced_folder)."
        )
    return found


def _with_causes(checks):
    """Yield the checks; what is off because an earlier one is says so, and counts no more."""
    off = set()
    for check in checks:
        causes = [name for name in _FOLLOWS.get(check.what, ()) if name in off]
        if check.state == "off" and causes:
            check = replace(check, state="follows", cause=causes[0])
        if check.state == "off":
            off.add(check.what)
        yield check


class _Answer:
    """Calibrated darks, judged."""

    def __init__(self, reduced_folder, darks, night):
        self.folder, self.darks, self.night = reduced_folder, darks, night
        self.over, self.name = night.over, night.over["axis"]
        self.plain = [dark for dark in darks if dark.is_plain and dark.name in night.sound]
        self.needed = night.truth["recipe"]["subtract_bias"]

    def checks(self):
        """Yield all checks, in the order of the steps."""
        frames = self._frames()
        yield frames
        if self.plain:
            yield self._geometry()
            yield self._unit()
            yield self._overscan()
            yield self._trim()
            yield self._bias()
            yield self._pixels()
            yield self._level()
        elif frames.state == "right":
            yield self._geometry()
        yield self._combined()
        yield self._dark_current()

    # Which frames

    def _frames(self):
        sound = self.night.sound
        for trouble in map(self._strange, self.darks):
            if trouble:
                return Check("frames", "off", trouble)
        recipes = {dark.frame.header.get("DCRECIPE") for dark in self.darks}
        if len(recipes) > 1 or len({dark.shape for dark in self.darks}) > 1:
            return Check(
                "frames", "off", f"The darks were calibrated with {max(2, len(recipes))} different recipes."
            )
        missing = sorted(set(sound) - {dark.name for dark in self.darks})
        if missing:
            text = f"{len(missing)} of {len(sound)} darks have no result: {listed(missing)}."
            return Check("frames", "off", text)
        return Check("frames", "right", f"Every dark of the night was calibrated ({len(sound)}).")

    def _strange(self, dark):
        """Say why one of the results should not be there, or is not of the frame it seems to be of."""
        name, true = dark.name, self.night.frames[dark.name]
        if true["kind"] != "dark":
            return f"{name} was calibrated as a dark, but is a {true['kind']} frame."
        if dark.name not in self.night.sound:
            return f"{name} was calibrated, but light has reached it: it is not a dark any more."
        if dark.constant is not None:
            return f"{dark.frame.path.name} holds {dark.constant:g} in all of its pixels."
        if dark.twin:
            return f"{dark.frame.path.name} has the pixels of {dark.twin}."
        if dark.place is None:
            return f"{dark.frame.path.name} has pixels that are of no dark of this night."
        exposure = dark.frame.info.exposure
        if exposure is not None and not same_exposure(exposure, true["exposure"]):
            return f"{dark.frame.path.name} says {exposure:g} s, but was exposed for {true['exposure']:g} s."
        return ""

    # Where the pixels are

    def _geometry(self):
        for dark in self.darks:
            if dark.place is not None and dark.place.turn:
                return Check("geometry", "off", f"{dark.frame.path.name} was turned {dark.place.turn}.")
        for dark in self.plain:
            if any(dark.shifted):
                y, x = dark.shifted if self.name == "columns" else dark.shifted[::-1]
                text = f"{dark.frame.path.name} is shifted by {-y:+d} rows and {-x:+d} columns."
                return Check("geometry", "off", text)
        return Check("geometry", "right", "All pixels are where they were.")

    def _trim(self):
        dark, name = self.plain[0], self.name
        rows, kept = ((part.start, part.stop) for part in dark.part)
        image = self.over["image"]
        cut = image[1] - image[0] - _overlap(kept, image)
        left = _overlap(kept, self.over["overscan"])
        length = self.night.truth["shape"][0 if name == "columns" else 1]
        if rows != (0, length):
            other = "Rows" if name == "columns" else "Columns"
            return Check("trim", "off", f"{other} of the image were cut off.")
        if left:
            return Check("trim", "off", f"{_count(left, name)} of overscan {_was(left)} left in the result.")
        if cut:
            cause = "overscan" if self._columns and set(kept) & set(self._columns) else ""
            text = f"{_count(cut, name)} of the image {_was(cut)} cut off."
            return Check("trim", "follows" if cause else "off", text, cause)
        return Check("trim", "right", "The image was kept, the overscan cut off.")

    # What was subtracted

    @cached_property
    def _columns(self):
        """The overscan that most darks have had subtracted; `None`: none, or no columns explain it."""
        return Counter(dark.columns for dark in self.plain).most_common(1)[0][0]

    def _overscan(self):
        usable, used = self.over["usable"], self._columns
        if used is not None:
            return self._used(used)
        if any(_scatter(dark.subtracted.lines - self._bias_lines) > self._rough for dark in self.plain):
            text = f"What was subtracted differs along the {self.name}, but is the median of none of them."
            follows = self._unit().state == "off"
            return Check("overscan", "follows" if follows else "off", text, "unit" if follows else "")
        if not usable:
            return Check("overscan", "right", "It is not usable, and was not subtracted.")
        if not self._uses_bias and np.abs(self._errors).max() < self._tolerance:
            return Check(
                "overscan", "right", "The mean of usable ones was subtracted from each dark as a whole."
            )
        drift = np.ptp([self.night.truth["bias_levels"][dark.name] for dark in self.plain])
        why = f"the bias level drifts by {drift:.1f} ADU between the darks"
        if len(self.plain) == 1:
            why = "only they show the bias level of this dark"
        return Check(
            "overscan", "off", f"{self.over['clean_count']} usable {self.name} were not used: {why}."
        )

    @property
    def _is_median(self):
        """Whether the bias is the median of the bias frames, which passes over those whose level differs, and is made of all."""
        both = np.median(np.stack(list(self._biases.values())), axis=0)
        return (
            _scatter(self._common - (both - np.median(both, axis=1, keepdims=True)))
            < _BIAS_ROWS * self.night.sigma
        )

    @property
    def _bias_lines(self):
        """What the bias takes from each row, as the mean of the raw bias frames has it; 0 where it was not subtracted."""
        if not self._uses_bias:
            return 0.0
        return np.mean([medians(image, axis=1)[:, 0] for image in self._biases.values()], axis=0)

    @property
    def _rough(self):
        """What chance leaves in the rows of a bias, in ADU."""
        return max(_ROUNDING, _BIAS_ROWS * self.night.sigma) if self._uses_bias else _ROUNDING

    def _used(self, used):
        error = _level_text(self._errors)
        if lit := _overlap(used, self.over["image"]):
            text = f"{_count(lit, self.name)} of the image {_was(lit)} used as overscan: {error}."
        elif not self.over["usable"]:
            text = f"It is not usable, but was subtracted: {self._misled()}."
        elif lit := _overlap(used, self.over["contaminated"]):
            text = f"{_count(lit, f'contaminated {self.name}')} {_was(lit)} included: {error}."
        else:
            return self._wasted(used[1] - used[0])
        return Check("overscan", "off", text)

    def _wasted(self, count):
        clean = self.over["clean_count"]
        if np.sqrt(clean / count) <= WASTE:
            return Check("overscan", "right", f"{count} of {clean} usable {self.name} were used, no other.")
        more = np.sqrt(clean / count) - 1
        text = f"{clean - count} usable {self.name} were wasted: the level of a row is {more:.0%} noisier than it could be."
        return Check("overscan", "off", text)

    def _misled(self):
        """Say what subtracting an overscan that is not usable has done."""
        if abs(self._errors.mean()) > LEVEL_TOLERANCE:
            return _level_text(self._errors)
        levels, frames = self.night.truth["overscan_levels"], self.night.frames
        lit, unlit = (
            np.mean([levels[name] for name, frame in frames.items() if frame["kind"] in kinds] or [np.nan])
            for kinds in (("flat", "science"), ("bias", "dark"))
        )
        if abs(lit - unlit) > LEVEL_TOLERANCE:
            return f"in frames with light it lies {lit - unlit:+.1f} ADU from where it lies in darks"
        return "its own drift was added to the image"

    @cached_property
    def _alike(self):
        """The darks that can be compared pixel by pixel: those that were trimmed as the first was."""
        return [dark for dark in self.plain if dark.part == self.plain[0].part]

    @cached_property
    def _common(self):
        """What was subtracted from all darks alike and differs along the rows, such as a bias: the median."""
        return common_of([dark.subtracted.rest for dark in self._alike])

    @cached_property
    def _biases(self):
        """The noise of the raw bias frames, in the part that the darks have."""
        part = self.plain[0].part
        return {name: self.night.read(name)[part] for name in self.night.names("bias")}

    @cached_property
    def _average(self):
        """Which bias frames are in what was subtracted from all."""
        if np.abs(self._common).max() < _ROUNDING:
            return None  # no bias is so smooth
        textures = {name: texture(image) for name, image in self._biases.items()}
        return members_of(texture(self._common), textures) if textures else None

    @property
    def _uses_bias(self):
        return self._average is not None and self._average.total > _BIAS_WEIGHT

    def _bias(self):
        level, error = self.night.bias_level, float(self._errors.mean())
        text = None
        if error < -_BIAS_PART * level:
            text = f"The bias was removed twice: {_level_text(self._errors)}."
        elif error > _BIAS_PART * level:
            text = f"The bias was left in: {_level_text(self._errors)}."
        elif self.needed and not self._uses_bias:
            text = "The bias was not subtracted, but the darks have to be scaled: its pattern would be scaled with them."
        elif self._uses_bias and len(self._average.members) < len(self._biases) / 2 and not self._is_median:
            text = (
                f"Of {len(self._biases)} bias frames only {len(self._average.members)} "
                f"{_was(len(self._average.members))} combined: the noise of so few goes into every dark."
            )
        if text and error > _BIAS_PART * level and not self.needed and self.over["usable"]:
            return Check("bias", "follows", text, "overscan")  # which would have taken it out
        if text:
            return Check("bias", "off", text)
        if self._uses_bias:
            why = (
                "since darks have to be scaled"
                if self.needed
                else "which does no harm; no dark has to be scaled"
            )
            return Check("bias", "right", f"It was subtracted, {why}.")
        return Check("bias", "right", "It was not subtracted, since no dark has to be scaled.")

    def _unit(self):
        gain = self.night.truth["gain"]
        for dark in self.plain:
            scale, unit, name = dark.scale, dark.frame.unit("adu"), dark.frame.path.name
            if scale == (gain if unit == "electron" else 1.0):
                continue
            if scale == 1.0:
                text = f"{name} says that it is in electrons, but its pixels are in ADU."
            elif scale == gain:
                text = f"The pixels of {name} were multiplied by the gain, {gain:g}, but it says that they are in ADU."
            elif dark.place.likeness < np.sqrt(0.5):
                text = f"{name} was smoothed: its noise is {scale:.0%} of what it should be."
            else:
                text = f"The pixels of {name} were multiplied by {scale:.3g}."
            return Check("unit", "off", text)
        return Check("unit", "right", "The pixels are in the unit that the header gives.")

    # The level

    @cached_property
    def _errors(self):
        """The error of the level of each plain dark in ADU; positive: too little was subtracted."""
        return np.array([self._target(dark) - dark.subtracted.level for dark in self.plain])

    def _target(self, dark):
        """Return what the right recipe subtracts from a dark, in ADU."""
        if self.over["usable"]:
            return self.night.truth["bias_levels"][dark.name]
        # A bias of the night's frames takes away their mean level; the drift of this one frame stays.
        return self.night.bias_level if self.needed or self._uses_bias else 0.0

    @property
    def _tolerance(self):
        """What the level of a dark may be off by, in ADU: more where the noise of its overscan is."""
        if self._columns is None:
            return LEVEL_TOLERANCE
        pixels = (self._columns[1] - self._columns[0]) * len(self.plain[0].subtracted.lines)
        return max(LEVEL_TOLERANCE, _LEVEL_SIGMA * _MEDIAN_ERROR * self.night.sigma / np.sqrt(pixels))

    def _level(self):
        errors, names = self._errors, [dark.frame.path.name for dark in self.plain]
        wrong = np.abs(errors) > self._tolerance
        if not wrong.any():
            text = f"It is right within {self._tolerance:.1f} ADU in each of {len(names)} darks."
            return Check("level", "right", text)
        worst = int(np.argmax(np.abs(errors)))
        text = _level_text(errors[worst : worst + 1])
        if wrong.all():
            return Check("level", "off", f"In all {len(names)} darks, at worst {text}.")
        return Check(
            "level", "off", f"In {wrong.sum()} of {len(names)} darks, at worst {names[worst]}: {text}."
        )

    # Each pixel

    def _pixels(self):
        for dark in self.plain:
            if dark.empty:
                return Check("pixels", "off", f"{dark.empty} pixels of {dark.frame.path.name} have no value.")
        for name, rest in self._rests():
            if text := self._blemish(rest):
                return Check("pixels", "off", f"{name}: {text}.")
        return Check("pixels", "right", "Each pixel is its raw one less what was subtracted.")

    def _rests(self):
        """Yield what no step explains: of all darks together, then of each."""
        if self._uses_bias:
            bias = np.mean([image - medians(image, axis=1) for image in self._biases.values()], axis=0)
            rest = self._common - bias
            yield "all darks", np.where(np.abs(rest) < _CLIP * self.night.sigma, 0, rest)
        else:
            yield "all darks", self._common
        for dark in self._alike:
            yield dark.frame.path.name, dark.subtracted.rest - self._common

    def _blemish(self, rest):
        """Say what was done to pixels beside the steps; empty: nothing."""
        if np.abs(rest).max() < _ROUNDING / 2:
            return ""  # nor does it differ by more along a row
        rest = rest - medians(rest, axis=1)  # what is the same along a row is the overscan's
        changed = np.abs(rest) > _ROUNDING
        count = int(changed.sum())
        if not count:
            return ""
        columns = medians(rest, axis=0)
        left = rest - columns
        left -= medians(left, axis=1)
        if (np.abs(left) > _ROUNDING).sum() < count / 10:
            return f"something else was subtracted from each of its columns, up to {np.abs(columns).max():.1f} ADU"
        if count > rest.size / 2:
            return f"noise of {_scatter(rest):.1f} ADU was added to it"
        y, x = self.night.hot
        rows, columns = self.plain[0].part
        inside = (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)
        hot = int(changed[y[inside] - rows.start, x[inside] - columns.start].sum())
        if hot >= 0.2 * inside.sum() or hot >= count / 2:
            return f"{count} pixels were changed, {hot} of them hot: hot pixels are part of a dark"
        return f"{count} pixels were changed"

    # Combined darks

    def _combined(self):
        results = Results(self.folder)
        combined = results.of_type("dark", combined=True)
        if not combined:
            return Check("combined darks", "not checked", "There are none; combine_darks makes them.")
        for frame in combined:
            outdated = results.out_of_date(frame) if "DCRECIPE" in frame.header else ""
            if outdated:
                return Check("combined darks", "off", f"{frame.name} is out of date: {outdated}")
            if trouble := combined_trouble(frame, self.darks):
                return Check("combined darks", "off", f"{frame.name}: {trouble}")
        names = ", ".join(frame.name for frame in combined) if len(combined) < 4 else f"All {len(combined)}"
        verb = "was" if len(combined) == 1 else "were"
        text = f"{names} {verb} made from the calibrated darks as they are now."
        return Check("combined darks", "right", text)

    def _dark_current(self):
        truth = self.night.truth
        if len({frame.get("temperature") for frame in truth["frames"].values()}) > 1:
            return Check("dark current", "not checked", "The darks have several temperatures.")
        try:
            found, notes = dark_current_alone(self.folder, Night(self.night.folder), truth["gain"])
        except NightError:
            return Check(
                "dark current", "not checked", "There are no combined darks; combine_darks makes them."
            )
        true = truth["dark_current"]
        if found is None:
            return Check("dark current", "not checked", " ".join(notes))
        text = f"{found}, true {true:g} e-/s."
        near = abs(found.value - true) <= max(_SURE * found.uncertainty, _FRACTION * true)
        return Check("dark current", "right" if near else "off", text)


def _count(count, name):
    return f"{count} {name if count != 1 else name.removesuffix('s')}"


def _was(count):
    return "were" if count != 1 else "was"


def _overlap(one, other):
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))


def _scatter(values):
    return float(MAD_TO_SIGMA * median(np.abs(values - median(values))))


def _level_text(errors):
    error = float(errors.mean())
    return f"the level is {abs(error):.1f} ADU too {'low' if error < 0 else 'high'}"
