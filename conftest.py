"""The examples in docstrings run where both example nights are; tests have a conftest.py of their own."""

import pytest
from _pytest.doctest import DoctestItem


@pytest.fixture(scope="session")
def example_nights(tmp_path_factory):
    """A folder with both example nights, 64 rows each."""
    from darkcal_widgets.simulate import EXAMPLE_FOLDERS, simulate_night

    folder = tmp_path_factory.mktemp("examples")
    for camera, name in EXAMPLE_FOLDERS.items():
        simulate_night(folder / name, camera, rows=64)
    return folder


@pytest.fixture(autouse=True)
def _as_a_user_would_run_it(request, monkeypatch, doctest_namespace):
    """An example finds the nights in its folder, and knows the public names."""
    if isinstance(request.node, DoctestItem):
        import darkcal_widgets

        names = ("DarkPanel", "Night", "Recipe", "advise", "calibrate_darks")
        doctest_namespace.update({name: getattr(darkcal_widgets, name) for name in names})
        monkeypatch.chdir(request.getfixturevalue("example_nights"))
