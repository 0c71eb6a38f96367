"""Sample nights whose true values are known.

A `Camera` is a frozen description: its geometry, its header words, its plan of exposures and one frozen layer
per physical effect. Each layer has one method, ``render(scene, rng)``, which returns what that layer adds.
Signals are in electrons until the amplifier; a pixel of a frame reads, in ADU,

    round(clip((Poisson(electrons) + read noise) / gain + bias level + column pattern, 0, 65535))

with ``electrons = seconds * (dark current + hot pixels + glow) + light`` in the image area and
``electrons = leak`` in the overscan. What stays the same from frame to frame (column pattern, hot pixels,
response, stars) is drawn from ``default_rng([seed, 0])``, what changes in the frame of index n >= 1 from
``default_rng([seed, n])``, so the bytes of a frame depend on nothing but camera, seed and rows.

Draw another camera with `dataclasses.replace`::

    camera = replace(CRYOGENIC, gain=1.2, bias=replace(CRYOGENIC.bias, level=700.0, drift=5.0))
    simulate_night("night", camera, seed=7)

Not simulated: cosmic rays, blooming, charge transfer losses, non-linearity, the world coordinates.
"""

import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits

from darkcal_widgets.errors import NightError, OutputError, ParameterError

__all__ = [
    "ADC",
    "CAMERAS",
    "CRYOGENIC",
    "DEFAULT_ROWS",
    "DEFAULT_SEED",
    "THERMO_ELECTRIC",
    "BiasLevel",
    "Camera",
    "ColumnPattern",
    "DarkCurrent",
    "Exposure",
    "Glow",
    "HotPixels",
    "ImageTypes",
    "Leak",
    "Light",
    "Overscan",
    "ReadNoise",
    "Scene",
    "ShotNoise",
    "read_truth",
    "simulate_examples",
    "simulate_night",
]

TRUTH_NAME = "truth.json"
TRUTH_VERSION = 1
DEFAULT_SEED = 1
DEFAULT_ROWS = 512
ORIGIN = "darkcal simulation"  # how a simulated frame is told from a real one of the same name
ADC_MAXIMUM = 65535
MINIMUM_CLEAN = 4  # with fewer columns the median of a row carries over 60 % of the read noise into the frame
SATURATED_RATE = 1e6  # e-/s: full within any exposure that is not a bias
SIDES = ("left", "right", "top", "bottom", "none")
FITS_ENDINGS = tuple(
    ending + packed for ending in (".fits", ".fit", ".fts") for packed in ("", ".gz", ".bz2", ".fz")
)


# --- Geometry and plan ------------------------------------------------------------------------------------


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
class Exposure:
    """One line of the plan: `count` frames of one kind and exposure time.

    Parameters
    ----------
    kind : {"bias", "dark", "flat", "science"}
    seconds : float
    count : int
    light : float
        Light in the middle of the frame, as a fraction of the range of the ADC, so that a plan
        fits a camera of any gain.
    filter : str
    subfolder : str
        Folder inside the night; "" for the night itself.
    name : str
        File name; ``{number}`` counts all frames of the night, ``{count}`` those of the line, from `first`.
    first : int
        Where ``{count}`` starts.
    """

    kind: str
    seconds: float
    count: int
    light: float = 0.0
    filter: str = ""
    subfolder: str = ""
    name: str = "frame-{number:03d}.fits"
    first: int = 1


