"""Imports point one way, only the panel knows widgets, and importing darkcal is light."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "darkcal_widgets"

# From the bottom up, in the rooms of the design; a module imports only what stands before it.
ORDER = """
    text html errors fields units statistics drawing parallel tables
    files outcome sections yamlfile
    recipe.steps recipe.recipe recipe recipe.calibrate
    frames.cards frames.guard frames.pixels frames.kinds frames.numbers frames.words
    frames.write frames.images frames.frame frames frames.figures
    parameters
    groups inventory choice night results
    combine.clip combine.levels combine.files combine
    run.file run.plan run.night run.figures run
    simulate.layers simulate.cameras simulate.truth simulate.night simulate download
    advice.profiles advice.families advice.claims advice.edges advice.place advice.straylight advice.levels advice.amplifiers
    advice.readout advice.overscan advice.verdict advice.recipes advice.exposures advice.figures advice.findings
    advice.remarks advice.decisions advice.advice advice
    darks.background darks.hotpixels darks.noise darks.growth darks.current darks.treatment darks.figures darks.scale
    darks.report darks
    check.pixels check.seen check.combined check.check check
    panel.history panel.parts panel.settings panel.questions panel.listing panel.sketch panel.viewer panel.effect
    panel.night panel.made panel.outlook panel.run panel.reading panel.still panel.kept panel.page panel.clicks
    panel.traits panel.widget panel
    notebooks.report notebooks.execute notebooks notebooks.workspace
    course.feedback course.panel course.exercise course course.roster course.cameras course.handin course.page course.picture
    course.make course.mark
    batch.requests batch.record batch.run batch.engine batch.page batch.batch batch
    cli
""".split()

WIDGETS = {"ipywidgets", "anywidget", "ipympl"}
HEAVY = {
    "numpy",
    "scipy",
    "astropy",
    "ccdproc",
    "matplotlib",
    "ipywidgets",
    "IPython",
    "papermill",
    "nbconvert",
    "yaml",
}


def _dotted(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


FILES = {_dotted(path): path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"}
MODULES = sorted(FILES)


def imported(module):
    """Return the full names of all that a module of the package imports, but for what only annotations name."""
    here = ["darkcal_widgets", *module.split(".")]
    if FILES[module].name != "__init__.py":
        here.pop()
    names = set()
    tree = ast.parse(FILES[module].read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not _is_for_types(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = here[: len(here) - node.level + 1] if node.level else []
            start = ".".join([*start, *([node.module] if node.module else [])])
            names |= {f"{start}.{alias.name}" for alias in node.names}
    return names


def _is_for_types(node):
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def own(module):
    """Return the modules of the package that one of them imports."""
    names = {
        name.removeprefix("darkcal_widgets.")
        for name in imported(module)
        if name.startswith("darkcal_widgets.")
    }
    return {name if name in FILES else name.rpartition(".")[0] for name in names} & set(MODULES)


def foreign(module):
    """Return the top-level packages that a module imports and Python does not bring."""
    return (
        {name.partition(".")[0] for name in imported(module)} - sys.stdlib_module_names - {"darkcal_widgets"}
    )


def distribution(requirement):
    return re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module):
    assert module in ORDER, f"give {module} its place in the table above"
    assert own(module) <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("module", [name for name in MODULES if name != "panel.widget"])
def test_only_the_panel_imports_widgets(module):
    assert not foreign(module) & WIDGETS


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {distribution(requirement) for group in groups for requirement in group}
    brought_by = packages_distributions()
    used = {name for module in MODULES for name in foreign(module)}
    undeclared = {name for name in used if not declared & set(map(distribution, brought_by[name]))}
    assert undeclared == set()


def test_importing_the_package_is_light():
    code = f"import sys, darkcal_widgets; sys.exit(', '.join({HEAVY} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_headless_work_imports_no_widgets():
    names = "Night, Recipe, calibrate_dark, calibrate_darks, combine_bias, combine_darks, simulate_night"
    code = f"import sys; from darkcal_widgets import {names}; sys.exit(', '.join({WIDGETS} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
