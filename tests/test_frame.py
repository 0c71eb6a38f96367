import bz2
import gzip
import tempfile

import numpy as np
import pytest
from astropy.io import fits
from nights import random_frame, write_raw

from darkcal_widgets.errors import FrameError, ParameterError
from darkcal_widgets.files import checksum
from darkcal_widgets.frames import Frame, frame


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
    found = Frame(path)
    np.testing.assert_array_equal(found.data, data)
    assert (found.dtype, found.info.filter) == (np.uint16, "R")
    np.testing.assert_array_equal(found[3:9, 2:28], data[3:9, 2:28])
    loaded = found.loaded()
    np.testing.assert_array_equal(loaded.data, data)
    np.testing.assert_array_equal(loaded[3:9, 2:28], data[3:9, 2:28])
    assert (loaded.header, loaded.checksum) == (found.header, checksum(path))
    with tempfile.TemporaryFile() as spill:
        for _ in range(2):
            np.testing.assert_array_equal(found.in_rows(spill)[3:9, 2:28], data[3:9, 2:28])


def test_a_borrowed_frame_lies_in_the_memory_of_the_next(tmp_path):
    frames = [random_frame(seed) for seed in (1, 2)]
    paths = [write_raw(tmp_path / f"{n}.fits", frame) for n, frame in enumerate(frames)]
    first = Frame(paths[0]).loaded(borrowed=True)
    np.testing.assert_array_equal(first.data, frames[0])
    assert first.checksum == checksum(paths[0])
    second = Frame(paths[1]).loaded(borrowed=True)
    np.testing.assert_array_equal(second.data, frames[1])
    np.testing.assert_array_equal(first.data, frames[1])


def test_pixels_and_checksum_are_of_the_same_bytes(tmp_path):
    path = pack(write_raw(tmp_path / "a.fits", random_frame(1)), ".gz")
    loaded, before = Frame(path).loaded(), checksum(path)
    other = pack(write_raw(tmp_path / "b.fits", random_frame(2)), ".gz")
    path.write_bytes(other.read_bytes())
    np.testing.assert_array_equal(loaded.data, random_frame(1))
    assert loaded.checksum == before


def test_a_frame_that_gets_shorter_while_it_is_read_is_named(tmp_path, monkeypatch):
    found = Frame(write_raw(tmp_path / "a.fits", random_frame(1)))
    monkeypatch.setattr(
        frame, "_whole", lambda stream, _: (np.frombuffer(stream.read()[:4000], np.uint8), "")
    )
    with pytest.raises(FrameError, match=r"a\.fits is cut off: it has 1120 of the 1200 bytes"):
        found.loaded()


@pytest.mark.parametrize("shorter_by", [1, 200 * 1440])
def test_a_frame_that_shrinks_while_it_is_read_is_named(tmp_path, shorter_by):
    found = Frame(write_raw(tmp_path / "a.fits", random_frame(1, (200, 144))))
    found.path.write_bytes(found.path.read_bytes()[: 2880 + 2 * 200 * 144 - shorter_by])
    with pytest.raises(FrameError, match=r"a\.fits has changed"):
        found[100:200, :]


def test_a_frame_that_becomes_another_one_is_named(tmp_path):
    found = Frame(write_raw(tmp_path / "a.fits", random_frame(1)))
    found.path.unlink()
    write_raw(found.path, random_frame(1, (5, 6)))
    with pytest.raises(FrameError, match=r"a\.fits has changed"):
        found.loaded()


@pytest.mark.parametrize("dtype", "uint8 int8 int16 uint16 int32 uint32 int64 uint64 float32 float64".split())
def test_every_kind_of_number_reads_as_astropy_reads_it(tmp_path, dtype):
    data = random_frame(2, level=60, dtype=dtype)
    data[0, 0], data[0, 1] = (
        (np.iinfo(dtype).min, np.iinfo(dtype).max) if data.dtype.kind in "ui" else (-1e30, np.nan)
    )
    found = Frame(write_raw(tmp_path / "a.fits", data))
    assert (found.shape, found.dtype) == (data.shape, data.dtype)
    for each in (found, found.loaded()):
        np.testing.assert_array_equal(each.data, data)
        np.testing.assert_array_equal(each[3:9, 2:28], data[3:9, 2:28])
        assert each.data.dtype.isnative


def test_scaled_integers_read_as_the_values_they_mean(tmp_path):
    hdu = fits.PrimaryHDU(np.arange(12, dtype="int16").reshape(3, 4))
    hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 100.0
    hdu.writeto(tmp_path / "a.fits")
    raw = (tmp_path / "a.fits").read_bytes()
    assert b"BSCALE  =                  0.5" in raw
    stored = np.frombuffer(raw[2880 : 2880 + 24], ">i2").reshape(3, 4)
    np.testing.assert_array_equal(Frame(tmp_path / "a.fits").data, stored * 0.5 + 100.0)


def test_a_blank_among_unsigned_integers_is_not_a_value(tmp_path):
    path = write_raw(tmp_path / "a.fits", np.array([[0, 5]], "uint16"), BLANK=-32768)
    np.testing.assert_array_equal(Frame(path).data, [[np.nan, 5]])


