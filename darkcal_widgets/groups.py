"""Frames that belong together: of one camera, shape, binning, mode, gain and unit; of one exposure; of one temperature."""

from collections import Counter

from .errors import NightError, ParameterError
from .text import visible

__all__ = [
    "CHOICES",
    "EXPOSURE_FRACTION",
    "EXPOSURE_SECONDS",
    "TEMPERATURE_TOLERANCE",
    "differences_from",
    "group_exposures",
    "group_temperatures",
    "odd_frames",
    "part_by_temperature",
    "same_exposure",
    "without_odd",
    "without_reduced",
]

# Exposures this close are the same: shutters and their clocks are no better, and at a usual dark current of 0.01 e-/s
# the difference is far below one electron.
EXPOSURE_SECONDS = 0.1
EXPOSURE_FRACTION = 0.001

CHOICES = ("leave out", "refuse", "keep")

# Degrees Celsius. A CCD's dark current doubles every 6 to 7 degrees; at 2 degrees the bias of most controllers has not moved
# visibly.
TEMPERATURE_TOLERANCE = 2.0


def same_exposure(one, other):
    """Tell whether two exposures in seconds are the same within 0.1 s or 0.1 %, whichever is larger."""
    return abs(one - other) <= max(EXPOSURE_SECONDS, EXPOSURE_FRACTION * max(one, other))


def group_exposures(exposures):
    """Group exposures in seconds that are the same: a list of lists of indices, by increasing exposure.

    Each exposure is compared with the shortest of its group, so that a group is never wider than the tolerance.

    Examples
    --------
    >>> group_exposures([70.0, 7.0, 70.011])
    [[1], [0, 2]]
    """
    return _grouped(exposures, same_exposure)


def group_temperatures(temperatures):
    """Group temperatures in degrees Celsius that are within 2 degrees: a list of lists of indices, the coldest first.

    As with exposures, no group is wider than the tolerance.

    Examples
    --------
    >>> group_temperatures([-5.2, -10.2, -4.8])
    [[1], [0, 2]]
    """
    return _grouped(temperatures, lambda one, other: abs(one - other) <= TEMPERATURE_TOLERANCE)


def part_by_temperature(frames):
    """Part frames by temperature.

    Parameters
    ----------
    frames : sequence of Frame

    Returns
    -------
    groups : list of list of Frame
        The coldest first, in each the frames in their order; at least one.
    without : list of Frame
        Those that belong to none of several, because their header gives no temperature.
    """
    known = [frame for frame in frames if frame.info.temperature is not None]
    groups = group_temperatures([frame.info.temperature for frame in known])
    if len(groups) < 2:
        return [list(frames)], []
    without = [frame for frame in frames if frame.info.temperature is None]
    return [[known[index] for index in sorted(group)] for group in groups], without


def _grouped(values, same):
    groups = []
    for index in sorted(range(len(values)), key=values.__getitem__):
        if groups and same(values[groups[-1][0]], values[index]):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def without_odd(frames, unit, mixed="leave out"):
    """Part frames into those that belong together and those that do not.

    Parameters
    ----------
    frames : sequence of Frame
    unit : str
        Of frames whose header has no ``BUNIT``.
    mixed : str
        What is done with frames that differ from most: ``'leave out'``, ``'refuse'`` all, or ``'keep'`` them.

    Returns
    -------
    kept : list of Frame
    odd : dict of str to str
        Name of each frame left out, to the reason.

    Raises
    ------
    NightError
        There are such frames and they are to be refused; or no kind of frame is in the majority.
    ParameterError
        `mixed` is not one of the three.
    """
    if mixed not in CHOICES:
        raise ParameterError(f"mixed is {mixed!r}; expected one of {', '.join(map(repr, CHOICES))}.")
    if mixed == "keep":
        return list(frames), {}
    odd = odd_frames(frames, unit)
    if odd and mixed == "refuse":
        listed = " ".join(odd.values())
        raise NightError(
            f"{listed} Choose frames that belong together with files, or set mixed to 'leave out' or 'keep'."
        )
    return [frame for frame in frames if frame.name not in odd], odd


