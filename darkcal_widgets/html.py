"""HTML, every text escaped: tables for notebooks, and pages from the templates of other rooms."""

import html

from .text import visible

__all__ = ["html_page", "html_table", "html_text"]


def html_text(text):
    """Return text from a header, a file name or anywhere else as it may stand in HTML.

    Examples
    --------
    >>> html_text("<b>\\u202e")
    '&lt;b&gt;\\\\u202e'
    """
    return html.escape(visible(text))


def html_page(template, filters=None, **values):
    """Fill in a template that lies in the package, such as ``"batch/page.html.j2"``.

    Parameters
    ----------
    template : str
        Its place in the package. It has the filter ``visible``; what it shows is escaped.
    filters : dict, optional
        Further ones.
    **values
        What it shows.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("darkcal_widgets", ""), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"visible": visible} | (filters or {})
    return environment.get_template(template).render(**values)


def html_table(rows, headings=()):
    """Return a table, its cells left-aligned.

    Parameters
    ----------
    rows : iterable of sequence
        Anything that `str` makes text of.
    headings : sequence of str
        One for each column; empty: no line of headings.

    Returns
    -------
    str

    Examples
    --------
    >>> html_table([("a < b", 2)], ("claim", "votes"))  # doctest: +NORMALIZE_WHITESPACE
    '<table><thead><tr><th>claim</th><th>votes</th></tr></thead><tbody><tr><td style="text-align:left">a &lt; b</td><td
    style="text-align:left">2</td></tr></tbody></table>'
    """
    head = _line(headings, "<th>{}</th>")
    body = "".join(_line(row, '<td style="text-align:left">{}</td>') for row in rows)
    return f"<table>{f'<thead>{head}</thead>' if head else ''}<tbody>{body}</tbody></table>"


def _line(cells, form):
    texts = [form.format(html_text(cell)) for cell in cells]
    return f"<tr>{''.join(texts)}</tr>" if texts else ""
