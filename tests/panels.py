"""The panel in a real JupyterLab: fixtures that open it, and what a test does at it."""

import shutil

import nbformat
import pytest
from nights import small_night

from darkcal_widgets import simulate_night
from darkcal_widgets.notebooks import shipped_notebooks

NIGHTS = {1: ("cryogenic", "example-cryo-LFC"), 2: ("thermo-electric", "example-thermo-electric")}
ROWS = 128
PANEL = ".darkcal-panel"
SETTLED = """() => {
    const panel = document.querySelector('.darkcal-panel');
    return panel?.dataset.asked && panel.dataset.asked === panel.dataset.answered;
}"""
PATIENCE = 120_000  # milliseconds: a night of 200 darks on a busy machine
DONE = "() => document.querySelector('.darkcal-summary p')"
# What the last cell shows, as text.
SHOWN_LAST = """() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells.at(-1)
    .outputs.map(output => String(output.data?.['text/plain'])).join('')"""
PANEL_CELL = """from darkcal_widgets import DarkPanel, Parameters
panel = DarkPanel.from_parameters(Parameters(raw_folder='night', reduced_folder='out', {settings}))
panel"""


def write_notebook(path, *cells):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(source) for source in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


@pytest.fixture(scope="session")
def example_nights(tmp_path_factory):
    """Both simulated nights, with few rows."""
    folder = tmp_path_factory.mktemp("nights")
    for camera, name in NIGHTS.values():
        simulate_night(folder / name, camera, rows=ROWS)
    return folder


@pytest.fixture
def open_example(open_notebook, example_nights):
    """Open a notebook beside its night, and run all its cells."""

    def open_one(number, **window):
        lab = open_notebook(shipped_notebooks()[number], **window)
        name = NIGHTS[number][1]
        shutil.copytree(example_nights / name, lab.folder / name)
        lab.run_all()
        lab.bring_into_view(lab.page.locator("canvas.darkcal-profile").first)
        settle(lab)
        return lab

    return open_one


@pytest.fixture
def open_panel(open_notebook, tmp_path):
    """Open a notebook with a panel alone, over a night that a function writes."""

    def open_one(write_night, settings, **window):
        write_notebook(tmp_path / "panel.ipynb", PANEL_CELL.format(settings=settings))
        lab = open_notebook(tmp_path / "panel.ipynb", **window)
        write_night(lab.folder / "night")
        small_night(lab.folder / "other")
        lab.run_all()
        lab.bring_into_view(lab.page.locator(PANEL))
        settle(lab)
        return lab

    return open_one


def settle(lab):
    lab.page.wait_for_function(SETTLED, timeout=PATIENCE)


def control(lab, name):
    return lab.page.locator(f'{PANEL} [data-name="{name}"]')


def wrong(lab):
    return lab.page.locator(
        f"{PANEL} .darkcal-field .darkcal-trouble:not(:empty), {PANEL} fieldset > .darkcal-trouble:not(:empty)"
    )


def calibrate(lab):
    """Press Calibrate and return what is said at the end; what a run before has said is wiped away."""
    lab.page.evaluate("document.querySelector('.darkcal-summary').replaceChildren()")
    control(lab, "calibrate").click()
    lab.page.wait_for_function(DONE, timeout=PATIENCE)
    return lab.page.locator(f"{PANEL} .darkcal-summary").inner_text()


def enter(lab, name, text):
    control(lab, name).fill(text)
    control(lab, name).press("Enter")
    settle(lab)
