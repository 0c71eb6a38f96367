"""Advise on a night: measure it, recommend a recipe, and say what is missing or assumed. No measuring here."""

import shlex
from collections import Counter
from dataclasses import dataclass

from astropy.table import Table

from ..html import html_table, html_text
from ..recipe import Recipe
from ..sections import to_brief
from ..text import visible
from .claims import read_claim
from .exposures import match_exposures
from .findings import exposure_findings, overscan_findings
from .overscan import Overscan, measure_overscan
from .profiles import sample_night
from .verdict import judge

__all__ = ["Advice", "advise"]

# What is compared with the advice, and the question whose reason explains it.
_EXPLAINED_BY = {
    "overscan_columns": "Is the overscan usable?",
    "keep_columns": "Which part is kept?",
    "subtract_bias": "Must the bias be subtracted?",
}


# Of the table of findings: the fields of a `Finding`.
_COLUMNS = ("question", "measured", "threshold", "verdict", "reason")


@dataclass(frozen=True, repr=False)
class Advice:
    """What is recommended for a night, and why.

    Attributes
    ----------
    findings : tuple of Finding
        One for each question.
    recipe : Recipe
        The recommended one.
    missing : tuple of str
        What the night does not hold or could not be measured, one sentence each.
    assumed : tuple of str
        What was assumed for want of a measurement, one sentence each.
    overscan : Overscan
        The measurements, for figures.
    exposures : tuple of ExposureMatch
        The exposures of flats and science frames and the darks nearest to them.
    """

    findings: tuple
    recipe: Recipe
    missing: tuple
    assumed: tuple
    overscan: Overscan
    exposures: tuple

    @property
    def table(self):
        """The findings as a `~astropy.table.Table`."""
        return Table(
            [[getattr(finding, name) for finding in self.findings] for name in _COLUMNS], names=_COLUMNS
        )

    def finding(self, question):
        """Return the finding that answers a question.

        Raises
        ------
        KeyError
            The question was not asked.
        """
        for found in self.findings:
            if found.question == question:
                return found
        raise KeyError(question)

    def parameters_line(self, night):
        """Return the options of papermill that follow the advice, to be put behind its two notebooks."""
        values = {"raw_folder": night.raw_folder}
        if len(night.folders) > 1:
            values["dark_folder"] = night.dark_folder
        values |= {name: getattr(self.recipe, name) for name in _EXPLAINED_BY}
        return " ".join(f"-p {name} {shlex.quote(str(value))}" for name, value in values.items())

    def differences(self, recipe):
        """Say where a recipe differs from the advice.

        Parameters
        ----------
        recipe : Recipe, or anything with its fields, such as Parameters

        Returns
        -------
        list of str
            One sentence for each difference; empty: none.
        """
        recipe = getattr(recipe, "recipe", recipe)
        return [
            f"{name} is {getattr(recipe, name)!r}, the advice is {getattr(self.recipe, name)!r}: "
            f"{self.finding(question).reason}"
            for name, question in _EXPLAINED_BY.items()
            if self._differs(recipe, name)
        ]

    def _differs(self, recipe, name):
        if name != "subtract_bias" and recipe.amplifiers is not None:
            return False  # the advice knows of one overscan, so it has nothing to say against those of several amplifiers
        if name == "subtract_bias" or self.overscan.sample.shape is None:
            return getattr(recipe, name) != getattr(self.recipe, name)
        part = {"overscan_columns": "overscan", "keep_columns": "keep"}[name]
        own, other = (getattr(one.regions(self.overscan.sample.shape), part) for one in (self.recipe, recipe))
        return own != other

    def __str__(self):
        lines = [line for finding in self.findings for line in _lines(finding)]
        lines += [f"missing: {text}" for text in self.missing] + [f"assumed: {text}" for text in self.assumed]
        return "\n".join([*map(visible, lines), f"recommended: {_recipe_text(self.recipe)}"])

    def __repr__(self):
        return f"<Advice {_recipe_text(self.recipe)}>"

    def _repr_html_(self):
        rows = [[getattr(finding, name) for name in _COLUMNS] for finding in self.findings]
        notes = [("missing", text) for text in self.missing] + [("assumed", text) for text in self.assumed]
        notes.append(("recommended", _recipe_text(self.recipe)))
        ends = "".join(f"<p><b>{word}:</b> {html_text(text)}</p>" for word, text in notes)
        return html_table(rows, _COLUMNS) + ends


