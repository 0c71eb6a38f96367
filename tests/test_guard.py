"""The fuzzer (fuzzer.py) looks for what nobody thought of; here is what somebody did."""

import bz2
import gzip
import io
import os
import random

import fuzzer
import numpy as np
import pytest
from astropy.io import fits
from nights import random_frame, write_raw

from darkcal_widgets.errors import FrameError
from darkcal_widgets.frames import Frame, guard, images


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("seed", range(4))
def test_good_files_read_as_astropy_reads_them(tmp_path, seed, pack):
    rng = random.Random(seed)
    path = tmp_path / "a.fits"
    path.write_bytes(pack(fuzzer.good_tiles(rng) if seed % 2 else fuzzer.good(rng)))
    frame = Frame(path)
    header, data = frame.header, frame.data
    with fits.open(path) as hdus:
        expected = next(hdu.data for hdu in hdus if hdu.is_image and len(hdu.shape) == 2)
    np.testing.assert_array_equal(data, expected)
    assert (data.dtype, data.dtype.isnative) == (frame.dtype, True)
    assert (frame.loaded().header, frame.shape) == (header, data.shape)
    assert header["IMAGETYP"] == "dark"


def test_primary_cards_are_added_to_those_of_the_image(tmp_path):
    primary = fits.Header([("OBJECT", "primary"), ("FILTER", "R"), ("COMMENT", "one")])
    image = fits.Header([("OBJECT", "image"), ("COMMENT", "two")])
    fits.HDUList(
        [
            fits.PrimaryHDU(header=primary),
            fits.ImageHDU(np.zeros((2, 3, 4))),
            fits.ImageHDU(random_frame(1), image),
        ]
    ).writeto(tmp_path / "a.fits")
    header = Frame(tmp_path / "a.fits").header
    assert (header["OBJECT"], header["FILTER"], list(header["COMMENT"])) == ("image", "R", ["two", "one"])


@pytest.mark.parametrize(("blank", "expected"), [(-1, np.nan), (None, -1.0)])
def test_scaled_integers_and_blanks_mean_what_the_standard_says(tmp_path, blank, expected):
    hdu = fits.PrimaryHDU(np.array([[-1, 4]], "int16"))
    hdu.header["BSCALE"], hdu.header["BZERO"] = 2.0, 1.0
    if blank is not None:
        hdu.header["BLANK"] = blank
    content = io.BytesIO()
    hdu.writeto(content)
    stored = np.array([[-1, 4]], ">i2").tobytes()
    (tmp_path / "a.fits").write_bytes(content.getvalue()[:2880] + stored.ljust(2880, b"\0"))
    np.testing.assert_array_equal(Frame(tmp_path / "a.fits").data, [[expected, 9.0]])


def damaged(content, *cards):
    return fuzzer.with_cards(content, *[fuzzer.card(*each) for each in cards])


GOOD = fuzzer.good(random.Random(2), "uint16")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04" * 999, "does not begin with SIMPLE = T"),
        (GOOD[:800], "cut off in its header"),
        (GOOD[: fuzzer.BLOCK + 100], "has 100 of the 1200 bytes of its image"),
        (damaged(GOOD, ("NAXIS1", 10**30)), "more than 1073741824 .* are not read"),
        (damaged(GOOD, ("NAXIS1", -3)), "NAXIS1 is -3, expected a whole number"),
        (damaged(GOOD, ("NAXIS", "T")), "NAXIS is True, expected a whole number"),
        (damaged(GOOD, ("BITPIX", 17)), "BITPIX is 17, expected one of 8, 16"),
        (damaged(GOOD, ("SIMPLE", "F")), "not a standard FITS file"),
        (damaged(GOOD, ("BSCALE", "'x'")), "BSCALE is 'x', expected a number"),
        (damaged(GOOD, ("NAXIS", 1)), "does not hold a two-dimensional image: its HDUs hold 30"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(FrameError, match=rf"a\.fits.*{reason}"):
        Frame(path)


def test_a_mistake_of_our_own_is_not_blamed_on_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "describe", lambda *_: [].missing)
    with pytest.raises(AttributeError, match="missing"):
        Frame(write_raw(tmp_path / "a.fits", random_frame(1)))


