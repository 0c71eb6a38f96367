"""Nights of odd cameras, each with a known answer, drawn and written without the package's own simulator.

What is true of a night, in words:

*Usable*: on one side of the image, or between two parts of it, lie at least 4 columns (or rows) that no light reaches (what
a tail leaves there is less than a tenth of the read noise of a pixel, and less than 1 ADU, in any frame). In every frame,
whatever its kind, they have the bias level of the image of that frame, but for an offset that is the same in all frames,
and the whole image has one bias level (or one for each row, if the overscan has it, too). A dark current, a leak of light or
a temperature that differs between darks changes nothing about that. Where rounding to whole ADU swallows the read noise
(less than 0.3 ADU of it), an overscan tells nothing and is not usable.

*Kept*: the pixels that the sky can fall on, lit or not. Overscan rows beside overscan columns are not among them.

*Clean*: the columns (or rows) of the overscan that no light reaches. Advice may name others as well as long as a tail leaves
less than the same limit in their mean.

A header is *right* if BIASSEC lies within the overscan and TRIMSEC is the image.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits

ODDITIES = (
    "plain",
    "slit spectrum",
    "amplifiers",
    "overscan in the middle",
    "rows and columns",
    "exponential tail",
    "light leak in darks",
    "temperature steps",
    "banding",
    "bleeding",
    "bits",
    "overscan of its own mind",
    "level that light lifts",
    "amplifiers of rows",
    "few frames",
)


@dataclass
class Camera:
    """A camera and its night; the fields that an oddity changes.

    The frame is laid out along one axis as image and overscan; `axis` 1 means columns. Levels are in ADU.
    """

    oddity: str
    axis: int
    image: tuple  # rows, columns of the image
    width: int  # of the overscan
    place: str  # "low", "high", "middle" or "none"
    level: float
    noise: float
    gain: float
    drift: float
    header: str  # "right", "wrong" or "silent"
    frames: dict
    beside: int = 0  # overscan along the other axis
    offset: float = 0.0  # of the overscan, the same in all frames
    own_drift: float | None = None  # of an overscan that does not follow
    lift: dict = field(default_factory=dict)  # kind to a shift of the overscan
    tail: tuple = (0.0, 1.0)  # part of the light in the first overscan column, e-folding length in columns
    slit: tuple | None = None  # axis along which light falls to the edges, half width as a part of the axis
    split: float = 0.0  # level of the second half of the image against the first
    second: float = 0.0  # level of the second half of the overscan against the first
    row_split: float = 0.0  # level of the upper half of the frame, overscan included
    leak: float = 0.0  # ADU in the darks, at most, different from dark to dark
    rates: tuple = (0.01,)  # dark current at each temperature, ADU/s
    temperatures: tuple = (-10.0,)
    told: bool = True  # whether the header tells the temperature
    bands: float = 0.0
    columns_pattern: float = 0.5
    bleeding: int = 0
    dtype: str = "uint16"
    divide: float = 1.0

    @property
    def shape(self):
        """(rows, columns) of a frame."""
        shape = list(self.image)
        shape[self.axis] += self.width
        shape[1 - self.axis] += self.beside
        return tuple(shape)

    @property
    def strip(self):
        """Start and stop of the overscan along the axis."""
        length = self.image[self.axis]
        start = {"low": 0, "high": length, "middle": length // 2, "none": length}[self.place]
        return start, start + self.width

    @property
    def lit(self):
        """Indices of the image along the axis."""
        start, stop = self.strip
        return np.r_[0:start, stop : self.shape[self.axis]]


@dataclass(frozen=True)
class Truth:
    """See the words above; `clean` is start and stop along the axis, `keep` a pair of them (rows, columns)."""

    oddity: str
    usable: bool
    axis: int
    clean: tuple | None
    keep: tuple | None
    header: str
    camera: Camera

    def of_one_amplifier(self, image, overscan):
        """Tell whether two slices along the axis lie on one level: each in one half, and both in the same."""
        camera, lit = self.camera, self.camera.lit
        if not camera.second:
            return True
        half, middle = lit[len(lit) // 2], sum(camera.strip) // 2
        first = image.stop <= half and overscan.stop <= middle
        return first or (image.start >= half and overscan.start >= middle)

    def left(self, start, stop):
        """Return what a tail leaves in the mean of some columns, in parts of what is allowed; infinite outside the overscan."""
        first, last = self.camera.strip
        if start < first or stop > last:
            return np.inf
        columns = np.arange(start, stop)
        away = last - 1 - columns if self.camera.place == "low" else columns - first
        fraction, length = self.camera.tail
        return float(np.mean(fraction * _BRIGHT * np.exp(-away / length))) / _allowed(self.camera)


def draw(seed, oddity=None):
    """Draw the camera of a night.

    Parameters
    ----------
    seed : int
    oddity : str, optional
        One of `ODDITIES`; otherwise they take turns.
    """
    rng = np.random.default_rng([seed, 4091])
    oddity = oddity or ODDITIES[seed % len(ODDITIES)]
    camera = Camera(
        oddity=oddity,
        axis=int(rng.random() < 0.75),
        image=(int(rng.integers(120, 200)), int(rng.integers(140, 260))),
        width=int(rng.integers(8, 50)),
        place=str(rng.choice(["low", "high", "high"])),
        level=float(rng.uniform(300, 3000)),
        noise=float(np.exp(rng.uniform(np.log(1.5), np.log(12)))),
        gain=float(rng.uniform(0.6, 3)),
        drift=float(rng.choice([0.0, rng.uniform(1, 25)], p=[0.15, 0.85])),
        header=str(rng.choice(["right", "silent", "wrong"], p=[0.5, 0.3, 0.2])),
        frames={
            "bias": int(rng.integers(4, 10)),
            "dark": int(rng.integers(4, 10)),
            "flat": int(rng.integers(2, 6)),
            "science": int(rng.integers(1, 6)),
        },
        offset=float(rng.choice([0.0, rng.normal(0, 3)])),
    )
    _MAKE_ODD[oddity](camera, rng)
    return camera


def _slit(camera, rng):
    camera.slit = (int(rng.integers(2)), float(rng.uniform(0.12, 0.3)))
    camera.header = str(rng.choice(["right", "silent"], p=[0.8, 0.2]))


def _amplifiers(camera, rng):
    camera.axis, camera.place, camera.width = 1, "high", 2 * max(8, camera.width // 2)
    camera.split = camera.second = float(rng.choice([-1, 1]) * rng.uniform(8, 40))
    camera.header = "silent"


def _middle(camera, rng):
    camera.place, camera.width, camera.header = "middle", max(10, camera.width), "silent"
    if rng.random() < 0.5:
        camera.split = float(rng.choice([-1, 1]) * rng.uniform(8, 40))


def _both(camera, rng):
    camera.beside = int(rng.integers(6, 30))
    camera.axis = 1


def _tail(camera, rng):
    camera.tail = (float(10 ** rng.uniform(-4, -1.7)), float(10 ** rng.uniform(0, 1.3)))
    camera.width = int(rng.integers(16, 60))


def _leaking(camera, rng):
    camera.leak = float(rng.uniform(3, 60))


def _temperatures(camera, rng):
    count = int(rng.integers(2, 5))
    camera.temperatures = tuple(-20.0 + 5 * step for step in range(count))
    camera.rates = tuple(float(0.02 * 2**step) for step in range(count))
    camera.told = bool(rng.random() < 0.7)


def _banded(camera, rng):
    camera.axis = (
        1  # bands of rows lie in overscan columns as well, but not those of the image in overscan rows
    )
    camera.bands = float(rng.uniform(1, 15))
    camera.columns_pattern = float(rng.uniform(0.5, 3))


def _bleeding(camera, rng):
    camera.bleeding = int(rng.integers(1, 6))


def _bits(camera, rng):
    camera.dtype = str(rng.choice(["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]))
    if camera.dtype == "uint8":
        camera.divide = 256.0
    elif camera.dtype in ("int32", "uint32", "float64"):
        camera.divide = float(rng.choice([1.0, 1 / 16, 1 / 256]))


def _own_mind(camera, rng):
    camera.own_drift = float(rng.choice([0.0, rng.uniform(8, 25)]))
    camera.drift = float(rng.uniform(8, 25))


def _lifted(camera, rng):
    kinds = [("flat",), ("science", "flat")][int(rng.integers(2))]
    camera.drift = float(rng.choice([0.0, rng.uniform(1, 6)]))
    camera.lift = dict.fromkeys(kinds, float(rng.choice([-1, 1]) * rng.uniform(15, 60)))


def _row_amplifiers(camera, rng):
    camera.axis, camera.row_split = 1, float(rng.choice([-1, 1]) * rng.uniform(8, 40))


def _few(camera, rng):
    kinds = rng.permutation(["bias", "dark", "flat", "science"])
    for kind in kinds[: int(rng.integers(1, 3))]:
        camera.frames[str(kind)] = int(rng.integers(0, 2))
    if camera.frames["dark"] == 0:
        camera.frames["dark"] = 1


def _plain(camera, rng):
    if rng.random() < 0.3:
        camera.place, camera.width = "none", 0


_MAKE_ODD = dict(
    zip(
        ODDITIES,
        (
            _plain, _slit, _amplifiers, _middle, _both, _tail, _leaking, _temperatures, _banded, _bleeding, _bits,
            _own_mind, _lifted, _row_amplifiers, _few,
        ),
        strict=True,
    )
)  # fmt: skip


def truth(camera):
    """Return what is true of the nights of a camera."""
    clean = _clean(camera)
    paired = camera.split == camera.second
    follows = camera.own_drift is None or (camera.own_drift == camera.drift == 0)
    rounded = camera.noise / camera.divide < 0.3 and not camera.dtype.startswith("float")
    wide = clean is not None and clean[1] - clean[0] >= 4
    usable = wide and paired and follows and not camera.lift and not rounded
    keep = [(0, length) for length in camera.image]
    if camera.place == "low":
        keep[camera.axis] = (camera.strip[1], camera.shape[camera.axis])
    if camera.place == "middle":
        keep = None
    return Truth(
        camera.oddity,
        usable,
        camera.axis,
        clean,
        None if keep is None else tuple(keep),
        camera.header,
        camera,
    )


def _clean(camera):
    """Return start and stop of the columns in which the tail of the brightest frames is below what matters."""
    if camera.width == 0:
        return None
    fraction, length = camera.tail
    start, stop = camera.strip
    if fraction == 0:
        return start, stop
    tail = fraction * _BRIGHT * np.exp(-np.arange(camera.width) / length)
    reached = int(np.sum(tail > _allowed(camera)))
    clean = (start, stop - reached) if camera.place == "low" else (start + reached, stop)
    return clean if clean[1] > clean[0] else None


def _allowed(camera):
    return min(1.0, camera.noise / 10)


_BRIGHT, _FAINT = 20000.0, 300.0
_EXPOSURES = {"bias": 0.0, "dark": 120.0, "flat": 10.0, "science": 120.0}


def write_night(camera, folder, seed):
    """Write all frames of a night, named by kind and number."""
    rng = np.random.default_rng([seed, 77])
    pattern = rng.normal(0, camera.columns_pattern, camera.shape[1])
    flat = _illumination(camera, rng)
    stars = _stars(camera, rng)
    for kind, count in camera.frames.items():
        for index in range(count):
            step = index % len(camera.rates) if kind == "dark" else 0
            image, header = _frame(camera, rng, kind, step, flat, stars)
            data = _digitised(camera, image + pattern)
            header |= _claims(camera)
            path = Path(folder) / f"{kind}-{index:02d}.fits"
            fits.PrimaryHDU(data, fits.Header(list(header.items()))).writeto(path)


def _frame(camera, rng, kind, step, flat, stars):
    """Return one frame in ADU and its cards."""
    seconds = _EXPOSURES[kind]
    light = {"flat": _BRIGHT * flat, "science": _FAINT * flat + stars}.get(kind, 0.0 * flat)
    if kind == "dark" and camera.leak:
        slope = np.linspace(0.3, 1, camera.image[1])
        light = light + camera.leak * rng.uniform(0, 1) * slope
    light = light + camera.rates[step] * seconds
    electrons = rng.poisson(np.maximum(light, 0) * camera.gain) / camera.gain
    image_drift = camera.drift * rng.uniform(-0.5, 0.5)
    drift = image_drift if camera.own_drift is None else camera.own_drift * rng.uniform(-0.5, 0.5)
    drift += camera.offset + camera.lift.get(kind, 0.0)
    frame = np.full(camera.shape, camera.level)
    along = np.moveaxis(frame, camera.axis, 1)  # (across, along)
    start, stop = camera.strip
    across = camera.image[1 - camera.axis]
    along[:, camera.lit] += image_drift
    along[:, start:stop] += drift
    half = camera.lit[len(camera.lit) // 2 :]
    along[:, half] += camera.split
    along[:, (start + stop) // 2 : stop] += camera.second
    along[:across][:, camera.lit] += electrons if camera.axis == 1 else electrons.T
    _add_tail(camera, along, across, light)
    _bleed(camera, rng, along, kind)
    frame[frame.shape[0] // 2 :] += camera.row_split
    if camera.bands:
        frame += _bands(camera, rng)
    frame += rng.normal(0, camera.noise, camera.shape)
    header = {"IMAGETYP": {"science": "object"}.get(kind, kind), "EXPTIME": seconds}
    if camera.told:
        header["CCD-TEMP"] = camera.temperatures[step]
    return frame, header


def _add_tail(camera, along, across, light):
    fraction, length = camera.tail
    if fraction == 0:
        return
    start, stop = camera.strip
    light = light if camera.axis == 1 else light.T
    edge = light[:, 0] if camera.place == "low" else light[:, start - 1]
    tail = fraction * edge[:, None] * np.exp(-np.arange(camera.width) / length)
    along[:across, start:stop] += tail[:, ::-1] if camera.place == "low" else tail


def _bleed(camera, rng, along, kind):
    """Fill a few lines from a saturated star through the overscan, in frames with light."""
    if not camera.bleeding or kind not in ("flat", "science"):
        return
    for _ in range(camera.bleeding):
        at = int(rng.integers(0, along.shape[0] - 3))
        along[at : at + int(rng.integers(1, 3)), : int(rng.integers(10, along.shape[1]))] = 60000


def _bands(camera, rng):
    """Return row offsets that differ from frame to frame, the same in image and overscan."""
    rows = np.arange(camera.shape[0])
    period, phase = rng.uniform(8, 60), rng.uniform(0, 2 * np.pi)
    return camera.bands * np.sin(2 * np.pi * rows / period + phase)[:, None]


def _illumination(camera, rng):
    """Return the light of a flat, 1 in the brightest part; a slit lets it fall to nothing towards two edges."""
    y, x = (np.linspace(-1, 1, length) for length in camera.image)
    flat = 1 - 0.2 * (y[:, None] ** 2 + x**2) / 2
    flat = flat * rng.normal(1, 0.01, camera.image)
    if camera.slit is None:
        return flat
    axis, half = camera.slit
    place = y[:, None] if axis == 0 else x
    spectrum = x if axis == 0 else y[:, None]
    profile = 0.5 * (np.tanh((place + 2 * half) / 0.05) - np.tanh((place - 2 * half) / 0.05))
    colours = np.exp(-0.5 * ((spectrum - 0.2) / rng.uniform(0.25, 0.6)) ** 2)
    return flat * profile * colours + rng.choice([0.0, 0.002])


def _stars(camera, rng):
    image = np.zeros(camera.image)
    y, x = np.mgrid[: camera.image[0], : camera.image[1]]
    for _ in range(8):
        at = rng.uniform(0, camera.image[0]), rng.uniform(0, camera.image[1])
        image += 10 ** rng.uniform(2, 4) * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / 4)
    return image if camera.slit is None else 0 * image


def _digitised(camera, image):
    values = image / camera.divide
    if camera.dtype.startswith("float"):
        return values.astype(camera.dtype)
    info = np.iinfo(camera.dtype)
    return np.clip(np.rint(values), info.min, info.max).astype(camera.dtype)


def _claims(camera):
    """Return BIASSEC and TRIMSEC as the header has them: right, wrong or not at all; the same in every frame."""
    rows, columns = camera.shape
    if camera.header == "silent" or (camera.header == "right" and camera.place == "none"):
        return {}
    if camera.header == "wrong":
        return {
            "BIASSEC": f"[{columns // 3}:{columns // 3 + 12},1:{rows}]",
            "TRIMSEC": f"[1:{columns},1:{rows}]",
        }
    keep = truth(camera).keep
    other = slice(0, camera.image[1 - camera.axis])
    region = [None, None]
    region[camera.axis], region[1 - camera.axis] = slice(*camera.strip), other
    return {"BIASSEC": _section(region), "TRIMSEC": _section([slice(*part) for part in keep])}


def _section(region):
    rows, columns = region
    return f"[{columns.start + 1}:{columns.stop},{rows.start + 1}:{rows.stop}]"
