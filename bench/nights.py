"""How simulated frames look beside real ones: rows, slope and hot pixels, as a figure for the documentation.

    python bench/nights.py [FIGURE]

Real frames are those in ../shared/data/cameras, which are not part of the project; what is not there is left out.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.ticker import NullFormatter

from darkcal_widgets import Frame, simulate_night
from darkcal_widgets.drawing import COLOURS, new_figure
from darkcal_widgets.files import frame_paths
from darkcal_widgets.simulate import CAMERAS, Exposure, realistic
from darkcal_widgets.simulate.layers import Glow
from darkcal_widgets.statistics import median_and_scatter, near_median

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "cameras"
PLAN = (Exposure("bias", 0.0, 2), Exposure("dark", 300.0, 2))


def statistics(bias, dark):
    """Return the excess of the rows' scatter, the slope in ADU, and the part of pixels above 10 sigma; NaN without a frame."""
    found = [np.nan] * 3
    if bias is not None:
        near = near_median(bias, 5.0, least=0.5)
        image = np.where(near, bias, np.nan)
        rows = np.nanmean(image, axis=1)
        tenth = len(rows) // 10
        found[1] = abs(np.nanmean(rows[-tenth:]) - np.nanmean(rows[:tenth]))
        noise = np.nanstd(image - np.nanmean(image, axis=0) - rows[:, None] + np.nanmean(rows))
        found[0] = np.nanstd(np.diff(rows)) / np.sqrt(2) / (noise / np.sqrt(image.shape[1]))
    if dark is not None:
        middle, scatter = median_and_scatter(dark, least=0.3)
        found[2] = float((dark > middle + 10 * scatter).mean())
    return found


def real():
    """Yield the name and the statistics of each camera that there is."""
    for folder in sorted(REAL.iterdir()) if REAL.is_dir() else ():
        parts = [Frame(path).parts[0] for path in frame_paths(folder)]
        bias = [one for one in parts if one.info.exposure == 0 or "bias" in one.path.name.lower()]
        dark = [one for one in parts if one.info.type == "dark" and (one.info.exposure or 0) >= 30]
        yield folder.name, statistics(*(one[-1].data.astype(float) if one else None for one in (bias, dark)))


def simulated():
    """Yield the name and the statistics of both cameras, as they are by default and with all layers."""
    for name, camera in CAMERAS.items():
        for label, one in ((name, camera), (f"{name}, realistic", realistic(camera))):
            with tempfile.TemporaryDirectory() as folder:
                night = simulate_night(Path(folder) / "night", replace(one, plan=PLAN, glow=Glow()), rows=512)
                frames = [Frame(path).data for path in sorted(night.glob("*.fits"))]
            image = slice(*one.overscan.ranges(one.columns, 0)["image"])
            yield label, statistics(*(frames[n][:, image].astype(float) for n in (0, 2)))


def main(path):
    """Draw the figure and print its numbers."""
    rows = [
        *((name, found, "before") for name, found in real()),
        *((name, found, "dark") for name, found in simulated()),
    ]
    figure = new_figure(10, 3.6)
    places = [figure.add_axes((left, 0.1, 0.24, 0.8)) for left in (0.17, 0.45, 0.73)]
    titles = ("scatter of rows over that of pixels", "slope along the columns [ADU]", "pixels above 10 sigma")
    for number, (axes, title) in enumerate(zip(places, titles, strict=True)):
        for place, (_, found, colour) in enumerate(rows):
            axes.plot(max(found[number], 1e-6), place, "o", color=COLOURS[colour])
        axes.set_xscale("log")
        axes.set_ylim(-0.5, len(rows) - 0.5)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(title, fontsize=9)
        axes.set_yticks(range(len(rows)), [name for name, *_ in rows] if number == 0 else [], fontsize=7)
    figure.savefig(path, dpi=100)
    for name, found, _ in rows:
        print(f"{name:28} {found[0]:8.2f} {found[1]:8.2f} {found[2]:10.1e}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "nights.png")
