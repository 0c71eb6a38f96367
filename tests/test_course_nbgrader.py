"""nbgrader takes the exercise as it is: what it hands out, grades and gives feedback on.

nbgrader brings extensions of JupyterLab that the others do without, so it lives in an environment of its own: ``make nbgrader``.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from students import Played, write_roster

from darkcal_widgets import make_class
from darkcal_widgets.notebooks import exercise_notebook

ROOT = Path(__file__).resolve().parents[1]
NBGRADER = Path(os.environ.get("DARKCAL_NBGRADER", ROOT / ".venv-nbgrader/bin/nbgrader"))

needs_nbgrader = pytest.mark.skipif(not NBGRADER.is_file(), reason="nbgrader is not installed: make nbgrader")


def nbgrader(course, *arguments):
    """Run nbgrader in the folder of a course, its kernel being this Python."""
    kernel = course / "jupyter/kernels/python3"
    kernel.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"})
    )
    path = f"{NBGRADER.parent}{os.pathsep}{os.environ['PATH']}"  # it calls alembic by its name
    environment = os.environ | {
        "JUPYTER_PATH": str(course / "jupyter"),
        "PYTHONPATH": str(ROOT),
        "PATH": path,
    }
    done = subprocess.run(
        [NBGRADER, *arguments], cwd=course, env=environment, capture_output=True, text=True, check=False
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


@needs_nbgrader
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


def test_the_cells_say_to_nbgrader_what_they_are():
    cells = nbformat.read(exercise_notebook(), 4).cells
    marked = {
        cell.metadata.nbgrader["grade_id"]: cell.metadata.nbgrader
        for cell in cells
        if "nbgrader" in cell.metadata
    }
    assert {name for name, one in marked.items() if one["solution"]} == {"answers", "words"}
    tests = {name for name, one in marked.items() if one["grade"] and not one["solution"]}
    assert tests == {"test-alike", "test-level", "test-edges", "test-overscan", "test-bias", "test-committed"}
    assert all(one["schema_version"] == 3 and one["locked"] is not one["solution"] for one in marked.values())
