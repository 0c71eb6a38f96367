"""What the panel says of a run before it starts: what is wrong, what it will do, which commands do the same. Nothing is done."""

import os
from pathlib import Path

from ..fields import as_lists
from ..parameters import Parameters
from ..text import visible
from .made import Made
from .settings import planned

__all__ = [
    "bias_note",
    "calibrate_deed",
    "calibrate_refusal",
    "combine_deed",
    "combine_refusal",
    "notebook_of",
    "outlook",
    "run_notes",
    "visible_values",
]

_NOTEBOOKS = {1: "1-overscan-subtracted-bias-kept.ipynb", 2: "2-bias-subtracted-overscan-trimmed.ipynb"}


def outlook(values, opened, given, beginning, questions, settings_file):
    """Say what a run with some settings would do, or why it cannot start.

    Parameters
    ----------
    values : dict
        The parameters by name, as they stand in the controls.
    opened : OpenNight
    given, beginning
        See `_start_notes`.
    questions : dict of str to str
        See `~darkcal_widgets.panel.settings.questions`.
    settings_file : str
        For the commands.

    Returns
    -------
    dict of str to dict
        ``problems``: name of each parameter that has to change, to a sentence; ``notes``: what else is to be known, by place;
        ``commands``: see `_commands`.
    """
    plan, found = (None, opened.trouble) if opened.night is None else planned(values, opened.night)
    notes, code = _start_notes(values, given, beginning), {}
    if questions:
        notes["start"] = "Look at the settings marked below, and change them or keep them."
        notes["questions"] = list(questions)
    elif plan is not None:
        made = Made(plan)
        notes |= {"bias": bias_note(plan, values["combined_bias"] is not None), "run": run_notes(plan, made)}
        notes |= {"calibrate": calibrate_deed(plan), "combine": combine_deed(made)}
        notes["remarks"] = visible_values(opened.remarks(plan.recipe))
        code = _commands(Parameters(**values), settings_file)
    return {"problems": visible_values(found | questions), "notes": notes, "commands": code}


def visible_values(texts):
    """Write each text of a mapping in characters that can be seen."""
    return {name: visible(text) for name, text in texts.items()}


def bias_note(plan, named):
    """Say which combined bias the darks will get; empty where none is subtracted. `named`: the settings name its file."""
    if plan.builds_bias:
        return f"It will be built from {len(plan.biases)} bias frames of the night."
    if plan.bias is None:
        return ""
    return (
        "The combined bias named here is subtracted."
        if named
        else f"Found by its header: {visible(plan.bias.path)}."
    )


def calibrate_deed(plan):
    """Say what a click on the button that calibrates does.

    Returns
    -------
    dict
        ``label`` of the button; ``replaces``, whether results made otherwise are replaced; ``off``, why it cannot be pressed,
        empty where it can.
    """
    replaced = len(plan.replaced)
    if not replaced:
        return {"label": "Calibrate", "replaces": False, "off": ""}
    new = sum(found.state == "absent" for found in plan.standings.values())
    write = f" and write {new}" if new else ""
    return {"label": f"Replace {_count(replaced)}{write}", "replaces": True, "off": ""}


def combine_deed(made):
    """Say what a click on the button that combines does, as `calibrate_deed`."""
    replaced, foreign = made.named("made otherwise"), made.named("foreign")
    label = f"Replace {_count(len(replaced), 'combined dark')}" if replaced else "Combine"
    off = "" if made.darks else "Combine is off until darks are calibrated with these settings."
    if foreign:
        off = f"Combine is off: {foreign[0]} in {made.plan.folder} was not written by darkcal; move it away."
    return {"label": label, "replaces": bool(replaced), "off": off}


def calibrate_refusal(plan):
    """Say why a plan that must not replace anything cannot be run, and what to press or to set."""
    are = "are" if plan.replaced[1:] else "is"
    return f"There {are} {plan.said_of_replaced}: {_way_out(calibrate_deed(plan))}"


def combine_refusal(made):
    """Say why darks cannot be combined where nothing may be replaced, and what to press or to set; empty: they can."""
    replaced, folder = made.named("made otherwise"), made.plan.folder
    if not made.darks:
        return f"No picked dark in {folder} is calibrated with these settings; calibrate first."
    if replaced:
        were = "were" if replaced[1:] else "was"
        return f"{', '.join(replaced)} in {folder} {were} made otherwise: {_way_out(combine_deed(made))}"
    return ""


def _way_out(deed):
    return f"press “{deed['label']}” in the panel, set overwrite, or name another reduced_folder."


def run_notes(plan, made):
    """Say which results exist already and what happens to them, and what else should be known before the run."""
    notes, count = [], len(plan.jobs)
    if made.darks:
        notes.append(f"Calibrated with these settings: {len(made.darks)} of {count} picked darks.")
        states = dict.fromkeys(made.combined.values())
        notes += [f"Combined darks {state}: {', '.join(made.named(state))}." for state in states]
    if plan.replaced:
        notes.append(f"To be replaced: {plan.said_of_replaced}.")
    if not notes:
        notes = [f"{_count(count)} will be written."]
    return [visible(note) for note in (*notes, *plan.notes)]


def _count(number, what="result"):
    return f"{number} {what}{'' if number == 1 else 's'}"


def _start_notes(values, given, beginning):
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


def _commands(parameters, settings_file):
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
