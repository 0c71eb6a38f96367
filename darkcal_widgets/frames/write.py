"""Frames into files: all or nothing, band by band, with both FITS checksums. Not what stands in their headers.

Written by hand because a full-size frame takes astropy twice as long (20 ms against 10 ms for 4128 x 2080 pixels of float32 with
its checksums), and because astropy wants the whole image at once. Checksums follow appendix J of the FITS standard 4.0.
"""

import errno
import os
from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from ..files import ANYTHING, replacing
from ..parallel import BAND_BYTES, own_array
from .cards import CARD, END, STORAGE_KEYWORDS, Cards
from .guard import BLOCK

__all__ = ["Image", "sum_words", "with_checksum", "write_images"]

# What file systems answer that cannot reserve space.
_NO_RESERVING = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)

_NO_CHECKSUM = b"0" * 16
# Bytes that a checksum avoids, because they are neither letters nor digits.
_PUNCTUATION = frozenset(b":;<=>?@[\\]^_`")


@dataclass(frozen=True)
class Image:
    """An image that is written band by band.

    Attributes
    ----------
    header : Cards or `~astropy.io.fits.Header`
        Cards that cannot be written as standard FITS are kept as ``COMMENT``.
    shape : tuple of int
        (rows, columns).
    dtype : dtype
        float32 or float64.
    bands : iterable of ndarray
        Shape (some rows, columns) each, from the first row to the last.
    counts : callable, optional
        Called after the last band: returns the numbers of cards, by keyword, that are 0 in `header`.
    """

    header: fits.Header
    shape: tuple
    dtype: object
    bands: object
    counts: object = dict

    @classmethod
    def of(cls, data, header):
        """Make one of an array of shape (rows, columns), float32 or float64."""
        step = max(1, BAND_BYTES // (data.shape[1] * data.itemsize))
        bands = (data[start : start + step] for start in range(0, data.shape[0], step))
        return cls(header, data.shape, data.dtype, bands)

    @property
    def size(self):
        """Bytes of the pixels."""
        return self.shape[0] * self.shape[1] * np.dtype(self.dtype).itemsize


def write_images(path, images, primary=None, *, expected=ANYTHING):
    """Write one image, or several as extensions behind a primary header: all or nothing, the same arguments give the same bytes.

    Parameters
    ----------
    path : path-like
        Replaced if it is there.
    images : sequence of Image
    primary : `~astropy.io.fits.Header`, optional
        `None`: the only image is the primary HDU.
    expected : tuple or None, optional
        What may be replaced, see `~darkcal_widgets.files.replacing`.

    Raises
    ------
    FileExistsError, OutputError
        See `~darkcal_widgets.files.replacing`.
    """
    start = b"" if primary is None else with_checksum(_file_header(primary, None), 0)
    texts = [_file_header(image.header, image, is_extension=primary is not None) for image in images]
    sizes = [len(text) + image.size + -image.size % BLOCK for text, image in zip(texts, images, strict=True)]
    with replacing(path, expected=expected) as stream:
        _reserve(stream, len(start) + sum(sizes))
        stream.write(start)
        place = len(start)
        for image, text, size in zip(images, texts, sizes, strict=True):
            _write_image(stream, place, image, text)
            place += size


def _write_image(stream, place, image, text):
    """Write one HDU at a place in a file, its header at last."""
    stream.seek(place + len(text))
    dtype, total = np.dtype(image.dtype), 0
    for band in image.bands:
        native = np.ascontiguousarray(band, dtype)
        total += sum_words(native)
        stored = own_array("stored", native.shape, dtype.newbyteorder(">"))
        stored[...] = native
        stream.write(stored)
    stream.write(bytes(-image.size % BLOCK))
    stream.seek(place)
    for keyword, value in image.counts().items():
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


def datasum_of(bands):
    """Return the sum of words, modulo 2**32 - 1, that ``DATASUM`` states of an image.

    Parameters
    ----------
    bands : iterable of ndarray
        As stored, in big-endian byte order, 4 or 8 bytes to a value.
    """
    return sum(sum_words(band.view(">u4").astype(np.uint32)) for band in bands) % 0xFFFFFFFF


def is_whole_sum(total):
    """Tell whether the words of an HDU add up to what section J.1 of the FITS standard demands: all bits set."""
    return _fold(total) in (0, 0xFFFFFFFF)


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


def _file_header(header, image, *, is_extension=False):
    """Return the header of an HDU as bytes: how the image is stored, the frame's own cards, room for checksums.

    `image` may be `None`: there is none.
    """
    own = header if isinstance(header, Cards) else Cards.of(header)
    cards = [
        *(_primary_cards(image) if not is_extension else _extension_cards(image)),
        *own.without(STORAGE_KEYWORDS).texts(),
        f"CHECKSUM= '{0:016}'   / checksum of the HDU",
        f"DATASUM = '{0:010}'         / checksum of the image",
    ]
    text = "".join(f"{card:{CARD}}" for card in cards).encode("ascii") + END
    return text + b" " * (-len(text) % BLOCK)


def _primary_cards(image):
    yield f"SIMPLE  = {'T':>20} / conforms to FITS standard"
    if image is not None:
        yield from _image_cards(image)
        return
    yield f"BITPIX  = {8:>20} / array data type"
    yield f"NAXIS   = {0:>20} / number of array dimensions"
    yield f"EXTEND  = {'T':>20} / images are in extensions"


def _extension_cards(image):
    yield "XTENSION= 'IMAGE   '           / image extension"
    yield from _image_cards(image)
    yield f"PCOUNT  = {0:>20} / number of parameters"
    yield f"GCOUNT  = {1:>20} / number of groups"


def _image_cards(image):
    rows, columns = image.shape
    yield f"BITPIX  = {-8 * np.dtype(image.dtype).itemsize:>20} / array data type"
    yield f"NAXIS   = {2:>20} / number of array dimensions"
    yield f"NAXIS1  = {columns:>20}"
    yield f"NAXIS2  = {rows:>20}"


def _reserve(stream, size):
    """Reserve the space on the disk: a full disk is met before any work is done, and a third of the time of writing is saved."""
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        os.posix_fallocate(stream.fileno(), 0, size)
    except OSError as error:
        if error.errno not in _NO_RESERVING:
            raise


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
