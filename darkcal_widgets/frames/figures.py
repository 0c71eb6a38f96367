"""Figures of frames: before and after, profiles of the columns, levels, combined images. They take arrays and read nothing."""

from itertools import chain, cycle, repeat

import numpy as np

from ..drawing import (
    COLOURS,
    colour_cycle,
    drawable,
    level_and_spread,
    make_logarithmic,
    new_figure,
    plain,
    show_image,
    side_by_side,
    thinned,
)

__all__ = ["before_after", "combined_images", "draw_profiles", "levels", "zoom_to_overscan"]

# The overscans of several amplifiers.
_STRIPS = tuple(COLOURS[f"amplifier-{n}"] for n in range(4))

# Inches of height of each letter of a name that is written upwards.
_NAME_INCHES = 0.052


def before_after(raw, calibrated, unit="adu", title=""):
    """Show a frame before and after calibration on one stretch: the same span of values, each around its own median.

    Parameters
    ----------
    raw, calibrated : ndarray
        Shape (rows, columns); the calibrated frame may be smaller.
    unit : str
        Of the values.
    title : str
        Plain text.
    """
    figure = new_figure(10, 4.2, title)
    half = 5 * level_and_spread(calibrated)[1]
    sides = zip(side_by_side(figure, (1, 1), bars=2), (raw, calibrated), ("before", "after"), strict=True)
    for axes, image, name in sides:
        middle, _ = level_and_spread(image)
        show_image(axes, image, middle - half, middle + half, unit)
        axes.set_title(
            f"{name}: {image.shape[1]} columns x {image.shape[0]} rows, level {middle:.2f} {unit}",
            fontsize=9,
        )
    return figure


def draw_profiles(axes, profiles, pieces, unit, kinds=()):
    """Draw profiles over the columns, the overscan shaded and the edges of the kept part dotted.

    Parameters
    ----------
    axes : `matplotlib.axes.Axes`
    profiles : mapping of str to ndarray
        Label to one value per column.
    pieces : sequence of Regions
        From `Recipe.pieces`; may be empty.
    unit : str
        Of the values.
    kinds : sequence of str, optional
        Of which kind of frame each profile is, such as ``'flat'``; those that are not named are darks.
    """
    for (label, profile), kind in zip(profiles.items(), chain(kinds, repeat("dark")), strict=False):
        style = {"label": plain(label), "color": COLOURS[kind], "linewidth": 0.9}
        axes.plot(np.arange(len(profile)), drawable(profile), **style)
    _shade(axes, pieces)
    axes.set_xlabel("column (0-based)")
    axes.set_ylabel(f"mean of the column [{unit}]")


def zoom_to_overscan(axes, profiles, pieces, margin=40):
    """Fit the axes to the overscan, or to what else is cut off, and `margin` columns on each side of it."""
    width = _width(profiles)
    strip = _strip(pieces, width)
    axes.set_xlim(max(-1, strip.start - margin), min(width, strip.stop + margin))
    near = np.concatenate([profile[max(0, strip.start - 2) : strip.stop] for profile in profiles.values()])
    near = drawable(near)
    near = near[~np.isnan(near)]
    if not len(near):
        axes.set_title("no column here has a value", fontsize=8)
        return
    middle = float(np.median(near))
    reach = max(1.5 * float(np.max(np.abs(near - middle))), 5.0)
    reach = min(reach, max(60.0, 8 * float(np.median(np.abs(near - middle)))))
    axes.set_ylim(middle - reach, middle + reach)
    axes.set_title("zoom; dotted: edges of the kept part", fontsize=8)


def _width(profiles):
    return max(len(profile) for profile in profiles.values())


def _strip(pieces, width):
    """Return the columns to zoom to: those of the overscan, or what the trim removes, or the last columns."""
    overscans = [piece.overscan[1] for piece in pieces if _has_columns(piece)]
    if overscans:
        return slice(min(part.start for part in overscans), max(part.stop for part in overscans))
    start, stop = (
        min((piece.keep[1].start for piece in pieces), default=0),
        max((piece.keep[1].stop for piece in pieces), default=width),
    )
    if stop < width:
        return slice(stop, width)
    return slice(0, start) if start > 0 else slice(width - 1, width)


