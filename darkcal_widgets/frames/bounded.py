"""Read FITS files of any kind, whole or damaged, within bounds of memory and time.

The HDUs are walked here, one header after the other, and nothing is read before its size is known and found sensible;
astropy only gets the bytes of the one image that is wanted, to scale or to uncompress. Left to itself it takes sizes as they
come, and warns where it should refuse.
"""

import bz2
import contextlib
import gzip
import os
import re
import stat
import struct
import zlib
from dataclasses import dataclass
from math import ceil, prod

import numpy as np
from astropy.io import fits

from ..errors import FrameError
from .cards import CARD, END, parse_cards

__all__ = [
    "LARGEST_FILE",
    "LARGEST_IMAGE",
    "LONGEST_HEADER",
    "MOST_HDUS",
    "named_failures",
    "open_file",
    "read_any",
    "read_any_header",
]

# Bytes of an image, as it is stored and as it is uncompressed: 32,768 columns and rows of 8 bits, 16,384 of 32.
LARGEST_IMAGE = 1 << 30
LARGEST_FILE = 2 * LARGEST_IMAGE
LONGEST_HEADER = 1000 * 2880  # bytes, for 36,000 cards
MOST_HDUS = 1000

_BLOCK = 2880
_CHUNK = 1 << 22
_DEPTHS = (8, 16, 32, 64, -32, -64)
_PACKED = {b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream), b"BZ": bz2.BZ2File}
# Not PLIO_1: it is for masks, and its decompressor reads beyond the end of damaged tiles.
_COMPRESSIONS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "NOCOMPRESS")
# What reading a file that is not what it seems can end in.
_READING_ERRORS = (
    OSError,
    EOFError,
    MemoryError,
    RuntimeError,  # a decompressor's
    ValueError,
    TypeError,
    AttributeError,  # astropy, of a table that lacks a column
    ArithmeticError,
    LookupError,
    struct.error,
    zlib.error,
    fits.VerifyError,
)


def read_any(path):
    """Read the first two-dimensional image of a FITS file, plain, scaled, in an extension or compressed.

    Parameters
    ----------
    path : path-like
        Opened for reading only.

    Returns
    -------
    header : `~astropy.io.fits.Header`
        Standard cards only, with those of the primary header.
    data : ndarray
        Shape (rows, columns), in native byte order.

    Raises
    ------
    FrameError
        The file is none, is damaged, holds no such image, or one that is larger than `LARGEST_IMAGE`.
    """
    with named_failures(path), open_file(path) as stream:
        image = _find_image(_Bytes(stream, path))
        data = image.data()
        return image.header(), data.astype(data.dtype.newbyteorder("="), copy=False)


def read_any_header(path):
    """Read the header of the image that `read_any` reads, and its shape (rows, columns).

    Raises
    ------
    FrameError
        As for `read_any`; that the data can be read is not promised.
    """
    with named_failures(path), open_file(path) as stream:
        image = _find_image(_Bytes(stream, path))
        image.check()
        return image.header(), image.shape


