"""Read one raw frame; write one calibrated frame."""

import contextlib
import zlib

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData

from .errors import FrameError, ParameterError
from .files import replacing
from .headers import describe

__all__ = ["read_frame", "read_header", "read_info", "read_rows", "write_frame"]

# Cards that describe how a file stores its data; a frame in memory does not have them.
_STORAGE_KEYWORDS = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "INHERIT",
    "BZERO", "BSCALE", "BLANK", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM",
)  # fmt: skip

# What reading a file that is not what it seems can end in.
_READING_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    zlib.error,
    fits.VerifyError,
)


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
    with _opened(path) as hdus:
        hdu = _image(hdus, path)
        data = np.asarray(hdu.data)
        header = _header(hdu, hdus[0])
    info = _describe(header, data.shape, path)
    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    return CCDData(data, unit=info.unit or unit, header=header)


def read_info(path, image_types=None):
    """Read what the header of a FITS file says of its first two-dimensional image, without reading the image.

    Parameters
    ----------
    path : path-like
        As in `read_frame`.
    image_types : mapping, optional
        See `~darkcal_widgets.headers.describe`.

    Returns
    -------
    FrameInfo

    Raises
    ------
    FrameError
        As in `read_frame`.
    """
    header, shape = read_header(path)
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
    with _opened(path) as hdus:
        hdu = _image(hdus, path)
        return _header(hdu, hdus[0]), hdu.shape


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
    with _opened(path) as hdus:
        return np.asarray(_image(hdus, path).section[rows, :])


def write_frame(path, data, header):
    """Write an image all or nothing, with ``CHECKSUM`` and ``DATASUM``; the same arguments give the same bytes.

    Parameters
    ----------
    path : path-like
        Replaced if it is there.
    data : ndarray
        Shape (rows, columns).
    header : `~astropy.io.fits.Header`
        Cards that cannot be written as standard FITS are kept as ``COMMENT``.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    hdu = fits.PrimaryHDU(data, header=_standard(header))
    # A comment of our own, because astropy's holds the time of day.
    hdu.add_checksum(when="FITS checksum")
    with replacing(path) as stream:
        hdu.writeto(stream)


@contextlib.contextmanager
def _opened(path):
    try:
        with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
            yield hdus
    except FrameError:
        raise
    except _READING_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FrameError(
            f"{path} cannot be read as a FITS frame: {reason}. Look whether the file is whole; copy it again or leave it out."
        ) from error


def _image(hdus, path):
    found = []
    for hdu in hdus:
        shape = getattr(hdu, "shape", ())
        if getattr(hdu, "is_image", False) and len(shape) == 2 and 0 not in shape:
            return hdu
        found.append(" x ".join(map(str, reversed(shape))) or "no data")
    raise FrameError(
        f"{path} holds no two-dimensional image: its HDUs hold {', '.join(found)}. Leave it out, or extract the image."
    )


def _header(hdu, primary):
    header = hdu.header.copy()
    if hdu is not primary:
        header.extend(primary.header, unique=True, useblanks=False)
    for keyword in _STORAGE_KEYWORDS:
        header.remove(keyword, ignore_missing=True, remove_all=True)
    return header


def _describe(header, shape, path, image_types=None):
    try:
        return describe(header, shape, image_types)
    except ParameterError as error:
        raise FrameError(f"{path}: {error} Correct the header of a copy of the frame.") from error


def _standard(header):
    """Return the cards in standard form; one that cannot be understood becomes a comment, so that nothing is lost."""
    standard = fits.Header()
    for card in header.cards:
        try:
            card.verify("silentfix+exception")
            standard.append(fits.Card.fromstring(card.image) if len(card.image) == 80 else card, end=True)
        except (fits.VerifyError, ValueError):
            standard.add_comment(f"card that is not standard FITS: {card.rawkeyword} {card.rawvalue}")
    return standard
