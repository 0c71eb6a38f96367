"""Frame: one FITS file, what its header says, and its pixels when they are asked for. Not how a night or a recipe sees it.

astropy uncompresses tiles. Other images are read here: their numbers only need another byte order and a flipped sign bit, which
takes 2.5 ms for 4128 x 2080 pixels of 16 bits with the checksum of the file, where astropy takes 5.2 ms without; and they can be
read some rows at a time.
"""

import contextlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy.io import fits

from ..errors import FrameError, ParameterError
from ..files import checksum, checksum_of
from ..parallel import own_array
from .cards import END
from .guard import BLOCK, Source, named_failures, open_file, walk
from .words import KEYWORDS, describe
from .write import STORAGE_KEYWORDS

__all__ = ["Frame"]

_WANTED = frozenset(f"{keyword:<8}".encode() for keyword in (*KEYWORDS, "DATASUM"))
_STORED_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


class Frame:
    """A FITS file with a two-dimensional image. Making one reads the header; nothing is ever written to it.

    Parameters
    ----------
    path : path-like
        ``.fits``, ``.fit`` or ``.fts``, plain or compressed as ``.gz``, ``.bz2`` or ``.fz``.
    name : str, optional
        How the night calls it; default: the name of the file.
    image_types : mapping, optional
        See `~darkcal_widgets.frames.words.describe`.

    Attributes
    ----------
    path : Path
    name : str
    info : FrameInfo
        What its header says.
    datasum : str
        The checksum of the image that its header states, ``DATASUM``; empty if there is none.

    Raises
    ------
    FrameError
        The file is not there, is not a FITS file, is damaged, or does not hold a two-dimensional image.

    Examples
    --------
    >>> frame = Frame("example-cryo-LFC/darks/ccd.007.0.fits")
    >>> frame.info.type, frame.info.exposure, frame.dtype
    ('dark', 7.0, dtype('uint16'))
    >>> frame[:, 2055:2080].shape
    (64, 25)
    """

    def __init__(self, path, name=None, image_types=None):
        self.path = Path(path)
        self.name = self.path.name if name is None else name
        self._memory = self._spilled = None
        with self._image() as (source, primary, image):
            image.check_whole(source.remaining)
            cards = _described(primary, image)
            # Where the stored rows begin; `None`: they have to be uncompressed.
            self._offset = None if source.is_packed or image.is_tiled else image.offset
            self._numbers = None if image.is_tiled else _Numbers.of(image.storage)
        self.datasum = str(cards.get("DATASUM", ""))
        with self._correctable_header():
            self.info = describe(cards, image.shape, image_types)

    @property
    def shape(self):
        """(rows, columns)."""
        return self.info.shape

    @property
    def dtype(self):
        """Type of the pixels, in native byte order."""
        numbers = self._numbers or self.loaded()._numbers  # of tiles, only uncompressing tells
        return numbers.dtype

    @property
    def data(self):
        """The whole image as an array of shape (rows, columns), a new one each time."""
        return self[:, :]

    @cached_property
    def header(self):
        """The header, an astropy `Header`: the image's own cards, then those that only the primary header has.

        Cards on how the file stores its data are left out.
        """
        with self._image() as (_, primary, image):
            return _header(primary, image)

    @cached_property
    def checksum(self):
        """The checksum of the file, see `~darkcal_widgets.files.checksum`; of the bytes that were loaded, if they were."""
        return checksum(self.path)

    def unit(self, otherwise="adu"):
        """Return ``'adu'`` or ``'electron'``: what the header says, or else `otherwise`."""
        return self.info.unit or otherwise

    def __repr__(self):
        return f"<Frame {self.name}>"

    def __getitem__(self, part):
        """Return the pixels of two slices, rows and columns, as a new array in native byte order."""
        rows, columns = part
        if self._memory is not None:
            return self._numbers.values(self._memory[rows, columns])
        if self._offset is None and self._spilled is None:
            return self.loaded()[part]
        return self._numbers.values(self._stored_rows(rows)[:, columns])

    def loaded(self, *, borrowed=False):
        """Return the frame with its file read once: pixels, header and checksum are of the same bytes.

        Parameters
        ----------
        borrowed : bool
            The pixels may lie in memory that this thread's next borrowed frame is read into: half of the time of reading is
            spent on new memory.

        Raises
        ------
        FrameError
            As for `Frame`, or the file has changed since.
        """
        with named_failures(self.path), open_file(self.path) as stream:
            content = _whole(stream, borrowed)
            source = Source(_Content(content), len(content), self.path)
            primary, image = _find_image(source)
            if image.shape != self.shape:
                raise FrameError(f"{self.path} has changed since its header was read; run again.")
            frame = self._copy()
            frame._memory, frame._numbers = _pixels(image, source, content)
            frame.header, frame.checksum = _header(primary, image), checksum_of(content)
            return frame

    def in_rows(self, spill):
        """Return the frame as one of which some rows can be read quickly: itself, or its pixels uncompressed into a file.

        Parameters
        ----------
        spill : file
            A temporary file, open for writing bytes, that outlives the frame; pixels that have to be uncompressed go to its end.
        """
        if self._offset is not None or self._memory is not None:
            return self
        frame, data = self._copy(), self.data
        frame._numbers = _Numbers(data.dtype)
        frame._spilled, frame._offset = spill, spill.seek(0, os.SEEK_END)
        data.tofile(spill)
        spill.flush()
        return frame

    def ccd(self, unit="adu"):
        """Return the frame as a `~astropy.nddata.CCDData`.

        Parameters
        ----------
        unit : str
            Used where the header has no ``BUNIT``.
        """
        from astropy.nddata import CCDData  # slow to import, and few need it

        return CCDData(self.data, unit=self.unit(unit), header=self.header.copy())

    def _copy(self):
        frame = object.__new__(Frame)
        vars(frame).update(vars(self))
        return frame

    @contextlib.contextmanager
    def _image(self):
        """Open the file and walk to its image; the source stands at the data."""
        with named_failures(self.path), open_file(self.path) as stream:
            source = Source(stream, os.fstat(stream.fileno()).st_size, self.path)
            yield source, *_find_image(source)

    @contextlib.contextmanager
    def _correctable_header(self):
        """Name the file in an error about what a header says."""
        try:
            yield
        except ParameterError as error:
            raise FrameError(f"{self.path}: {error} Correct the header of a copy of the frame.") from error

    def _stored_rows(self, rows):
        start, stop, _ = rows.indices(self.shape[0])
        stored = np.empty((stop - start, self.shape[1]), self._numbers.stored)
        place = self._offset + start * self.shape[1] * stored.itemsize
        try:
            if self._spilled is not None:
                whole = _read_at(self._spilled.fileno(), stored, place)
            else:
                with open(self.path, "rb", buffering=0) as stream:
                    whole = _read_at(stream.fileno(), stored, place)
        except OSError as error:
            raise FrameError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if not whole:
            raise FrameError(f"{self.path} has changed since its header was read; run again.")
        return stored


