"""Calibrate CCD dark frames: in a notebook, with a panel, or headlessly.

Importing the package is light: each public name imports its module on first use.
"""

from importlib import import_module

__version__ = "0.2.0"

_HOME = {
    "DarkPanel": "panel",
    "Exercise": "course",
    "Frame": "frames",
    "Night": "night",
    "Parameters": "parameters",
    "Recipe": "recipe",
    "Results": "results",
    "advise": "advice",
    "before_after": "run.figures",
    "calibrate_dark": "recipe.calibrate",
    "calibrate_darks": "run",
    "check_run": "check",
    "combine_bias": "combine",
    "combine_darks": "combine",
    "combined_images": "run.figures",
    "dark_current": "darks.figures",
    "exposures": "advice.figures",
    "level_and_scatter": "statistics",
    "levels": "run.figures",
    "linearity": "darks.figures",
    "make_class": "course.make",
    "make_plan": "run",
    "mark_class": "course.mark",
    "measure_darks": "darks",
    "overscan_evidence": "advice.figures",
    "results_table": "results",
    "run_plan": "run.night",
    "scale_dark": "darks",
    "simulate_night": "simulate",
    "DarkcalError": "errors",
    "FrameError": "errors",
    "Interrupted": "errors",
    "NightError": "errors",
    "OutputError": "errors",
    "ParameterError": "errors",
    "RunError": "errors",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return sorted([*globals(), *__all__])
