"""Marks for a class: what is handed in is tried on the student's night, compared with the truth, and weighed. Shown by `page`.

Nothing that a student wrote is run: settings are tried by this program, on the raw frames that the teacher has.
"""

import csv
import io
import json
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..check import check_run
from ..combine import combine_darks
from ..errors import DarkcalError, ParameterError
from ..files import replacing
from ..groups import same_exposure
from ..night import Night
from ..parameters import Parameters
from ..run import calibrate_darks
from ..simulate import read_truth
from ..text import shortened, visible
from ..yamlfile import read_yaml
from .handin import find_hand_ins
from .page import PAGE, write_page
from .picture import picture_of
from .roster import Classroom

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["MARKS", "WEIGHTS", "Mark", "mark_class"]

MARKS = "marks.csv"

#: Points for each thing that is right. What is marked besides, such as a wrong unit or frames that were changed by hand, costs
#: `other`; each hint costs `hint`, a late hand-in `late`.
WEIGHTS = {
    "frames": 15,
    "overscan": 25,
    "trim": 15,
    "bias": 25,
    "flats_served_by": 10,
    "left_over": 5,
    "dark_current_found": 5,
    "other": 20,
    "hint": 0,
    "late": 0,
}
_COSTS = ("other", "hint", "late")

# Places of a run, which are the teacher's and not the student's.
_PLACES = ("raw_folder", "dark_folder", "reduced_folder", "combined_bias", "overwrite")

# Numbers that students answer may differ so much from the truth.
_BIAS_PART, _CURRENT_PART, _CURRENT = 0.05, 0.25, 0.005


@dataclass
class Mark:
    """One row of the marks.

    Attributes
    ----------
    student : Student or None
        `None`: nobody knows whose hand-in it is.
    state : str
        ``'right'``, ``'wrong'``, ``'broken'``, ``'missing'`` or ``'unknown'``.
    mark : float
        0 to 100.
    step : str
        Where it began to go wrong.
    right, wrong, follows : list of str
        Sentences: what is right, each mistake, and what comes of mistakes.
    notes : list of str
        What a teacher should look at.
    hints : int
    words : str
    picture : bytes
        PNG; empty: none.
    """

    student: object
    state: str = "missing"
    mark: float = 0.0
    step: str = ""
    right: list = field(default_factory=list)
    wrong: list = field(default_factory=list)
    follows: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    hints: int = 0
    words: str = ""
    picture: bytes = b""
    source: str = ""

    @property
    def name(self):
        """Of the student, or of the file that nobody is known to have handed in."""
        return self.student.name if self.student else self.source


def mark_class(folder: "str | PathLike[str]", *, due: str | None = None) -> list[Mark]:
    """Mark what the students of a class have handed in, and write ``marks.csv`` and ``marks.html``.

    Parameters
    ----------
    folder : path-like
        See `~darkcal_widgets.course.make_class`.
    due : str, optional
        Date, or date and time, as ``2026-03-01 18:00``: what was changed later is late.

    Returns
    -------
    list of Mark
        One for each student, then what could not be matched.

    Raises
    ------
    NightError
        This is not the folder of a class.
    ParameterError
        The weights or `due` cannot be used.
    OutputError
        Marks cannot be written.
    """
    room = Classroom(Path(folder))
    students, weights, deadline = room.read()["students"], _weights(room), _deadline(due)
    found, strange = find_hand_ins(room.handed_in, students)
    marks = [_marked(room, student, found.get(student.folder), weights, deadline) for student in students]
    _point_out_twins(marks, found)
    marks += [
        Mark(None, "unknown", source=one.path.name, notes=["It is not known whose hand-in this is."])
        for one in strange
    ]
    with replacing(room.folder / MARKS) as stream:
        stream.write(_table(marks).encode())
    write_page(room.folder / PAGE, marks)
    return marks


def _weights(room):
    """Return the weights of the class: those of its file in place of the usual ones, which are written there the first time."""
    path = room.teacher / "weights.yaml"
    if not path.is_file():
        with replacing(path) as stream:
            stream.write("".join(f"{name}: {points}\n" for name, points in WEIGHTS.items()).encode())
    given = read_yaml(path)
    for name, points in given.items():
        if (
            name not in WEIGHTS
            or isinstance(points, bool)
            or not isinstance(points, int | float)
            or points < 0
        ):
            raise ParameterError(
                f"{path}: {name} is {points!r}; expected a number of at least 0 for one of {', '.join(WEIGHTS)}."
            )
    return WEIGHTS | given


def _deadline(due):
    try:
        return None if due is None else datetime.fromisoformat(due).timestamp()
    except ValueError as error:
        raise ParameterError(
            f"due is {due!r}; expected a date, as 2026-03-01 or 2026-03-01 18:00."
        ) from error


def _marked(room, student, handed, weights, deadline):
    if handed is None:
        return Mark(student, notes=["Nothing was handed in."])
    mark = Mark(student, "broken", hints=handed.hints, words=shortened(handed.words, 4000))
    if handed.made_for not in ("", student.folder):
        mark.notes.append(f"It was made with the night of {handed.made_for}.")
    late = deadline is not None and handed.when > deadline
    if late:
        mark.notes.append(f"Late: {datetime.fromtimestamp(handed.when):%Y-%m-%d %H:%M}.")
    try:
        if handed.trouble:
            raise ParameterError(handed.trouble)
        report = _tried(room, student, handed)
    except (DarkcalError, OSError) as error:
        mark.wrong = [shortened(str(error), 500)]
        mark.step = "hand-in"
        return mark
    truth = read_truth(room.truth(student))
    answers = _answers(handed.answers, truth)
    _weigh(mark, report.checks, answers, weights)
    mark.mark = max(0.0, mark.mark - weights["hint"] * handed.hints - weights["late"] * late)
    mark.picture = picture_of(room.night(student), truth, handed.settings)
    return mark