def several_images(path, *more):
    """Write a file with an empty primary HDU, a cube that is not an image, and two images."""
    primary = fits.PrimaryHDU(header=fits.Header({"IMAGETYP": "dark", "EXPTIME": 5.0}))
    cube = fits.ImageHDU(np.zeros((2, 3, 4), "int16"))
    one = fits.ImageHDU(random_frame(3), header=fits.Header({"GAIN": 1.5}), name="im1")
    other = fits.ImageHDU(random_frame(4), header=fits.Header({"GAIN": 2.0}), name="im2")
    fits.HDUList([primary, cube, one, other, *more]).writeto(path)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_every_image_is_a_part_with_the_primary_cards(tmp_path, suffix):
    path = several_images(tmp_path / "a.fits")
    path = pack(path, suffix) if suffix else path
    found = Frame(path)
    assert [(part.name, part.extension, part.info.gain, part.info.type) for part in found.parts] == [
        (f"{path.name}[IM1]", "IM1", 1.5, "dark"),
        (f"{path.name}[IM2]", "IM2", 2.0, "dark"),
    ]
    for each in (found, found.loaded()):
        np.testing.assert_array_equal([part.data for part in each.parts], [random_frame(3), random_frame(4)])
        assert (each.header["EXPTIME"], "GAIN" in each.header) == (5.0, False)
        assert each.parts[1].header["GAIN"] == 2.0
        assert each.parts[1].header["EXPTIME"] == 5.0
    np.testing.assert_array_equal(found.parts[1].loaded()[3:9, 2:5], random_frame(4)[3:9, 2:5])


def test_no_image_is_taken_for_another_where_there_are_several(tmp_path):
    found = Frame(several_images(tmp_path / "a.fits"))
    with pytest.raises(
        FrameError, match=r"a\.fits holds 2 images \(IM1, IM2\); choose one of them with extensions"
    ):
        found.data  # noqa: B018


def test_images_without_distinct_names_are_numbered(tmp_path):
    found = Frame(several_images(tmp_path / "a.fits", fits.ImageHDU(random_frame(5), name="im1")))
    assert [part.extension for part in found.parts] == ["2", "3", "4"]


def test_an_image_of_one_plane_is_an_image(tmp_path):
    fits.PrimaryHDU(random_frame(1)[None]).writeto(tmp_path / "a.fits")
    fits.CompImageHDU(random_frame(1)[None]).writeto(tmp_path / "b.fits")
    for name in ("a.fits", "b.fits"):
        found = Frame(tmp_path / name)
        assert found.shape == (20, 30)
        np.testing.assert_array_equal(found[3:9, 2:28], random_frame(1)[3:9, 2:28])


@pytest.mark.parametrize("first", [True, False])
def test_masked_pixels_have_no_value_wherever_the_mask_lies(tmp_path, first):
    data, mask = random_frame(1), np.zeros((20, 30), "uint8")
    mask[3, 4] = 1
    image, companions = (
        fits.ImageHDU(data),
        [fits.ImageHDU(mask, name="MASK"), fits.ImageHDU(data, name="UNCERT")],
    )
    hdus = [*companions, image] if first else [image, *companions]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "a.fits")
    found = Frame(tmp_path / "a.fits")
    assert len(found.parts) == 1
    for each in (found, found.loaded()):
        assert np.argwhere(np.isnan(each.data)).tolist() == [[3, 4]]
        assert each.data[3, 5] == data[3, 5]


@pytest.mark.parametrize(
    ("bunit", "expected"), [("ADU", "adu"), ("counts", "adu"), ("Electrons", "electron"), (None, "adu")]
)
def test_the_unit_is_the_headers_or_else_the_one_given(tmp_path, bunit, expected):
    found = Frame(write_raw(tmp_path / "a.fits", random_frame(1), BUNIT=bunit))
    assert (found.unit("adu"), found.ccd("adu").unit.to_string()) == (expected, expected)


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
        ("no image", "does not hold a two-dimensional image: its HDUs hold 4 x 3 x 2"),
    ],
)
def test_a_damaged_file_is_named_with_the_reason(tmp_path, kind, reason):
    path = tmp_path / "bad.fits"
    path.write_bytes(damaged(tmp_path)[kind])
    with pytest.raises(FrameError, match=rf"bad\.fits {reason}"):
        Frame(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FrameError, match="No such file"):
        Frame(tmp_path / "a.fits")


def test_only_the_cards_asked_for_are_parsed(tmp_path):
    path = write_raw(tmp_path / "a.fits", random_frame(1), FILTER="a filter of many words " * 5, GAIN=1.5)
    assert Frame(path).info.filter == ("a filter of many words " * 5).strip()
    assert Frame(path).info.gain == 1.5


def test_a_file_of_one_image_says_so_where_another_is_named(tmp_path):
    frame = Frame(write_raw(tmp_path / "a.fits", random_frame(1)))
    with pytest.raises(ParameterError, match="holds one image without a name, for which extensions is None"):
        frame.select(["SCI"])
