"""Figures behind the advice: the overscan, and the exposures. Each takes data and returns a `matplotlib.figure.Figure`."""

from typing import TYPE_CHECKING

import numpy as np

from ..drawing import COLOURS, drawable, make_logarithmic, new_figure, plain, side_by_side

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..night import Night
    from .advice import Advice

__all__ = ["exposures", "overscan_evidence"]

_KINDS = ("bias", "dark", "flat", "science")

# Columns of the image that are shown beside the overscan.
_MARGIN = 12


def overscan_evidence(advice: "Advice", unit: str = "adu", title: str = "Around the overscan") -> "Figure":
    """Draw what the overscan was judged by: the columns around it for each kind of frame, and overscan against image.

    Parameters
    ----------
    advice : Advice
    unit : str
        Of the frames, used where their headers give none.
    title : str
        Plain text.
    """
    unit = advice.overscan.sample.unit or unit
    figure = new_figure(10, 4.2, title)
    columns, follow = side_by_side(figure, (1.6, 1))
    _draw_columns(columns, advice.overscan, unit)
    _draw_following(follow, advice.overscan, unit)
    return figure


def exposures(
    advice: "Advice", night: "Night", title: str = "Exposures of the darks and of the frames they are for"
) -> "Figure":
    """Draw the exposures of darks against those of flats and science frames; a dark that matches is joined by a line.

    Parameters
    ----------
    advice : Advice
    night : Night
        For the exposures of the darks.
    title : str
        Plain text.
    """
    figure = new_figure(10, 2.6, title)
    (axes,) = side_by_side(figure, (1,))
    kinds = ("science", "flat", "dark")
    frames = {"dark": night.darks, "flat": night.flats, "science": night.science}
    for row, kind in enumerate(kinds):
        seconds = [frame.info.exposure for frame in frames[kind] if frame.info.exposure]
        axes.plot(seconds, [row] * len(seconds), "o", color=COLOURS[kind], markersize=8)
    for match in advice.exposures:
        if match.dark and match.exposure:
            style = ":" if match.scaled else "-"
            ends = [match.exposure, match.dark], [kinds.index(match.kind), kinds.index("dark")]
            axes.plot(*ends, style, color=COLOURS["mark"], linewidth=1)
    for row, kind in enumerate(kinds[:2]):
        _label_factors(
            axes, row, [match for match in advice.exposures if match.kind == kind and match.scaled]
        )
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_ylim(-0.6, len(kinds) - 0.4)
    if axes.lines and any(len(line.get_xdata()) for line in axes.lines):
        make_logarithmic(axes.xaxis)
    axes.set_xlabel("exposure [s]; line: a dark of this exposure, dotted: one to be scaled")
    return figure


def _draw_columns(axes, overscan, unit):
    place = _place(overscan)
    axis = 1 if place is None else place[0]
    profiles = {
        kind: np.mean([frame.profile(axis) for frame in frames], axis=0)
        for kind in _KINDS
        if (frames := overscan.sample.of_kind(kind))
    }
    # Nothing is drawn that is not seen.
    first, last = (0, None) if place is None else (max(0, place[1] - _MARGIN - 1), place[2] + _MARGIN + 1)
    for kind, profile in profiles.items():
        seen = profile[first:last]
        style = {"drawstyle": "steps-mid", "color": COLOURS[kind], "label": kind, "linewidth": 1.2}
        axes.plot(first + np.arange(len(seen)), seen, **style)
    name = "column" if axis == 1 else "row"
    axes.set_xlabel(f"{name} (0-based)")
    axes.set_ylabel(f"mean of the {name} [{unit}]")
    if place is None:
        axes.set_title("no overscan found", fontsize=9)
    else:
        start, stop = place[1:]
        _shade(axes, overscan)
        axes.set_xlim(start - _MARGIN, stop + _MARGIN)
        _fit(axes, [profile[start:stop] for profile in profiles.values()])
    if profiles:
        axes.legend(fontsize=8, loc="upper right")


