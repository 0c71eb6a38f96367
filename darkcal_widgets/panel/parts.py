"""The parts of an image that settings select, in both notations and as ranges; one overscan made several. Wrong ones are none."""

from ..errors import ParameterError
from ..sections import parse_section, resolve_regions, to_brief, to_fits, to_python

__all__ = ["SECTIONS", "all_notations", "join_amplifiers", "notation", "regions", "split_amplifiers"]

SECTIONS = ("overscan_columns", "keep_columns")


def regions(values, shape):
    """Lay the sections of settings on an image of `shape` (rows, columns).

    Raises
    ------
    ParameterError
        See `~darkcal_widgets.sections.resolve_regions`.
    """
    sections = (None if values[name] is None else parse_section(values[name], name) for name in SECTIONS)
    return resolve_regions(*sections, shape)


def all_notations(values, shape):
    """Write the sections and amplifiers of settings, by name, as `notation` does; `shape` is `None` where there is no image."""
    found = {name: shape and notation(values, name, shape) for name in SECTIONS}
    return found | {"amplifiers": shape and _amplifier_notations(values, shape)}


def notation(values, name, shape):
    """Write a section in both notations and as a range along its axis.

    Returns
    -------
    dict or None
        ``text``, as it is set; ``python`` and ``fits``; ``axis``, 1 where columns are selected and 0 where rows are; ``rows`` and
        ``columns``, each start and stop. `None`: there is no such section, or it does not fit the frame.
    """
    if values[name] is None:
        return None
    try:
        region = parse_section(values[name], name).resolve(shape)
    except ParameterError:
        return None
    axis = 0 if region[1] == slice(0, shape[1]) and region[0] != slice(0, shape[0]) else 1
    if name == "overscan_columns":
        region = tuple(part if n == axis else slice(0, shape[n]) for n, part in enumerate(region))
    return {
        "text": values[name],
        "python": to_python(region, shape),
        "fits": to_fits(region),
        "axis": axis,
        "rows": [region[0].start, region[0].stop],
        "columns": [region[1].start, region[1].stop],
    }


def _amplifier_notations(values, shape):
    """Write the parts of each amplifier, ``overscan`` and ``image``, as `notation` does; `None`: there is one amplifier."""
    if values["amplifiers"] is None:
        return None
    return [
        {
            "overscan": notation({"overscan_columns": overscan}, "overscan_columns", shape),
            "image": notation({"keep_columns": image}, "keep_columns", shape),
        }
        for overscan, image in values["amplifiers"]
    ]


def split_amplifiers(values, shape):
    """Return the settings for two amplifiers, to begin with: each has half of the columns kept so far, and the same overscan.

    Raises
    ------
    ParameterError
        The sections do not fit an image of `shape`.
    """
    rows, columns = regions(values, shape).keep
    middle = (columns.start + columns.stop) // 2
    halves = ((rows, slice(columns.start, middle)), (rows, slice(middle, columns.stop)))
    pairs = tuple((values["overscan_columns"], to_brief(half, shape)) for half in halves)
    return {"amplifiers": pairs} | dict.fromkeys(SECTIONS)


def join_amplifiers(values, shape):
    """Return the settings for one amplifier: the first overscan, and of the image all that those of several had."""
    images = [found["image"] for found in _amplifier_notations(values, shape) if found["image"]]
    ends = [(image["rows"], image["columns"]) for image in images] or [([0, shape[0]], [0, shape[1]])]
    keep = tuple(slice(min(one[n][0] for one in ends), max(one[n][1] for one in ends)) for n in (0, 1))
    overscan = values["amplifiers"][0][0]
    return {"amplifiers": None, "overscan_columns": overscan, "keep_columns": to_brief(keep, shape)}