@dataclass(frozen=True)
class ImageTypes:
    """The words a camera writes into ``IMAGETYP``."""

    bias: str = "BIAS"
    dark: str = "DARK"
    flat: str = "FLAT"
    science: str = "LIGHT"


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
    """

    shape: tuple[int, int]
    overscan: Overscan
    contaminated: int
    seconds: float = 0.0
    electrons: np.ndarray | None = None

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


# --- Layers -----------------------------------------------------------------------------------------------


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
class DarkCurrent:
    """Thermal charge, `rate` e- per second in every pixel of the image area."""

    rate: float = 0.01

    def render(self, scene, rng):
        """Rate of the image area in e-/s."""
        return np.full(scene.image_shape, self.rate, dtype=np.float32)


@dataclass(frozen=True)
class HotPixels:
    """Pixels with far more dark current than the others.

    A `fraction` of the image area has a rate between `slowest` and `fastest` e-/s, evenly spread in its
    logarithm; `saturated` further pixels are full in any exposure.
    """

    fraction: float = 1e-4
    slowest: float = 2.0
    fastest: float = 300.0
    saturated: int = 5

    def render(self, scene, rng):
        """Rows and columns in the image area, rates in e-/s; the saturated ones come first."""
        rows, columns = scene.image_shape
        count = self.saturated + round(self.fraction * rows * columns)
        y, x = np.divmod(rng.choice(rows * columns, size=count, replace=False), columns)
        rates = np.exp(rng.uniform(math.log(self.slowest), math.log(self.fastest), size=count))
        rates[: self.saturated] = SATURATED_RATE
        return y, x, rates


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


# --- Cameras ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Camera:
    """A camera: geometry, header words, layers and the plan of its night.

    Parameters
    ----------
    name : str
    rows, columns : int
        Shape of a whole frame, overscan included.
    overscan : Overscan
    instrument : str
        ``INSTRUME``.
    plan : tuple of Exposure
    gain : float
        e- per ADU.
    temperature : float
        ``CCD-TEMP``, degrees Celsius.
    bunit : str or None
        ``BUNIT``; None: no such card.
    exposure_keywords : tuple of str
    image_types : ImageTypes
    start : str
        ``DATE-OBS`` of the first frame.
    readout_seconds : float
        Time between the end of a frame and the next.
    bias, column_pattern, read_noise, dark_current, hot_pixels, glow, light, leak, shot_noise, adc
        One layer each.
    """

    name: str
    rows: int
    columns: int
    overscan: Overscan
    instrument: str
    plan: tuple[Exposure, ...]
    gain: float = 1.0
    temperature: float = -100.0
    bunit: str | None = None
    exposure_keywords: tuple[str, ...] = ("EXPTIME",)
    image_types: ImageTypes = ImageTypes()
    start: str = "2020-01-01T02:00:00"
    readout_seconds: float = 30.0
    bias: BiasLevel = BiasLevel()
    column_pattern: ColumnPattern = ColumnPattern()
    read_noise: ReadNoise = ReadNoise()
    dark_current: DarkCurrent = DarkCurrent()
    hot_pixels: HotPixels = HotPixels()
    glow: Glow = Glow()
    light: Light = Light()
    leak: Leak = Leak()
    shot_noise: ShotNoise = ShotNoise()
    adc: ADC = ADC()

    def scene(self, rows=None):
        """The empty scene of a frame of `rows` rows; None, or more than the camera has: all of them."""
        height = self.rows if rows is None else min(rows, self.rows)
        shape = (height, self.columns)
        if self.overscan.width >= shape[self.overscan.axis]:
            raise ParameterError(
                f"{self.name}: an overscan {self.overscan.width} wide leaves no image area in a frame of "
                f"{shape[0]} rows and {shape[1]} columns; make the frame larger or the overscan smaller"
            )
        return Scene(shape, self.overscan, min(self.leak.columns, self.overscan.width))


def _cryogenic_plan():
    name = "ccd.{number:03d}.0.fits"
    return (
        Exposure("bias", 0.0, 6, name=name),
        *(Exposure("dark", s, 3, subfolder="darks", name=name) for s in (7.0, 70.0, 300.0)),
        Exposure("flat", 70.011, 3, light=0.30, filter="g'", name=name),
        Exposure("flat", 7.0, 3, light=0.35, filter="i'", name=name),
        Exposure("science", 300.062, 2, light=0.02, filter="g'", name=name),
    )


def _thermo_electric_plan():
    flat_seconds = (1.0, 1.02, 1.06, 1.1, 1.15, 1.21)
    return (
        Exposure("bias", 0.0, 10, name="Bias-S001-R001-C{count:03d}-NoFilt.fits"),
        Exposure("dark", 90.0, 10, name="Dark-S001-R003-C{count:03d}-NoFilt.fits"),
        *(
            Exposure("flat", s, 1, light=0.35, filter="r", name="AutoFlat-r-Bin1-{count:03d}.fits", first=n)
            for n, s in enumerate(flat_seconds, start=1)
        ),
        Exposure("science", 90.0, 2, light=0.015, filter="r", name="target-S001-R001-C{count:03d}-r.fits"),
    )


#: Like chip 0 of the Palomar LFC, cooled with liquid nitrogen. 2080 x 4128 pixels, of which columns 2048 on
#: (0-based) are overscan; the header claims all of them, one row short, as the real one does. Light and deferred
#: charge reach the first 7, so the usable part is ``2055:``. The level drifts by up to 20 ADU and the overscan
#: follows it exactly. Gain 2 e-/ADU, read noise 11 e-, next to no dark current; the glow reaches 4,500 ADU in
#: 300 s. The deferred charge, up to 100 e-, is that of a register with traps: taking the contaminated columns
#: into the overscan makes a dark about 2 ADU too low.
CRYOGENIC = Camera(
    name="cryogenic",
    rows=4128,
    columns=2080,
    overscan=Overscan("right", 32, biassec="[2049:2080,1:{rows_less_one}]", trimsec=None),
    instrument="LFC",
    plan=_cryogenic_plan(),
    gain=2.0,
    temperature=-115.0,
    image_types=ImageTypes(flat="FLATFIELD", science="OBJECT"),
    start="2016-09-06T02:00:00",
    bias=BiasLevel(level=1080.0, drift=20.0),
    column_pattern=ColumnPattern(0.4),
    read_noise=ReadNoise(11.0),
    dark_current=DarkCurrent(0.0005),
    hot_pixels=HotPixels(fraction=5e-5, slowest=2.0, fastest=300.0, saturated=4),
    glow=Glow(rate=30.0, size=80.0),
    leak=Leak(columns=7, fraction=5e-3, last=0.2, deferred=100.0),
)

#: Like the Aspen CG16M with thermo-electric cooling. 4109 x 4096 pixels; the last 13 columns are overscan and
#: none is usable: its level lies 8 ADU above the bias, drifts on its own, rises by 40 ADU whenever the shutter
#: opens, and light leaks into all 13 (up to 15 ADU in a flat). Gain 1.5 e-/ADU, read noise 10 e-, dark current
#: 0.01 e-/s, hot pixels up to saturation. The flats last 1 to 1.21 s, the darks 90 s.
THERMO_ELECTRIC = Camera(
    name="thermo-electric",
    rows=4096,
    columns=4109,
    overscan=Overscan("right", 13),
    instrument="Aspen CG16M",
    plan=_thermo_electric_plan(),
    gain=1.5,
    temperature=-35.0,
    bunit="adu",
    exposure_keywords=("EXPTIME", "EXPOSURE"),
    start="2018-08-23T01:30:00",
    readout_seconds=11.0,
    bias=BiasLevel(
        level=1023.0, drift=2.0, overscan_offset=8.0, overscan_drift=6.0, overscan_light_shift=40.0
    ),
    column_pattern=ColumnPattern(0.6),
    read_noise=ReadNoise(10.0),
    dark_current=DarkCurrent(0.01),
    hot_pixels=HotPixels(fraction=1e-4, slowest=1.0, fastest=2000.0, saturated=6),
    leak=Leak(columns=13, fraction=7e-4, last=0.5),
)

CAMERAS = {camera.name: camera for camera in (CRYOGENIC, THERMO_ELECTRIC)}
EXAMPLE_FOLDERS = {"cryogenic": "example-cryo-LFC", "thermo-electric": "example-thermo-electric"}


# --- One frame --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fixed:
    """What is the same in every frame of a night, drawn once."""

    pattern: np.ndarray
    rate: np.ndarray
    flat: np.ndarray
    sky: np.ndarray
    hot: tuple

    @classmethod
    def draw(cls, camera, scene, seed):
        rng = np.random.default_rng([seed, 0])
        pattern = camera.column_pattern.render(scene, rng)
        hot = camera.hot_pixels.render(scene, rng)
        rate = camera.dark_current.render(scene, rng) + camera.glow.render(scene, rng)
        y, x, extra = hot
        rate[y, x] += extra
        return cls(pattern, rate, *camera.light.render(scene, rng), hot)


@dataclass(frozen=True)
class _Shot:
    """One frame of the plan: its index (from 1), file and time."""

    index: int
    exposure: Exposure
    path: str
    date_obs: str


def _shots(camera):
    shots, clock = [], datetime.fromisoformat(camera.start)
    for exposure in camera.plan:
        for count in range(exposure.first, exposure.first + exposure.count):
            number = len(shots) + 1
            name = exposure.name.format(number=number, count=count)
            path = f"{exposure.subfolder}/{name}" if exposure.subfolder else name
            shots.append(_Shot(number, exposure, path, clock.isoformat(timespec="milliseconds")))
            clock += timedelta(seconds=exposure.seconds + camera.readout_seconds)
    names = {shot.path for shot in shots}
    if len(names) < len(shots):
        raise ParameterError(
            f"{camera.name}: the plan gives the same file name to several frames; use {{number}} in `name`"
        )
    return shots


def _with_light(camera, scene, fixed, exposure):
    """The scene of one exposure; its light is given as a fraction of the range of the ADC."""
    electrons = None
    if exposure.light > 0:
        spread = fixed.flat if exposure.kind == "flat" else fixed.sky
        electrons = spread * np.float32(exposure.light * camera.adc.maximum * camera.gain)
    return replace(scene, seconds=exposure.seconds, electrons=electrons)


def _expected_electrons(camera, scene, fixed, rng):
    expected = np.zeros(scene.shape, dtype=np.float32)
    image = expected[scene.part("image")]
    image += fixed.rate * np.float32(scene.seconds)
    if scene.electrons is not None:
        image += scene.electrons
    expected[scene.part("contaminated")] = camera.leak.render(scene, rng)
    return expected


def _expose(camera, scene, fixed, rng):
    """One frame (uint16) and the bias level of its image area and of its overscan (ADU)."""
    image_level, overscan_level = camera.bias.render(scene, rng)
    expected = _expected_electrons(camera, scene, fixed, rng)
    adu = camera.read_noise.render(scene, rng)
    adu += camera.shot_noise.render(scene, rng, expected)
    adu /= np.float32(camera.gain)
    adu += fixed.pattern
    adu[scene.part("image")] += np.float32(image_level)
    adu[scene.part("overscan")] += np.float32(overscan_level)
    return camera.adc.render(scene, rng, adu), image_level, overscan_level


def _fits_section(scene, part):
    start = [0, 0]
    stop = list(scene.shape)
    start[scene.overscan.axis], stop[scene.overscan.axis] = scene.ranges[part]
    return f"[{start[1] + 1}:{stop[1]},{start[0] + 1}:{stop[0]}]"


def _claim(text, scene, part):
    rows = scene.shape[0]
    if text == "right":
        return _fits_section(scene, part) if scene.overscan.width else None
    return text and text.format(rows=rows, rows_less_one=rows - 1)


def _header(camera, scene, shot):
    exposure = shot.exposure
    header = fits.Header()
    header["ORIGIN"] = (ORIGIN, "not a real observation")
    header["INSTRUME"] = (camera.instrument, "camera")
    header["IMAGETYP"] = (getattr(camera.image_types, exposure.kind), "type of frame")
    header["OBJECT"] = (exposure.kind, "what was observed")
    for keyword in camera.exposure_keywords:
        header[keyword] = (float(exposure.seconds), "[s] exposure time")
    if exposure.filter:
        header["FILTER"] = (exposure.filter, "filter in the beam")
    header["DATE-OBS"] = (shot.date_obs, "start of the exposure, UTC")
    header["CCD-TEMP"] = (camera.temperature, "[degC] sensor temperature")
    header["GAIN"] = (camera.gain, "[electron/adu] gain")
    header["RDNOISE"] = (camera.read_noise.electrons, "[electron] read noise")
    header["XBINNING"] = (1, "binning along columns")
    header["YBINNING"] = (1, "binning along rows")
    claims = {
        "BUNIT": camera.bunit,
        "BIASSEC": _claim(scene.overscan.biassec, scene, "overscan"),
        "TRIMSEC": _claim(scene.overscan.trimsec, scene, "image"),
    }
    header.update({keyword: value for keyword, value in claims.items() if value is not None})
    return header


def _write_atomically(path, write):
    """Call ``write(temporary)``, then rename: a killed run leaves no half file under the true name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


