"""Plain FITS files: bytes in, bytes out.

A file is *plain* when its primary HDU is one image of two dimensions, not compressed, whose numbers mean themselves, or are
unsigned integers kept in the usual way. What cameras write is nearly always plain, and then nothing has to be copied or
scaled to get at it. For any other file `read_layout` says `None`, and astropy reads it.

Everything here follows the FITS standard 4.0, its checksums appendix J.
"""

from dataclasses import dataclass
from operator import index
from pathlib import Path

import numpy as np

from ..errors import FrameError
from .bounded import LARGEST_IMAGE, LONGEST_HEADER
from .cards import CARD, END

__all__ = [
    "CARD",
    "FileRows",
    "Layout",
    "StoredImage",
    "padding",
    "read_layout",
    "sum_words",
    "with_checksum",
    "with_number",
]

_BLOCK = 2880
_START = b"SIMPLE  =                    T"
# Larger files are not read as a whole.
_LARGEST_FILE = LARGEST_IMAGE + LONGEST_HEADER
_NO_CHECKSUM = b"0" * 16
_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
# Bytes that a checksum avoids, because they are neither letters nor digits.
_PUNCTUATION = frozenset(b":;<=>?@[\\]^_`")


@dataclass(frozen=True)
class Layout:
    """Where a plain file has its image, and as what.

    Attributes
    ----------
    offset : int
        Bytes before the image.
    shape : tuple of int
        (rows, columns).
    stored : dtype
        Of the numbers in the file.
    unsigned : bool
        Whether they are unsigned integers with the sign bit flipped, as the standard's ``BZERO`` keeps them.
    """

    offset: int
    shape: tuple
    stored: np.dtype
    unsigned: bool = False

    @property
    def dtype(self):
        """Type of the values, in native byte order."""
        native = self.stored.newbyteorder("=")
        return np.dtype(f"u{native.itemsize}") if self.unsigned else native

    @property
    def size(self):
        """Bytes of the image."""
        return self.shape[0] * self.shape[1] * self.stored.itemsize

    def values(self, stored):
        """Return what numbers of the file mean: a new array in native byte order."""
        values = stored.astype(self.stored.newbyteorder("="), order="C")
        if self.unsigned:
            values ^= np.iinfo(values.dtype).min
        return values.view(self.dtype)


@dataclass(frozen=True)
class FileRows:
    """The rows of an image that stays in its file: ``rows[start:stop]`` reads them, as they are stored."""

    path: Path
    layout: Layout

    def __getitem__(self, rows):
        start, stop, _ = rows.indices(self.layout.shape[0])
        columns, stored = self.layout.shape[1], self.layout.stored
        numbers = np.empty((stop - start, columns), stored)
        try:
            with open(self.path, "rb") as stream:
                stream.seek(self.layout.offset + start * columns * stored.itemsize)
                whole = stream.readinto(numbers) == numbers.nbytes
        except OSError as error:
            raise FrameError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if not whole:
            raise FrameError(f"{self.path} has changed since its header was read; combine again.")
        return numbers


@dataclass(frozen=True)
class StoredImage:
    """An image as its file has it; ``image[rows, columns]``, two slices, gives the values there.

    Attributes
    ----------
    layout : Layout
    rows : ndarray or FileRows
        The numbers as stored: in memory, or still in the file.
    """

    layout: Layout
    rows: object

    @property
    def shape(self):
        """(rows, columns)."""
        return self.layout.shape

    @property
    def dtype(self):
        """Type of the values."""
        return self.layout.dtype

    def __getitem__(self, part):
        rows, columns = part
        return self.layout.values(self.rows[rows][:, columns])


def read_layout(stream):
    """Read the header of a FITS file.

    Parameters
    ----------
    stream : file
        Open for reading bytes, at its start.

    Returns
    -------
    header : bytes
        Cards up to END and the padding after it; what was looked at if the file is not plain.
    layout : Layout or None
        `None`: the file is not plain, or not whole.
    """
    header = stream.read(_BLOCK)
    if not header.startswith(_START):
        return header, None
    while not _ends(header):
        block = stream.read(_BLOCK)
        if len(block) < _BLOCK or len(header) >= LONGEST_HEADER:
            return header, None
        header += block
    layout = _layout(header)
    if layout is None or not layout.offset + _padded(layout.size) <= stream.seek(0, 2) <= _LARGEST_FILE:
        return header, None
    return header, layout


