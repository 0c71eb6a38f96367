"""What was made already with the settings of a plan, and what combining would add or replace, from headers alone."""

from dataclasses import dataclass
from functools import cached_property

from ..combine.files import combined_standings
from ..results import Results

__all__ = ["Made"]


@dataclass(frozen=True)
class Made:
    """The results of a plan that are there.

    Attributes
    ----------
    plan : Plan
    """

    plan: object

    @cached_property
    def darks(self):
        """The calibrated darks that the plan would leave as they are."""
        standings = self.plan.standings
        names = {job.result.name for job in self.plan.jobs if standings[job.name].state == "current"}
        return [dark for dark in Results(self.plan.folder).darks if dark.name in names]

    @cached_property
    def combined(self):
        """Name of each combined dark of `darks` to its state.

        It is ``'not made yet'``, ``'up to date'``, ``'out of date'`` (of the same settings; it is made again when they are
        combined), ``'made otherwise'`` or ``'foreign'`` (not made by darkcal).
        """
        found = combined_standings(self.plan.folder, self.darks)
        recipe = self.darks[0].header["DCRECIPE"] if self.darks else None
        return {path.name: _state(standing, recipe) for path, standing in found.items()}

    def named(self, state):
        """Return the names of the combined darks in a state."""
        return [name for name, found in self.combined.items() if found == state]


def _state(standing, recipe):
    alike = standing.header is not None and standing.header.get("DCRECIPE") == recipe
    other = "out of date" if alike else "made otherwise"
    return {"current": "up to date", "absent": "not made yet", "other": other}.get(standing.state, "foreign")
