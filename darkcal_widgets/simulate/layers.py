"""The physical effects that make a simulated frame, one frozen layer each.

Each layer has one method, ``render(scene, rng)``, which returns what that layer adds. Signals are in
electrons until the amplifier; a pixel of a frame reads, in ADU,

    round(clip((Poisson(electrons) + read noise) / gain + bias level + column pattern + slope + row noise, 0, 65535))

with ``electrons = seconds * warmth * (dark current + hot pixels) + seconds * glow + cosmic rays + light`` in the image area and
``electrons = leak + seconds * warmth * dark current of the overscan`` in the overscan. Layers that are off, as some are by
default, draw no random numbers.

Not simulated: blooming, charge transfer losses in the image, non-linearity.
"""

import math
from dataclasses import dataclass

import numpy as np

from ..errors import ParameterError

__all__ = [
    "ADC",
    "BiasLevel",
    "ColumnPattern",
    "CosmicRays",
    "DarkCurrent",
    "Glow",
    "HotPixels",
    "Leak",
    "Light",
    "Overscan",
    "ReadNoise",
    "RowNoise",
    "Scene",
    "ShotNoise",
    "Slope",
]

ADC_MAXIMUM = 65535
SATURATED_RATE = 1e6  # e-/s: full within any exposure that is not a bias
SIDES = ("left", "right", "top", "bottom", "none")


@dataclass(frozen=True)
class Overscan:
    """Where the overscan is, and what the header says about it.

    Parameters
    ----------
    side : {"right", "left", "top", "bottom", "none"}
        Edge of the frame on which it lies; "top" is the edge of the highest row numbers.
    width : int
        Columns (rows for top and bottom) of overscan.
    biassec, trimsec : str or None
        What the header claims: "right" for the true section, None for no card, any other text as it is, with
        ``{rows}`` replaced by the number of rows and ``{rows_less_one}`` by one less.
    """

    side: str = "right"
    width: int = 32
    biassec: str | None = "right"
    trimsec: str | None = "right"

    def __post_init__(self):
        if self.side not in SIDES:
            raise ParameterError(f"side of the overscan is {self.side!r}; expected one of {', '.join(SIDES)}")
        if (self.width > 0) == (self.side == "none"):
            raise ParameterError(
                f"overscan of {self.width} columns on side {self.side!r}; give a width above 0, "
                "or side 'none' with width 0"
            )

    @property
    def axis(self):
        """Axis of the pixel array along which the overscan extends: 0 rows, 1 columns."""
        return 0 if self.side in ("top", "bottom") else 1

    def ranges(self, length, contaminated):
        """Split one axis into image, overscan, and the contaminated and clean parts of the overscan.

        Parameters
        ----------
        length : int
            Pixels along the axis of the overscan.
        contaminated : int
            Pixels of overscan, counted from the image, that hold stray charge.

        Returns
        -------
        dict of str to (start, stop)
            0-based, half open, as in a Python slice.
        """
        if self.side in ("right", "top", "none"):
            edge, first_clean = length - self.width, length - self.width + contaminated
            parts = ((0, edge), (edge, length), (edge, first_clean), (first_clean, length))
        else:
            edge, last_clean = self.width, self.width - contaminated
            parts = ((edge, length), (0, edge), (last_clean, edge), (0, last_clean))
        return dict(zip(("image", "overscan", "contaminated", "clean"), parts, strict=True))


@dataclass(frozen=True)
class Scene:
    """What a layer has to know: the frame's shape, its overscan and, once there is one, the exposure.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns, overscan included.
    overscan : Overscan
    contaminated : int
        Columns of overscan that stray charge reaches.
    seconds : float
        Exposure time.
    electrons : ndarray or None
        Expected light of the image area in e-; None with the shutter closed.
    warmth : float
        Dark current at the temperature of the sensor over that at the camera's own.
    """

    shape: tuple[int, int]
    overscan: Overscan
    contaminated: int
    seconds: float = 0.0
    electrons: np.ndarray | None = None
    warmth: float = 1.0

    @property
    def ranges(self):
        """See `Overscan.ranges`."""
        return self.overscan.ranges(self.shape[self.overscan.axis], self.contaminated)

    def part(self, name):
        """Index of the "image", "overscan", "contaminated" or "clean" part of a frame."""
        index = [slice(None), slice(None)]
        index[self.overscan.axis] = slice(*self.ranges[name])
        return tuple(index)

    @property
    def image_shape(self):
        """Rows and columns of the image area."""
        shape = list(self.shape)
        shape[self.overscan.axis] -= self.overscan.width
        return tuple(shape)


