"""The page and the table of a batch.

The page loads nothing from elsewhere but the thumbnails beside it, and everything on it that comes from files is escaped.
Without JavaScript it is a table in the order of the runs; with it, a click on a heading sorts.
"""

import html
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..files import replacing
from ..text import visible
from .record import REPORT, THUMBNAIL

__all__ = ["PAGE", "SUMMARY", "write_page"]

PAGE, SUMMARY = "index.html", "summary.ecsv"

_TEXTS = ("name", "state", "recipe", "check", "error", "notebook", "source")
_COUNTS = ("written", "unchanged", "failed")
_NUMBERS = ("overscan", "level", "scatter", "seconds")
_ORDER = (
    "name",
    "state",
    "notebook",
    "recipe",
    *_COUNTS,
    "overscan",
    "level",
    "scatter",
    "check",
    "seconds",
    "error",
    "source",
)

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>darkcal batch</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; color: #222; background: #fff; }
table { border-collapse: collapse; }
th, td { padding: .35em .6em; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top; }
th { position: sticky; top: 0; background: #eee; white-space: nowrap; }
th button { font: inherit; font-weight: bold; border: 0; padding: 0; background: none; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.text { min-width: 8em; overflow-wrap: anywhere; }
td.error { min-width: 22em; overflow-wrap: anywhere; }
td:first-child { overflow-wrap: anywhere; min-width: 6em; }
td.state { white-space: nowrap; font-weight: bold; }
.done td.state { color: #00664b; }
.failed td.state, .invalid td.state { color: #b00020; }
.stopped td.state, .waiting td.state { color: #7a5200; }
img { max-width: 160px; max-height: 90px; display: block; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818; } th { background: #333; } th button { color: inherit; }
  a { color: #8cf; } .done td.state { color: #5fd0a8; } .stopped td.state, .waiting td.state { color: #e6b450; }
  .failed td.state, .invalid td.state { color: #ff8a9a; }
}
</style>
</head>
<body>
"""

# Rows keep their elements and only move; a heading without a button, where JavaScript is off, is plain text.
_SCRIPT = """<script>
const rows = document.querySelector("tbody");
const headings = [...document.querySelectorAll("th")];

function compare(one, other, column, sign) {
  const [left, right] = [one, other].map(row => row.cells[column]);
  const [a, b] = [left, right].map(cell => cell.dataset.value ?? cell.textContent);
  if (a === "" || b === "") return (a === "") - (b === "");  // empty cells come last, either way
  if (left.classList.contains("number")) return sign * (Number(a) - Number(b));
  return sign * a.localeCompare(b, undefined, {numeric: true});
}

headings.forEach((heading, column) => {
  const button = document.createElement("button");
  button.textContent = heading.textContent;
  heading.replaceChildren(button);
  button.addEventListener("click", () => {
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach(other => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    rows.append(...[...rows.rows].sort((one, other) => compare(one, other, column, sign)));
  });
});
</script>
"""


@dataclass(frozen=True)
class Column:
    """A column of the page: its heading, and how its cell of a record is written."""

    heading: str
    cell: callable


def write_page(out, records):
    """Write ``index.html`` and ``summary.ecsv`` into the folder of a batch, each all or nothing.

    Parameters
    ----------
    out : path-like
    records : list of Record
        In the order in which they are shown.
    """
    out = Path(out)
    with replacing(out / PAGE) as stream:
        stream.write(_page(out, records).encode())
    with replacing(out / SUMMARY) as stream:
        stream.write(_table_text(records).encode())


def _table_text(records):
    import io

    from astropy.table import MaskedColumn, Table

    table = Table()
    for name in _ORDER:
        values = [getattr(record, name) for record in records]
        if name in _NUMBERS:
            numbers = [float("nan") if value is None else value for value in values]
            table[name] = MaskedColumn(
                numbers, mask=[value is None for value in values], dtype=float, format=".6g"
            )
        else:
            table[name] = [visible(value) if name in _TEXTS else value for value in values]
    table["seconds"].unit = "s"
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def _page(out, records):
    columns = _columns(out)
    headings = "".join(f"<th scope='col'>{_text(column.heading)}</th>" for column in columns)
    rows = "\n".join(
        f"<tr class='{_text(record.state)}'>{''.join(column.cell(record) for column in columns)}</tr>"
        for record in records
    )
    counts = Counter(record.state for record in records)
    said = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    return (
        f"{_HEAD}<h1>darkcal batch</h1>\n<p>{len(records)} runs: {_text(said)}. The same as a table: "
        f"<a href='{SUMMARY}'>{SUMMARY}</a>.</p>\n"
        f"<table>\n<thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{_SCRIPT}</body>\n</html>\n"
    )


def _columns(out):
    columns = [
        Column("run", lambda record: _linked(out, record)),
        Column("state", lambda record: _cell(record.state, "state")),
        Column("picture", lambda record: _picture(out, record)),
        Column("recipe", lambda record: _cell(record.recipe)),
    ]
    for name in (*_COUNTS, "overscan", "level", "scatter"):
        columns.append(Column(name, lambda record, name=name: _number(getattr(record, name))))
    columns += [
        Column("check", lambda record: _cell(record.check)),
        Column("seconds", lambda record: _number(record.seconds, ".1f")),
        Column("error", lambda record: _cell(record.error, "error")),
        Column("notebook", lambda record: _cell(record.notebook)),
        Column("parameters", lambda record: _cell(record.source)),
    ]
    return columns


def _linked(out, record):
    name = _text(record.name)
    if record.state == "invalid" or not (out / record.name / REPORT).is_file():
        return f"<td>{name}</td>"
    return f"<td><a href='{_address(record.name, REPORT)}'>{name}</a></td>"


def _picture(out, record):
    if record.state == "invalid" or not (out / record.name / THUMBNAIL).is_file():
        return "<td></td>"
    picture = f"<img src='{_address(record.name, THUMBNAIL)}' alt='picture of the run' loading='lazy'>"
    return (
        f"<td data-value='{_text(record.name)}'><a href='{_address(record.name, REPORT)}'>{picture}</a></td>"
    )


def _cell(text, kind="text"):
    return f"<td class='{kind}'>{_text(text)}</td>"


def _number(value, format=".6g"):
    if value is None:
        return "<td class='number'></td>"
    return f"<td class='number' data-value='{value!r}'>{value:{format}}</td>"


def _address(*parts):
    return "/".join(quote(part, safe="") for part in parts)


def _text(text):
    return html.escape(visible(text))
