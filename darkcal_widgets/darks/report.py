"""The report on the darks of a folder: dark current, read noise, glow, linearity. Hot pixels are found in `hotpixels`.

Every number comes with its uncertainty, half the width of the interval that holds the true value with 99 % confidence (Student's
t where there are few frames); of a class of a hundred students, one sees the truth outside.
"""

import html
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.table import Table

from ..errors import NightError, ParameterError
from ..frames import Frame
from ..groups import group_exposures
from ..parallel import threaded
from ..results import Results
from .hotpixels import HOT_SIGMA, Background, background, confirmed, corner_glow, hot_pixels
from .noise import Estimate, known_gain, read_noise, student_t

__all__ = ["DarkReport", "measure_darks"]

# Pairs of bias frames: three give the read noise to a per mille already.
_PAIRS = 3

# Counts that stray from a straight line by more than this are not linear: better shutters and amplifiers keep within 1 %.
LINEARITY = 0.03

# Hot pixels between these serve for linearity: well above the noise, well below saturation.
_HOT_LEAST_SIGMA, _HOT_MOST_FRACTION = 20.0, 0.5


@dataclass(frozen=True, repr=False)
class DarkReport:
    """What the darks of a folder tell.

    Attributes
    ----------
    levels : `~astropy.table.Table`
        For each exposure in seconds: darks, level (away from glow and hot pixels), its uncertainty, noise of one pixel of
        the combined dark; in the unit of the frames.
    gain : float or None
        Electrons per ADU.
    dark_current : Estimate or None
    read_noise : Estimate or None
    hot : `~astropy.table.Table`
        See `~darkcal_widgets.darks.hotpixels.hot_pixels`; of the longest exposure.
    glow : str
        Empty: there is none.
    linear : str
        What is found of the growth with exposure.
    growth : dict
        Exposure to the mean of the hot pixels' counts over those in the longest exposure, and its uncertainty.
    image : ndarray
        The combined dark of the longest exposure.
    exposure : float
        Its exposure in seconds.
    ground : Background
        Of `image`.
    notes : tuple of str
        What could not be said, and why.
    """

    levels: Table
    gain: float | None
    dark_current: Estimate | None
    read_noise: Estimate | None
    hot: Table
    glow: str
    linear: str
    growth: dict
    image: np.ndarray
    exposure: float
    ground: Background
    notes: tuple = ()

    def lines(self):
        """Return the findings as pairs of name and text."""
        threshold = self.hot.meta["threshold"]
        yield "dark current", str(self.dark_current or "cannot be told")
        yield "read noise", str(self.read_noise or "cannot be told")
        yield "hot pixels", f"{len(self.hot)} above {threshold:.1f} sigma in {self.exposure:g} s"
        yield "glow", self.glow or "none"
        yield "linear", self.linear
        yield from (("note", note) for note in self.notes)

    def __str__(self):
        return "\n".join(f"{name}: {text}" for name, text in self.lines())

    def __repr__(self):
        return f"<DarkReport of {self.exposure:g} s, dark current {self.dark_current}>"

    def _repr_html_(self):
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self.lines()
        )
        return f"<table>{rows}</table>{self.levels._repr_html_()}"


@dataclass(frozen=True)
class _Single:
    """One calibrated dark: its exposure, its level and its values at the hot pixels."""

    exposure: float
    level: float
    values: np.ndarray
    bias_file: str
    overscan: bool


def measure_darks(reduced_folder, night=None, *, gain=None, sigma=HOT_SIGMA):
    """Measure the calibrated and combined darks of a folder.

    Parameters
    ----------
    reduced_folder : path-like
        Where `calibrate_darks` and `combine_darks` have written.
    night : Night, optional
        Its bias frames give the read noise.
    gain : float, optional
        Electrons per ADU; `None`: as the headers say.
    sigma : float
        Threshold for hot pixels, in standard deviations.

    Returns
    -------
    DarkReport

    Raises
    ------
    NightError
        The folder holds no combined dark.
    ParameterError
        The gain is not above 0.
    """
    combined, singles = _results(reduced_folder)
    if gain is not None and not gain > 0:
        raise ParameterError(f"gain is {gain!r}; expected electrons per ADU, above 0.")
    frame, info = combined[-1], combined[-1].info
    gain = known_gain(info, gain)
    ground = background(frame.data)
    count = frame.header.get("NCOMBINE", 1)
    hot = hot_pixels(frame.data, info.exposure, gain=gain, frames=count, sigma=sigma, ground=ground)
    members = threaded(lambda single: _single(single, ground, hot), singles)
    longest = [member.values for member in members if member.exposure == info.exposure]
    if longest:
        keep = np.isin(np.arange(len(hot)), _confirmed_places(hot, np.array(longest)))
        hot, members = hot[keep], [_at(member, keep) for member in members]
    groups = [[members[i] for i in group] for group in group_exposures([m.exposure for m in members])]
    notes = []
    linear, growth = _linearity(groups, hot, ground)
    bias_count = _bias_count(reduced_folder, members)
    return DarkReport(
        _levels(groups, combined, bias_count, ground, info.unit or "adu"),
        gain,
        _dark_current(groups, gain, bias_count, notes),
        _night_read_noise(night, gain, notes),
        hot,
        _glow(frame.data, ground, info.exposure, gain),
        linear,
        growth,
        frame.data,
        info.exposure,
        ground,
        tuple(notes),
    )


