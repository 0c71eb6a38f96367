"""Sample nights whose true values are known.

`simulate_night` writes the frames a `Camera` takes in a night, and beside them ``truth.json`` with every
value that went into them. What stays the same from frame to frame (column pattern, hot pixels, response,
stars) is drawn from ``default_rng([seed, 0])``, what changes in the frame of index n >= 1 from
``default_rng([seed, n])``: the bytes of a frame depend on nothing but camera, seed and rows, whichever thread
writes it first.

The physics is in `layers`, the numbers of the two cameras are in `cameras`.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits

from darkcal_widgets.errors import NightError, OutputError, ParameterError
from darkcal_widgets.files import is_frame_name, replacing
from darkcal_widgets.simulate.cameras import CAMERAS, CRYOGENIC, THERMO_ELECTRIC, Camera, Exposure
from darkcal_widgets.simulate.layers import SATURATED_RATE
from darkcal_widgets.workers import threaded

__all__ = [
    "CAMERAS",
    "CRYOGENIC",
    "DEFAULT_ROWS",
    "DEFAULT_SEED",
    "EXAMPLE_FOLDERS",
    "THERMO_ELECTRIC",
    "Camera",
    "Exposure",
    "read_truth",
    "simulate_examples",
    "simulate_night",
]

TRUTH_NAME = "truth.json"
TRUTH_VERSION = 1
DEFAULT_SEED = 1
DEFAULT_ROWS = 512
EXAMPLE_FOLDERS = {"cryogenic": "example-cryo-LFC", "thermo-electric": "example-thermo-electric"}
ORIGIN = "darkcal simulation"  # how a simulated frame is told from a real one of the same name
MINIMUM_CLEAN = 4  # with fewer columns the median of a row carries over 60 % of the read noise into the frame


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
        half-open ranges ``image``, ``overscan``, ``contaminated`` and ``clean`` along that axis, their
        counts, ``usable``, ``clean_slice``, ``keep_slice``; ``recipe``; ``bias_levels`` and
        ``overscan_levels``, file name relative to the night to ADU; ``frames``, kind and exposure of each
        file; ``hot_pixels``, a list of ``x``, ``y`` (0-based, in the raw frame), ``rate`` (e-/s),
        ``saturated``.

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
    return [path for path in folder.rglob("*") if is_frame_name(path.name) and path.is_file()]


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


def _clear(folder):
    """Take away an earlier simulation, truth first, so that no truth outlives its frames."""
    (folder / TRUTH_NAME).unlink(missing_ok=True)
    for path in _fits_files(folder):
        path.unlink()


def _make_folders(folder, shots):
    try:
        for path in {(folder / shot.path).parent for shot in shots}:
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: no folder for the night can be made there ({error})") from error


def _write_frame(folder, camera, scene, fixed, seed, shot):
    rng = np.random.default_rng([seed, shot.index])
    pixels, *levels = _expose(camera, _with_light(camera, scene, fixed, shot.exposure), fixed, rng)
    hdu = fits.PrimaryHDU(pixels, _header(camera, scene, shot))
    with replacing(folder / shot.path) as stream:
        hdu.writeto(stream)
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
        `folder` holds FITS files that are not the simulation's own, or cannot be written to.
    """
    _check_numbers(seed, rows)
    camera, folder = _camera(camera), Path(folder)
    scene, shots = camera.scene(rows), _shots(camera)
    old = _old_truth(folder)
    if old and _is_complete(folder, old, _identity(camera, scene, int(seed))):
        return folder
    _refuse_others(folder, {*old.get("frames", ()), *(shot.path for shot in shots)})
    _make_folders(folder, shots)
    _clear(folder)
    fixed = _Fixed.draw(camera, scene, seed)
    levels = threaded(lambda shot: _write_frame(folder, camera, scene, fixed, seed, shot), shots)
    text = json.dumps(_truth(camera, scene, int(seed), fixed, shots, levels), indent=1)
    with replacing(folder / TRUTH_NAME) as stream:
        stream.write(f"{text}\n".encode())
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
