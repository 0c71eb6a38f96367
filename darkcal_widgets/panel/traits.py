"""Traits of the panel: one for each parameter, and what else browser and Python share. Not what follows from them (widget)."""

import os
from dataclasses import MISSING, fields
from types import UnionType
from typing import get_args, get_origin

import traitlets

from ..parameters import Parameters
from ..text import visible
from .page import LABELS
from .parts import SECTIONS
from .viewer import installed

__all__ = ["NAMES", "PanelTraits"]

NAMES = tuple(Parameters.names())


class _Text(traitlets.Unicode):
    """A trait that holds text, or a path as text; where it may be `None`, an empty text is `None`."""

    def validate(self, obj, value):
        text = super().validate(obj, os.fspath(value) if isinstance(value, os.PathLike) else value)
        return None if self.allow_none and text == "" else text


def _synced(trait):
    """Return a trait that the browser has, too."""
    return trait.tag(sync=True)


def _drawn():
    """Return a trait for the browser to draw, which the panel alone sets."""
    return _synced(traitlets.Dict(read_only=True))


def _frame_names(trait):
    """Return a trait of names of frames, one or several, which the browser has in characters that can be seen."""
    return trait.tag(sync=True, to_json=_to_page, from_json=_from_page)


def _to_page(names, _panel):
    return visible(names) if isinstance(names, str) else names and [visible(name) for name in names]


def _from_page(names, panel):
    known = panel.shown_names
    return [known.get(name, name) for name in names] if isinstance(names, list) else known.get(names, names)


def _trait_of(field):
    """Return the trait of a parameter."""
    kind = get_args(field.type)[0] if isinstance(field.type, UnionType) else field.type
    traits = {bool: traitlets.Bool, tuple: traitlets.Tuple, dict: traitlets.Dict}
    default = "" if field.default is MISSING else field.default
    trait = traits.get(get_origin(kind) or kind, _Text)(default_value=default, allow_none=default is None)
    return _frame_names(trait) if field.name == "files" else _synced(trait)


# The fields of a dataclass become the traits of a class.
_ParameterTraits = traitlets.MetaHasTraits(
    "_ParameterTraits",
    (traitlets.HasTraits,),
    {"__doc__": "A trait for each of the `Parameters`.", "__module__": __name__}
    | {field.name: _trait_of(field) for field in fields(Parameters)},
)


class PanelTraits(_ParameterTraits):
    """What the browser and Python share; see `~darkcal_widgets.DarkPanel`."""

    frame = _frame_names(_Text(None, allow_none=True))
    marked = _frame_names(traitlets.Tuple())
    extension = _synced(_Text(None, allow_none=True))
    statistic = _synced(traitlets.Enum(("mean", "median"), "mean"))
    axis = _synced(traitlets.Enum((1, 0), 1))
    aligned = _synced(traitlets.Bool(True))
    drag_sets = _synced(traitlets.Enum(SECTIONS, "overscan_columns"))
    listed = _synced(traitlets.Enum(("darks", "all"), "darks"))
    exposure = _synced(_Text(None, allow_none=True))
    temperature = _synced(_Text(None, allow_none=True))
    search = _synced(_Text())
    sort = _synced(traitlets.Tuple(traitlets.Unicode(), traitlets.Bool(), default_value=("name", False)))
    settings_file = _synced(_Text("darkcal-settings.yaml"))
    window = _synced(traitlets.Tuple())
    stretch = _synced(traitlets.Enum(("linear", "asinh", "log"), "linear"))
    limits = _synced(traitlets.Enum(("noise", "98 %", "all"), "noise"))
    mark_hot = _synced(traitlets.Bool(False))

    problems = _drawn()
    listing = _drawn()
    chosen = _drawn()
    selected = _drawn()
    notes = _drawn()
    commands = _drawn()
    profiles = _drawn()
    raw = _drawn()
    result = _drawn()
    effect = _drawn()
    levels = _drawn()
    progress = _drawn()
    _labels = _synced(traitlets.Dict(LABELS, read_only=True))
    _viewers = _synced(traitlets.List(installed(), read_only=True))

    # Between the browser and the panel: whether a page shows it (before, no frame is read), whether somebody drags (the mouse
    # ``'moves'``, or ``'rests'`` with its button held), the number of the last thing asked for and of the last one answered.
    _shown = _synced(traitlets.Bool(False))
    _dragging = _synced(traitlets.Enum(("", "moves", "rests"), ""))
    _asked = _synced(traitlets.Int(0))
    _answered = _synced(traitlets.Int(0, read_only=True))