@dataclass(frozen=True)
class _Numbers:
    """How the numbers of an image are stored and what they mean: sections 4.4.2.5 and 5 of the FITS standard 4.0.

    Attributes
    ----------
    stored : dtype
        Of the numbers in the file.
    scale, zero : int or float
        A value is the number times `scale` plus `zero`.
    blank : int or None
        The number that stands for no value.
    """

    stored: np.dtype
    scale: float = 1
    zero: float = 0
    blank: int | None = None

    @classmethod
    def of(cls, cards):
        """Take them from the cards of an image.

        Raises
        ------
        ValueError
            One of them is not a number.
        """
        found = {keyword: cards[keyword] for keyword in ("BSCALE", "BZERO", "BLANK") if keyword in cards}
        for keyword, value in found.items():
            if type(value) is not int and (keyword == "BLANK" or type(value) is not float):
                raise ValueError(f"{keyword} is {value!r}, expected a number")
        blank = found.get("BLANK") if cards["BITPIX"] > 0 else None
        stored = np.dtype(_STORED_TYPES[cards["BITPIX"]])
        return cls(stored, found.get("BSCALE", 1), found.get("BZERO", 0), blank)

    @property
    def dtype(self):
        """Type of the values; what is scaled, or has numbers that stand for no value, becomes float64."""
        native = self.stored.newbyteorder("=")
        if self._flips_sign:
            return np.dtype(f"{'i' if native.kind == 'u' else 'u'}{native.itemsize}")
        return np.dtype(float) if self._is_scaled else native

    def values(self, stored):
        """Return what numbers of the file mean: a new array in native byte order."""
        if self._is_scaled:
            return self._scaled(stored)
        values = stored.astype(self.stored.newbyteorder("="), order="C")
        if self._flips_sign:
            values.view(f"u{values.itemsize}")[...] ^= 1 << (8 * values.itemsize - 1)
        return values.view(self.dtype)

    @property
    def _is_scaled(self):
        return not self._flips_sign and (self.scale, self.zero, self.blank) != (1, 0, None)

    @property
    def _flips_sign(self):
        """Whether they are integers of the other signedness, kept with their sign bit flipped, as the standard has it."""
        middle = -128 if self.stored.itemsize == 1 else 1 << (8 * self.stored.itemsize - 1)
        return self.stored.kind in "ui" and (self.scale, self.zero, self.blank) == (1, middle, None)

    def _scaled(self, stored):
        with np.errstate(
            all="ignore"
        ):  # absurd scales make infinities, which are counted as pixels without a value
            values = stored.astype(float) * self.scale + self.zero
        if self.blank is not None:
            values[stored == self.blank] = np.nan
        return values