# --- Results on disk --------------------------------------------------------------------------------------


def _results(reduced_folder):
    """Return the combined darks by exposure, and the single ones of the same shape."""
    results = Results(reduced_folder)
    combined = [frame for frame in results.combined_darks if frame.info.exposure]
    if not combined:
        raise NightError(f"there is no combined dark in {str(results.folder)!r}; combine_darks makes it.")
    timed = [frame for frame in results.darks if frame.info.type == "dark" and frame.info.exposure]
    return combined, [frame for frame in timed if frame.shape == combined[-1].shape]


def _single(frame, ground, hot):
    data = frame.data
    return _Single(
        frame.info.exposure,
        ground.level_of(data),
        data[hot["y"], hot["x"]].astype(float),
        frame.header.get("BIASFILE", ""),
        "OSCNMEAN" in frame.header,
    )


def _confirmed_places(hot, values):
    marked = hot.copy()
    marked["place"] = np.arange(len(hot))
    return confirmed(marked, values)["place"]


def _at(member, keep):
    return _Single(member.exposure, member.level, member.values[keep], member.bias_file, member.overscan)


def _bias_count(reduced_folder, members):
    """Return how many frames are in the combined bias that was subtracted; `None`: none was, or it is not there."""
    for member in members:
        path = Path(reduced_folder) / member.bias_file
        if member.bias_file and path.is_file():
            return Frame(path).header.get("NCOMBINE")
    return None


# --- Numbers ----------------------------------------------------------------------------------------------


def _pooled(groups):
    """Return the scatter of levels within groups of one exposure, and its degrees of freedom."""
    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(np.sum((_group_levels(group) - np.mean(_group_levels(group))) ** 2) for group in groups)
    return (np.sqrt(squares / freedom) if freedom else np.nan), freedom


def _group_levels(group):
    return np.array([member.level for member in group])


def _mean_error(group, bias_count):
    """Return the error of the mean level over the scatter of one frame's; the combined bias has a mean with an error, too."""
    biases = 1 / bias_count if group[0].bias_file and bias_count else 0.0
    return np.sqrt(1 / len(group) + biases)


def _levels(groups, combined, bias_count, ground, unit):
    """Tabulate level and noise of each exposure; `ground` is the background of the last combined dark."""
    scatter, freedom = _pooled(groups)
    by_exposure = {frame.info.exposure: frame for frame in combined}
    rows = []
    for group in groups:
        levels = _group_levels(group)
        frame = next((f for t, f in by_exposure.items() if any(t == m.exposure for m in group)), None)
        noise = np.nan if frame is None else ground.sigma if frame is combined[-1] else _noise_of(frame)
        error = student_t(freedom) * scatter * _mean_error(group, bias_count) if freedom else np.nan
        rows.append((group[0].exposure, len(group), levels.mean(), error, noise))
    names = ("exposure", "darks", "level", "uncertainty", "noise")
    table = Table(rows=rows, names=names, dtype=(float, int, float, float, float))
    table["exposure"].unit = "s"
    for name in ("level", "uncertainty", "noise"):
        table[name].format = "%.4g"
        table[name].unit = unit
    return table


def _noise_of(frame):
    return background(frame.data).sigma


