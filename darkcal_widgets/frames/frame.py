"""Frame: one FITS file, what its header says, and its pixels when they are asked for. Not how a night or a recipe sees it.

astropy uncompresses tiles. Other images are read here: their numbers only need another byte order and a flipped sign bit, which
takes 2.5 ms for 4128 x 2080 pixels of 16 bits with the checksum of the file, where astropy takes 5.2 ms without; and they can be
read some rows at a time.
"""

import contextlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy.io import fits

from ..errors import FrameError, ParameterError
from ..files import checksum, checksum_of, file_state
from ..parallel import BAND_BYTES, own_array
from .cards import END, CardValues
from .guard import BLOCK, Source, named_failures, open_file, walk
from .kinds import asked_keywords
from .words import KEYWORDS, FrameInfo, describe
from .write import STORAGE_KEYWORDS, datasum_of, is_whole_sum, sum_words

__all__ = ["Frame"]

# What `Frame` itself wants beside what `describe` looks at.
_ALSO_WANTED = frozenset(["DATASUM"])
_SUMS = frozenset(["CHECKSUM", "DATASUM"])
# Images that say something of another one: as astropy's CCDData, and pipelines, name them.
_COMPANIONS = frozenset("MASK UNCERT PSFIMAGE BPM DQ VAR VARIANCE ERR ERROR STDDEV WEIGHT FLAGS".split())
_STORED_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


