"""Frames that belong together: of one exposure; of one camera, shape, binning, mode, gain, unit and temperature."""

from collections import Counter
from statistics import median

from .errors import NightError, ParameterError
from .text import visible

__all__ = [
    "CHOICES",
    "EXPOSURE_FRACTION",
    "EXPOSURE_SECONDS",
    "TEMPERATURE_TOLERANCE",
    "group_exposures",
    "odd_frames",
    "same_exposure",
    "without_odd",
]

# Exposures this close are the same: shutters and their clocks are no better, and at a usual dark current of 0.01 e-/s
# the difference is far below one electron.
EXPOSURE_SECONDS = 0.1
EXPOSURE_FRACTION = 0.001

CHOICES = ("leave out", "refuse", "keep")

# A CCD's dark current doubles every 6 to 7 degrees; at 2 degrees the bias of most controllers has not moved visibly.
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
    groups = []
    for index in sorted(range(len(exposures)), key=exposures.__getitem__):
        if groups and same_exposure(exposures[groups[-1][0]], exposures[index]):
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
            f"{listed} Name the frames that belong together with files, or set mixed to 'leave out' or 'keep'."
        )
    return [frame for frame in frames if frame.name not in odd], odd


def odd_frames(frames, unit="adu"):
    """Return the frames that differ from the majority in something that makes them another kind of frame.

    A header that says nothing of a property differs from none.

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
    for what, values in _properties(frames, unit).items():
        usual, others = _minority(what, values)
        for name in others:
            differences.setdefault(name, []).append(f"{what} {values[name]}, theirs {usual}")
    return {
        name: f"{visible(name)} differs from most of the others: {'; '.join(found)}."
        for name, found in differences.items()
    }


def _properties(frames, unit):
    """Return, for each property, the value of every frame whose header gives it."""
    read = {
        "unit": lambda info: info.unit or unit,
        "binning": lambda info: info.binning and f"{info.binning[0]:g} x {info.binning[1]:g}",
        "readout mode": lambda info: info.readout,
        "camera": lambda info: info.instrument,
        "gain": lambda info: None if info.gain is None else f"{info.gain:.4g}",
        "temperature": lambda info: info.temperature,
    }
    found = {"shape (rows x columns)": {frame.name: frame.shape_text for frame in frames}}
    found |= {what: {frame.name: get(frame.info) for frame in frames} for what, get in read.items()}
    return {
        what: {name: value for name, value in of.items() if value not in (None, "")}
        for what, of in found.items()
    }


def _minority(what, values):
    """Return the usual value and the names of the frames that have another."""
    if what == "temperature":
        usual = median(values.values()) if values else 0.0
        others = [name for name, value in values.items() if abs(value - usual) > TEMPERATURE_TOLERANCE]
    else:
        usual = Counter(values.values()).most_common(1)[0][0] if values else None
        others = [name for name, value in values.items() if value != usual]
    if others and 2 * len(others) >= len(values):
        kinds = "; ".join(f"{visible(name)} has {value}" for name, value in list(values.items())[:6])
        raise NightError(
            f"the frames are of several kinds and none is in the majority: {what}: {kinds}. Name those that belong together "
            "with files."
        )
    return usual, others
