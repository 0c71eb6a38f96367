"""What the panel says of a run before it starts: what is wrong, what it will do, which commands do the same. Nothing is done."""

import os
from pathlib import Path

from ..parameters import Parameters, as_lists
from ..text import visible
from .settings import planned

__all__ = ["bias_note", "notebook_of", "outlook", "run_notes"]

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
        notes["start"] = "Look at the settings marked below: they were made for another camera."
        notes["questions"] = list(questions)
    elif plan is not None:
        notes |= {"bias": bias_note(plan, values["combined_bias"] is not None), "run": run_notes(plan)}
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
    return int(name[0]) if name[:2] in ("1-", "2-") else number, os.path.relpath(path)
