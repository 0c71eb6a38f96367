"""The walk over the HDUs of a FITS file of any kind, whole or damaged, within bounds of memory and time. No pixels here.

Left to itself astropy takes the sizes in a header as they come, and warns where it should refuse; so nothing is read before its
size is known and found sensible.
"""

import bz2
import contextlib
import gzip
import os
import re
import stat
import zlib
from dataclasses import dataclass
from math import ceil, prod

from ..errors import FrameError
from .cards import CARD, END, Cards

__all__ = [
    "BLOCK",
    "LARGEST_FILE",
    "LARGEST_IMAGE",
    "LONGEST_HEADER",
    "MOST_HDUS",
    "Hdu",
    "Source",
    "open_file",
    "walk",
]

# Bytes of an image, as it is stored and as it is uncompressed: 32,768 columns and rows of 8 bits, 16,384 of 32.
LARGEST_IMAGE = 1 << 30
LARGEST_FILE = 2 * LARGEST_IMAGE
LONGEST_HEADER = 1000 * 2880  # bytes, for 36,000 cards
MOST_HDUS = 1000

# A packed file that grows to more than so many times its size, and to more than so many bytes, is not one of an image.
_MOST_RATIO = 200
_ALWAYS_UNPACKED = 1 << 26

BLOCK = 2880
_CHUNK = 1 << 22
_DEPTHS = (8, 16, 32, 64, -32, -64)
_GZIP = b"\x1f\x8b"
_PACKED = {_GZIP: lambda stream: gzip.GzipFile(fileobj=stream), b"BZ": bz2.BZ2File}
# Not PLIO_1: it is for masks, and its decompressor reads beyond the end of damaged tiles.
_COMPRESSIONS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "NOCOMPRESS")
# What the system and the decompressors answer. A mistake of our own is none of these, and is not blamed on the file.
_READING_ERRORS = (OSError, EOFError, MemoryError, zlib.error)


@contextlib.contextmanager
def open_file(path):
    """Open a regular file for reading bytes; anything else, such as a pipe, could keep its reader waiting for ever.

    Raises
    ------
    FrameError
        It is something else, or larger than `LARGEST_FILE`; or it is damaged, and cannot be read while it is open.
    """
    try:
        _check_file(path, os.stat(path))
        with open(path, "rb") as stream:
            yield stream
    except _READING_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FrameError(
            f"{path} cannot be read as a FITS frame: {reason}. Check whether the file is complete; copy it again or leave it out."
        ) from error


def _check_file(path, status):
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise FrameError(f"{path} is {what}; expected a FITS file. Leave it out.")
    if status.st_size > LARGEST_FILE:
        raise FrameError(
            f"{path} has more than {LARGEST_FILE >> 30} GiB; leave it out, or extract the image."
        )


class Source:
    """The bytes of a file, unpacked if it is packed (gzip, bzip2), read from the front; bounded, whatever they grow to.

    Parameters
    ----------
    stream : file
        Open for reading bytes, at its start.
    size : int
        Bytes in it.
    path : path-like
        For messages.

    Attributes
    ----------
    position : int
        How many bytes, after unpacking, have been read or skipped.
    is_packed : bool
    claimed_size : int or None
        How many bytes there are after unpacking, modulo 2**32, as a gzip file says at its end; `None`: only unpacking tells.
    """

    def __init__(self, stream, size, path):
        start = stream.read(2)
        unpack = _PACKED.get(start)
        self.claimed_size = _gzip_size(stream, size) if start == _GZIP else None
        stream.seek(0)
        self.path, self.position, self.is_packed = path, 0, unpack is not None
        self._stream = stream if unpack is None else unpack(stream)
        self._size = None if self.is_packed else size
        self._most = min(LARGEST_IMAGE + 2 * LONGEST_HEADER, max(_ALWAYS_UNPACKED, _MOST_RATIO * size))
        self._check_size(self.claimed_size or 0)

    @classmethod
    def of(cls, stream, path):
        """Make one of a file that was opened by `open_file`."""
        return cls(stream, os.fstat(stream.fileno()).st_size, path)

    def read(self, size):
        """Return the next bytes, fewer at the end."""
        self._advance(size)
        return self._stream.read(size)

    def skip(self, size):
        """Pass over bytes."""
        if not self.is_packed:
            # Not beyond the end: a damaged header may promise more than any file can have.
            self._stream.seek(min(size, self.remaining), os.SEEK_CUR)
            self.position += size
            return
        while size > 0:
            step = min(size, _CHUNK)
            if len(self.read(step)) < step:
                return
            size -= step

    def finish(self):
        """Read a packed file to its end: only there is the checksum that tells whether everything before it is right."""
        while self.is_packed and self.read(_CHUNK):
            pass

    @property
    def remaining(self):
        """How many bytes follow; `None` where only unpacking would tell."""
        return None if self._size is None else max(0, self._size - self.position)

    def _advance(self, size):
        self.position += size
        if self.is_packed:
            self._check_size(self.position)

    def _check_size(self, size):
        if size > self._most:
            raise FrameError(
                f"{self.path} unpacks to more than {self._most >> 20} MiB, more than an image does; leave it out, or unpack it."
            )


