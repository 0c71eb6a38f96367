import bz2
import errno
import gzip
import os
import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from nights import random_frame, write_raw

from darkcal_widgets.errors import FrameError, OutputError
from darkcal_widgets.files import checksum
from darkcal_widgets.frames import (
    open_image,
    read_frame,
    read_info,
    read_raw,
    read_rows,
    write_bands,
    write_frame,
)
from darkcal_widgets.frames.plain import read_layout

needs_fitsverify = pytest.mark.skipif(
    shutil.which("fitsverify") is None, reason="the program fitsverify is not installed"
)


def pack(path, suffix):
    """Compress a FITS file the way its suffix says and return the new path."""
    packed = path.with_name(path.name + suffix)
    if suffix == ".fz":
        with fits.open(path) as hdus:
            header = hdus[0].header.copy()
            fits.CompImageHDU(hdus[0].data, header=header, compression_type="RICE_1").writeto(packed)
    else:
        opener = {".gz": gzip.open, ".bz2": bz2.open}[suffix]
        with opener(packed, "wb") as stream:
            stream.write(path.read_bytes())
    return packed


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".fz"])
def test_compressed_frames_read_like_plain_ones(tmp_path, suffix):
    data = random_frame(1)
    path = write_raw(tmp_path / "a.fits", data, FILTER="R")
    path = pack(path, suffix) if suffix else path
    frame = read_frame(path)
    np.testing.assert_array_equal(frame.data, data)
    assert frame.dtype == np.uint16
    assert read_info(path).filter == "R"
    np.testing.assert_array_equal(read_rows(path, slice(3, 9)), data[3:9])
    raw = read_raw(path)
    np.testing.assert_array_equal(raw.data, data)
    np.testing.assert_array_equal(raw.image[3:9, 2:28], data[3:9, 2:28])
    assert (raw.header, raw.unit, raw.checksum) == (frame.header, "adu", checksum(path))
    image = open_image(path, tmp_path)
    np.testing.assert_array_equal(image[3:9, 2:28], data[3:9, 2:28])


def test_a_borrowed_frame_is_what_the_file_holds_and_lies_in_the_memory_of_the_next(tmp_path):
    frames = [random_frame(seed) for seed in (1, 2)]
    paths = [write_raw(tmp_path / f"{n}.fits", frame) for n, frame in enumerate(frames)]
    first = read_raw(paths[0], borrowed=True)
    np.testing.assert_array_equal(first.data, frames[0])
    assert first.checksum == checksum(paths[0])
    second = read_raw(paths[1], borrowed=True)
    np.testing.assert_array_equal(second.data, frames[1])
    assert np.shares_memory(first.image.rows, second.image.rows)


def test_a_frame_that_gets_shorter_while_it_is_read_is_named(tmp_path, monkeypatch):
    path = write_raw(tmp_path / "a.fits", random_frame(1))

    def cut(stream):
        found = read_layout(stream)
        with open(path, "r+b") as other:
            other.truncate(4000)
        return found

    monkeypatch.setattr("darkcal_widgets.frames.read_layout", cut)
    with pytest.raises(FrameError, match=r"a\.fits cannot be read.*shorter"):
        read_raw(path)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_every_bitpix_reads_as_the_values_it_means(tmp_path, dtype):
    data = random_frame(2, level=120, dtype=dtype)
    frame = read_frame(write_raw(tmp_path / "a.fits", data))
    np.testing.assert_array_equal(frame.data, data)
    assert frame.data.dtype.isnative


def test_scaled_integers_read_as_the_values_they_mean(tmp_path):
    hdu = fits.PrimaryHDU(np.arange(12, dtype="int16").reshape(3, 4))
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 100.0
    hdu.writeto(tmp_path / "a.fits")
    raw = (tmp_path / "a.fits").read_bytes()
    assert b"BSCALE  =                  0.5" in raw
    stored = np.frombuffer(raw[2880 : 2880 + 24], ">i2").reshape(3, 4)
    np.testing.assert_array_equal(read_frame(tmp_path / "a.fits").data, stored * 0.5 + 100.0)


def test_the_first_image_of_two_dimensions_is_taken_with_the_cards_of_the_primary_header(tmp_path):
    primary = fits.PrimaryHDU(header=fits.Header({"IMAGETYP": "dark", "EXPTIME": 5.0}))
    cube = fits.ImageHDU(np.zeros((2, 3, 4), "int16"))
    image = fits.ImageHDU(random_frame(3), header=fits.Header({"EXPTIME": 7.0}))
    fits.HDUList([primary, cube, image, fits.ImageHDU(np.zeros((5, 5)))]).writeto(tmp_path / "a.fits")
    info = read_info(tmp_path / "a.fits")
    assert (info.type, info.exposure, info.shape) == ("dark", 7.0, (20, 30))
    np.testing.assert_array_equal(read_frame(tmp_path / "a.fits").data, random_frame(3))


