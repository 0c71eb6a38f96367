"""The picture of a hand-in: the columns at the edge of the image, the overscan that was used, and the usable one."""

import io
from contextlib import suppress

import numpy as np

from ..drawing import COLOURS, new_figure
from ..errors import DarkcalError
from ..frames import Frame
from ..sections import parse_section

__all__ = ["picture_of"]


def picture_of(night, truth, settings):
    """Draw the columns of a flat and a bias frame around the overscan.

    Parameters
    ----------
    night : Path
    truth : dict
    settings : dict
        Of the hand-in; what of it cannot be read is not drawn.

    Returns
    -------
    bytes
        PNG.
    """
    over, shape = truth["overscan"], truth["shape"]
    start, stop = over["overscan"]
    first, last = max(0, start - 25), min(shape[1], stop + 25)
    figure = new_figure(3.6, 1.5)
    axes = figure.subplots()
    for kind, colour in (("flat", "orange"), ("bias", "blue")):
        name = next(name for name, frame in truth["frames"].items() if frame["kind"] == kind)
        values = np.median(Frame(night / name).data[:, first:last], axis=0)
        axes.plot(
            np.arange(first, last),
            values - values.min() + 1,
            color=COLOURS[colour],
            drawstyle="steps-mid",
            label=kind,
        )
    axes.set_yscale("log")
    if over["usable"]:
        axes.axvspan(
            over["clean"][0] - 0.5,
            over["clean"][1] - 0.5,
            0,
            0.5,
            color=COLOURS["green"],
            alpha=0.3,
            label="usable",
        )
    if used := _columns(settings.get("overscan_columns"), shape):
        axes.axvspan(used[0] - 0.5, used[1] - 0.5, 0.5, 1, color=COLOURS["purple"], alpha=0.3, label="used")
    for edge in _columns(settings.get("keep_columns"), shape) or ():
        axes.axvline(edge - 0.5, color=COLOURS["black"], linestyle=":", linewidth=1)
    axes.set_xlim(first - 0.5, last - 0.5)
    axes.set_yticks([])
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=5, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120)
    return stream.getvalue()


def _columns(text, shape):
    with suppress(DarkcalError, AttributeError, TypeError):
        part = parse_section(text, "").resolve(tuple(shape))[1]
        return part.start, part.stop
    return None
