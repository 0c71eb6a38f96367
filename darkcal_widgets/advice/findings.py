"""Findings: each measurement put into a value, a threshold, a verdict and one plain sentence. Nothing is measured here."""

from dataclasses import dataclass

from ..groups import TEMPERATURE_TOLERANCE
from .edges import LIT_FRACTION
from .exposures import NEARLY
from .levels import FOLLOWING_RATIO
from .straylight import CONTAMINATION_SIGMA
from .verdict import FLATNESS, MINIMUM_COLUMNS, is_flat, judge, lines_name

__all__ = ["ALIKE", "ONE_AMPLIFIER", "Finding", "exposure_findings", "images_finding", "overscan_findings"]

ONE_AMPLIFIER = "Is it read by one amplifier?"
ALIKE = "Is it the same for all images of a file?"


@dataclass(frozen=True)
class Finding:
    """One question, and what the night says to it.

    Attributes
    ----------
    question : str
    measured : str
        The measured value with its unit.
    threshold : str
        What it is compared with; empty: nothing.
    verdict : str
        A short word.
    reason : str
        One plain sentence.
    """

    question: str
    measured: str
    threshold: str
    verdict: str
    reason: str


def overscan_findings(overscan, keep):
    """Return the findings on the overscan, and on the part to keep (as written in a recipe)."""
    findings = [_where(overscan)]
    if overscan.claim.texts:
        findings.append(_claim(overscan))
    if overscan.amplifiers:
        findings.append(_amplifiers(overscan))
        findings += [_amplifier(number, one) for number, one in enumerate(overscan.amplifiers, 1)]
    elif overscan.strip is not None:
        findings += [_contaminated(overscan), _wide(overscan)]
        if overscan.width:
            findings += [_flat(overscan), _follows(overscan), _shifts(overscan)]
        if overscan.jump is not None or overscan.claim.amplifiers > 1:
            findings.append(_one_amplifier(overscan))
    return [*findings, _usable(overscan), _kept(overscan, keep)]


def exposure_findings(matches, night):
    """Return a finding for each exposure of flats and science frames, and the one on the bias."""
    return [*map(_match, matches), _bias(matches, night)]


def images_finding(texts, labels):
    """Return the finding on whether one recipe does for all images of a file.

    Parameters
    ----------
    texts : dict of str to str
        The label of each image to its recipe in words.
    labels : list of str
        Of the images that the recommended recipe is for.
    """
    value = "; ".join(f"{label}: {text}" for label, text in texts.items())
    others = [label for label in texts if label not in labels]
    first = f"The other findings are those of {labels[0]}."
    if not others:
        reason = f"The recommended recipe is the same for all {len(texts)} images. {first}"
        return Finding(ALIKE, value, "", "yes", reason)
    reason = (
        f"The recommended recipe is for {', '.join(labels)} only. Calibrate {', '.join(others)} in runs of their own, with "
        f"extensions={others!r} and what is measured of them, into another reduced_folder. {first}"
    )
    return Finding(ALIKE, value, "", "no", reason)


def _range(part, name):
    return f"{name} {part.start}:{part.stop}"


# --- The overscan -----------------------------------------------------------------------------------------


def _where(overscan):
    question, place, name = "Where is the overscan?", overscan.place, lines_name(overscan)
    threshold = f"light below {LIT_FRACTION:.0%} of that beside it"
    if place.strip is not None:
        strip = place.strip
        value = f"{_range(strip.part, name)}, {strip.width} {name}"
        if place.source == "header":
            return Finding(question, value, "", f"{strip.side}, untested", _REASONS_UNTESTED[place.light])
        reason = f"The frames with light are dark there, {_SIDES[strip.side]}, with a sharp edge."
        return Finding(question, value, threshold, strip.side, reason)
    if place.light == "everywhere":
        return Finding(
            question, f"no {name} without light", threshold, "none", "There is light up to every edge."
        )
    if place.light == "dim":
        value, verdict = "dark towards an edge, but without a sharp step", "unknown"
        if place.against:
            return Finding(
                question, value, threshold, verdict, "Light falls on the overscan that the header names."
            )
        reason = "Dark image and overscan cannot be told apart there, and no header names an overscan."
        return Finding(question, value, threshold, verdict, reason)
    reason = "No frame has light that would show the edge of the image, and no header names an overscan."
    return Finding(question, "nothing", "", "unknown", reason)


_SIDES = {
    "left": "on the left of the image",
    "right": "on the right of the image",
    "bottom": "below the image",
    "top": "above the image",
    "middle": "between two parts of the image",
}
_REASONS_UNTESTED = {
    "none": "The header says so; no frame has light that would show the edge of the image.",
    "dim": "The header says so, and no light falls there; but the image beside it is dark, too, so the edge does not show.",
}


