"""What was measured, written as a recipe; and the recipe that several images have in common. Nothing is measured here."""

from dataclasses import replace

from ..errors import ParameterError
from ..recipe import Recipe
from ..sections import to_brief, whole_of, with_part
from .verdict import MINIMUM_COLUMNS, judge

__all__ = ["common_recipe", "keep_text", "recipe_of"]


def recipe_of(overscan):
    """Return the recipe that follows from an overscan; whether the bias is subtracted does not.

    Parameters
    ----------
    overscan : Overscan

    Returns
    -------
    Recipe
    """
    amplifiers = _amplifiers(overscan)
    if amplifiers is not None:
        return Recipe(amplifiers=amplifiers)
    columns = None
    if judge(overscan).usable:
        shape = overscan.sample.shape
        columns = _section(with_part(whole_of(shape), overscan.strip.axis, overscan.clean), shape)
    return Recipe(overscan_columns=columns, keep_columns=keep_text(overscan))


def keep_text(overscan):
    """Return the part to keep as it is written in a recipe, or `None` for all."""
    keep = overscan.place.keep
    return None if keep is None else _section(keep, overscan.sample.shape)


def common_recipe(recipes):
    """Find the recipe that does for the first image and as many others as possible.

    Images are calibrated alike if the same is kept and the same done. Of overscans that differ by a few columns, those that are
    clean in all are used.

    Parameters
    ----------
    recipes : dict of str to (Recipe, tuple of int)
        The label of each image to its recipe and its shape (rows, columns), `None` if none could be read.

    Returns
    -------
    recipe : Recipe
    labels : list of str
        Of the images that it is for; the first is always one of them.
    """
    (first, (recipe, shape)), *others = recipes.items()
    labels = [first]
    for label, (other, other_shape) in others:
        joint = _joint(recipe, other, shape) if other_shape == shape else None
        if joint is not None:
            recipe = joint
            labels.append(label)
    return recipe, labels


def _amplifiers(overscan):
    """Return the parameter amplifiers; `None`: it is not needed, or it is not known what it would be."""
    if not overscan.amplifiers:
        return None
    shape, usable = overscan.sample.shape, judge(overscan).usable
    if not usable and not (overscan.strip is not None and overscan.strip.middle):
        return None
    return tuple(
        (_section(one.clean, shape, True) if usable else None, _section(one.regions.keep, shape, True))
        for one in overscan.amplifiers
    )


def _section(part, shape, explicit=False):
    """Write a part of a frame, `None` for all; where it is `explicit`, the first and the last column are written, too."""
    rows, columns = part
    if explicit and rows == slice(0, shape[0]):
        return f"{columns.start}:{columns.stop}"
    return to_brief(part, shape)


def _joint(one, other, shape):
    """Return the recipe that does for both of two images of one shape, or `None`."""
    if one == other:
        return one
    if shape is None or one.uses_bias != other.uses_bias:
        return None
    try:
        pieces = list(zip(one.pieces(shape), other.pieces(shape), strict=True))
    except (ParameterError, ValueError):
        return None
    parts = [_common_overscan(*pair) for pair in pieces]
    if any(a.keep != b.keep or a.axis != b.axis for a, b in pieces) or False in parts:
        return None
    if one.amplifiers is None:
        return replace(one, overscan_columns=parts[0] and _section(parts[0], shape))
    texts = [part and _section(part, shape, True) for part in parts]
    return replace(
        one,
        amplifiers=tuple((text, image) for text, (_, image) in zip(texts, one.amplifiers, strict=True)),
    )


def _common_overscan(one, other):
    """Return the rows and columns that two overscans share, `None` if neither is used, `False` if too few are shared."""
    if one.overscan is None and other.overscan is None:
        return None
    if None in (one.overscan, other.overscan):
        return False
    pairs = zip(one.overscan, other.overscan, strict=True)
    shared = tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in pairs)
    return shared if shared[one.axis].stop - shared[one.axis].start >= MINIMUM_COLUMNS else False
