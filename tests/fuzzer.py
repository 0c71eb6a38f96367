"""Damaged files by the thousand: each must be calibrated right, or reported by name with its reason.

    python tests/fuzzer.py [--inputs 4000] [--seed 1]

Each input is a good frame, damaged in a way drawn from a seed, in a night beside good frames. A process of its own, with a
limit on its memory, calibrates and combines that night with warnings as errors; it is given a limited time.
"""

import argparse
import bz2
import contextlib
import gzip
import io
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tqdm
from astropy.io import fits
from nights import random_frame, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks
from darkcal_widgets.files import result_name

SHAPE = (20, 30)
RECIPE = Recipe(overscan_columns="24:", keep_columns=":24")
GOOD = 3

MEMORY = 3 << 30  # bytes of address space that the calibrating process gets
SECONDS = 30  # that it may take for one input
BOMB = 2 << 30  # bytes that a gzip or bzip2 bomb grows to

BLOCK = 2880
KINDS = {}


def kind(damage):
    """Enter a way to damage: a function of a random source and the path to write to, which may return another path."""
    KINDS[damage.__name__] = damage
    return damage


# --- Good frames to begin with ------------------------------------------------------------------------------------------


def good(rng, dtype=None):
    """Return the bytes of a good dark."""
    data = random_frame(
        rng.randrange(1000), SHAPE, 1200, dtype or rng.choice(["uint16", "int16", "int32", "float32"])
    )
    header = fits.Header(
        {"IMAGETYP": "dark", "EXPTIME": 10.0, "FILTER": "R", "CRPIX1": 5.0, "XBINNING": 1, "YBINNING": 1}
    )
    stream = io.BytesIO()
    if rng.random() < 0.2:
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data, header)]).writeto(stream)
    else:
        fits.PrimaryHDU(data, header).writeto(stream)
    return stream.getvalue()


def good_tiles(rng, quantized=False):
    """Return the bytes of a good dark in tiles, as in .fz files."""
    dtype = "float32" if quantized else rng.choice(["int16", "uint16", "int32"])
    data = random_frame(rng.randrange(1000), SHAPE, 1200, dtype)
    ways = ["RICE_1", "GZIP_1", "GZIP_2", *([] if quantized else ["HCOMPRESS_1"])]
    how = rng.choice(ways)
    stream = io.BytesIO()
    header = fits.Header({"IMAGETYP": "dark", "EXPTIME": 10.0})
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data, header, compression_type=how)]).writeto(stream)
    return stream.getvalue()


# --- Bytes ----------------------------------------------------------------------------------------------------------------


def header_end(content):
    """Return where the first header's END card is."""
    return next(at for at in range(0, len(content), 80) if content[at : at + 80] == b"END".ljust(80))