@dataclass(frozen=True)
class BiasLevel:
    """The bias level in ADU, which drifts from frame to frame.

    ``level_n = level + drift * u_n`` with u_n uniform in [-1/2, 1/2], so no two frames differ by more than
    `drift`. The overscan has the same level exactly when `overscan_drift` is None; otherwise its level is
    ``level + overscan_offset + overscan_drift * v_n``, plus `overscan_light_shift` where the shutter opened.
    """

    level: float = 1000.0
    drift: float = 10.0
    overscan_offset: float = 0.0
    overscan_drift: float | None = None
    overscan_light_shift: float = 0.0

    @property
    def overscan_follows(self):
        """Whether the overscan tells the bias level of the image area of its own frame."""
        return self.overscan_drift is None and self.overscan_offset == 0 and self.overscan_light_shift == 0

    def render(self, scene, rng):
        """Level of the image area and of the overscan of one frame, in ADU."""
        image_draw, overscan_draw = rng.uniform(-0.5, 0.5, size=2)
        image = self.level + self.drift * image_draw
        base = image if self.overscan_drift is None else self.level + self.overscan_drift * overscan_draw
        shift = 0.0 if scene.electrons is None else self.overscan_light_shift
        return float(image), float(base + self.overscan_offset + shift)


@dataclass(frozen=True)
class ColumnPattern:
    """A fixed offset of each column in ADU, normally distributed.

    Its mean over the image area, and over the clean overscan, is 0: the bias level stays the true mean.
    """

    deviation: float = 0.5

    def render(self, scene, rng):
        """One offset for each column: shape (columns,)."""
        offsets = rng.normal(0.0, self.deviation, size=scene.shape[1])
        if scene.overscan.axis == 0:
            return (offsets - offsets.mean()).astype(np.float32)
        parts = scene.ranges
        clean = parts["clean"] if parts["clean"][0] < parts["clean"][1] else parts["overscan"]
        for part, reference in (("image", parts["image"]), ("overscan", clean)):
            if reference[0] < reference[1]:
                offsets[slice(*parts[part])] -= offsets[slice(*reference)].mean()
        return offsets.astype(np.float32)


@dataclass(frozen=True)
class ReadNoise:
    """Normal noise of the amplifier in e-, the same in every pixel, overscan included."""

    electrons: float = 10.0

    def render(self, scene, rng):
        """Noise of one frame in e-."""
        return rng.standard_normal(scene.shape, dtype=np.float32) * np.float32(self.electrons)


@dataclass(frozen=True)
class Slope:
    """A bias level that changes by `adu` from the first row read to the last, in image and overscan alike; its mean is 0.

    The overscan of real cameras changes by up to 48 ADU along the columns: the electronics settle while a frame is read.
    """

    adu: float = 0.0

    def render(self, scene, rng):
        """One offset for each row in ADU: shape (rows, 1)."""
        return np.linspace(-0.5, 0.5, scene.shape[0], dtype=np.float32)[:, None] * np.float32(self.adu)


@dataclass(frozen=True)
class RowNoise:
    """An offset of each row, new in every frame, in image and overscan alike, and pick-up that runs through the rows as a wave.

    The means of rows of real frames scatter 1.1 to 6.8 times as widely as independent pixels let them. Pick-up is the hum of a
    power supply, `period` pixels long.

    Parameters
    ----------
    adu : float
        Standard deviation of a row's offset.
    pickup : float
        Amplitude of the wave, ADU.
    period : float
    """

    adu: float = 0.0
    pickup: float = 0.0
    period: float = 37.3

    def render(self, scene, rng):
        """What is added to one frame, in ADU, with mean 0; broadcasts with the frame."""
        if not (self.adu or self.pickup):
            return np.float32(0)
        offsets = rng.normal(0.0, 1.0, (scene.shape[0], 1)) * self.adu
        noise = (offsets - offsets.mean()).astype(np.float32)
        if self.pickup:
            place = np.arange(scene.shape[0] * scene.shape[1], dtype=np.float32).reshape(scene.shape)
            phase = 2 * np.pi * rng.uniform()
            noise = noise + np.float32(self.pickup) * np.sin(
                place * np.float32(2 * np.pi / self.period) + phase
            )
        return noise


