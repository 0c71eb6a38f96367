"""How every figure looks: colours, an empty figure, images thinned and stretched. What is drawn stands beside what it shows."""

import io

import numpy as np
from matplotlib.figure import Figure

from .statistics import median_and_scatter

__all__ = [
    "COLOURS",
    "colour_cycle",
    "css_colours",
    "drawable",
    "median_and_spread",
    "new_figure",
    "plain",
    "show_image",
    "thinned",
]

# What each colour stands for, in every figure and in the panel: on a light page, and on a dark one. People with any colour vision
# tell them apart: they are Okabe and Ito's, the light ones darkened until they stand out from white by 3 to 1.
_MEANINGS = {
    "bias": ("#009E73", "#2FC79B"),
    "dark": ("#0072B2", "#56B4E9"),
    "flat": ("#B07800", "#E69F00"),
    "science": ("#A05080", "#E3A0C6"),
    "before": ("#737373", "#B5B5B5"),
    "after": ("#0072B2", "#56B4E9"),
    "overscan": ("#D55E00", "#F08A3C"),
    "keep": ("#3A8FC8", "#9AD4F5"),
    "light": ("#C9B800", "#F0E442"),
    "hot": ("#D0021B", "#FF5A5A"),
    "wrong": ("#B3261E", "#FF8A80"),
    "mark": ("#000000", "#FFFFFF"),
    "amplifier-0": ("#0072B2", "#56B4E9"),
    "amplifier-1": ("#D55E00", "#F08A3C"),
    "amplifier-2": ("#009E73", "#2FC79B"),
    "amplifier-3": ("#A05080", "#E3A0C6"),
}

# Those of figures, whose paper is white.
COLOURS = {name: on_light for name, (on_light, _) in _MEANINGS.items()}

# Beyond it values are not counts of anything, and matplotlib's scales fail.
_MOST = 1e12

# Pictures are drawn from at most this many pixels along each axis; a screen shows no more.
_PICTURE_PIXELS = 800


class _Picture(Figure):
    """A figure that a notebook shows by itself, without pyplot and its list of open figures."""

    def _repr_png_(self):
        stream = io.BytesIO()
        self.savefig(stream, format="png")
        return stream.getvalue()


def new_figure(width, height, title=""):
    """Return an empty figure, in inches, with a title that is plain text."""
    figure = _Picture(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(plain(title), fontsize=10, parse_math=False)
    return figure


def colour_cycle():
    """Return the colours in which lines are drawn that stand for nothing but themselves."""
    return [COLOURS[name] for name in ("dark", "overscan", "bias", "flat", "science", "before")]


def css_colours():
    """Return all colours as custom properties of CSS for a page: those on a light one, and those on a dark one."""
    pages = zip(*_MEANINGS.values(), strict=True)
    names = [f"--darkcal-{name}" for name in _MEANINGS]
    return tuple(
        " ".join(f"{name}: {value};" for name, value in zip(names, page, strict=True)) for page in pages
    )


def plain(text):
    """Keep text from headers and file names from being read as mathematics."""
    return str(text).replace("$", r"\$")


def drawable(values):
    """Return values as floating ones, NaN in place of those that no axis can show: infinite ones, and beyond 1e12.

    Examples
    --------
    >>> drawable([1, np.inf, -1e30])
    array([ 1., nan, nan])
    """
    values = np.asarray(values)
    values = values if values.dtype.kind == "f" else values.astype(float)
    return np.where(np.abs(values) <= _MOST, values, values.dtype.type(np.nan))


def thinned(image):
    """Return every n-th row and column of an image, as many as a screen shows."""
    step = tuple(max(1, size // _PICTURE_PIXELS) for size in image.shape)
    return image[:: step[0], :: step[1]]


def median_and_spread(image):
    """Return the median of an image and the half width of its values, above 0, that a stretch is made from.

    Without a value that can be drawn, the median is NaN.
    """
    sample = drawable(thinned(image)).astype(float)
    sample = sample[~np.isnan(sample)]
    if not sample.size:
        return np.nan, 1.0
    median, spread = median_and_scatter(sample)
    return float(median), float(spread) if spread > 0 else max(float(np.std(sample)), 1e-6)


def show_image(axes, image, low, high):
    """Draw an image, row 0 at the bottom, with the colours stretched from `low` to `high`; return what a colour bar needs.

    If those are NaN, as of an image without a value, a sentence says so.
    """
    if np.isnan(low):
        axes.text(0.5, 0.5, "No pixel has a value.", ha="center", transform=axes.transAxes)
        low, high = 0.0, 1.0
    extent = (0, image.shape[1], 0, image.shape[0])
    shown = axes.imshow(
        drawable(thinned(image)),
        origin="lower",
        cmap="viridis",
        vmin=low,
        vmax=high,
        extent=extent,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_xlabel("column")
    axes.set_ylabel("row")
    return shown
