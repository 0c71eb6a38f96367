"""Marks: whatever is handed in has a row, the right verdict and the step where it began; one mistake costs once."""

import csv
import json
import os

import pytest
import yaml
from students import RIGHT, RUBBISH, WRONG, Played, play, surprises, write_roster

from darkcal_widgets import make_class, mark_class
from darkcal_widgets.course.mark import WEIGHTS
from darkcal_widgets.errors import ParameterError

WAYS = [
    (
        "a settings file that only its night tells",
        RIGHT["a settings file that only its night tells"],
        "right",
        "",
    ),
    ("a notebook", RIGHT["a notebook"], "right", ""),
    ("results of ccdproc", RIGHT["results of ccdproc"], "right", ""),
    *(
        (name, *WRONG[name][:1], "wrong", WRONG[name][1])
        for name in ("the whole overscan", "overscan kept", "one dark higher", "wrong numbers")
    ),
    ("prose", RUBBISH["prose"], "broken", "hand-in"),
    ("nothing", None, "missing", ""),
]


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    room = make_class(folder / "c", write_roster(folder / "r.csv", len(WAYS)), level=2, key="k")
    play(room, room.read()["students"], WAYS)
    return room, mark_class(room.folder)


def test_each_student_has_the_verdict_and_the_first_cause(marked):
    assert list(surprises(marked[1], WAYS)) == []


def test_a_mistake_costs_its_weight_once(marked):
    marks = dict(zip([way[0] for way in WAYS], marked[1], strict=True))
    assert marks["a notebook"].mark == 100
    assert marks["the whole overscan"].mark == 100 - WEIGHTS["overscan"]
    assert len(marks["the whole overscan"].wrong) == 1
    assert marks["wrong numbers"].mark == 100 - WEIGHTS["left_over"]
    assert marks["nothing"].mark == marks["prose"].mark == 0
    answers = WEIGHTS["flats_served_by"] + WEIGHTS["left_over"] + WEIGHTS["dark_current_found"]
    assert marks["results of ccdproc"].mark == 100 - answers
    assert (
        "Not answered: flats_served_by, left_over, dark_current_found." in marks["results of ccdproc"].notes
    )


def test_words_hints_and_a_picture_go_with_the_mark(marked):
    mark = marked[1][1]
    assert mark.words == "I looked at the flats."
    assert mark.hints == 2
    assert mark.picture.startswith(b"\x89PNG")


def test_the_grade_book_has_the_lines_of_the_roster(marked):
    room, marks = marked
    rows = list(csv.DictReader((room.folder / "marks.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows] == [mark.name for mark in marks]
    assert [row["id"] for row in rows] == [str(1000 + n) for n in range(len(WAYS))]
    assert rows[1]["mark"] == "100"
    assert rows[3]["verdict"] == "wrong"
    assert rows[3]["began with"] == "overscan"


def test_marks_are_the_same_when_marked_again(marked):
    room = marked[0]
    before = (room.folder / "marks.csv").read_bytes()
    mark_class(room.folder)
    assert (room.folder / "marks.csv").read_bytes() == before


def test_the_page_has_a_row_for_each_and_loads_nothing(marked):
    page = (marked[0].folder / "marks.html").read_text(encoding="utf-8")
    assert page.count("<tr data-verdict=") == len(WAYS)
    assert "✗ wrong" in page
    assert "✓ right" in page
    assert "http" not in page


# --- A class of two ---------------------------------------------------------------------------------------


@pytest.fixture
def pair(tmp_path):
    return make_class(tmp_path / "c", write_roster(tmp_path / "r.csv", 2), level=1, key="k")


def hand_in(room, number, **settings):
    student = room.read()["students"][number]
    values = Played(room, student).settings | settings
    path = room.handed_in / f"{student.folder}.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_the_same_answer_to_different_nights_is_pointed_out(pair):
    for number in (0, 1):
        hand_in(pair, number, overscan_columns="600:", keep_columns=":590", files=None)
    first, second = mark_class(pair.folder)
    assert "The same settings and answers as Carl Planck, whose night is another one." in first.notes
    assert "The same settings and answers as Ada Noether, whose night is another one." in second.notes


def test_a_hand_in_made_for_another_night_is_pointed_out(pair):
    hand_in(pair, 0, raw_folder="somewhere/night-carl-planck")
    assert "It was made with the night of carl-planck." in mark_class(pair.folder)[0].notes


def test_late_and_unknown_hand_ins_are_rows(pair):
    path = hand_in(pair, 0)
    os.utime(path, (2e9, 2e9))
    (pair.handed_in / "whose is this.zip").write_bytes(b"PK")
    weights = pair.teacher / "weights.yaml"
    weights.write_text("late: 12\nflats_served_by: 0\nleft_over: 0\ndark_current_found: 0\n")
    late, missing, unknown = mark_class(pair.folder, due="2026-03-01 18:00")
    assert late.mark == 100 - 12
    assert late.notes[0].startswith("Late: 2033-05-1")
    assert missing.state == "missing"
    assert (unknown.state, unknown.name) == ("unknown", "whose is this.zip")


def test_code_in_a_notebook_is_read_and_not_run(pair, tmp_path):
    student = pair.read()["students"][0]
    source = f"open({str(tmp_path / 'ran')!r}, 'w')\noverscan_columns = __import__('os').getcwd()\nkeep_columns = ':590'"
    cells = [{"cell_type": "code", "metadata": {}, "source": source, "outputs": []}]
    (pair.handed_in / f"{student.folder}.ipynb").write_text(json.dumps({"cells": cells}))
    mark_class(pair.folder)
    assert not (tmp_path / "ran").exists()


def test_what_students_write_is_text_not_markup(pair):
    student = pair.read()["students"][0]
    words = "<script>alert(1)</script>\n\u202eno"
    cells = [
        {"cell_type": "code", "metadata": {}, "source": "keep_columns = '=cmd'", "outputs": []},
        {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": "words"}}, "source": words},
    ]
    (pair.handed_in / f"{student.folder}.ipynb").write_text(json.dumps({"cells": cells}))
    mark_class(pair.folder)
    page = (pair.folder / "marks.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[1, 2]",
        b"settings: 3",
        b"overscan_columns: {a: b}",
        b"files: [nothing.fits]",
        b'{"cells": 3}',
        b"subtract_bias: maybe",
    ],
)
@pytest.mark.parametrize("suffix", [".yaml", ".ipynb"])
def test_rubbish_is_a_row_with_a_reason(pair, content, suffix):
    student = pair.read()["students"][0]
    (pair.handed_in / f"{student.folder}{suffix}").write_bytes(content)
    mark = mark_class(pair.folder)[0]
    assert mark.state in ("broken", "wrong")
    assert mark.wrong


@pytest.mark.parametrize("text", ["overscan: many\n", "overscn: 3\n", "bias: -1\n", "trim: true\n"])
def test_weights_that_cannot_be_used_are_refused(pair, text):
    (pair.teacher / "weights.yaml").write_text(text)
    with pytest.raises(ParameterError, match=r"weights\.yaml: \w+ is .*; expected a number"):
        mark_class(pair.folder)


def test_a_date_that_is_none_is_refused(pair):
    with pytest.raises(ParameterError, match="due is 'soon'; expected a date"):
        mark_class(pair.folder, due="soon")
