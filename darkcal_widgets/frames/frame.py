"""Frame: one FITS file, what its header says, and its pixels when they are asked for. Not how a night or a recipe sees it."""

import contextlib
import os
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FrameError, ParameterError
from ..files import checksum, file_state, new_checksum
from ..parallel import own_array
from .guard import Source, open_file, walk
from .images import StoredImage, cards_of, has_changed, labels_of, science_images, walk_images
from .pixels import Numbers, stored_pixels
from .write import is_whole_sum, sum_words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import Any, BinaryIO

    from astropy.io.fits import Header
    from astropy.nddata import CCDData

    from .cards import Cards
    from .words import FrameInfo

__all__ = ["Frame"]

_PIECE = 1 << 20  # bytes


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

    def __init__(
        self, path: "str | PathLike[str]", name: str | None = None, image_types: dict | None = None
    ) -> None:
        self._name(path, name)
        with self._open() as source:
            found = []
            for primary, hdu in walk_images(source, may_stop=True):
                hdu.check_whole(source.remaining)
                found.append((primary, hdu))
        self._describe(found, source, image_types)

    @classmethod
    def load(cls, path: "str | PathLike[str]", name: str | None = None, *, borrowed: bool = False) -> "Frame":
        """Return a frame whose file is read once and whole: pixels, header and checksum are of the same bytes.

        Parameters
        ----------
        path, name
            See `Frame`.
        borrowed : bool
            The pixels may lie in memory that this thread's next borrowed frame is read into: half of the time of reading is
            spent on new memory.

        Raises
        ------
        FrameError
            As for `Frame`.
        """
        frame = object.__new__(cls)
        frame._name(path, name)
        with open_file(frame.path) as stream:
            frame.state = file_state(stream.fileno())
            content, frame.checksum = _whole(stream, borrowed)
            source = Source(_Content(content), len(content), frame.path)
            found = [
                (primary, hdu, *stored_pixels(hdu, source, content)) for primary, hdu in walk_images(source)
            ]
            source.finish()
        frame._describe(found, source)
        return frame

    @property
    def info(self) -> "FrameInfo":
        """What the header says, a `FrameInfo`; of a file with several images, the header of the first."""
        return self._images[0].info

    def with_info(self, **changes: "Any") -> "Frame":
        """Return the frame with something else in its `info`, which others know better than its header."""
        images = (replace(image, info=replace(image.info, **changes)) for image in self._images)
        return self._with(_images=tuple(images))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); of a file with several images, of the first."""
        return self.info.shape

    @property
    def label(self) -> str:
        """``EXTNAME`` of the (first) image, or the number of its HDU."""
        return self._images[0].label

    @property
    def datasum(self) -> str:
        """The checksum of each image that its header states, ``DATASUM``; empty if there is none."""
        return " ".join(image.datasum for image in self._images)

    @cached_property
    def parts(self) -> "tuple[Frame, ...]":
        """A frame for each image of the file; of a file with one image, the frame itself."""
        if len(self._images) == 1:
            return (self,)
        return tuple(
            self._with(_images=(image,), extension=image.label, name=f"{self.name}[{image.label}]")
            for image in self._images
        )

    def select(self, extensions: "Iterable[str | int] | None" = None) -> "tuple[Frame, ...]":
        """Return the parts whose ``EXTNAME``, in any letter case, or number is named; `None`: all.

        Raises
        ------
        ParameterError
            The file does not have one of them.
        """
        if extensions is None:
            return self.parts
        names = {name: part for part in self.parts for name in (str(part._images[0].number), part.label)}
        # The name of one image may be the number of another.
        by_name = {name.lower(): part for name, part in names.items()} | {
            part.label.lower(): part for part in self.parts
        }
        for wanted in map(str, extensions):
            if wanted.lower() not in by_name:
                raise ParameterError(
                    f"extensions names {wanted!r}, which {self.path} does not have; {_images_named(self.parts, names)}."
                )
        return tuple(dict.fromkeys(by_name[str(wanted).lower()] for wanted in extensions))

    @property
    def shape_text(self) -> str:
        """Rows x columns, and how many images there are if there are several, in words."""
        shapes = [" x ".join(map(str, part.shape)) for part in self.parts]
        if len(shapes) == 1:
            return shapes[0]
        return f"{len(shapes)} images of {shapes[0]}" if len({*shapes}) == 1 else " + ".join(shapes)

    @property
    def dtype(self) -> np.dtype:
        """Type of the pixels, in native byte order."""
        image = self._sole_image()
        # Of tiles, only uncompressing tells.
        return (image if image.numbers else self.loaded()._images[0]).numbers.dtype

    @property
    def data(self) -> np.ndarray:
        """The whole image as an array of shape (rows, columns), a new one each time."""
        return self[:, :]

    @cached_property
    def header(self) -> "Header":
        """The header, an astropy `Header`: the image's own cards, then those that only the primary header has.

        Of a file with several images, the primary header. Cards on how the file stores its data are left out.
        """
        return self.cards.header()

    @cached_property
    def cards(self) -> "Cards":
        """The `header` as `~darkcal_widgets.frames.cards.Cards`, which are quicker."""
        image, is_sole = self._images[0], len(self._images) == 1
        primary, hdu = image.headers or self._headers_of(image)
        return cards_of(primary, hdu if is_sole else primary)

    @cached_property
    def checksum(self) -> str:
        """The checksum of the file, see `~darkcal_widgets.files.checksum`; of the bytes that were loaded, if they were."""
        return checksum(self.path)

    def unit(self, otherwise: str = "adu") -> str:
        """Return ``'adu'`` or ``'electron'``: what the header says, or else `otherwise`."""
        return self.info.unit or otherwise

    def __repr__(self):
        return f"<Frame {self.name}>"

    def __getitem__(self, part: tuple[slice, slice]) -> np.ndarray:
        """Return the pixels of two slices, rows and columns, as a new array in native byte order.

        Pixels that are masked in an extension ``MASK``, as astropy's CCDData writes it, are NaN.

        Raises
        ------
        FrameError
            The file holds several images, or has changed.
        """
        image = self._sole_image()
        return image[part] if image.has_rows else self.loaded()[part]

    def loaded(self, *, borrowed: bool = False) -> "Frame":
        """Return the frame with its file read once, as `load` does.

        Raises
        ------
        FrameError
            As for `Frame`, or the file has changed since.
        """
        whole = Frame.load(self.path, self.name, borrowed=borrowed)
        found = {image.number: image for image in whole._images}
        is_part_of_it = all(
            image.number in found and found[image.number].info.shape == image.info.shape
            for image in self._images
        )
        if not is_part_of_it or not (self.extension or len(found) == len(self._images)):
            raise has_changed(self.path)
        images = [replace(found[image.number], info=image.info, label=image.label) for image in self._images]
        return self._with(_images=tuple(images), checksum=whole.checksum, state=whole.state)

    @property
    def is_intact(self) -> bool:
        """Whether the pixels in the file are those of which the header states the sum, ``DATASUM``, or states none.

        After a power cut a file may have its length and its header, but zeros for pixels.
        """
        return all(image.has_datasum for image in self._images)

    @property
    def has_checksums(self) -> bool:
        """Whether every header of the file states both checksums and all adds up, if the pixels are those of ``DATASUM``.

        What darkcal writes has them. Where some pages of a header are lost, it may still be read, and say less than it did.
        """
        with open_file(self.path) as stream:
            return all(map(_adds_up, walk(Source.of(stream, self.path))))

    def in_rows(self, spill: "BinaryIO") -> "Frame":
        """Return the frame as one of which some rows can be read quickly: itself, or its pixels uncompressed into a file.

        Parameters
        ----------
        spill : file
            A temporary file, open for writing bytes, that outlives the frame; pixels that have to be uncompressed go to its end.
        """
        image = self._sole_image()
        if image.has_rows:
            return self
        data, offset = self.data, spill.seek(0, os.SEEK_END)
        data.tofile(spill)
        spill.flush()
        return self._with(_images=(replace(image, numbers=Numbers(data.dtype), offset=offset, spill=spill),))

    def ccd(self, unit: str = "adu") -> "CCDData":
        """Return the frame as a `~astropy.nddata.CCDData`.

        Parameters
        ----------
        unit : str
            Used where the header has no ``BUNIT``.
        """
        from astropy.nddata import CCDData  # slow to import, and few need it

        return CCDData(self.data, unit=self.unit(unit), header=self.header.copy())

    def _name(self, path, name):
        self.path, self.extension = Path(path), ""
        self.name = self.path.name if name is None else name

    def _describe(self, found, source, image_types=None):
        """Take the images from what was found: of each the primary HDU, its own and, if they were read, its pixels."""
        by_hdu = {hdu: (primary, hdu, *pixels) for primary, hdu, *pixels in found}
        images, mask = science_images(by_hdu)
        has_rows, names = not source.is_packed and mask is None, (self.path.name, self.name)
        try:
            self._images = tuple(
                StoredImage.of(
                    *by_hdu[hdu], label=label, has_rows=has_rows, image_types=image_types, names=names
                )
                for hdu, label in zip(images, labels_of(images), strict=True)
            )
        except ParameterError as error:
            raise FrameError(f"{self.path}: {error} Correct the header of a copy of the frame.") from error
        if mask is not None and self._images[0].memory is not None:
            self._images = (self._images[0].masked(*by_hdu[mask][2:]),)

    def _headers_of(self, image):
        with self._open() as source:
            for primary, hdu in walk_images(source, may_stop=True):
                if hdu.number == image.number:
                    return primary, hdu
        raise has_changed(self.path)

    def _with(self, **changes):
        frame = object.__new__(Frame)
        vars(frame).update(vars(self))
        for name in ("parts", "header", "cards"):
            vars(frame).pop(name, None)
        vars(frame).update(changes)
        return frame

    @contextlib.contextmanager
    def _open(self):
        with open_file(self.path) as stream:
            self.state = file_state(stream.fileno())
            yield Source.of(stream, self.path)

    def _sole_image(self):
        if len(self._images) > 1:
            names = ", ".join(image.label for image in self._images)
            raise FrameError(
                f"{self.path} holds {len(self._images)} images ({names}); choose one of them with extensions."
            )
        return self._images[0]


def _images_named(parts, names):
    if len(parts) > 1:
        return f"its images are {', '.join(names)}"
    return "it holds one image without a name, for which extensions is None"


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


def _adds_up(hdu):
    """Tell whether a header and the sum of its data, ``DATASUM``, add up to what ``CHECKSUM`` makes them give."""
    datasum = str(hdu.cards.get("DATASUM", "")).strip()
    return "CHECKSUM" in hdu.cards and datasum.isdigit() and is_whole_sum(sum_words(hdu.text) + int(datasum))


def _whole(stream, borrowed):
    """Read a whole file as an array of bytes, into memory of this thread that is used again if it is only borrowed.

    Its checksum is returned, too: each piece is added to it while it is in the processor's cache.
    """
    size = os.fstat(stream.fileno()).st_size
    content = own_array("file", (size,), np.uint8) if borrowed else np.empty(size, np.uint8)
    value, end = new_checksum(), 0
    while count := stream.readinto(content[end : end + _PIECE]):
        value.update(content[end : end + count])
        end += count
    return content[:end], value.hexdigest()
