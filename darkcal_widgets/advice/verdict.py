"""Whether to subtract the overscan: what speaks against it, and what remains in doubt. Decisions only, no measuring."""

from dataclasses import dataclass

from ..sections import overlap
from .levels import ROUNDING_NOISE

__all__ = [
    "FLATNESS",
    "MINIMUM_COLUMNS",
    "Verdict",
    "amplifier_doubts",
    "counted",
    "gap_doubts",
    "header_silence",
    "is_flat",
    "is_steady",
    "judge",
    "lines_name",
    "place_doubts",
    "steadiness",
    "unresolved_amplifiers",
]

# With fewer columns the median of a row carries over 60 % of the read noise of a pixel into the whole row.
MINIMUM_COLUMNS = 4

# Offsets of columns are the same in every frame and do no harm, but a scatter this many times the noise of a pixel means that
# part of the strip is something else, such as the edge of the image.
FLATNESS = 3.0

# What a tail leaves in the clean columns, in parts of the noise of a pixel: worth saying, and too much.
_LEFT_SAID, _LEFT_TOO_MUCH = 0.1, 0.5

_SHIFTED = "its level depends on the kind of frame"


@dataclass(frozen=True)
class Verdict:
    """Whether the overscan is to be subtracted.

    Attributes
    ----------
    usable : bool
    objections : tuple of str
        What speaks against it, each the end of a sentence that begins with "because".
    doubts : tuple of str
        What could not be measured, or not surely; sentences.
    """

    usable: bool
    objections: tuple = ()
    doubts: tuple = ()

    @property
    def word(self):
        """``'usable'`` or ``'not usable'``, with ``', as far as can be judged'`` if there is a doubt."""
        word = "usable" if self.usable else "not usable"
        return f"{word}, as far as can be judged" if self.doubts else word


def judge(overscan):
    """Decide whether an overscan is to be subtracted, from what was measured.

    Parameters
    ----------
    overscan : Overscan

    Returns
    -------
    Verdict
    """
    if overscan.amplifiers:
        return _judge_amplifiers(overscan)
    place = tuple(place_doubts(overscan))
    if overscan.strip is None:
        return Verdict(False, ("none was found",), place)
    sure, unsure = tuple(_sure_objections(overscan)), tuple(_unsure_objections(overscan))
    objections = (*sure, *(objection for objection, _ in unsure))
    if sure:
        return Verdict(False, objections, place)
    if unsure:
        return Verdict(False, objections, tuple(doubt for _, doubt in unsure))
    return Verdict(True, (), (*place, *_level_doubts(overscan)))


def _judge_amplifiers(overscan):
    """Decide for all amplifiers together: an overscan subtracted from one half alone would leave a step."""
    verdicts = [judge(one.measured) for one in overscan.amplifiers]
    objections = [
        f"of amplifier {number}, {objection}"
        for number, verdict in enumerate(verdicts, 1)
        for objection in verdict.objections
    ]
    doubts = [doubt for verdict in verdicts for doubt in verdict.doubts]
    doubts += amplifier_doubts(overscan)
    return Verdict(not objections, tuple(objections), tuple(dict.fromkeys(doubts)))


_BELIEVED = {
    "measured": "Each overscan belongs to the part of the image that levels and places suggest; no header says so.",
    "header": "Each overscan belongs to the part of the image as the header has it; the levels of frames without light agree.",
    "header, untested": "Each overscan belongs to the part of the image as the header has it, untested: every frame has light.",
}


def counted(count, name):
    """Return a number of rows, columns or frames in words: ``'1 column'``, ``'2 columns'``."""
    return f"{count} {name.removesuffix('s') if count == 1 else name}"


def is_flat(overscan):
    """Tell whether the clean columns lie on one level, but for small offsets."""
    return overscan.pattern <= FLATNESS * overscan.pixel_noise


def is_steady(overscan):
    """Tell whether the offsets of the clean columns are the same in every frame, or change by too little to matter."""
    return overscan.change <= steadiness(overscan)


