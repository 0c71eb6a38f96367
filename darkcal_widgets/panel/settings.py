"""Settings as they stand in the controls: what is wrong with them, what they select, what a run would do with them.

They may be wrong: each problem is said for the parameter that has to change. Nothing is shown or written here, and only here
does the panel ask the rooms below what a run will do.
"""

import os
from dataclasses import fields
from pathlib import Path

from ..bias import choose_bias, find_combined_bias
from ..errors import DarkcalError, NightError, OutputError, ParameterError
from ..parameters import Parameters
from ..recipe import Recipe
from ..run import existing_results, plan
from ..sections import parse_section, resolve_regions, to_fits, to_python
from ..text import visible

__all__ = [
    "SECTIONS",
    "bias_note",
    "bias_path",
    "commands",
    "notation",
    "notebook_of",
    "problems",
    "recipe_of",
    "results_note",
    "section_problems",
]

SECTIONS = ("overscan_columns", "keep_columns")

_NOTEBOOKS = {1: "1-overscan-subtracted-bias-kept.ipynb", 2: "2-bias-subtracted-overscan-trimmed.ipynb"}


def recipe_of(values):
    """Take the recipe from settings of which others, such as the folder of results, may be wrong.

    Raises
    ------
    ParameterError
    """
    return Recipe(**{field.name: values[field.name] for field in fields(Recipe)})


def problems(values, night):
    """Say what is wrong with settings, one sentence for each control that has to change.

    Parameters
    ----------
    values : dict
        The parameters by name, as they stand in the controls.
    night : Night

    Returns
    -------
    dict of str to str
        Name of the parameter to the sentence; empty: a run can start.
    """
    found = _value_problems(values) or section_problems(values, night)
    return found or _run_problems(Parameters(**values), night)


def section_problems(values, night):
    """Say what is wrong with the overscan and the kept part; quick enough for every step of a drag."""
    for shape in _shapes(values, night):
        for name in SECTIONS:
            alone = {other: values[other] if other == name else None for other in SECTIONS}
            if message := _message(_regions, alone, shape):
                return {name: message}
        if message := _message(_regions, values, shape):
            return dict.fromkeys(SECTIONS, message)  # either of the two can be mended
    return {}


def notation(values, name, shape):
    """Write a section in both notations and as a range along its axis.

    Returns
    -------
    dict or None
        ``python`` and ``fits``; ``axis``, 1 where columns are selected and 0 where rows are; ``rows`` and ``columns``, each start
        and stop. `None`: there is no such section, or it does not fit the frame.
    """
    if values[name] is None:
        return None
    try:
        region = parse_section(values[name], name).resolve(shape, name)
    except ParameterError:
        return None
    axis = 0 if region[1] == slice(0, shape[1]) and region[0] != slice(0, shape[0]) else 1
    if name == "overscan_columns":
        region = tuple(part if n == axis else slice(0, shape[n]) for n, part in enumerate(region))
    return {
        "python": to_python(region, shape),
        "fits": to_fits(region),
        "axis": axis,
        "rows": [region[0].start, region[0].stop],
        "columns": [region[1].start, region[1].stop],
    }


def bias_note(values, night):
    """Say which combined bias the darks will get; empty where none is subtracted."""
    if not values["subtract_bias"]:
        return ""
    if values["combined_bias"] is not None:
        return "The combined bias named here is subtracted."
    path = find_combined_bias(values["reduced_folder"])
    if path is not None:
        return f"Found by its header: {visible(path)}."
    return f"None exists yet: it will be built from {len(night.biases)} bias frames of the night."


def results_note(values, night):
    """Say which results exist already."""
    states = list(existing_results(night, Parameters(**values)).values())
    counts = {state: states.count(state) for state in ("same", "other", "foreign")}
    fate = (
        "will be replaced"
        if values["overwrite"]
        else "will not be replaced (tick Overwrite, or name another folder)"
    )
    sentences = {
        "same": "{} made with these settings stay as they are",
        "other": f"{{}} made with other settings {fate}",
        "foreign": "{} not made by darkcal will not be replaced (move them away)",
    }
    said = "; ".join(sentences[state].format(count) for state, count in counts.items() if count)
    return f"Results that exist already: {said}." if said else f"{len(states)} results will be written."


def bias_path(values):
    """Return the combined bias that settings name or that is found by its header, or `None` where it has to be built.

    Raises
    ------
    DarkcalError
        The one that is named does not exist, or several are found.
    """
    if not values["subtract_bias"]:
        return None
    if values["combined_bias"] is None:
        return find_combined_bias(values["reduced_folder"])
    path = Path(values["combined_bias"])
    if not path.is_file():
        raise DarkcalError(f"the combined bias {path} does not exist.")
    return path


def commands(parameters, settings_file):
    """Write the commands that do the same without the panel.

    Returns
    -------
    dict of str to str
        ``folder``, from which ``papermill`` has to be run, and ``python``.
    """
    _, path = notebook_of(parameters.subtract_bias)
    done = f"{Path(path).stem}-done.ipynb"
    return {
        "folder": os.getcwd(),
        "papermill": parameters.papermill_command(path, done, settings_file),
        "python": parameters.python_code(),
    }


def notebook_of(subtract_bias):
    """Return number and path of the notebook that settings belong to: the one that is open, or the shipped one."""
    number = 2 if subtract_bias else 1
    path = os.environ.get("JPY_SESSION_NAME", "")
    if not path.endswith(".ipynb"):
        return number, _NOTEBOOKS[number]
    name = Path(path).name
    return int(name[0]) if name[:2] in ("1-", "2-") else number, os.path.relpath(path)


def _value_problems(values):
    found = {}
    for name in [field.name for field in fields(Recipe)]:
        if message := _message(Recipe, **{name: values[name]}):
            found[name] = message
    if found:
        return found
    for name in [field.name for field in fields(Parameters)]:
        safe = {"raw_folder": ".", "reduced_folder": "."}
        if message := _message(Parameters, **safe | {name: values[name]}):
            found[name] = message
    return found


def _run_problems(parameters, night):
    where = {"files": parameters.files, "overwrite": parameters.overwrite}
    folder = parameters.reduced_folder
    try:
        plan(night, parameters.recipe, folder, **where)
    except OutputError as error:
        return {"reduced_folder": str(error)}
    except NightError as error:
        return {"dark_folder": str(error)}
    except DarkcalError as error:
        return {"files": str(error)}
    if not parameters.subtract_bias or not night.select_darks(parameters.files):
        return {}
    try:
        choose_bias(night, parameters.recipe, folder, combined_bias=parameters.combined_bias, **where)
    except DarkcalError as error:
        return {"subtract_bias" if parameters.combined_bias is None else "combined_bias": str(error)}
    return {}


def _shapes(values, night):
    try:
        return list(dict.fromkeys(dark.info.shape for dark in night.select_darks(values["files"])))
    except DarkcalError:
        return []


def _regions(values, shape):
    sections = (None if values[name] is None else parse_section(values[name], name) for name in SECTIONS)
    return resolve_regions(*sections, shape)


def _message(check, *arguments, **keywords):
    try:
        check(*arguments, **keywords)
    except DarkcalError as error:
        return str(error)
    return ""