def _claim(overscan):
    question, text = "Is the header right about it?", "; ".join(overscan.claim.texts)
    verdict, reason = _claim_verdict(overscan)
    return Finding(question, text, "", verdict, reason)


def _claim_verdict(overscan):
    claim, place = overscan.claim, overscan.place
    if claim.readout:
        return _READOUT_VERDICTS[overscan.readout if overscan.readout.startswith("header") else "other"]
    if place.light == "none":
        return "untested", "There is no frame with light to test it with."
    if claim.problems:
        return "no", f"It cannot be read: {claim.problems[0]}"
    if place.source == "header":
        return "perhaps", "No light falls on what it names, but the image beside it is dark, too."
    if claim.overscan is None:
        return "silent", "It does not name an overscan (BIASSEC)."
    if place.strip is None:
        return "no", (
            "Light falls on the overscan that it names."
            if place.against
            else "It names an overscan, but there is light up to every edge."
        )
    if claim.axis != place.strip.axis or not _within(claim.overscan, place.strip.part):
        return "no", "It names a part of the frame that is not the overscan measured."
    claimed = set(range(claim.overscan.start, claim.overscan.stop))
    lit = claimed - set(range(overscan.clean.start, overscan.clean.stop)) if overscan.width else claimed
    if lit:
        reason = f"It names the overscan, but light reaches {len(lit)} of the {len(claimed)} it names."
        return "in part", reason
    return "yes", "What it names lies within the overscan measured, beyond the reach of light."


_READOUT_VERDICTS = {
    "header": (
        "yes",
        "In frames without light, the image of each amplifier lies nearest to the overscan that it names for it.",
    ),
    "header, untested": ("untested", "There is no frame without light to test it with."),
    "other": ("no", "The levels of image and overscan are not those of the amplifiers as it names them."),
}


def _within(one, other):
    return other.start <= one.start and one.stop <= other.stop


def _contaminated(overscan):
    stray, name = overscan.stray, lines_name(overscan)
    question = f"Which of its {name} does light reach?"
    threshold = f"{CONTAMINATION_SIGMA:g} sigma, {CONTAMINATION_SIGMA * stray.noise:.2g} {overscan.unit}"
    compared = f"Compared: {stray.evidence}." if stray.evidence else "There was nothing to compare."
    if stray.left > 0:
        compared += f" A tail fitted to them leaves {stray.left:.2g} {overscan.unit} in the rest."
    if stray.count == 0:
        return Finding(question, f"0 {name}", threshold, "none", f"None stands out from the rest. {compared}")
    lit = _lit_part(overscan)
    value = f"{stray.count} {name}, {stray.first:.3g} {overscan.unit} at the image to {stray.last:.3g} {overscan.unit}"
    reason = f"Stray charge raises them above the {name} farther out. {compared}"
    return Finding(question, value, threshold, _range(lit, name), reason)


def _lit_part(overscan):
    clean, count = overscan.clean, overscan.stray.count
    if overscan.strip.low:
        return slice(clean.stop, clean.stop + count)
    return slice(clean.start - count, clean.start)


def _wide(overscan):
    name = lines_name(overscan)
    enough = overscan.width >= MINIMUM_COLUMNS
    reason = (
        "The median over them is quieter than a single pixel."
        if enough
        else "The median over so few carries most of the noise of a pixel into the image."
    )
    return Finding(
        "Is the rest wide enough?",
        f"{overscan.width} {name}",
        f"at least {MINIMUM_COLUMNS}",
        _word(enough),
        reason,
    )


def _flat(overscan):
    flat, name = is_flat(overscan), lines_name(overscan)
    reason = (
        f"Its {name} lie on one level, but for offsets that are the same in every frame."
        if flat
        else f"Its {name} lie on different levels, as at the edge of an image."
    )
    value = f"scatter {overscan.pattern:.2g} {overscan.unit}"
    limit = f"{FLATNESS * overscan.pixel_noise:.2g} {overscan.unit}"
    return Finding("Is it flat?", value, limit, _word(flat), reason)


_REASONS_FOLLOWING = {
    "yes": "What the bias level of the image does, the overscan does too, so that subtracting it removes the drift.",
    "roughly": "The overscan does most of what the image does, but in so few frames that may be chance.",
    "no": "The two drift apart, so that subtracting the overscan would add its own drift to the image.",
    "varies too little to be judged": "It varies too little to be judged against the noise, so there is little to remove.",
    "cannot be told": "The two drift apart in the darks, but a dark current or a leak of light that changes does the same; "
    "bias frames would tell.",
    "too few frames": "It takes at least three bias frames, or three darks of one exposure and temperature.",
}


