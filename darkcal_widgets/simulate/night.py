"""Sample nights whose true values are known: planned, exposed and written.

`simulate_night` writes the frames a `Camera` takes in a night, and beside them ``truth.json`` with every
value that went into them. What stays the same from frame to frame (column pattern, hot pixels, response,
stars) is drawn from ``default_rng([seed, 0])``, what changes in the frame of index n >= 1 from
``default_rng([seed, n])``: the bytes of a frame depend on nothing but camera, seed and rows, whichever thread
writes it first.

The physics is in `layers`, the numbers of the two cameras are in `cameras`, the true values in `truth`.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from ..errors import NightError, OutputError, ParameterError
from ..files import is_frame_name, replacing
from ..parallel import threaded
from .cameras import CAMERAS, Camera, Exposure, temperature_of
from .cameras import realistic as as_real
from .truth import TRUTH_NAME, identity_of, read_truth, truth_of

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["DEFAULT_ROWS", "DEFAULT_SEED", "EXAMPLE_FOLDERS", "simulate_examples", "simulate_night"]

DEFAULT_SEED = 1
DEFAULT_ROWS = 512
EXAMPLE_FOLDERS = {"cryogenic": "example-cryo-LFC", "thermo-electric": "example-thermo-electric"}
ORIGIN = "darkcal simulation"  # how a simulated frame is told from a real one of the same name


# --- One frame --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fixed:
    """What is the same in every frame of a night, drawn once."""

    pattern: np.ndarray
    rate: np.ndarray
    glow: np.ndarray
    flat: np.ndarray
    sky: np.ndarray
    hot: tuple

    @classmethod
    def draw(cls, camera, scene, seed):
        rng = np.random.default_rng([seed, 0])
        pattern = camera.column_pattern.render(scene, rng)
        hot = camera.hot_pixels.render(scene, rng)
        rate = camera.dark_current.render(scene, rng)
        y, x, extra = hot
        rate[y, x] += extra
        glow = camera.glow.render(scene, rng)
        return cls(
            pattern + camera.slope.render(scene, rng), rate, glow, *camera.light.render(scene, rng), hot
        )


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
        spread = fixed.sky if exposure.kind == "science" else fixed.flat
        electrons = spread * np.float32(exposure.light * camera.adc.maximum * camera.gain)
    warmth = camera.dark_current.warmth(temperature_of(camera, exposure) - camera.temperature)
    return replace(scene, seconds=exposure.seconds, electrons=electrons, warmth=warmth)


def _expected_electrons(camera, scene, fixed, rng):
    expected = np.zeros(scene.shape, dtype=np.float32)
    image = expected[scene.part("image")]
    image += fixed.rate * np.float32(scene.seconds * scene.warmth)
    image += fixed.glow * np.float32(scene.seconds)
    if scene.electrons is not None:
        image += scene.electrons
    expected[scene.part("contaminated")] = camera.leak.render(scene, rng)
    expected[scene.part("overscan")] += np.float32(
        camera.dark_current.overscan * scene.seconds * scene.warmth
    )
    y, x, charge = camera.cosmic_rays.render(scene, rng)
    np.add.at(image, (y, x), charge)
    return expected


def _expose(camera, scene, fixed, rng):
    """One frame (uint16) and the bias level of its image area and of its overscan (ADU)."""
    image_level, overscan_level = camera.bias.render(scene, rng)
    expected = _expected_electrons(camera, scene, fixed, rng)
    adu = camera.read_noise.render(scene, rng)
    adu += camera.shot_noise.render(scene, rng, expected)
    adu /= np.float32(camera.gain)
    adu += fixed.pattern
    adu += camera.row_noise.render(scene, rng)
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
    labelled = exposure.labelled or exposure.kind
    header["IMAGETYP"] = (getattr(camera.image_types, labelled), "type of frame")
    header["OBJECT"] = (labelled, "what was observed")
    for keyword in camera.exposure_keywords:
        header[keyword] = (float(exposure.seconds), "[s] exposure time")
    if exposure.filter:
        header["FILTER"] = (exposure.filter, "filter in the beam")
    header["DATE-OBS"] = (shot.date_obs, "start of the exposure, UTC")
    header["CCD-TEMP"] = (temperature_of(camera, exposure), "[degC] sensor temperature")
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


def _is_same(old, identity):
    return all(old.get(key) == value for key, value in identity.items())


def _is_complete(folder, old):
    return all((folder / name).is_file() for name in old["frames"])


def _refuse_another(folder, old, identity):
    """Raise OutputError: the night in `folder` is not the one that was asked for."""
    there, asked = (
        f"{truth['camera']}, seed {truth['seed']}, {truth['shape'][0]} rows" for truth in (old, identity)
    )
    raise OutputError(
        f"{folder}: holds another simulated night ({there}{' with other settings' if there == asked else ''}) than was asked "
        f"for ({asked}); choose another folder, or set overwrite (darkcal sample --overwrite) to replace it"
    )


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


def _clear(folder, truth_folder):
    """Take away an earlier simulation, truth first, so that no truth outlives its frames."""
    (truth_folder / TRUTH_NAME).unlink(missing_ok=True)
    for path in _fits_files(folder):
        path.unlink()


def _make_folders(folder, shots):
    try:
        for path in {(folder / shot.path).parent for shot in shots}:
            if path != folder and path.is_symlink():
                raise OutputError(f"{path} is a link; remove it: nothing is written through links")
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


def simulate_night(
    folder: "str | PathLike[str]",
    camera: str | Camera = "cryogenic",
    *,
    seed: int = DEFAULT_SEED,
    rows: int | None = DEFAULT_ROWS,
    overwrite: bool = False,
    truth_folder: "str | PathLike[str] | None" = None,
) -> Path:
    """Write a simulated night and its true values, ``truth.json``.

    A night that is already there, of the same camera, seed and rows, is left as it is, or finished.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    camera : {"cryogenic", "thermo-electric"} or Camera
    seed : int
        The same seed gives the same bytes.
    rows : int or None
        Rows of a frame, at most those of the camera; None: all of them.
    overwrite : bool
        Replace another simulated night.
    truth_folder : path-like, optional
        Where the true values go, which is made if it is not there; default: into the night.

    Returns
    -------
    Path
        The night.

    Raises
    ------
    ParameterError
        Unknown camera, or a number that cannot be used.
    OutputError
        `folder` holds FITS files that are not the simulation's own, or another simulated night and `overwrite` is false,
        or it cannot be written to.
    """
    _check_numbers(seed, rows)
    camera, folder = _camera(camera), Path(folder)
    truth_folder = folder if truth_folder is None else Path(truth_folder)
    scene, shots = camera.scene(rows), _shots(camera)
    old, identity = _old_truth(truth_folder), identity_of(camera, scene, int(seed))
    if old and not _is_same(old, identity) and not overwrite:
        _refuse_another(folder, old, identity)
    if old and _is_same(old, identity) and _is_complete(folder, old):
        return folder
    _refuse_others(folder, {*old.get("frames", ()), *(shot.path for shot in shots)})
    _make_folders(folder, shots)
    truth_folder.mkdir(parents=True, exist_ok=True)
    _clear(folder, truth_folder)
    fixed = _Fixed.draw(camera, scene, seed)
    levels = threaded(lambda shot: _write_frame(folder, camera, scene, fixed, seed, shot), shots)
    text = json.dumps(truth_of(camera, scene, int(seed), fixed.hot, shots, levels), indent=1)
    with replacing(truth_folder / TRUTH_NAME) as stream:
        stream.write(f"{text}\n".encode())
    return folder


def simulate_examples(folder, *, seed=DEFAULT_SEED, full=False, overwrite=False, realistic=False):
    """Write the nights of both examples into `folder`, under the names the notebooks expect.

    Parameters
    ----------
    folder : path-like
    seed : int
    full : bool
        All rows of the cameras (1.3 GB) instead of 512.
    overwrite : bool
        Replace other simulated nights.
    realistic : bool
        With what real frames show beside, such as cosmic rays, see `~darkcal_widgets.simulate.realistic`.

    Returns
    -------
    list of Path
        ``example-cryo-LFC`` and ``example-thermo-electric``.

    Raises
    ------
    OutputError
        See `simulate_night`.
    """
    rows = None if full else DEFAULT_ROWS
    finished = as_real if realistic else _camera
    return [
        simulate_night(
            Path(folder) / name, finished(CAMERAS[camera]), seed=seed, rows=rows, overwrite=overwrite
        )
        for camera, name in EXAMPLE_FOLDERS.items()
    ]
