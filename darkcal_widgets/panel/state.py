"""What a panel is made of besides its night: the state it shows, and how far a run has come."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from ..text import visible

__all__ = ["VIEW_CHOICES", "Progress", "State", "View", "notebook_of", "visible_text"]

SETTINGS_FILE = "darkcal-settings.yaml"
VIEW_CHOICES = {
    "statistic": ("mean", "median"),
    "axis": (1, 0),
    "drag": ("overscan_columns", "keep_columns"),
    "aligned": (True, False),
    "list": ("darks", "all"),
}


@dataclass(frozen=True)
class View:
    """How the panel is looked at; no result depends on it.

    Attributes
    ----------
    frame : str or None
        Name of the frame looked at; `None`: the first picked dark.
    statistic, axis, drag, aligned, list
        See `VIEW_CHOICES`: of the profile, its axis (1: columns), what a drag sets, profiles from their overscan, frames listed.
    exposure : int or None
        Which of the exposure times is listed; `None`: all.
    sort : tuple
        Column of the list, and whether it runs backwards.
    settings_file : str
        Where settings are saved and loaded.
    """

    frame: str | None = None
    statistic: str = "mean"
    axis: int = 1
    drag: str = "overscan_columns"
    aligned: bool = True
    list: str = "darks"
    exposure: int | None = None
    sort: tuple = ("name", False)
    settings_file: str = SETTINGS_FILE


@dataclass(frozen=True)
class State:
    """All that a panel is: the parameters by name, as they stand in the controls (they may be wrong), and the view."""

    values: dict
    view: View = field(default_factory=View)


class Progress:
    """Counts the frames of a run and tells the panel."""

    def __init__(self, show):
        self._show, self._begun = show, time.monotonic()
        self._now = {"running": True, "done": 0, "total": 0, "failed": 0, "lines": [], "last": ""}

    def begin(self, total):
        self._tell(total=total)

    def step(self, outcome):
        done = self._now["done"] + 1
        seconds = max(time.monotonic() - self._begun, 1e-6)
        self._tell(
            done=done,
            failed=self._now["failed"] + (outcome.state == "failed"),
            last=visible(f"{outcome.name}: {outcome.state}"),
            rate=done / seconds,
            left=(self._now["total"] - done) * seconds / done,
        )

    def end(self, lines, run=None):
        results = [] if run is None else [o for o in run.outcomes if o.path is not None]
        self._tell(
            running=False,
            lines=lines,
            stopped=run is None or run.cancelled,
            seconds=time.monotonic() - self._begun,
            results=[
                {"name": visible(o.path.name), "path": os.path.abspath(o.path), "state": o.state}
                for o in results
            ],
        )

    def _tell(self, **news):
        self._now = self._now | news
        self._show(self._now)


def visible_text(text):
    """Make text of several lines safe to look at."""
    return "\n".join(map(visible, text.splitlines()))


def notebook_of(values):
    """Return number and path of the notebook that these settings belong to: the one that is open, or the shipped one."""
    number = 2 if values["subtract_bias"] else 1
    path = os.environ.get("JPY_SESSION_NAME", "")
    if path.endswith(".ipynb"):
        return (int(Path(path).name[0]) if Path(path).name[:2] in ("1-", "2-") else number), os.path.relpath(
            path
        )
    return number, ("1-overscan-subtracted-bias-kept.ipynb", "2-bias-subtracted-overscan-trimmed.ipynb")[
        number - 1
    ]