@dataclass(frozen=True)
class DarkCurrent:
    """Thermal charge in every pixel of the image area.

    Parameters
    ----------
    rate : float
        Mean of a pixel in e-/s.
    spread : float
        Scatter from pixel to pixel over the mean; a pixel's rate is drawn from a gamma distribution, as it has a few centres that
        generate charge (Baer 2006, Proc. SPIE 6068).
    overscan : float
        e-/s in the overscan, which the register gathers while the chip is exposed.
    doubling : float
        Kelvins that double the dark current; silicon has 5 to 8 (Widenhorn et al. 2002, Proc. SPIE 4669, 193).
    """

    rate: float = 0.01
    spread: float = 0.0
    overscan: float = 0.0
    doubling: float = 6.5

    def render(self, scene, rng):
        """Rate of the image area in e-/s."""
        if not (self.spread and self.rate):
            return np.full(scene.image_shape, self.rate, dtype=np.float32)
        shape = self.spread**-2
        return rng.standard_gamma(shape, scene.image_shape, dtype=np.float32) * np.float32(self.rate / shape)

    def warmth(self, kelvins):
        """Return the factor by which it grows where the sensor is so much warmer."""
        return 2 ** (kelvins / self.doubling)


@dataclass(frozen=True)
class CosmicRays:
    """Charged particles that cross the sensor during the exposure.

    Parameters
    ----------
    rate : float
        Particles per second and pixel: 1 muon per cm2 and minute (Particle Data Group, Review of Particle Physics, section on
        cosmic rays) is 4e-8 for pixels of 15 micrometres.
    thickness : float
        Of the silicon, in pixels.
    electrons : float
        Along a path as long as a pixel is wide; 80 per micrometre (ibid., section on detectors).
    """

    rate: float = 0.0
    thickness: float = 1.0
    electrons: float = 1200.0

    def render(self, scene, rng):
        """Charge of one frame as rows and columns in the image area and e-; the same pixel may be there several times."""
        rows, columns = scene.image_shape
        count = rng.poisson(self.rate * scene.seconds * rows * columns) if self.rate else 0
        tracks = [self._track(rows, columns, rng) for _ in range(count)]
        if not tracks:
            return np.array([], int), np.array([], int), np.array([])
        y, x, charge = np.concatenate(tracks, axis=1)
        inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
        return y[inside].astype(int), x[inside].astype(int), charge[inside]

    def _track(self, rows, columns, rng):
        """Walk along the path of one particle in steps of a fifth of a pixel."""
        # cos^2 of the zenith angle, as muons have it; in a sensor that looks up, cos^3 in all.
        cosine = max(rng.uniform() ** 0.25, 0.05)
        length = self.thickness * np.sqrt(1 - cosine**2) / cosine
        angle = rng.uniform(0, 2 * np.pi)
        along = np.linspace(0, length, 1 + int(5 * length))
        charge = np.full(along.size, self.electrons * self.thickness / cosine / along.size)
        y, x = rng.uniform(0, rows), rng.uniform(0, columns)
        return np.floor(y + along * np.sin(angle)), np.floor(x + along * np.cos(angle)), charge


@dataclass(frozen=True)
class HotPixels:
    """Pixels with far more dark current than the others.

    A `fraction` of the image area has a rate between `slowest` and `fastest` e-/s; `saturated` further pixels are full in any
    exposure.

    Parameters
    ----------
    fraction, slowest, fastest, saturated
        See above.
    steepness : float
        The number of pixels with more than a rate falls as its power of minus this; 0: rates are even in their logarithm.
        In real darks they fall steeply from those of the others: 1e-3 to 1.6e-2 of the pixels lie above 10 sigma.
    clustered : float
        The part of them that touches another one, as in real darks damage is larger than a pixel.
    """

    fraction: float = 1e-4
    slowest: float = 2.0
    fastest: float = 300.0
    saturated: int = 5
    steepness: float = 0.0
    clustered: float = 0.0

    def render(self, scene, rng):
        """Rows and columns in the image area, rates in e-/s; the saturated ones come first."""
        rows, columns = scene.image_shape
        count = self.saturated + round(self.fraction * rows * columns)
        y, x = np.divmod(rng.choice(rows * columns, size=count, replace=False), columns)
        rates = self._rates(rng, count)
        rates[: self.saturated] = SATURATED_RATE
        if not self.clustered:
            return y, x, rates
        moved = np.flatnonzero(rng.uniform(size=count) < self.clustered)
        moved = moved[moved > self.saturated]
        y[moved] = np.clip(y[moved - 1] + rng.integers(-1, 2, moved.size), 0, rows - 1)
        x[moved] = np.clip(x[moved - 1] + rng.integers(-1, 2, moved.size), 0, columns - 1)
        first = np.sort(np.unique(y * columns + x, return_index=True)[1])
        return y[first], x[first], rates[first]

    def _rates(self, rng, count):
        if not self.steepness:
            return np.exp(rng.uniform(math.log(self.slowest), math.log(self.fastest), size=count))
        ends = self.slowest**-self.steepness, self.fastest**-self.steepness
        return rng.uniform(*sorted(ends), size=count) ** (-1 / self.steepness)


