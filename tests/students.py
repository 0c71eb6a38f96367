"""A class that is played: students who are right in ten ways, wrong in ten others, or hand in rubbish.

python bench/course.py [--level 3]
"""

import json
import shutil
from pathlib import Path

import numpy as np
import yaml
from answers import by_ccdproc, by_darkcal, right_recipe
from astropy.io import fits

from darkcal_widgets import Night
from darkcal_widgets.course.exercise import ANSWER, ANSWER_MIME
from darkcal_widgets.course.mark import _answers
from darkcal_widgets.simulate import read_truth


class Played:
    """A student, the night, and what is true of it.

    Parameters
    ----------
    room : Classroom
    student : Student
    """

    def __init__(self, room, student):
        self.room, self.student = room, student
        self.night, self.truth = room.night(student), read_truth(room.truth(student))
        self.over, self.recipe = self.truth["overscan"], right_recipe(self.truth)
        sound = {n for n, f in self.truth["frames"].items() if f["kind"] == "dark" and not f["lit"]}
        self.sound = sorted(sound)
        self.odd = sorted(
            n
            for n, f in self.truth["frames"].items()
            if fits.getval(self.night / n, "IMAGETYP") == "DARK" and n not in sound
        )

    @property
    def settings(self):
        """The right ones."""
        return {
            "raw_folder": self.night.name,
            "reduced_folder": "reduced",
            **self.recipe.to_parameters(),
            "files": self.sound,
        }

    @property
    def answers(self):
        """The right ones."""
        return {
            name: _value(text)
            for name, (_, text) in _answers(dict.fromkeys(_answers({}, self.truth), "?"), self.truth).items()
        }

    def place(self, name=None):
        """Return a new place below what is handed in."""
        place = self.room.handed_in / (name or self.student.folder)
        place.mkdir(parents=True)
        return place

    def results(self, make=by_darkcal, recipe=None, files=None, **options):
        """Hand in results, and nothing that tells how they were made."""
        place = self.place()
        work = self.room.folder / "work"
        shutil.copytree(self.night, work)
        for name in {path.name for path in work.iterdir()} - set(files or self.sound):
            if fits.getval(work / name, "IMAGETYP") == "DARK":
                (work / name).unlink()
        make(Night(work), place / "reduced", recipe or self.recipe, **options)
        shutil.rmtree(work)
        return place / "reduced"


def _value(text):
    value = text.split(" is ", 1)[1].split(",")[0].rstrip(".")
    return value if value == "scaled" else float(value)


