"""The two cameras of the examples, described by frozen dataclasses.

Draw another camera with `dataclasses.replace`::

    camera = replace(CRYOGENIC, gain=1.2, bias=replace(CRYOGENIC.bias, level=700.0, drift=5.0))
"""

from dataclasses import dataclass, field, replace

from ..errors import ParameterError
from .layers import (
    ADC,
    BiasLevel,
    ColumnPattern,
    CosmicRays,
    DarkCurrent,
    Glow,
    HotPixels,
    Leak,
    Light,
    Overscan,
    ReadNoise,
    RowNoise,
    Scene,
    ShotNoise,
    Slope,
)

__all__ = [
    "CAMERAS",
    "CRYOGENIC",
    "REALISTIC",
    "THERMO_ELECTRIC",
    "Camera",
    "Exposure",
    "ImageTypes",
    "realistic",
    "temperature_of",
]


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
    temperature : float or None
        Of the sensor, degrees Celsius; None: the camera's own.
    labelled : str
        The kind that the header says; "": the right one.
    """

    kind: str
    seconds: float
    count: int
    light: float = 0.0
    filter: str = ""
    subfolder: str = ""
    name: str = "frame-{number:03d}.fits"
    first: int = 1
    temperature: float | None = None
    labelled: str = ""


@dataclass(frozen=True)
class ImageTypes:
    """The words a camera writes into ``IMAGETYP``."""

    bias: str = "BIAS"
    dark: str = "DARK"
    flat: str = "FLAT"
    science: str = "LIGHT"


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
    bias, column_pattern, slope, row_noise, read_noise, dark_current, hot_pixels, glow, cosmic_rays, light, leak, shot_noise, adc
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
    image_types: ImageTypes = field(default_factory=ImageTypes)
    start: str = "2020-01-01T02:00:00"
    readout_seconds: float = 30.0
    bias: BiasLevel = field(default_factory=BiasLevel)
    column_pattern: ColumnPattern = field(default_factory=ColumnPattern)
    slope: Slope = field(default_factory=Slope)
    row_noise: RowNoise = field(default_factory=RowNoise)
    read_noise: ReadNoise = field(default_factory=ReadNoise)
    dark_current: DarkCurrent = field(default_factory=DarkCurrent)
    hot_pixels: HotPixels = field(default_factory=HotPixels)
    glow: Glow = field(default_factory=Glow)
    cosmic_rays: CosmicRays = field(default_factory=CosmicRays)
    light: Light = field(default_factory=Light)
    leak: Leak = field(default_factory=Leak)
    shot_noise: ShotNoise = field(default_factory=ShotNoise)
    adc: ADC = field(default_factory=ADC)

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


def temperature_of(camera, exposure):
    """Return the temperature of the sensor during an exposure, degrees Celsius."""
    return camera.temperature if exposure.temperature is None else exposure.temperature


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
#: (0-based) are overscan; the header claims all of them, one row short, as the real one does. Light and
#: deferred charge reach the first 7, so the usable part is ``2055:``. The level drifts by up to 20 ADU and
#: the overscan follows it exactly. Gain 2 e-/ADU, read noise 11 e-, next to no dark current; the glow reaches
#: 4,500 ADU in 300 s. The deferred charge, up to 100 e-, is that of a register with traps: taking the
#: contaminated columns into the overscan makes a dark about 2 ADU too low.
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
#: none is usable: its level lies 8 ADU above the bias, drifts on its own, rises by 40 ADU whenever the
#: shutter opens, and light leaks into all 13 (up to 15 ADU in a flat). Gain 1.5 e-/ADU, read noise 10 e-,
#: dark current 0.01 e-/s, hot pixels up to saturation. The flats last 1 to 1.21 s, the darks 90 s.
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

# Layers of which the two cameras above have none, with which a night looks like a real one. To see one effect by itself, nights
# without the others are better, and quicker.
REALISTIC = {
    "cosmic_rays": CosmicRays(rate=4e-8),
    "row_noise": RowNoise(adu=0.25, pickup=0.3),
}


def realistic(camera):
    """Return a camera with the layers that real frames show beside: see `REALISTIC`, and the dark current of each pixel."""
    rate = camera.dark_current.rate
    is_cold = rate < 1e-3
    fastest = 10.0 if is_cold else camera.hot_pixels.fastest
    slowest = max(20 * rate, 0.05)
    return replace(
        camera,
        **REALISTIC,
        slope=Slope(6.0),
        dark_current=replace(camera.dark_current, spread=0.35, overscan=0.0 if is_cold else 0.3 * rate),
        hot_pixels=replace(
            camera.hot_pixels, fraction=5e-3, slowest=slowest, fastest=fastest, steepness=1.3, clustered=0.3
        ),
    )
