"""Findings: each measurement put into a value, a threshold, a verdict and one plain sentence. Nothing is measured here."""

from dataclasses import dataclass

from ..groups import TEMPERATURE_TOLERANCE
from ..sections import overlap
from .edges import LIT_FRACTION
from .exposures import NEARLY
from .levels import FOLLOWING_RATIO
from .straylight import CONTAMINATION_SIGMA
from .verdict import (
    FLATNESS,
    MINIMUM_COLUMNS,
    counted,
    header_silence,
    is_flat,
    is_steady,
    judge,
    lines_name,
    steadiness,
)

__all__ = [
    "ALIKE",
    "NO_BIAS",
    "ONE_AMPLIFIER",
    "Finding",
    "exposure_findings",
    "images_finding",
    "light_finding",
    "overscan_findings",
    "width_finding",
]

ONE_AMPLIFIER = "Is it read by one amplifier?"
ALIKE = "Is it the same for all images of a file?"
NO_BIAS = "yes, but there is none"


@dataclass(frozen=True)
class Finding:
    """One question, and the answer that the night gives to it.

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
        text = "; ".join(overscan.claim.texts)
        findings.append(Finding("Is the header right about it?", text, "", *_claim_verdict(overscan)))
    if overscan.amplifiers:
        findings.append(_amplifiers(overscan))
        findings += [_amplifier(number, one) for number, one in enumerate(overscan.amplifiers, 1)]
    elif overscan.strip is not None:
        findings += [light_finding(overscan), width_finding(overscan)]
        if overscan.width:
            findings += [_flat(overscan), _follows(overscan), _shifts(overscan)]
        if overscan.jump is not None or overscan.claim.amplifiers > 1:
            findings.append(_one_amplifier(overscan))
    return [*findings, _usable(overscan), _kept(overscan, keep)]


def exposure_findings(matches, night):
    """Return a finding for each exposure of flats and science frames, and the one on the bias."""
    return [*map(_match, matches), _bias(matches, night)]


def images_finding(texts, labels, unlit=()):
    """Return the finding on whether one recipe is right for all images of a file.

    Parameters
    ----------
    texts : dict of str to str
        The label of each image to its recipe in words.
    labels : list of str
        Of the images that the recommended recipe is for.
    unlit : sequence of str
        Of the images on which no light falls, though it falls on others.
    """
    value = "; ".join(f"{label}: {text}" for label, text in texts.items())
    others = [label for label in texts if label not in (*labels, *unlit)]
    first = f"The other findings are those of {labels[0]}."
    if len(labels) == len(texts):
        reason = f"The recommended recipe is the same for all {len(texts)} images. {first}"
        return Finding(ALIKE, value, "", "yes", reason)
    reasons = [f"The recommended recipe is for {', '.join(labels)} only."]
    if others:
        reasons.append(
            f"Calibrate {', '.join(others)} in separate runs, with extensions={others!r} and the columns measured for them, into "
            "another reduced_folder."
        )
    if unlit:
        reasons.append(
            f"No light falls on {', '.join(unlit)}, so they may hold the overscan of the others, which is not subtracted "
            "from other images; leave them out."
        )
    return Finding(ALIKE, value, "", "no", " ".join([*reasons, first]))


def _range(part, name):
    return f"{name} {part.start}:{part.stop}"


# --- The overscan -----------------------------------------------------------------------------------------


def _where(overscan):
    question, place, name = "Where is the overscan?", overscan.place, lines_name(overscan)
    threshold = f"less than {LIT_FRACTION:.0%} of the light beside it"
    strip = place.strip
    if strip is None:
        value, verdict, reason = _NOWHERE[
            "against" if place.against and place.light == "dim" else place.light
        ]
        reason = reason.format(silence=header_silence(overscan.claim))
        return Finding(question, value, "" if place.light == "none" else threshold, verdict, reason)
    value = f"{_range(strip.part, name)}, {counted(strip.width, name)}"
    if place.source == "header":
        return Finding(question, value, "", f"{strip.side}, untested", _REASONS_UNTESTED[place.light])
    reason = f"In frames with light it is dark there, {_SIDES[strip.side]}, with a sharp edge."
    return Finding(question, value, threshold, strip.side, reason)


_DIM = "dark towards an edge, but without a sharp step"
_NOWHERE = {
    "everywhere": ("light everywhere", "none", "There is light up to every edge."),
    "against": (_DIM, "unknown", "Light falls on the overscan that the header names."),
    "dim": (
        _DIM,
        "unknown",
        "A dark part of the image looks like an overscan there, and {silence}.",
    ),
    "none": (
        "nothing",
        "unknown",
        "No frame has light that would show the edge of the image, and {silence}.",
    ),
}
_SIDES = {
    "left": "on the left of the image",
    "right": "on the right of the image",
    "bottom": "below the image",
    "top": "above the image",
    "middle": "between two parts of the image",
}
_REASONS_UNTESTED = {
    "none": "The header says so; no frame has light that would show the edge of the image.",
    "dim": "The header says so, and no light falls there; but the image beside it is dark too, so its edge does not show.",
}


def _claim_verdict(overscan):
    """Return verdict and reason."""
    claim, place = overscan.claim, overscan.place
    if claim.readout:
        return _READOUT_VERDICTS.get(overscan.readout, _READOUT_VERDICTS["measured"])
    if claim.problems:
        return "no", f"It cannot be used: {claim.problems[0]}"
    if place.light == "none":
        return "untested", "There is no frame with light to test it with."
    if place.source == "header":
        return "perhaps", "No light falls on what it names, but the image beside it is dark too."
    if claim.overscan is None:
        return "silent", "It does not name an overscan (BIASSEC)."
    if place.strip is None:
        found = "light falls on it" if place.against else "there is light up to every edge"
        return "no", f"It names an overscan, but {found}."
    # Those found, before odd columns at the outer edge are left out.
    strips = [strip for strip in place.strips if strip.axis == claim.axis == place.strip.axis]
    if not any(_within(claim.overscan, strip.part) and overlap(strip, place.strip) for strip in strips):
        return "no", "It names a part of the frame that is not the overscan measured."
    return _claimed_columns(overscan)


_READOUT_VERDICTS = {
    "header": (
        "yes",
        "In frames without light, the image of each amplifier lies nearest to the overscan that the header names for it.",
    ),
    "header, untested": ("untested", "There is no frame without light to test it with."),
    "measured": ("no", "The levels of image and overscan do not agree with the amplifiers that it names."),
}


def _claimed_columns(overscan):
    """Say how many of the columns that the header names are clean."""
    claimed, lit, clean = (
        set() if part is None else set(range(part.start, part.stop))
        for part in (overscan.claim.overscan, _lit_part(overscan), overscan.clean)
    )
    lit &= claimed
    odd, name, reasons = claimed - clean - lit, lines_name(overscan), []
    if lit:
        reasons.append(f"light reaches {len(lit)} of the {counted(len(claimed), name)} it names")
    if odd:
        reasons.append(f"{counted(len(odd), name)} at its outer edge, unlike the rest, cannot be used")
    if reasons:
        return "in part", f"It names the overscan, but {_and(reasons)}."
    return "yes", "What it names lies within the overscan measured, beyond the reach of light."


def _within(one, other):
    return other.start <= one.start and one.stop <= other.stop


def light_finding(overscan):
    """Return the finding on the columns that light reaches."""
    stray, name, unit = overscan.stray, lines_name(overscan), overscan.unit
    question = f"Which of its {name} does light reach?"
    threshold = f"{CONTAMINATION_SIGMA:g} sigma, {CONTAMINATION_SIGMA * stray.noise:.2g} {unit}"
    compared = f"Compared: {stray.evidence}." if stray.evidence else "There was nothing to compare."
    if stray.left > 0:
        compared += f" A tail fitted to them leaves {stray.left:.2g} {unit} in the rest."
    if stray.count == 0:
        return Finding(question, f"0 {name}", threshold, "none", f"None stands out from the rest. {compared}")
    value = f"{counted(stray.count, name)}, from {stray.first:.3g} {unit} beside the image to {stray.last:.3g} {unit}"
    reason = f"They lie above the {name} farther out, as stray charge makes them. {compared}"
    return Finding(question, value, threshold, _range(_lit_part(overscan), name), reason)


def _lit_part(overscan):
    clean, count = overscan.clean, overscan.stray.count
    if overscan.strip.low:
        return slice(clean.stop, clean.stop + count)
    return slice(clean.start - count, clean.start)


def width_finding(overscan):
    """Return the finding on the number of clean columns."""
    enough = overscan.width >= MINIMUM_COLUMNS
    value = counted(overscan.width, lines_name(overscan))
    reason = (
        "The median over them is quieter than a single pixel."
        if enough
        else "The median over so few carries most of the noise of a pixel into the image."
    )
    return Finding("Is the rest wide enough?", value, f"at least {MINIMUM_COLUMNS}", _word(enough), reason)


def _flat(overscan):
    flat, name = is_flat(overscan), lines_name(overscan)
    reason = (
        f"Its {name} lie on one level, apart from offsets that are the same in every frame."
        if flat
        else f"Its {name} lie on different levels, as at the edge of an image."
    )
    if flat and not is_steady(overscan):
        return _changing(overscan)
    value = f"scatter {overscan.pattern:.2g} {overscan.unit}"
    limit = f"{FLATNESS * overscan.pixel_noise:.2g} {overscan.unit}"
    return Finding("Is it flat?", value, limit, _word(flat), reason)


def _changing(overscan):
    name, unit = lines_name(overscan), overscan.unit
    value = f"its {name} drift apart by {overscan.change:.2g} {unit} from frame to frame"
    reason = (
        f"Some {name}, such as every other one, change against the rest, as those that different amplifiers read. One median for "
        "all of them leaves the difference as stripes in each dark."
    )
    return Finding("Is it flat?", value, f"{steadiness(overscan):.2g} {unit}", "no, it changes", reason)


_REASONS_FOLLOWING = {
    "yes": "When the bias level of the image changes, the overscan changes with it, so subtracting it removes the drift.",
    "roughly": "The overscan does most of what the image does, but not all, and this may be chance.",
    "no": "The two drift apart, so subtracting the overscan would add its own drift to the image.",
    "varies too little to be judged": "It varies too little to be judged against the noise, so there is little to remove.",
    "cannot be judged from darks": "The two drift apart in the darks, but a changing dark current or light leak has the same "
    "effect; bias frames would decide.",
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


_SHIFTED = {
    "no": ("yes", "Frames with light and without have one level, as far as the drift lets it be seen."),
    "perhaps": ("perhaps", "The levels differ, but no more than the level drifts from frame to frame."),
    "yes": ("no", "The level changes with the kind of frame, so it does not show that of the bias."),
}


def _shifts(overscan):
    shift, unit = overscan.shift, overscan.unit
    question = "Is its level the same in all kinds of frame?"
    if shift.verdict == "cannot be judged":
        reason = "It takes frames with light and at least two without."
        return Finding(question, "nothing", "", "cannot be judged", reason)
    if shift.kind == "dark":
        value = f"{shift.value:+.2g} {unit}, overscan minus image in darks against bias frames"
        threshold = f"a rise of {shift.limit:.2g} {unit}, the noise"
    else:
        value = f"{shift.value:+.2g} {unit} in {shift.kind} frames"
        threshold = f"{shift.limit:.2g} {unit}, the drift between frames"
    verdict, reason = _SHIFTED[shift.verdict]
    if shift.kind == "dark":
        reason += " In darks only a rise counts, since dark current lowers overscan minus image."
    return Finding(question, value, threshold, verdict, reason)


def _one_amplifier(overscan):
    jump = overscan.jump
    if jump is None:
        value = f"the header counts {overscan.claim.amplifiers}"
        reason = "The header speaks of several amplifiers, but in frames without light all of the image has one level."
        return Finding(ONE_AMPLIFIER, value, "", "perhaps", reason)
    name = "row" if jump.axis == 0 else "column"
    value = f"a step of {jump.value:+.3g} {overscan.unit} in the {jump.where} at {name} {jump.place}"
    reason = (
        "Parts on different levels are read by amplifiers of their own, each with an overscan of its own; the median of one "
        "overscan would leave the difference in the other parts. These frames do not show which overscan belongs to which part: "
        "set the parameter amplifiers to a pair of overscan and image for each."
    )
    return Finding(ONE_AMPLIFIER, value, "", "no, it seems", reason)


def _amplifiers(overscan):
    parts = [
        " with ".join(
            _range(part[one.regions.axis], "rows" if one.regions.axis == 0 else "columns")
            for part in (one.regions.overscan, one.regions.keep)
        )
        for one in overscan.amplifiers
    ]
    reason = {
        "measured": "Parts of image and overscan lie on different levels; their levels or places show which belong together.",
        "header": "The header says so, and in frames without light each image lies nearest to its own overscan.",
        "header, untested": "The header says so; there is no frame without light to test it with.",
    }[overscan.readout]
    value = f"overscan {'; '.join(parts)} of the image"
    return Finding(ONE_AMPLIFIER, value, "", f"no, by {len(parts)}", reason)


def _amplifier(number, one):
    verdict, found = judge(one.measured), one.measured
    name, unit = lines_name(found), found.unit
    value = _range(one.clean[one.regions.axis], name) if one.clean else f"no clean {name}"
    if one.above == one.above:
        value += f"; without light the image lies {one.above:+.2g} {unit} above it"
    if found.stray.count:
        value += f"; light reaches {counted(found.stray.count, name)} beside the image"
    reason = f"Nothing speaks against it. Does it follow the bias level? {found.follow.verdict.capitalize()}."
    return Finding(
        f"Is the overscan of amplifier {number} usable?",
        value,
        "",
        verdict.word,
        _objection(verdict) or reason,
    )


def _usable(overscan):
    question, verdict, name = "Is the overscan usable?", judge(overscan), lines_name(overscan)
    if overscan.amplifiers:
        value = f"{len(overscan.amplifiers)} parts"
        reason = "From the image of each amplifier the median of its own overscan is subtracted."
    elif overscan.strip is None:
        silence = header_silence(overscan.claim)
        value, reason = "no overscan found", _NOWHERE[overscan.place.light][2].format(silence=silence)
        return Finding(question, value, "", verdict.word, f"No overscan is subtracted. {reason}")
    else:
        value = _range(overscan.clean, name) if overscan.width else f"no clean {name}"
        along = "row by row" if name == "columns" else "column by column"
        reason = (
            f"Nothing speaks against it, so its median is subtracted {along}. What is subtracted from the darks must be "
            "subtracted from bias, flats and science frames too."
        )
    return Finding(question, value, "", verdict.word, _objection(verdict) or reason)


def _objection(verdict):
    """Say why an overscan is not subtracted; empty: it is."""
    return f"It is not subtracted, because {_and(verdict.objections)}." if verdict.objections else ""


def _kept(overscan, keep):
    question = "Which part is kept?"
    middle = overscan.strip is not None and overscan.strip.middle
    if overscan.amplifiers and (middle or judge(overscan).usable):
        value = "the images of the amplifiers"
        reason = "The images are joined without their overscans, by the parameter amplifiers."
        return Finding(question, value, "", value, reason)
    if middle:
        reason = (
            "keep_columns cannot cut out the middle, so the overscan stays between the two parts of the image; the parameter "
            "amplifiers joins them."
        )
        return Finding(question, "all", "", "all, the overscan with it", reason)
    if keep is None:
        return Finding(question, "all", "", "all", "No part is known to be without light.")
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
    value = f"{match.dark:g} s for {counted(match.frames, 'frames')}"
    if match.apart:
        return _other_temperature(match, question, value)
    if match.factor is not None and match.scaled:
        value += f", scaled by {match.factor:.3g}: noise of {_noises(match.choices)}"
    return Finding(question, value, threshold, *_match_verdict(match))


def _match_verdict(match):
    """Return verdict and reason for a dark of the right temperature."""
    if match.matches:
        return "yes", "It is subtracted as it is."
    if match.factor is None:
        return "no", "A dark without exposure time cannot be scaled."
    if match.nearly:
        left = f"{abs(match.factor - 1):.1%} of the dark current, hot pixels included"
        return "yes, nearly", f"It is subtracted as it is: that leaves {left}."
    if match.factor > 1:
        return (
            "no, scaled up",
            "Scaling up mainly scales the noise of the dark: longer darks would be better.",
        )
    return "no, scaled down", "The dark has to be scaled down, and only dark current may be scaled, not bias."


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
    shapes = {frame.shape_text for frame in night.darks}
    if not any(frame.shape_text in shapes for frame in night.biases):
        found = "no bias frame has the shape of a dark" if night.biases else "there are no bias frames"
        reason = f"Darks have to be scaled, so the bias must go, but {found}: give one with combined_bias."
        return Finding(question, value, "0", NO_BIAS, reason)
    reason = "Darks have to be scaled to other exposures, and the bias does not grow with exposure."
    return Finding(question, value, "0", "yes", reason)


def _word(yes):
    return "yes" if yes else "no"


def _and(parts):
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
