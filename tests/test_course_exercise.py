"""The exercise: feedback leads on and gives nothing away, hints are counted, and advice waits for an answer."""

import json
import subprocess
import sys
from dataclasses import replace

import nbformat
import pytest
import yaml
from students import Played, write_roster

from darkcal_widgets import Exercise, Parameters, calibrate_darks, make_class
from darkcal_widgets.course.exercise import ANSWER, ANSWER_MIME, HINTS
from darkcal_widgets.errors import ParameterError
from darkcal_widgets.notebooks import exercise_notebook, run_notebook
from darkcal_widgets.simulate import read_truth


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    return make_class(folder / "c", write_roster(folder / "r.csv", 6), level=1, key="k")


def played(room, usable):
    """Return a student whose overscan is usable, or one whose is not."""
    students = [Played(room, student) for student in room.read()["students"]]
    return next(one for one in students if one.over["usable"] is usable)


def tried(student, folder, **changes):
    """Return the exercise of a student, with results that were made with some settings."""
    places = {"raw_folder": str(student.night), "reduced_folder": str(folder / "reduced")}
    parameters = Parameters(**student.settings | places | changes)
    exercise = Exercise(parameters, folder)
    calibrate_darks(
        exercise.night, parameters.recipe, parameters.reduced_folder, files=parameters.files, progress=False
    )
    return exercise


def questioned(exercise):
    return {finding.name: finding.text for finding in exercise.feedback().findings if not finding.sound}


@pytest.mark.parametrize("usable", [True, False])
def test_what_is_right_looks_sound(room, tmp_path, usable):
    exercise = tried(played(room, usable), tmp_path)
    assert questioned(exercise) == {}
    for finding in exercise.feedback().findings:
        exercise.feedback().require(finding.name)


@pytest.mark.parametrize(
    ("usable", "changes", "name", "asks"),
    [
        (
            True,
            {"overscan_columns": None},
            "level",
            "between your calibrated darks of one exposure: what would take that out?",
        ),
        (True, {"overscan_columns": "whole"}, "overscan", "What has reached them?"),
        (False, {"overscan_columns": "whole"}, "overscan", "?"),
        (True, {"keep_columns": None}, "edges", "see no light, not even in a flat. What are they?"),
        (True, {"keep_columns": ":500"}, "edges", "Do you want to lose them?"),
        (False, {"subtract_bias": False}, "bias", "What happens to that level when a dark is scaled?"),
    ],
)
def test_what_is_wrong_is_a_question_without_settings(room, tmp_path, usable, changes, name, asks):
    student = played(room, usable)
    whole = "{}:{}".format(*student.over["overscan"])
    exercise = tried(
        student, tmp_path, **{key: whole if value == "whole" else value for key, value in changes.items()}
    )
    found = questioned(exercise)
    assert asks in found[name]
    edges = {str(end) for part in ("clean", "overscan", "image") for end in student.over[part]} - {"0"}
    assert not [edge for edge in edges if edge in str(exercise.feedback())]
    with pytest.raises(AssertionError, match=r"\?"):
        exercise.feedback().require(name)


def test_hints_come_one_by_one_and_are_counted(room, tmp_path, capsys):
    exercise = tried(played(room, True), tmp_path)
    for _ in range(4):
        exercise.hint("bias")
    exercise.hint("trim")
    lines = capsys.readouterr().out.splitlines()
    assert [line[:6] for line in lines] == ["1 of 2", "2 of 2", "2 of 2", "2 of 2", "1 of 2"]
    assert yaml.safe_load((tmp_path / ANSWER).read_text())["hints"] == {"bias": 2, "trim": 1}
    with pytest.raises(ParameterError, match="expected one of overscan, trim, bias, darks"):
        exercise.hint("everything")


def test_no_hint_names_a_number_of_the_night():
    assert not [
        hint
        for hints in HINTS.values()
        for hint in hints
        if any(word.isdigit() for word in hint.split()) and "100 s" not in hint
    ]


