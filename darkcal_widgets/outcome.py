"""What a run has done: the outcome of each file, and the run as a whole. Not the work itself."""

from dataclasses import dataclass, field
from pathlib import Path

from .errors import RunError
from .html import html_text
from .text import visible

__all__ = ["MIME_TYPE", "Outcome", "Run"]

# A notebook that shows a Run keeps its counts in this form, for whoever has the notebook run.
MIME_TYPE = "application/vnd.darkcal.run+json"


@dataclass(frozen=True)
class Outcome:
    """What was done to one file.

    Attributes
    ----------
    name : str
        The frame, as the night names it.
    state : str
        ``'written'``, ``'unchanged'`` or ``'failed'``.
    path : Path or None
        The result; `None` where it failed.
    raw : Path or None
        The raw frame; `None`: the result is the average of many.
    reason : str
        Why it failed.
    saturated, no_value : int
        Pixels of the kept part that are saturated in the raw frame, or have no value (NaN, infinite) in the result.
    level : float or None
        Mean of the pixels of the result; `None`: not known.
    """

    name: str
    state: str
    path: Path | None = None
    raw: Path | None = None
    reason: str = ""
    saturated: int = 0
    no_value: int = 0
    level: float | None = None


@dataclass
class Run:
    """What a run has done, in the order of the frames.

    Attributes
    ----------
    outcomes : list of Outcome
    notes : list of str
        What a user should know and that stopped nothing.
    cancelled : bool
        Whether the run was stopped before every frame was done.
    """

    outcomes: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    cancelled: bool = False

    @property
    def written(self):
        """Paths of the results written."""
        return [outcome.path for outcome in self.outcomes if outcome.state == "written"]

    @property
    def unchanged(self):
        """Paths of the results that were there already, of the same recipe and input."""
        return [outcome.path for outcome in self.outcomes if outcome.state == "unchanged"]

    @property
    def results(self):
        """Paths of all results that are there now: written or unchanged."""
        return [outcome.path for outcome in self.done]

    @property
    def done(self):
        """The outcomes that have a result, written or unchanged."""
        return [outcome for outcome in self.outcomes if outcome.path is not None]

    @property
    def failed(self):
        """Names of the frames that failed, to the reason."""
        return {outcome.name: outcome.reason for outcome in self.outcomes if outcome.state == "failed"}

    def raise_failures(self):
        """Raise an error that lists what failed, if anything did.

        Raises
        ------
        RunError
        """
        if self.failed:
            listed = "\n".join(f"  {visible(name)}: {reason}" for name, reason in self.failed.items())
            done = len(self.written) + len(self.unchanged)
            raise RunError(
                f"{len(self.failed)} of {len(self.outcomes)} frames failed, {done} are done:\n{listed}"
            )

    def __str__(self):
        counts = f"{len(self.written)} written, {len(self.unchanged)} unchanged, {len(self.failed)} failed"
        lines = [counts + (", cancelled before the end" if self.cancelled else "")]
        lines += [visible(f"failed: {name}: {reason}") for name, reason in self.failed.items()]
        return "\n".join(lines + [visible(f"note: {note}") for note in self.notes])

    def _repr_mimebundle_(self, include=None, exclude=None):
        counts = {name: len(getattr(self, name)) for name in ("written", "unchanged", "failed")}
        return {MIME_TYPE: counts | {"results": [str(path) for path in self.results]}}

    def _repr_html_(self):
        return "<br>".join(map(html_text, str(self).splitlines()))
