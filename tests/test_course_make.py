"""A class is made: each student has a night and the exercise, and nothing in the folder tells what is true."""

import json
import re
from pathlib import Path

import pytest
from astropy.io import fits
from nights import folder_bytes
from students import write_roster

from darkcal_widgets import Night, make_class, mark_class
from darkcal_widgets.course.roster import read_roster
from darkcal_widgets.errors import NightError, ParameterError
from darkcal_widgets.simulate import read_truth


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    return make_class(folder / "c", write_roster(folder / "roster.csv", 4), level=3, key="a key")


def hand_outs(room):
    return sorted((room.folder / "hand-out").iterdir())


def test_each_student_has_a_night_and_the_exercise(room):
    assert [path.name for path in hand_outs(room)] == [
        "ada-noether",
        "carl-planck",
        "emmy-rubin",
        "max-hubble",
    ]
    for student in room.read()["students"]:
        night = Night(room.night(student))
        assert len(night.biases) == 8
        assert len(night.darks) >= 5
        assert read_truth(room.truth(student))["frames"].keys() == {frame.name for frame in night.frames}
        notebook = json.loads((room.hand_out(student) / "exercise.ipynb").read_text())
        assert notebook["metadata"]["darkcal"] == {"student": student.folder}
        assert f'raw_folder = "night-{student.folder}"' in json.dumps(notebook).replace('\\"', '"')


def test_nights_differ_from_student_to_student(room):
    truths = [read_truth(room.truth(student)) for student in room.read()["students"]]
    for name in ("seed", "bias_levels", "gain"):
        assert len({json.dumps(truth[name]) for truth in truths}) == len(truths)
    assert len({(*truth["overscan"]["clean"], truth["overscan"]["usable"]) for truth in truths}) > 1


def test_a_class_is_made_again_byte_for_byte(room, tmp_path):
    again = make_class(tmp_path / "c", room.folder.parent / "roster.csv", level=3, key="a key")
    assert folder_bytes(again.folder) == folder_bytes(room.folder)


def test_what_is_there_is_left_as_it_is(room):
    student = room.read()["students"][0]
    notebook = room.hand_out(student) / "exercise.ipynb"
    handed_out = notebook.read_text()
    edited = handed_out.replace("# Exercise", "# My exercise")
    notebook.write_text(edited)
    before = {path: path.stat().st_mtime_ns for path in room.night(student).iterdir()}
    make_class(room.folder, room.folder.parent / "roster.csv", level=3)
    assert notebook.read_text() == edited
    assert {path: path.stat().st_mtime_ns for path in room.night(student).iterdir()} == before
    notebook.write_text(handed_out)  # for the other tests


def test_names_alone_do_not_make_the_nights(room, tmp_path):
    stranger = make_class(tmp_path / "c", room.folder.parent / "roster.csv", level=3)
    assert stranger.read()["key"] != room.read()["key"]
    for student in room.read()["students"]:
        assert read_truth(stranger.truth(student))["seed"] != read_truth(room.truth(student))["seed"]


# --- What a student could look for ------------------------------------------------------------------------


def test_nothing_handed_out_is_a_truth_or_names_a_seed(room):
    for student in room.read()["students"]:
        truth = read_truth(room.truth(student))
        files = [path for path in room.hand_out(student).rglob("*") if path.is_file()]
        assert {path.suffix for path in files} == {".fits", ".ipynb"}
        secrets = [str(truth["seed"]), f"{truth['seed']:x}", room.read()["key"], truth["recipe"]["text"]]
        for path in files:
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], path


def test_headers_do_not_tell_what_is_to_be_found_out(room):
    known = {
        "SIMPLE",
        "BITPIX",
        "NAXIS",
        "NAXIS1",
        "NAXIS2",
        "EXTEND",
        "BSCALE",
        "BZERO",
        "ORIGIN",
        "INSTRUME",
    }
    known |= {
        "IMAGETYP",
        "OBJECT",
        "EXPTIME",
        "FILTER",
        "DATE-OBS",
        "CCD-TEMP",
        "GAIN",
        "RDNOISE",
        "XBINNING",
        "YBINNING",
    }
    for path in (room.folder / "hand-out").rglob("*.fits"):
        header = fits.getheader(path)
        assert set(header) - known <= {"BIASSEC", "TRIMSEC"}
        assert header["INSTRUME"] == "Teaching CCD"
        assert not re.search(r"cryogenic|thermo|usable|level", repr(header))


def test_a_frame_of_another_kind_is_told_by_nothing_but_pixels(room):
    for student in room.read()["students"]:
        frames = read_truth(room.truth(student))["frames"]
        for name, frame in frames.items():
            header = fits.getheader(room.night(student) / name)
            if header["IMAGETYP"] == "DARK" and (frame["kind"] != "dark" or frame["lit"]):
                twins = [
                    fits.getheader(room.night(student) / other)
                    for other, one in frames.items()
                    if one["kind"] == "dark"
                    and one["exposure"] == frame["exposure"]
                    and one["temperature"] == frame["temperature"]
                ]
                cards = [{k: v for k, v in one.items() if k != "DATE-OBS"} for one in (header, *twins)]
                assert all(one == cards[0] for one in cards)


def test_times_and_order_of_files_tell_only_the_exposures(room):
    for student in room.read()["students"]:
        names = sorted(read_truth(room.truth(student))["frames"])
        dates = [fits.getval(room.night(student) / name, "DATE-OBS") for name in names]
        assert names == [f"frame-{number:03d}.fits" for number in range(1, len(names) + 1)]
        assert dates == sorted(dates)
        assert dates[0] == "2024-03-01T20:00:00.000"


# --- Rosters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name,id\nAda,1\nCarl,2\n", ["Ada", "Carl"]),
        ("\ufeffid;Full name\n1;Gauß, Carl\n\n", ["Gauß, Carl"]),
        ("email\na@b.c\n", ["a@b.c"]),
        ("who\nÇelik\n李\n", ["Çelik", "李"]),
    ],
)
def test_rosters_of_learning_platforms_are_read(tmp_path, text, names):
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    students = read_roster(tmp_path / "r.csv")
    assert [student.name for student in students] == names
    assert all(re.fullmatch("[a-z0-9-]+", student.folder) for student in students)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "names no student"),
        ("name\n", "names no student"),
        ("name\nA B\na-b\n", "same name twice: A B and a-b"),
    ],
)
def test_rosters_that_cannot_be_used_are_refused(tmp_path, text, says):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(ParameterError, match=says):
        read_roster(tmp_path / "r.csv")


def test_an_unknown_level_and_no_class_are_refused(tmp_path):
    roster = write_roster(tmp_path / "r.csv", 1)
    with pytest.raises(ParameterError, match="level is 9; expected one of 1, 2, 3"):
        make_class(tmp_path / "c", roster, level=9)
    with pytest.raises(NightError, match="darkcal class make"):
        mark_class(tmp_path)
    with pytest.raises(ParameterError, match="cannot be read"):
        make_class(tmp_path / "c", Path("nowhere.csv"))
