"""Findings: each measurement put into a value, a threshold, a verdict and one plain sentence. Nothing is measured here."""

from dataclasses import dataclass

import numpy as np

from .edges import LIT_FRACTION
from .levels import FOLLOWING_RATIO, ROUNDING_NOISE
from .overscan import FLATNESS, MINIMUM_COLUMNS
from .straylight import CONTAMINATION_SIGMA

__all__ = ["Finding", "exposure_findings", "is_usable", "overscan_findings"]


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


def is_usable(overscan):
    """Tell whether nothing that was measured speaks against subtracting the overscan."""
    return overscan.strip is not None and not _objections(overscan)


def overscan_findings(overscan, keep):
    """Return the findings on the overscan, and on the part to keep (as written in a recipe)."""
    findings = [_where(overscan)]
    if overscan.claim.texts:
        findings.append(_claim(overscan))
    if overscan.strip is not None:
        findings += [_contaminated(overscan), _wide(overscan)]
        if overscan.width:
            findings += [_flat(overscan), _follows(overscan), _shifts(overscan)]
    findings += [_usable(overscan), _kept(overscan, keep)]
    return findings


def exposure_findings(matches, night):
    """Return a finding for each exposure of flats and science frames, and the one on the bias."""
    return [*map(_match, matches), _bias(matches, night)]


def _objections(overscan):
    """List what speaks against the overscan, each as the end of a sentence."""
    objections = []
    if overscan.width < MINIMUM_COLUMNS:
        objections.append(f"only {overscan.width} {_lines_name(overscan)} are free of light")
    if overscan.width and not _is_flat(overscan):
        objections.append("it is not flat")
    if overscan.follow.verdict == "no":
        objections.append("it does not follow the bias level of the image area")
    if overscan.shift.verdict == "yes":
        objections.append("its level depends on the kind of frame")
    if _is_rounded(overscan):
        objections.append("its level varies too little to be judged")
    return objections


def _is_flat(overscan):
    return overscan.pattern <= FLATNESS * overscan.pixel_noise


def _is_rounded(overscan):
    return bool(
        overscan.pixel_noise < ROUNDING_NOISE and overscan.follow.verdict.startswith("varies too little")
    )


def _lines_name(overscan):
    return "rows" if overscan.strip is not None and overscan.strip.axis == 0 else "columns"


def _range(part, name):
    return f"{name} {part.start}:{part.stop}"


def _where(overscan):
    question, name = "Where is the overscan?", _lines_name(overscan)
    threshold = f"light below {LIT_FRACTION:.0%} of the image's"
    if overscan.strip is not None:
        strip = overscan.strip
        value = f"{_range(strip.part, name)}, {strip.stop - strip.start} {name}"
        if overscan.source == "header":
            reason = "The header says so; no frame has light that would show the edge of the image."
            return Finding(question, value, "", f"{strip.side}, untested", reason)
        reason = f"The brightest frames are dark there, on the {strip.side} of the image."
        return Finding(question, value, threshold, strip.side, reason)
    if overscan.source == "measured":
        reason = "The brightest frames have light up to every edge."
        return Finding(question, f"no {name} without light", threshold, "none", reason)
    reason = "No frame has light that would show the edge of the image, and no header names an overscan."
    return Finding(question, "nothing", "", "unknown", reason)


def _claim(overscan):
    question, text = "Is the header right about it?", "; ".join(overscan.claim.texts)
    verdict, reason = _claim_verdict(overscan)
    return Finding(question, text, "", verdict, reason)


def _claim_verdict(overscan):
    claim, strip = overscan.claim, overscan.strip
    if overscan.source != "measured":
        return "untested", "There is no frame with light to test it with."
    if claim.problems:
        return "no", f"It cannot be read: {claim.problems[0]}"
    if claim.overscan is None:
        return "silent", "It names no overscan (BIASSEC), so that the measured one is used."
    if strip is None:
        return "no", "It names an overscan, but light falls on all of the frame."
    if claim.axis != strip.axis or not (
        strip.start <= claim.overscan.start and claim.overscan.stop <= strip.stop
    ):
        return "no", "It names a part of the frame that is not the overscan overscan."
    claimed = set(range(claim.overscan.start, claim.overscan.stop))
    lit = claimed - set(range(overscan.clean.start, overscan.clean.stop)) if overscan.width else claimed
    if lit:
        return (
            "in part",
            f"It names the overscan, but light reaches {len(lit)} of the {len(claimed)} it names.",
        )
    return "yes", "What it names lies within the overscan measured, beyond the reach of light."


def _contaminated(overscan):
    found, name = overscan.contamination, _lines_name(overscan)
    question = f"Which of its {name} does light reach?"
    threshold = f"{CONTAMINATION_SIGMA:g} sigma, {CONTAMINATION_SIGMA * found.noise:.2g} {overscan.unit}"
    compared = f"Compared: {found.evidence}." if found.evidence else "There was nothing to compare."
    if found.count == 0:
        return Finding(question, f"0 {name}", threshold, "none", f"None stands out from the rest. {compared}")
    strip = overscan.strip
    lit = (
        slice(strip.stop - found.count, strip.stop)
        if strip.low
        else slice(strip.start, strip.start + found.count)
    )
    value = f"{found.count} {name}, {found.first:.3g} {overscan.unit} at the image to {found.last:.3g} {overscan.unit}"
    reason = f"Stray charge lifts them above the {name} further out. {compared}"
    return Finding(question, value, threshold, _range(lit, name), reason)


