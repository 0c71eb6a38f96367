from pathlib import Path

import pytest
from nights import REAL_NIGHTS, random_frame, small_night, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks
from darkcal_widgets.choice import chosen
from darkcal_widgets.errors import NightError, ParameterError
from darkcal_widgets.frames import Frame


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


def test_the_user_explains_a_cameras_own_words(tmp_path):
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


@pytest.fixture
def two_temperatures(tmp_path):
    for exposure in (60.0, 300.0):
        for temperature in (-10.2, -5.2):
            name = f"dark{temperature:.0f}-{exposure:g}s.fits.gz"
            write_raw(tmp_path / name, random_frame(1), exposure=exposure, CCD_TEMP=temperature)
    write_raw(tmp_path / "flat.fits", random_frame(1), "flat")
    return Night(tmp_path)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["dark-10*"], ["dark-10-300s", "dark-10-60s"]),
        (["DARK-?-60s*"], ["dark-5-60s"]),
        (["exposure=300"], ["dark-10-300s", "dark-5-300s"]),
        (["temperature=-10"], ["dark-10-300s", "dark-10-60s"]),
        (["exposure=300 temperature=-5"], ["dark-5-300s"]),
        (["dark-5-60s.fits.gz", "dark-*"], ["dark-5-60s", "dark-10-300s", "dark-10-60s", "dark-5-300s"]),
    ],
)
def test_files_are_selected_by_pattern_exposure_and_temperature(two_temperatures, files, expected):
    selected = two_temperatures.select_darks(files)
    assert [dark.name.removesuffix(".fits.gz") for dark in selected] == expected


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("drak-10*", r"the pattern 'drak-10\*', which fits no dark in .*; did you mean 'dark-10"),
        ("flat*", "which is not a dark: its header says 'flat'"),
        ("exposure=90", "fits no dark; the darks have exposure 60, 300 s"),
        ("temperature=-20", "fits no dark; the darks have temperature -10.2, -5.2 °C"),
        ("exposure=long", "expected a number, as in 'exposure=300'"),
        ("exposur=300", "did you mean 'exposure='"),
    ],
)
def test_a_choice_that_fits_no_dark_is_explained(two_temperatures, entry, message):
    with pytest.raises(ParameterError, match=message):
        two_temperatures.select_darks([entry])


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


def test_an_unreadable_frame_is_listed_beside_the_others(tmp_path):
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


def test_folders_below_that_hold_the_frames_are_named(tmp_path):
    for name in ("darks", "flats"):
        write_raw(tmp_path / name / "a.fits", random_frame(1))
    (tmp_path / "notes").mkdir()
    with pytest.raises(NightError, match=r"hold some: .*darks, .*flats\. Set raw_folder, or dark_folder"):
        Night(tmp_path)


def test_a_real_night_of_maxim_dl_is_read():
    night = Night(REAL_NIGHTS / "feder-2013-07-04")
    assert (len(night.darks), len(night.biases), len(night.flats), len(night.science)) == (10, 5, 2, 4)
    assert {dark.info.exposure for dark in night.darks} == {15.0, 60.0}
    assert night.darks[0].info.shape == (256, 1542)


def test_a_real_frame_of_saao_is_read():
    frame = Night(REAL_NIGHTS / "saao-ste3").frames[0]
    assert (frame.info.type, frame.info.exposure, frame.info.gain, frame.info.read_noise) == (
        "science",
        150.04,
        1.9,
        5.0,
    )


def test_unreadable_darks_are_known_in_any_folder(tmp_path):
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


def test_names_with_control_characters_are_shown_and_found(tmp_path):
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


def test_a_guess_says_what_was_found_and_how_to_correct_it(tmp_path):
    for number in range(5):
        write_raw(tmp_path / f"Dark_{number}.fits", random_frame(1), None, 30.0)
    write_raw(tmp_path / "flat_V.fits", random_frame(1), "Light Frame", 5.0)
    night = Night(tmp_path)
    darks, flat = night.notes
    assert darks == (
        "Dark_0.fits, Dark_1.fits, Dark_2.fits and 2 more: no keyword gives its type, its name says 'dark'; used as dark. "
        "To say otherwise: image_types={'file=Dark_*': 'bias'}."
    )
    assert "flat_V.fits: IMAGETYP is 'Light Frame', its name says 'flat'" in flat
    assert len(night.darks) == 5
    assert darks in str(night)
    assert night._repr_html_().count("To say otherwise") == 2
    assert Night(tmp_path, image_types={"file=dark_*": "bias"}).notes == [flat]


