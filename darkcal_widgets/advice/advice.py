"""Advise on a night: measure it, recommend a recipe, and say what is missing or assumed. No measuring here."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..fields import as_lists
from ..html import html_table, html_text
from ..recipe import Recipe
from ..sections import to_fits
from ..tables import ShownTable
from ..text import visible
from .claims import read_claim
from .decisions import EXPLAINED_BY, decide
from .exposures import match_exposures
from .findings import exposure_findings, images_finding, overscan_findings
from .overscan import Overscan, measure_overscan
from .profiles import sample_night
from .recipes import common_recipe, keep_text, recipe_of
from .verdict import counted, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..night import Night

__all__ = ["Advice", "advise"]

# Those that are said even if there is nothing to do.
_ALWAYS = ("overscan_columns", "keep_columns", "subtract_bias")


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
    images : dict of str to Advice
        Of files with several images, the advice on each, by its ``EXTNAME`` or number; empty: they have one. The other attributes
        but `missing` and `assumed` are then of the first.
    """

    findings: tuple
    recipe: Recipe
    missing: tuple
    assumed: tuple
    overscan: Overscan
    exposures: tuple
    images: dict = field(default_factory=dict)

    @property
    def decisions(self):
        """The `Decision` on each of overscan_columns, keep_columns, subtract_bias, amplifiers and extensions, by name.

        Those that are ``'unknown'`` are to be asked for before anything is calibrated: a run that nobody watches stops there.
        Where the value of `amplifiers` is not `None`, it holds overscan and image, and the two parameters of columns are `None`;
        where that of `extensions` is not `None`, the images differ and the others are ``'unknown'`` until some are chosen.

        Examples
        --------
        >>> decision = advise(Night("example-thermo-electric")).decisions["subtract_bias"]
        >>> decision.value, decision.certainty
        (True, 'decided')
        """
        return decide(self)

    @property
    def table(self):
        """The findings as a `~astropy.table.Table`."""
        return ShownTable(
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
            f"{name} is {getattr(recipe, name)!r}, the advice is {getattr(self.recipe, name)!r}: {reason}"
            for name, reason in self.differing(recipe).items()
        ]

    def differing(self, recipe):
        """Return the parameters in which a `Recipe` differs from the advice, each with the reason for what is advised."""
        return {
            name: self.finding(question).reason
            for name, question in EXPLAINED_BY.items()
            if self._differs(recipe, name)
        }

    def _differs(self, recipe, name):
        own, other = getattr(self.recipe, name), getattr(recipe, name)
        if name == "subtract_bias":
            return own != other
        if name == "extensions":
            return own is not None and not set(other or self.images) <= set(own)
        if name == "amplifiers":
            # An advice for one overscan has nothing to say against those of several amplifiers.
            return own is not None and self._pieces(recipe) != self._pieces(self.recipe)
        if recipe.amplifiers is not None or self.recipe.amplifiers is not None:
            return False
        if self.overscan.sample.shape is None:
            return own != other
        part = {"overscan_columns": "overscan", "keep_columns": "keep"}[name]
        own, other = (getattr(one.regions(self.overscan.sample.shape), part) for one in (self.recipe, recipe))
        return own != other

    def _pieces(self, recipe):
        pieces = recipe.pieces(self.overscan.sample.shape)
        return sorted(
            to_fits(piece.keep) + (to_fits(piece.overscan) if piece.overscan else "") for piece in pieces
        )

    def __str__(self):
        lines = [f"{word}: {text}" for word, text in self._notes()]
        thresholds = set()
        for finding in self.findings:
            lines += _lines(finding, finding.threshold not in thresholds)
            thresholds.add(finding.threshold)
        return "\n".join(map(visible, lines))

    def _notes(self):
        """Return what is recommended, missing and assumed, each with the word for it."""
        return [
            ("recommended", _recipe_text(self.recipe)),
            *(("missing", text) for text in self.missing),
            *(("assumed", text) for text in self.assumed),
        ]

    def __repr__(self):
        return f"<Advice {_recipe_text(self.recipe)}>"

    def _repr_html_(self):
        rows = [[getattr(finding, name) for name in _COLUMNS] for finding in self.findings]
        notes = "".join(f"<p><b>{word}:</b> {html_text(text)}</p>" for word, text in self._notes())
        return notes + html_table(rows, _COLUMNS)


def advise(night: "Night", extensions: "Sequence[str | int] | None" = None) -> Advice:
    """Measure a night and recommend how its darks are to be calibrated.

    A few frames of each kind are read, each once; nothing is written. What the headers claim of the overscan is tested on
    the frames with light. Of files with several images, each image is measured; where they differ, the recipe is for the first
    and those that agree with it.

    Parameters
    ----------
    night : Night
    extensions : sequence of str or int, optional
        Of files with several images, those to look at, by ``EXTNAME`` or number; `None`: all.

    Returns
    -------
    Advice

    Raises
    ------
    FrameError
        The header of a frame that could be read before can no longer be read.
    ParameterError
        `extensions` names an image that the files do not hold.

    Examples
    --------
    >>> recipe = advise(Night("example-thermo-electric")).recipe
    >>> recipe.overscan_columns, recipe.keep_columns, recipe.subtract_bias
    (None, ':4096', True)
    """
    labels = _labels(night, extensions)
    if not labels:
        return _of_one_image(night)
    return _together({label: _of_one_image(night, label) for label in labels}, chosen=extensions is not None)


