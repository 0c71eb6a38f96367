"""The panel of the exercise: that of the other notebooks, but its advice waits for an answer. Nothing is drawn here."""

from ..errors import ParameterError
from ..panel import DarkPanel

__all__ = ["ExercisePanel"]


class ExercisePanel(DarkPanel):
    """A `DarkPanel` of an exercise.

    Attributes
    ----------
    exercise : Exercise or None
        `None`: there is no advice.
    """

    exercise = None

    @property
    def advice(self):
        """See `DarkPanel.advice`.

        Raises
        ------
        ParameterError
            No answer has been committed yet.
        """
        if self.exercise is None or not self.exercise.is_committed:
            raise ParameterError("There is advice once you have committed an answer of your own.")
        return super().advice
