import errno
import os
import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from nights import random_frame, write_raw

from darkcal_widgets.errors import OutputError
from darkcal_widgets.frames import Frame, Image, write_images
from darkcal_widgets.frames.write import sum_words, with_checksum

needs_fitsverify = pytest.mark.skipif(
    shutil.which("fitsverify") is None, reason="the program fitsverify is not installed"
)


def test_writing_twice_gives_the_same_bytes_and_right_checksums(tmp_path):
    header = fits.Header({"OBJECT": "x", "BZERO": 32768})
    for name in ("a.fits", "b.fits"):
        write_images(tmp_path / name, [Image.of(random_frame(1, dtype="float32"), header)])
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:  # warns, so fails, when a checksum is wrong
        np.testing.assert_array_equal(hdus[0].data, random_frame(1, dtype="float32"))
        assert "CHECKSUM" in hdus[0].header


@needs_fitsverify
def test_several_images_are_written_as_extensions(tmp_path):
    data = [random_frame(seed, dtype="float32") for seed in (1, 2)]
    headers = [fits.Header({"EXTNAME": name, "GAIN": 1.5}) for name in ("one", "other")]
    for name in ("a.fits", "b.fits"):
        images = [Image.of(*pair) for pair in zip(data, headers, strict=True)]
        write_images(tmp_path / name, images, fits.Header({"OBJECT": "x"}))
    assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:  # warns, so fails, when a checksum is wrong
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "one", "other"]
        np.testing.assert_array_equal([hdu.data for hdu in hdus[1:]], data)
        assert hdus[0].header["OBJECT"] == "x"
    report = subprocess.run(["fitsverify", tmp_path / "a.fits"], capture_output=True, text=True, check=False)
    assert "0 warning(s) and 0 error(s)" in report.stdout, report.stdout
    assert [part.extension for part in Frame(tmp_path / "a.fits").parts] == ["one", "other"]


@needs_fitsverify
def test_a_nonstandard_header_is_mended_without_loss(tmp_path):
    path = write_raw(tmp_path / "a.fits", random_frame(1))
    text = path.read_bytes()
    free = b"GAIN    =  1.9" + b" " * 66
    odd = b"low case=                  1.5 / not standard" + b" " * 80
    end = text.index(b"END" + b" " * 77)
    path.write_bytes(text[:end] + free + odd[:80] + text[end:][: 2880 - end - 160] + text[2880:])
    frame = Frame(path)
    write_images(tmp_path / "b.fits", [Image.of(frame.data.astype("float32"), frame.header)])
    report = subprocess.run(["fitsverify", tmp_path / "b.fits"], capture_output=True, text=True, check=False)
    assert "0 warning(s) and 0 error(s)" in report.stdout.replace(
        "warnings and 0 errors", "warning(s) and 0 error(s)"
    ), report.stdout
    assert b"1.9" in (tmp_path / "b.fits").read_bytes()[:5760]
    assert b"1.5" in (tmp_path / "b.fits").read_bytes()[:5760]


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 721)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_frame_written_in_bands_is_as_astropy_writes_it(tmp_path, monkeypatch, shape, dtype):
    monkeypatch.setattr("darkcal_widgets.frames.write.BAND_BYTES", 9000)
    data = np.random.default_rng(1).normal(0, 1e4, shape).astype(dtype)
    write_images(tmp_path / "a.fits", [Image.of(data, fits.Header({"OBJECT": "x"}))])
    with fits.open(tmp_path / "a.fits", checksum=True, memmap=False) as hdus:
        hdus.verify("exception")
        np.testing.assert_array_equal(hdus[0].data, data)
        again = fits.PrimaryHDU(data)
        again.add_datasum()
        assert hdus[0].header["DATASUM"] == again.header["DATASUM"]


@pytest.mark.parametrize("answer", [errno.EOPNOTSUPP, errno.EINVAL])
def test_files_are_written_where_space_cannot_be_reserved(tmp_path, monkeypatch, answer):
    def refuse(*_):
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    write_images(tmp_path / "a.fits", [Image.of(random_frame(1, dtype="float32"), fits.Header())])
    np.testing.assert_array_equal(Frame(tmp_path / "a.fits").data, random_frame(1, dtype="float32"))


def test_a_disk_that_is_full_is_met_before_anything_is_computed(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def bands():
        pytest.fail("a band was computed")
        yield

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_images(tmp_path / "a.fits", [Image(fits.Header(), (9, 9), "float32", bands())])
    assert list(tmp_path.iterdir()) == []


@given(st.binary(min_size=8, max_size=8 * 40).map(lambda text: text[: len(text) // 8 * 8]))
def test_sums_of_words_are_the_same_however_stored(content):
    words = sum(int.from_bytes(content[at : at + 4], "big") for at in range(0, len(content), 4))
    assert sum_words(content) == words
    for dtype in (">f4", ">f8"):
        stored = np.frombuffer(content, dtype)
        assert sum_words(stored.byteswap().view(stored.dtype.newbyteorder())) == words


@given(datasum=st.integers(0, 2**40), text=st.text("ABC xyz019", max_size=30))
def test_the_checksums_are_those_of_the_standard(datasum, text):
    cards = [("SIMPLE", True), ("OBJECT", text), ("CHECKSUM", "0" * 16), ("DATASUM", "0" * 10)]
    before = fits.Header(cards).tostring().encode()
    after = with_checksum(before, datasum)
    assert len(after) == len(before)
    folded = int(fits.Header.fromstring(after.decode())["DATASUM"])
    assert folded % 0xFFFFFFFF == datasum % 0xFFFFFFFF
    # All words of the HDU add up to zero, in ones' complement.
    assert (sum_words(after) + folded) % 0xFFFFFFFF == 0
    assert fits.Header.fromstring(after.decode())["CHECKSUM"].isalnum()
