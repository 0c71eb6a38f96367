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
    text errors
    files outcome sections recipe parameters
    cards bounded plain headers frames
    night mixed
    workers clip calibrate combine run results
    layers cameras simulate download
    profiles strips measured overscan exposures findings advice hotpixels noise darks scale check
    draft preview plots evidence shown panel_state
    panel
    preload warm headless workspace
    batch_input batch_record batch_worker batch_pool batch_page batch
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

MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def imported(module):
    """Return the full names of all that a module of the package imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = f"darkcal_widgets.{node.module or ''}".rstrip(".") if node.level else node.module
            names |= {f"{start}.{alias.name}" for alias in node.names}
    return names


def own(module):
    """Return the modules of the package that one of them imports."""
    found = {name.split(".")[1] for name in imported(module) if name.startswith("darkcal_widgets.")}
    return found & set(MODULES)


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


@pytest.mark.parametrize("module", [name for name in MODULES if name != "panel"])
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