@dataclass(frozen=True, eq=False)
class Hdu:
    """One header of a FITS file and where its data lie; every size in it is known to be sensible.

    Attributes
    ----------
    number : int
        0: the primary one.
    text : bytes
        Its header.
    cards : Cards
    axes : tuple of int
        ``NAXIS1``, ``NAXIS2``, ...; of the image where it is compressed in tiles.
    name : str
        ``EXTNAME``; empty if there is none.
    offset : int
        Bytes of the file before the data.
    size : int
        Bytes of the data, without the padding behind them.
    path : path-like
        The file, for messages.
    """

    number: int
    text: bytes
    cards: Cards
    axes: tuple
    name: str
    offset: int
    size: int
    path: object

    @property
    def is_tiled(self):
        """Whether it is an image compressed in tiles, as in .fz files."""
        return _is_tiled(self.cards)

    @property
    def shape(self):
        """(rows, columns) of an image of two dimensions, or of one plane; `None`: the HDU does not hold one."""
        is_image = self.is_tiled or self.cards.get("XTENSION", "IMAGE") == "IMAGE"
        return self.axes[1::-1] if is_image and _is_plane(self.axes) else None

    @property
    def end(self):
        """Bytes of the file up to the end of the data and their padding."""
        return self.offset + self.size + -self.size % BLOCK

    def check_whole(self, remaining):
        """Refuse data of which the file has fewer bytes than there should be; `None`: it is not known how many."""
        if remaining is not None and remaining < self.size:
            raise FrameError(
                f"{self.path} is cut off: it has {remaining} of the {self.size} bytes of its image; copy it again or leave it "
                "out."
            )


def _gzip_size(stream, size):
    stream.seek(max(0, size - 4))
    return int.from_bytes(stream.read(4), "little")


def walk(source):
    """Yield the HDUs of a file, each when the source stands at its data.

    Parameters
    ----------
    source : Source

    Raises
    ------
    FrameError
        A header is damaged, or promises more than is read.
    """
    for number in range(MOST_HDUS):
        text = _header_text(source, is_first=number == 0)
        if not text:
            return
        hdu = _hdu(number, text, source)
        yield hdu
        source.skip(hdu.end - source.position)


def _hdu(number, text, source):
    path = source.path
    cards = Cards(text, path)
    if cards.get("SIMPLE", True) is not True:
        raise FrameError(f"{path} says that it is not a standard FITS file (SIMPLE is not T); leave it out.")
    axes, size = _axes(cards, "NAXIS", path), _size(cards, path)
    if _is_tiled(cards):
        axes = _axes(cards, "ZNAXIS", path)
        if _is_plane(axes):
            _check_tiles(cards, axes, path)
    name = str(cards.get("EXTNAME") or "").strip()
    hdu = Hdu(number, text, cards, tuple(axes), name, source.position, size, path)
    if hdu.shape is not None:
        _check_size(size, path)
    return hdu


def _header_text(source, is_first):
    """Return the cards of the next HDU; nothing where there is none."""
    blocks = [source.read(BLOCK)]
    if not blocks[0].startswith(b"SIMPLE  =" if is_first else b"XTENSION="):
        if is_first:
            what = "is empty" if not blocks[0] else "does not begin with SIMPLE = T, as every FITS file does"
            raise FrameError(f"{source.path} {what}; leave it out.")
        return b""
    while not _ends(blocks[-1]):
        blocks.append(source.read(BLOCK))
        if not blocks[-1]:
            raise FrameError(
                f"{source.path} is cut off in its header: there is no END card; copy it again or leave it out."
            )
        if len(blocks) * BLOCK > LONGEST_HEADER:
            raise FrameError(
                f"{source.path} has a header of more than {LONGEST_HEADER // CARD} cards; leave it out."
            )
    return b"".join(blocks)


def _ends(block):
    return any(block[at : at + CARD] == END for at in range(0, len(block), CARD))


def _axes(cards, stem, path):
    return [
        _whole(cards, f"{stem}{axis}", path) for axis in range(1, 1 + _whole(cards, stem, path, most=999))
    ]


def _size(cards, path):
    """Return how many bytes the data of an HDU take, section 4.4.1.2 of the standard."""
    bits = cards.get("BITPIX")
    if bits not in _DEPTHS:
        raise FrameError(
            f"{path}: BITPIX is {bits!r}, expected one of {', '.join(map(str, _DEPTHS))}; leave it out."
        )
    axes = _axes(cards, "NAXIS", path)
    if not axes:
        return 0
    groups, extra = _whole(cards, "GCOUNT", path, default=1), _whole(cards, "PCOUNT", path, default=0)
    return abs(bits) // 8 * groups * (extra + prod(axes))


def _is_plane(axes):
    return len(axes) >= 2 and all(axes) and set(axes[2:]) <= {1}


def _is_tiled(cards):
    return cards.get("ZIMAGE") is True and cards.get("XTENSION") == "BINTABLE"


def _check_tiles(cards, axes, path):
    bits, how = cards.get("ZBITPIX"), cards.get("ZCMPTYPE")
    if bits not in _DEPTHS or how not in _COMPRESSIONS or cards.get("ZTENSION", "IMAGE") != "IMAGE":
        raise FrameError(
            f"{path} is compressed in an unknown way (ZBITPIX {bits!r}, ZCMPTYPE {how!r}); leave it out."
        )
    _check_size(abs(bits) // 8 * prod(axes), path)
    defaults = [axes[0], *(1 for _ in axes[1:])]
    tile = [_whole(cards, f"ZTILE{axis}", path, default=length) for axis, length in enumerate(defaults, 1)]
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
            "Check whether its header is damaged; leave it out."
        )


def _whole(cards, keyword, path, *, default=None, most=None):
    """Return a whole number that is not negative."""
    value = cards.get(keyword, default)
    if type(value) is not int or value < 0 or (most is not None and value > most):
        raise FrameError(f"{path}: {keyword} is {value!r}, expected a whole number; leave it out.")
    return value
