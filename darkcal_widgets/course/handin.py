"""What a student hands in, as it comes: found, read, and matched with a student. Nothing of it is run, and nothing marked.

A notebook is read, not executed: settings and answers are in what its last commit has shown, or else in its cell of parameters.
"""

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ParameterError
from ..files import is_frame_name
from ..parameters import Parameters
from ..yamlfile import read_small_text, read_yaml
from .exercise import ANSWER_MIME, QUESTIONS

__all__ = ["HandIn", "find_hand_ins"]

_MOST_NOTEBOOK = 1 << 28  # bytes
_MOST_FILES = 2000
_WORDS = "words"


@dataclass
class HandIn:
    """What one student has handed in.

    Attributes
    ----------
    path : Path
    when : float
        When the latest of its files was changed, in seconds since 1970.
    settings : dict
        Parameters; empty: there are none.
    answers : dict
        See `~darkcal_widgets.course.exercise.QUESTIONS`.
    hints : int
    words : str
    made_for : str
        The folder name of the student in whose night it was made; empty: it does not say.
    results : Path or None
        A folder with FITS files.
    trouble : str
        Why it cannot be read.
    """

    path: Path
    when: float = 0.0
    settings: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    hints: int = 0
    words: str = ""
    made_for: str = ""
    results: Path | None = None
    trouble: str = ""

    def take(self, record):
        """Take settings, answers and hints from what `Exercise.commit` has kept, or from plain settings."""
        if not isinstance(record, dict):
            return
        settings = record.get("settings", record)
        known = (
            {name: value for name, value in settings.items() if name in Parameters.names()}
            if isinstance(settings, dict)
            else {}
        )
        if not known:
            return
        self.settings = known
        answers, hints = record.get("answers"), record.get("hints")
        self.answers = (
            {k: v for k, v in answers.items() if k in QUESTIONS} if isinstance(answers, dict) else {}
        )
        self.hints = sum(v for v in hints.values() if isinstance(v, int)) if isinstance(hints, dict) else 0


def find_hand_ins(folder, students):
    """Find what was handed in.

    Parameters
    ----------
    folder : path-like
        With a folder or a file for each student, of any name, in folders of any depth.
    students : list of Student

    Returns
    -------
    found : dict of str to HandIn
        By the student's folder name.
    strange : list of HandIn
        What cannot be matched with a student.
    """
    found, strange = {}, []
    for path in sorted(Path(folder).iterdir()) if Path(folder).is_dir() else ():
        if path.name.startswith(".") or path.is_symlink():
            continue
        handed = _read(path)
        owner = _owner(path, handed, students)
        if owner is None:
            strange.append(handed)
        elif owner not in found or handed.when > found[owner].when:
            found[owner] = handed
    return found, strange


def _owner(path, handed, students):
    """Return whose hand-in it is: by the name of the file or folder, else by the night it was made for."""
    name = path.name.lower().replace("_", "-").replace(" ", "-")
    known = sorted((student.folder for student in students), key=len, reverse=True)
    by_name = next((folder for folder in known if folder in name), None)
    return by_name or (handed.made_for if handed.made_for in known else None)


def _read(path):
    """Read a file or a folder; of several files that tell something, notebooks come first, then the newest."""
    handed = HandIn(path)
    files = (
        [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())[:_MOST_FILES]
    )
    told = [
        one
        for one in files
        if one.suffix.lower() in (".ipynb", ".yaml", ".yml") and ".ipynb_checkpoints" not in one.parts
    ]
    handed.when = max((one.stat().st_mtime for one in told or files), default=0.0)
    told.sort(key=lambda one: (one.suffix.lower() != ".ipynb", -one.stat().st_mtime))
    problems = []
    for one in told:
        try:
            (_read_notebook if one.suffix.lower() == ".ipynb" else _read_settings)(one, handed)
        except (OSError, ValueError, ParameterError, TypeError, LookupError, AttributeError) as error:
            problems.append(f"{one.name} cannot be read: {str(error).replace(str(one), one.name)}")
    frames = [
        one for one in files if is_frame_name(one.name) and one.parent.name.partition("-")[0] != "night"
    ]
    handed.results = frames[0].parent if frames else None
    handed.made_for = handed.made_for or _night_of(handed.settings)
    if not handed.settings and handed.results is None:
        handed.trouble = "; ".join(problems) or "there are neither settings nor results in it"
    return handed


def _night_of(settings):
    name = Path(str(settings.get("raw_folder", ""))).name
    return name.removeprefix("night-") if name.startswith("night-") else ""


def _read_settings(path, handed):
    if not handed.settings:
        handed.take(read_yaml(path))


def _read_notebook(path, handed):
    notebook = json.loads(read_small_text(path, _MOST_NOTEBOOK))
    metadata = notebook.get("metadata", {}).get("darkcal", {})
    handed.made_for = handed.made_for or str(metadata.get("student", ""))
    cells = notebook["cells"]
    words = [_text(cell["source"]) for cell in cells if _grade_id(cell).startswith(_WORDS)]
    handed.words = handed.words or "\n".join(words).strip()
    if handed.settings:
        return
    shown = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    committed = [data[ANSWER_MIME] for data in shown if ANSWER_MIME in data]
    handed.take(committed[-1] if committed else _assigned(cells))


def _grade_id(cell):
    return str(cell.get("metadata", {}).get("nbgrader", {}).get("grade_id", ""))


def _text(source):
    return source if isinstance(source, str) else "".join(source)


def _assigned(cells):
    """Return the parameters and answers that the code of a notebook assigns as plain values; of several the last."""
    values = {}
    for cell in cells:
        if cell.get("cell_type") != "code":
            continue
        try:
            statements = ast.parse(_text(cell["source"])).body
        except SyntaxError:
            continue
        for one in statements:
            if isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name):
                try:
                    values[one.targets[0].id] = ast.literal_eval(one.value)
                except ValueError:
                    continue
    return {
        "settings": {name: value for name, value in values.items() if name in Parameters.names()},
        "answers": {name: value for name, value in values.items() if name in QUESTIONS and value is not None},
    }
