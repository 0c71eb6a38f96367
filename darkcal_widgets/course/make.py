"""Make a class: a night and the exercise for each student, the truth for the teacher alone. Cameras are drawn in `cameras`."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ParameterError
from ..files import replacing
from ..notebooks import exercise_notebook
from ..simulate import simulate_night
from .cameras import LEVELS, draw_camera
from .exercise import addressed
from .roster import Classroom, read_roster

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["make_class"]


def make_class(
    folder: "str | PathLike[str]", roster: "str | PathLike[str]", *, level: int = 2, key: str | None = None
) -> Classroom:
    """Make the folders of a class.

    ``hand-out`` has a folder for each student with a night and the exercise notebook; ``teacher`` has the truth and is not for
    students; what they hand in goes to ``handed-in``. Made again, the class is the same, and what is there is left as it is.

    Parameters
    ----------
    folder : path-like
    roster : path-like
        See `~darkcal_widgets.course.roster.read_roster`.
    level : int
        1: cameras like those of the two examples, with other numbers; 2: any overscan, any exposures; 3: cameras that nobody has
        described: headers that are wrong or silent, a frame of another kind, light in a dark, two temperatures.
    key : str, optional
        What, with the names, decides the nights; default: that of the class, or a new one that nobody can guess.

    Returns
    -------
    Classroom

    Raises
    ------
    ParameterError
        The roster cannot be used, or there is no such level.
    OutputError
        The folder cannot be written to, or holds another class.
    """
    if level not in LEVELS:
        raise ParameterError(f"level is {level!r}; expected one of {', '.join(map(str, LEVELS))}.")
    students, room = read_roster(roster), Classroom(Path(folder))
    for place in (room.teacher, room.handed_in):
        place.mkdir(parents=True, exist_ok=True)
    key = room.write(students, level, key)
    for student in students:
        _make_hand_out(room, student, level, _seed(key, level, student))
    return room


def _seed(key, level, student):
    """Return a number that the key of the class and the name decide, and that tells neither."""
    return int(hashlib.sha256(f"{key} {level} {student.name}".encode()).hexdigest()[:24], 16)


def _make_hand_out(room, student, level, seed):
    camera = draw_camera(level, np.random.default_rng(seed))
    simulate_night(room.night(student), camera, seed=seed, rows=None, truth_folder=room.truth(student))
    notebook = room.hand_out(student) / exercise_notebook().name
    if not notebook.exists():
        with replacing(notebook) as stream:
            stream.write(addressed(exercise_notebook(), student, room.night(student).name))
