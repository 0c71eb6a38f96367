"""Fixtures that several test files share, and the rule that nothing is left out where it counts."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from panels import example_nights, open_example, open_panel  # noqa: F401 (fixtures)

ROOT = Path(__file__).resolve().parents[1]
REAL_CAMERAS = ROOT.parent / "shared" / "data" / "cameras"


# nbgrader has an environment of its own: see noxfile.py.
collect_ignore = [] if find_spec("nbgrader") else ["test_course_nbgrader.py"]


def pytest_configure(config):
    config.stash[_NO_SKIP] = os.environ.get("DARKCAL_NO_SKIP") == "1"
    # A shell's background job ignores Ctrl-C, and so would the runs that tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_NO_SKIP = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    return report if item.get_closest_marker("privileged") else _refuse_skip(item.config, report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _refuse_skip(collector.config, (yield))


def _refuse_skip(config, report):
    """Turn a skipped test into a failed one where DARKCAL_NO_SKIP=1 asks for all of them, as CI does."""
    if report.skipped and config.stash[_NO_SKIP] and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"DARKCAL_NO_SKIP=1 and yet: {reason}"
    return report


@pytest.fixture(scope="session")
def real_cameras():
    """The folder of frames of eight cameras, which may not be published; skips where it is absent."""
    if not REAL_CAMERAS.is_dir():
        pytest.skip(f"no frames of other cameras in {REAL_CAMERAS}")
    return REAL_CAMERAS


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory):
    """JupyterLab of this interpreter on loopback, with settings and folders of its own."""
    from browser import LabServer, skip_without_browser

    skip_without_browser()
    with LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server


# Not for the whole session: Playwright keeps an event loop running, which later tests need not meet.
@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium, headless, driven by Playwright."""
    from browser import launched_chromium, skip_without_browser

    skip_without_browser()
    with launched_chromium() as browser:
        yield browser


@pytest.fixture
def open_notebook(lab_server, chromium):
    """Open notebooks, copied to where JupyterLab looks: ``open_notebook(path, width=1600, dark=False)``."""
    from browser import opened

    contexts = []

    def open_one(notebook, *, width=1600, height=1000, dark=False):
        lab = opened(lab_server, chromium, notebook, width=width, height=height, dark=dark)
        contexts.append(lab)
        return lab

    yield open_one
    for lab in contexts:
        lab.close()
