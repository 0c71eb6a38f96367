"""What a student's results tell without the truth: measured on the results and the night, said as a question that leads on.

The same is measured that a careful observer of a real night would look at; no setting is named.
"""

from dataclasses import dataclass

import numpy as np

from ..groups import group_exposures, part_by_temperature
from ..html import html_table
from ..results import Results, levels_of
from ..statistics import median
from ..text import visible

__all__ = ["Feedback", "Finding", "feedback_on"]

# ADU by which levels, or columns, of the same kind may differ.
_DRIFT, _STRANGE = 2.0, 20.0
_TAIL = 1.5

# A column is lit if it has this part of the light of a flat.
_LIT = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its name, whether it looks sound, and a sentence."""

    name: str
    sound: bool
    text: str


@dataclass(frozen=True)
class Feedback:
    """All that was looked at."""

    findings: tuple

    def __getitem__(self, name):
        return next(finding for finding in self.findings if finding.name == name)

    def require(self, name):
        """Raise `AssertionError` with the sentence of a finding that does not look sound."""
        if not self[name].sound:
            raise AssertionError(self[name].text)

    def __str__(self):
        return "\n".join(
            visible(f"{'looks sound' if f.sound else 'look again':12} {f.name}: {f.text}")
            for f in self.findings
        )

    def _repr_html_(self):
        return html_table((f.name, "looks sound" if f.sound else "look again", f.text) for f in self.findings)


def feedback_on(reduced_folder, night, recipe):
    """Look at calibrated darks.

    Parameters
    ----------
    reduced_folder : path-like
    night : Night
    recipe : Recipe
        With which they were made.

    Returns
    -------
    Feedback
    """
    darks = Results(reduced_folder).require().darks
    alike = group_exposures([dark.info.exposure for dark in darks])
    groups = [group for one in alike for group in part_by_temperature([darks[index] for index in one])[0]]
    levels = [np.array(levels_of(group)) for group in groups]
    return Feedback(
        (
            _alike(groups, levels),
            _level(groups, levels),
            _edges(night, recipe),
            _overscan(night, recipe),
            _bias(night, levels),
        )
    )


def _alike(groups, levels):
    strange = [
        group[0].info.exposure
        for group, one in zip(groups, levels, strict=True)
        if np.abs(one - np.median(one)).max() > _STRANGE
    ]
    if strange:
        text = f"One of your darks of {strange[0]:g} s is not like the others. Which, and what is it?"
        return Finding("alike", False, text)
    return Finding("alike", True, "Darks of the same exposure and temperature are alike.")


def _level(groups, levels):
    near = [one[np.abs(one - np.median(one)) <= _STRANGE] for one in levels]
    drift = max((float(np.ptp(one)) for one in near if one.size), default=0.0)
    if drift > _DRIFT:
        text = f"The level drifts by {drift:.0f} ADU between your calibrated darks of one exposure: what would take that out?"
        return Finding("level", False, text)
    return Finding("level", True, f"The level of your darks is steady within {max(drift, 0.1):.1f} ADU.")


def _profile(frames):
    return np.mean([np.median(frame.data.astype(float), axis=0) for frame in frames], axis=0)


def _edges(night, recipe):
    if not night.flats:
        return Finding("edges", True, "There is no flat to see the edges in.")
    light = _profile(night.flats)
    light = light - light.min()
    lit = light > _LIT * np.median(light)
    kept = np.zeros(lit.size, bool)
    for piece in recipe.pieces(night.flats[0].shape):
        kept[piece.keep[1]] = True
    if (kept & ~lit).any():
        return Finding(
            "edges",
            False,
            "Some of the columns that you keep see no light, not even in a flat. What are they?",
        )
    if (lit & ~kept).any():
        return Finding(
            "edges",
            False,
            "Some of the columns that you cut off see light in a flat. Do you want to lose them?",
        )
    return Finding("edges", True, "You keep the columns that see light, and no others.")


def _overscan(night, recipe):
    pieces = recipe.pieces(night.darks[0].shape)
    used = [piece.overscan for piece in pieces if piece.overscan is not None]
    if not used:
        return Finding("overscan", True, "You subtract no overscan; whether that is right, the level tells.")
    columns, image = used[0][1], pieces[0].keep[1]
    bias = _profile(night.biases)
    for frames, kind in ((night.flats, "flats"), (night.darks, "darks")):
        change = _profile(frames)[columns] - bias[columns] if frames else np.zeros(1)
        tail = float(np.ptp(change))
        if tail > max(_TAIL, 6 * float(np.std(np.diff(change)))) or tail > _STRANGE:
            text = (
                f"In {kind} the columns of your overscan differ by {tail:.0f} ADU, in bias frames they do not. "
                "What has reached them?"
            )
            return Finding("overscan", False, text)
    off = float(median(bias[columns]) - median(bias[image]))
    if abs(off) > _DRIFT:
        text = f"In bias frames your overscan lies {off:+.0f} ADU from the image beside it. Does it tell the level of the image?"
        return Finding("overscan", False, text)
    return Finding(
        "overscan",
        True,
        "The columns of your overscan agree with each other, and with the image of bias frames.",
    )


def _bias(night, levels):
    exposures = {dark.info.exposure for dark in night.darks}
    alone = [
        flat.info.exposure
        for flat in night.flats
        if not any(abs(flat.info.exposure - one) <= 0.1 for one in exposures)
    ]
    level = float(np.median(np.concatenate(levels)))
    bias = float(np.median(levels_of(night.biases))) if night.biases else 0.0
    if alone and level > bias / 2:
        text = (
            f"Your darks still hold {level:.0f} ADU, and the flats of {alone[0]:g} s have no darks of their own. "
            "What happens to that level when a dark is scaled?"
        )
        return Finding("bias", False, text)
    if level < -bias / 2:
        return Finding("bias", False, f"Your darks are at {level:.0f} ADU: what was subtracted twice?")
    return Finding("bias", True, "The level of your darks fits what you are going to do with them.")
