"""Figures of what the darks tell: dark current, linearity, read noise. Each takes data and returns a figure."""

from typing import TYPE_CHECKING

import numpy as np

from ..drawing import COLOURS, make_logarithmic, new_figure, plain, side_by_side
from ..statistics import MAD_TO_SIGMA, median_and_scatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .report import DarkReport

__all__ = ["dark_current", "linearity", "read_noise"]

# Differences of frames in whole ADU may have a median absolute deviation of 0: half an ADU is what rounding hides.
_LEAST_SCATTER = 0.5 * MAD_TO_SIGMA

# Of the histogram of dark currents, as the axis is bent: a tenth of the linear width in the noise, 10 % of the rate far beyond.
_BIN = 0.1


def dark_current(report: "DarkReport", title: str = "Dark current") -> "Figure":
    """Draw how many pixels have which dark current; where noise alone decides is shaded.

    Parameters
    ----------
    report : DarkReport
    title : str
        Plain text.
    """
    if not report.exposure:
        return _nothing_drawn(title, "The darks have no exposure time, so there is no dark current to draw.")
    factor = (1.0 if report.gain is None else report.gain) / report.exposure
    unit = "adu/s" if report.gain is None else "e-/s"
    rates = (report.image[np.isfinite(report.image)] * factor).ravel()
    sigma = report.ground.sigma * factor
    reach = report.hot.meta["threshold"] * sigma
    middle = report.ground.level * factor
    if not reach > 0:
        return _nothing_drawn(title, "All pixels of the dark are equal: nothing to draw.")
    figure = new_figure(10, 3.8, title)
    (axes,) = side_by_side(figure, (1,))
    # Nearly linear in the noise and logarithmic far beyond, so that peak and hot pixels are both seen. All bins are equally
    # wide on this axis: where their width jumped, so would the counts.
    width = reach / 2
    ends = np.arcsinh(np.array([min(rates.min(), middle - reach), max(rates.max(), middle + reach)]) / width)
    edges = np.sinh(np.arange(ends[0], ends[1] + 2 * _BIN, _BIN)) * width
    axes.hist(rates, bins=edges, color=COLOURS["dark"], histtype="stepfilled")
    noise = {"color": COLOURS["before"], "alpha": 0.2, "linewidth": 0, "label": "noise decides"}
    axes.axvspan(middle - reach, middle + reach, **noise)
    if report.dark_current is not None:
        label = f"of most pixels: {report.dark_current}"
        axes.axvline(report.dark_current.value, color=COLOURS["mark"], linewidth=1, label=label)
    axes.set_xscale("asinh", linear_width=width)
    axes.xaxis.set_major_formatter("{x:g}")
    make_logarithmic(axes.yaxis)
    axes.minorticks_off()
    axes.set_xlabel(f"dark current of a pixel [{unit}]")
    axes.set_ylabel("pixels")
    axes.legend(fontsize=8, loc="upper right")
    return figure


def _nothing_drawn(title, why):
    figure = new_figure(10, 3.8, title)
    (axes,) = side_by_side(figure, (1,))
    axes.axis("off")
    axes.text(0.5, 0.5, why, ha="center")
    return figure


def linearity(report: "DarkReport", title: str = "Do dark counts grow with the exposure?") -> "Figure":
    """Draw the level of the darks, and the counts of hot pixels, against the exposure.

    Parameters
    ----------
    report : DarkReport
    title : str
        Plain text.
    """
    figure = new_figure(10, 3.6, title)
    level, hot = side_by_side(figure, (1, 1))
    table = report.levels
    level.errorbar(table["exposure"], table["level"], table["uncertainty"], fmt="o", color=COLOURS["dark"])
    level.set_xlabel("exposure [s]")
    level.set_ylabel(f"level of the darks [{table['level'].unit}]")
    seconds = np.array([*report.growth, report.exposure], dtype=float)
    ratios = np.array([*report.growth.values(), (1.0, 0.0)], dtype=float)
    hot.plot([0, report.exposure], [0, 1], "-", color=COLOURS["mark"], linewidth=1, label="straight line")
    hot.errorbar(seconds, ratios[:, 0], ratios[:, 1], fmt="o", color=COLOURS["hot"], label="hot pixels")
    hot.set_xlabel("exposure [s]")
    hot.set_ylabel("counts over those of the longest")
    hot.set_title(plain(report.linear), fontsize=8, wrap=True)
    hot.legend(fontsize=8)
    return figure


def read_noise(one, other, gain=None, title="Read noise"):
    """Draw the differences of two bias frames, over the square root of 2, and the Gaussian of the same width.

    Parameters
    ----------
    one, other : ndarray
        Bias frames of one shape.
    gain : float, optional
        Electrons per ADU.
    title : str
        Plain text.
    """
    factor, unit = (1.0, "adu") if gain is None else (gain, "e-")
    difference = np.subtract(one, other, dtype=float).ravel()
    middle, scatter = median_and_scatter(difference, least=_LEAST_SCATTER)
    difference -= middle
    bound = 5 * float(scatter)
    near = difference[np.abs(difference) <= bound]
    sigma = float(np.std(near))
    # Differences are whole ADU: bins of one ADU are neither empty nor twice as full as their neighbours.
    edges = np.arange(-np.ceil(bound), np.ceil(bound) + 2) - 0.5
    figure = new_figure(10, 3.6, title)
    (axes,) = side_by_side(figure, (1,))
    scale = factor / np.sqrt(2)
    axes.hist(
        difference * scale,
        bins=edges * scale,
        color=COLOURS["bias"],
        label=f"{sigma * scale:.4g} {unit}",
    )
    values = np.linspace(edges[0], edges[-1], 300)
    if sigma > 0:
        gaussian = np.exp(-((values / sigma) ** 2) / 2) / (sigma * np.sqrt(2 * np.pi))
        axes.plot(values * scale, len(near) * gaussian, color=COLOURS["mark"], label="Gaussian")
    make_logarithmic(axes.yaxis)
    axes.set_ylim(bottom=0.5)
    axes.set_xlabel(f"difference of two bias frames / √2 [{unit}]")
    axes.set_ylabel("pixels")
    axes.legend(fontsize=8)
    return figure