def _dark_current(groups, gain, bias_count, notes):
    """Return the dark current, from the growth of the level with exposure, else from the level that is left without bias."""
    unit, factor = ("adu/s", 1.0) if gain is None else ("e-/s", gain)
    if gain is None:
        notes.append("The headers name no gain and none was given: the dark current is in adu/s.")
    members = [member for group in groups for member in group]
    if len(groups) > 1 and len(members) > 2:
        return _slope(members, factor, unit)
    return _from_level(groups, factor, unit, bias_count, notes)


def _slope(members, factor, unit):
    seconds = np.array([member.exposure for member in members])
    levels = np.array([member.level for member in members])
    slope, constant = np.polyfit(seconds, levels, 1)
    freedom = len(members) - 2
    scatter = np.sqrt(np.sum((levels - constant - slope * seconds) ** 2) / freedom)
    error = student_t(freedom) * scatter / np.sqrt(np.sum((seconds - seconds.mean()) ** 2))
    return Estimate(float(factor * slope), float(factor * error), unit)


def _from_level(groups, factor, unit, bias_count, notes):
    if not groups:
        notes.append("There are no single calibrated darks whose levels could be compared: no dark current.")
        return None
    first = groups[0][0]
    if not first.bias_file and not first.overscan:
        notes.append("The bias is still in the darks, and all have one exposure: no dark current.")
        return None
    scatter, freedom = _pooled(groups)
    if not freedom:
        notes.append(
            "There is only one dark, so nothing tells how sure a dark current would be: none is given."
        )
        return None
    if not first.bias_file:
        notes.append(
            "The dark current takes the overscan for the bias of the image, for there is but one exposure."
        )
    elif bias_count is None:
        notes.append("The uncertainty of the dark current leaves out that of the combined bias.")
    level = _group_levels(groups[-1])
    seconds = groups[-1][0].exposure
    error = student_t(freedom) * scatter * _mean_error(groups[-1], bias_count)
    return Estimate(float(factor * level.mean() / seconds), float(factor * error / seconds), unit)


def _night_read_noise(night, gain, notes):
    frames = [] if night is None else night.biases
    frames = [frame for frame in frames if frame.info.shape == frames[0].info.shape][: 2 * _PAIRS]
    if len(frames) < 2:
        notes.append("It takes two bias frames of the night to see the read noise.")
        return None
    pairs = list(zip(frames[::2], frames[1::2], strict=False))
    pairs = threaded(lambda pair: read_noise([frame.data for frame in pair], gain), pairs)
    count = len(pairs)
    value = np.sqrt(np.mean([pair.value**2 for pair in pairs]))
    return Estimate(
        float(value),
        float(np.mean([pair.uncertainty for pair in pairs]) / np.sqrt(count)),
        pairs[0].unit,
    )


def _glow(image, ground, seconds, gain):
    found = corner_glow(image, ground)
    if found is None:
        return ""
    corner, value, error, reach = found
    unit, factor = ("adu/s", 1.0) if gain is None else ("e-/s", gain)
    rate = Estimate(factor * value / seconds, factor * student_t(60) * error / seconds, unit)
    return f"{corner} corner, {rate} there, seen over {reach} pixels"


def _linearity(groups, hot, ground):
    """Compare the hot pixels of each exposure with the longest: in a linear camera counts grow as the exposure."""
    if len(groups) < 2:
        return "there is only one exposure", {}
    longest = groups[-1]
    counts = np.mean([member.values - member.level for member in longest], axis=0)
    most = _HOT_MOST_FRACTION * (np.max(counts) if len(counts) else 0)
    good = (counts > _HOT_LEAST_SIGMA * ground.sigma) & (counts < most)
    if good.sum() < 3:
        return "too few hot pixels below saturation to tell", {}
    growth, judged = {}, []
    for group in groups[:-1]:
        signal = np.mean([member.values[good] - member.level for member in group], axis=0)
        ratio = float(np.sum(signal) / np.sum(counts[good]))
        error = (
            student_t(int(good.sum()))
            * ground.sigma
            * np.sqrt(len(longest) / len(group) * good.sum())
            / np.sum(counts[good])
        )
        expected = group[0].exposure / longest[0].exposure
        growth[group[0].exposure] = (ratio, float(error))
        judged.append((ratio / expected - 1, error / expected))
    worst, error = max(judged, key=lambda pair: abs(pair[0]) - pair[1])
    straight = abs(worst) <= max(LINEARITY, error)
    word = "yes" if straight else "no"
    text = f"{word}: counts of {int(good.sum())} hot pixels keep to a straight line within {abs(worst):.1%} ± {error:.1%}"
    return text, growth