@contextlib.contextmanager
def open_file(path):
    """Open a regular file for reading bytes; anything else, such as a pipe, could keep its reader waiting for ever.

    Raises
    ------
    FrameError
        It is something else, or larger than `LARGEST_FILE`.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if os.path.isdir(path) else "no regular file"
        raise FrameError(f"{path} is {what}; expected a FITS file. Leave it out.")
    if status.st_size > LARGEST_FILE:
        raise FrameError(
            f"{path} has more than {LARGEST_FILE >> 30} GiB; leave it out, or extract the image."
        )
    with open(path, "rb") as stream:
        yield stream


@contextlib.contextmanager
def named_failures(path):
    """Turn what can happen while a damaged file is read into an error that names it.

    Raises
    ------
    FrameError
    """
    try:
        yield
    except FrameError:
        raise
    except _READING_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FrameError(
            f"{path} cannot be read as a FITS frame: {reason}. Look whether the file is whole; copy it again or leave it out."
        ) from error


class _Bytes:
    """The bytes of a file, unpacked if it is packed, read from the front; bounded, whatever they grow to."""

    def __init__(self, stream, path):
        unpack = _PACKED.get(stream.read(2))
        stream.seek(0)
        self.path = path
        self._stream = stream if unpack is None else unpack(stream)
        self._size = os.fstat(stream.fileno()).st_size if unpack is None else None
        self._left = LARGEST_IMAGE + 2 * LONGEST_HEADER

    def read(self, size):
        """Return the next bytes, fewer at the end."""
        self._take(size)
        return self._stream.read(size)

    def skip(self, size):
        """Pass over bytes."""
        if self._size is not None:
            self._stream.seek(size, os.SEEK_CUR)
            return
        while size > 0:
            step = min(size, _CHUNK)
            if len(self.read(step)) < step:
                return
            size -= step

    def finish(self):
        """Read a packed file to its end: only there is the checksum that tells whether all before it is right."""
        if self._size is None:
            while self.read(_CHUNK):
                pass

    @property
    def remaining(self):
        """How many bytes follow; `None` where only unpacking would tell."""
        return None if self._size is None else max(0, self._size - self._stream.tell())

    def _take(self, size):
        if self._size is None:
            self._left -= size
            if self._left < 0:
                raise FrameError(f"{self.path} unpacks to more than {LARGEST_IMAGE >> 20} MiB; leave it out.")


@dataclass(frozen=True)
class _Image:
    """An image that was found, with its bytes next to be read.

    Attributes
    ----------
    primary : `~astropy.io.fits.Header`
    cards : `~astropy.io.fits.Header`
        The image's own.
    is_primary : bool
    shape : tuple of int
        (rows, columns).
    size : int
        Bytes as stored.
    source : _Bytes
    """

    primary: fits.Header
    cards: fits.Header
    is_primary: bool
    shape: tuple
    size: int
    source: _Bytes

    @property
    def is_tiled(self):
        """Whether it is compressed in tiles, as in .fz files."""
        return _is_tiled(self.cards)

    def header(self):
        """Return the image's own cards and, where it has none of a keyword, those of the primary header."""
        header = self._opened(b"").header.copy() if self.is_tiled else self.cards.copy()
        if not self.is_primary:
            known = {"", *header} - {"COMMENT", "HISTORY"}
            for card in self.primary.cards:
                if card.keyword not in known:
                    header.append(card, end=True)
        return header

    def data(self):
        """Return the image as it is meant: scaled, uncompressed."""
        stored = self.source.read(self.size)
        if len(stored) < self.size:
            raise self._too_short(len(stored))
        self.source.finish()
        with np.errstate(
            all="ignore"
        ):  # absurd scales make infinities, and those are counted as pixels without a value
            return np.asarray(self._uncompressed(stored) if self.is_tiled else self._opened(stored).data)

    def _uncompressed(self, stored):
        try:
            return self._opened(stored).data
        except (
            Exception
        ) as error:  # that of the decompressor is a class of its own, which astropy does not export
            raise FrameError(
                f"{self.source.path} cannot be uncompressed: {str(error) or type(error).__name__}. Look whether the file is "
                "whole; copy it again or leave it out."
            ) from error

    def check(self):
        """Refuse an image that the file cannot hold, or whose numbers mean nothing."""
        if not self.is_tiled:
            _storage_cards(self.cards)
        remaining = self.source.remaining
        if remaining is not None and remaining < self.size:
            raise self._too_short(remaining)

    def _too_short(self, found):
        return FrameError(
            f"{self.source.path} is cut off: it has {found} of the {self.size} bytes of its image; copy it again or leave it out."
        )

    def _opened(self, stored):
        cards = self.cards if self.is_tiled else _storage_cards(self.cards)
        text = cards.tostring(endcard=False, padding=False).encode("ascii") + END
        content = text + b" " * (-len(text) % _BLOCK) + stored
        if self.is_tiled:
            return fits.CompImageHDU(bintable=fits.BinTableHDU.fromstring(content))
        return fits.PrimaryHDU.fromstring(content)


def _find_image(source):
    primary, found = None, []
    while len(found) < MOST_HDUS and (text := _header_text(source, is_first=primary is None)):
        cards = parse_cards(text, source.path)
        axes, size = _axes(cards, source.path), _size(cards, source.path)
        is_primary = primary is None
        primary = cards if is_primary else primary
        shape = _image_shape(cards, axes, source.path)
        if shape is not None:
            _check_size(size, source.path)
            return _Image(primary, cards, is_primary, shape, size, source)
        found.append(" x ".join(map(str, axes)) or "no data")
        source.skip(size + -size % _BLOCK)
    listed = ", ".join(found[:10]) + (", ..." if len(found) > 10 else "")
    raise FrameError(
        f"{source.path} holds no two-dimensional image: its HDUs hold {listed}. Leave it out, or extract the image."
    )


def _header_text(source, is_first):
    """Return the cards of the next HDU; nothing where there is none."""
    blocks = [source.read(_BLOCK)]
    if not blocks[0].startswith(b"SIMPLE  =" if is_first else b"XTENSION="):
        if is_first:
            what = "is empty" if not blocks[0] else "does not begin with SIMPLE = T, as every FITS file does"
            raise FrameError(f"{source.path} {what}; leave it out.")
        return b""
    while not _ends(blocks[-1]):
        blocks.append(source.read(_BLOCK))
        if not blocks[-1]:
            raise FrameError(
                f"{source.path} is cut off in its header: there is no END card; copy it again or leave it out."
            )
        if len(blocks) * _BLOCK > LONGEST_HEADER:
            raise FrameError(
                f"{source.path} has a header of more than {LONGEST_HEADER // CARD} cards; leave it out."
            )
    return b"".join(blocks)


