import pytest
from astropy.io import fits

from darkcal_widgets.errors import ParameterError
from darkcal_widgets.frames.kinds import (
    checked_image_types,
    declare_type,
    frame_type,
    kind_of,
    told_by_object,
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("DARK", "dark"),
        ("Dark Frame", "dark"),
        ("dark", "dark"),
        ("zero", "bias"),
        ("BIAS", "bias"),
        ("Bias Frame", "bias"),
        ("Flat Field", "flat"),
        ("FLATFIELD", "flat"),
        ("Flat Frame", "flat"),
        ("SKYFLAT", "flat"),
        ("object", "science"),
        ("Light Frame", "science"),
        ("LIGHT   ", "science"),
        ("comp", "other"),
        ("LAMPFLAT", "flat"),
        ("flatlamp", "flat"),
        ("FLAT,LAMP", "flat"),
        ("DmFlat", "flat"),
        ("DOME FLAT", "flat"),
        ("Sky Flats", "flat"),
        ("IntFlat", "flat"),
        ("arclamp", "other"),
        ("SPECTRUM", "science"),
        ("EXT", "science"),
        ("n MOSAIC", None),
        ("Master Dark", None),
        ("", None),
        ("my own", None),
    ],
)
def test_the_words_of_real_software_are_known(word, expected):
    assert frame_type(word) == expected


def test_the_user_has_the_last_word_on_types():
    assert frame_type("DARK", {"dark": "bias"}) == "bias"
    assert frame_type("", {"": "dark"}) == "dark"


@pytest.mark.parametrize("keyword", ["IMAGETYP", "OBSTYPE", "IMTYPE", "FRAME"])
def test_the_type_is_read_from_any_of_the_usual_keywords(keyword):
    assert kind_of({keyword: "dark"}).type == "dark"


