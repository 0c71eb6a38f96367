import pytest
from astropy.io import fits

from darkcal_widgets.errors import ParameterError
from darkcal_widgets.frames.cards import Cards
from darkcal_widgets.frames.words import describe


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"EXPTIME": 70.0}, 70.0),
        ({"EXPOSURE": 90}, 90.0),
        ({"EXPTIME": 1.0, "EXPOSURE": 2.0}, 1.0),
        ({"EXPTIME": "12.5"}, 12.5),
        ({"EXPTIME": "abc", "EXPOSURE": 3.0}, 3.0),
        ({"EXPTIME": -1.0}, None),
        ({"EXPTIME": True}, None),
        ({}, None),
    ],
)
def test_the_exposure_is_in_seconds_or_unknown(cards, expected):
    assert describe(fits.Header(cards), (2, 3)).exposure == expected


def test_facts_that_are_not_there_are_none_or_empty():
    info = describe(fits.Header(), (2, 3))
    assert (info.type, info.filter, info.temperature, info.unit, info.gain, info.binning) == (
        None,
        "",
        None,
        None,
        None,
        None,
    )
    assert not info.combined


def test_facts_are_read_from_a_maxim_header():
    cards = {
        "FILTER": "R ",
        "CCD-TEMP": -18.8,
        "XBINNING": 2,
        "YBINNING": 2,
        "BUNIT": "ADU",
        "EGAIN": 1.5,
        "INSTRUME": "Apogee",
    }
    info = describe(fits.Header(cards), (2, 3))
    assert (info.filter, info.temperature, info.binning, info.unit, info.gain) == (
        "R",
        -18.8,
        (2, 2),
        "adu",
        1.5,
    )


def test_a_unit_that_is_none_of_a_ccd_is_refused():
    with pytest.raises(ParameterError, match="BUNIT is 'Jy'"):
        describe(fits.Header({"BUNIT": "Jy"}), (2, 3))


@pytest.mark.parametrize("seconds", [-1.0, 1e300, float("nan"), "ten", True])
def test_an_exposure_that_makes_no_sense_is_none(seconds):
    assert describe({"EXPTIME": seconds}, (2, 3)).exposure is None


@pytest.mark.parametrize(
    ("cards", "steps"),
    [
        ({"ZEROCOR": "Apr  5 15:03 Zero level correction image is Zero.fits", "CCDPROC": "done"}, ["bias"]),
        ({"OVERSCAN": "Overscan section is [2056:2080,1:4128] with mean=700"}, ["overscan"]),
        ({"DARKCOR": "Dark.fits"}, ["dark"]),
        (
            {"HIERARCH subtract_bias": "subbias", "HIERARCH subtract_overscan": "suboscan"},
            ["overscan", "bias"],
        ),
        ({"CALSTAT": "B"}, ["bias"]),
        ({"CALSTAT": "BDF"}, ["bias", "dark"]),
        ({"DCRECIPE": "0123456789abcdef"}, ["darkcal"]),
        ({"TRIM": "Trim data section is [1:2048,1:4128]", "CCDPROC": "done"}, []),
        ({"OVERSCAN": 32, "ZEROCOR": "OMIT", "DARKCOR": False, "CALSTAT": ""}, []),
    ],
)
def test_steps_that_are_done_already_are_read(cards, steps):
    found = describe(Cards.of(fits.Header(cards)), (2, 3)).done
    assert [step for step, _ in found] == steps


def test_what_says_that_a_step_is_done_is_kept():
    assert describe(fits.Header({"CALSTAT": "B"}), (2, 3)).done == (("bias", "CALSTAT is 'B'"),)
