"""Frames into files: all or nothing, band by band, with both FITS checksums. Not what stands in their headers.

Written by hand because a full-size frame takes astropy twice as long (20 ms against 10 ms for 4128 x 2080 pixels of float32 with
its checksums), and because astropy wants the whole image at once. Checksums follow appendix J of the FITS standard 4.0.
"""

import errno
import os

import numpy as np
from astropy.io import fits

from ..files import replacing
from ..parallel import BAND_BYTES, own_array
from .cards import CARD, END
from .guard import BLOCK

__all__ = ["STORAGE_KEYWORDS", "sum_words", "with_checksum", "write_bands", "write_frame"]

# Cards that describe how a file stores its data; a frame in memory does not have them.
STORAGE_KEYWORDS = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "INHERIT",
    "BZERO", "BSCALE", "BLANK", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM",
)  # fmt: skip

# What file systems answer that cannot reserve space.
_NO_RESERVING = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

_NO_CHECKSUM = b"0" * 16
# Bytes that a checksum avoids, because they are neither letters nor digits.
_PUNCTUATION = frozenset(b":;<=>?@[\\]^_`")


def write_frame(path, data, header, *, new=False):
    """Write an image all or nothing, with ``CHECKSUM`` and ``DATASUM``; the same arguments give the same bytes.

    Parameters
    ----------
    path : path-like
        Replaced if it is there.
    data : ndarray
        Shape (rows, columns), float32 or float64.
    header : `~astropy.io.fits.Header`
        Cards that cannot be written as standard FITS are kept as ``COMMENT``.
    new : bool
        See `write_bands`.

    Raises
    ------
    FileExistsError, OutputError
        See `write_bands`.
    """
    band = max(1, BAND_BYTES // (data.shape[1] * data.itemsize))
    bands = (data[start : start + band] for start in range(0, data.shape[0], band))
    write_bands(path, bands, data.shape, data.dtype, header, new=new)


def write_bands(path, bands, shape, dtype, header, *, counts=None, new=False):
    """Write an image that comes in bands of rows, as `write_frame` does.

    Parameters
    ----------
    path : path-like
    bands : iterable of ndarray
        Shape (some rows, columns) each, from the first row to the last.
    shape : tuple of int
        (rows, columns) of the whole image.
    dtype : dtype
        float32 or float64.
    header : `~astropy.io.fits.Header`
    counts : callable, optional
        Called after the last band: returns the numbers of cards, by keyword, that are 0 in `header`.
    new : bool
        Refuse to replace a file.

    Raises
    ------
    FileExistsError
        `new` is true and there is a file by now.
    OutputError
        The file cannot be written.
    """
    dtype = np.dtype(dtype)
    text, size = _file_header(header, shape, dtype), shape[0] * shape[1] * dtype.itemsize
    padding = bytes(-size % BLOCK)
    with replacing(path, new=new) as stream:
        _reserve(stream, len(text) + size + len(padding))
        stream.seek(len(text))
        total = 0
        for band in bands:
            native = np.ascontiguousarray(band, dtype)
            total += sum_words(native)
            stored = own_array("stored", native.shape, dtype.newbyteorder(">"))
            stored[...] = native
            stream.write(stored)
        stream.write(padding)
        stream.seek(0)
        for keyword, value in ({} if counts is None else counts()).items():
            text = _with_number(text, keyword, value)
        stream.write(with_checksum(text, total))


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


def _with_number(header, keyword, value):
    """Enter a number into a header whose card has 0; the header stays as long as it is."""
    number = str(value).upper()  # of a floating one, the exponent
    return header.replace(f"{keyword:8}= {0:>20}".encode(), f"{keyword:8}= {number:>20}".encode(), 1)


def _file_header(header, shape, dtype):
    """Return the header of a file as bytes: how the image is stored, the frame's own cards, room for checksums."""
    rows, columns = shape
    own = (card for card in header.cards if card.keyword not in STORAGE_KEYWORDS)
    cards = [
        f"SIMPLE  = {'T':>20} / conforms to FITS standard",
        f"BITPIX  = {-8 * dtype.itemsize:>20} / array data type",
        f"NAXIS   = {2:>20} / number of array dimensions",
        f"NAXIS1  = {columns:>20}",
        f"NAXIS2  = {rows:>20}",
        *map(_standard, own),
        f"CHECKSUM= '{0:016}'   / checksum of the file",
        f"DATASUM = '{0:010}'         / checksum of the image",
    ]
    text = "".join(f"{card:{CARD}}" for card in cards).encode("ascii") + END
    return text + b" " * (-len(text) % BLOCK)


def _reserve(stream, size):
    """Reserve the space on the disk: a full disk is met before any work is done, and a third of the time of writing is saved."""
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        os.posix_fallocate(stream.fileno(), 0, size)
    except OSError as error:
        if error.errno not in _NO_RESERVING:
            raise


def _standard(card):
    """Return a card in standard form; one that cannot be understood becomes a comment, so that nothing is lost."""
    try:
        card.verify("silentfix+exception")
        return card.image
    except (fits.VerifyError, ValueError):
        comment = fits.Header()
        comment.add_comment(f"card that is not standard FITS: {card.rawkeyword} {card.rawvalue}")
        return "".join(map(str, comment.cards))


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
