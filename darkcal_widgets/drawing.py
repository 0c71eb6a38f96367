"""How every figure looks: colours, an empty figure, images thinned and stretched. What is drawn stands beside what it shows."""

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator
from PIL import Image

from .statistics import level_of

if TYPE_CHECKING:
    from matplotlib.axis import XAxis, YAxis

__all__ = [
    "COLOURS",
    "colour_cycle",
    "css_colours",
    "drawable",
    "level_and_spread",
    "make_logarithmic",
    "new_figure",
    "plain",
    "show_image",
    "side_by_side",
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

# Pictures are drawn from at most about this many pixels along each axis; a figure has no more of them.
_PICTURE_PIXELS = 450

# Inches around the axes, for their labels and titles. matplotlib's layout engine finds much the same in a third of all the time.
_LEFT, _RIGHT, _BOTTOM, _TOP, _TITLE = 0.8, 0.2, 0.48, 0.3, 0.22
# A bar of colours with its labels, and the bar itself.
_BAR, _BAR_WIDTH, _BAR_GAP = 0.85, 0.13, 0.1

# Intervals between ticks; each tick takes as long as a line.
_TICKS = 6

# Noise does not shrink further at a higher level, it only takes longer.
_COMPRESSION = 2


class _Picture(Figure):
    """A figure that a notebook shows by itself, without pyplot and its list of open figures."""

    def _repr_png_(self):
        canvas, stream = FigureCanvasAgg(self), io.BytesIO()
        canvas.draw()
        image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        image.save(stream, "PNG", compress_level=_COMPRESSION)
        return stream.getvalue()


def new_figure(width, height, title=""):
    """Return an empty figure, in inches, with a title that is plain text; `side_by_side` puts axes on it."""
    figure = _Picture(figsize=(width, height))
    if title:
        figure.suptitle(plain(title), fontsize=10, y=1 - 0.07 / height, va="top", parse_math=False)
    return figure


def side_by_side(figure, widths, bars=0, bottom=_BOTTOM, top=None):
    """Return axes in a row, with room for their labels.

    Parameters
    ----------
    figure : Figure
    widths : sequence of float
        Of the axes, one against the other.
    bars : int
        How many of them, from the first, have a bar of colours to their right, see `show_image`.
    bottom : float
        Inches below, for their labels.
    top : float, optional
        Inches from below to the upper edge of the axes; `None`: as high as the figure lets them be.
    """
    width, height = figure.get_size_inches()
    top = height - _TOP - (_TITLE if figure.get_suptitle() else 0) if top is None else top
    room = [_LEFT + _RIGHT + (_BAR if number < bars else 0) for number in range(len(widths))]
    inches = (width - sum(room)) / sum(widths)
    left, placed = 0.0, []
    for share, beside in zip(widths, room, strict=True):
        place = (left + _LEFT, bottom, share * inches, top - bottom)
        placed.append(
            figure.add_axes([value / size for value, size in zip(place, (width, height) * 2, strict=True)])
        )
        left += share * inches + beside
    for axes in placed:
        axes.locator_params(nbins=_TICKS)
    return placed


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


def make_logarithmic(axis: "XAxis | YAxis") -> None:
    """Make an axis logarithmic, labelled with plain numbers: to set up matplotlib's powers of ten takes a tenth of a second."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter(labelOnlyBase=False))


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
    step = tuple(max(1, round(size / _PICTURE_PIXELS)) for size in image.shape)
    return image[:: step[0], :: step[1]]


def level_and_spread(image):
    """Return the level of an image and the standard deviation of a pixel, above 0, that a stretch is made from.

    Without a value that can be drawn, the level is NaN.
    """
    sample = drawable(thinned(image))
    level, spread = level_of(sample)
    if spread > 0 or np.isnan(level):
        return level, spread if spread > 0 else 1.0
    return level, max(float(np.nanstd(sample)), 1e-6)


def show_image(axes, image, low, high, unit):
    """Draw an image, row 0 at the bottom, with the colours stretched from `low` to `high`, and the bar of its colours beside it.

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
    box, inches = axes.get_position(), axes.figure.get_size_inches()[0]
    place = [box.x1 + _BAR_GAP / inches, box.y0, _BAR_WIDTH / inches, box.height]
    bar = axes.figure.colorbar(shown, cax=axes.figure.add_axes(place), label=unit)
    bar.locator = MaxNLocator(_TICKS)
