"""The exercise in a student's notebook: a panel without advice, feedback, hints that are counted, an answer that is committed.

Nothing here knows the truth. What was asked for and committed is kept beside the notebook, in ``answer.yaml``, and shown in the
notebook in a form that marking reads.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ..errors import ParameterError
from ..files import replacing
from ..night import Night
from ..parameters import Parameters
from ..yamlfile import read_yaml
from .feedback import Feedback, feedback_on

if TYPE_CHECKING:
    from os import PathLike

    from ..advice import Advice
    from ..panel import DarkPanel

__all__ = ["ANSWER", "ANSWER_MIME", "HINTS", "QUESTIONS", "Exercise", "addressed"]

ANSWER = "answer.yaml"
ANSWER_MIME = "application/vnd.darkcal.answer+json"

# What is asked for beside the settings: the name of each answer, and what it is.
QUESTIONS = {
    "flats_served_by": "the exposure of the darks that serve the flats as they are, in s, or the word 'scaled'",
    "left_over": "ADU of bias that stay in a flat if a dark is scaled with its bias in it",
    "dark_current_found": "e-/s",
}

HINTS = {
    "overscan": (
        "Draw the columns at the edges of a flat and of a bias frame, each on its own scale. Which columns see no light?",
        "Charge and light spill from the image into the columns next to it. Where do flats and darks agree with bias frames?",
        "An overscan is useful if it moves with the image: compare the levels of the two in several bias frames, and in flats.",
    ),
    "trim": (
        "Keep what is lit in a flat.",
        "A header may be wrong, or silent. The flat decides.",
    ),
    "bias": (
        "List the exposures of the flats, of the science frames, and of the darks.",
        "Dark current grows with time; the bias does not. What is a dark of 100 s, divided by 20?",
    ),
    "darks": (
        "Compare the levels and the noise of the darks of one exposure with each other.",
        "Look at the picture of the one that differs: is it smooth? And at the temperatures in the headers.",
    ),
}


class Exercise:
    """The exercise of one student.

    Parameters
    ----------
    parameters : Parameters
        Those of the notebook.
    folder : path-like
        Where ``answer.yaml`` is kept.
    """

    def __init__(self, parameters: Parameters, folder: "str | PathLike[str]" = ".") -> None:
        self.parameters, self.path = parameters, Path(folder) / ANSWER
        self.night = Night(parameters.raw_folder, parameters.dark_folder, image_types=parameters.image_types)

    @property
    def record(self) -> dict:
        """What was asked for and committed so far, as it is kept."""
        return read_yaml(self.path) if self.path.is_file() else {}

    def panel(self, continues: "DarkPanel | None" = None) -> "DarkPanel":
        """Return the panel, which gives no advice before an answer is committed; see `DarkPanel.from_parameters`.

        Raises
        ------
        ParameterError
            A setting is left to the advice, and no answer has been committed yet.
        """
        from .panel import WAITS, ExercisePanel

        if self.parameters.advised and not self.is_committed:
            raise ParameterError(
                f"{' and '.join(self.parameters.advised)}: {WAITS} Set it yourself, or None."
            )
        panel = ExercisePanel.from_parameters(self.parameters, continues=continues)
        panel.exercise = self
        return panel

    def feedback(self, parameters: Parameters | None = None) -> Feedback:
        """Look at the results that were made with some parameters, see `~darkcal_widgets.course.feedback.feedback_on`."""
        parameters = parameters or self.parameters
        return feedback_on(parameters.reduced_folder, self.night, parameters.recipe)

    def hint(self, topic: str) -> None:
        """Print the next hint on a topic; how many were asked for is kept.

        Raises
        ------
        ParameterError
            There is no hint on it.
        """
        if topic not in HINTS:
            raise ParameterError(f"there is no hint on {topic!r}; expected one of {', '.join(HINTS)}.")
        hints = self.record.get("hints", {})
        count = min(hints.get(topic, 0) + 1, len(HINTS[topic]))
        self._keep(hints=hints | {topic: count})
        print(f"{count} of {len(HINTS[topic])}: {HINTS[topic][count - 1]}")

    def commit(self, parameters: Parameters, **answers: object) -> "Committed | None":
        """Commit an answer: the settings, and what was asked for beside them. From then on there is advice.

        A later answer replaces an earlier one, and is counted.

        Parameters
        ----------
        parameters : Parameters
        **answers
            See `QUESTIONS`; `None`: not yet.

        Returns
        -------
        Committed or None
            `None`: not all questions are answered yet, which is printed, and nothing is kept.

        Raises
        ------
        ParameterError
            An answer has a name that nobody has asked for.
        """
        if missing := [name for name in QUESTIONS if answers.get(name) is None]:
            print(
                f"Not committed yet: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not answered."
            )
            return None
        if unknown := [name for name in answers if name not in QUESTIONS]:
            raise ParameterError(f"nobody asks for {unknown[0]!r}; expected {', '.join(QUESTIONS)}.")
        self._keep(
            settings=parameters.to_dict(),
            answers=answers,
            commits=self.record.get("commits", 0) + 1,
        )
        return Committed(self.record)

    def advice(self, panel: "DarkPanel") -> "Advice | None":
        """Return the advice on the night, or print that it waits."""
        if self.is_committed:
            return panel.advice
        from .panel import WAITS

        print(WAITS)
        return None

    @property
    def is_committed(self) -> bool:
        """Whether there is an answer."""
        return "settings" in self.record

    def _keep(self, **values):
        with replacing(self.path) as stream:
            stream.write(yaml.safe_dump(self.record | values, sort_keys=False, allow_unicode=True).encode())


class Committed:
    """An answer as a notebook shows and keeps it."""

    def __init__(self, record):
        self.record = record

    def __str__(self):
        hints = sum(self.record.get("hints", {}).values())
        return f"Your answer no. {self.record['commits']} is kept in {ANSWER}; {hints} hints were asked for."

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": str(self), ANSWER_MIME: self.record}


def addressed(notebook, student, night):
    """Return the exercise notebook as bytes, with a student's name and night in it.

    Parameters
    ----------
    notebook : Path
    student : Student
    night : str
        Name of the folder of raw frames.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["metadata"]["darkcal"] = {"student": student.folder}
    for cell in content["cells"]:
        if "parameters" in cell["metadata"].get("tags", ()):
            cell["source"] = [line.replace('"night"', json.dumps(night)) for line in cell["source"]]
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