def _wide(overscan):
    name = _lines_name(overscan)
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
    flat = _is_flat(overscan)
    reason = (
        "Its columns lie on one level, but for offsets that are the same in every frame."
        if flat
        else "Its columns lie on different levels, as at the edge of an image."
    )
    limit = FLATNESS * overscan.pixel_noise
    return Finding(
        "Is it flat?",
        f"scatter {overscan.pattern:.2g} {overscan.unit}",
        f"{limit:.2g} {overscan.unit}",
        _word(flat),
        reason,
    )


def _follows(overscan):
    follow = overscan.follow
    reasons = {
        "yes": "What the bias level of the image does, the overscan does too, so that subtracting it removes the drift.",
        "no": "The two drift apart, so that subtracting the overscan would add its own drift to the image.",
        "varies too little to be judged": "It varies too little to be judged against the noise, so there is little to remove.",
        "too few frames": "It takes at least two frames without light of one exposure, and more to be sure.",
    }
    value = f"{follow.frames} frames without light"
    if follow.verdict != "too few frames":
        value = (
            f"image varies by {follow.image:.2g} {overscan.unit}, "
            f"overscan minus image by {follow.difference:.2g} {overscan.unit} "
            f"(noise {follow.noise:.1g} {overscan.unit}), {value}"
        )
    threshold = f"overscan minus image varies by less than {FOLLOWING_RATIO:g} of the image"
    return Finding(
        "Does it follow the bias level?", value, threshold, follow.verdict, reasons[follow.verdict]
    )


def _shifts(overscan):
    shift = overscan.shift
    question = "Is its level the same in all kinds of frame?"
    if shift.verdict == "cannot be judged":
        reason = "It takes frames with light and at least two without."
        return Finding(question, "nothing", "", "cannot be judged", reason)
    if np.isfinite(shift.value) and (shift.verdict == "no" or abs(shift.value) > shift.limit):
        value = f"{shift.value:+.2g} {overscan.unit} in frames with light"
        threshold = f"{shift.limit:.2g} {overscan.unit}, the drift between frames"
    else:
        value, threshold = (
            f"{shift.dark_value:+.2g} {overscan.unit} in darks against bias frames",
            f"{shift.dark_limit:.2g} {overscan.unit}",
        )
    same = shift.verdict == "no"
    reason = (
        "Frames with light and without have one level, as far as the drift lets it be seen."
        if same
        else "The level changes with the kind of frame, so that it tells nothing of the bias."
    )
    return Finding(question, value, threshold, _word(same), reason)


def _usable(overscan):
    question = "Is the overscan usable?"
    if overscan.strip is None:
        word = "none" if overscan.source == "measured" else "unknown"
        return Finding(question, "no overscan found", "", "not usable", f"The place of an overscan: {word}.")
    name = _lines_name(overscan)
    value = _range(overscan.clean, name) if overscan.width else f"no clean {name}"
    if objections := _objections(overscan):
        return Finding(
            question, value, "", "not usable", f"It is not subtracted, because {_and(objections)}."
        )
    reason = (
        "Its median is subtracted row by row: it is free of light, wide enough, flat, and nothing speaks against it. "
        "What is subtracted from the darks must be subtracted from bias, flats and science frames too."
    )
    tested = overscan.follow.verdict == "yes" and overscan.shift.verdict == "no"
    return Finding(question, value, "", "usable" if tested else "usable, as far as can be judged", reason)


def _kept(overscan, keep):
    question = "Which part is kept?"
    if keep is None:
        return Finding(question, "all", "", "all", "No part without light is known that would have to go.")
    where = "as measured" if overscan.source == "measured" else "as the header claims, untested"
    return Finding(
        question,
        keep,
        "",
        keep,
        f"That is the image area, {where}; the overscan is no part of the image.",
    )


def _match(match):
    question = f"Is there a dark for the {match.kind} frames of {match.exposure:g} s?"
    threshold = "0.1 s or 0.1 %, whichever is larger"
    if match.dark is None:
        return Finding(question, "no darks", threshold, "no", "There are no darks with a known exposure.")
    value = f"{match.dark:g} s for {match.frames} frame{'s' if match.frames > 1 else ''}"
    if match.matches:
        return Finding(question, value, threshold, "yes", "It is subtracted as it is.")
    if match.factor is None:
        return Finding(question, value, threshold, "no", "A dark without exposure time cannot be scaled.")
    value += f", scaled by {match.factor:.3g}"
    if match.factor > 1:
        reason = "Scaling up mainly scales the noise of the dark: longer darks would be better."
        return Finding(question, value, threshold, "no, scaled up", reason)
    reason = "The dark has to be scaled down, and only dark current may be scaled, not bias."
    return Finding(question, value, threshold, "no, scaled down", reason)


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
