"""Remarks: what was measured in a night speaks against settings that differ from the advice. No rules of its own."""

from dataclasses import replace

from .findings import light_finding, width_finding
from .straylight import stray_light
from .verdict import MINIMUM_COLUMNS

__all__ = ["remarks"]


def remarks(advice, recipe):
    """Say what speaks against the steps of a recipe.

    Parameters
    ----------
    advice : Advice
    recipe : Recipe
        It fits the frames.

    Returns
    -------
    dict of str to str
        Name of each parameter that something speaks against, to sentences.
    """
    said = {
        name: f"Advised: {_as_words(getattr(advice.recipe, name))}. {reason}"
        for name, reason in advice.differing(recipe).items()
    }
    if "overscan_columns" in said and None not in (recipe.overscan_columns, advice.recipe.overscan_columns):
        said["overscan_columns"] = _of_columns(advice.overscan, recipe, said["overscan_columns"])
    return {name: sentences for name, sentences in said.items() if sentences}


def _as_words(value):
    return {None: "none", True: "yes", False: "no"}.get(value, value)


def _of_columns(overscan, recipe, otherwise):
    """Measure the columns of a recipe as if they were all of the overscan, and say what is wrong with them.

    `otherwise` is said of an overscan along the other axis.
    """
    regions, strip = recipe.regions(overscan.sample.shape), overscan.strip
    if regions.axis != strip.axis:
        return otherwise
    part = regions.overscan[strip.axis]
    strip = replace(strip, start=part.start, stop=part.stop)
    found = replace(overscan, place=replace(overscan.place, strip=strip), clean=part)
    if found.width < MINIMUM_COLUMNS:
        width = width_finding(found)
        return f"Only {width.measured}. {width.reason}"
    stray = stray_light(overscan.sample, strip, overscan.pixel_noise)
    light = light_finding(replace(found, stray=stray, clean=strip.without(stray.count)))
    return f"Light reaches {light.verdict}: {light.measured}. {light.reason}" if stray.count else ""
