"""Run the notebooks without a browser, and show what came out as one HTML file.

papermill, nbconvert and all they bring are imported by the functions that need them: they take seconds.
"""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from ..errors import ParameterError, RunError
from ..files import replacing

__all__ = ["NotebookError", "run_notebook", "shipped_notebooks", "write_report"]

# A report is opened without a network and holds text from FITS headers: it loads nothing and runs nothing.
_TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block footer %}</html>{% endblock %}
"""
# Pictures first: of a panel, the report shows the picture that it leaves beside its widgets.
_SHOWN_FIRST = ["image/png", "image/jpeg", "image/svg+xml", "text/html", "text/markdown", "text/plain"]
_TAGS = frozenset(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure".split()
    + "h1 h2 h3 h4 h5 h6 hr i img kbd li ol p pre small span strong sub summary sup".split()
    + "table tbody td tfoot th thead tr ul".split()
)
_ATTRIBUTES = frozenset("align alt class colspan height href id rowspan style title width".split())
_PROTOCOLS = frozenset(["data", "http", "https", "mailto"])


class NotebookError(RunError):
    """A notebook failed; `reason` is what went wrong, without where."""

    def __init__(self, notebook, executed, reason):
        super().__init__(f"{notebook.name} failed: {reason}\nHow far it came: {executed}")
        self.reason = reason

    def __reduce__(self):
        return RunError, self.args


def shipped_notebooks():
    """Return the notebooks that come with the package, by the number of their example.

    Returns
    -------
    dict of int to Path
        ``{1: ..., 2: ...}``, whether darkcal was installed from a wheel or from a clone.

    Raises
    ------
    RunError
        Neither is there: the installation is damaged.
    """
    package = Path(__file__).parents[1]
    places = [package / "notebooks", package.parent / "notebooks"]
    found = next((paths for place in places if (paths := sorted(place.glob("[0-9]-*.ipynb")))), None)
    if found is None:
        raise RunError(
            f"The notebooks of darkcal are neither in {places[0]} nor in {places[1]}; install the package again."
        )
    return {int(path.name.partition("-")[0]): path for path in found}


def run_notebook(
    notebook,
    out_folder,
    parameters=None,
    *,
    folder=None,
    name=None,
    report=None,
    timeout=None,
    stop=None,
    warm=False,
):
    """Execute a notebook with papermill, and always write its HTML report.

    The kernel is the running interpreter, whatever kernels are installed on the machine. Nothing is printed.

    Parameters
    ----------
    notebook : str or Path
        What to run; it is not changed.
    out_folder : str or Path
        Where the executed notebook and the report go; created if missing.
    parameters : dict, optional
        Values for the notebook's tagged cell.
    folder : str or Path, optional
        Where the notebook runs: relative folders in its parameters start there. Default: the current folder.
    name, report : str, optional
        File names of the executed notebook (default: the notebook's own) and of the report (default: the
        same, ending in ``.html``).
    timeout : float, optional
        Seconds after which the kernel is killed.
    stop : `threading.Event`, optional
        Once it is set, the kernel is killed.
    warm : bool
        Fork the kernel from a process that has imported what notebooks import, see `darkcal_widgets.headless.warm`: quicker
        from the second notebook on.

    Returns
    -------
    Path
        The executed notebook.

    Raises
    ------
    ParameterError
        `notebook` is not there.
    NotebookError
        A cell failed, the kernel died, or it was killed. The executed notebook and the report show how far it came.
    """
    notebook, out_folder = Path(notebook), Path(out_folder)
    if not notebook.is_file():
        raise ParameterError(f"No notebook {notebook}; give the path of an .ipynb file.")
    out_folder.mkdir(parents=True, exist_ok=True)
    executed = out_folder / (notebook.name if name is None else name)
    try:
        _execute(
            notebook,
            executed,
            parameters,
            Path.cwd() if folder is None else Path(folder),
            _Watch(timeout, stop),
            warm,
        )
    finally:
        if executed.is_file():
            write_report(executed, None if report is None else out_folder / report)
    return executed


def write_report(notebook, report=None):
    """Export an executed notebook as one HTML file that needs no network.

    Pictures are inside the file, widgets are left out, and markup that could run or load something is shown as
    text. Formulas stay as they were typed: typesetting them would need a script from elsewhere.

    Parameters
    ----------
    notebook : str or Path
    report : str or Path, optional
        Default: beside the notebook, ending in ``.html``.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    notebook = Path(notebook)
    report = notebook.with_suffix(".html") if report is None else Path(report)
    config = Config({"NbConvertBase": {"display_data_priority": _SHOWN_FIRST}})
    exporter = HTMLExporter(
        config=config,
        raw_template=_TEMPLATE,
        sanitize_html=True,
        embed_images=True,
        filters={"clean_html": _clean},
    )
    exporter.log.setLevel("ERROR")  # pictures without a description are no news to the user
    text, _ = exporter.from_filename(str(notebook))
    with replacing(report) as stream:
        stream.write(text.encode())
    return report


