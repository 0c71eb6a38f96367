import warnings

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from darkcal_widgets.errors import FrameError
from darkcal_widgets.frames.cards import END, Cards


def parsed(*cards):
    return Cards(b"".join(card.ljust(80) for card in cards) + END, "a.fits").header()


@pytest.mark.parametrize(
    ("card", "value"),
    [
        (b"GAIN    =                  1.9 / e-/ADU", 1.9),
        (b"GAIN    = 1.9", 1.9),
        (b"GAIN    =               1.5D-3", 1.5e-3),
        (b"GAIN    =                    T", True),
        (b"GAIN    = 'it''s / two'   / quoted", "it's / two"),
        (b"GAIN    =", None),
        (b"HIERARCH ESO DET GAIN = 2", None),
    ],
)
def test_standard_cards_are_as_they_were(card, value):
    header = parsed(card)
    assert header.cards[0].image == card.decode().ljust(80)
    if value is not None:
        assert header["GAIN"] == value


@pytest.mark.parametrize(
    "card",
    [
        b"gain    = 1.9",
        b"GAIN    = 'open",
        b"GAIN    = ten",
        b"GAIN=1.9",
        b"GA\xc4N    = 1",
        b"OBJECT  = '\x1b[31m'",
        b"\xff" * 80,
    ],
)
def test_a_card_that_is_not_standard_becomes_text(card):
    header = parsed(card, b"EXPTIME = 5.0")
    assert header["EXPTIME"] == 5.0
    assert [*header.keys()].count("COMMENT") >= 1
    assert str(header["COMMENT"][0]).startswith("not standard: ")


def test_a_small_exponent_is_a_number_and_stays_text_in_text():
    header = parsed(b"EXPTIME = 1.5e2 / s", b"OBJECT  = 'x= 1e5'")
    assert (header["EXPTIME"], header["OBJECT"]) == (150.0, "x= 1e5")
    assert header.cards[0].image.startswith("EXPTIME = 1.5E2 / s")


def test_a_decimal_comma_is_a_number_and_stays_text_in_text():
    header = parsed(b"EXPTIME =              3,2e-05 / Total, (s)", b"OBJECT  = '1,5'", b"GAIN    = 1,9")
    assert (header["EXPTIME"], header["OBJECT"], header["GAIN"]) == (3.2e-5, "1,5", 1.9)


def test_nothing_of_a_long_card_is_lost():
    header = parsed(b"note    = 'open " + b"x" * 60 + b"end")
    assert "".join(str(line) for line in header["COMMENT"]).endswith("xend")


def test_long_strings_continue_and_stray_cards_do_not():
    header = parsed(b"OBJECT  = 'one &'", b"CONTINUE  'and two'", b"CONTINUE  'stray'")
    assert header["OBJECT"] == "one and two"
    assert "stray" in str(header["COMMENT"])


@pytest.mark.parametrize(
    "card",
    [b"NAXIS1  = ten", b"BSCALE  = NaN", b"BITPIX  = '16", b"ZNAXIS2 = 5x", b"BZERO   = .."],
)
def test_a_card_on_the_image_that_makes_no_sense_is_refused(card):
    with pytest.raises(FrameError, match=r"a\.fits: the card .* makes no sense"):
        parsed(card)


def test_contradictory_cards_on_the_image_are_refused():
    with pytest.raises(FrameError, match="there twice with different values"):
        parsed(b"BITPIX  =   16 / one", b"BITPIX  =    8 / two")
    assert parsed(b"BZERO   =    1 / one", b"BZERO   =    1 / two")["BZERO"] == 1


@given(st.lists(st.binary(min_size=80, max_size=80), max_size=5), st.integers(0, 5))
def test_every_header_can_be_read_and_written_without_complaint(cards, at):
    cards.insert(at, b"EXPTIME =                 10.0".ljust(80))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            header = Cards(b"".join(cards), "a.fits").header()
        except FrameError:
            return
        values = [card.value for card in header.cards]
        assert len(fits.Header.fromstring(header.tostring())) == len(values)


grammar = st.text(st.sampled_from("AB1_- ='/TF.,+E&()x\x00é"), min_size=72, max_size=72)


@given(
    st.sampled_from(["GAIN    ", "CONTINUE", "HIERARCH", "COMMENT ", "        ", "GAIN   =", "a       "]),
    grammar,
)
def test_every_card_that_nearly_is_one_can_be_read(keyword, rest):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = Cards((keyword + rest).encode("latin-1"), "a.fits").header()
        values = [card.value for card in header.cards]
        assert len(fits.Header.fromstring(header.tostring())) == len(values)
