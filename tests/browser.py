"""A real JupyterLab in headless Chromium, driven by Playwright: for tests and for pictures of the panel.

`LabServer` is one JupyterLab that shares nothing with the user's own; `OpenNotebook` is one browser window on one
notebook in it. The fixtures in conftest.py hand both out.
"""

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
QUIET_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
IS_READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const context = panel?.context;
    return Boolean(
        context?.isReady && context.sessionContext.isReady
        && context.sessionContext.session?.kernel?.status === 'idle'
    );
}"""
# From the notebook's model: cells that are scrolled away may have no elements in the page.
CELL_ERRORS = """() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells
    .flatMap(cell => cell.outputs ?? []).filter(output => output.output_type === 'error')
    .map(output => `${output.ename}: ${output.evalue}`)"""
# Replies with the value of an expression, as JSON made in the kernel, so that numbers, texts, lists and None come whole.
EVALUATE = """async ([statements, expression]) => {
    const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
    const request = {code: statements, silent: true, store_history: false, stop_on_error: true,
                     user_expressions: {value: expression}};
    const content = (await kernel.requestExecute(request).done).content;
    if (content.status !== 'ok') return {error: `${content.ename}: ${content.evalue}`};
    const reply = content.user_expressions.value;
    return reply.status === 'ok' ? {value: reply.data['text/plain']} : {error: `${reply.ename}: ${reply.evalue}`};
}"""


def skip_without_browser():
    """Skip the test, with the reason, where Chromium or Playwright is missing."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("Playwright is not installed (make installs it)")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt install chromium)")


class LabServer:
    """A JupyterLab server on loopback, with a home, settings and notebooks of its own below `folder`.

    Attributes
    ----------
    root : Path
        What the file browser shows; notebooks opened in a test are copied here.
    url, token : str
        Set while the server runs.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.root = self.folder / "root"
        self.token = secrets.token_hex(16)
        self.url = None

    def __enter__(self):
        self.root.mkdir(parents=True)
        environment = self._environment()
        settings = Path(environment["JUPYTER_CONFIG_DIR"]) / "labconfig" / "default_setting_overrides.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(QUIET_SETTINGS))
        self._log = (self.folder / "server.log").open("w")
        self._process = subprocess.Popen(
            self._command(), env=environment, cwd=self.root, stdout=self._log, stderr=subprocess.STDOUT
        )
        try:
            self.url = self._wait_for_url()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _environment(self):
        places = {
            "HOME": "home",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
        }
        for name in places.values():
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        return os.environ | {variable: str(self.folder / name) for variable, name in places.items()}

    def _command(self):
        options = [
            "--no-browser",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # CI runs as root
            options.append("--allow-root")
        return [sys.executable, "-m", "jupyterlab", *options]

    def _wait_for_url(self, seconds=60):
        """Return the address that the server announces in its runtime folder."""
        deadline = time.monotonic() + seconds
        announcement = self.folder / "runtime" / f"jpserver-{self._process.pid}.json"
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(announcement.read_text())["url"]
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{(self.folder / 'server.log').read_text()}")


@contextlib.contextmanager
def launched_chromium():
    """Start Chromium, and end it when the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


def opened(server, browser, notebook, *, width=1600, height=1000, dark=False):
    """Copy a notebook into a folder of its own below the server's root, and open it."""
    folder = server.root / secrets.token_hex(4)
    folder.mkdir()
    copy = Path(shutil.copy(notebook, folder))
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.set_default_timeout(30_000)
    lab = OpenNotebook(server, page, copy)
    lab.load()
    lab.use_theme(dark)  # always: JupyterLab remembers the theme of the window before
    return lab


class OpenNotebook:
    """One browser window on one notebook.

    Attributes
    ----------
    page : playwright.sync_api.Page
    path : Path
        The copy of the notebook that is open; its folder is the kernel's.
    errors : list of str
        Uncaught errors of scripts in the page.
    """

    def __init__(self, server, page, path):
        self._server = server
        self.page = page
        self.path = path
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @property
    def folder(self):
        """Where the notebook lies and its kernel runs."""
        return self.path.parent

    def load(self):
        """Load, or reload, the page, and wait for an idle kernel."""
        place = self.path.relative_to(self._server.root).as_posix()
        self.page.goto(f"{self._server.url}lab/tree/{place}?token={self._server.token}&reset")
        self.wait_until_idle()

    def wait_until_idle(self):
        """Wait until the notebook is loaded and its kernel has nothing to do."""
        self.page.wait_for_function(IS_READY)

    def run_all(self, seconds=120):
        """Run all cells; return when they are done.

        Raises
        ------
        AssertionError
            A cell ended in an error.
        """
        self.command("notebook:run-all-cells", seconds)
        self.wait_until_idle()
        errors = self.page.evaluate(CELL_ERRORS)
        assert not errors, "\n".join(errors)

    def command(self, name, seconds=30):
        """Execute one of JupyterLab's commands, such as ``"docmanager:save"``, and wait until it is done."""
        self.page.evaluate(
            """([name, seconds]) => Promise.race([
                window.jupyterapp.commands.execute(name),
                new Promise((_, fail) => setTimeout(() => fail(new Error(`${name}: not done in ${seconds} s`)), 1000 * seconds)),
            ])""",
            [name, seconds],
        )

    def value(self, expression, *, after="pass"):
        """Return the value of a Python expression in the kernel; it must survive JSON.

        Parameters
        ----------
        expression : str
        after : str
            Statements to run before.

        Raises
        ------
        AssertionError
            The kernel answered with an error.
        """
        as_json = f"__import__('json').dumps({expression}).encode().hex()"
        reply = self.page.evaluate(EVALUATE, [after, as_json])
        assert "error" not in reply, reply["error"]
        return json.loads(bytes.fromhex(reply["value"].strip("'")))

    def wait_for_value(self, expression, expected, seconds=10):
        """Wait until a Python expression in the kernel has a value; return it, or the last one seen."""
        deadline = time.monotonic() + seconds
        while (value := self.value(expression)) != expected and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        return value

    def bring_into_view(self, locator):
        """Scroll to an element until it stays there: JupyterLab moves a notebook when it measures cells that it had not shown."""
        for _ in range(20):
            locator.scroll_into_view_if_needed()
            before = locator.bounding_box()
            self.page.wait_for_timeout(300)
            if locator.bounding_box() == before:
                return
        raise AssertionError("the notebook does not keep still")

    def drag(self, locator, start, end, steps=12):
        """Drag with the mouse across an element, from and to fractions of its width and height.

        To hover scrolls, and waits until the element keeps still and nothing covers it; only then is its position read.
        """
        size = locator.bounding_box()
        locator.hover(position={"x": start[0] * size["width"], "y": start[1] * size["height"]})
        box = locator.bounding_box()
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=steps)
        self.page.mouse.up()

    def use_theme(self, dark):
        """Switch JupyterLab to its dark or its light theme."""
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        self.page.wait_for_function(
            "theme => document.body.dataset.jpThemeName === theme && !document.querySelector('#jupyterlab-splash')",
            arg=theme,
        )

    def screenshot(self, path, *, locator=None):
        """Save a picture of the window, or of one element."""
        (self.page if locator is None else locator).screenshot(path=path)
        return Path(path)

    def close(self):
        """Shut the kernel down and close the window."""
        with contextlib.suppress(Exception):  # a page that crashed must not hide why the test failed
            self.page.evaluate(
                "() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()"
            )
        self.page.context.close()