@dataclass(frozen=True)
class Glow:
    """Light of the amplifier in the lower left corner of the image area, growing with exposure time.

    ``rate * exp(-(x^2 + y^2) / (2 size^2))`` e-/s, with x and y in pixels from the corner.
    """

    rate: float = 0.0
    size: float = 80.0

    def render(self, scene, rng):
        """Rate of the image area in e-/s."""
        y, x = (np.exp(-0.5 * (np.arange(length) / self.size) ** 2) for length in scene.image_shape)
        return (self.rate * np.outer(y, x)).astype(np.float32)


@dataclass(frozen=True)
class Light:
    """How the light of a flat and of a science frame is spread over the image area.

    A flat is vignetted (down by `vignetting` in the corners) and each pixel has its own response; a science
    frame is such a sky with `stars` of up to `brightest` times the sky level.
    """

    vignetting: float = 0.15
    response_deviation: float = 0.01
    stars: int = 60
    star_size: float = 2.5
    brightest: float = 15.0

    def render(self, scene, rng):
        """Flat and sky, relative to the light in the middle of the frame: two arrays of the image area."""
        rows, columns = scene.image_shape
        y, x = np.linspace(-1, 1, rows), np.linspace(-1, 1, columns)
        flat = 1 - self.vignetting * np.add.outer(y**2, x**2) / 2
        flat = flat.astype(np.float32)
        flat *= 1 + np.float32(self.response_deviation) * rng.standard_normal(flat.shape, dtype=np.float32)
        sky = flat.copy()
        for star_y, star_x, brightness in rng.uniform(size=(self.stars, 3)):
            self._add_star(sky, star_y * rows, star_x * columns, self.brightest * brightness**4)
        return flat, sky

    def _add_star(self, sky, y, x, brightness):
        reach = math.ceil(5 * self.star_size)
        rows = np.arange(max(0, int(y) - reach), min(sky.shape[0], int(y) + reach))
        columns = np.arange(max(0, int(x) - reach), min(sky.shape[1], int(x) + reach))
        profile_y, profile_x = (
            np.exp(-0.5 * ((pixels - centre) / self.star_size) ** 2)
            for pixels, centre in ((rows, y), (columns, x))
        )
        sky[np.ix_(rows, columns)] += brightness * np.outer(profile_y, profile_x)


@dataclass(frozen=True)
class Leak:
    """Stray charge in the first `columns` of the overscan, counted from the image area; none beyond.

    The column next to the image holds ``fraction * light + deferred * (1 - exp(-seconds / filling_time))``
    e-: a fraction of the mean light of its row, and charge that traps in the register caught during the
    exposure and release late (of dark current and glow too, so darks have it; a bias leaves no time to fill
    them). From there it falls evenly in its logarithm to `last` times that in the last of the columns.
    """

    columns: int = 0
    fraction: float = 5e-3
    last: float = 0.2
    deferred: float = 0.0
    filling_time: float = 4.0

    def render(self, scene, rng):
        """Expected charge of the contaminated overscan in e-, in the orientation of the frame."""
        axis = scene.overscan.axis
        profile = np.geomspace(1.0, self.last, scene.contaminated)
        if scene.overscan.side in ("left", "bottom"):
            profile = profile[::-1]
        trapped = self.deferred * -math.expm1(-scene.seconds / self.filling_time)
        source = np.full(scene.shape[1 - axis], trapped)
        if scene.electrons is not None:
            source += self.fraction * scene.electrons.mean(axis=axis, dtype=np.float64)
        return np.outer(source, profile) if axis == 1 else np.outer(profile, source)


@dataclass(frozen=True)
class ShotNoise:
    """Charge comes in whole electrons: each pixel holds a Poisson number of them."""

    def render(self, scene, rng, expected):
        """Electrons of one frame, drawn around the `expected` ones."""
        return rng.poisson(expected) if scene.seconds > 0 else np.zeros(scene.shape, dtype=np.float32)


@dataclass(frozen=True)
class ADC:
    """The converter: clips to 0 .. `maximum` and rounds to whole ADU, unsigned 16 bits."""

    maximum: int = ADC_MAXIMUM

    def render(self, scene, rng, adu):
        """The frame as it is stored; `adu` is used up."""
        np.clip(adu, 0, self.maximum, out=adu)
        return np.rint(adu, out=adu).astype(np.uint16)
