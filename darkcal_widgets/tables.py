"""Tables as a notebook shows them: with units, without the types of their columns. astropy's, which are slow to import."""

from astropy.table import Table

__all__ = ["ShownTable"]

# A notebook shows this many lines of a table; the table itself holds them all.
_LINES_SHOWN = 60


class ShownTable(Table):
    """An astropy table that tells readers its units, and not whether a column is of ``str64``; no column is left out."""

    def __str__(self):
        return "\n".join(self.pformat(max_lines=_LINES_SHOWN, max_width=-1))

    def _repr_html_(self):
        return "".join(self.pformat(html=True, show_dtype=False, max_lines=_LINES_SHOWN, max_width=-1))