def steadiness(overscan):
    """Return how much offsets of columns may change; rounding to whole numbers changes them, too."""
    return max(_LEFT_SAID * overscan.pixel_noise, ROUNDING_NOISE)


def lines_name(overscan):
    """Return ``'rows'`` or ``'columns'``: what the overscan consists of."""
    return "rows" if overscan.strip is not None and overscan.strip.axis == 0 else "columns"


def _sure_objections(overscan):
    name, width = lines_name(overscan), overscan.width
    if width < MINIMUM_COLUMNS:
        yield f"only {counted(width, name)} {'is' if width == 1 else 'are'} free of light"
    if width and not is_flat(overscan) and overscan.jump is None:
        yield "it is not flat"
    if overscan.follow.verdict == "no":
        yield "it does not follow the bias level of the image"
    if overscan.shift.verdict == "yes" and not overscan.shift.is_close:
        yield _SHIFTED
    if overscan.stray.at_least > _LEFT_TOO_MUCH * overscan.pixel_noise:
        yield f"a tail of the light leaves {overscan.stray.at_least:.2g} {overscan.unit} or more in its last {name}"


def _unsure_objections(overscan):
    """Yield objections, each with the sentence that says why it is not sure."""
    yield from _amplifier_objections(overscan)
    shift, stray, name, unit = overscan.shift, overscan.stray, lines_name(overscan), overscan.unit
    if shift.verdict == "yes" and shift.is_close:
        yield (
            _SHIFTED,
            f"The level of the overscan differs by {shift.value:+.2g} {unit} in {shift.kind} frames, hardly more than it drifts "
            f"({shift.limit:.2g} {unit}).",
        )
    # A fit that is best with the longest of the tails tried does not show how much is left.
    is_known = stray.left < stray.at_most
    if overscan.width <= MINIMUM_COLUMNS and is_known and stray.left > _LEFT_SAID * overscan.pixel_noise:
        yield (
            f"a tail of the light reaches its last {counted(overscan.width, name)}",
            f"A fitted tail of the light leaves {stray.left:.2g} {unit} ({stray.at_least:.2g} to {stray.at_most:.2g}) in the "
            f"last {name}, too much to subtract them.",
        )
    if overscan.pixel_noise < ROUNDING_NOISE and overscan.follow.verdict.startswith("varies too little"):
        yield (
            "its level varies too little to be judged",
            "Rounding to whole numbers hides the noise, and with it any drift of the level.",
        )


def _amplifier_objections(overscan):
    """Yield the signs of a second amplifier whose overscan is not known, each with what to do about it."""
    if overscan.amplifiers or overscan.strip is None:
        return
    if overscan.jump is not None:
        jump, name = overscan.jump, "row" if overscan.jump.axis == 0 else "column"
        yield (
            f"the level of the {jump.where} steps by {jump.value:+.3g} {overscan.unit} at {name} {jump.place}",
            f"The step of {jump.value:+.3g} {overscan.unit} at {name} {jump.place} is that of a second amplifier, whose level "
            "this overscan does not show. Give each amplifier its sections with the parameter amplifiers.",
        )
    elif gaps := [gap for gap in overscan.place.gaps if gap.axis == overscan.strip.axis]:
        yield (
            "there is another dark strip within the image",
            f"{_dark_within(gaps)} looks like the overscan of other amplifiers. Give each amplifier its sections with the "
            "parameter amplifiers.",
        )
    elif overscan.claim.readout:
        count = len(overscan.claim.readout)
        yield (
            f"the header names an overscan for each of {count} amplifiers",
            f"The header names an overscan for each of {count} amplifiers, but without light the levels of the images do "
            "not follow those. Set the parameter amplifiers to a pair of overscan and image for each.",
        )


def unresolved_amplifiers(overscan):
    """Return sentences on amplifiers whose overscans could not be found; empty: there is one, or all are known."""
    return [sentence for _, sentence in _amplifier_objections(overscan)]


