"""Run the notebooks without a browser, and show what came out as one HTML file.

papermill, nbconvert and all they bring are imported by the functions that need them: they take seconds.
"""

from pathlib import Path

from .errors import ParameterError, RunError

__all__ = ["run_notebook", "shipped_notebooks", "write_report"]

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
    package = Path(__file__).parent
    places = [package / "notebooks", package.parent / "notebooks"]
    found = next((paths for place in places if (paths := sorted(place.glob("[0-9]-*.ipynb")))), None)
    if found is None:
        raise RunError(
            f"The notebooks of darkcal are neither in {places[0]} nor in {places[1]}; install the package again."
        )
    return {int(path.name.partition("-")[0]): path for path in found}


def run_notebook(notebook, out_folder, parameters=None, *, folder=None, name=None, report=None):
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

    Returns
    -------
    Path
        The executed notebook.

    Raises
    ------
    ParameterError
        `notebook` is not there.
    RunError
        A cell failed or the kernel died. The executed notebook and the report show how far it came.
    """
    notebook, out_folder = Path(notebook), Path(out_folder)
    if not notebook.is_file():
        raise ParameterError(f"No notebook {notebook}; give the path of an .ipynb file.")
    out_folder.mkdir(parents=True, exist_ok=True)
    executed = out_folder / (notebook.name if name is None else name)
    try:
        _execute(notebook, executed, parameters, Path.cwd() if folder is None else Path(folder))
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
    report.write_text(text, encoding="utf-8")
    return report


def _execute(notebook, executed, parameters, folder):
    """Run `notebook` in `folder`, say in one error what went wrong."""
    from nbclient.exceptions import CellControlSignal, DeadKernelError
    from papermill import PapermillExecutionError, execute_notebook

    try:
        execute_notebook(
            _literal(notebook),
            _literal(executed),
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kernel_manager_class=_kernel_manager(),
            # The kernel's folder alone: papermill's own `cwd` would move this whole process.
            resources={"metadata": {"path": str(folder)}},
            shutdown_kernel="immediate",
        )
    except PapermillExecutionError as error:
        raise _failure(notebook, executed, f"{error.ename}: {error.evalue}") from error
    except (CellControlSignal, DeadKernelError) as error:
        raise _failure(notebook, executed, str(error)) from error


def _failure(notebook, executed, reason):
    return RunError(f"{notebook.name} failed: {reason}\nHow far it came: {executed}")


def _literal(path):
    """Return a path as papermill takes it: braces doubled, as it fills in what stands between them."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _kernel_manager():
    """Return the class of kernels that are this interpreter.

    The name ``python3`` alone may stand for another one: a kernel installed for the user hides that of the
    environment.
    """
    from ipykernel.kernelspec import make_ipkernel_cmd
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    class OwnKernel(AsyncKernelManager):
        @property
        def kernel_spec(self):
            return KernelSpec(argv=make_ipkernel_cmd(), display_name="Python 3", language="python")

    return OwnKernel


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