class Frame:
    """A FITS file with an image, or with several in extensions. Making one reads the header; nothing is ever written to it.

    Parameters
    ----------
    path : path-like
        ``.fits``, ``.fit`` or ``.fts``, plain or compressed as ``.gz``, ``.bz2`` or ``.fz``.
    name : str, optional
        How the night calls it; default: the name of the file.
    image_types : mapping, optional
        See `~darkcal_widgets.frames.kinds.checked_image_types`.

    Attributes
    ----------
    path : Path
    name : str
    state : tuple
        Of the file when it was last opened for its header, or loaded: see `~darkcal_widgets.files.file_state`.
    extension : str
        Of a part of a file with several images: its ``EXTNAME``, or its number; else empty.

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
        self.extension = ""
        with named_failures(self.path), self._open() as source:
            found = {}
            for primary, hdu in _walk_images(source, may_stop=True):
                hdu.check_whole(source.remaining)
                found[hdu] = primary
            images, self._mask = _science(found)
            with self._correctable_header():
                has_no_rows, names = source.is_packed or self._mask is not None, (self.path.name, self.name)
                self._images = tuple(
                    _Image.of(found[hdu], hdu, label, has_no_rows, image_types, names)
                    for hdu, label in zip(images, _labels(images), strict=True)
                )

    @property
    def info(self):
        """What the header says, a `FrameInfo`; of a file with several images, the header of the first."""
        return self._images[0].info

    def with_info(self, **changes):
        """Return the frame with something else in its `info`, which others know better than its header."""
        images = (replace(image, info=replace(image.info, **changes)) for image in self._images)
        return self._with(_images=tuple(images))

    @property
    def shape(self):
        """(rows, columns); of a file with several images, of the first."""
        return self.info.shape

    @property
    def label(self):
        """``EXTNAME`` of the (first) image, or the number of its HDU."""
        return self._images[0].label

    @property
    def datasum(self):
        """The checksum of each image that its header states, ``DATASUM``; empty if there is none."""
        return " ".join(image.datasum for image in self._images)

    @cached_property
    def parts(self):
        """A frame for each image of the file; of a file with one image, the frame itself."""
        if len(self._images) == 1:
            return (self,)
        return tuple(
            self._with(_images=(image,), extension=image.label, name=f"{self.name}[{image.label}]")
            for image in self._images
        )

    def select(self, extensions=None):
        """Return the parts whose ``EXTNAME``, in any letter case, or number is named; `None`: all.

        Raises
        ------
        ParameterError
            The file does not have one of them.
        """
        if extensions is None:
            return self.parts
        names = {name: part for part in self.parts for name in (str(part._images[0].number), part.label)}
        by_name = {name.lower(): part for name, part in names.items()}
        for wanted in map(str, extensions):
            if wanted.lower() not in by_name:
                raise ParameterError(
                    f"extensions names {wanted!r}, which {self.path} does not have; its images are {', '.join(names)}."
                )
        return tuple(dict.fromkeys(by_name[str(wanted).lower()] for wanted in extensions))

    @property
    def shape_text(self):
        """Rows x columns, and how many images there are if there are several, in words."""
        shapes = [" x ".join(map(str, part.shape)) for part in self.parts]
        if len(shapes) == 1:
            return shapes[0]
        return f"{len(shapes)} images of {shapes[0]}" if len({*shapes}) == 1 else " + ".join(shapes)

    @property
    def dtype(self):
        """Type of the pixels, in native byte order."""
        image = self._sole_image()
        return (
            image if image.numbers else self.loaded()._images[0]
        ).numbers.dtype  # of tiles, only uncompressing tells

    @property
    def data(self):
        """The whole image as an array of shape (rows, columns), a new one each time."""
        return self[:, :]

    @cached_property
    def header(self):
        """The header, an astropy `Header`: the image's own cards, then those that only the primary header has.

        Of a file with several images, the primary header. Cards on how the file stores its data are left out.
        """
        if len(self._images) == 1 and self._images[0].header is not None:
            return self._images[0].header
        with named_failures(self.path), self._open() as source:
            found = {hdu.number: (primary, hdu) for primary, hdu in _walk_images(source, may_stop=True)}
        primary = next(primary for primary, _ in found.values())
        return _header(*((primary, primary) if len(self._images) > 1 else found[self._images[0].number]))

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
        """Return the pixels of two slices, rows and columns, as a new array in native byte order.

        Pixels that are masked in an extension ``MASK``, as astropy's CCDData writes it, are NaN.

        Raises
        ------
        FrameError
            The file holds several images, or has changed.
        """
        image = self._sole_image()
        rows, columns = part
        if image.memory is not None:
            return image.numbers.values(image.memory[rows, columns])
        if image.offset is None:
            return self.loaded()[part]
        return image.numbers.values(self._stored_rows(image, rows)[:, columns])

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
            state, content = file_state(stream.fileno()), _whole(stream, borrowed)
            source = Source(_Content(content), len(content), self.path)
            found, pixels = {}, {}
            for primary, hdu in _walk_images(source):
                found[hdu.number] = primary, hdu
                pixels[hdu.number] = _pixels(hdu, source, content)
            source.finish()
        self._check_unchanged([hdu for _, hdu in found.values()])
        images = [
            image.loaded(*pixels[image.number], _header(*found[image.number])) for image in self._images
        ]
        if self._mask is not None:
            images = [_masked(images[0], *pixels[self._mask])]
        frame = self._with(_images=tuple(images), checksum=checksum_of(content), state=state)
        if len(images) > 1:
            frame.header = _header(primary, primary)
        return frame

    @property
    def is_intact(self):
        """Whether the pixels in the file are those of which the header states the sum, ``DATASUM``, or states none.

        After a power cut a file may have its length and its header, but zeros for pixels.
        """
        return all(part._is_intact() for part in self.parts)

    @property
    def has_checksums(self):
        """Whether every header of the file states both checksums and all adds up, if the pixels are those of ``DATASUM``.

        What darkcal writes has them. Where some pages of a header are lost, it may still be read, and say less than it did.
        """
        with named_failures(self.path), open_file(self.path) as stream:
            return all(map(_adds_up, walk(Source(stream, os.fstat(stream.fileno()).st_size, self.path))))

    def in_rows(self, spill):
        """Return the frame as one of which some rows can be read quickly: itself, or its pixels uncompressed into a file.

        Parameters
        ----------
        spill : file
            A temporary file, open for writing bytes, that outlives the frame; pixels that have to be uncompressed go to its end.
        """
        image = self._sole_image()
        if image.offset is not None or image.memory is not None:
            return self
        data, offset = self.data, spill.seek(0, os.SEEK_END)
        data.tofile(spill)
        spill.flush()
        return self._with(_images=(replace(image, numbers=_Numbers(data.dtype), offset=offset, spill=spill),))

    def ccd(self, unit="adu"):
        """Return the frame as a `~astropy.nddata.CCDData`.

        Parameters
        ----------
        unit : str
            Used where the header has no ``BUNIT``.
        """
        from astropy.nddata import CCDData  # slow to import, and few need it

        return CCDData(self.data, unit=self.unit(unit), header=self.header.copy())

    def _is_intact(self):
        image = self._images[0]
        if not image.datasum.strip().isdigit() or image.offset is None or image.spill is not None:
            return True
        step = max(1, BAND_BYTES // (self.shape[1] * image.numbers.stored.itemsize))
        bands = (
            self._stored_rows(image, slice(start, start + step)) for start in range(0, self.shape[0], step)
        )
        return datasum_of(bands) == int(image.datasum) % 0xFFFFFFFF

    def _with(self, **changes):
        frame = object.__new__(Frame)
        vars(frame).update(vars(self))
        for name in ("parts", "header"):
            vars(frame).pop(name, None)
        vars(frame).update(changes)
        return frame

    @contextlib.contextmanager
    def _open(self):
        with open_file(self.path) as stream:
            self.state = file_state(stream.fileno())
            yield Source(stream, os.fstat(stream.fileno()).st_size, self.path)

    @contextlib.contextmanager
    def _correctable_header(self):
        """Name the file in an error about what a header says."""
        try:
            yield
        except ParameterError as error:
            raise FrameError(f"{self.path}: {error} Correct the header of a copy of the frame.") from error

    def _sole_image(self):
        if len(self._images) > 1:
            names = ", ".join(image.label for image in self._images)
            raise FrameError(
                f"{self.path} holds {len(self._images)} images ({names}); choose one of them with extensions."
            )
        return self._images[0]

    def _check_unchanged(self, hdus):
        """Refuse a file that holds other images than when its header was read."""
        shapes = {hdu.number: hdu.shape for hdu in hdus}
        images, _ = _science(hdus)
        whole = self.extension or len(images) == len(self._images)
        if not whole or any(shapes.get(image.number) != image.info.shape for image in self._images):
            raise self._changed()

    def _changed(self):
        return FrameError(f"{self.path} has changed since its header was read; run again.")

    def _stored_rows(self, image, rows):
        start, stop, _ = rows.indices(self.shape[0])
        stored = np.empty((stop - start, self.shape[1]), image.numbers.stored)
        place = image.offset + start * self.shape[1] * stored.itemsize
        try:
            if image.spill is not None:
                whole = _read_at(image.spill.fileno(), stored, place)
            else:
                with open(self.path, "rb", buffering=0) as stream:
                    whole = _read_at(stream.fileno(), stored, place)
        except OSError as error:
            raise FrameError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if not whole:
            raise self._changed()
        return stored


@dataclass(frozen=True)
class _Image:
    """One image of a file, and where its pixels are.

    Attributes
    ----------
    number : int
        Of its HDU.
    label : str
        Its ``EXTNAME``, or else its number.
    info : FrameInfo
    datasum : str
    numbers : _Numbers or None
        What the stored numbers mean; `None`: only uncompressing tells.
    offset : int or None
        Where its rows begin in the file, or in `spill`; `None`: they have to be uncompressed.
    memory : ndarray or None
        Its rows as stored, once they are loaded.
    header : `~astropy.io.fits.Header` or None
        Once it is loaded.
    spill : file or None
    """

    number: int
    label: str
    info: FrameInfo
    datasum: str
    numbers: object
    offset: int | None
    memory: np.ndarray | None = None
    header: object = None
    spill: object = None

    @classmethod
    def of(cls, primary, hdu, label, has_no_rows, image_types, names):
        """Describe the image of an HDU.

        Raises
        ------
        ParameterError
            The header says what cannot be.
        ValueError
            What its numbers mean cannot be told.
        """
        cards = _described(primary, hdu, asked_keywords(image_types))
        return cls(
            hdu.number,
            label,
            describe(cards, hdu.shape, image_types, names),
            str(cards.get("DATASUM", "")),
            None if hdu.is_tiled else _Numbers.of(hdu.storage),
            None if has_no_rows or hdu.is_tiled else hdu.offset,
        )

    def loaded(self, memory, numbers, header):
        """Return the image with its pixels and header in memory."""
        return replace(self, memory=memory, numbers=numbers, header=header)


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


def _walk_images(source, *, may_stop=False):
    """Yield the primary HDU and each HDU with an image, when the source stands at its data.

    Parameters
    ----------
    source : Source
    may_stop : bool
        End where a packed file most likely does, instead of unpacking all of it; `Frame.loaded` looks again.
    """
    primary, passed, found = None, [], False
    for hdu in walk(source):
        primary = primary or hdu
        passed.append(" x ".join(map(str, hdu.axes)) or "no data")
        if hdu.shape is not None:
            found = True
            yield primary, hdu
            if may_stop and source.is_packed and _most_likely_the_last(hdu, source):
                return
    if not found:
        listed = ", ".join(passed[:10]) + (", ..." if len(passed) > 10 else "")
        raise FrameError(
            f"{source.path} does not hold a two-dimensional image: its HDUs hold {listed}. Leave it out, or extract the image."
        )


def _most_likely_the_last(hdu, source):
    if source.claimed_size is not None:
        return source.claimed_size == hdu.end
    # bzip2 does not tell; images in extensions seldom have one in the primary HDU before them.
    return hdu.number == 0


def _adds_up(hdu):
    """Tell whether a header and the sum of its data, ``DATASUM``, add up to what ``CHECKSUM`` makes them give."""
    cards = hdu.values(_SUMS)
    datasum = str(cards.get("DATASUM", "")).strip()
    return "CHECKSUM" in cards and datasum.isdigit() and is_whole_sum(sum_words(hdu.text) + int(datasum))


def _science(hdus):
    """Part the HDUs with images into those of science and the number of the one that masks the only one of them, or `None`."""
    hdus = list(hdus)
    images = [hdu for hdu in hdus if hdu.name.upper() not in _COMPANIONS] or hdus
    masks = [
        hdu
        for hdu in hdus
        if hdu.name.upper() == "MASK" and hdu not in images and hdu.shape == images[0].shape
    ]
    return images, masks[0].number if masks and len(images) == 1 else None


def _labels(images):
    """Return the ``EXTNAME`` of each image, or the number of its HDU where names are missing or not distinct."""
    names = [image.name for image in images]
    return names if all(names) and len({*names}) == len(names) else [str(image.number) for image in images]


def _masked(image, mask, numbers):
    """Return an image in memory whose masked pixels are NaN."""
    values = image.numbers.values(image.memory).astype(float)
    values[numbers.values(mask) != 0] = np.nan
    return replace(image, memory=values, numbers=_Numbers(values.dtype))


def _pixels(image, source, content):
    """Return the rows of an image in memory, stored or uncompressed, and what their numbers mean."""
    image.check_whole(source.remaining)
    if source.is_packed or image.is_tiled:
        stored = source.read(image.size)
        image.check_whole(len(stored))
    else:
        stored = content[image.offset :][: image.size]
    if image.is_tiled:
        data = _uncompressed(image, stored)
        return data.reshape(image.shape), _Numbers(data.dtype)
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


def _described(primary, image, asked):
    """Return the cards that `describe` looks at, and others that a user asks for: the image's own before the primary ones."""
    keywords = KEYWORDS | _ALSO_WANTED | asked
    own = image.values(keywords)
    if primary is image:
        return own
    others = primary.values(keywords)
    return CardValues.of({**others, **own}, {**others.comments, **own.comments})


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