def _of_one_image(night, extension=None):
    sample = sample_night(night, extension=extension)
    overscan = measure_overscan(sample, _claim(sample))
    matches = match_exposures(night)
    findings = (*overscan_findings(overscan, keep_text(overscan)), *exposure_findings(matches, night))
    return Advice(
        findings,
        replace(recipe_of(overscan), subtract_bias=any(match.scaled for match in matches)),
        (*_missing(night, sample), *_missing_temperatures(matches)),
        tuple(_assumed(overscan, matches)),
        overscan,
        matches,
    )


def _claim(sample):
    """Read the claim of the first header that makes one; light frames are asked first, since calibration follows them."""
    for kind in ("science", "flat", "dark", "bias"):
        for frame in [
            frame for frame, one in zip(sample.images, sample.frames, strict=True) if one.kind == kind
        ][:1]:
            claim = read_claim(frame.cards, sample.shape)
            if claim.texts:
                return claim
    return read_claim({}, sample.shape)


def _together(images, chosen):
    """Make one advice of those on several images of a file, all of them or some that were `chosen`."""
    first = next(iter(images.values()))
    recipe, labels = common_recipe(
        {label: (one.recipe, one.overscan.sample.shape) for label, one in images.items()}
    )
    if chosen or len(labels) < len(images):
        recipe = replace(recipe, extensions=tuple(labels))
    unlit = [label for label, one in images.items() if one.overscan.place.light == "none"]
    finding = images_finding(
        {label: _recipe_text(one.recipe) for label, one in images.items()},
        labels,
        [label for label in unlit if label not in labels] if len(unlit) < len(images) else (),
    )
    assumed = _of_several({label: one.assumed for label, one in images.items()})
    if finding.verdict == "no":
        assumed = (*assumed, f"{finding.reason.partition('. ')[0]}.")
    return replace(
        first,
        findings=(*first.findings, finding),
        recipe=recipe,
        missing=_of_several({label: one.missing for label, one in images.items()}),
        assumed=assumed,
        images=images,
    )


def _of_several(sentences):
    """Return the sentences on several images, those that hold for all once, others with the name of the image."""
    each = list(sentences.values())
    common = [text for text in each[0] if all(text in texts for texts in each)]
    own = [f"{label}: {text}" for label, texts in sentences.items() for text in texts if text not in common]
    return (*common, *own)


def _labels(night, extensions):
    """Return the labels of the images to look at, of those that most frames hold; empty: they hold one."""
    frames = (*night.darks, *night.biases, *night.flats, *night.science)
    kinds = [tuple(part.extension for part in frame.parts) for frame in frames]
    usual = Counter(kinds).most_common(1)[0][0] if kinds else ()
    if len(usual) < 2 and extensions is None:
        return ()
    return [part.extension for part in frames[kinds.index(usual)].select(extensions)] if frames else ()


def _missing(night, sample):
    yield from _of_results(night)
    counts = {
        "bias frames": (night.biases, "this night cannot give a read noise or a combined bias"),
        "darks": (night.darks, "there is nothing to calibrate"),
        "flats": (night.flats, "it is not tested how far bright light reaches into the overscan"),
        "science frames": (night.science, "their exposures are not known"),
    }
    for name, (frames, consequence) in counts.items():
        if not frames:
            yield f"There are no {name}: {consequence}."
    if len(night.biases) == 1:
        yield "There is only one bias frame: it cannot show a drift from frame to frame."
    nameless = Counter(frame.info.type_word for frame in night.frames if frame.info.type is None)
    if nameless:
        words = ", ".join(f"{count} with {word!r}" for word, count in nameless.items())
        yield f"The type of some frames is unknown ({words}); say what they are with image_types."
    silent = [f.name for f in (*night.darks, *night.flats, *night.science) if f.info.exposure is None]
    if silent:
        yield f"{counted(len(silent), 'frames')} with no exposure time, such as {silent[0]}: not compared with the darks."
    yield from sample.left_out
    yield from (f"Unreadable: {reason}" for reason in night.unreadable.values())


def _of_results(night):
    made = [frame.name for frame in night.frames if "darkcal" in dict(frame.info.done)]
    if made:
        are = (
            f"{made[0]} is a result"
            if len(made) == 1
            else f"{made[0]} and {counted(len(made) - 1, 'others')} are results"
        )
        yield f"{are} and not raw frames (DCRECIPE), and not looked at: ask for advice on the folder of raw frames."


def _missing_temperatures(matches):
    wanted = sorted({round(match.temperature) for match in matches if match.apart})
    if wanted:
        listed = " and ".join(f"{degrees:g} °C" for degrees in wanted)
        yield f"There is no dark at {listed}, the temperature of some flats or science frames: take darks at it."


def _assumed(overscan, matches):
    yield from judge(overscan).doubts
    if not any(match.dark is not None for match in matches):
        yield "No dark has to be scaled: there are no exposures of darks and of flats or science frames to compare."


def _lines(finding, with_threshold):
    """Return a finding in lines of text."""
    threshold = f" (threshold: {finding.threshold})" if finding.threshold and with_threshold else ""
    return [
        f"{finding.question} {finding.verdict}",
        f"    measured: {finding.measured}{threshold}",
        f"    {finding.reason}",
    ]


def _recipe_text(recipe):
    return ", ".join(f"{name} = {as_lists(value)!r}" for name, value in _told(recipe).items())


def _told(recipe):
    """Return the parameters of a recipe that are worth saying."""
    values = {name: getattr(recipe, name) for name in EXPLAINED_BY}
    return {name: value for name, value in values.items() if name in _ALWAYS or value is not None}