def _tried(room, student, handed):
    """Try the settings on the student's night, or take the results as they are, and compare with the truth."""
    night, truth = room.night(student), room.truth(student)
    if not handed.settings:
        return check_run(handed.results, night, truth)
    results = room.results(student)
    shutil.rmtree(results, ignore_errors=True)
    values = {name: value for name, value in handed.settings.items() if name not in _PLACES}
    parameters = Parameters.from_mapping(values | {"raw_folder": str(night), "reduced_folder": str(results)})
    raw = Night(night, image_types=parameters.image_types)
    run = calibrate_darks(raw, parameters.recipe, results, files=parameters.files, progress=False)
    run.raise_failures()
    combine_darks(results)
    return check_run(results, night, truth)


def _weigh(mark, checks, answers, weights):
    """Give points for what is right; a mistake costs once, what follows from it nothing."""
    off = [check for check in checks if check.state == "off"]
    missing = [name for name, answer in answers.items() if answer is None]
    answers = {name: answer for name, answer in answers.items() if answer is not None}
    mark.notes += [f"Not answered: {', '.join(missing)}."] if missing else []
    mark.wrong = [check.text for check in off] + [text for right, text in answers.values() if not right]
    mark.right = [f"{check.what}: {check.text}" for check in checks if check.state == "right"] + [
        text for right, text in answers.values() if right
    ]
    mark.follows = [
        f"{check.what} (from {check.cause}): {check.text}" for check in checks if check.state == "follows"
    ]
    mark.step = off[0].what if off else next((name for name, (right, _) in answers.items() if not right), "")
    mark.state = "wrong" if mark.wrong else "right"
    wrong = (
        {check.what for check in off}
        | {name for name, (right, _) in answers.items() if not right}
        | set(missing)
    )
    due = {name: points for name, points in weights.items() if name not in _COSTS}
    got = sum(points for name, points in due.items() if name not in wrong)
    others = [name for name in wrong if name not in due]
    mark.mark = max(0.0, round(100 * got / max(sum(due.values()), 1) - weights["other"] * len(others), 1))


def _answers(given, truth):
    """Return for each question whether the answer is right, and a sentence; `None` where there is no answer."""
    frames = truth["frames"].values()
    darks = sorted({frame["exposure"] for frame in frames if frame["kind"] == "dark" and not frame["lit"]})
    flats = sorted({frame["exposure"] for frame in frames if frame["kind"] == "flat"})
    own = [dark for dark in darks if same_exposure(dark, flats[0])]
    bias = float(np.mean(list(truth["bias_levels"].values()))) * (1 - flats[0] / darks[-1])
    current = truth["dark_current"]
    true = {
        "flats_served_by": (own[0] if own else "scaled", 0.1),
        "left_over": (bias, _BIAS_PART * bias),
        "dark_current_found": (current, max(_CURRENT_PART * current, _CURRENT)),
    }
    return {name: _compared(name, given.get(name), *right) for name, right in true.items()}


def _compared(name, given, true, tolerance):
    is_right = (
        given == true if isinstance(true, str) or isinstance(given, str) else _near(given, true, tolerance)
    )
    shown = true if isinstance(true, str) else f"{true:.4g}"
    if given is None:
        return None
    return (
        is_right,
        f"{name} is {shown}." if is_right else f"{name} is {shown}, not {shortened(str(given), 40)}.",
    )


def _near(given, true, tolerance):
    return isinstance(given, int | float) and not isinstance(given, bool) and abs(given - true) <= tolerance


def _point_out_twins(marks, found):
    """Note hand-ins that are the same, though each was made for another night."""
    twins = defaultdict(list)
    for mark in marks:
        handed = found.get(mark.student.folder)
        if handed is not None and (handed.settings or handed.words):
            settings = {name: value for name, value in handed.settings.items() if name not in _PLACES}
            twins[json.dumps([settings, handed.answers], sort_keys=True, default=str)].append(mark)
    for same in twins.values():
        for mark in same if len(same) > 1 else ():
            others = ", ".join(other.name for other in same if other is not mark)
            mark.notes.append(f"The same settings and answers as {others}, whose night is another one.")


def _table(marks):
    """Return the marks as CSV: the lines of the roster with the mark behind, for a grade book."""
    roster = list(dict.fromkeys(name for mark in marks if mark.student for name in mark.student.columns))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*roster, "mark", "verdict", "began with", "wrong", "hints", "notes"])
    for mark in marks:
        own = (
            [mark.student.columns.get(name, "") for name in roster]
            if mark.student
            else [mark.source, *[""] * (len(roster) - 1)]
        )
        told = [
            f"{mark.mark:g}",
            mark.state,
            mark.step,
            " ".join(mark.wrong),
            mark.hints,
            " ".join(mark.notes),
        ]
        writer.writerow([_harmless(visible(value)) for value in [*own, *told]])
    return text.getvalue()


def _harmless(text):
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text
