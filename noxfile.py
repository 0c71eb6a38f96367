#!/usr/bin/env -S uv run --script

# /// script
# dependencies = ["nox>=2025.2"]
# ///

"""The tests with other versions of Python and of what darkcal needs; `make floors` and its like call it.

Each session has an environment of its own in .nox/, made by uv. What it runs is a choice of the tests that takes a minute or two:
from headers to results, with ccdproc, IRAF's cards, and both notebooks. ``-- ARGUMENTS`` gives pytest other ones.
"""

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv"

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
QUICK = [
    *("sections", "statistics", "frame", "cards", "words", "numbers", "write"),
    *("recipe", "calibrate", "night", "run", "results", "combine", "clip", "darks", "advice_figures"),
    *("parameters", "panel", "execute", "imports"),
]


def run_tests(session, *arguments):
    """Run pytest in the session's environment, two files at a time."""
    files = [f"tests/test_{name}.py" for name in QUICK]
    options = ["-n", "2", "--dist", "loadfile", "-m", "not browser"]
    session.run("python", "-m", "pytest", "-q", *arguments, *options, *(session.posargs or files))


def install(session, *options):
    """Install darkcal as users have it, and what its tests need."""
    session.install(*options, "-e", ".[dask,lab]", "--group", "test")


@nox.session(python=PYTHONS)
def pythons(session):
    """The versions that were tested together, with each Python."""
    install(session, "-c", "constraints.txt")
    run_tests(session)


@nox.session(python=PYTHONS[0])
def floors(session):
    """The oldest versions that pyproject.toml allows, with the oldest Python."""
    install(session, "--resolution", "lowest-direct")
    session.env["JUPYTER_PLATFORM_DIRS"] = (
        "1"  # else old ones warn of new paths, in every process that a test starts
    )
    run_tests(session)


@nox.session
def newest(session):
    """The newest versions there are, whatever constraints.txt says."""
    install(session, "--upgrade")
    run_tests(session)


@nox.session
def nbgrader(session):
    """What nbgrader makes of the exercise; it brings extensions of JupyterLab that the other tests do without."""
    install(session, "-c", "constraints.txt")
    session.install("nbgrader>=0.9.5")
    session.run("python", "-m", "pytest", "-q", *session.posargs, "tests/test_course_nbgrader.py")


if __name__ == "__main__":
    nox.main()
