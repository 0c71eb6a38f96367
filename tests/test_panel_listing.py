"""The list of a night's frames, as the panel's table shows it."""

from nights import random_frame, small_night, write_raw

from darkcal_widgets import Night
from darkcal_widgets.panel.listing import night_list


def listed(folder):
    return night_list(Night(folder), str(folder))


def test_frames_are_rows_and_darks_are_grouped_by_exposure(tmp_path):
    folder = small_night(tmp_path / "night", darks=2, biases=1)
    write_raw(folder / "dark-long.fits", random_frame(7, (20, 30)), exposure=300.0)
    found = listed(folder)
    assert [row["name"] for row in found["frames"]] == [
        "bias-0.fits",
        "dark-0.fits",
        "dark-1.fits",
        "dark-long.fits",
    ]
    assert [row["dark"] for row in found["frames"]] == [False, True, True, True]
    assert found["exposures"] == [{"label": "10 s", "rows": [1, 2]}, {"label": "300 s", "rows": [3]}]
    assert found["temperatures"] == []


def test_darks_are_grouped_by_temperature(tmp_path):
    for n, degrees in enumerate((-10.2, -20.0, -9.9, None)):
        cards = {} if degrees is None else {"CCD-TEMP": degrees}
        write_raw(tmp_path / f"dark-{n}.fits", random_frame(n), **cards)
    assert listed(tmp_path)["temperatures"] == [
        {"label": "-20 °C", "rows": [1]},
        {"label": "-10 °C", "rows": [0, 2]},
    ]


def test_darks_of_another_kind_and_unreadable_frames_are_said(tmp_path):
    folder = small_night(tmp_path / "night")
    write_raw(folder / "dark-small.fits", random_frame(1, (8, 9)))
    (folder / "broken\u202e.fits").write_bytes(b"no frame")
    found = listed(folder)
    unreadable, other = found["notes"]
    assert "broken\\u202e.fits" in unreadable
    assert "dark-small.fits differs from most frames: shape (rows x columns) 8 x 9, the others have" in other
    assert found["frames"][-1]["name"] == "broken\\u202e.fits"
    assert found["frames"][-1]["trouble"]


def test_folders_beside_the_night_and_inside_it_can_be_chosen(tmp_path):
    folder = small_night(tmp_path / "night")
    for name in ("night/darks", "night/.hidden", "other"):
        (tmp_path / name).mkdir()
    folders = listed(folder)["folders"]
    assert {str(tmp_path / "night"), str(tmp_path / "other")} <= set(folders["raw_folder"])
    assert folders["dark_folder"] == [str(tmp_path / "night" / "darks")]


def test_without_a_night_there_is_nothing_but_folders(tmp_path):
    found = night_list(None, str(tmp_path / "nowhere"))
    assert (found["frames"], found["exposures"], found["notes"]) == ([], [], [])
