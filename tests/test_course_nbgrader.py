"""nbgrader takes the exercise as it is: what it hands out, grades and gives feedback on.

It is left out where nbgrader is not installed; ``make nbgrader`` has an environment that has it.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from students import Played, write_roster

from darkcal_widgets import make_class

ROOT = Path(__file__).resolve().parents[1]


def nbgrader(course, *arguments):
    """Run nbgrader in the folder of a course, its kernel being this Python."""
    kernel = course / "jupyter/kernels/python3"
    kernel.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"})
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it calls alembic by its name
    environment = os.environ | {
        "JUPYTER_PATH": str(course / "jupyter"),
        "PYTHONPATH": str(ROOT),
        "PATH": path,
    }
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def filled_in(notebook, played):
    """Return what a student hands in: settings and answers in place of what the teacher's version has."""
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source += "".join(
                f"\n{name} = {value!r}" for name, value in played.settings.items() if name != "raw_folder"
            )
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "answers":
            assert "NotImplementedError" in cell.source
            cell.source = "\n".join(f"{name} = {value!r}" for name, value in played.answers.items())
    return notebook


def test_nbgrader_generates_grades_and_gives_feedback(tmp_path):
    room = make_class(tmp_path / "c", write_roster(tmp_path / "r.csv", 1), level=2, key="k")
    student = room.read()["students"][0]
    course = tmp_path / "course"
    source, handed = course / "source/darks", course / f"submitted/{student.folder}/darks"
    source.mkdir(parents=True)
    (source / "exercise.ipynb").write_bytes((room.hand_out(student) / "exercise.ipynb").read_bytes())
    nbgrader(course, "generate_assignment", "darks", "--create")
    handed.mkdir(parents=True)
    notebook = filled_in(nbformat.read(course / "release/darks/exercise.ipynb", 4), Played(room, student))
    nbformat.write(notebook, handed / "exercise.ipynb")
    shutil.copytree(room.night(student), handed / room.night(student).name)
    nbgrader(course, "autograde", "darks", "--create")
    nbgrader(course, "generate_feedback", "darks")
    nbgrader(course, "export")
    (row,) = csv.DictReader((course / "grades.csv").read_text().splitlines())
    assert float(row["max_score"]) == 20
    assert float(row["score"]) == 15  # the words are for the teacher to grade
    assert "test-overscan" in (course / f"feedback/{student.folder}/darks/exercise.html").read_text(
        encoding="utf-8"
    )
