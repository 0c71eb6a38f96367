"""The images of a file: which of its HDUs hold one, which of them are of science, and their cards. Not their pixels (pixels)."""

from ..errors import FrameError
from .cards import STORAGE_KEYWORDS
from .guard import walk
from .pixels import cards_of_tiles

__all__ = ["cards_of", "labels_of", "science_images", "walk_images"]

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
    """Return the ``EXTNAME`` of each image, or the number of its HDU where names are missing or not distinct."""
    names = [image.name for image in images]
    return names if all(names) and len({*names}) == len(names) else [str(image.number) for image in images]


def cards_of(primary, hdu):
    """Return the `Cards` of an image without those on how it is stored: its own, then those that only the primary header has."""
    own = cards_of_tiles(hdu) if hdu.is_tiled else hdu.cards
    return (own if hdu is primary else own.completed(primary.cards)).without(STORAGE_KEYWORDS)
