"""Figures of a run: its last dark before and after, the level of every dark, its combined darks. Drawn by `frames.figures`."""

from typing import TYPE_CHECKING

from ..frames import Frame, figures
from ..results import levels_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..outcome import Run

__all__ = ["before_after", "combined_images", "levels"]


def before_after(run: "Run") -> "Figure":
    """Show the last dark of a run before and after calibration, on one stretch.

    Parameters
    ----------
    run : Run
        From `calibrate_darks` or `DarkPanel.calibrate`, with at least one result.

    Returns
    -------
    `~matplotlib.figure.Figure`
    """
    raw, calibrated = _pair(run.done[-1])
    return figures.before_after(raw.data, calibrated.data, calibrated.unit(), raw.name)


def levels(run: "Run") -> "Figure":
    """Draw the level of each dark of a run before and after calibration, and the histogram of what is left.

    Parameters
    ----------
    run : Run
        See `before_after`.

    Returns
    -------
    `~matplotlib.figure.Figure`
    """
    pairs = [_pair(outcome) for outcome in run.done]
    before, after = (levels_of(frames) for frames in zip(*pairs, strict=True))
    names, unit = [outcome.name for outcome in run.done], pairs[-1][1].unit()
    return figures.levels(before, after, names, unit, "Level of each dark")


def combined_images(run: "Run") -> "Figure":
    """Show combined darks side by side, each on its own stretch, with the histogram of their values.

    Parameters
    ----------
    run : Run
        From `combine_darks`.

    Returns
    -------
    `~matplotlib.figure.Figure`
    """
    combined = [part for outcome in run.done for part in Frame(outcome.path).parts]
    names = [f"{part.path.stem}{f'[{part.extension}]' if part.extension else ''}" for part in combined]
    images = {name: part.data for name, part in zip(names, combined, strict=True)}
    return figures.combined_images(images, combined[-1].unit())


def _pair(outcome):
    """Return a dark before and after: of a file with several images, the first that was calibrated."""
    calibrated = Frame(outcome.path).parts[0]
    raw = Frame(outcome.raw, outcome.name)
    return raw.select([calibrated.label])[0] if len(raw.parts) > 1 else raw, calibrated
