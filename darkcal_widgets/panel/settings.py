"""Settings as they stand in the controls: what is wrong with them, and the plan of a run. Not the words on it (outlook).

They may be wrong: each problem is said for the parameter that has to change. Nothing is shown or written here, and only here
does the panel ask the rooms below what a run will do.
"""

import glob
import os
from dataclasses import fields, replace
from pathlib import Path

from ..errors import DarkcalError, NightError, OutputError
from ..parameters import Parameters
from ..recipe import Recipe
from ..recipe.steps import SubtractBias
from ..results import Results
from ..run import make_plan
from .parts import SECTIONS, regions

__all__ = [
    "bias_path",
    "declared",
    "moved_along",
    "plan_of",
    "planned",
    "recipe_of",
    "section_problems",
    "undeclared",
]


def recipe_of(values):
    """Take the recipe from settings of which others, such as the folder of results, may be wrong.

    Raises
    ------
    ParameterError
    """
    return Recipe(**{field.name: values[field.name] for field in fields(Recipe)})


def planned(values, night):
    """Plan a run with settings; if that cannot be done, say why, one sentence for each control that has to change.

    The plan replaces results that were made otherwise: it tells which, and that it does so is decided by whoever runs it.

    Parameters
    ----------
    values : dict
        The parameters by name, as they stand in the controls.
    night : Night

    Returns
    -------
    plan : Plan or None
        `None`: there are problems.
    problems : dict of str to str
        Name of the parameter to the sentence; empty: a run can start.
    """
    found = _value_problems(values)
    if not found or (values["amplifiers"] is None and set(found) <= set(SECTIONS)):
        found = section_problems(values, night) | found
    if found:
        return None, found
    parameters = replace(Parameters(**values), overwrite=True)
    try:
        plan = plan_of(parameters, night)
    except DarkcalError as error:
        return None, {_to_change(parameters, night): str(error)}
    return (None, {"reduced_folder": _in_the_way(plan)}) if plan.conflicts else (plan, {})


def _in_the_way(plan):
    first, *others = plan.conflicts
    return f"{first} And {len(others)} more {'are' if others[1:] else 'is'} in the way." if others else first


def plan_of(parameters, night):
    """Plan a run.

    Raises
    ------
    DarkcalError
        See `~darkcal_widgets.calibrate_darks`.
    """
    return make_plan(
        night,
        parameters.recipe,
        parameters.reduced_folder,
        files=parameters.files,
        combined_bias=parameters.combined_bias,
        overwrite=parameters.overwrite,
    )


def section_problems(values, night):
    """Say what is wrong with the parts of the images; quick enough for every step of a drag."""
    darks = _picked(values, night)
    if message := _message(_shapes, darks, values["extensions"]):
        return {"extensions": message}
    for shape in _shapes(darks, values["extensions"]):
        if found := _problems_on(values, shape):
            return found
    return {}


def _problems_on(values, shape):
    """Say what is wrong with the parts on images of one shape."""
    if values["amplifiers"] is not None:
        message = _message(lambda: recipe_of(values).pieces(shape))
        return {"amplifiers": message} if message else {}
    alone = {
        name: {other: values[other] if other == name else None for other in SECTIONS} for name in SECTIONS
    }
    found = {name: message for name in SECTIONS if (message := _message(regions, alone[name], shape))}
    if not found and (message := _message(regions, values, shape)):
        found = dict.fromkeys(SECTIONS, message)  # either of the two can be mended
    return found


def declared(image_types, names, kind):
    """Return `image_types` that also say what the frames of some names are; what is said last counts."""
    said = {_key_of(name): kind for name in names}
    return said | {key: other for key, other in (image_types or {}).items() if key not in said}


def undeclared(image_types, names=None):
    """Return `image_types` without what they say of the frames of some names, or of any by its name; `None`: nothing is left."""
    keys = None if names is None else {_key_of(name) for name in names}
    left = {
        key: kind
        for key, kind in (image_types or {}).items()
        if (key not in keys if keys is not None else not key.startswith("file="))
    }
    return left or None


def moved_along(values, opened):
    """Return what changes with the folder of the night: its darks are in a subfolder of the same name, or in the night itself.

    Parameters
    ----------
    values : dict
    opened : tuple
        ``raw_folder`` and ``dark_folder`` of the night before.
    """
    raw_folder, dark_folder = opened
    if values["raw_folder"] == raw_folder or values["dark_folder"] != dark_folder:
        return {}  # where its darks are was set with it
    beside = dark_folder and os.path.join(values["raw_folder"], os.path.basename(dark_folder))
    return {
        "dark_folder": beside if beside and os.path.isdir(beside) else None,
        "files": None,
        "image_types": undeclared(values["image_types"]),
    }


def _key_of(name):
    return f"file={glob.escape(name)}"


def bias_path(values):
    """Return the combined bias that settings name or that is found by its header, or `None` where it has to be built.

    Raises
    ------
    DarkcalError
        The one that is named does not exist, or several are found.
    """
    if not values[SubtractBias.parameter]:
        return None
    if values["combined_bias"] is None:
        bias = Results(values["reduced_folder"]).combined_bias
        return None if bias is None else bias.path
    path = Path(values["combined_bias"])
    if not path.is_file():
        raise DarkcalError(f"the combined bias {path} does not exist.")
    return path


def _value_problems(values):
    names = Parameters.names()
    alone = {name: {"raw_folder": ".", "reduced_folder": "."} | {name: values[name]} for name in names}
    found = {name: message for name in names if (message := _message(Parameters, **alone[name]))}
    if not found and (message := _message(recipe_of, values)):  # sections beside those of amplifiers
        found = {name: message for name in SECTIONS if values[name] is not None}
    return found


def _to_change(parameters, night):
    """Return the name of the parameter that has to change: that of the bias, if a run without it could start."""
    try:
        plan_of(parameters.of_bias, night)
    except OutputError:
        return "reduced_folder"
    except NightError:
        return "dark_folder"
    except DarkcalError:
        return "files"
    return SubtractBias.parameter if parameters.combined_bias is None else "combined_bias"


def _picked(values, night):
    try:
        return night.select_darks(values["files"])
    except DarkcalError:
        return []


def _shapes(darks, extensions):
    """Return the shapes of the images that are calibrated, each once."""
    return list(dict.fromkeys(part.shape for dark in darks for part in dark.select(extensions)))


def _message(check, *arguments, **keywords):
    try:
        check(*arguments, **keywords)
    except DarkcalError as error:
        return str(error)
    return ""