def _execute(notebook, executed, parameters, folder, watch, warm):
    """Run `notebook` in `folder`, say in one error what went wrong."""
    from papermill import PapermillExecutionError, execute_notebook

    try:
        with watch:
            execute_notebook(
                _literal(notebook),
                _literal(executed),
                parameters=parameters,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                kernel_manager_class=_kernel_manager(watch, warm),
                # The kernel's folder alone: papermill's own `cwd` would move this whole process.
                resources={"metadata": {"path": str(folder)}},
                shutdown_kernel="immediate",
            )
    except PapermillExecutionError as error:
        raise NotebookError(notebook, executed, watch.reason or f"{error.ename}: {error.evalue}") from error
    except RuntimeError as error:  # nbclient's, of a kernel that died or did not start
        raise NotebookError(notebook, executed, watch.reason or str(error)) from error


class _Watch:
    """Kills the kernel of a run when its time is over or when it is to stop, from a thread of its own."""

    def __init__(self, timeout, stop):
        self.reason = ""
        self.manager = None  # of the kernel, once there is one
        self._timeout, self._stop = timeout, stop
        self._over = threading.Event()

    def __enter__(self):
        self._deadline = None if self._timeout is None else time.monotonic() + self._timeout
        if self._timeout is not None or self._stop is not None:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()

    def _watch(self):
        while not self._over.wait(0.1):
            if self._stop is not None and self._stop.is_set():
                self.reason = "stopped before its end"
            elif self._deadline is not None and time.monotonic() > self._deadline:
                self.reason = (
                    f"not done after {self._timeout:g} s, the time limit of a run; its kernel was ended"
                )
            if self.reason and (kernel := self._kernel()) is not None:
                _kill(kernel)
                return

    def _kernel(self):
        """Return the process id of the kernel, `None` before it has started."""
        provisioner = None if self.manager is None else self.manager.provisioner
        return None if provisioner is None else provisioner.pid


def _kill(pid):
    """End a kernel and the processes it has started, at once."""
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(pid, signal.SIGKILL)


def _literal(path):
    """Return a path as papermill takes it: braces doubled, as it fills in what stands between them."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _kernel_manager(watch, warm):
    """Return the class of kernels that are this interpreter; `watch` is told of it.

    The name ``python3`` alone may stand for another one: a kernel installed for the user hides that of the
    environment.
    """
    from ipykernel.kernelspec import make_ipkernel_cmd
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    # Nobody looks up the history of a headless run, and kernels side by side would wait for its database. The rest of
    # the log is advice to whoever starts a kernel by hand.
    options = ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=ERROR"]
    command = make_ipkernel_cmd(extra_arguments=options)

    class OwnKernel(AsyncKernelManager):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            watch.manager = self
            if warm:
                self.provisioner = _warm_provisioner(self)

        @property
        def kernel_spec(self):
            return KernelSpec(argv=command, display_name="Python 3", language="python")

    return OwnKernel


def _warm_provisioner(manager):
    """Return what starts kernels warm, where this system can."""
    from . import warm

    if not warm.can_fork():
        return None
    warm.prepare()
    return warm.WarmProvisioner(parent=manager, kernel_spec=manager.kernel_spec)


def _clean(element):
    """Return HTML in which no markup can run or load anything; what could is turned into text."""
    import bleach
    from bleach.css_sanitizer import CSSSanitizer

    element = element.decode() if isinstance(element, bytes) else str(element)
    return bleach.clean(
        element, tags=_TAGS, attributes=_is_harmless, css_sanitizer=CSSSanitizer(), protocols=_PROTOCOLS
    )


def _is_harmless(tag, attribute, value):
    """Tell whether an attribute may stay: pictures only if they are part of the file."""
    if attribute == "src":
        return tag == "img" and value.startswith("data:image/")
    return attribute in _ATTRIBUTES and not value.lstrip().startswith("data:")
