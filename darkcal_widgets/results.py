"""Results so far: what a folder of calibrated frames holds."""

from pathlib import Path

import numpy as np
from astropy.table import Table

from .errors import FrameError, NightError
from .files import is_frame_name
from .frames import read_frame
from .headers import describe

__all__ = ["SAMPLING", "results_table"]

# Every 4th row and column is plenty for a level, and sixteen times quicker on a full-size frame.
SAMPLING = 4


def results_table(reduced_folder):
    """List the calibrated and combined frames of a folder, with the level that is left in each.

    Parameters
    ----------
    reduced_folder : path-like

    Returns
    -------
    `~astropy.table.Table`
        Columns file, frames (how many it is the average of), exposure in seconds, overscan (mean level subtracted), level
        (median of every 4th row and column), scatter (1.4826 times the median absolute deviation of the same pixels), all three
        in the unit of the frame, and bias (the combined bias subtracted). Files that are no results are not in it.

    Raises
    ------
    NightError
        The folder is not there.
    """
    folder = Path(reduced_folder)
    if not folder.is_dir():
        raise NightError(f"the folder of results {str(folder)!r} is not there; calibrate_darks makes it.")
    rows = [
        row
        for path in sorted(folder.iterdir())
        if is_frame_name(path.name) and (row := _row(path)) is not None
    ]
    names = ("file", "frames", "exposure", "overscan", "level", "scatter", "bias")
    table = Table(rows=rows, names=names, dtype=("U64", int, float, float, float, float, "U64"))
    table["exposure"].unit = "s"
    for name in ("overscan", "level", "scatter", "exposure"):
        table[name].format = "%.6g"
    return table


def _row(path):
    try:
        frame = read_frame(path)
    except FrameError:
        return None  # Not a result; calibrate_darks says so when it would have to replace it.
    header = frame.header
    if "DCRECIPE" not in header:
        return None
    sample = frame.data[::SAMPLING, ::SAMPLING]
    level = float(np.nanmedian(sample))
    scatter = 1.4826 * float(np.nanmedian(np.abs(sample - level)))
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