# --- The truth --------------------------------------------------------------------------------------------


def _slice_text(start, stop, length):
    return f"{start if start > 0 else ''}:{stop if stop < length else ''}"


def _overscan_truth(camera, scene):
    length = scene.shape[scene.overscan.axis]
    parts = scene.ranges
    clean = parts["clean"][1] - parts["clean"][0]
    return {
        "side": scene.overscan.side,
        "axis": "rows" if scene.overscan.axis == 0 else "columns",
        **{name: list(part) for name, part in parts.items()},
        "contaminated_count": scene.contaminated,
        "clean_count": clean,
        "follows_bias_level": camera.bias.overscan_follows,
        "usable": bool(clean >= MINIMUM_CLEAN and camera.bias.overscan_follows),
        "clean_slice": _slice_text(*parts["clean"], length) if clean else None,
        "keep_slice": _slice_text(*parts["image"], length) if scene.overscan.width else None,
    }


def _darks_match(camera):
    """Whether each exposure with light has darks within 0.1 s or 0.1 % of its own time."""
    darks = [e.seconds for e in camera.plan if e.kind == "dark" and e.count > 0]
    lit = [e.seconds for e in camera.plan if e.kind in ("flat", "science") and e.count > 0]
    return all(any(abs(s - dark) <= max(0.1, 1e-3 * s) for dark in darks) for s in lit)


