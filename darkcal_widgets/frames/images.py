"""The images of a file: which of its HDUs hold one, what is known of each, its cards and its rows. What numbers mean: pixels."""

import os
from dataclasses import dataclass, replace

import numpy as np

from ..errors import FrameError
from ..parallel import BAND_BYTES
from .cards import STORAGE_KEYWORDS
from .guard import walk
from .pixels import Numbers, cards_of_tiles
from .words import FrameInfo, describe
from .write import datasum_of

__all__ = ["StoredImage", "cards_of", "has_changed", "labels_of", "science_images", "walk_images"]

# Images that say something of another one: as astropy's CCDData, and pipelines, name them.
_COMPANIONS = frozenset("MASK UNCERT PSFIMAGE BPM DQ VAR VARIANCE ERR ERROR STDDEV WEIGHT FLAGS".split())


def walk_images(source, *, may_stop=False):
    """Yield the primary HDU and each HDU with an image, when the source stands at its data.

    Parameters
    ----------
    source : Source
    may_stop : bool
        End where a packed file most likely does, instead of unpacking all of it; `Frame.loaded` looks again.

    Raises
    ------
    FrameError
        There is no image, or see `~darkcal_widgets.frames.guard.walk`.
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


def science_images(hdus):
    """Part HDUs with images into those of science and the one that masks the only one of them, or `None`."""
    hdus = list(hdus)
    images = [hdu for hdu in hdus if hdu.name.upper() not in _COMPANIONS] or hdus
    of_shape = (hdu for hdu in hdus if hdu not in images and hdu.shape == images[0].shape)
    mask = next((hdu for hdu in of_shape if hdu.name.upper() == "MASK"), None)
    return images, mask if len(images) == 1 else None


def labels_of(images):
    """Return the ``EXTNAME`` of each image, or the number of its HDU where names are missing or not distinct.

    A result states what its raw image is called, ``DCIMAGE``: where not all images were calibrated, the numbers are others.
    """
    names = [str(image.cards.get("DCIMAGE", "")) or image.name for image in images]
    return names if all(names) and len({*names}) == len(names) else [str(image.number) for image in images]


def cards_of(primary, hdu):
    """Return the `Cards` of an image without those on how it is stored: its own, then those that only the primary header has."""
    own = cards_of_tiles(hdu) if hdu.is_tiled else hdu.cards
    return (own if hdu is primary else own.completed(primary.cards)).without(STORAGE_KEYWORDS)


@dataclass(frozen=True)
class StoredImage:
    """One image of a file, and where its pixels are; ``image[rows, columns]``, two slices, gives the values there.

    Attributes
    ----------
    path : Path
        Of the file.
    number : int
        Of its HDU.
    label : str
        Its ``EXTNAME``, or else its number; of a result, that of the raw image.
    info : FrameInfo
    datasum : str
        What the header states as ``DATASUM``.
    numbers : Numbers or None
        What the stored numbers mean; `None`: only uncompressing tells.
    offset : int or None
        Where its rows begin in the file, or in `spill`; `None`: they have to be uncompressed.
    memory : ndarray or None
        Its rows as stored, once they are loaded.
    headers : tuple of Hdu or None
        The primary one and its own, once it is loaded.
    spill : file or None
    """

    path: object
    number: int
    label: str
    info: FrameInfo
    datasum: str
    numbers: Numbers | None
    offset: int | None
    memory: np.ndarray | None = None
    headers: tuple | None = None
    spill: object = None

    @classmethod
    def of(cls, primary, hdu, memory=None, numbers=None, *, label, has_rows, image_types, names):
        """Describe the image of an HDU.

        Raises
        ------
        FrameError, ParameterError
            The header says what cannot be.
        """
        cards = hdu.cards if hdu is primary else hdu.cards.completed(primary.cards)
        return cls(
            hdu.path,
            hdu.number,
            label,
            describe(cards, hdu.shape, image_types, names),
            str(cards.get("DATASUM", "")),
            Numbers.of(hdu) if numbers is None and not hdu.is_tiled else numbers,
            hdu.offset if has_rows and not hdu.is_tiled else None,
            memory,
            None if memory is None else (primary, hdu),
        )

    def masked(self, mask, numbers):
        """Return the image in memory with NaN for its masked pixels."""
        values = self.numbers.values(self.memory).astype(float)
        values[numbers.values(mask) != 0] = np.nan
        return replace(self, memory=values, numbers=Numbers(values.dtype))

    @property
    def has_rows(self):
        """Whether some rows can be had without uncompressing all."""
        return self.memory is not None or self.offset is not None

    @property
    def has_datasum(self):
        """Whether the pixels add up to the ``DATASUM`` of the header, if it states one and they are as they were stored."""
        if not self.datasum.strip().isdigit() or self.offset is None or self.spill is not None:
            return True
        rows, columns = self.info.shape
        step = max(1, BAND_BYTES // (columns * self.numbers.stored.itemsize))
        bands = (self._stored(slice(start, start + step)) for start in range(0, rows, step))
        return datasum_of(bands) == int(self.datasum) % 0xFFFFFFFF

    def __getitem__(self, part):
        rows, columns = part
        return self.numbers.values(self._stored(rows)[:, columns])

    def _stored(self, rows):
        if self.memory is not None:
            return self.memory[rows]
        start, stop, _ = rows.indices(self.info.shape[0])
        stored = np.empty((stop - start, self.info.shape[1]), self.numbers.stored)
        place = self.offset + start * self.info.shape[1] * stored.itemsize
        try:
            if self.spill is not None:
                whole = _read_at(self.spill.fileno(), stored, place)
            else:
                with open(self.path, "rb", buffering=0) as stream:
                    whole = _read_at(stream.fileno(), stored, place)
        except OSError as error:
            raise FrameError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        if not whole:
            raise has_changed(self.path)
        return stored


def has_changed(path):
    """Return the error that a file is not what its header was."""
    return FrameError(f"{path} has changed since its header was read; run again.")


def _read_at(descriptor, array, offset):
    """Fill an array from a place in a file that others may be reading; tell whether there was enough."""
    view = memoryview(array).cast("B")
    while view and (count := os.preadv(descriptor, [view], offset)):
        view, offset = view[count:], offset + count
    return not view
