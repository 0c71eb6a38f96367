"""Who is in a class, and the places of a class on disk. Neither nights nor marks are made here."""

import csv
import re
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import yaml

from ..errors import NightError, ParameterError
from ..files import replacing
from ..yamlfile import read_small_text, read_yaml

__all__ = ["Classroom", "Student", "read_roster"]

_MOST_ROSTER = 1 << 20  # bytes
_NAME_COLUMNS = ("name", "student", "full name", "username", "email")


@dataclass(frozen=True)
class Student:
    """One student.

    Attributes
    ----------
    name : str
    folder : str
        Name of the student's folder, of letters a to z, digits and hyphens.
    columns : dict
        The line of the roster, which the marks repeat for a grade book.
    """

    name: str
    folder: str
    columns: dict


@dataclass(frozen=True)
class Classroom:
    """The places of a class.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def handed_in(self):
        """Where the teacher puts what the students hand in."""
        return self.folder / "handed-in"

    @property
    def teacher(self):
        """What no student may see."""
        return self.folder / "teacher"

    def hand_out(self, student):
        """Return the folder that a student gets."""
        return self.folder / "hand-out" / student.folder

    def night(self, student):
        """Return a student's raw frames; the name of the folder tells whose settings a file holds."""
        return self.hand_out(student) / f"night-{student.folder}"

    def truth(self, student):
        """Return the folder of the truth of a student's night."""
        return self.teacher / "truth" / student.folder

    def results(self, student):
        """Return the folder in which a student's settings are tried."""
        return self.teacher / "results" / student.folder

    def read(self):
        """Return what `write` has kept: ``key``, ``level`` and ``students``.

        Raises
        ------
        NightError
            This is not the folder of a class.
        """
        path = self.teacher / "class.yaml"
        if not path.is_file():
            raise NightError(
                f"{path} is not there; make the class with `darkcal class make {self.folder} --students FILE`."
            )
        values = read_yaml(path)
        try:
            students = [Student(one["name"], one["folder"], one["columns"]) for one in values["students"]]
            return {"key": str(values["key"]), "level": int(values["level"]), "students": students}
        except (KeyError, TypeError, ValueError) as error:
            raise NightError(f"{path} is damaged ({error!r}); make the class again.") from error

    def write(self, students, level, key=None):
        """Keep what makes the nights; return the key, which stays the same once there is one.

        With the names alone anybody who has this program could make the same nights, and the truth with them.
        """
        earlier = self.read()["key"] if (self.teacher / "class.yaml").is_file() else secrets.token_hex(16)
        kept = {"key": key or earlier, "level": level, "students": [vars(student) for student in students]}
        with replacing(self.teacher / "class.yaml") as stream:
            stream.write(yaml.safe_dump(kept, sort_keys=False, allow_unicode=True).encode())
        return kept["key"]


def read_roster(path):
    """Read the students of a class from a CSV table.

    Parameters
    ----------
    path : path-like
        A line for each student, under a line of headings. The name is in the column ``name``, ``student``, ``full name``,
        ``username`` or ``email``, the first of these that is there, or else in the first column.

    Returns
    -------
    list of Student

    Raises
    ------
    ParameterError
        The file cannot be read, holds no student, or two whose folders would have the same name.
    """
    try:
        text = read_small_text(path, _MOST_ROSTER).removeprefix("\ufeff")
    except (OSError, ValueError) as error:
        raise ParameterError(f"the roster {path} cannot be read: {error}") from error
    dialect = csv.excel if ";" not in text.partition("\n")[0] else _Semicolons
    lines = [line for line in csv.DictReader(text.splitlines(), dialect=dialect) if any(line.values())]
    headings = {str(name).strip().lower(): name for name in (lines[0] if lines else {})}
    column = next(
        (headings[name] for name in _NAME_COLUMNS if name in headings), next(iter(headings.values()), None)
    )
    named = [(str(line[column]).strip(), line) for line in lines if line.get(column)]
    if not named:
        raise ParameterError(
            f"the roster {path} names no student; expected a line of headings, then a line for each, with a name."
        )
    students = [
        Student(name, _folder(name), {str(k): str(v or "") for k, v in line.items()}) for name, line in named
    ]
    folders = [student.folder for student in students]
    if double := [student.name for student in students if folders.count(student.folder) > 1]:
        raise ParameterError(
            f"the roster {path} has the same name twice: {' and '.join(double[:2])}; tell them apart."
        )
    return students


class _Semicolons(csv.excel):
    delimiter = ";"


def _folder(name):
    """Return a name as that of a folder.

    Examples
    --------
    >>> _folder("Cecilia Payne-Gaposchkin")
    'cecilia-payne-gaposchkin'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words) or f"student-{name.encode().hex()[:12]}"
