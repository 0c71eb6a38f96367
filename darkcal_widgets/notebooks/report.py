"""What an executed notebook shows, as one HTML file; how it is executed is not known here."""

from pathlib import Path

from ..files import replacing

__all__ = ["write_report"]

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
    exporter.log.setLevel("ERROR")  # the user need not hear of pictures without a description
    text, _ = exporter.from_filename(str(notebook))
    with replacing(report) as stream:
        stream.write(text.encode())
    return report


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