class _Content:
    """The bytes of a file in memory, read as a file is, and copied only where they are read."""

    def __init__(self, content):
        self._content, self._position = content, 0

    def read(self, size=-1):
        start = self._position
        stop = len(self._content) if size < 0 else min(start + size, len(self._content))
        self._position = max(start, stop)
        return self._content[start:stop].tobytes()

    def seek(self, offset, whence=os.SEEK_SET):
        self._position = max(0, {os.SEEK_SET: 0, os.SEEK_CUR: self._position}[whence] + offset)
        return self._position


def _find_image(source):
    """Return the primary HDU and that of the first two-dimensional image, with the source at its data."""
    primary, passed = None, []
    for hdu in walk(source):
        primary = primary or hdu
        if hdu.shape is not None:
            return primary, hdu
        passed.append(" x ".join(map(str, hdu.axes)) or "no data")
    listed = ", ".join(passed[:10]) + (", ..." if len(passed) > 10 else "")
    raise FrameError(
        f"{source.path} does not hold a two-dimensional image: its HDUs hold {listed}. Leave it out, or extract the image."
    )


def _pixels(image, source, content):
    """Return the rows of an image in memory, stored or uncompressed, and what their numbers mean."""
    image.check_whole(source.remaining)
    if source.is_packed or image.is_tiled:
        stored = source.read(image.size)
        image.check_whole(len(stored))
        source.finish()
    else:
        stored = content[image.offset :][: image.size]
    if image.is_tiled:
        data = _uncompressed(image, stored)
        return data, _Numbers(data.dtype)
    numbers = _Numbers.of(image.storage)
    return np.frombuffer(stored, numbers.stored).reshape(image.shape), numbers


def _uncompressed(image, stored):
    try:
        with np.errstate(all="ignore"):  # absurd scales make infinities
            data = np.asarray(_opened_tiles(image, stored).data)
    except (
        Exception
    ) as error:  # that of the decompressor is a class of its own, which astropy does not export
        raise FrameError(
            f"{image.path} cannot be uncompressed: {str(error) or type(error).__name__}. Check whether the file is complete; "
            "copy it again or leave it out."
        ) from error
    return data.astype(data.dtype.newbyteorder("="), copy=False)


def _opened_tiles(image, stored=b""):
    """Return astropy's view of an image compressed in tiles; without its data, of its header."""
    text = image.cards().tostring(endcard=False, padding=False).encode("ascii") + END
    content = text + b" " * (-len(text) % BLOCK) + stored
    return fits.CompImageHDU(bintable=fits.BinTableHDU.fromstring(content))


def _header(primary, image):
    own = _opened_tiles(image).header.copy() if image.is_tiled else image.cards()
    header = own if image.number == 0 else _merged(primary.cards(), own)
    for keyword in STORAGE_KEYWORDS:
        header.remove(keyword, ignore_missing=True, remove_all=True)
    return header


def _described(primary, image):
    """Return the cards that `describe` looks at, as keywords to values."""
    cards = [*image.cards(_WANTED).cards, *(() if primary is image else primary.cards(_WANTED).cards)]
    return {card.keyword: card.value for card in reversed(cards)}


def _merged(primary, header):
    """Return the cards of an image and, where it has none of a keyword, those of the primary header."""
    known = {"", *header} - {"COMMENT", "HISTORY"}
    for card in primary.cards:
        if card.keyword not in known:
            header.append(card, end=True)
    return header


def _whole(stream, borrowed):
    """Read a whole file as an array of bytes, into memory of this thread that is used again if it is only borrowed."""
    size = os.fstat(stream.fileno()).st_size
    content = own_array("file", (size,), np.uint8) if borrowed else np.empty(size, np.uint8)
    return content[: stream.readinto(content)]


def _read_at(descriptor, array, offset):
    """Fill an array from a place in a file that others may be reading; tell whether there was enough."""
    view = memoryview(array).cast("B")
    while view and (count := os.preadv(descriptor, [view], offset)):
        view, offset = view[count:], offset + count
    return not view
