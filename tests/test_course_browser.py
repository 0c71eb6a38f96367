"""A student does the exercise in a real JupyterLab, from the empty settings to the mark."""

import json
import shutil

import pytest
from panels import calibrate, control, enter, settle
from students import Played, write_roster

from darkcal_widgets import Night, advise, make_class, mark_class
from darkcal_widgets.course.exercise import ANSWER

pytestmark = pytest.mark.browser

WRITE = """([start, lines]) => {
    const { cells } = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
    const cell = cells.find(cell => cell.getSource().startsWith(start));
    cell.setSource(`${cell.getSource()}\n${lines}`);
}"""
FAILED = """() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells
    .filter(cell => (cell.outputs ?? []).some(output => output.output_type === 'error')).map(cell => cell.id)"""
# All that stands in the page: what is drawn, and what the notebook holds.
KNOWN = """() => {
    const { context } = window.jupyterapp.shell.currentWidget;
    return document.documentElement.outerHTML + JSON.stringify(context.model.toJSON());
}"""
STATES = "__import__('ipywidgets').Widget.get_manager_state(drop_defaults=False)"


@pytest.fixture
def room(tmp_path):
    return make_class(tmp_path / "class", write_roster(tmp_path / "roster.csv", 1), level=1, key="a")


@pytest.fixture
def student(room):
    return Played(room, room.read()["students"][0])


@pytest.fixture
def lab(room, student, open_notebook):
    """The notebook beside the night, as handed out, run until its first test asks a question."""
    hand_out = room.hand_out(student.student)
    lab = open_notebook(hand_out / "exercise.ipynb")
    shutil.copytree(student.night, lab.folder / student.night.name)
    run(lab)
    lab.bring_into_view(lab.page.locator("canvas.darkcal-profile").first)
    settle(lab)
    return lab


def run(lab):
    """Run all cells; return those that fail."""
    lab.command("notebook:run-all-cells", 60)
    lab.wait_until_idle()
    return lab.page.evaluate(FAILED)


def given_away(lab, secrets):
    """Return the secrets that stand in the page, the notebook, the state of a widget, or a file beside the notebook."""
    lab.command("docmanager:save")
    files = [path for path in lab.folder.rglob("*") if path.suffix not in ("", ".fits")]
    texts = [lab.page.evaluate(KNOWN), json.dumps(lab.value(STATES)), *(path.read_text() for path in files)]
    return [secret for secret in secrets if any(secret in text for text in texts)]


def secrets_of(night):
    """Return the sentences of the advice, and the columns it recommends."""
    advice = advise(Night(night))
    columns = advice.recipe.overscan_columns, advice.recipe.keep_columns
    return [str(text) for text in (*(f.reason for f in advice.findings), *columns) if text is not None]


def write(lab, start, values):
    """Add values to the cell that starts with some text."""
    lines = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    lab.page.evaluate(WRITE, [start, lines])


def test_a_student_works_commits_and_is_then_advised(lab, room, student):
    secrets = secrets_of(student.night)
    enter(lab, "overscan_columns", "{}:{}".format(*student.over["overscan"]))
    lab.wait_for_value("bool(panel.levels)", True)
    lab.page.get_by_role("button", name="As advised").click()
    lab.page.locator(".darkcal-panel").get_by_text("There is advice once").wait_for()
    assert control(lab, "overscan_columns-remark").inner_text() == ""
    assert given_away(lab, secrets) == []

    for name in ("overscan_columns", "keep_columns"):
        enter(lab, name, student.settings[name])
    assert "written" in calibrate(lab)
    write(lab, "raw_folder", student.settings)
    write(lab, "flats_served_by", student.answers)
    assert run(lab) == []
    assert set(given_away(lab, secrets)) >= set(secrets[:3])
    assert lab.errors == []

    for name in (ANSWER, lab.path.name):
        (room.handed_in / student.student.folder).mkdir(exist_ok=True)
        shutil.copy(lab.folder / name, room.handed_in / student.student.folder)
    assert [mark.mark for mark in mark_class(room.folder)] == [100]
