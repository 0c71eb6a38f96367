"""Results so far: what a folder of calibrated frames holds."""

from pathlib import Path

import numpy as np
from astropy.table import Table

from .errors import FrameError, NightError
from .files import is_frame_name
from .frames import read_frame
from .frames.headers import describe
from .statistics import level_and_scatter
from .workers import threaded

__all__ = ["levels_of", "results_table"]


def results_table(reduced_folder):
    """List the calibrated and combined frames of a folder, with the level that is left in each.

    Parameters
    ----------
    reduced_folder : path-like

    Returns
    -------
    `~astropy.table.Table`
        Columns file, frames (how many it is the average of), exposure in seconds, overscan (mean level subtracted), level and
        scatter (see `level_and_scatter`), these three in the unit of the frame, and bias (the combined bias subtracted).
        Files that are no results are not in it.

    Raises
    ------
    NightError
        The folder is not there.
    """
    folder = Path(reduced_folder)
    if not folder.is_dir():
        raise NightError(f"the folder of results {str(folder)!r} is not there; calibrate_darks makes it.")
    paths = [path for path in sorted(folder.iterdir()) if is_frame_name(path.name)]
    rows = [row for row in threaded(_row, paths) if row is not None]
    names = ("file", "frames", "exposure", "overscan", "level", "scatter", "bias")
    table = Table(rows=rows, names=names, dtype=("U64", int, float, float, float, float, "U64"))
    table["exposure"].unit = "s"
    for name in ("overscan", "level", "scatter", "exposure"):
        table[name].format = "%.6g"
    return table


def levels_of(paths):
    """Return the level of each of these frames, raw or calibrated: see `level_and_scatter`."""
    return threaded(lambda path: level_and_scatter(read_frame(path).data)[0], paths)


def _row(path):
    try:
        frame = read_frame(path)
    except FrameError:
        return None  # Not a result; calibrate_darks says so when it would have to replace it.
    header = frame.header
    if "DCRECIPE" not in header:
        return None
    level, scatter = level_and_scatter(frame.data)
    exposure = describe(header, frame.shape).exposure
    return (
        path.name,
        header.get("NCOMBINE", 1),
        np.nan if exposure is None else exposure,
        header.get("OSCNMEAN", np.nan),
        level,
        scatter,
        header.get("BIASFILE", ""),
    )