def test_an_ambiguous_frame_is_named_and_not_used(tmp_path):
    write_raw(tmp_path / "dark-1.fits", random_frame(1), "Light Frame", 30.0)
    night = Night(tmp_path)
    assert night.darks == night.science == []
    assert night.table["type"][0] == "ambiguous: Light Frame"
    (note,) = night.notes
    assert "dark-1.fits: ambiguous, IMAGETYP is 'Light Frame', its name says 'dark'" in note
    assert "its type is ambiguous" in night.passed_over[0]
    assert len(Night(tmp_path, image_types={"file=dark-*": "dark"}).darks) == 1


def test_a_word_that_stands_on_every_frame_tells_nothing(tmp_path):
    """As on LRIS at Keck: OBSTYPE is dark for flats and stars, too."""
    for name, title, exposure, cards in (
        ("b1.fits", "bias", 0.0, {}),
        ("b2.fits", "dome flat", 5.0, {"FLIMAGIN": "on"}),
        ("b3.fits", "J1520+45", 900.0, {}),
        ("b4.fits", "dark", 900.0, {}),
    ):
        write_raw(
            tmp_path / name,
            random_frame(1),
            None,
            None,
            OBSTYPE="dark",
            TTIME=exposure,
            OBJECT=title,
            **cards,
        )
    night = Night(tmp_path)
    assert [frame.info.type for frame in night.frames] == ["bias", "flat", None, "dark"]
    assert (
        "b3.fits: ambiguous, 'dark' also stands in b2.fits, where OBSTYPE is 'dark', OBJECT is 'dome flat'"
        in str(night)
    )


# Camera, then of each frame: start of its name, type, exposure, temperature, gain, and how many are guesses.
REAL = {
    "keck_lris_blue": ([("b150910", "bias", 0.0, None, None)], 0),
    "shane_kast_blue": ([("b10", "flat", 15.0, -80.45, None), ("b1", "bias", 0.0, -80.35, None)], 3),
    "wht_isis_blue": (
        [("r2324581", "flat", 2.01, -113.351, 1.2), ("r23245", "bias", 0.0, -111.671, 1.2)],
        0,
    ),
    "sbig_stl1001": (
        [
            ("bias-Neg10", "bias", 0.0, -10.2, 2.06),
            ("biases-Neg5", "bias", 0.0, -4.8, 2.06),
            ("darks-expos150s-Neg10", "dark", 150.0, -10.2, 2.06),
            ("darks-expos150s-Neg5", "dark", 150.0, -5.2, 2.06),
            ("darks-expos300s-Neg10", "dark", 300.0, -10.2, 2.06),
            ("darks-expos300s-Neg5", "dark", 300.0, -5.2, 2.06),
            ("darks-expos60s-Neg10", "dark", 60.0, -10.2, 2.06),
            ("darks-expos1-Neg5", "dark", 60.0, -5.0, 2.06),
            ("flat", "flat", 23.0, -5.2, 2.06),
        ],
        1,
    ),
    "lick_nickel": ([("d1035", "flat", 4.0, -111.3, None), ("d100", "bias", 0.0, -109.0, None)], 4),
    "zwo_asi178mc": (
        [
            ("Bias", "bias", 3.2e-5, 35.3, None),
            ("Dark_ASIImg_100", "dark", 100.0, 33.1, None),
            ("Dark_ASIImg_30", "dark", 30.0, 34.0, None),
        ],
        3,
    ),
    "sbig_st402": (
        [
            ("L2-dark-flat", "dark", 360.0, -15.2, 1.49),
            ("L2-dark-hg", "dark", 240.0, -15.0, 1.49),
            ("L2-dark-neon", "dark", 1200.0, -14.8, 1.49),
            ("L2-flat", "flat", 360.0, -15.2, 1.49),
        ],
        1,
    ),
    "lco_floyds": (
        [
            ("coj2m002-en12-20200321", "flat", 40.027, -70.16, 2.3),
            ("coj2m002-en12-20210126", "flat", 80.134, -70.16, 2.3),
        ],
        0,
    ),
}