def with_cards(content, *cards):
    """Return a file with cards of 80 bytes put in front of the first END, in place of those of the same keyword."""
    end = header_end(content)
    data = content[-(-(end + 80) // BLOCK) * BLOCK :]
    new = [card.ljust(80)[:80] for card in cards]
    old = [content[at : at + 80] for at in range(0, end, 80)]
    by_keyword = {card[:8]: card for card in new}
    kept = [by_keyword.pop(card[:8], card) for card in old]
    text = b"".join([*kept, *[card for card in new if card[:8] in by_keyword], b"END".ljust(80)])
    return text.ljust(-(-len(text) // BLOCK) * BLOCK) + data


def card(keyword, value):
    """Return a card with the value as it is given, right or wrong."""
    return f"{keyword:8}= {value:>20}".encode("latin-1")


def flipped(rng, content, start, stop, most=20):
    """Return the bytes with a few of those between `start` and `stop` replaced."""
    result = bytearray(content)
    for _ in range(rng.randint(1, most)):
        result[rng.randrange(start, stop)] = rng.randrange(256)
    return bytes(result)


# --- Ways to damage -------------------------------------------------------------------------------------------------------


@kind
def header_cut(rng, path):
    content = good(rng)
    path.write_bytes(content[: rng.randrange(header_end(content))])


@kind
def data_cut(rng, path):
    content = good(rng, "uint16")
    path.write_bytes(content[: rng.randrange(BLOCK, len(content))])


@kind
def header_bytes(rng, path):
    content = good(rng)
    path.write_bytes(flipped(rng, content, 0, header_end(content) + 80))


@kind
def header_text(rng, path):
    content = bytearray(good(rng))
    for _ in range(rng.randint(1, 10)):  # printable, so that it gets further than bytes of any value
        content[rng.randrange(header_end(content))] = rng.choice(b" '/=0123456789ABCEFT.-+")
        if b"END".ljust(80) not in content:
            break
    path.write_bytes(bytes(content))


@kind
def data_bytes(rng, path):
    content = good(rng)
    path.write_bytes(flipped(rng, content, len(content) - BLOCK, len(content)))


@kind
def wrong_axes(rng, path):
    axes = [("NAXIS", rng.choice(["0", "1", "3", "-1", "999", "1000", "2.0", "T", "'2'", ""]))]
    axes += [(f"NAXIS{axis}", rng.choice(["0", "-5", "1", "7", "31", "x", "3E1", "T"])) for axis in (1, 2)]
    picked = rng.sample(axes, rng.randint(1, 2))
    path.write_bytes(with_cards(good(rng), *[card(*each) for each in picked]))


@kind
def huge_axes(rng, path):
    sizes = [10**5, 10**6, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**64, 10**30]
    axes = [card("NAXIS1", rng.choice(sizes)), card("NAXIS2", rng.choice(sizes))]
    path.write_bytes(with_cards(good(rng), *rng.sample(axes, rng.randint(1, 2))))


@kind
def huge_sparse(rng, path):
    side = rng.choice([40_000, 100_000, 400_000])
    path.write_bytes(with_cards(good(rng, "uint16"), card("NAXIS1", side), card("NAXIS2", side)))
    os.truncate(path, 2 * BLOCK + 2 * side * side + BLOCK)


@kind
def not_numbers(rng, path):
    data = random_frame(1, SHAPE, 1200, "float32")
    where = rng.choice([np.s_[:, :24], np.s_[:, 24:], np.s_[:], np.s_[3], np.s_[4, 5], np.s_[:, 25]])
    data[where] = rng.choice([np.nan, np.inf, -np.inf, 3e38])
    if rng.random() < 0.5:
        data[7, 7] = rng.choice([np.nan, np.inf])
    write_raw(path, data)


@kind
def nothing(rng, path):
    path.write_bytes(b"")


@kind
def no_fits(rng, path):
    noise = rng.randbytes(rng.randrange(1, 9000))
    starts = [
        b"",
        b"\x89PNG\r\n",
        b"PK\x03\x04",
        b"\xfd7zXZ\x00",
        b"\x1f\x9d",
        b"\x1f\x8b\x08",
        b"BZh9",
        b"<html>",
        b"SIMPLE  =",
    ]
    path.write_bytes(rng.choice([*starts, b"SIMPLE  =                    T".ljust(80)]) + noise)


@kind
def blanks(rng, path):
    path.write_bytes(rng.choice([b" ", b"\0", b"\xff", b"\n"]) * rng.choice([80, 2880, 5760, 10**6]))


@kind
def folder(rng, path):
    path.mkdir()
    if rng.random() < 0.5:
        (path / "inner.fits").write_bytes(good(rng))


@kind
def dangling_link(rng, path):
    path.symlink_to(rng.choice(["gone.fits", path.name, "/dev/null", "/dev/zero"]))


@kind
def pipe(rng, path):
    os.mkfifo(path)


@kind
def no_ascii(rng, path):
    text = rng.choice(["Sträßle", "暗い", "\u202efits", "\x1b[31mred", "\x07\x08", "a\nb", "\x00"]).encode()
    where = rng.choice(
        [
            b"OBJECT  = '",
            b"IMAGETYP= '",
            b"FILTER  = '",
            b"COMMENT ",
            b"HISTORY ",
            b"K\xc3\xa4  = '",
            b"OBSERVER= '",
        ]
    )
    path.write_bytes(with_cards(good(rng), where + text + rng.choice([b"'", b"", b"' / \xe4"])))


@kind
def endless_cards(rng, path):
    content, count = good(rng), rng.choice([2_000, 20_000, 300_000])
    line = rng.choice(
        [
            b"COMMENT x",
            b"CONTINUE  'x&'",
            b"HISTORY y",
            b"",
            b"A       =                    1",
            b"K%07d=                    1",
        ]
    )
    lines = b"".join((line % n if b"%" in line else line).ljust(80) for n in range(count))
    end = header_end(content)
    tail = b"" if rng.random() < 0.5 else b"END".ljust(80)
    head = content[:end] + lines + tail
    path.write_bytes(head.ljust(-(-len(head) // BLOCK) * BLOCK) + (content[-2 * BLOCK :] if tail else b""))


@kind
def wrong_bitpix(rng, path):
    path.write_bytes(
        with_cards(
            good(rng), card("BITPIX", rng.choice("8 16 32 64 -32 -64 0 7 -16 128 T 16.5 'x' 1e9".split()))
        )
    )


@kind
def wrong_scaling(rng, path):
    values = "0 1 -1 1e300 -1e-300 NaN T 'x' 32768 2147483648 1e400 0.5".split()
    picked = rng.sample(["BSCALE", "BZERO", "BLANK"], rng.randint(1, 3))
    path.write_bytes(with_cards(good(rng), *[card(keyword, rng.choice(values)) for keyword in picked]))


@kind
def absurd_exposure(rng, path):
    values = [
        "-5.0",
        "1e300",
        "1E300",
        "1e400",
        "'ten'",
        "NaN",
        "T",
        "",
        "9" * 60,
        "0.0",
        "1e-300",
        "(1,2)",
        "'-'",
        "1 0",
        "10.0s",
    ]
    path.write_bytes(with_cards(good(rng), card(rng.choice(["EXPTIME", "EXPOSURE"]), rng.choice(values))))


@kind
def absurd_type(rng, path):
    values = [
        "'nonsense'",
        "7",
        "T",
        "''",
        "",
        "'dark",
        "'" + "x" * 67 + "'",
        "'<b>dark</b>'",
        "'bias'",
        "'flat'",
        "3.5e9",
        "dark",
    ]
    path.write_bytes(with_cards(good(rng), card("IMAGETYP", rng.choice(values))))


@kind
def missing_cards(rng, path):
    content = good(rng)
    end = header_end(content)
    cards = [content[at : at + 80] for at in range(0, end, 80)]
    kept = rng.sample(range(len(cards)), rng.randint(1, len(cards) - 1))
    head = b"".join([cards[index] for index in sorted(kept)] + [b"END".ljust(80)])
    path.write_bytes(head.ljust(-(-len(head) // BLOCK) * BLOCK) + content[-2 * BLOCK :])


@kind
def odd_cards(rng, path):
    cards = [
        b"CRPIX1  = 'abc'",
        b"CRPIX1  =                  NaN",
        b"CRPIX1A =                 1E99",
        b"LTV1    = T",
        b"CTYPE1  = 'RA---XYZ'",
        b"CD1_1   =                  0.0",
        b"BIASSEC = '[0:0,9:1]'",
        b"BIASSEC = 5",
        b"BUNIT   = 'Jy/beam'",
        b"BUNIT   = 3",
        b"BUNIT   = '\xb5V'",
        b"GAIN    = 'two'",
        b"CCD-TEMP=                1E300",
        b"XBINNING=                1E300",
        b"XBINNING= 'one'",
        b"COMBINED=                    T",
        b"NCOMBINE= 'x'",
        b"DCRECIPE= 'x'",
        b"CHECKSUM= 'x'",
        b"DATASUM = 12",
        b"SATURATE= 'x'",
        b"SATURATE=                  NaN",
        b"SATURATE=                 -1.0",
        b"low case=                    1",
        b"HIERARCH a b c = 1",
        b"HIERARCH",
        b"=",
        b"END     =",
        b"OBJECT  = 'it''s'' '' open",
        b"OBJECT  = 'long&'",
        b"RAWFILE = 'x&'",
        b"EXTEND  = 'x'",
        b"GROUPS  =                    T",
        b"PCOUNT  =                   -1",
        b"GCOUNT  =              9999999",
        b"SIMPLE  =                    F",
        b"XTENSION= 'IMAGE'",
        b"DATE-OBS= 'yesterday'",
        b"RADESYS = 'ICRS' ",
        b"MJD-OBS =                1E300",
        b"EQUINOX = 'x'",
        b"WCSAXES =                   99",
        b"A3DTABLE= T",
        b"\xff" * 80,
        b"'" * 80,
    ]
    path.write_bytes(with_cards(good(rng), *rng.sample(cards, rng.randint(1, 3))))


@kind
def saturated(rng, path):
    data = random_frame(1, SHAPE, 1200, "uint16")
    data[rng.choice([np.s_[:], np.s_[:, 25:], np.s_[3], np.s_[4, 5]])] = 65535
    write_raw(path, data, SATURATE=rng.choice([None, 60000, 65535.0]))


@kind
def other_shape(rng, path):
    shape = rng.choice([(20, 31), (21, 30), (1, 30), (20, 1), (1, 1), (2000, 30), (10, 15)])
    write_raw(path, random_frame(1, shape, 1200))


@kind
def other_dimensions(rng, path):
    write_raw(path, np.zeros(rng.choice([(3, 20, 30), (600,), (1, 20, 30), (1, 1, 1, 1)]), "int16"))


@kind
def many_hdus(rng, path):
    count = rng.choice([30, 300])
    primary = good(rng, "uint16")[: 2 * BLOCK] if rng.random() < 0.3 else b""
    empty = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU()]).writeto(empty)
    path.write_bytes((primary or empty.getvalue()[:BLOCK]) + empty.getvalue()[BLOCK:] * count)


@kind
def other_hdus(rng, path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "PJ()", array=np.array([[1, 2], [3]], object))])
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(stream)
    content = stream.getvalue() + good(rng)[: rng.choice([0, 800, BLOCK])]
    path.write_bytes(flipped(rng, content, 0, len(content)) if rng.random() < 0.7 else content)


@kind
def tiles(rng, path):
    content = good_tiles(rng, quantized=rng.random() < 0.3)
    start = rng.choice([0, BLOCK, len(content) - BLOCK])
    path = path.with_name(path.name + rng.choice(["", ".fz"]))
    path.write_bytes(flipped(rng, content, start, len(content), most=rng.choice([1, 5, 50])))
    return path


@kind
def tiles_cut(rng, path):
    content = good_tiles(rng)
    path.write_bytes(content[: rng.randrange(BLOCK, len(content))])


@kind
def tiles_cards(rng, path):
    content = good_tiles(rng)
    end = header_end(content)
    first = -(-(end + 80) // BLOCK) * BLOCK
    cards = [
        *[card(keyword, rng.choice([0, -1, 10**5, 2**31, 2**62])) for keyword in ("ZNAXIS1", "ZNAXIS2")],
        *[card(keyword, rng.choice([0, -1, 7, 10**6, 2**31, 2**62])) for keyword in ("ZTILE1", "ZTILE2")],
        *[
            card(keyword, rng.choice([0, -1, 7, 10**6, 2**31, 2**62]))
            for keyword in ("NAXIS1", "NAXIS2", "PCOUNT", "THEAP")
        ],
        card("ZBITPIX", rng.choice([8, 32, -32, -64, 5, "'x'"])),
        card("ZNAXIS", rng.choice([0, 1, 3, 99])),
        card(
            "ZCMPTYPE",
            rng.choice(["'RICE_1'", "'GZIP_1'", "'PLIO_1'", "'HCOMPRESS_1'", "'NOCOMPRESS'", "'evil'", "3"]),
        ),
        card("TFORM1", rng.choice(["'1PB(99)'", "'1QB(1)'", "'1J'", "'x'", "'1PE(5)'"])),
        card("ZNAME1", "'x'"),
        card("ZVAL1", rng.choice([0, -1, 31, 10**9])),
        card("ZVAL2", rng.choice([0, 1, 2, 3, 4, 8, 77])),
        card("ZIMAGE", "F"),
        card("TFIELDS", rng.choice([0, 2, 999])),
    ]
    picked = rng.sample(cards, rng.randint(1, 2))
    path.write_bytes(content[:first] + with_cards(content[first:], *picked))


def packed(rng, path, content):
    """Write compressed bytes under a name that says so, or not."""
    suffix, pack = rng.choice([(".gz", gzip.compress), (".bz2", bz2.compress)])
    path = path.with_name(path.name + rng.choice([suffix, suffix, ""]))
    return path, pack(content)


@kind
def packed_cut(rng, path):
    path, content = packed(rng, path, good(rng))
    path.write_bytes(content[: rng.randrange(len(content))])
    return path


@kind
def packed_bytes(rng, path):
    path, content = packed(rng, path, good(rng))
    path.write_bytes(flipped(rng, content, 0, len(content), most=3))
    return path


@kind
def packed_damage(rng, path):
    """A file damaged in another way, and packed."""
    inner = rng.choice(
        [
            header_cut,
            data_cut,
            header_bytes,
            header_text,
            huge_axes,
            wrong_axes,
            wrong_bitpix,
            endless_cards,
            odd_cards,
        ]
    )
    inner(rng, path)
    content = path.read_bytes()
    path.unlink()
    path, content = packed(rng, path, content)
    path.write_bytes(content)
    return path


@kind
def bomb(rng, path):
    """Bytes that grow a thousandfold: behind a good frame, as its data, as an endless header, as HDU after HDU."""
    suffix, pack = rng.choice([(".gz", gzip.compress), (".bz2", bz2.compress)])
    side = rng.choice([10_000, 30_000])
    empty = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU()]).writeto(empty)
    start, filler = rng.choice(
        [
            (good(rng, "uint16"), b"\0"),
            (with_cards(good(rng, "uint16"), card("NAXIS1", side), card("NAXIS2", side))[:BLOCK], b"\0"),
            (with_cards(good(rng, "uint16"), card("NAXIS", 3), card("NAXIS3", 10**6))[:BLOCK], b"\0"),
            (good(rng, "uint16")[:400], b" "),
            (good(rng, "uint16")[:400], b"COMMENT x".ljust(80)),
            (empty.getvalue()[:BLOCK], empty.getvalue()[BLOCK:]),
            (b"", b"\0"),
        ]
    )
    path = path.with_name(path.name + suffix)
    piece = pack(filler * ((1 << 25) // len(filler)))
    with path.open("wb") as stream:
        stream.write(pack(start))
        for _ in range(BOMB >> 25):
            stream.write(piece)
    return path


@kind
def odd_name(rng, path):
    names = [
        "ä 暗.fits",
        "\u202efits.exe.fits",
        "a\nb.fits",
        "a\x1b[2J.fits",
        "<img src=x onerror=alert(1)>.fits",
        "x" * 250 + ".fits",
    ]
    names += [
        os.fsdecode(b"\xff\xfe.fits"),
        "$\\frac{1}$.fits",
        "-rf.fits",
        "'; rm.fits",
        "%s{}.fits",
        "combined_bias.fits",
    ]
    path = path.with_name(rng.choice([name for name in names if "/" not in name]))
    path.write_bytes(good(rng))
    return path


# --- What becomes of each --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What became of one input: how it was damaged, ``'calibrated'``, ``'reported'`` or what went wrong, and how long it took."""

    number: int
    kind: str
    state: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def right(self):
        """Whether the promise was kept."""
        return self.state in ("calibrated", "reported")


def damaged_night(folder, seed, number):
    """Write the night of one input; return the damaged file and how it was damaged."""
    rng = random.Random(f"{seed} {number}")
    name = list(KINDS)[number % len(KINDS)]
    folder.mkdir(parents=True)
    for index in range(GOOD):
        write_raw(folder / f"good-{index}.fits", random_frame(index, SHAPE, 1200))
    path = folder / "damaged.fits"
    return KINDS[name](rng, path) or path, name


def expected_result(path):
    """Return what the recipe makes of a frame, without darkcal."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        raw = first_image(beginning(path))
        level = np.median(raw[:, 24:], axis=1, keepdims=True)
        return (raw[:, :24].astype(float) - level).astype("float32")


def beginning(path):
    """Return the first bytes of a file, unpacked: no good image here takes more."""
    with path.open("rb") as stream:
        opener = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}.get(stream.read(2), open)
    with opener(path, "rb") as stream:
        return stream.read(1 << 22)


def first_image(content):
    """Return the first image, read by astropy HDU after HDU and no further: it stumbles on what follows."""
    # astropy takes any GROUPS = T for random groups, the standard only one beside NAXIS1 = 0.
    stream = io.BytesIO(content.replace(b"GROUPS  =", b"GROUPX  ="))
    clean = io.BytesIO()
    fits.PrimaryHDU().writeto(clean)
    while True:
        start = stream.tell()
        hdu = fits.PrimaryHDU.readfrom(stream, do_not_scale_image_data=True)
        stop = stream.tell()
        if hdu.header.get("ZIMAGE") is True:
            return fits.open(io.BytesIO(clean.getvalue() + content[start:]))[1].data
        if hdu.is_image and len(hdu.shape) >= 2 and 0 not in hdu.shape and {*hdu.shape[:-2]} <= {1}:
            stream.seek(start)
            data = scaled(hdu) if is_scaled(hdu) else fits.PrimaryHDU.readfrom(stream).data
            return data.reshape(hdu.shape[-2:])
        stream.seek(stop)


def is_scaled(hdu):
    """Tell whether the numbers do not mean themselves, or unsigned integers kept in the usual way."""
    bits, zero = hdu.header["BITPIX"], hdu.header.get("BZERO", 0)
    usual = 0, *([1 << (bits - 1)] if bits > 8 else [-128] if bits == 8 else [])
    return zero not in usual or hdu.header.get("BSCALE", 1) != 1 or ("BLANK" in hdu.header and bits > 0)


def scaled(hdu):
    """Return what the numbers of an image mean, in double precision: section 4.4.2.5 of the standard."""
    values = hdu.data.astype(float) * hdu.header.get("BSCALE", 1) + hdu.header.get("BZERO", 0)
    if "BLANK" in hdu.header and hdu.data.dtype.kind != "f":
        values[hdu.data == hdu.header["BLANK"]] = np.nan
    return values


def judge(path, raw, out):
    """Calibrate and combine a night as a user would, and tell what became of the damaged file."""
    night = Night(raw)
    run = calibrate_darks(night, RECIPE, out, progress=False)
    combined = combine_darks(out)
    for index in range(GOOD):
        same = np.array_equal(
            fits.getdata(out / f"good-{index}.fits"), expected_result(raw / f"good-{index}.fits")
        )
        if not same:
            return "a good frame beside it is wrong", str(run)
    if not combined.results:
        return "nothing was combined", str(combined)
    result = out / result_name(path.name)
    if result in run.written:
        same = np.array_equal(fits.getdata(result), expected_result(path), equal_nan=True)
        return ("calibrated", "") if same else ("calibrated wrong", str(run))
    if reason := run.failed.get(path.name):
        return ("reported", reason) if _names(reason, path) else ("reported without its name", reason)
    if others := [note for note in run.notes if _names(note, path)]:
        return "reported", others[0]
    frame = next((frame for frame in night.frames if frame.path == path), None)
    if frame is not None and frame.info.type in ("bias", "flat", "science", "other"):
        return "reported", f"the night lists it as {frame.info.type}"
    return "neither calibrated nor reported", str(run)


def _names(reason, path):
    from darkcal_widgets.text import visible

    return visible(path.name) in reason


def work(pipe, folder, seed):
    """Judge inputs by their numbers, in a process whose memory is limited and in which a warning is an error."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    tqdm.tqdm.set_lock(threading.RLock())
    warnings.simplefilter("error")
    while (number := pipe.recv()) is not None:
        place = Path(folder) / str(number)
        path, kind_name = damaged_night(place / "raw", seed, number)
        pipe.send(kind_name)
        begun, said = time.monotonic(), io.StringIO()
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                state, detail = judge(path, place / "raw", place / "out")
        except BaseException as error:  # whatever escapes is what is looked for
            state, detail = "escaped", f"{type(error).__name__}: {error}"
        if said.getvalue() and state in ("calibrated", "reported"):
            state, detail = "printed", said.getvalue()
        pipe.send(Verdict(number, kind_name, state, detail, time.monotonic() - begun))
        shutil.rmtree(place)


class Judge:
    """A process that judges inputs one after the other, and is replaced when one ends it or takes too long."""

    def __init__(self, folder, seed):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["darkcal_widgets.run", "darkcal_widgets.combine", "ccdproc"])
        self._arguments = (folder, seed)
        self._start()

    def _start(self):
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(target=work, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()

    def verdict(self, number):
        """Return the `Verdict` on one input."""
        self._pipe.send(number)
        name = "not made"
        try:
            name = self._pipe.recv()
            if self._pipe.poll(SECONDS):
                return self._pipe.recv()
            state = "took too long"
        except EOFError:
            state = "ended the process"
        self._process.kill()
        self._process.join()
        detail = f"exit code {self._process.exitcode}"
        self._start()
        return Verdict(number, name, state, detail, SECONDS)

    def close(self):
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def verdicts(folder, numbers, seed, workers=2):
    """Yield the verdict on each input, by the work of a few processes at once."""
    from concurrent.futures import ThreadPoolExecutor
    from queue import SimpleQueue

    idle = SimpleQueue()
    judges = [Judge(folder, seed) for _ in range(workers)]
    for each in judges:
        idle.put(each)

    def one(number):
        judge = idle.get()
        try:
            return judge.verdict(number)
        finally:
            idle.put(judge)

    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(one, numbers)
    for each in judges:
        each.close()


def main():
    """Judge as many inputs as asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", help="only this way to damage")
    parser.add_argument("--verbose", action="store_true", help="print the reason given for each input")
    options = parser.parse_args()
    wanted = [list(KINDS).index(options.kind)] if options.kind else range(len(KINDS))
    numbers = [n for n in range(options.inputs) if n % len(KINDS) in wanted]
    with tempfile.TemporaryDirectory() as folder:
        found = list(verdicts(Path(folder), numbers, options.seed))
    if options.verbose:
        for each in found:
            print(f"{each.number} {each.kind}: {each.state}: {each.detail[:200]}")
    states, wrong = Counter(each.state for each in found), [each for each in found if not each.right]
    slowest = max(found, key=lambda each: each.seconds)
    print(
        f"{len(found)} damaged inputs of {len({each.kind for each in found})} kinds: {states['calibrated']} calibrated right, "
        f"{states['reported']} reported by name, {len(wrong)} otherwise.\n"
        f"Slowest: {slowest.seconds:.1f} s ({slowest.kind}); limits: {SECONDS} s and {MEMORY >> 30} GiB of memory each, "
        f"bombs that grow to {BOMB >> 30} GiB."
    )
    for (name, state), count in Counter((each.kind, each.state) for each in wrong).most_common():
        example = next(each for each in wrong if (each.kind, each.state) == (name, state))
        print(f"{count:4} {name}: {state}, input {example.number}: {example.detail[:300]}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
