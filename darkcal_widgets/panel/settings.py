"""Settings as they stand in the controls: what is wrong with them, what they select, what a run would do with them.

They may be wrong: each problem is said for the parameter that has to change. Nothing is shown or written here, and only here
does the panel ask the rooms below what a run will do.
"""

import glob
import os
from collections import Counter
from dataclasses import fields
from pathlib import Path

from ..errors import DarkcalError, NightError, OutputError, ParameterError
from ..parameters import Parameters, as_lists
from ..recipe import Recipe
from ..recipe.steps import SubtractBias
from ..results import Results
from ..run import make_plan
from ..sections import parse_section, resolve_regions, to_brief, to_fits, to_python
from ..text import visible

__all__ = [
    "SECTIONS",
    "amplifier_notations",
    "bias_note",
    "bias_path",
    "camera_of",
    "commands",
    "declared",
    "join_amplifiers",
    "notation",
    "notebook_of",
    "plan_of",
    "planned",
    "questions",
    "recipe_of",
    "run_notes",
    "section_problems",
    "split_amplifiers",
    "start_notes",
    "undeclared",
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


def planned(values, night):
    """Plan a run with settings; if that cannot be done, say why, one sentence for each control that has to change.

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
    found = _value_problems(values) or section_problems(values, night)
    if found:
        return None, found
    parameters = Parameters(**values)
    try:
        return plan_of(parameters, night), {}
    except DarkcalError as error:
        return None, {_to_change(parameters, night): str(error)}


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
    for name in SECTIONS:
        alone = {other: values[other] if other == name else None for other in SECTIONS}
        if message := _message(_regions, alone, shape):
            return {name: message}
    message = _message(_regions, values, shape)
    return dict.fromkeys(SECTIONS, message) if message else {}  # either of the two can be mended


def camera_of(night):
    """Return the instrument and the shape, in words, of most of a night's darks, or of its frames if there is no dark."""
    kinds = Counter((frame.info.instrument, frame.shape_text) for frame in night.darks or night.frames)
    return kinds.most_common(1)[0][0] if kinds else None


def questions(values, night, accepted):
    """Question settings that were made for another camera: they may fit these frames and be wrong for them.

    Parameters
    ----------
    values : dict
    night : Night
    accepted : tuple
        The camera, as `camera_of` tells it, for which settings were made or accepted last, and these by name.

    Returns
    -------
    dict of str to str
        Name of each setting that is still the same, to a sentence.
    """
    camera, (made_for, before) = camera_of(night), accepted
    if None in (camera, made_for) or camera == made_for:
        return {}
    names = SECTIONS if values["amplifiers"] is None else ("amplifiers",)
    frames, others = (" ".join(filter(None, (name, shape))) for name, shape in (camera, made_for))
    return {
        name: f"{values[name] or 'Nothing'} was set for the frames of another night ({others}), and these are of another kind "
        f"({frames}). Press As advised or Keep as they are, or change it."
        for name in names
        if values[name] == before[name]
    }


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
        region = parse_section(values[name], name).resolve(shape)
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


def amplifier_notations(values, shape):
    """Write the parts of each amplifier as `notation` does.

    Returns
    -------
    list of dict, or None
        ``overscan`` and ``image`` of each; `None`: there is one amplifier.
    """
    if values["amplifiers"] is None:
        return None
    return [
        {
            "overscan": notation({"overscan_columns": overscan}, "overscan_columns", shape),
            "image": notation({"keep_columns": image}, "keep_columns", shape),
        }
        for overscan, image in values["amplifiers"]
    ]


def split_amplifiers(values, shape):
    """Return the settings for two amplifiers, to begin with: each has half of the columns kept so far, and the same overscan.

    Raises
    ------
    ParameterError
        The sections do not fit an image of `shape`.
    """
    rows, columns = _regions(values, shape).keep
    middle = (columns.start + columns.stop) // 2
    halves = ((rows, slice(columns.start, middle)), (rows, slice(middle, columns.stop)))
    pairs = tuple((values["overscan_columns"], to_brief(half, shape)) for half in halves)
    return {"amplifiers": pairs} | dict.fromkeys(SECTIONS)


def join_amplifiers(values, shape):
    """Return the settings for one amplifier: the first overscan, and of the image all that those of several had."""
    images = [found["image"] for found in amplifier_notations(values, shape) if found["image"]]
    ends = [(image["rows"], image["columns"]) for image in images] or [([0, shape[0]], [0, shape[1]])]
    keep = tuple(slice(min(one[n][0] for one in ends), max(one[n][1] for one in ends)) for n in (0, 1))
    overscan = values["amplifiers"][0][0]
    return {"amplifiers": None, "overscan_columns": overscan, "keep_columns": to_brief(keep, shape)}


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


def _key_of(name):
    return f"file={glob.escape(name)}"


def bias_note(plan, named):
    """Say which combined bias the darks will get; empty where none is subtracted. `named`: the settings name its file."""
    if plan.builds_bias:
        return f"It will be built from {len(plan.night.biases)} bias frames of the night."
    if plan.bias is None:
        return ""
    return (
        "The combined bias named here is subtracted."
        if named
        else f"Found by its header: {visible(plan.bias.path)}."
    )


def run_notes(plan):
    """Say which results exist already and what becomes of them, and what else should be known before the run."""
    states = [found.state for found in plan.standings.values()]
    counts = {state: states.count(state) for state in ("current", "other", "foreign")}
    fate = (
        "will be replaced"
        if plan.overwrite
        else "will not be replaced (tick Overwrite, or name another folder)"
    )
    sentences = {
        "current": "{} made with these settings stay as they are",
        "other": f"{{}} made with other settings {fate}",
        "foreign": "{} not made by darkcal will not be replaced (move them away)",
    }
    said = "; ".join(sentences[state].format(count) for state, count in counts.items() if count)
    results = f"Results that exist already: {said}." if said else f"{len(states)} results will be written."
    return [results, *map(visible, plan.notes)]


def start_notes(values, given, beginning):
    """Say how the settings came about.

    Parameters
    ----------
    values : dict
    given : Parameters
        Those that the panel was made from.
    beginning : str or None
        ``'goes on'``: it goes on after the cells were run again; ``'afresh'``: the parameters have changed meanwhile.

    Returns
    -------
    dict
        ``changed``: names of the settings that differ from those given; ``start``: a sentence, if there is something to say.
    """
    at_start = given.to_dict()
    changed = [name for name, value in at_start.items() if as_lists(values[name]) != value]
    sentence = ""
    if beginning == "goes on" and changed:
        sentence = (
            "The cells were run again, and the settings changed in this panel still hold. Press As at the start to have those of "
            "the cell of parameters."
        )
    elif beginning == "afresh":
        sentence = "The cell of parameters has changed, so this panel starts afresh with its values."
    return {"changed": changed, "start": sentence}


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


def commands(parameters, settings_file):
    """Write the commands that do the same without the panel.

    Returns
    -------
    dict of str to str
        ``folder``, from which ``papermill`` has to be run, and ``python``.
    """
    _, path = notebook_of(parameters.uses_bias)
    done = f"{Path(path).stem}-done.ipynb"
    return {
        "folder": os.getcwd(),
        "papermill": parameters.papermill_command(path, done, settings_file),
        "python": parameters.python_code(),
    }


def notebook_of(uses_bias):
    """Return number and path of the notebook that settings belong to: the one that is open, or the shipped one."""
    number = 2 if uses_bias else 1
    path = os.environ.get("JPY_SESSION_NAME", "")
    if not path.endswith(".ipynb"):
        return number, _NOTEBOOKS[number]
    name = Path(path).name
    return int(name[0]) if name[:2] in ("1-", "2-", "3-") else number, os.path.relpath(path)


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


def _regions(values, shape):
    sections = (None if values[name] is None else parse_section(values[name], name) for name in SECTIONS)
    return resolve_regions(*sections, shape)


def _message(check, *arguments, **keywords):
    try:
        check(*arguments, **keywords)
    except DarkcalError as error:
        return str(error)
    return ""