def _has_columns(piece):
    """Tell whether a piece has an overscan of columns."""
    return piece.overscan is not None and piece.axis == 1


def _shade(axes, pieces):
    """Shade each overscan once, and mark the edges of what is kept."""
    overscans = dict.fromkeys((p.overscan[1].start, p.overscan[1].stop) for p in pieces if _has_columns(p))
    for n, (start, stop) in enumerate(overscans):
        axes.axvspan(
            start - 0.5,
            stop - 0.5,
            color=_STRIPS[n % len(_STRIPS)] if len(overscans) > 1 else COLOURS["overscan"],
            alpha=0.25,
            label="overscan" if len(overscans) == 1 else f"overscan {n + 1}",
            linewidth=0,
        )
    for edge in dict.fromkeys(edge for p in pieces for edge in (p.keep[1].start, p.keep[1].stop)):
        axes.axvline(edge - 0.5, color=COLOURS["keep"], linestyle=":", linewidth=1.6)


def levels(before, after, names, unit="adu", title=""):
    """Draw the level of each frame before and after calibration, and the histogram of what is left.

    Parameters
    ----------
    before, after : sequence of float
        Level of each frame.
    names : sequence of str
        Of the frames.
    unit : str
        Of the values.
    title : str
        Plain text.
    """
    before, after = drawable(before), drawable(after)
    names = [plain(name) for name in names]
    below = max(0.48, 0.15 + _NAME_INCHES * max(map(len, names), default=0))
    figure = new_figure(10, 2.6 + below, title)
    drift, histogram = side_by_side(figure, (2, 1), bottom=below)
    places = np.arange(len(names))
    for values, label, colour in ((before, "before", COLOURS["before"]), (after, "after", COLOURS["after"])):
        known = values[~np.isnan(values)]
        mean = known.mean() if len(known) else np.nan
        drift.plot(places, values - mean, "o-", color=colour, label=f"{label} (mean {mean:.5g} {unit})")
    drift.set_xticks(places, names, rotation=60, ha="right", fontsize=7)
    drift.set_ylabel(f"level minus its mean [{unit}]")
    drift.legend(fontsize=8)
    bins = max(5, min(30, len(names)))
    histogram.hist(after[~np.isnan(after)], bins=bins, color=COLOURS["after"])
    histogram.set_xlabel(f"level left in a frame [{unit}]")
    histogram.set_ylabel("frames")
    return figure


def combined_images(images, unit="adu", title=""):
    """Show combined darks side by side, each on its own stretch, with the histogram of their values.

    Parameters
    ----------
    images : mapping of str to ndarray
        Label to image.
    unit : str
        Of the values.
    title : str
        Plain text.
    """
    figure = new_figure(3.6 * (len(images) + 1), 3.4, title)
    *pictures, histogram = side_by_side(figure, [1.0] * (len(images) + 1), bars=len(images))
    is_any = False
    for axes, (label, image), colour in zip(pictures, images.items(), cycle(colour_cycle()), strict=False):
        middle, spread = level_and_spread(image)
        show_image(axes, image, middle - 3 * spread, middle + 7 * spread, unit)
        axes.set_title(plain(label), fontsize=9)
        around = 0.0 if np.isnan(middle) else middle
        bins = np.linspace(around - 6 * spread, around + 14 * spread, 120)
        values = drawable(thinned(image)).ravel()
        is_any = is_any or not np.isnan(middle)
        histogram.hist(
            values[~np.isnan(values)], bins=bins, histtype="step", color=colour, label=plain(label)
        )
    if is_any:
        make_logarithmic(histogram.yaxis)
    histogram.set_xlabel(f"value [{unit}]")
    histogram.set_ylabel("pixels (sampled)")
    histogram.legend(fontsize=7)
    return figure