@pytest.mark.unpublished
@pytest.mark.parametrize("camera", REAL)
def test_the_frames_of_eight_real_cameras_are_what_they_are(real_cameras, camera):
    expected, guesses = REAL[camera]
    night = Night(real_cameras / camera)
    assert night.unreadable == {}
    for frame in night.frames:
        truth = next(row for row in expected if frame.name.startswith(row[0]))
        info = frame.info
        assert (info.type, info.exposure, info.gain) == (truth[1], truth[2], truth[4])
        assert info.temperature == (truth[3] if truth[3] is None else pytest.approx(truth[3], abs=0.3))
    assert sum(frame.info.type_source == "guess" for frame in night.frames) == guesses


@pytest.mark.unpublished
def test_real_darks_of_two_temperatures_are_combined_apart(real_cameras, tmp_path):
    night = Night(real_cameras / "sbig_stl1001")
    run = calibrate_darks(night, Recipe(), tmp_path, progress=False)
    assert (len(run.written), len(run.failed)) == (8, 0)
    assert [path.name for path in combine_darks(tmp_path).written] == [
        f"combined_dark_{exposure}.000_{temperature}C.fits"
        for exposure in (60, 150, 300)
        for temperature in (-10, -5)
    ]


@pytest.mark.parametrize(
    ("files", "darks", "biases"),
    [
        (None, 4, ["bias-0", "bias-1", "bias-2", "bias-3"]),
        (["dark-*"], 4, ["bias-0", "bias-1", "bias-2", "bias-3"]),
        (["bias:bias-1.fits"], 4, ["bias-1"]),
        (["exposure=60", "bias: bias-[01]*"], 2, ["bias-0", "bias-1"]),
        (["Bias:temperature=-10"], 4, ["bias-2", "bias-3"]),
    ],
)
def test_bias_frames_are_chosen_as_darks_are(two_temperatures, files, darks, biases):
    for index in range(4):
        path = two_temperatures.raw_folder / f"bias-{index}.fits"
        write_raw(path, random_frame(index), "bias", 0.0, CCD_TEMP=-5.0 if index < 2 else -10.0)
    night = Night(two_temperatures.raw_folder)
    assert len(night.select_darks(files)) == darks
    assert [frame.path.stem for frame in night.select_biases(files)] == biases


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("bias:dark-0.fits", "'dark-0.fits', which is not a bias frame: its header says 'dark'"),
        ("bias:temperature=-10", "fits no bias frame; the bias frames have temperature unknown"),
        ("bias:bais-1.fits", "did you mean 'bias-1.fits'"),
    ],
)
def test_a_choice_that_fits_no_bias_is_explained(tmp_path, entry, message):
    with pytest.raises(ParameterError, match=message):
        Night(small_night(tmp_path)).select_biases([entry])


def test_frames_outside_of_dark_folder_are_called_what_they_are(tmp_path):
    small_night(tmp_path)
    night = Night(tmp_path, dark_folder=small_night(tmp_path / "darks", biases=0).parent / "darks")
    with pytest.raises(ParameterError, match=r"'bias-0\.fits', which is not a dark: .* 'bias:bias-0\.fits'"):
        night.select_darks(["bias-0.fits"])
    write_raw(tmp_path / "late.fits", random_frame(1))
    with pytest.raises(ParameterError, match=r"'late\.fits', which is not in dark_folder"):
        Night(tmp_path, dark_folder=tmp_path / "darks").select_darks(["late.fits"])


def test_thousands_of_darks_may_be_named_one_by_one(tmp_path, monkeypatch):
    night = Night(small_night(tmp_path, darks=2))
    looked = []
    monkeypatch.setattr("darkcal_widgets.choice._names", lambda dark: looked.append(dark) or [dark.name])
    assert len(night.select_darks(["dark-1.fits", "dark-0.fits"] * 50)) == 2
    assert len(looked) == 2


def test_of_two_darks_of_one_name_the_first_is_meant(tmp_path):
    first, second = (Frame(write_raw(tmp_path / f"{n}.fits", random_frame(n)), "dark") for n in (1, 2))
    assert chosen(["dark"], [first, second], "dark", lambda fits: "") == [first]


def test_results_among_raw_frames_are_left_out(tmp_path):
    night = Night(small_night(tmp_path / "raw"))
    calibrate_darks(night, Recipe(keep_columns=":24"), tmp_path / "out", progress=False)
    (tmp_path / "out" / "dark-0.fits").rename(tmp_path / "raw" / "made.fits")
    night = Night(tmp_path / "raw")
    assert len(night.darks) == 3
    assert night.passed_over == ["made.fits is not calibrated: it is a result of darkcal (DCRECIPE)."]
    with pytest.raises(ParameterError, match="is a result of darkcal and not a raw frame"):
        night.select_darks(["made.fits"])