def _notebook(path, settings, answers=None, committed=True, words="I looked at the flats."):
    lines = [f"{name} = {value!r}" for name, value in {**settings, **(answers or {})}.items()]
    data = {ANSWER_MIME: {"settings": settings, "answers": answers or {}, "hints": {"bias": 2}}}
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    cells = [
        {
            "cell_type": "code",
            "metadata": {},
            "source": "\n".join(lines) if not committed else "1 / 0",
            "outputs": [],
        },
        {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": "words"}}, "source": words},
        {"cell_type": "code", "metadata": {}, "source": "", "outputs": [output] if committed else []},
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def _settings(played, path, **changes):
    path.write_text(yaml.safe_dump(played.settings | changes))


def _edited(change, one=False):
    def hand_in(played):
        paths = sorted(
            path for path in played.results().glob("*.fits") if not path.name.startswith("combined")
        )
        for path in paths[:1] if one else paths:
            data, header = fits.getdata(path, header=True)
            fits.writeto(
                path, change(data, played.truth).astype(np.float32), header, overwrite=True, checksum=True
            )

    return hand_in


def _narrower(played):
    first, last = played.over["image"]
    return f"{first + 6}:{last - 6}"


def _whole(played):
    return "{}:{}".format(*played.over["overscan"])


def _steps(**steps):
    def hand_in(played):
        changes = {name: value(played) if callable(value) else value for name, value in steps.items()}
        _notebook(played.place() / "my notebook.ipynb", played.settings | changes, played.answers)

    return hand_in


def _nothing_subtracted(played):
    if not played.truth["recipe"]["subtract_bias"] and not played.over["usable"]:
        return _steps(overscan_columns=_whole)(played)
    return _steps(overscan_columns=None, subtract_bias=False)(played)


def _image_as_overscan(played):
    first, last = played.over["image"]
    at_right = played.over["side"] == "right"
    overscan, keep = (
        (f"{last - 40}:{last}", f":{last - 40}") if at_right else (f"{first}:{first + 40}", f"{first + 40}:")
    )
    return _steps(overscan_columns=overscan, keep_columns=keep)(played)


def _one_too_many(played):
    files = [*played.sound, played.odd[0]] if played.odd else played.sound[1:]
    return _steps(files=files)(played)


#: Right in ten ways: name to what hands in.
RIGHT = {
    "a settings file of any name": lambda p: _settings(
        p, p.room.handed_in / f"{p.student.name} final(2).yaml"
    ),
    "a settings file that only its night tells": lambda p: _settings(
        p, p.room.handed_in / f"upload-{len(p.student.name)}{p.student.folder[::-1]}.yaml"
    ),
    "settings in a folder": lambda p: _settings(p, p.place() / "x.yml"),
    "a notebook": lambda p: _notebook(p.place() / "Untitled3.ipynb", p.settings, p.answers),
    "a notebook without a commit": lambda p: _notebook(
        p.place() / "a.ipynb", p.settings, p.answers, committed=False
    ),
    "the answer file": lambda p: (p.place() / ANSWER).write_text(
        yaml.safe_dump({"settings": p.settings, "answers": p.answers})
    ),
    "results": lambda p: p.results(),
    "results of ccdproc": lambda p: p.results(by_ccdproc),
    "bias as well": lambda p: _notebook(
        p.place() / "n.ipynb", p.settings | {"subtract_bias": True}, p.answers
    ),
    "double precision": lambda p: _notebook(
        p.place() / "n.ipynb", p.settings | {"output_dtype": "float64"}, p.answers
    ),
}

#: Wrong in ten ways: name to what hands in, and where it begins.
WRONG = {
    "the whole overscan": (_steps(overscan_columns=_whole), "overscan"),
    "columns of the image": (_image_as_overscan, "overscan"),
    "overscan kept": (_steps(keep_columns=None), "trim"),
    "image cut": (_steps(keep_columns=_narrower), "trim"),
    "nothing subtracted": (_nothing_subtracted, "overscan or bias"),
    "one dark higher": (_edited(lambda d, t: d + 50, one=True), "level"),
    "flipped": (_edited(lambda d, t: d[::-1]), "geometry"),
    "times gain": (_edited(lambda d, t: d * t["gain"]), "unit"),
    "other frames": (_one_too_many, "frames"),
    "wrong numbers": (
        lambda p: _notebook(p.place() / "n.ipynb", p.settings, p.answers | {"left_over": 1.0}),
        "left_over",
    ),
}

#: Rubbish: name to what hands in.
RUBBISH = {
    "a broken notebook": lambda p: (p.place() / "n.ipynb").write_text('{"cells": [{"cell'),
    "nothing in it": lambda p: p.place(),
    "prose": lambda p: (p.room.handed_in / f"{p.student.folder}.yaml").write_text(
        "I did it all right, I swear"
    ),
}


def ways():
    """Return a way for each student of a class: its name, what hands in, the verdict that is due, and where it begins."""
    return [
        *((name, hand_in, "right", "") for name, hand_in in RIGHT.items()),
        *((name, hand_in, "wrong", step) for name, (hand_in, step) in list(WRONG.items()) * 2),
        *((name, hand_in, "broken", "hand-in") for name, hand_in in RUBBISH.items()),
        ("nothing", None, "missing", ""),
    ]


def play(room, students, chosen=None):
    """Hand in for each student in one of the ways."""
    for student, (_, hand_in, *_due) in zip(students, chosen or ways(), strict=False):
        if hand_in is not None:
            hand_in(Played(room, student))


def surprises(marks, chosen=None):
    """Yield a line for each mark that has another verdict, or another first cause, than is due."""
    for mark, (name, _, state, step) in zip(marks, chosen or ways(), strict=False):
        if mark.state != state or mark.step not in step.split(" or "):
            found = f"{mark.state}, {mark.step}: {' '.join(mark.wrong)} {' '.join(mark.notes)}"
            yield f"{mark.name}, {name}: expected {state}, {step}; found {found}"


def write_roster(path, count=34):
    """Write a roster of invented names."""
    first = "Ada Carl Emmy Max Lise Erwin Vera Edwin Annie Karl Cecilia Henrietta".split()
    last = "Noether Planck Rubin Hubble Cannon Gauß Payne Leavitt Çelik O'Neil Müller".split()
    names = [f"{first[n % len(first)]} {last[n % len(last)]}" for n in range(count)]
    Path(path).write_text(
        "name,id\n" + "".join(f"{name},{1000 + n}\n" for n, name in enumerate(names)), encoding="utf-8"
    )
    return path
