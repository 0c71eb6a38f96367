"""Decisions: for each parameter the value that the advice gives it, why, and how sure that is. Nothing is measured here."""

from dataclasses import dataclass

from ..recipe.steps import SubtractBias
from .findings import ALIKE, ONE_AMPLIFIER
from .verdict import amplifier_doubts, gap_doubts, judge, lines_name, place_doubts, unresolved_amplifiers

__all__ = ["EXPLAINED_BY", "Decision", "decide"]

# The parameters that are decided on, and the question whose reason explains each.
EXPLAINED_BY = {
    "overscan_columns": "Is the overscan usable?",
    "keep_columns": "Which part is kept?",
    SubtractBias.parameter: "Must the bias be subtracted?",
    "amplifiers": ONE_AMPLIFIER,
    "extensions": ALIKE,
}


@dataclass(frozen=True)
class Decision:
    """What the advice gives one parameter.

    Attributes
    ----------
    parameter : str
    value : str, bool, tuple or None
        As `Recipe` takes it.
    certainty : str
        ``'decided'``: it was measured; ``'in doubt'``: the best guess, with something assumed; ``'unknown'``: the frames do not
        tell, so somebody must say it.
    reason : str
        What was measured and what is assumed, or why nothing could be decided; sentences.
    """

    parameter: str
    value: object
    certainty: str
    reason: str


# Where there is no such question, since nothing raised it.
_UNASKED = {
    "amplifiers": "There is no sign of a second amplifier.",
    "extensions": "Each file holds one image.",
}


def decide(advice):
    """Return the `Decision` on each parameter, a dict by its name."""
    place = "" if advice.recipe.amplifiers else _place_unknown(advice.overscan)
    bias = advice.finding(EXPLAINED_BY[SubtractBias.parameter])
    obstacles = {
        "overscan_columns": place,
        "keep_columns": place,
        SubtractBias.parameter: bias.reason if bias.verdict == "no, assumed" else "",
        "amplifiers": " ".join(unresolved_amplifiers(advice.overscan)),
    }
    if advice.images and advice.finding(ALIKE).verdict == "no":
        # One recipe for images that differ would be wrong for some of them, whatever it says.
        obstacles = dict.fromkeys(obstacles, advice.finding(ALIKE).reason)
    assumed = {
        "overscan_columns": judge(advice.overscan).doubts,
        "keep_columns": tuple(place_doubts(advice.overscan)),
        "amplifiers": (*amplifier_doubts(advice.overscan), *gap_doubts(advice.overscan)),
    }
    return {
        name: _decision(advice, name, obstacles.get(name, ""), assumed.get(name, ())) for name in EXPLAINED_BY
    }


def _decision(advice, name, obstacle, assumed):
    value = getattr(advice.recipe, name)
    if obstacle:
        return Decision(name, value, "unknown", obstacle)
    found = next((one for one in advice.findings if one.question == EXPLAINED_BY[name]), None)
    reasons = [*(_following(advice.overscan) if name == "overscan_columns" else ())]
    reasons += [found.reason if found else _UNASKED[name], *(f"Assumed: {doubt}" for doubt in assumed)]
    return Decision(name, value, "in doubt" if assumed else "decided", " ".join(reasons))


def _following(overscan):
    """Say of each overscan that is subtracted how well it follows the bias level, as far as that was measured."""
    found = [(one.measured, one.clean and one.clean[one.regions.axis]) for one in overscan.amplifiers]
    for one, clean in found or [(overscan, overscan.clean)]:
        if one.follow.verdict == "yes" and judge(one).usable:
            yield (
                f"The overscan, {lines_name(one)} {clean.start} to {clean.stop - 1}, follows the bias level of the image to "
                f"{one.follow.difference:.2g} {one.unit} ({one.follow.frames} {one.follow.kind} frames)."
            )


def _place_unknown(overscan):
    if overscan.sample.shape is None:
        return "None of the frames could be measured."
    return next(place_doubts(overscan), "") if overscan.place.source == "unknown" else ""