def _place(overscan):
    """Return axis, start and stop of what is shown: the overscan, or those of all amplifiers; `None`: there is none."""
    if overscan.amplifiers:
        axis = overscan.amplifiers[0].regions.axis
        parts = [one.regions.overscan[axis] for one in overscan.amplifiers if one.regions.axis == axis]
        return axis, min(part.start for part in parts), max(part.stop for part in parts)
    strip = overscan.strip
    return None if strip is None else (strip.axis, strip.start, strip.stop)


def _shade(axes, overscan):
    if overscan.amplifiers:
        _shade_amplifiers(axes, overscan.amplifiers)
        return
    strip, clean, reach = overscan.strip, overscan.clean, overscan.stray.count
    lit = (clean.stop, clean.stop + reach) if strip.low else (clean.start - reach, clean.start)
    for (start, stop), colour, label in (
        (lit, "light", "light"),
        ((clean.start, clean.stop), "overscan", "clean"),
    ):
        if stop > start:
            axes.axvspan(start - 0.5, stop - 0.5, color=COLOURS[colour], alpha=0.2, linewidth=0, label=label)
    claimed = overscan.claim.overscan
    if claimed is not None and overscan.claim.axis == strip.axis:
        for edge in (claimed.start, claimed.stop):
            axes.axvline(edge - 0.5, color=COLOURS["mark"], linestyle=":", linewidth=1)
        axes.set_title("dotted: what the header claims", fontsize=8)


def _shade_amplifiers(axes, amplifiers):
    """Shade the clean columns of each overscan once, whichever amplifiers share them."""
    axis = amplifiers[0].regions.axis
    parts = {
        (one.clean[axis].start, one.clean[axis].stop)
        for one in amplifiers
        if one.clean is not None and one.regions.axis == axis
    }
    for number, (start, stop) in enumerate(sorted(parts)):
        label = "clean, of each amplifier" if number == 0 else None
        axes.axvspan(
            start - 0.5,
            stop - 0.5,
            color=COLOURS["overscan"],
            alpha=0.12 + 0.16 * (number % 2),
            linewidth=0,
            label=label,
        )


def _fit(axes, parts):
    """Fit the vertical axis to the overscan; the image in frames with light may lie far above."""
    values = drawable(np.concatenate(parts))
    values = values[~np.isnan(values)]
    if not len(values):
        return
    reach = max(float(np.ptp(values)), 4.0)
    axes.set_ylim(values.min() - 0.3 * reach, values.max() + 0.3 * reach)


def _draw_following(axes, overscan, unit):
    """Overscan against image in frames without light: on the diagonal, one tells the other."""
    measured = [one.measured for one in overscan.amplifiers] or [overscan]
    all_levels = [level for one in measured for level in one.levels]
    levels = [level for level in all_levels if level.kind in ("bias", "dark")]
    for kind in ("bias", "dark"):
        points = [(level.image, level.overscan) for level in levels if level.kind == kind]
        if points:
            axes.plot(*np.transpose(points), "o", color=COLOURS[kind], label=kind)
    lit = [level.overscan for level in all_levels if level.kind in ("flat", "science")]
    for value in lit:
        axes.axhline(
            value,
            color=COLOURS["flat"],
            linewidth=0.8,
            alpha=0.6,
            label="with light" if value == lit[0] else None,
        )
    if levels:
        ends = [min(level.image for level in levels), max(level.image for level in levels)]
        axes.plot(ends, ends, "-", color=COLOURS["mark"], linewidth=1, label="equal")
        axes.legend(fontsize=8)
    axes.set_xlabel(f"level of the image, without light [{unit}]")
    axes.set_ylabel(f"level of the overscan [{unit}]")
    verdicts = ", ".join(dict.fromkeys(one.follow.verdict for one in measured))
    axes.set_title(plain(f"does it follow? {verdicts}"), fontsize=8)


def _label_factors(axes, row, matches):
    factors = [match.factor for match in matches if match.factor is not None]
    if factors:
        ends = dict.fromkeys(f"{factor:.3g}" for factor in (min(factors), max(factors)))
        place = (max(match.exposure for match in matches), row)
        text = f"dark times {' to '.join(ends)}"
        axes.annotate(text, place, xytext=(8, -12), textcoords="offset points", fontsize=8)
