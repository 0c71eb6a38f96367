"""Read one raw frame; write one calibrated frame."""

import contextlib
import errno
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from ..errors import FrameError, ParameterError
from ..files import checksum, checksum_of, replacing
from ..memory import BAND_BYTES, own_array
from .bounded import named_failures, open_file, read_any, read_any_header
from .cards import CARD, END, parse_cards
from .headers import KEYWORDS, describe, unit_of
from .plain import FileRows, Layout, StoredImage, padding, read_layout, sum_words, with_checksum, with_number

__all__ = [
    "Raw",
    "open_image",
    "read_frame",
    "read_header",
    "read_info",
    "read_raw",
    "read_rows",
    "write_bands",
    "write_frame",
]

# Cards that describe how a file stores its data; a frame in memory does not have them.
_STORAGE_KEYWORDS = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "INHERIT",
    "BZERO", "BSCALE", "BLANK", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM",
)  # fmt: skip

_DESCRIBED = frozenset(f"{keyword:<8}".encode() for keyword in KEYWORDS)

# What file systems answer that cannot reserve space.
_NO_RESERVING = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class Raw:
    """A raw frame that was read once, not yet converted.

    Attributes
    ----------
    image : ndarray or StoredImage
        ``image[rows, columns]``, two slices, gives the values there.
    header : `~astropy.io.fits.Header`
        As `read_frame` gives it.
    unit : str
        ``'adu'`` or ``'electron'``.
    checksum : str
        Of the file's bytes, see `~darkcal_widgets.files.checksum`.
    """

    image: object
    header: fits.Header
    unit: str
    checksum: str

    @property
    def shape(self):
        """(rows, columns)."""
        return self.image.shape

    @property
    def data(self):
        """The whole image as an array; converted each time, unless `image` is one."""
        return self.image[:, :]


def read_frame(path, unit="adu"):
    """Read the first two-dimensional image of a FITS file.

    Parameters
    ----------
    path : path-like
        ``.fits``, ``.fit`` or ``.fts``, plain or compressed as ``.gz``, ``.bz2`` or ``.fz``. It is opened for reading only.
    unit : str
        Used where the header has no ``BUNIT``.

    Returns
    -------
    CCDData
        Data of shape (rows, columns) in the type that the file holds, unsigned integers as such, in native byte order;
        the header with the cards of the primary one, without those on how the file stores its data.

    Raises
    ------
    FrameError
        The file is not there, is no FITS file, is damaged, or holds no two-dimensional image.
    """
    from astropy.nddata import CCDData  # slow to import, and few need it

    header, layout = _plain_header(path)
    if layout is None:
        header, data = _read_any(path)
    else:
        data = StoredImage(layout, FileRows(path, layout))[:, :]
    return CCDData(data, unit=_unit(header, path) or unit, header=header)


def read_raw(path, unit="adu", *, borrowed=False):
    """Read a raw frame and the checksum of its file in one go, as quickly as the disk allows.

    Parameters
    ----------
    path, unit
        As in `read_frame`.
    borrowed : bool
        The image may lie in memory that this thread's next borrowed one is read into: half of the time of reading is spent on
        new memory.

    Returns
    -------
    Raw

    Raises
    ------
    FrameError
        As in `read_frame`.
    """
    with named_failures(path), open_file(path) as stream:
        text, layout = read_layout(stream)
        content = None if layout is None else _whole(stream, layout, borrowed)
    if layout is None:
        header, image = _read_any(path)
        content_sum = checksum(path)
    else:
        header = _without_storage(parse_cards(text, path))
        rows = content[layout.offset :][: layout.size].view(layout.stored)
        image = StoredImage(layout, rows.reshape(layout.shape))
        content_sum = checksum_of(content)
    return Raw(image, header, _unit(header, path) or unit, content_sum)


def open_image(path, scratch):
    """Open the image of a FITS file to read bands of its rows.

    Parameters
    ----------
    path : path-like
        As in `read_frame`.
    scratch : Path
        A folder; what cannot be read in bands, because it is compressed or scaled, is unpacked into a file there.

    Returns
    -------
    StoredImage
        ``image[rows, columns]``, two slices, reads the values there.

    Raises
    ------
    FrameError
        As in `read_frame`.
    """
    _, layout = _plain_header(path)
    if layout is None:
        _, data = _read_any(path)
        path = Path(scratch) / f"{len(os.listdir(scratch))}.unpacked"
        data.tofile(path)
        layout = Layout(0, data.shape, data.dtype)
    return StoredImage(layout, FileRows(path, layout))


def read_info(path, image_types=None):
    """Read what the header of a FITS file says of its first two-dimensional image, without reading the image.

    Parameters
    ----------
    path : path-like
        As in `read_frame`.
    image_types : mapping, optional
        See `~darkcal_widgets.frames.headers.describe`.

    Returns
    -------
    FrameInfo

    Raises
    ------
    FrameError
        As in `read_frame`.
    """
    with named_failures(path), open_file(path) as stream:
        content, layout = read_layout(stream)
    if layout is None:
        header, shape = read_any_header(path)
    else:
        header, shape = _described_cards(content, path), layout.shape
    return _describe(header, shape, path, image_types)