# What cameras write: cards, name of the file, exposure; the type, and who says so.
CAMERAS = {
    "Keck LRIS bias, from the archive": (
        {"OBSTYPE": "dark", "IMTYPE": "n MOSAIC", "KOAIMTYP": "bias", "OBJECT": "bias", "AUTOSHUT": False},
        ("b150910_2036.fits.gz", 0.0),
        ("bias", "header"),
    ),
    "Keck LRIS bias, from the telescope": ({"OBSTYPE": "dark"}, ("b2036.fits", 0.0), ("bias", "guess")),
    "Keck LRIS flat": (
        {"OBSTYPE": "dark", "OBJECT": "dome flat", "FLIMAGIN": "on", "AUTOSHUT": True},
        ("b2040.fits", 5.0),
        ("flat", "guess"),
    ),
    "Keck LRIS star": (
        {"OBSTYPE": "dark", "OBJECT": "J1520+45", "AUTOSHUT": True},
        ("b2050.fits", 900.0),
        (None, "ambiguous"),
    ),
    "Keck LRIS dark": (
        {"OBSTYPE": "dark", "OBJECT": "dark", "AUTOSHUT": False},
        ("b2051.fits", 900.0),
        ("dark", "header"),
    ),
    "Keck DEIMOS": ({"OBSTYPE": "IntFlat", "OBJECT": "x"}, ("d1.fits", 4.0), ("flat", "header")),
    "Lick Nickel bias": ({"OBSTYPE": "DARK", "OBJECT": "bias"}, ("d1001.fits.gz", 0.0), ("bias", "guess")),
    "Lick Nickel sky flat": (
        {"OBSTYPE": "OBJECT", "OBJECT": "sky flat"},
        ("d1035.fits.gz", 4.0),
        ("flat", "guess"),
    ),
    "Lick Nickel star": (
        {"OBSTYPE": "OBJECT", "OBJECT": "NGC 2403"},
        ("d1040.fits", 60.0),
        ("science", "header"),
    ),
    "Shane Kast dome flat": (
        {"OBSTYPE": "OBJECT", "OBJECT": "Dome Flat", "LAMPSTA5": "on", "LAMPSTAA": "off"},
        ("b10.fits", 15.0),
        ("flat", "guess"),
    ),
    "Shane Kast flat by its lamp": (
        {"OBSTYPE": "OBJECT", "OBJECT": "", "LAMPSTA5": "on", "LAMPSTAA": "off"},
        ("b10.fits", 15.0),
        ("flat", "guess"),
    ),
    "Shane Kast arc by its lamps": (
        {"OBSTYPE": "OBJECT", "OBJECT": "", "LAMPSTAG": "on"},
        ("b11.fits", 30.0),
        ("other", "guess"),
    ),
    "WHT ISIS": ({"IMAGETYP": "zero", "OBSTYPE": "BIAS"}, ("r2324594.fit", 0.0), ("bias", "header")),
    "SBIG flat": (
        {"IMAGETYP": "Light Frame"},
        ("flat-expos23s-Neg5-Vis.00000000.FIT", 23.0),
        ("flat", "guess"),
    ),
    "SBIG dark for flats": (
        {"IMAGETYP": "Dark Frame"},
        ("L2-dark-flat-360.00000000.DARK.FIT", 360.0),
        ("dark", "header"),
    ),
    "SBIG dark beside its flats": (
        {"IMAGETYP": "Dark Frame", "OBJECT": "NGC 1"},
        ("flat-1.FIT", 5.0),
        ("dark", "header"),
    ),
    "MaxIm DL": (
        {"IMAGETYP": "BIAS", "OBJECT": ""},
        ("flood-flat-001bias.fit.gz", 0.0),
        ("bias", "header"),
    ),
    "ZWO dark": ({"GAIN": 0}, ("Dark_ASIImg_30sec_frame0001.fit.gz", 30.0), ("dark", "guess")),
    "ZWO bias": ({"GAIN": 0}, ("Bias_ASIImg_frame0001.fit.gz", 3.2e-5), ("bias", "guess")),
    "ZWO without a telling name": ({"GAIN": 0}, ("frame0001.fit.gz", 3.2e-5), (None, "")),
    "ZWO, cap on, called light": (
        {"IMAGETYP": "Light Frame"},
        ("Dark_ASIImg_30sec.fit", 30.0),
        (None, "ambiguous"),
    ),
    "LCO FLOYDS": (
        {"OBSTYPE": "LAMPFLAT", "OBJECT": "AT 2019mtw"},
        ("coj.fits.fz", 40.0),
        ("flat", "header"),
    ),
    "QHY by N.I.N.A.": (
        {"IMAGETYP": "DARKFLAT", "OBJECT": "M 42"},
        ("2024_Flat_1s.fits", 1.0),
        ("dark", "header"),
    ),
    "FLI": ({"IMAGETYP": "Flat Field", "OBJECT": "M 42"}, ("x.fts", 3.0), ("flat", "header")),
    "Andor, no word": ({"HEAD": "DU888", "OBJECT": "dark 30s"}, ("a0001.fits", 30.0), ("dark", "guess")),
    "DCT LMI": (
        {"OBSTYPE": "DOME FLAT", "IMAGETYP": "DOME FLAT", "OBJECT": "flat"},
        ("l.1.fits", 2.0),
        ("flat", "header"),
    ),
    "HST": ({"IMAGETYP": "EXT", "OBSTYPE": "IMAGING"}, ("ib_flt.fits", 300.0), ("science", "header")),
    "a dark cloud": (
        {"OBSTYPE": "OBJECT", "OBJECT": "Dark cloud B68"},
        ("x.fits", 9.0),
        ("science", "header"),
    ),
    "a dark nebula without a word": ({"OBJECT": "LDN 1622"}, ("dark_nebula.fits", 9.0), (None, "")),
    "a master dark": ({}, ("MasterDark_300.fits", 300.0), (None, "")),
    "title and name differ": ({"OBJECT": "flat"}, ("dark-1.fits", 9.0), (None, "ambiguous")),
    "a bias of 300 s": ({"OBJECT": "bias"}, ("x.fits", 300.0), (None, "ambiguous")),
    "called bias, of 300 s": ({"IMAGETYP": "bias"}, ("x.fits", 300.0), ("bias", "guess")),
    "nothing, 0 s": ({}, ("x.fits", 0.0), ("bias", "guess")),
}