def padding(size):
    """Return the zeros that fill the last block of an image of so many bytes."""
    return bytes(_padded(size) - size)


def sum_words(words):
    """Add up 32-bit words without losing a carry.

    Parameters
    ----------
    words : bytes or ndarray
        Bytes as in the file; or values of 4 or 8 bytes each, in native byte order and contiguous.

    Returns
    -------
    int
        To be added to other sums.
    """
    if isinstance(words, bytes):
        return int(np.frombuffer(words, ">u4").sum(dtype=np.uint64))
    words = words.reshape(-1).view(np.uint32)
    return int(np.einsum("i->", words, dtype=np.uint64))  # quicker than sum


def with_number(header, keyword, value):
    """Enter a whole number into a header, where its card has 0 so far; the header stays as long as it is."""
    return header.replace(f"{keyword:8}= {0:>20}".encode(), f"{keyword:8}= {value:>20}".encode(), 1)


def with_checksum(header, datasum):
    """Enter the two checksums into a header.

    Parameters
    ----------
    header : bytes
        With ``CHECKSUM`` and ``DATASUM`` as strings of 16 and 10 zeros.
    datasum : int
        From `sum_words`, over the image.

    Returns
    -------
    bytes
        The header, as long as before.
    """
    folded = _fold(datasum)
    header = header.replace(b"DATASUM = '0000000000'", f"DATASUM = '{folded:<10}'".encode(), 1)
    total = _fold(sum_words(header) + folded)
    return header.replace(b"'" + _NO_CHECKSUM + b"'", b"'" + _encode(0xFFFFFFFF ^ total) + b"'", 1)


def _ends(header):
    """Tell whether the last block of a header holds the END card."""
    block = header[-_BLOCK:]
    return any(block[at : at + CARD] == END for at in range(0, _BLOCK, CARD))


def _layout(header):
    numbers = _storage_numbers(header)
    try:
        bits, axes = numbers["BITPIX"], numbers["NAXIS"]
        shape = numbers["NAXIS2"], numbers["NAXIS1"]
        scale, zero = numbers.get("BSCALE", 1), numbers.get("BZERO", 0)
        unsigned = bits in (16, 32, 64) and zero == 1 << (bits - 1)
        if (
            index(axes) != 2
            or min(map(index, shape)) < 1
            or scale != 1
            or (zero != 0 and not unsigned)
            or "BLANK" in numbers
        ):
            return None
        return Layout(len(header), shape, np.dtype(_TYPES[bits]), unsigned)
    except (KeyError, TypeError):  # a number that is not there, no number, or out of range
        return None


def _storage_numbers(header):
    """Return the cards on how the image is stored; a value that is no number is `None`."""
    numbers = {}
    for at in range(0, len(header), CARD):
        keyword = header[at : at + 8].decode("latin1").rstrip()
        if keyword in ("BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "BSCALE", "BZERO", "BLANK"):
            numbers.setdefault(keyword, _number(header[at + 8 : at + CARD]))
    return numbers


def _number(text):
    value = text.removeprefix(b"= ").partition(b"/")[0]
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None


def _padded(size):
    return -(-size // _BLOCK) * _BLOCK


def _fold(total):
    """Add the carries to the 32 bits they left: the ones' complement sum."""
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _encode(value):
    """Write 32 bits as 16 letters and digits whose words add up to them (section J.2 of the standard)."""
    quartets = [_quartet(byte) for byte in value.to_bytes(4, "big")]
    text = bytes(quartet[place] for place in range(4) for quartet in quartets)
    return text[-1:] + text[:-1]


def _quartet(byte):
    """Split a byte into four letters or digits that add up to it, each counted from the digit 0."""
    quarter, rest = divmod(byte, 4)
    quartet = [quarter + rest + 48, quarter + 48, quarter + 48, quarter + 48]
    while _PUNCTUATION & set(quartet):
        for one, other in ((0, 1), (2, 3)):
            if _PUNCTUATION & {quartet[one], quartet[other]}:
                quartet[one] += 1
                quartet[other] -= 1
    return quartet