def advise(night):
    """Measure a night and recommend how its darks are to be calibrated.

    A few frames of each kind are read, each once; nothing is written. What the headers claim of the overscan is tested on
    the frames with light.

    Parameters
    ----------
    night : Night

    Returns
    -------
    Advice

    Raises
    ------
    FrameError
        The header of a frame that could be read before cannot be read any more.

    Examples
    --------
    >>> advise(Night("example-thermo-electric")).recipe  # doctest: +SKIP
    Recipe(overscan_columns=None, keep_columns=':4096', subtract_bias=True, unit='adu', output_dtype='float32')
    """
    sample = sample_night(night)
    overscan = measure_overscan(sample, _claim(night, sample))
    matches = match_exposures(night)
    findings = (*overscan_findings(overscan, _keep_text(overscan)), *exposure_findings(matches, night))
    return Advice(
        findings,
        _recipe(overscan, matches),
        (*_missing(night, sample), *_missing_temperatures(matches)),
        tuple(_assumed(overscan, matches)),
        overscan,
        matches,
    )


def _claim(night, sample):
    """Read the claim of the first header that makes one; light frames are asked first, since calibration follows them."""
    for kind in ("science", "flat", "dark", "bias"):
        for profile in sample.of_kind(kind)[:1]:
            frame = next(frame for frame in night.frames if frame.name == profile.name)
            claim = read_claim(frame.header, sample.shape)
            if claim.texts:
                return claim
    return read_claim({}, sample.shape)


def _recipe(overscan, matches):
    columns = None
    if judge(overscan).usable:
        whole = tuple(slice(0, length) for length in overscan.sample.shape)
        axis = overscan.strip.axis
        part = tuple(overscan.clean if axis == along else whole[along] for along in (0, 1))
        columns = to_brief(part, overscan.sample.shape)
    return Recipe(
        overscan_columns=columns,
        keep_columns=_keep_text(overscan),
        subtract_bias=any(match.scaled for match in matches),
    )


def _keep_text(overscan):
    """Return the part to keep as it is written in a recipe, or `None` for all."""
    keep = overscan.place.keep
    return None if keep is None else to_brief(keep, overscan.sample.shape)


def _missing(night, sample):
    counts = {
        "bias frames": (night.biases, "the read noise and a combined bias cannot be had from this night"),
        "darks": (night.darks, "there is nothing to calibrate"),
        "flats": (night.flats, "the reach of bright light into the overscan is not tested"),
        "science frames": (night.science, "their exposures are not known"),
    }
    for name, (frames, consequence) in counts.items():
        if not frames:
            yield f"There are no {name}: {consequence}."
        elif len(frames) == 1 and name == "bias frames":
            yield "There is only one of the bias frames: a drift from frame to frame cannot be seen in it."
    nameless = Counter(frame.info.type_word for frame in night.frames if frame.info.type is None)
    if nameless:
        words = ", ".join(f"{count} with {word!r}" for word, count in nameless.items())
        yield f"The type of some frames is unknown ({words}); say it with Night(..., image_types=...)."
    silent = [f.name for f in (*night.darks, *night.flats, *night.science) if f.info.exposure is None]
    if silent:
        yield f"{len(silent)} frames have no exposure time, such as {silent[0]}; they were not compared with the darks."
    yield from sample.left_out
    yield from (f"Unreadable: {reason}" for reason in night.unreadable.values())


def _missing_temperatures(matches):
    wanted = sorted({round(match.temperature) for match in matches if match.apart})
    if wanted:
        listed = " and ".join(f"{degrees:g} °C" for degrees in wanted)
        yield f"There is no dark at {listed}, as some flats or science frames have it: take darks of the same temperature."


def _assumed(overscan, matches):
    yield from judge(overscan).doubts
    if not any(match.dark is not None for match in matches):
        yield "No dark has to be scaled, since there are no exposures of darks and of flats or science frames to compare."


def _lines(finding):
    yield f"{finding.question} {finding.verdict}"
    measured = (
        f"{finding.measured} (threshold: {finding.threshold})" if finding.threshold else finding.measured
    )
    yield f"    measured: {measured}"
    yield f"    {finding.reason}"


def _recipe_text(recipe):
    return ", ".join(f"{name} = {getattr(recipe, name)!r}" for name in _EXPLAINED_BY)
