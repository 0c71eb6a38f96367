"""One command sets everything up: what pip, conda, make and the wheel are told agrees."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import darkcal_widgets

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
# What conda-forge calls by another name than PyPI.
CONDA_NAMES = {"bleach[css]": "bleach-with-css", "playwright": "playwright-python", "xxhash": "python-xxhash"}

pytest_plugins = "pytester"


def requirements():
    """Return all direct requirements, those of the extras and of the dependency groups included."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    groups += PYPROJECT["dependency-groups"].values()
    return [Requirement(text) for group in groups for text in group if isinstance(text, str)]


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def needed(requirement):
    """Return the names of the packages that a requirement installs on this machine, its own first."""
    todo, found = [requirement], {}
    while todo:
        wanted = todo.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if extras <= found.get(name, set()) and name in found:
            continue
        found[name] = found.get(name, set()) | extras
        for line in distribution(wanted.name).requires or ():
            inner = Requirement(line)
            if inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in {"", *extras}
            ):
                todo.append(inner)
    return set(found)


def test_conda_installs_the_same_packages_as_pip():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    listed = {line for line in conda if isinstance(line, str)} - {"pip"}
    expected = {f"python{PROJECT['requires-python']}"}
    for requirement in requirements():
        extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        name = CONDA_NAMES.get(requirement.name + extras, requirement.name)
        expected.add(f"{name}{requirement.specifier}")
    assert {line.replace("_", "-") for line in listed} == expected


def test_all_that_is_installed_is_pinned_and_nothing_else():
    try:
        wanted = set().union(*map(needed, requirements()))
    except PackageNotFoundError as absent:
        pytest.skip(f"not every extra is installed: {absent}")
    assert {canonicalize_name(line.partition("==")[0]) for line in pins()} == wanted


def test_pins_are_plain_names_and_versions():
    assert [line for line in pins() if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.]+", line)] == []


def test_the_pins_allow_what_the_project_asks_for():
    pinned = dict(line.split("==") for line in pins())
    assert [
        str(wanted)
        for wanted in requirements()
        if pinned[canonicalize_name(wanted.name)] not in wanted.specifier
    ] == []


def test_the_wheel_brings_the_command_and_the_notebooks(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"darkcal_widgets-{darkcal_widgets.__version__}-")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [entry_points] = [name for name in names if name.endswith("entry_points.txt")]
        assert "darkcal = darkcal_widgets.cli:main" in archive.read(entry_points).decode()
    shipped = {f"darkcal_widgets/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert len(shipped) >= 3
    assert shipped | {"darkcal_widgets/batch/page.html.j2", "darkcal_widgets/notebooks/execute.py"} <= set(
        names
    )
    assert not [name for name in names if name.startswith(("tests/", "notebooks/"))]


def test_the_citation_names_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == darkcal_widgets.__version__


def test_hosted_ci_has_the_pythons_that_make_tries():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    [tried] = re.findall(
        r"^PYTHONS = (\[.*\])$", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert workflow["jobs"]["all"]["strategy"]["matrix"]["python"] == yaml.safe_load(tried)
    assert PROJECT["requires-python"] == f">={yaml.safe_load(tried)[0]}"


def test_names_of_tests_are_short():
    files = (ROOT / "tests").glob("test_*.py")
    names = [
        name
        for file in files
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    ]
    assert [name for name in names if len(name) >= 60] == []


def test_make_alone_lists_the_commands():
    listed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.findall(r"^  make (\w+)", listed, re.MULTILINE) == [
        "demo",
        "lab",
        "test",
        "coverage",
        "floors",
        "newest",
        "pythons",
        "nbgrader",
        "bench",
        "faults",
        "check",
        "format",
        "docs",
        "clean",
    ]


@pytest.fixture
def clone(tmp_path):
    """A folder with the Makefile and an environment that stands for an installed one."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def make(folder, *arguments):
    """Return what `make` prints that it would do, and its errors, without the reach of an outer `make`."""
    command = ["make", "--no-print-directory", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_old_python_is_refused_with_what_to_do(clone):
    old = clone / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 || exit 1\n')
    old.chmod(0o755)
    (clone / "bin").mkdir()
    for name in ("python3.13", "python3.12", "python3.11"):
        (clone / "bin" / name).symlink_to(old)
    tried = make(clone, "demo", f"PYTHON={old}", f"SHELL=/usr/bin/env PATH={clone / 'bin'}:/usr/bin:/bin sh")
    assert tried.returncode != 0
    assert "darkcal needs Python 3.11 or newer" in tried.stderr
    assert "is Python 3.9.2" in tried.stderr
    assert not (clone / ".venv").exists()


@pytest.fixture
def installed(clone):
    """The clone with an environment whose Python says what it was called with, and its stamp."""
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "called: $@"\n')
    python.chmod(0o755)
    (clone / ".venv" / ".darkcal-installed").write_text(f"{clone}\n")
    return clone


def installs(folder):
    return "called: -m pip install" in make(folder, "check").stdout


def test_an_installed_environment_is_used_as_it_is(installed):
    assert not installs(installed)


def test_changed_requirements_are_installed_once(installed):
    (installed / ".venv" / ".darkcal-installed").touch()
    later = (installed / ".venv" / ".darkcal-installed").stat().st_mtime + 10
    os.utime(installed / "pyproject.toml", (later, later))
    assert installs(installed)


def test_an_environment_made_by_hand_is_completed(installed):
    (installed / ".venv" / ".darkcal-installed").unlink()
    assert installs(installed)
    assert not installs(installed)


def test_an_environment_that_was_moved_is_installed_again(installed, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "clone"
    installed.rename(moved)
    assert installs(moved)
    assert not installs(moved)


SKIPPING = """
import pytest

def test_with_a_reason():
    pytest.skip("no browser here")

@pytest.mark.skipif(True, reason="no frames here")
def test_with_a_mark(): ...

@pytest.mark.xfail
def test_known_to_fail():
    assert False

def test_fine(): ...
"""


@pytest.mark.parametrize(("asked", "outcomes"), [("", {"skipped": 2}), ("1", {"failed": 1, "errors": 1})])
def test_skips_fail_where_all_tests_are_asked_for(pytester, monkeypatch, asked, outcomes):
    monkeypatch.setenv("DARKCAL_NO_SKIP", asked)
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile(SKIPPING)
    result = pytester.runpytest("-rs", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, xfailed=1, **outcomes)
    for reason in ("no browser here", "no frames here"):
        result.stdout.fnmatch_lines([f"*{reason}*"])


def test_a_file_that_skips_itself_fails_if_all_must_run(pytester, monkeypatch):
    monkeypatch.setenv("DARKCAL_NO_SKIP", "1")
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile("import pytest\npytest.importorskip('a_module_that_nobody_has')")
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*a_module_that_nobody_has*"])
