"""The panel of the exercise: that of the other notebooks, but its advice waits for an answer. Nothing is drawn here."""

from ..errors import ParameterError
from ..panel import DarkPanel

__all__ = ["WAITS", "ExercisePanel"]

WAITS = "There is advice once you have committed an answer of your own."


class ExercisePanel(DarkPanel):
    """A `DarkPanel` of an exercise.

    Attributes
    ----------
    exercise : Exercise or None
        `None`: there is no advice.
    """

    exercise = None

    @property
    def _gives_advice(self):
        return self.exercise is not None and self.exercise.is_committed

    @property
    def advice(self):
        """See `DarkPanel.advice`.

        Raises
        ------
        ParameterError
            No answer has been committed yet.
        """
        if not self._gives_advice:
            raise ParameterError(WAITS)
        return super().advice
