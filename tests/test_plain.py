import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from nights import random_frame, write_raw

from darkcal_widgets.errors import FrameError
from darkcal_widgets.frames.plain import FileRows, StoredImage, read_layout, sum_words, with_checksum


def layout_of(hdus):
    stream = io.BytesIO()
    hdus.writeto(stream)
    stream.seek(0)
    return read_layout(stream)[1]


def primary(data=None, **cards):
    return fits.PrimaryHDU(random_frame(1) if data is None else data, header=fits.Header(cards))


@pytest.mark.parametrize("dtype", "uint8 int16 uint16 int32 uint32 int64 uint64 float32 float64".split())
def test_a_plain_image_is_read_in_place_as_astropy_reads_it(tmp_path, dtype):
    data = random_frame(2, level=120, dtype=dtype)
    data[0, 0], data[0, 1] = (
        (np.iinfo(dtype).min, np.iinfo(dtype).max) if data.dtype.kind in "ui" else (-1e30, np.nan)
    )
    path = write_raw(tmp_path / "a.fits", data)
    with open(path, "rb") as stream:
        layout = read_layout(stream)[1]
    image = StoredImage(layout, FileRows(path, layout))
    assert (image.shape, image.dtype) == (data.shape, data.dtype)
    np.testing.assert_array_equal(image[3:9, 2:28], data[3:9, 2:28])
    np.testing.assert_array_equal(image[:, :], data)
    assert image[:, :].dtype.isnative


def test_the_header_is_the_bytes_up_to_the_image():
    stream = io.BytesIO()
    hdu = primary(**{f"KEY{n}": n for n in range(80)})
    hdu.writeto(stream)
    stream.seek(0)
    header, layout = read_layout(stream)
    assert len(header) == layout.offset == 3 * 2880
    assert header == stream.getvalue()[: 3 * 2880]


def scaled():
    hdu = fits.PrimaryHDU(np.arange(12, dtype="int16").reshape(3, 4))
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 100.0
    return hdu


@pytest.mark.parametrize(
    "hdus",
    [
        primary(np.zeros((2, 3, 4))),
        primary(np.zeros(5)),
        primary(np.zeros((3, 4), "int16"), BLANK=-99),
        primary(np.zeros((3, 4), "int8")),
        scaled(),
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(random_frame(1))]),
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(random_frame(1))]),
    ],
    ids=["cube", "row", "blank", "signed bytes", "scaled", "extension", "compressed"],
)
def test_what_is_not_plain_is_left_to_astropy(hdus):
    assert layout_of(hdus) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[:1000],
        lambda text: text[:2880],
        lambda text: text[:-1],
        lambda text: b"\x1f\x8b" + text[2:],
        lambda text: text.replace(b"BITPIX  =                   16", b"BITPIX  =                   17"),
        lambda text: text.replace(b"NAXIS1  =                   30", b"NAXIS1  =                   -1"),
        lambda text: text.replace(b"NAXIS1  =                   30", b"NAXIS1  =                  3.0"),
        lambda text: text.replace(b"NAXIS1  =                   30", b"NAXIS1  =                 many"),
        lambda text: text.replace(b"NAXIS1  ", b"NAXISX  "),
        lambda text: text.replace(b"END  ", b"ENDS "),
    ],
)
def test_a_file_that_is_not_whole_or_not_standard_is_left_to_astropy(damage):
    stream = io.BytesIO()
    primary().writeto(stream)
    damaged = damage(stream.getvalue())
    assert damaged != stream.getvalue()
    assert read_layout(io.BytesIO(damaged))[1] is None


@pytest.mark.parametrize("shorter_by", [1, 200 * 1440])
def test_a_file_that_shrinks_after_its_header_was_read_is_named(tmp_path, shorter_by):
    path = write_raw(tmp_path / "a.fits", random_frame(1, (200, 144)))
    with open(path, "rb") as stream:
        layout = read_layout(stream)[1]
    path.write_bytes(path.read_bytes()[: layout.offset + layout.size - shorter_by])
    with pytest.raises(FrameError, match=r"a\.fits has changed"):
        FileRows(path, layout)[100:200]


@given(st.binary(min_size=8, max_size=8 * 40).map(lambda text: text[: len(text) // 8 * 8]))
def test_sums_of_words_do_not_depend_on_how_the_numbers_are_stored(content):
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