def odd_frames(frames, unit="adu"):
    """Return the frames that differ from the majority in something that makes them another kind of frame.

    A header that does not give a property differs from none. Nor does a temperature: calibrating needs no common one.

    Parameters
    ----------
    frames : sequence of Frame
    unit : str
        Of frames whose header has no ``BUNIT``.

    Returns
    -------
    dict of str to str
        Name of each such frame, to the reason.

    Raises
    ------
    NightError
        No value of a property is that of more than half of the frames.
    """
    differences = {}
    layout = {
        "shape (rows x columns)": {frame.name: frame.shape_text for frame in frames},
        "images": {frame.name: ", ".join(sorted(part.extension for part in frame.parts)) for frame in frames},
    }
    for what, values in (_given(layout) | _properties(frames, unit)).items():
        usual, others = _minority(what, values)
        for name in others:
            differences.setdefault(name, []).append(f"{what} {values[name]}, the others have {usual}")
    return {
        name: f"{visible(name)} differs from most frames: {'; '.join(found)}."
        for name, found in differences.items()
    }


def differences_from(frame, others, unit="adu"):
    """Say what makes a frame another kind than others, all but shape, images and pedestal.

    A header that does not give a property differs from none.

    Returns
    -------
    str
        Such as ``'binning 2 x 2, dark-0.fits has 1 x 1'``; empty: nothing.
    """
    own, theirs = _properties([frame], unit), _properties(others, unit)
    found = []
    del own["pedestal"]  # other software may have taken it out without a word, so that it is noted only
    for what, value in ((what, *of.values()) for what, of in own.items() if of):
        other = next((name for name, found in theirs[what].items() if found != value), None)
        if other is not None:
            found.append(f"{what} {value}, {visible(other)} has {theirs[what][other]}")
    return "; ".join(found)


def without_reduced(frames, recipe):
    """Part frames into those that a recipe can be used on, and those that have had one of its steps already, as headers say.

    Parameters
    ----------
    frames : sequence of Frame
        Darks or bias frames.
    recipe : Recipe

    Returns
    -------
    kept : list of Frame
    reduced : dict of str to str
        Name of each of the others, to the reason.
    """
    why = {frame.name: _why_reduced(frame, recipe) for frame in frames}
    return [frame for frame in frames if not why[frame.name]], {
        name: text for name, text in why.items() if text
    }


def _why_reduced(frame, recipe):
    """Say which step was done to a frame and must not be done again, and by which card that is known; empty: none."""
    done, name = dict(frame.info.done), visible(frame.name)
    if "dark" in done:
        return f"{name} has had a dark subtracted already ({done['dark']}). Take the raw frame."
    if "bias" in done and frame.info.type == "bias":
        return f"{name} has had the bias subtracted already ({done['bias']}). Take the raw frame."
    again, settings = "", ""
    if "bias" in done and recipe.subtract_bias:
        again, settings = "bias", "subtract_bias to False"
    elif "overscan" in done and (recipe.overscan_columns is not None or recipe.amplifiers is not None):
        again, settings = "overscan", "overscan_columns and amplifiers to None"
    if not again:
        return ""
    return (
        f"{name} has had the {again} subtracted already ({done[again]}), and it would be subtracted again. Take the raw frame, "
        f"or set {settings}."
    )


def _properties(frames, unit):
    """Return, for each property, the value of every frame whose header gives it."""
    read = {
        "unit": lambda info: info.unit or unit,
        "binning": lambda info: info.binning and f"{info.binning[0]:g} x {info.binning[1]:g}",
        "readout mode": lambda info: info.readout,
        "camera": lambda info: info.instrument,
        "gain": lambda info: None if info.gain is None else f"{info.gain:.4g}",
        "gain setting": lambda info: info.gain_setting,
        "pedestal": lambda info: f"{info.pedestal:g}",
    }
    return _given({what: {frame.name: get(frame.info) for frame in frames} for what, get in read.items()})


def _given(properties):
    return {
        what: {name: value for name, value in of.items() if value not in (None, "")}
        for what, of in properties.items()
    }


def _minority(what, values):
    """Return the usual value and the names of the frames that have another."""
    usual = Counter(values.values()).most_common(1)[0][0] if values else None
    others = [name for name, value in values.items() if value != usual]
    if others and 2 * len(others) >= len(values):
        kinds = "; ".join(f"{visible(name)} has {value}" for name, value in list(values.items())[:6])
        raise NightError(
            f"the frames are of several kinds, and none is in the majority: {what}: {kinds}. Choose those that belong "
            "together with files."
        )
    return usual, others
