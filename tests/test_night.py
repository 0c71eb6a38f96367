from pathlib import Path

import pytest
from nights import SHARED, random_frame, small_night, write_raw

from darkcal_widgets import Night
from darkcal_widgets.errors import NightError, ParameterError

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the folder of real frames, shared/data, is not there"
)


def test_the_table_lists_every_frame_with_what_its_header_says(tmp_path):
    write_raw(tmp_path / "d.fits", random_frame(1), "Dark Frame", 70.0, CCD_TEMP=-20.5)
    write_raw(tmp_path / "f.fit", random_frame(1), "FLAT", 1.21, FILTER="g'")
    table = Night(tmp_path).table
    assert table.colnames == ["file", "type", "exposure", "filter", "shape", "temperature"]
    assert list(table["type"]) == ["dark", "flat"]
    assert list(table["exposure"]) == [70.0, 1.21]
    assert table["exposure"].unit == "s"
    assert table["shape"][0] == "20 x 30"
    assert table["temperature"][0] == -20.5
    assert table["temperature"].mask.tolist() == [False, True]


def test_darks_may_lie_in_a_folder_of_their_own(tmp_path):
    small_night(tmp_path / "night", darks=0)
    small_night(tmp_path / "night" / "darks", biases=0)
    night = Night(tmp_path / "night", dark_folder=tmp_path / "night" / "darks")
    assert [dark.name for dark in night.darks] == [f"darks/dark-{n}.fits" for n in range(3)]
    assert len(night.biases) == 4


def test_combined_frames_are_no_raw_frames(tmp_path):
    small_night(tmp_path)
    write_raw(tmp_path / "all.fits", random_frame(1), "dark", COMBINED=True)
    night = Night(tmp_path)
    assert len(night.darks) == 3
    assert "combined dark" in night.table["type"]


def test_a_camera_with_words_of_its_own_is_told_apart_by_the_user(tmp_path):
    write_raw(tmp_path / "a.fits", random_frame(1), "closed")
    assert Night(tmp_path).darks == []
    assert len(Night(tmp_path, image_types={"CLOSED": "dark"}).darks) == 1
    with pytest.raises(ParameterError, match="image_types maps 'closed' to 'drak'"):
        Night(tmp_path, image_types={"closed": "drak"})


def test_frames_without_a_type_can_be_declared_darks(tmp_path):
    write_raw(tmp_path / "a.fits", random_frame(1), None)
    assert len(Night(tmp_path, image_types={"": "dark"}).darks) == 1


def test_files_are_selected_by_name_and_the_rest_left_alone(tmp_path):
    night = Night(small_night(tmp_path))
    assert [dark.name for dark in night.select_darks(["dark-2.fits", "dark-0.fits"])] == [
        "dark-2.fits",
        "dark-0.fits",
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("dark-0.fits", "expected a list of file names"),
        ([], "empty list: no dark is selected"),
        (["drak-2.fits"], "'drak-2.fits', which is not in .*did you mean 'dark-2.fits'"),
        (["bias-0.fits"], "is not a dark: its header says 'bias'.*image_types={'bias': 'dark'}"),
    ],
)
def test_a_wrong_selection_is_explained(tmp_path, files, message):
    with pytest.raises(ParameterError, match=message):
        Night(small_night(tmp_path)).select_darks(files)


def test_a_night_without_darks_says_what_it_found(tmp_path):
    night = Night(small_night(tmp_path, darks=0))
    with pytest.raises(NightError, match=r"there are no darks in .*4 'bias'.*dark_folder"):
        night.select_darks()


def test_an_unreadable_frame_is_listed_with_its_reason_and_the_others_are_there(tmp_path):
    small_night(tmp_path)
    (tmp_path / "bad.fits").write_bytes(b"not a frame")
    night = Night(tmp_path)
    assert list(night.unreadable) == ["bad.fits"]
    assert len(night.darks) == 3
    assert "bad.fits does not begin with SIMPLE" in str(night)


def test_text_from_a_header_is_not_run_as_html(tmp_path):
    write_raw(tmp_path / "a.fits", random_frame(1), "<script>alert(1)</script>", FILTER="<b>R</b>")
    html = Night(tmp_path)._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;b&gt;R" in html


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_bytes(b"")])
def test_a_folder_that_is_none_is_named(tmp_path, make):
    make(tmp_path / "night")
    with pytest.raises(NightError, match=r"raw_folder .*night.*(not there|a file).*darkcal sample"):
        Night(tmp_path / "night")


def test_an_empty_folder_says_which_files_were_expected(tmp_path):
    with pytest.raises(NightError, match=r"no FITS file.*\.gz"):
        Night(tmp_path)


@needs_shared
def test_a_real_night_of_maxim_dl_is_read():
    night = Night(SHARED / "feder-2013-07-04")
    assert (len(night.darks), len(night.biases), len(night.flats), len(night.science)) == (10, 5, 2, 4)
    assert {dark.info.exposure for dark in night.darks} == {15.0, 60.0}
    assert night.darks[0].info.shape == (1024, 1542)


@needs_shared
def test_a_real_frame_of_saao_is_read():
    frame = Night(SHARED / "saao-ste3").frames[0]
    assert (frame.info.type, frame.info.exposure, frame.info.gain, frame.info.read_noise) == (
        "science",
        150.04,
        1.9,
        5.0,
    )


def test_unreadable_darks_are_known_wherever_the_folder_of_darks_is(tmp_path):
    small_night(tmp_path / "raw")
    write_raw(tmp_path / "darks" / "good.fits", random_frame(1))
    (tmp_path / "darks" / "bad.fits").write_bytes(b"no frame")
    assert Night(tmp_path / "raw", tmp_path / "darks").unreadable_darks == ["bad.fits"]


def test_what_could_be_meant_as_a_dark_and_is_none_is_said(tmp_path):
    small_night(tmp_path)
    write_raw(tmp_path / "strange.fits", random_frame(1), "nonsense")
    write_raw(tmp_path / "average.fits", random_frame(1), COMBINED=True)
    strange, average = Night(tmp_path).passed_over
    assert (
        "strange.fits is not calibrated: its header does not give a known type of frame ('nonsense')"
        in strange
    )
    assert "average.fits is not calibrated: it is the average of many frames" in average


def test_names_that_a_terminal_could_act_on_are_shown_as_text_and_found_by_it(tmp_path):
    write_raw(tmp_path / "a\x1b[2J\n.fits", random_frame(1), FILTER="R")
    night = Night(tmp_path)
    assert "\x1b" not in str(night) + night._repr_html_() + repr(night)
    assert night.table["file"][0] == "a\\x1b[2J\\n.fits"
    assert night.select_darks(["a\\x1b[2J\\n.fits"]) == night.darks


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    small_night(tmp_path)

    def denied(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(NightError, match="cannot be read: Permission denied"):
        Night(tmp_path)