def test_a_header_that_promises_too_much_is_not_followed(tmp_path):
    table = damaged(GOOD, ("NAXIS", 1), ("NAXIS1", 10**30))
    (tmp_path / "a.fits").write_bytes(table)
    with pytest.raises(FrameError, match="does not hold a two-dimensional image"):
        Frame(tmp_path / "a.fits")


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.fits")
    (tmp_path / "folder.fits").mkdir()
    (tmp_path / "gone.fits").symlink_to("nowhere")
    (tmp_path / "zero.fits").symlink_to("/dev/zero")
    for name, reason in {
        "pipe": "not a regular file",
        "folder": "a folder",
        "gone": "No such file",
        "zero": "not a regular",
    }.items():
        with pytest.raises(FrameError, match=rf"{name}\.fits .*{reason}"):
            Frame(tmp_path / f"{name}.fits")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_what_unpacks_without_end_is_given_up(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(guard, "_ALWAYS_UNPACKED", 1 << 20)
    cube = damaged(GOOD, ("NAXIS", 3), ("NAXIS3", 10**6))[:2880]
    (tmp_path / "a.fits.gz").write_bytes(pack(cube + bytes(1 << 23)))
    with pytest.raises(FrameError, match="unpacks to more than 1 MiB"):
        Frame(tmp_path / "a.fits.gz")


def test_a_header_and_a_row_of_hdus_have_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "LONGEST_HEADER", 10 * 2880)
    monkeypatch.setattr(guard, "MOST_HDUS", 5)
    (tmp_path / "a.fits").write_bytes(GOOD[:400] + b"COMMENT x".ljust(80) * 999)
    with pytest.raises(FrameError, match="header of more than 360 cards"):
        Frame(tmp_path / "a.fits")
    fits.HDUList(
        [fits.PrimaryHDU(), *[fits.ImageHDU() for _ in range(9)], fits.ImageHDU(random_frame(1))]
    ).writeto(tmp_path / "b.fits")
    with pytest.raises(
        FrameError, match="not hold a two-dimensional image: its HDUs hold no data, no data, "
    ):
        Frame(tmp_path / "b.fits")


def test_tiles_that_do_not_fit_the_image_are_refused(tmp_path):
    write_raw(tmp_path / "plain.fits", random_frame(1))
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(random_frame(1), compression_type="RICE_1")]).writeto(
        content
    )
    tiled = content.getvalue()
    cases = {
        ("ZNAXIS1", 10**9): "are not read",
        ("ZTILE1", 0): "tiles of 0 x",
        ("NAXIS2", 7): "7 compressed tiles, expected 20",
    }
    for card, reason in cases.items():
        (tmp_path / "a.fits.fz").write_bytes(tiled[:2880] + damaged(tiled[2880:], card))
        with pytest.raises(FrameError, match=reason):
            Frame(tmp_path / "a.fits.fz")


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.fits.gz"
    content = bytearray(gzip.compress(random.Random(1).randbytes(5000)))
    content[-4:] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(content)
    monkeypatch.setattr(gzip.GzipFile, "read", None)
    with pytest.raises(FrameError, match="unpacks to more than 64 MiB"):
        Frame(path)


def test_a_flip_in_what_is_not_looked_at_of_a_gzip_file_is_seen(tmp_path):
    path = write_raw(tmp_path / "dark.fits", random_frame(1))
    content = bytearray(gzip.compress(path.read_bytes() + bytes(2880), compresslevel=0))
    content[-12] ^= 1  # in the padding behind the image, which only the checksum covers
    (tmp_path / "dark.fits.gz").write_bytes(content)
    with pytest.raises(FrameError, match="CRC check failed"):
        Frame(tmp_path / "dark.fits.gz").loaded()
