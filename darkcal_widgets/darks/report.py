"""The report on the darks of a folder: what is measured, how well it is known, and what could not be measured and why.

Every number comes with its uncertainty, half the width of the interval that holds the true value with 99 % confidence (Student's
t if there are few frames); of a class of a hundred students, one finds the truth outside it.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FrameError, NightError, ParameterError
from ..frames.numbers import count_of, unequal_gains
from ..groups import TEMPERATURE_TOLERANCE, group_exposures
from ..html import html_table
from ..parallel import threaded
from ..results import Results, members_of
from ..tables import ShownTable
from ..text import ascii_only
from .background import Background, background, corner_glow
from .current import Bias, Levels, Scale, Single, with_bias
from .growth import linearity_of
from .hotpixels import HOT_SIGMA, confirmed, hot_pixels, with_own_noise
from .noise import Estimate, hidden_by_rounding, known_gain, pooled, read_noise, row_noise, student_t
from .treatment import Treatment

if TYPE_CHECKING:
    from os import PathLike

    from ..night import Night

__all__ = ["DarkReport", "measure_darks"]

# Pairs of bias frames: three give the read noise to a per mille already.
_PAIRS = 3

# Degrees of freedom from which on Student's t is that of a Gaussian.
_MANY = 10**6

# So many hot pixels show the shot noise if no gain is known.
_ENOUGH_HOT = 5


@dataclass(frozen=True, repr=False)
class DarkReport:
    """What the darks of a folder show.

    Attributes
    ----------
    levels : `~astropy.table.Table`
        For each exposure in seconds: darks, level (mean of the pixels away from glow and hot pixels), its uncertainty from the
        scatter of the darks, noise of one pixel of the combined dark; in the unit of the frames.
    gain : float or None
        Electrons per ADU.
    dark_current : Estimate or None
        Of most pixels: the mean of those that are neither hot nor in glow.
    mean_dark_current : Estimate or None
        The mean of all pixels, hot ones and glow included, except saturated ones.
    read_noise : Estimate or None
    hot : `~astropy.table.Table`
        See `~darkcal_widgets.darks.hotpixels.hot_pixels`; of the longest exposure.
    glow : str
        Empty: there is none.
    linear : str
        Whether counts grow with the exposure, in words.
    growth : dict
        Exposure to the mean of the hot pixels' counts over those in the longest exposure, and its uncertainty.
    image : ndarray
        The combined dark of the longest exposure.
    exposure : float
        Its exposure in seconds; 0: it has none, and nothing is said per second.
    ground : Background
        Of `image`.
    notes : tuple of str
        What could not be measured, and why.
    """

    levels: ShownTable
    gain: float | None
    dark_current: Estimate | None
    mean_dark_current: Estimate | None
    read_noise: Estimate | None
    hot: ShownTable
    glow: str
    linear: str
    growth: dict
    image: np.ndarray
    exposure: float
    ground: Background
    notes: tuple = ()

    def lines(self):
        """Return the findings as pairs of name and text."""
        yield "dark current", _told(self.dark_current, "of most pixels, hot ones and glow left out")
        if self.mean_dark_current is not None:
            yield (
                "mean dark current",
                _told(self.mean_dark_current, "of all pixels, hot ones and glow included"),
            )
        yield "read noise", _told(self.read_noise)
        yield "hot pixels", self._hot_text()
        yield "glow", self.glow or "none"
        yield "linear", self.linear
        yield from (("note", note) for note in self.notes)

    def _hot_text(self):
        threshold = self.hot.meta["threshold"]
        if not np.isfinite(threshold):
            return _told(None)
        return f"{len(self.hot)} above {threshold:.1f} sigma in {self.exposure:g} s"

    def __str__(self):
        return "\n".join(f"{name}: {text}" for name, text in self.lines())

    def __repr__(self):
        return f"<DarkReport of {self.exposure:g} s, dark current {self.dark_current}>"

    def _repr_html_(self):
        return f"{html_table(self.lines())}{self.levels._repr_html_()}"


def measure_darks(
    reduced_folder: "str | PathLike[str]",
    night: "Night | None" = None,
    *,
    gain: float | None = None,
    sigma: float = HOT_SIGMA,
    extension: str | int | None = None,
) -> DarkReport:
    """Measure the calibrated and combined darks of a folder.

    Parameters
    ----------
    reduced_folder : path-like
        Where `calibrate_darks` and `combine_darks` have written.
    night : Night, optional
        Its bias frames give the read noise and, where no overscan was subtracted, tell whether the bias level drifts.
    gain : float, optional
        Electrons per ADU; `None`: as the headers say.
    sigma : float
        Threshold for hot pixels, in standard deviations.
    extension : str or int, optional
        Which image of files with several is measured: its ``EXTNAME`` or number; `None`: the first.

    Returns
    -------
    DarkReport
        What cannot be measured is `None`, and a note says why.

    Raises
    ------
    NightError
        The folder holds no combined dark.
    FrameError
        A result has lost its pixels.
    ParameterError
        The gain is not above 0, or there is no such extension.
    """
    if gain is not None and not gain > 0:
        raise ParameterError(f"gain is {gain!r}; expected electrons per ADU, above 0.")
    notes = []
    combined, singles = _results(reduced_folder, extension, notes)
    frame, unit = combined[-1], combined[-1].info.unit or "adu"
    gain = _gain(frame, gain, notes)
    ground, groups, hot = _measured(frame, singles, gain, sigma)
    biases = [] if night is None else [_part(bias, frame.extension) for bias in night.biases]
    pairs = _pairs(biases)
    hidden = hidden_by_rounding(*pairs[0]) if pairs else 0.0
    linear = _linearity(frame, groups, hot, ground, hidden, notes)
    bias = _bias_of(reduced_folder, biases, singles, ground, notes)
    levels, scale = Levels(groups, unit, linear, bias, hidden), Scale.of(gain)
    current = levels.dark_current("level", scale, notes)
    notes += _below_zero(current)
    return DarkReport(
        levels=_level_table(groups, combined, bias, ground, unit),
        gain=gain,
        dark_current=current,
        mean_dark_current=levels.dark_current("mean", scale, []),
        read_noise=_read_noise(pairs, gain, night is not None, notes),
        hot=_with_uncertainty(hot, groups, gain, linear, count_of(frame.header, "NCOMBINE", 1), notes),
        glow=_glow(frame.data, ground, _seconds(frame), scale),
        linear=linear.text,
        growth=linear.growth,
        image=frame.data,
        exposure=_seconds(frame),
        ground=ground,
        notes=tuple(notes),
    )


def _told(estimate, of=""):
    if estimate is None:
        return "cannot be measured"
    return f"{estimate}, {of}" if of else str(estimate)


# --- Results on disk --------------------------------------------------------------------------------------


def _results(reduced_folder, extension, notes):
    """Return the combined darks of one temperature by exposure, and the single ones of the same shape in them."""
    results = Results(reduced_folder)
    if not results.combined_darks:
        raise NightError(f"there is no combined dark in {str(results.folder)!r}; combine_darks makes it.")
    combined = [frame for frame in results.combined_darks if frame.info.exposure]
    if not combined:
        combined = results.combined_darks
        notes.append(_without_time(combined))
    combined = [_part(frame, extension) for frame in _of_one_temperature(combined, notes)]
    if combined[-1].extension:
        notes.append(
            f"Only the image {combined[-1].extension!r} is measured; choose another with measure_darks(..., extension=...)."
        )
    names = {name for frame in combined for name in members_of(frame)}
    darks = [_part(dark, extension) for dark in results.darks if ascii_only(dark.name) in names]
    singles = [dark for dark in darks if dark.shape == combined[-1].shape]
    _require_pixels([*combined, *singles])
    return combined, singles


def _require_pixels(frames):
    """Refuse results that have lost their pixels, as after a power cut. A header may have been edited since."""
    for frame, is_intact in zip(frames, threaded(lambda frame: frame.is_intact, frames), strict=True):
        if not is_intact:
            raise FrameError(
                f"{frame.path} is damaged: its pixels do not have the DATASUM of its header; delete it, and calibrate and "
                "combine again."
            )


def _without_time(combined):
    names, none = (
        ", ".join(frame.name for frame in combined),
        "so there is no dark current and no rate of hot pixels",
    )
    if any(frame.info.exposure is None for frame in combined):
        return f"The header of the combined darks gives no exposure time ({names}), {none}."
    return f"The combined darks have an exposure of 0 s ({names}), as bias frames have: nothing grows with time, {none}."


def _seconds(frame):
    """Return the exposure; 0 if the header gives none, for then nothing can be said per second either."""
    return frame.info.exposure or 0.0


def _of_one_temperature(frames, notes):
    """Return the frames that are as warm as the last; dark current has to be compared at one temperature."""
    last = frames[-1].info.temperature
    others = [
        frame
        for frame in frames
        if None not in (last, frame.info.temperature)
        and abs(frame.info.temperature - last) > TEMPERATURE_TOLERANCE
    ]
    if others:
        listed = ", ".join(frame.name for frame in others)
        notes.append(
            f"The darks were taken at several temperatures. This report is on those at {last:.0f} °C, without {listed}."
        )
    return [frame for frame in frames if frame not in others]


def _gain(frame, gain, notes):
    # Of an extension, numbered gains are those of the others, too.
    unequal = unequal_gains(frame.header) if gain is None and not frame.extension else {}
    if unequal:
        listed = ", ".join(f"{keyword} = {value:g}" for keyword, value in unequal.items())
        notes.append(
            f"The amplifiers that have read the image have different gains ({listed} e-/ADU), so that no single one gives "
            "electrons: all is in adu, averaged over the amplifiers. For electrons, calibrate one amplifier at a time "
            "(keep_columns)."
        )
        return None
    found = known_gain(frame.info, gain)
    if found is None:
        notes.append(_no_gain(frame.info))
    return found


def _below_zero(current):
    if current is None or not current.value + 2 * current.uncertainty < 0:
        return []
    return [
        f"A dark current below 0 ({current}) is impossible. Either the bias is wrong (subtracted twice, or of another offset, "
        "setting or scale than the darks), or light fell on the overscan or on the shorter darks."
    ]


def _no_gain(info):
    why = "The headers give no gain and none was given"
    if info.gain_setting:
        own = (
            f"The gain in the headers, {info.gain_setting!r}, is on the camera's own scale and not in e-/ADU"
        )
        why = f"{own}, and none was given"
    return f"{why}: the dark current is in adu/s. Give it with measure_darks(..., gain=...)."


def _part(frame, extension):
    """Return one image of a file."""
    return frame.parts[0] if extension in (None, "") else frame.select([extension])[0]


def _measured(frame, singles, gain, sigma):
    """Measure the last combined dark and the single ones: its background, these by exposure, and the hot pixels in all."""
    frames, seconds, ground = count_of(frame.header, "NCOMBINE", 1), _seconds(frame), background(frame.data)
    hot = hot_pixels(frame.data, seconds, gain=gain, frames=frames, sigma=sigma, ground=ground)
    plain = ground.without(hot["x"], hot["y"])
    members = threaded(lambda single: _single(single, plain, hot), singles)
    longest = [member.values for member in members if member.exposure == seconds]
    keep = confirmed(hot, np.array(longest)) if longest else np.ones(len(hot), bool)
    members = [replace(member, values=member.values[keep]) for member in members]
    groups = [[members[i] for i in group] for group in group_exposures([m.exposure for m in members])]
    return ground.without(hot["x"][keep], hot["y"][keep]), groups, hot[keep]


def _single(frame, ground, hot):
    data = frame.data
    values = data[hot["y"], hot["x"]].astype(float)
    return Single(frame.name, _date(frame), _seconds(frame), ground.level_of(data), _mean(data), values)


def _linearity(frame, groups, hot, ground, hidden, notes):
    if not ground.sigma > 0:
        notes.append(
            f"All pixels of {frame.name} are equal, as in frames that are saturated or cut to few bits: neither noise nor hot "
            "pixels can be measured."
        )
    seconds = [group[0].exposure for group in groups] or [_seconds(frame)]
    counts = [np.array([member.values - member.level for member in group]) for group in groups]
    return linearity_of(seconds, counts or [np.empty((1, len(hot)))], ground.sigma, hidden)


def _date(frame):
    return str(frame.header.get("DATE-OBS", ""))


def _mean(data):
    with np.errstate(invalid="ignore"):
        mean = np.mean(data, dtype=np.float64)
    if not np.isfinite(mean):
        finite = data[np.isfinite(data)]
        mean = np.mean(finite, dtype=np.float64) if finite.size else np.nan
    return float(mean)


def _bias_of(reduced_folder, biases, singles, ground, notes):
    if not singles:
        return Bias()
    header = singles[0].header
    overscan, name = "OSCNMEAN" in header or "DCOSCAN" in header, header.get("BIASFILE", "")
    combined = _combined_bias(Results(reduced_folder), name, singles[0].extension)
    built_from = None if combined is None else count_of(combined.header, "NCOMBINE")
    count = count_of(header, "DCNBIAS", built_from)
    bias = Bias(overscan, bool(name), count)
    if overscan or (name and combined is None):
        return bias
    subtracted = 0.0 if combined is None else combined.data
    try:
        frames = threaded(lambda frame: _bias_frame(frame, header, ground, subtracted), biases)
    except (FrameError, ParameterError) as error:
        notes.append(f"The bias frames of the night do not count for the dark current: {error}")
        return bias
    return Bias(overscan, bool(name), count, tuple(frame for frame in frames if frame is not None))


def _combined_bias(results, name, extension):
    """Return the combined bias of that name in the folder of results; `None`: it is not there."""
    found = [frame for frame in results.frames if name and frame.name == name]
    return _part(found[0], extension) if found else None


def _bias_frame(frame, header, ground, subtracted):
    """Measure a raw bias frame as a dark of 0 s, with the trim and the bias of the darks; `None`: it has another shape."""
    data = frame[Treatment.of(header, frame.shape).keep].astype(np.float64)
    if data.shape != ground.plain.shape:
        return None
    data -= subtracted
    return Single(frame.name, _date(frame), 0.0, ground.level_of(data), _mean(data), np.empty(0))


# --- Numbers ----------------------------------------------------------------------------------------------


def _level_table(groups, combined, bias, ground, unit):
    """Tabulate level and noise of each exposure; `ground` is the background of the last combined dark."""
    scatter, freedom = _pooled_scatter(groups)
    by_exposure = {_seconds(frame): frame for frame in combined}
    rows = []
    for group in groups:
        frame = next((f for t, f in by_exposure.items() if any(t == m.exposure for m in group)), None)
        noise = np.nan if frame is None else ground.sigma if frame is combined[-1] else _noise_of(frame)
        error = np.nan
        if freedom:
            error = student_t(freedom) * scatter / np.sqrt(len(group)) * with_bias(len(group), bias)
        rows.append((group[0].exposure, len(group), np.mean([m.level for m in group]), error, noise))
    names = ("exposure", "darks", "level", "uncertainty", "noise")
    table = ShownTable(rows=rows or None, names=names, dtype=(float, int, float, float, float))
    table["exposure"].unit = "s"
    for name in ("level", "uncertainty", "noise"):
        table[name].format = "%.4g"
        table[name].unit = unit
    return table


def _pooled_scatter(groups):
    """Return the scatter of levels within groups of one exposure, and its degrees of freedom."""
    freedom = sum(len(group) - 1 for group in groups)
    squares = sum(len(group) * np.var([member.level for member in group]) for group in groups)
    return (np.sqrt(squares / freedom) if freedom else np.nan), freedom


def _noise_of(frame):
    return background(frame.data).sigma


def _with_uncertainty(hot, groups, gain, linear, frames, notes):
    """Return the hot pixels with the noise of their own charge: from the gain, or from how they scatter in the single darks."""
    # The uncertainty is a standard deviation; this makes it hold for a jitter that is known from few darks.
    jitter = linear.jitter * student_t(linear.freedom) / student_t(_MANY) if linear.freedom else 0.0
    if gain is not None:
        return with_own_noise(hot, 1 / gain, frames, jitter)
    values = np.array([member.values for member in groups[-1]]) if groups else np.empty((0, len(hot)))
    if len(values) < 2 or len(hot) < _ENOUGH_HOT:
        if len(hot):
            notes.append(
                "Without a gain, the uncertainties of hot pixels do not include the noise of their own charge."
            )
        return hot
    shot = np.median(np.var(values, axis=0, ddof=1) / np.asarray(hot["excess"]))
    # The median of a chi-squared of few degrees of freedom is below its mean (Wilson and Hilferty 1931).
    freedom = len(values) - 1
    return with_own_noise(hot, float(shot) / (1 - 2 / (9 * freedom)) ** 3, frames, 0.0)


def _pairs(biases):
    """Return the images of a few pairs of bias frames, all of one shape."""
    frames = [frame for frame in biases if frame.shape == biases[0].shape][: 2 * _PAIRS]
    images = [frame.data for frame in frames[: 2 * (len(frames) // 2)]]
    return list(zip(images[::2], images[1::2], strict=True))


def _read_noise(pairs, gain, has_night, notes):
    if not pairs:
        missing = "the night has fewer" if has_night else "pass night to measure_darks"
        notes.append(f"It takes two bias frames to measure the read noise: {missing}.")
        return None
    found = pooled(threaded(lambda pair: read_noise(pair, gain), pairs))
    if not found.value > 0:
        notes.append(
            "The bias frames differ by no more than rounding to whole numbers explains, so the read noise cannot be measured."
        )
        return None
    if rows := row_noise(*pairs[0]):
        unit, factor = ("adu", 1.0) if gain is None else ("e-", gain)
        notes.append(f"Of the read noise, {factor * rows:.2g} {unit} are common to all pixels of a row.")
    return found


def _glow(image, ground, seconds, scale):
    found = corner_glow(image, ground)
    if found is None:
        return ""
    corner, value, error, reach = found
    if not seconds:
        return f"{corner} corner, seen over {reach} pixels"
    rate = scale.estimate(value / seconds, student_t(60) * error / seconds)
    return f"{corner} corner, {rate} there, seen over {reach} pixels"