@pytest.mark.parametrize(
    ("bunit", "expected"), [("ADU", "adu"), ("counts", "adu"), ("Electrons", "electron"), (None, "adu")]
)
def test_the_unit_is_the_headers_or_else_the_one_given(tmp_path, bunit, expected):
    assert (
        read_frame(write_raw(tmp_path / "a.fits", random_frame(1), BUNIT=bunit), unit="adu").unit.to_string()
        == expected
    )


def damaged(tmp_path):
    whole = write_raw(tmp_path / "whole.fits", random_frame(1)).read_bytes()
    cube = fits.PrimaryHDU(np.zeros((2, 3, 4)))
    cube.writeto(tmp_path / "cube.fits")
    return {
        "truncated": whole[:3000],
        "half a header": whole[:300],
        "empty": b"",
        "text": b"hello\n" * 1000,
        "no image": (tmp_path / "cube.fits").read_bytes(),
    }


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("truncated", "is cut off: it has 120 of the 1200 bytes"),
        ("half a header", "is cut off in its header"),
        ("empty", "is empty"),
        ("text", "does not begin with SIMPLE = T"),
        ("no image", "holds no two-dimensional image: its HDUs hold 4 x 3 x 2"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path, kind, reason):
    path = tmp_path / "bad.fits"
    path.write_bytes(damaged(tmp_path)[kind])
    with pytest.raises(FrameError, match=rf"bad\.fits {reason}"):
        read_frame(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FrameError, match="No such file"):
        read_frame(tmp_path / "a.fits")


def test_writing_twice_gives_the_same_bytes_and_right_checksums(tmp_path):
    header = fits.Header({"OBJECT": "x", "BZERO": 32768})
    for name in ("a.fits", "b.fits"):
        write_frame(tmp_path / name, random_frame(1, dtype="float32"), header)
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:  # warns, so fails, when a checksum is wrong
        np.testing.assert_array_equal(hdus[0].data, random_frame(1, dtype="float32"))
        assert "CHECKSUM" in hdus[0].header


@needs_fitsverify
def test_a_header_that_is_not_standard_is_mended_and_nothing_of_it_lost(tmp_path):
    path = write_raw(tmp_path / "a.fits", random_frame(1))
    text = path.read_bytes()
    free = b"GAIN    =  1.9" + b" " * 66
    odd = b"low case=                  1.5 / not standard" + b" " * 80
    end = text.index(b"END" + b" " * 77)
    path.write_bytes(text[:end] + free + odd[:80] + text[end:][: 2880 - end - 160] + text[2880:])
    frame = read_frame(path)
    write_frame(tmp_path / "b.fits", frame.data.astype("float32"), frame.header)
    report = subprocess.run(["fitsverify", tmp_path / "b.fits"], capture_output=True, text=True, check=False)
    assert "0 warning(s) and 0 error(s)" in report.stdout.replace(
        "warnings and 0 errors", "warning(s) and 0 error(s)"
    ), report.stdout
    assert b"1.9" in (tmp_path / "b.fits").read_bytes()[:5760]
    assert b"1.5" in (tmp_path / "b.fits").read_bytes()[:5760]


def test_only_the_cards_that_are_asked_for_are_parsed_and_long_strings_are_whole(tmp_path):
    path = write_raw(tmp_path / "a.fits", random_frame(1), FILTER="a filter of many words " * 5, GAIN=1.5)
    assert read_info(path).filter == ("a filter of many words " * 5).strip()
    assert read_info(path).gain == 1.5


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 721)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_frame_that_is_written_in_bands_is_as_astropy_would_have_written_it(
    tmp_path, monkeypatch, shape, dtype
):
    monkeypatch.setattr("darkcal_widgets.frames.BAND_BYTES", 9000)
    data = np.random.default_rng(1).normal(0, 1e4, shape).astype(dtype)
    write_frame(tmp_path / "a.fits", data, fits.Header({"OBJECT": "x"}))
    with fits.open(tmp_path / "a.fits", checksum=True, memmap=False) as hdus:
        hdus.verify("exception")
        np.testing.assert_array_equal(hdus[0].data, data)
        again = fits.PrimaryHDU(data)
        again.add_datasum()
        assert hdus[0].header["DATASUM"] == again.header["DATASUM"]


@pytest.mark.parametrize("answer", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_cannot_reserve_space_is_written_to_all_the_same(tmp_path, monkeypatch, answer):
    def refuse(*_):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    write_frame(tmp_path / "a.fits", random_frame(1, dtype="float32"), fits.Header())
    np.testing.assert_array_equal(read_frame(tmp_path / "a.fits").data, random_frame(1, dtype="float32"))


def test_a_disk_that_is_full_is_met_before_anything_is_computed(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def bands():
        pytest.fail("a band was computed")
        yield

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_bands(tmp_path / "a.fits", bands(), (9, 9), "float32", fits.Header())
    assert list(tmp_path.iterdir()) == []