def read_header(path):
    """Read the header of the first two-dimensional image of a FITS file, as `read_frame` gives it, and its shape.

    Returns
    -------
    header : `~astropy.io.fits.Header`
    shape : tuple of int
        (rows, columns).

    Raises
    ------
    FrameError
        As in `read_frame`.
    """
    header, layout = _plain_header(path)
    if layout is not None:
        return header, layout.shape
    header, shape = read_any_header(path)
    return _without_storage(header), shape


def read_rows(path, rows):
    """Read some rows of the first two-dimensional image of a FITS file.

    Parameters
    ----------
    path : path-like
    rows : slice

    Returns
    -------
    ndarray
        Shape (rows selected, columns).

    Raises
    ------
    FrameError
        As in `read_frame`.
    """
    _, layout = _plain_header(path)
    if layout is None:
        return _read_any(path)[1][rows]
    return StoredImage(layout, FileRows(path, layout))[rows, :]


def write_frame(path, data, header):
    """Write an image all or nothing, with ``CHECKSUM`` and ``DATASUM``; the same arguments give the same bytes.

    Parameters
    ----------
    path : path-like
        Replaced if it is there.
    data : ndarray
        Shape (rows, columns), float32 or float64.
    header : `~astropy.io.fits.Header`
        Cards that cannot be written as standard FITS are kept as ``COMMENT``.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    band = max(1, BAND_BYTES // (data.shape[1] * data.itemsize))
    bands = (data[start : start + band] for start in range(0, data.shape[0], band))
    write_bands(path, bands, data.shape, data.dtype, header)


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
    text = _file_header(header, shape, dtype)
    fill = padding(shape[0] * shape[1] * dtype.itemsize)
    with replacing(path, new=new) as stream:
        _reserve(stream, len(text) + shape[0] * shape[1] * dtype.itemsize + len(fill))
        stream.seek(len(text))
        total = 0
        for band in bands:
            native = np.ascontiguousarray(band, dtype)
            total += sum_words(native)
            stored = own_array("stored", native.shape, dtype.newbyteorder(">"))
            stored[...] = native
            stream.write(stored)
        stream.write(fill)
        stream.seek(0)
        for keyword, value in ({} if counts is None else counts()).items():
            text = with_number(text, keyword, value)
        stream.write(with_checksum(text, total))


def _whole(stream, layout, borrowed):
    """Read a whole file, into memory of this thread that is used again if it is only borrowed."""
    size = stream.seek(0, 2)
    content = own_array("file", (size,), np.uint8) if borrowed else np.empty(size, np.uint8)
    stream.seek(0)
    content = content[: stream.readinto(content)]
    if len(content) < layout.offset + layout.size:
        raise EOFError("it has become shorter while it was read")
    return content


def _plain_header(path):
    """Return the header and the layout of a plain file, and two `None` for any other."""
    with named_failures(path), open_file(path) as stream:
        header, layout = read_layout(stream)
    return (None, None) if layout is None else (_without_storage(parse_cards(header, path)), layout)


def _read_any(path):
    header, data = read_any(path)
    return _without_storage(header), data


def _described_cards(header, path):
    """Parse only the cards that `describe` looks at: nine tenths of the time, in an inventory, is the parsing of others."""
    if b"CONTINUE" not in header:
        cards = (header[at : at + CARD] for at in range(0, len(header), CARD))
        header = b"".join(card for card in cards if card[:8] in _DESCRIBED)
    return parse_cards(header, path)


def _without_storage(header):
    for keyword in _STORAGE_KEYWORDS:
        header.remove(keyword, ignore_missing=True, remove_all=True)
    return header


def _describe(header, shape, path, image_types=None):
    values = {card.keyword: card.value for card in reversed(header.cards) if card.keyword in KEYWORDS}
    with _correctable(path):
        return describe(values, shape, image_types)


def _unit(header, path):
    with _correctable(path):
        return unit_of(header)


@contextlib.contextmanager
def _correctable(path):
    """Name the file in an error about what a header says."""
    try:
        yield
    except ParameterError as error:
        raise FrameError(f"{path}: {error} Correct the header of a copy of the frame.") from error


def _file_header(header, shape, dtype):
    """Return the header of a file as bytes: how the image is stored, the frame's own cards, room for checksums."""
    rows, columns = shape
    own = (card for card in header.cards if card.keyword not in _STORAGE_KEYWORDS)
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
    return text + b" " * len(padding(len(text)))


def _reserve(stream, size):
    """Reserve the space on the disk: a full disk is met before any work is done, and a third of the time of writing is saved."""
    if not hasattr(os, "posix_fallocate"):  # macOS, Windows
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
