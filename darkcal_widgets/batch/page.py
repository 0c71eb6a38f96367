"""The page and the table of a batch, from the records of its runs.

The page loads nothing from elsewhere but the thumbnails beside it, and everything on it that comes from files is escaped.
Without JavaScript it is a table in the order of the runs; with it, a click on a heading sorts. How it looks is in `page.html.j2`.
"""

import io
import os
from collections import Counter
from pathlib import Path
from urllib.parse import quote

from ..files import replacing
from ..html import html_page
from ..text import visible
from .record import REPORT, THUMBNAIL

__all__ = ["PAGE", "SUMMARY", "write_page"]

PAGE, SUMMARY = "index.html", "summary.ecsv"

_NUMBERS = ("overscan", "level", "scatter", "seconds")
_ORDER = (
    "name",
    "state",
    "notebook",
    "recipe",
    "written",
    "unchanged",
    "failed",
    "overscan",
    "level",
    "scatter",
    "check",
    "seconds",
    "error",
    "source",
)


def write_page(out, records):
    """Write ``index.html`` and ``summary.ecsv`` into the folder of a batch, each all or nothing.

    Parameters
    ----------
    out : path-like
    records : list of Record
        In the order in which they are shown.

    Raises
    ------
    OutputError
        One of them cannot be written.
    """
    out = Path(out)
    with replacing(out / PAGE) as stream:
        stream.write(_page(out, records).encode())
    with replacing(out / SUMMARY) as stream:
        stream.write(_table_text(records).encode())


def _table_text(records):
    from astropy.table import MaskedColumn, Table

    table = Table()
    for name in _ORDER:
        values = [getattr(record, name) for record in records]
        if name in _NUMBERS:
            numbers = [float("nan") if value is None else value for value in values]
            mask = [value is None for value in values]
            table[name] = MaskedColumn(numbers, mask=mask, dtype=float, format=".6g")
        else:
            table[name] = [visible(value) if isinstance(value, str) else value for value in values]
    table["seconds"].unit = "s"
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def _page(out, records):
    def address(record, name):
        """Return where a file of a run is, as a link; nothing where there is none."""
        is_there = record.state != "invalid" and os.path.isfile(out / record.name / name)
        return f"{quote(record.name, safe='')}/{quote(name)}" if is_there else ""

    counts = Counter(record.state for record in records)
    return html_page(
        "batch/page.html.j2",
        {"address": address},
        records=records,
        counts=visible(", ".join(f"{count} {state}" for state, count in sorted(counts.items()))),
        summary=SUMMARY,
        REPORT=REPORT,
        THUMBNAIL=THUMBNAIL,
    )