@pytest.mark.parametrize(("cards", "given", "expected"), CAMERAS.values(), ids=CAMERAS)
def test_what_the_frames_of_real_cameras_are(cards, given, expected):
    name, exposure = given
    kind = kind_of(fits.Header(cards), (name,), exposure)
    assert (kind.type, kind.source) == expected
    assert bool(kind.evidence) == (kind.source in ("guess", "ambiguous"))


def test_a_guess_says_what_was_found_and_how_to_say_otherwise():
    kind = kind_of({"OBSTYPE": "OBJECT", "OBJECT": "sky flat"}, ("d1.fits",), 4.0)
    assert kind.evidence == "OBSTYPE is 'OBJECT', OBJECT is 'sky flat', the exposure is 4 s"
    assert kind.key == "OBJECT=sky flat"
    assert kind_of({"OBSTYPE": "DARK"}, (), 0.0).evidence == "OBSTYPE is 'DARK', the exposure 0 s"


@pytest.mark.parametrize("text", ["", "M 31", "Darkest star", "sky", "Zeropoint field", "Comparison of dark"])
def test_titles_of_stars_tell_nothing(text):
    assert told_by_object(text) in (None, "other")


@pytest.mark.parametrize(
    "key",
    [
        "DARK",
        "da*",
        "OBJECT=bias*",
        "object = BIAS ?",
        "file=d10*.fits",
        "FILE=D10*",
        "EXPTIME=0",
        "MPP=T",
        "ESO DPR TYPE=bi*",
    ],
)
def test_words_cards_and_files_fit_in_any_letter_case(key):
    cards = {"OBSTYPE": "DARK", "OBJECT": "Bias 1", "EXPTIME": 0.0, "MPP": True, "ESO DPR TYPE": "BIAS"}
    assert kind_of(cards, ("d1001.fits.gz",), 0.0, {key: "other"}).type == "other"
    assert kind_of({"OBSTYPE": "FLAT"}, ("f.fits",), 1.0, {key: "other"}).type == "flat"


def test_the_first_key_that_fits_counts():
    types = {"OBJECT=bias*": "bias", "DARK": "dark"}
    assert kind_of({"OBSTYPE": "DARK", "OBJECT": "Bias"}, (), 9.0, types).type == "bias"
    assert kind_of({"OBSTYPE": "DARK", "OBJECT": "M 1"}, (), 0.0, types).type == "dark"


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"a": "drak"}, "image_types maps 'a' to 'drak'; expected one of bias, dark.*Did you mean 'dark'"),
        ("dark", "image_types is 'dark'; expected None or a mapping"),
        ([1], r"image_types is \[1\]"),
    ],
)
def test_wrong_types_are_named(types, message):
    with pytest.raises(ParameterError, match=message):
        checked_image_types(types)


def test_a_type_is_written_only_where_the_header_lacks_it():
    plain = fits.Header({"IMAGETYP": "Dark Frame", "EXPTIME": 3.0})
    declare_type(plain, "dark", 3.0)
    assert "DCTYPE" not in plain
    guessed = fits.Header({"OBSTYPE": "DARK", "OBJECT": "bias"})
    declare_type(guessed, "bias", 0.0)
    assert (guessed["DCTYPE"], guessed["IMAGETYP"]) == ("bias", "bias")
    assert kind_of(guessed, ("combined_bias.fits",), 0.0).source == "header"
