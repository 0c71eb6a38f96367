"""Settings while they are being made: they may be wrong, and what is wrong is said for each control."""

from dataclasses import dataclass, fields

from ..errors import DarkcalError, NightError, OutputError, ParameterError
from ..groups import odd_frames
from ..parameters import Parameters
from ..recipe import Recipe
from ..results import Results
from ..run import make_plan
from ..sections import parse_section, resolve_regions, to_fits, to_python
from ..text import visible

__all__ = ["bias_note", "night_notes", "notation", "problems", "results_note", "section_text", "with_range"]

SECTIONS = ("overscan_columns", "keep_columns")


@dataclass(frozen=True)
class Range:
    """The part of one axis that a section selects: axis 1 counts columns, axis 0 rows; end excluded."""

    axis: int
    start: int
    stop: int


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
        ``python``, ``fits``, ``axis``, ``start``, ``stop``; `None`: there is no such section, or it does not fit the frame.
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


def with_range(values, name, part, shape):
    """Return settings in which the section `name` selects `part` of its axis.

    The overscan is of columns or of rows; a kept part keeps what it had along the other axis.

    Parameters
    ----------
    values : dict
    name : str
        ``'overscan_columns'`` or ``'keep_columns'``.
    part : Range
        Taken as it is: one that is empty or outside the frame is a problem to be said, not to be mended.
    shape : tuple of int
    """
    region = [slice(0, shape[0]), slice(0, shape[1])]
    if name == "keep_columns" and (now := notation(values, name, shape)):
        region = [slice(*now["rows"]), slice(*now["columns"])]
    region[part.axis] = slice(part.start, part.stop)
    return values | {name: section_text(tuple(region), shape)}


def section_text(region, shape):
    """Write a region as briefly as it can be read back: a Python slice of columns, or a FITS section where rows count too.

    Examples
    --------
    >>> section_text((slice(0, 4128), slice(2055, 2080)), (4128, 2080))
    '2055:'
    """
    rows, columns = region
    if rows != slice(0, shape[0]):
        return to_fits(region)
    return f"{columns.start or ''}:{'' if columns.stop == shape[1] else columns.stop}"


def bias_note(values, night):
    """Say which combined bias the darks will get; empty where none is subtracted."""
    if not values["subtract_bias"]:
        return ""
    if values["combined_bias"] is not None:
        return "The combined bias named is subtracted."
    bias = Results(values["reduced_folder"]).combined_bias
    if bias is not None:
        return f"Found by its header: {visible(bias.path)}."
    return f"There is none yet: it will be built from {len(night.biases)} bias frames of the night."


def results_note(values, night):
    """Say what is already where the results will go."""
    parameters = Parameters(**values)
    plan = make_plan(
        night,
        parameters.recipe,
        parameters.reduced_folder,
        files=parameters.files,
        combined_bias=parameters.combined_bias,
        overwrite=parameters.overwrite,
    )
    there = [found.state for found in plan.standings.values()]
    counts = {state: there.count(state) for state in ("current", "other", "foreign")}
    fate = (
        "will be replaced"
        if values["overwrite"]
        else "will not be replaced (tick Overwrite, or name another folder)"
    )
    sentences = {
        "current": "{} made with these settings stay as they are",
        "other": f"{{}} made with other settings {fate}",
        "foreign": "{} that darkcal did not make will not be replaced (move them away)",
    }
    said = "; ".join(sentences[state].format(count) for state, count in counts.items() if count)
    return f"Results already there: {said}." if said else f"{len(there)} results will be written."


def night_notes(night):
    """Say what a user should know of a night before anything is done: unreadable frames, darks of another kind."""
    notes = [f"Unreadable: {reason}" for reason in night.unreadable.values()]
    try:
        notes += [
            f"{reason} It is left out unless it is picked without the others."
            for reason in odd_frames(night.darks).values()
        ]
    except NightError as error:
        notes.append(str(error))
    return [visible(note) for note in notes]


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
        make_plan(night, parameters.recipe.of_bias, folder, **where)
    except OutputError as error:
        return {"reduced_folder": str(error)}
    except NightError as error:
        return {"dark_folder": str(error)}
    except DarkcalError as error:
        return {"files": str(error)}
    if not parameters.subtract_bias or not night.select_darks(parameters.files):
        return {}
    try:
        make_plan(night, parameters.recipe, folder, combined_bias=parameters.combined_bias, **where)
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