def _recipe_truth(camera, overscan):
    in_columns = overscan["axis"] == "columns"
    fields = {
        "overscan_columns": overscan["clean_slice"] if in_columns and overscan["usable"] else None,
        "keep_columns": overscan["keep_slice"] if in_columns else None,
        "subtract_bias": not _darks_match(camera),
    }
    return {**fields, "text": f"Recipe({', '.join(f'{k}={v!r}' for k, v in fields.items())})"}


def _hot_pixel_truth(scene, hot):
    """Columns x and rows y count from 0 in the raw frame, overscan included."""
    corner = [0, 0]
    corner[scene.overscan.axis] = scene.ranges["image"][0]
    return [
        {
            "x": int(x + corner[1]),
            "y": int(y + corner[0]),
            "rate": float(rate),
            "saturated": bool(rate >= SATURATED_RATE),
        }
        for y, x, rate in zip(*hot, strict=True)
    ]


def _identity(camera, scene, seed):
    """What decides every byte of a night, as JSON reads it back."""
    identity = {
        "version": TRUTH_VERSION,
        "camera": camera.name,
        "seed": seed,
        "shape": list(scene.shape),
        "parameters": asdict(camera),
    }
    return json.loads(json.dumps(identity))


def _truth(camera, scene, seed, fixed, shots, levels):
    overscan = _overscan_truth(camera, scene)
    return {
        **_identity(camera, scene, seed),
        "gain": camera.gain,
        "read_noise": camera.read_noise.electrons,
        "dark_current": camera.dark_current.rate,
        "overscan": overscan,
        "recipe": _recipe_truth(camera, overscan),
        "bias_levels": {shot.path: image for shot, (image, _) in zip(shots, levels, strict=True)},
        "overscan_levels": {shot.path: over for shot, (_, over) in zip(shots, levels, strict=True)},
        "frames": {
            shot.path: {"kind": shot.exposure.kind, "exposure": shot.exposure.seconds} for shot in shots
        },
        "hot_pixels": _hot_pixel_truth(scene, fixed.hot),
    }


