"""The overscan, measured: where it is, which of its columns light reaches, and whether it tells the bias level.

What a header claims is tested here, not believed. Everything is measured on `FrameProfile`, in either direction: "columns"
below are rows where the overscan lies above or below the image.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import chdtri, stdtrit

from .errors import ParameterError
from .profiles import KINDS, Sample
from .sections import parse_section

__all__ = [
    "CONTAMINATION_SIGMA",
    "FOLLOWING_RATIO",
    "LIT_FRACTION",
    "MINIMUM_COLUMNS",
    "Claim",
    "Follow",
    "Measured",
    "Shift",
    "Strip",
    "measure_overscan",
    "read_claim",
]

# A column with less than this part of the image's light is no part of the image: vignetting leaves more, and leaks into
# the overscan are of a percent.
LIT_FRACTION = 0.25

# Columns beyond an overscan that belong to neither it nor the image: some cameras read a few odd ones at the very edge.
_EDGE_COLUMNS = 16

# The light must stand out this far from the noise of a column before an edge is looked for in it.
_LIGHT_SIGMA = 10.0

# A clean column is mistaken for a contaminated one, by chance, once in some thousand nights.
CONTAMINATION_SIGMA = 3.5

# Leaks fade with the distance from the image; further than this from the suspected column nothing is added.
_CONTRAST_COLUMNS = 12

# With fewer columns the median of a row carries over 60 % of the read noise of a pixel into the whole row.
MINIMUM_COLUMNS = 4

# Offsets of columns are the same in every frame and do no harm, but a scatter this many times the noise of a pixel means that
# part of the strip is something else, such as the edge of the image.
FLATNESS = 3.0

# In a narrower strip an odd column at the outer edge cannot be told from the others.
_TRIM_WIDTH = 8

# Subtracting the overscan must take away at least half of the drift of the level, or else it is not worth its noise.
FOLLOWING_RATIO = 0.5

# A test that fails by chance once in a thousand nights.
_CHANCE = 1e-3

# Below this scatter of the pixels, rounding to whole ADU hides every drift smaller than 1 ADU.
ROUNDING_NOISE = 0.3

SIDES = {(1, "low"): "left", (1, "high"): "right", (0, "low"): "bottom", (0, "high"): "top"}


@dataclass(frozen=True)
class Claim:
    """What the header says: slices along one axis, and the text; `None` where it says nothing that can be read."""

    overscan: slice | None = None
    axis: int = 1
    keep: tuple | None = None
    texts: tuple = ()
    problems: tuple = ()


@dataclass(frozen=True)
class Strip:
    """The place of the overscan: `start` to `stop` along `axis` (1: columns, 0: rows), image from `image_start` to `image_stop`."""

    axis: int
    start: int
    stop: int
    image_start: int
    image_stop: int

    @property
    def side(self):
        """``'left'``, ``'right'``, ``'bottom'`` or ``'top'``: which side of the image it is on."""
        return SIDES[self.axis, "low" if self.low else "high"]

    @property
    def low(self):
        """Whether it comes before the image."""
        return self.start < self.image_start

    @property
    def image(self):
        """The image area as a slice along the axis."""
        return slice(self.image_start, self.image_stop)

    @property
    def part(self):
        """The overscan as a slice along the axis."""
        return slice(self.start, self.stop)

    def without(self, count):
        """Return the strip without the `count` columns next to the image, as a slice."""
        if self.low:
            return slice(self.start, self.stop - count)
        return slice(self.start + count, self.stop)

    def outwards(self, profile):
        """Return the part of a profile in the strip, the column next to the image first."""
        part = profile[self.part]
        return part[::-1] if self.low else part


@dataclass(frozen=True)
class Contamination:
    """Which columns next to the image stray charge reaches.

    Attributes
    ----------
    count : int
        Columns.
    evidence : str
        The frames that were compared, such as ``'flat - bias'``; empty: nothing could be compared.
    first, last : float
        Excess in the column next to the image and in the last contaminated one, in the unit of the frames.
    noise : float
        Of the excess of one column.
    """

    count: int = 0
    evidence: str = ""
    first: float = 0.0
    last: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class Follow:
    """Whether the overscan follows the level of the image area, in frames without light.

    Attributes
    ----------
    verdict : str
        ``'yes'``, ``'no'``, ``'varies too little to be judged'`` or ``'too few frames'``.
    image, difference : float
        Scatter (standard deviation) of the image's level, and of overscan minus image, within frames of one kind and
        exposure.
    noise : float
        Scatter of the difference that the noise of the pixels explains.
    frames : int
        Compared.
    offset : float or None
        Overscan minus image in the bias frames.
    """

    verdict: str
    image: float = np.nan
    difference: float = np.nan
    noise: float = np.nan
    frames: int = 0
    offset: float | None = None


@dataclass(frozen=True)
class Shift:
    """Whether the overscan's level depends on the kind of frame.

    Attributes
    ----------
    verdict : str
        ``'no'``, ``'yes'`` or ``'cannot be judged'``.
    value, limit : float
        Mean level of frames with light minus that of frames without, and what the drift explains.
    dark_value, dark_limit : float
        Rise of overscan minus image from bias frames to darks, where only a fall is natural (dark current), and its limit.
    """

    verdict: str
    value: float = np.nan
    limit: float = np.nan
    dark_value: float = np.nan
    dark_limit: float = np.nan


@dataclass(frozen=True)
class Measured:
    """All that was measured of the overscan.

    Attributes
    ----------
    sample : Sample
    claim : Claim
    strip : Strip or None
        `None`: there is none, or it is not known where.
    source : str
        ``'measured'``, ``'header'`` (believed for want of frames with light) or ``'unknown'``.
    contamination : Contamination
    clean : slice or None
        The columns that no light reaches.
    pattern : float
        Scatter of the offsets of the clean columns.
    pixel_noise : float
        Of one pixel of the overscan.
    follow : Follow
    shift : Shift
    levels : tuple of (name, kind, exposure, image, overscan)
        Level of the image area and of the clean overscan in each frame.
    """

    sample: Sample
    claim: Claim
    strip: Strip | None = None
    source: str = "unknown"
    contamination: Contamination = field(default_factory=Contamination)
    clean: slice | None = None
    pattern: float = np.nan
    pixel_noise: float = np.nan
    follow: Follow = field(default_factory=lambda: Follow("too few frames"))
    shift: Shift = field(default_factory=lambda: Shift("cannot be judged"))
    levels: tuple = ()

    @property
    def width(self):
        """Number of clean columns."""
        return 0 if self.clean is None else self.clean.stop - self.clean.start


def read_claim(header, shape):
    """Read what a header claims of the overscan and of the image area; nothing is believed here.

    Parameters
    ----------
    header : mapping
    shape : tuple of int
        (rows, columns) of the frame.

    Returns
    -------
    Claim
    """
    texts, problems, found = [], [], {}
    for keyword in ("BIASSEC", "TRIMSEC", "DATASEC", "CCDSEC"):
        text = header.get(keyword)
        if text is None or not str(text).strip():
            continue
        texts.append(f"{keyword} = {str(text).strip()!r}")
        try:
            found[keyword] = parse_section(str(text), keyword).resolve(shape, keyword)
        except ParameterError as error:
            problems.append(str(error))
    keep = next((found[word] for word in ("TRIMSEC", "DATASEC", "CCDSEC") if word in found), None)
    overscan, axis = None, 1
    if "BIASSEC" in found:
        rows, columns = found["BIASSEC"]
        axis = 0 if columns == slice(0, shape[1]) and rows != slice(0, shape[0]) else 1
        overscan = (rows, columns)[axis]
    return Claim(overscan, axis, keep, tuple(texts), tuple(problems))


def measure_overscan(sample, claim):
    """Measure the overscan of a night.

    Parameters
    ----------
    sample : Sample
        From `sample_night`.
    claim : Claim
        From `read_claim`.

    Returns
    -------
    Measured
    """
    strip, source = _locate(sample, claim)
    if strip is None:
        return Measured(sample, claim, source=source)
    strip = _believed(sample, strip, claim)
    contamination = _contamination(sample, strip)
    clean = strip.without(contamination.count)
    if clean.start >= clean.stop:
        return Measured(
            sample, claim, strip, source, contamination, levels=_levels(sample, strip, strip.part)
        )
    noise = _pixel_noise(sample, strip.axis, clean)
    return Measured(
        sample,
        claim,
        strip,
        source,
        contamination,
        clean,
        _pattern(sample, strip, clean),
        noise,
        _follow(sample, strip, clean, noise),
        _shift(sample, strip, clean, noise),
        _levels(sample, strip, clean),
    )


# --- Where it is ------------------------------------------------------------------------------------------


def _locate(sample, claim):
    """Return the strip, or `None`, and where it is known from."""
    lit = _brightest(sample)
    for axis in (1, 0):
        strip = _edge(sample, lit, axis, claim) if lit else None
        if strip is not None:
            return strip, "measured"
    if lit and _has_light(sample, lit):
        return None, "measured"
    if claim.overscan is None:
        return None, "unknown"
    return _claimed_strip(sample.shape, claim), "header"


def _brightest(sample):
    for kind in ("flat", "science"):
        if frames := sample.of_kind(kind):
            return frames
    return []


def _light(sample, lit, axis):
    """Return the light along an axis and the noise of one value; frames without light are subtracted where there are any."""
    unlit = sample.of_kind("bias") or sample.of_kind("dark")
    profile = np.mean([frame.profile(axis) for frame in lit], axis=0)
    if unlit:
        profile = profile - np.mean([frame.profile(axis) for frame in unlit], axis=0)
    else:
        profile = profile - np.percentile(profile, 1)
    noise = lit[0].noise(axis, slice(None)) / np.sqrt(len(lit))
    return profile, noise


def _has_light(sample, lit):
    profile, noise = _light(sample, lit, 1)
    return bool(np.median(profile) > _LIGHT_SIGMA * noise)


def _edge(sample, lit, axis, claim):
    """Find the widest strip without light at an end of an axis, with a sharp edge to the image."""
    profile, noise = _light(sample, lit, axis)
    signal = np.median(profile)
    if signal <= _LIGHT_SIGMA * noise:
        return None
    dark = profile < LIT_FRACTION * signal
    strips = [_at_end(dark, profile / signal), _at_end(dark[::-1], profile[::-1] / signal)]
    length = len(profile)
    low, high = strips[0], None if strips[1] is None else tuple(length - edge for edge in strips[1][::-1])
    image = (0 if low is None else low[1], length if high is None else high[0])
    found = [strip for strip in (low, high) if strip is not None]
    if not found:
        return None
    start, stop = max(found, key=lambda strip: _claimed_first(strip, claim, axis))
    return Strip(axis, start, stop, *image)


def _at_end(dark, light):
    """Return start and stop of a run of dark columns that begins within a few columns of the end, or `None`."""
    if not dark[: _EDGE_COLUMNS + 1].any():
        return None
    start = int(np.argmax(dark))
    lit_again = np.flatnonzero(~dark[start:])
    if len(lit_again) == 0:
        return None
    stop = start + int(lit_again[0])
    # The step from overscan to image is one of two columns; vignetting and shadows are smoother.
    sharp = light[min(stop + 1, len(light) - 1)] - light[stop - 1] > LIT_FRACTION
    return (start, stop) if stop - start >= 2 and sharp else None


def _claimed_first(strip, claim, axis):
    """Rank strips: one that the header names comes first, then the widest."""
    claimed = claim.overscan is not None and claim.axis == axis and _overlaps(claim.overscan, slice(*strip))
    return claimed, strip[1] - strip[0]


def _overlaps(one, other):
    return one.start < other.stop and other.start < one.stop


def _claimed_strip(shape, claim):
    length, start, stop = shape[claim.axis], claim.overscan.start, claim.overscan.stop
    if claim.keep is not None and not _overlaps(claim.keep[claim.axis], claim.overscan):
        image = claim.keep[claim.axis]
    else:
        image = slice(0, start) if start >= length - stop else slice(stop, length)
    return Strip(claim.axis, start, stop, image.start, image.stop)


def _believed(sample, strip, claim):
    """Return the strip without what is neither overscan nor image.

    Where bright and dark frames cannot be compared, a claim that lies within the strip is believed; else odd columns at the
    outer edge are left out.
    """
    if claim.overscan is not None and claim.axis == strip.axis and not _pairs(sample):
        start, stop = claim.overscan.start, claim.overscan.stop
        if strip.start <= start and stop <= strip.stop:
            return replace(strip, start=start, stop=stop)
    outside = _odd_outside(sample, strip)
    return (
        replace(strip, start=strip.start + outside)
        if strip.low
        else replace(strip, stop=strip.stop - outside)
    )


def _odd_outside(sample, strip):
    """Count the columns at the outer edge that differ from the rest of the strip in every way that noise does not."""
    if strip.stop - strip.start < _TRIM_WIDTH:
        return 0
    frames = sample.of_kind("bias") or sample.of_kind("dark") or list(sample.frames)
    profile = strip.outwards(np.mean([frame.profile(strip.axis) for frame in frames], axis=0))
    deviations = np.abs(profile - np.median(profile))
    limit = max(6 * 1.4826 * np.median(deviations), 2 * _pixel_noise(sample, strip.axis, strip.part))
    odd = np.flatnonzero(deviations[::-1][: _TRIM_WIDTH // 2] > limit)
    return 0 if len(odd) == 0 else int(odd[-1]) + 1


# --- Which columns light reaches --------------------------------------------------------------------------


def _contamination(sample, strip):
    """Compare bright with dark frames; without both, look at the shape of the brightest frames alone."""
    results = [_compared(sample, strip, *pair) for pair in _pairs(sample)] or [_alone(sample, strip)]
    return max(results, key=lambda result: (result.count, result.first / max(result.noise, 1e-9)))


def _pairs(sample):
    """Return the pairs of kinds that can be compared, a brighter with the faintest."""
    kinds = [kind for kind in KINDS if sample.of_kind(kind)]
    faint = kinds[0] if kinds and kinds[0] in ("bias", "dark") else None
    return [] if faint is None else [(bright, faint) for bright in kinds[1:]]


def _compared(sample, strip, bright, faint):
    sides, variances = [], []
    for kind in (bright, faint):
        frames = sample.of_kind(kind)
        if kind == "dark" == bright:
            longest = max(frame.exposure or 0.0 for frame in frames)
            frames = [frame for frame in frames if (frame.exposure or 0.0) == longest]
        sides.append(np.mean([frame.profile(strip.axis) for frame in frames], axis=0))
        variances.append(
            np.mean([frame.noise(strip.axis, _outer_half(strip)) ** 2 for frame in frames]) / len(frames)
        )
    excess = strip.outwards(sides[0] - sides[1])
    return _first_clean(excess, float(np.sqrt(sum(variances))), f"{bright} - {faint}")


def _alone(sample, strip):
    """Without frames to compare, the offsets of the columns themselves are the noise."""
    frames = _brightest(sample) or sample.of_kind("dark") or sample.of_kind("bias")
    if not frames:
        return Contamination()
    profile = strip.outwards(np.mean([frame.profile(strip.axis) for frame in frames], axis=0))
    outer = profile[len(profile) // 2 :]
    noise = np.hypot(
        1.4826 * np.median(np.abs(outer - np.median(outer))), frames[0].noise(strip.axis, _outer_half(strip))
    )
    return _first_clean(profile, float(noise), f"{frames[0].kind} frames alone")


def _first_clean(excess, noise, evidence):
    """Count the columns next to the image that lie above those further out.

    The column at the front of what is left, and the mean of the first few, must not stand out from the mean of all
    beyond them by more than `CONTAMINATION_SIGMA` times the noise of that difference.
    """
    count = 0
    while count < len(excess) - 1 and _stands_out(excess[count:], noise):
        count += 1
    base = np.mean(excess[count:])
    first, last = (excess[0] - base, excess[count - 1] - base) if count else (0.0, 0.0)
    return Contamination(count, evidence, float(first), float(last), noise)


def _stands_out(values, noise):
    lengths = np.arange(1, min(_CONTRAST_COLUMNS, len(values) - 1) + 1)
    sums = np.cumsum(values)
    inner = sums[lengths - 1] / lengths
    outer = (sums[-1] - sums[lengths - 1]) / (len(values) - lengths)
    errors = noise * np.sqrt(1 / lengths + 1 / (len(values) - lengths))
    return bool(np.any(inner - outer > CONTAMINATION_SIGMA * errors))


def _outer_half(strip):
    return strip.without((strip.stop - strip.start) // 2)


# --- Whether the rest is flat, follows, and is the same in all kinds --------------------------------------


def _pixel_noise(sample, axis, part):
    noises = [frame.noise(axis, part) for frame in sample.frames]
    return float(np.median(noises) * np.sqrt(sample.shape[1 - axis]))


def _pattern(sample, strip, clean):
    frames = sample.of_kind("bias") or sample.of_kind("dark") or list(sample.frames)
    profile = np.mean([frame.profile(strip.axis)[clean] for frame in frames], axis=0)
    return float(np.std(profile))


def _levels(sample, strip, part):
    return tuple(
        (
            frame.name,
            frame.kind,
            frame.exposure,
            frame.level(strip.axis, strip.image),
            frame.level(strip.axis, part),
        )
        for frame in sample.frames
    )


def _groups(levels):
    """Group frames without light by kind and exposure: within a group, only the bias level can change."""
    groups = {}
    for _, kind, exposure, image, overscan in levels:
        if kind in ("bias", "dark"):
            groups.setdefault((kind, exposure), []).append((image, overscan))
    return {key: np.array(values) for key, values in groups.items()}


def _follow(sample, strip, clean, pixel_noise):
    """Compare overscan and image from frame to frame.

    With x the level of the image and d = overscan - x, each minus its mean within frames of one kind and exposure, the overscan
    follows if the scatter of d is less than half that of x. It does not if it is more and the noise of the pixels cannot
    explain d (chi-squared test).
    """
    groups = _groups(_levels(sample, strip, clean))
    offset = next(
        (float(np.mean(v[:, 1] - v[:, 0])) for (kind, _), v in groups.items() if kind == "bias"), None
    )
    centred = [values - values.mean(axis=0) for values in groups.values() if len(values) > 1]
    freedom = sum(len(values) - 1 for values in centred)
    if freedom < 2:
        return Follow("too few frames", frames=sum(map(len, groups.values())), offset=offset)
    image, overscan = np.concatenate(centred).T
    image_sum, difference_sum = float(np.sum(image**2)), float(np.sum((overscan - image) ** 2))
    noise = _difference_noise(sample, strip, clean, pixel_noise)
    verdict = _follow_verdict(image_sum, difference_sum, noise, freedom, pixel_noise)
    scatters = np.sqrt(np.array([image_sum, difference_sum]) / freedom)
    return Follow(verdict, *map(float, scatters), noise, len(image), offset)


def _follow_verdict(image_sum, difference_sum, noise, freedom, pixel_noise):
    if pixel_noise < ROUNDING_NOISE and max(image_sum, difference_sum) < freedom:
        return "varies too little to be judged"
    limit = float(chdtri(freedom, _CHANCE)) * noise**2
    if difference_sum > max(limit, FOLLOWING_RATIO**2 * image_sum):
        return "no"
    if image_sum > limit and difference_sum <= FOLLOWING_RATIO**2 * image_sum:
        return "yes"
    return "varies too little to be judged"


def _difference_noise(sample, strip, clean, pixel_noise):
    lines = sample.shape[1 - strip.axis]
    counts = [lines * (part.stop - part.start) for part in (clean, strip.image)]
    return float(pixel_noise * np.sqrt(sum(1 / count for count in counts)))


def _shift(sample, strip, clean, pixel_noise):
    levels = _levels(sample, strip, clean)
    lit = np.array([overscan for _, kind, _, _, overscan in levels if kind in ("flat", "science")])
    unlit = np.array(
        [(image, overscan) for _, kind, _, image, overscan in levels if kind in ("bias", "dark")]
    )
    noise = _difference_noise(sample, strip, clean, pixel_noise)
    dark_value, dark_limit = _dark_shift(_groups(levels), noise)
    in_darks = bool(dark_value > dark_limit)
    if len(lit) == 0 or len(lit) + len(unlit) < 4 or len(unlit) < 2:
        return Shift("yes" if in_darks else "cannot be judged", dark_value=dark_value, dark_limit=dark_limit)
    value = float(lit.mean() - unlit[:, 1].mean())
    limit = _shift_limit(lit, unlit, noise)
    verdict = "yes" if in_darks or abs(value) > limit else "no"
    return Shift(verdict, value, limit, dark_value, dark_limit)


def _shift_limit(lit, unlit, noise):
    """Return the difference of two means that the drift of the level explains (Student's t), at least the drift seen."""
    freedom = len(lit) + len(unlit) - 2
    squares = np.sum((lit - lit.mean()) ** 2) + np.sum((unlit[:, 1] - unlit[:, 1].mean()) ** 2)
    error = np.sqrt((squares / freedom + noise**2) * (1 / len(lit) + 1 / len(unlit)))
    return float(max(stdtrit(freedom, 1 - _CHANCE / 2) * error, np.ptp(unlit[:, 0]), 4 * noise))


def _dark_shift(groups, noise):
    """Return the largest rise of overscan minus image from bias frames to darks of one exposure, and its limit."""
    means = {key: (np.mean(v[:, 1] - v[:, 0]), len(v)) for key, v in groups.items()}
    bias = next((value for (kind, _), value in means.items() if kind == "bias"), None)
    darks = [value for (kind, _), value in means.items() if kind == "dark"]
    if bias is None or not darks:
        return np.nan, np.nan
    rise, count = max(darks)
    return float(rise - bias[0]), float(5 * noise * np.sqrt(1 / count + 1 / bias[1]))
