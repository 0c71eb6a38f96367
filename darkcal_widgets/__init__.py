"""Calibrate CCD dark frames: in a notebook, with a panel, or headlessly.

Importing the package is light: each public name imports its module on first use.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "DarkPanel": "panel",
    "Night": "night",
    "Parameters": "parameters",
    "Recipe": "recipe",
    "advise": "advice",
    "calibrate_dark": "calibrate",
    "calibrate_darks": "run",
    "check_run": "check",
    "combine_bias": "combine",
    "combine_darks": "combine",
    "measure_darks": "darks",
    "results_table": "results",
    "scale_dark": "darks",
    "simulate_night": "simulate",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