def read_truth(folder):
    """Read the true values of a simulated night.

    Parameters
    ----------
    folder : str or Path
        The night.

    Returns
    -------
    dict
        ``version``, ``camera``, ``seed``, ``shape``; ``parameters``, the fields of the `Camera`; ``gain``
        (e-/ADU), ``read_noise`` (e-), ``dark_current`` (e-/s); ``overscan``: ``side``, ``axis``, the 0-based
        half-open ranges ``image``, ``overscan``, ``contaminated`` and ``clean`` along that axis, their counts,
        ``usable``, ``clean_slice``, ``keep_slice``; ``recipe``; ``bias_levels`` and ``overscan_levels``, file
        name relative to the night to ADU; ``frames``, kind and exposure of each file; ``hot_pixels``, a list
        of ``x``, ``y`` (0-based, in the raw frame), ``rate`` (e-/s), ``saturated``.

    Raises
    ------
    NightError
        There is no truth file, or it cannot be read.
    """
    path = Path(folder) / TRUTH_NAME
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NightError(
            f"{folder}: no {TRUTH_NAME} in it, so it is not a (complete) simulated night; "
            "make one with `darkcal sample`"
        ) from error
    except (OSError, ValueError) as error:
        raise NightError(f"{path}: cannot be read as JSON ({error}); make the night again") from error
    if not isinstance(truth, dict) or truth.get("version") != TRUTH_VERSION:
        raise NightError(
            f"{path}: not a truth file of format {TRUTH_VERSION}; make the night again in an empty folder"
        )
    return truth