def _follows(overscan):
    follow, unit = overscan.follow, overscan.unit
    value = f"{follow.frames} frames without light"
    if follow.verdict != "too few frames":
        value = (
            f"image varies by {follow.image:.2g} {unit}, overscan minus image by {follow.difference:.2g} {unit} "
            f"(noise {follow.noise:.1g} {unit}), {follow.frames} {follow.kind} frames"
        )
    threshold = f"overscan minus image varies by less than {FOLLOWING_RATIO:g} of the image"
    question = "Does it follow the bias level?"
    return Finding(question, value, threshold, follow.verdict, _REASONS_FOLLOWING[follow.verdict])


_REASONS_SHIFTED = {
    "no": "Frames with light and without have one level, as far as the drift lets it be seen.",
    "perhaps": "The levels differ, but no more than the level drifts from frame to frame.",
    "yes": "The level changes with the kind of frame, so that it tells nothing of the bias.",
}


def _shifts(overscan):
    shift, unit = overscan.shift, overscan.unit
    question = "Is its level the same in all kinds of frame?"
    if shift.verdict == "cannot be judged":
        reason = "It takes frames with light and at least two without."
        return Finding(question, "nothing", "", "cannot be judged", reason)
    if shift.kind == "dark":
        value = f"{shift.value:+.2g} {unit}, overscan minus image in darks against bias frames"
        threshold = f"{shift.limit:.2g} {unit}, the noise"
    else:
        value = f"{shift.value:+.2g} {unit} in {shift.kind} frames"
        threshold = f"{shift.limit:.2g} {unit}, the drift between frames"
    verdict = {"no": "yes", "perhaps": "perhaps", "yes": "no"}[shift.verdict]
    return Finding(question, value, threshold, verdict, _REASONS_SHIFTED[shift.verdict])


def _one_amplifier(overscan):
    question, jump = ONE_AMPLIFIER, overscan.jump
    if jump is None:
        value = f"the header counts {overscan.claim.amplifiers}"
        reason = (
            "The header speaks of several amplifiers, but in the bias frames all of the image has one level."
        )
        return Finding(question, value, "", "perhaps", reason)
    name = "row" if jump.axis == 0 else "column"
    value = f"a step of {jump.value:+.3g} {overscan.unit} in the {jump.where} at {name} {jump.place}"
    reason = (
        "Halves on two levels are read by two amplifiers, each with an overscan of its own; the median of one would leave the "
        "difference in the other half. Which part of the overscan belongs to which cannot be told from these frames: set the "
        "parameter amplifiers to a pair of overscan and image for each."
    )
    return Finding(question, value, "", "no, it seems", reason)


def _amplifiers(overscan):
    parts = [
        f"{_part_text(one.regions.overscan, one.regions.axis)} with {_part_text(one.regions.keep, one.regions.axis)}"
        for one in overscan.amplifiers
    ]
    reason = {
        "measured": "Halves of image and overscan lie on two levels, and these belong together by their levels or places.",
        "header": "So the header has it, and in frames without light each image lies nearest to its own overscan.",
        "header, untested": "So the header has it; there is no frame without light to test it with.",
    }[overscan.readout]
    value = f"overscan {'; '.join(parts)} of the image"
    return Finding(ONE_AMPLIFIER, value, "", f"no, by {len(parts)}", reason)


def _part_text(part, axis):
    """Name a part of a frame: its columns where it is a part of them only, else both."""
    name = "rows" if axis == 0 else "columns"
    return _range(part[axis], name)


def _amplifier(number, one):
    verdict, found = judge(one.measured), one.measured
    name, unit = lines_name(found), found.unit
    value = f"{_range(one.clean[one.regions.axis], name) if one.clean else f'no clean {name}'}"
    if one.above == one.above:
        value += f"; without light the image lies {one.above:+.2g} {unit} above it"
    if found.stray.count:
        value += f"; light reaches {found.stray.count} {name} at the image"
    reason = (
        f"It is not subtracted, because {_and(verdict.objections)}."
        if verdict.objections
        else "Nothing speaks against it; whether it follows the bias level: " + found.follow.verdict + "."
    )
    return Finding(f"Is the overscan of amplifier {number} usable?", value, "", verdict.word, reason)


def _usable(overscan):
    question, verdict, name = "Is the overscan usable?", judge(overscan), lines_name(overscan)
    if overscan.amplifiers:
        value = f"{len(overscan.amplifiers)} parts"
        if verdict.objections:
            return Finding(
                question,
                value,
                "",
                verdict.word,
                f"It is not subtracted, because {_and(verdict.objections)}.",
            )
        reason = "From the image of each amplifier the median of its own overscan is subtracted."
        return Finding(question, value, "", verdict.word, reason)
    if overscan.strip is None:
        word = "none" if overscan.place.light == "everywhere" else "unknown"
        return Finding(question, "no overscan found", "", verdict.word, f"The place of an overscan: {word}.")
    value = _range(overscan.clean, name) if overscan.width else f"no clean {name}"
    if verdict.objections:
        reason = f"It is not subtracted, because {_and(verdict.objections)}."
        return Finding(question, value, "", verdict.word, reason)
    reason = (
        "Its median is subtracted row by row: nothing speaks against it. "
        if name == "columns"
        else "Its median is subtracted column by column: nothing speaks against it. "
    ) + "What is subtracted from the darks must be subtracted from bias, flats and science frames too."
    return Finding(question, value, "", verdict.word, reason)


