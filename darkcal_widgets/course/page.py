"""The page of a class, a row for each student. It loads nothing, and what students wrote is text. Its looks: `page.html.j2`."""

import base64
from collections import Counter
from pathlib import Path

from ..files import replacing
from ..html import html_page
from ..text import visible

__all__ = ["PAGE", "write_page"]

PAGE = "marks.html"

# Of each verdict: how it is coloured, and a sign for those who see no colours.
_COLOURS = {"right": "good", "wrong": "bad", "broken": "bad", "missing": "open", "unknown": "open"}
_SIGNS = {"right": "\u2713", "wrong": "\u2717", "broken": "\u2717", "missing": "?", "unknown": "?"}


def write_page(path, marks):
    """Write the page, all or nothing.

    Parameters
    ----------
    path : path-like
    marks : list of Mark

    Raises
    ------
    OutputError
        It cannot be written.
    """
    counts = Counter(mark.state for mark in marks)
    page = html_page(
        "course/page.html.j2",
        {"base64": lambda content: base64.b64encode(content).decode(), "lines": _lines},
        marks=marks,
        counts=", ".join(f"{count} {state}" for state, count in counts.items()),
        states=list(counts),
        colours=_COLOURS,
        signs=_SIGNS,
    )
    with replacing(Path(path)) as stream:
        stream.write(page.encode())


def _lines(text):
    return "\n".join(map(visible, text.splitlines()))