# --- A night ----------------------------------------------------------------------------------------------


def _camera(camera):
    if isinstance(camera, Camera):
        return camera
    if camera not in CAMERAS:
        raise ParameterError(f"camera is {camera!r}; expected a Camera or one of {', '.join(CAMERAS)}")
    return CAMERAS[camera]


def _check_numbers(seed, rows):
    for name, value, least in (("seed", seed, 0), ("rows", 1 if rows is None else rows, 1)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise ParameterError(f"{name} is {value!r}; expected a whole number of at least {least}")


def _fits_files(folder):
    return [path for path in folder.rglob("*") if path.name.lower().endswith(FITS_ENDINGS) and path.is_file()]


def _is_simulated(path):
    try:
        return fits.getheader(path).get("ORIGIN") == ORIGIN
    except OSError:
        return False


def _old_truth(folder):
    try:
        return read_truth(folder)
    except NightError:
        return {}


def _is_complete(folder, old, identity):
    same = all(old.get(key) == value for key, value in identity.items())
    return same and all((folder / name).is_file() for name in old["frames"])


def _refuse_others(folder, own):
    """Raise OutputError where `folder` holds a FITS file that no simulation wrote there."""
    foreign = sorted(
        path.relative_to(folder).as_posix()
        for path in _fits_files(folder)
        if path.relative_to(folder).as_posix() not in own or not _is_simulated(path)
    )
    if foreign:
        raise OutputError(
            f"{folder}: holds {len(foreign)} FITS file(s) that are not of this simulation, such as "
            f"{foreign[0]}; choose another folder, or move them away"
        )


def _clear(folder, names):
    """Take away an earlier simulation, truth first, so that no truth outlives its frames."""
    (folder / TRUTH_NAME).unlink(missing_ok=True)
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _write_frame(folder, camera, scene, fixed, seed, shot):
    rng = np.random.default_rng([seed, shot.index])
    pixels, *levels = _expose(camera, _with_light(camera, scene, fixed, shot.exposure), fixed, rng)
    hdu = fits.PrimaryHDU(pixels, _header(camera, scene, shot))
    path = folder / shot.path
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_atomically(path, hdu.writeto)
    return levels


def simulate_night(folder, camera="cryogenic", *, seed=DEFAULT_SEED, rows=DEFAULT_ROWS):
    """Write a simulated night and its true values, ``truth.json``.

    A night that is already there, of the same camera, seed and rows, is left as it is; one of another seed is
    replaced.

    Parameters
    ----------
    folder : str or Path
        Created if missing.
    camera : {"cryogenic", "thermo-electric"} or Camera
    seed : int
        The same seed gives the same bytes.
    rows : int or None
        Rows of a frame, at most those of the camera; None: all of them.

    Returns
    -------
    Path
        The night.

    Raises
    ------
    ParameterError
        Unknown camera, or a number that cannot be used.
    OutputError
        `folder` holds FITS files that are not the simulation's own.
    """
    _check_numbers(seed, rows)
    camera, folder = _camera(camera), Path(folder)
    scene, shots = camera.scene(rows), _shots(camera)
    old = _old_truth(folder)
    if old and _is_complete(folder, old, _identity(camera, scene, int(seed))):
        return folder
    _refuse_others(folder, {*old.get("frames", ()), *(shot.path for shot in shots)})
    _clear(folder, old.get("frames", ()))
    fixed = _Fixed.draw(camera, scene, seed)
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        levels = list(pool.map(lambda shot: _write_frame(folder, camera, scene, fixed, seed, shot), shots))
    text = json.dumps(_truth(camera, scene, int(seed), fixed, shots, levels), indent=1)
    _write_atomically(folder / TRUTH_NAME, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    return folder


def simulate_examples(folder, *, seed=DEFAULT_SEED, full=False):
    """Write the nights of both examples into `folder`, under the names the notebooks expect.

    Parameters
    ----------
    folder : str or Path
    seed : int
    full : bool
        All rows of the cameras (1.3 GB) instead of 512.

    Returns
    -------
    list of Path
        ``example-cryo-LFC`` and ``example-thermo-electric``.
    """
    rows = None if full else DEFAULT_ROWS
    return [
        simulate_night(Path(folder) / name, camera, seed=seed, rows=rows)
        for camera, name in EXAMPLE_FOLDERS.items()
    ]