def amplifier_doubts(overscan):
    """Return sentences on what is assumed of the amplifiers."""
    if overscan.amplifiers:
        return (_BELIEVED[overscan.readout],)
    if overscan.claim.amplifiers > 1 and overscan.sample.of_kind("bias", "dark"):
        return (
            f"The header speaks of {overscan.claim.amplifiers} amplifiers; their levels are alike in the bias frames, so one "
            "overscan is used for all of the image.",
        )
    return ()


def place_doubts(overscan):
    """Yield sentences on what is assumed of the place of the overscan."""
    place = overscan.place
    if doubt := _DOUBTS_OF_PLACE.get((place.source, place.light)):
        yield " ".join([doubt.format(silence=header_silence(overscan.claim)), *overscan.claim.problems[:1]])
    if place.strip is None:
        return
    if place.source == "measured" and not overscan.sample.of_kind("bias", "dark"):
        yield "There is no frame without light to compare with: what is dark and even counts as the overscan."
    yield from gap_doubts(overscan)


def gap_doubts(overscan):
    """Yield sentences on dark strips within the image that stay in the result."""
    place = overscan.place
    if place.strip is None:
        return
    kept = [one.regions.keep for one in overscan.amplifiers]
    gaps = [gap for gap in place.gaps if not kept or any(overlap(gap.part, part[gap.axis]) for part in kept)]
    if gaps:
        yield f"{_dark_within(gaps)} stays in the result, as if it were image."
    if place.strip.middle and not kept:
        yield (
            "The overscan lies between two parts of the image and stays in the result; what is right for one part is assumed to "
            "be right for both."
        )


def _dark_within(gaps):
    """Name dark strips within the image."""
    listed = " and ".join(f"{'columns' if gap.axis else 'rows'} {gap.start}:{gap.stop}" for gap in gaps)
    return f"What is dark within the image, {listed},"


def header_silence(claim):
    """Say why the headers do not tell where the overscan is, as part of a sentence."""
    return "what the header names cannot be used" if claim.problems else "no header names an overscan"


_DIM_IMAGE = (
    "The frames with light are dark towards an edge, and {silence}: dark image and overscan look alike. "
    "It is assumed that there is no overscan, and everything is kept."
)
_DOUBTS_OF_PLACE = {
    (
        "unknown",
        "none",
    ): "No frame has light and {silence}: it is assumed that there is none, and everything is kept.",
    ("unknown", "dim"): _DIM_IMAGE,
    ("header", "none"): "No frame has light, so the place of the overscan is that which the header claims.",
    (
        "header",
        "dim",
    ): "The frames with light are dark where the header claims the overscan, but also in the image beside it: the "
    "header is believed.",
}


def _level_doubts(overscan):
    follow, shift, stray, name = overscan.follow, overscan.shift, overscan.stray, lines_name(overscan)
    yield from amplifier_doubts(overscan)
    if not is_steady(overscan):
        yield (
            f"The {name} of the overscan drift apart by {overscan.change:.2g} {overscan.unit} from frame to frame, as odd and "
            "even ones do that two amplifiers read; the stripes that one median leaves in each dark do not matter."
        )
    if follow.verdict != "yes":
        yield f"The overscan follows the bias level of the image ({follow.verdict})."
    if shift.verdict == "cannot be judged":
        yield "The overscan has the same level in frames with and without light."
    if shift.verdict == "perhaps":
        yield (
            f"The overscan has the same level in {shift.kind} frames as in those without light: it differs by {shift.value:+.2g} "
            f"{overscan.unit}, and a drift of the level may be as large ({shift.limit:.2g} {overscan.unit})."
        )
    if stray.at_most > _LEFT_SAID * overscan.pixel_noise:
        yield (
            f"What a tail of the light leaves in the {name} used does not matter: {stray.left:.2g} {overscan.unit} "
            f"({stray.at_least:.2g} to {stray.at_most:.2g}) in the brightest frames."
        )
    if "alone" in stray.evidence:
        yield (
            f"{name.capitalize()} of the overscan that lie on one level hold no light: bright and dark frames could not be "
            "compared."
        )