def test_advice_waits_for_an_answer(room, tmp_path, capsys):
    exercise = tried(played(room, True), tmp_path)
    panel = exercise.panel()
    with pytest.raises(ParameterError, match="once you have committed"):
        _ = panel.advice
    panel._act(panel, {"action": "as advised"}, [])
    assert "once you have committed" in panel.notes["start"]
    assert exercise.advice(panel) is None
    assert (
        exercise.commit(panel.parameters, flats_served_by="scaled", left_over=1.0, dark_current_found=None)
        is None
    )
    assert "Not committed yet: dark_current_found is not answered." in capsys.readouterr().out
    shown = exercise.commit(panel.parameters, flats_served_by="scaled", left_over=1.0, dark_current_found=0.1)
    assert str(shown) == "Your answer no. 1 is kept in answer.yaml; 0 hints were asked for."
    assert shown._repr_mimebundle_()[ANSWER_MIME]["answers"]["left_over"] == 1.0
    assert exercise.advice(panel).recipe is not None
    with pytest.raises(ParameterError, match="nobody asks for 'left'"):
        exercise.commit(panel.parameters, left=1, flats_served_by=1.0, left_over=1.0, dark_current_found=0.1)
    panel.close()


def test_the_panel_measures_no_advice_before_the_answer(room, tmp_path):
    exercise = tried(played(room, True), tmp_path)
    panel = exercise.panel()
    assert "advice" not in panel._missing()
    exercise.commit(panel.parameters, flats_served_by="scaled", left_over=1.0, dark_current_found=0.1)
    assert "advice" in panel._missing()
    panel.close()


def test_no_setting_is_left_to_the_advice_before_the_answer(room, tmp_path):
    exercise = tried(played(room, True), tmp_path)
    exercise.parameters = replace(exercise.parameters, overscan_columns="advised")
    with pytest.raises(ParameterError, match="overscan_columns: There is advice once you have committed"):
        exercise.panel()


def test_the_state_of_the_widget_tells_nothing_that_is_true(room, tmp_path):
    for usable in (True, False):
        student = played(room, usable)
        student_folder = tmp_path / str(usable)
        student_folder.mkdir()
        places = {"raw_folder": str(student.night), "reduced_folder": str(student_folder / "reduced")}
        panel = Exercise(Parameters(**places), student_folder).panel()
        state = json.dumps(panel.get_state(), default=str)
        truth = read_truth(room.truth(student.student))
        answers = [
            f"{truth['overscan']['clean'][0]}:",
            f":{truth['overscan']['clean'][1]}",
            str(truth["seed"]),
            "usable",
        ]
        assert not [answer for answer in answers if answer in state.replace(str(student.night), "")]
        panel.close()


# --- The notebook -----------------------------------------------------------------------------------------


def test_the_notebook_runs_as_handed_out_until_its_tests(room):
    student = played(room, True)
    folder = room.hand_out(student.student)
    with pytest.raises(Exception, match="AssertionError"):
        run_notebook(folder / "exercise.ipynb", folder / "run", folder=folder)
    executed = nbformat.read(folder / "run/exercise.ipynb", 4)
    failed = [
        cell.id for cell in executed.cells for out in cell.get("outputs", ()) if out.output_type == "error"
    ]
    assert failed == ["test-level"]
    text = json.dumps([cell.get("outputs", []) for cell in executed.cells])
    assert "There is advice once you have committed an answer of your own." in text
    assert not (folder / ANSWER).exists()


def test_an_answered_notebook_commits_and_passes_its_tests(room, tmp_path):
    student = played(room, False)
    folder = room.hand_out(student.student)
    notebook = nbformat.read(folder / "exercise.ipynb", 4)
    for cell in notebook.cells:
        if cell.id == "answers":
            cell.source = "\n".join(f"{name} = {value!r}" for name, value in student.answers.items())
    nbformat.write(notebook, tmp_path / "mine.ipynb")
    executed = run_notebook(tmp_path / "mine.ipynb", tmp_path / "run", student.settings, folder=folder)
    kept = [
        data
        for cell in nbformat.read(executed, 4).cells
        for out in cell.get("outputs", ())
        if ANSWER_MIME in (data := out.get("data", {}))
    ]
    assert kept[0][ANSWER_MIME]["settings"]["overscan_columns"] is None
    assert (folder / ANSWER).is_file()


def test_the_notebook_is_committed_without_outputs():
    cells = nbformat.read(exercise_notebook(), 4).cells
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


def test_the_exercise_needs_no_truth_and_no_simulator():
    code = "import sys; import darkcal_widgets.course.exercise; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"darkcal_widgets.check", "darkcal_widgets.simulate"} & set(done.stdout.split())


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