def _ends(block):
    return any(block[at : at + CARD] == END for at in range(0, len(block), CARD))


def _axes(cards, path):
    if cards.get("SIMPLE", True) is not True:
        raise FrameError(
            f"{path} says of itself that it is no standard FITS file (SIMPLE is not T); leave it out."
        )
    return [
        _whole(cards, f"NAXIS{axis}", path) for axis in range(1, 1 + _whole(cards, "NAXIS", path, most=999))
    ]


def _size(cards, path):
    """Return how many bytes the data of an HDU take, section 4.4.1.2 of the standard."""
    bits = cards.get("BITPIX")
    if bits not in _DEPTHS:
        raise FrameError(
            f"{path}: BITPIX is {bits!r}, expected one of {', '.join(map(str, _DEPTHS))}; leave it out."
        )
    axes = _axes(cards, path)
    if not axes:
        return 0
    groups, extra = _whole(cards, "GCOUNT", path, default=1), _whole(cards, "PCOUNT", path, default=0)
    return abs(bits) // 8 * groups * (extra + prod(axes))


def _image_shape(cards, axes, path):
    """Return (rows, columns) of a two-dimensional image; `None`: the HDU holds none."""
    if _is_tiled(cards):
        axes = [
            _whole(cards, f"ZNAXIS{axis}", path)
            for axis in range(1, 1 + _whole(cards, "ZNAXIS", path, most=999))
        ]
        if len(axes) == 2 and all(axes):
            _check_tiles(cards, axes, path)
    elif cards.get("XTENSION", "IMAGE").strip() != "IMAGE":
        return None
    return tuple(reversed(axes)) if len(axes) == 2 and all(axes) else None


def _is_tiled(cards):
    return cards.get("ZIMAGE") is True and cards.get("XTENSION") == "BINTABLE"


def _check_tiles(cards, axes, path):
    bits, how = cards.get("ZBITPIX"), cards.get("ZCMPTYPE")
    if bits not in _DEPTHS or how not in _COMPRESSIONS or cards.get("ZTENSION", "IMAGE") != "IMAGE":
        raise FrameError(
            f"{path} is compressed in a way that is unknown (ZBITPIX {bits!r}, ZCMPTYPE {how!r}); leave it out."
        )
    _check_size(abs(bits) // 8 * prod(axes), path)
    tile = [_whole(cards, f"ZTILE{axis}", path, default=default) for axis, default in ((1, axes[0]), (2, 1))]
    if not all(tile):
        raise FrameError(f"{path} is compressed in tiles of {tile[0]} x {tile[1]}; leave it out.")
    _check_size(abs(bits) // 8 * prod(tile), path)
    expected = prod(ceil(whole / part) for part, whole in zip(tile, axes, strict=True))
    if not re.fullmatch(r"1?[PQ]B(\(\d*\))?", str(cards.get(_column_of_tiles(cards), "")).strip()):
        raise FrameError(f"{path} is compressed, but has no column of bytes COMPRESSED_DATA; leave it out.")
    if cards.get("NAXIS2") != expected:
        raise FrameError(
            f"{path} has {cards.get('NAXIS2')} compressed tiles, expected {expected}; leave it out."
        )


def _column_of_tiles(cards):
    """Return the keyword of the format of the column that holds the tiles."""
    named = (key for key in cards if key.startswith("TTYPE") and cards[key] == "COMPRESSED_DATA")
    return next(named, "TTYPE").replace("TTYPE", "TFORM")


def _check_size(size, path):
    if size > LARGEST_IMAGE:
        raise FrameError(
            f"{path} says that its image takes {size} bytes; more than {LARGEST_IMAGE} (1 GiB) are not read. "
            "Look whether its header is damaged; leave it out."
        )


def _whole(cards, keyword, path, *, default=None, most=None):
    """Return a whole number that is not negative."""
    value = cards.get(keyword, default)
    if type(value) is not int or value < 0 or (most is not None and value > most):
        raise FrameError(f"{path}: {keyword} is {value!r}, expected a whole number; leave it out.")
    return value


def _storage_cards(cards):
    """Return the cards that say what the numbers of an image mean."""
    storage = fits.Header([("SIMPLE", True), ("BITPIX", cards["BITPIX"]), ("NAXIS", 2)])
    storage["NAXIS1"], storage["NAXIS2"] = cards["NAXIS1"], cards["NAXIS2"]
    for keyword in ("BSCALE", "BZERO", "BLANK"):
        if keyword in cards:
            value = cards[keyword]
            if type(value) not in (int, float) or (keyword == "BLANK" and type(value) is not int):
                raise ValueError(f"{keyword} is {value!r}, expected a number")
            if keyword != "BLANK" or cards["BITPIX"] > 0:
                storage[keyword] = value
    return storage
