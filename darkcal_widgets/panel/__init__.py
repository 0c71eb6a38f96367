"""The panel of the notebooks: `DarkPanel`, a widget. The only room that knows widgets."""

from .widget import DarkPanel

__all__ = ["DarkPanel"]
