"""The picture of a hand-in: the columns at the edge of the image, the overscan that was used, and the usable one."""

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
    figure = new_figure(2.75, 1.1)
    axes = figure.add_axes((0.02, 0.18, 0.96, 0.8))
    for kind in ("flat", "bias"):
        name = next(name for name, frame in truth["frames"].items() if frame["kind"] == kind)
        values = np.median(Frame(night / name).data[:, first:last], axis=0)
        axes.step(range(first, last), values - values.min() + 1, color=COLOURS[kind], where="mid")
    axes.set_yscale("log")
    usable = over["clean"] if over["usable"] else None
    used = _columns(settings.get("overscan_columns"), shape)
    for ends, low, colour in ((usable, 0, "bias"), (used, 0.5, "overscan")):
        if ends:
            span = (ends[0] - 0.5, ends[1] - 0.5, low, low + 0.5)
            axes.axvspan(*span, color=COLOURS[colour], alpha=0.3, linewidth=0)
    for edge in _columns(settings.get("keep_columns"), shape) or ():
        axes.axvline(edge - 0.5, color=COLOURS["mark"], linestyle=":", linewidth=1)
    axes.set_xlim(first - 0.5, last - 0.5)
    axes.set_yticks([])
    axes.minorticks_off()
    axes.tick_params(labelsize=6)
    return figure._repr_png_()


def _columns(text, shape):
    with suppress(DarkcalError, AttributeError, TypeError):
        part = parse_section(text, "").resolve(tuple(shape))[1]
        return part.start, part.stop
    return None
