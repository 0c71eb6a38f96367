"""The list of a night's frames for the panel's table, in plain values that are safe to look at."""

from pathlib import Path

from ..errors import NightError
from ..groups import group_exposures, group_temperatures, odd_frames
from ..text import visible

__all__ = ["night_list"]

# Folders offered for choice.
_FOLDER_CHOICES = 60


def night_list(night, raw_folder):
    """List a night.

    Parameters
    ----------
    night : Night or None
        `None`: there is no night in `raw_folder`.
    raw_folder : str

    Returns
    -------
    dict
        ``frames``: a row for each frame, those that cannot be read last; ``exposures`` and ``temperatures``: label and row
        numbers of the darks of each; ``notes``: sentences on what a user should know before anything is done; ``folders``: what
        can be chosen as ``raw_folder`` and ``dark_folder``.
    """
    folders = _folder_choices(Path(raw_folder))
    if night is None:
        return {"frames": [], "exposures": [], "temperatures": [], "notes": [], "folders": folders}
    return {
        "frames": _rows(night),
        "exposures": _groups(night, "exposure", group_exposures, "{:g} s"),
        "temperatures": _groups(night, "temperature", group_temperatures, "{:.0f} °C"),
        "notes": _notes(night),
        "folders": folders,
    }


def _rows(night):
    darks = {dark.name for dark in night.darks}
    types = night.table["type"]
    rows = [
        {
            "name": visible(frame.name),
            "type": visible(types[n]),
            "exposure": frame.info.exposure,
            "filter": visible(frame.info.filter),
            "shape": list(frame.info.shape),
            "temperature": frame.info.temperature,
            "dark": frame.name in darks,
            "trouble": "",
        }
        for n, frame in enumerate(night.frames)
    ]
    return rows + [_unreadable_row(name, reason) for name, reason in night.unreadable.items()]


def _unreadable_row(name, reason):
    absent = dict.fromkeys(("exposure", "temperature", "shape"))
    texts = {"name": visible(name), "type": "unreadable", "filter": "", "trouble": visible(reason)}
    return texts | absent | {"dark": False}


def _groups(night, what, group_values, label):
    """Return the darks that are alike in something: `label` takes the first value of each group."""
    darks = {dark.name for dark in night.darks}
    known = [
        (n, value)
        for n, frame in enumerate(night.frames)
        if frame.name in darks and (value := getattr(frame.info, what)) is not None
    ]
    groups = group_values([value for _, value in known])
    return [
        {"label": label.format(known[group[0]][1]), "rows": sorted(known[n][0] for n in group)}
        for group in groups
    ]


def _notes(night):
    """Say which frames cannot be read, which are only guessed to be what they are, and which darks are unlike the others."""
    notes = [*(f"Unreadable: {reason}" for reason in night.unreadable.values()), *night.notes]
    try:
        notes += [
            f"{reason} It is left out unless it is picked without the others."
            for reason in odd_frames(night.darks).values()
        ]
    except NightError as error:
        notes.append(str(error))
    return [visible(note) for note in notes]


def _folder_choices(raw):
    """List folders beside the night, to choose another night, and inside it, where its darks may be."""
    beside = dict.fromkeys([*_folders(Path()), *_folders(raw.parent)])
    return {"raw_folder": list(beside)[:_FOLDER_CHOICES], "dark_folder": _folders(raw)}


def _folders(parent):
    try:
        found = [path for path in sorted(parent.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []
    return [str(path) for path in found[:_FOLDER_CHOICES]]
