"""A teacher opens the third notebook in Voila: the text is true without the code, and the panel lives."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

from darkcal_widgets import simulate_night
from darkcal_widgets.notebooks import shipped_notebooks

pytestmark = pytest.mark.browser
pytest.importorskip("voila")


@pytest.fixture
def page(tmp_path, chromium):
    """The page that Voila makes of notebook 3, beside a simulated night."""
    simulate_night(tmp_path / "example-thermo-electric", "thermo-electric", rows=48)
    notebook = shutil.copy(shipped_notebooks()[3], tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "voila", notebook, "--no-browser", f"--port={port}"]
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    with open(tmp_path / "voila.log", "w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=os.environ | own, stdout=log, stderr=log)
    try:
        yield opened(chromium, port)
    finally:
        server.terminate()
        server.wait(30)


def opened(chromium, port, seconds=60):
    """Open the page once the server answers; Voila runs the notebook before it does."""
    page = chromium.new_context(viewport={"width": 1300, "height": 1000}).new_page()
    page.set_default_timeout(120_000)
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert time.monotonic() < deadline, "Voila does not answer"
        time.sleep(0.2)
    page.goto(f"http://127.0.0.1:{port}/")
    return page


def test_a_teacher_opens_the_third_notebook_in_voila(page, tmp_path):
    panel = page.locator(".darkcal-panel")
    panel.locator("[data-name=overscan_columns]").wait_for()
    text = page.inner_text("body")
    assert "Traceback" not in text
    assert "import " not in text
    assert "next cell" not in text
    assert re.search(r"keep_columns\s+':4096'\s+the night\s+That is the image area, as measured", text)
    assert "10 written, 0 unchanged, 0 failed" in text
    assert page.locator("img").count() >= 8
    assert len(list((tmp_path / "your-night-reduced").glob("Dark-*.fits"))) == 10
    # She tries something else: the panel follows, and says that the figures do not.
    page.locator("[data-name=overscan_columns]").fill("4106:")
    page.get_by_text(re.compile("figures below this panel are of earlier settings")).wait_for()
    page.screenshot(path=tmp_path / "voila.png")
    panel.get_by_role("button", name="As advised").click()
    page.get_by_text(re.compile("figures below this panel are of earlier settings")).wait_for(state="hidden")