def _kept(overscan, keep):
    question = "Which part is kept?"
    middle = overscan.strip is not None and overscan.strip.middle
    if overscan.amplifiers and (middle or judge(overscan).usable):
        reason = (
            "The images of the amplifiers are joined without their overscans, by the parameter amplifiers."
        )
        return Finding(question, "the images of the amplifiers", "", "the images of the amplifiers", reason)
    if middle:
        reason = (
            "keep_columns cannot cut out the middle, so the overscan stays between the two parts of the image; the parameter "
            "amplifiers joins them."
        )
        return Finding(question, "all", "", "all, the overscan with it", reason)
    if keep is None:
        return Finding(question, "all", "", "all", "No part without light is known that would have to go.")
    where = "as measured" if overscan.place.source == "measured" else "as the header claims, untested"
    reason = f"That is the image area, {where}; the overscan is not part of the image."
    return Finding(question, keep, "", keep, reason)


# --- The exposures ----------------------------------------------------------------------------------------


def _match(match):
    at = f" at {_degrees(match.temperature)}" if match.named else ""
    question = f"Is there a dark for the {match.kind} frames of {match.exposure:g} s{at}?"
    threshold = f"0.1 s or 0.1 %, whichever is larger; within {NEARLY:.0%} it is not scaled"
    if match.dark is None:
        return Finding(question, "no darks", threshold, "no", "There are no darks with a known exposure.")
    value = f"{match.dark:g} s for {match.frames} frame{'s' if match.frames > 1 else ''}"
    if match.apart:
        return _other_temperature(match, question, value)
    if match.matches:
        return Finding(question, value, threshold, "yes", "It is subtracted as it is.")
    if match.factor is None:
        return Finding(question, value, threshold, "no", "A dark without exposure time cannot be scaled.")
    if match.nearly:
        reason = f"It is subtracted as it is: that leaves {abs(match.factor - 1):.1%} of the dark current, hot pixels included."
        return Finding(question, value, threshold, "yes, nearly", reason)
    value += f", scaled by {match.factor:.3g}: noise of {_noises(match.choices)}"
    if match.factor > 1:
        reason = "Scaling up mainly scales the noise of the dark: longer darks would be better."
        return Finding(question, value, threshold, "no, scaled up", reason)
    reason = "The dark has to be scaled down, and only dark current may be scaled, not bias."
    return Finding(question, value, threshold, "no, scaled down", reason)


def _other_temperature(match, question, value):
    dark = match.choices[0].temperature
    value += f", taken at {_degrees(dark)}, the {match.kind} frames at {_degrees(match.temperature)}"
    reason = (
        f"Dark current doubles with some 6 degrees, so this dark holds {'more' if match.apart > 0 else 'less'} of it than the "
        f"frames; take darks at {_degrees(match.temperature)}."
    )
    threshold = f"within {TEMPERATURE_TOLERANCE:g} degrees"
    return Finding(question, value, threshold, "no, of another temperature", reason)


def _degrees(temperature):
    return "an unknown temperature" if temperature is None else f"{temperature:.3g} °C"


def _noises(choices):
    """Say what each dark would cost, the chosen one first."""
    best, *others = (choice for choice in choices if choice.factor is not None)
    text = f"{best.noise:.2g} times the read noise of a frame"
    if others:
        text += "; from " + ", ".join(f"{choice.dark:g} s {choice.noise:.2g}" for choice in others[:4])
    return text


def _bias(matches, night):
    question = "Must the bias be subtracted?"
    unmatched = [match for match in matches if match.scaled]
    value = f"{len(unmatched)} of {len(matches)} exposures without a dark of their own"
    if not any(match.dark is not None for match in matches):
        reason = "There are no darks, or no flats and science frames with a known exposure, to compare."
        return Finding(question, "no exposures to compare", "", "no, assumed", reason)
    if not unmatched:
        reason = "Each exposure has a dark of its own, and that dark holds the bias of the frame it is subtracted from."
        return Finding(question, value, "0", "no", reason)
    if not night.biases:
        reason = "Darks have to be scaled, so the bias must go, but there are no bias frames: give one with combined_bias."
        return Finding(question, value, "0", "yes, but there is none", reason)
    reason = "Darks have to be scaled to other exposures, and the bias does not grow with exposure."
    return Finding(question, value, "0", "yes", reason)


def _word(yes):
    return "yes" if yes else "no"


def _and(parts):
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
