"""Results that are right in many ways, and right ones that somebody has tampered with: what `check_run` has to tell apart.

python bench/check.py [--right 200]
"""

from dataclasses import dataclass, replace
from pathlib import Path

import ccdproc
import numpy as np
from astropy import units as u
from astropy.io import fits
from scipy.ndimage import gaussian_filter, median_filter

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks, simulate_night
from darkcal_widgets.simulate import CAMERAS, read_truth
from darkcal_widgets.simulate.layers import Overscan

# --- Right answers ----------------------------------------------------------------------------------------


def right_recipe(truth):
    """Return the recipe of a truth file."""
    return Recipe(
        **{
            name: value
            for name, value in truth["recipe"].items()
            if name in ("overscan_columns", "keep_columns", "subtract_bias")
        }
    )


def by_darkcal(night, folder, recipe, **options):
    """Calibrate and combine."""
    calibrate_darks(night, recipe, folder, progress=False, **options).raise_failures()
    combine_darks(folder)


def by_ccdproc(night, folder, recipe, average="average", overscan_by=np.median, unit="adu"):
    """Calibrate and combine with plain ccdproc, whose headers say nothing of darkcal; `unit` electron: the gain is corrected."""
    Path(folder).mkdir()
    steps, gain = recipe.regions(night.darks[0].shape), night.darks[0].info.gain

    def calibrated(frame):
        ccd = frame.ccd()
        if steps.overscan is not None:
            axis = 1 if recipe.pieces(frame.shape)[0].axis == 1 else 0
            ccd = ccdproc.subtract_overscan(
                ccd, overscan=ccd[steps.overscan], overscan_axis=axis, median=overscan_by is np.median
            )
        return ccdproc.trim_image(ccd[steps.keep])

    bias = (
        ccdproc.combine([calibrated(frame) for frame in night.biases], method=average)
        if recipe.subtract_bias
        else None
    )
    members = {}
    for frame in night.darks:
        ccd = calibrated(frame)
        ccd = ccd if bias is None else ccdproc.subtract_bias(ccd, bias)
        if unit == "electron":
            ccd = ccdproc.gain_correct(ccd, gain * u.electron / u.adu)
        ccd.data = ccd.data.astype("float32")
        ccd.write(Path(folder) / frame.path.name)
        members.setdefault(frame.info.exposure, []).append(ccd)
    for exposure, ccds in members.items():
        combined = ccdproc.combine(ccds, method=average, dtype="float32")
        combined.header = ccds[0].header.copy()
        combined.header.update({"COMBINED": True, "NCOMBINE": len(ccds)})
        combined.write(Path(folder) / f"combined_dark_{exposure:.3f}.fits")


def _narrower(recipe, truth):
    """Leave out a usable column or two, where there are many."""
    first, last = truth["overscan"]["clean"]
    spare = (last - first) // 8
    if recipe.overscan_columns is None or not spare:
        return recipe
    at_left = truth["overscan"]["side"] == "left"
    ends = (first, last - spare) if at_left else (first + spare, last)
    return replace(recipe, overscan_columns=f"{ends[0]}:{ends[1]}")


#: How to be right: name to function of night, folder, recipe and truth.
RIGHT = {
    "as in the truth": lambda n, f, r, t: by_darkcal(n, f, r),
    "double precision": lambda n, f, r, t: by_darkcal(n, f, replace(r, output_dtype="float64")),
    "bias as well": lambda n, f, r, t: by_darkcal(n, f, replace(r, subtract_bias=True)),
    "fewer columns": lambda n, f, r, t: by_darkcal(n, f, _narrower(r, t)),
    "ccdproc": lambda n, f, r, t: by_ccdproc(n, f, r),
    "ccdproc, means of the overscan": lambda n, f, r, t: by_ccdproc(n, f, r, overscan_by=np.mean),
    "ccdproc, medians of frames": lambda n, f, r, t: by_ccdproc(n, f, r, average="median"),
    "ccdproc, in electrons": lambda n, f, r, t: by_ccdproc(n, f, r, unit="electron"),
}


def any_camera(seed, rows=96, columns=240):
    """Draw a small camera like one of the two."""
    rng = np.random.default_rng([seed, 5])
    camera = CAMERAS[str(rng.choice(list(CAMERAS)))]
    side = str(rng.choice(["left", "right", "none", "right"]))
    width = 0 if side == "none" else int(rng.integers(8, 60))
    plan = tuple(replace(line, subfolder="", name="f-{number:03d}.fits") for line in camera.plan)
    return replace(
        camera,
        rows=rows,
        columns=columns,
        plan=plan,
        gain=round(float(rng.uniform(0.6, 3)), 2),
        overscan=Overscan(side, width),
        bias=replace(camera.bias, level=float(rng.uniform(300, 3000)), drift=float(rng.uniform(2, 25))),
        read_noise=replace(camera.read_noise, electrons=float(rng.uniform(4, 12))),
        leak=replace(camera.leak, columns=int(rng.integers(0, 7))),
        glow=replace(camera.glow, size=12.0),
    )


def small_camera(name, rows=128, columns=400):
    """Return one of the two cameras with a small chip."""
    return replace(CAMERAS[name], rows=rows, columns=columns, glow=replace(CAMERAS[name].glow, size=12.0))


def right_answer(seed, folder):
    """Simulate a night and be right in one of the ways; return the way, the results and the night."""
    folder = Path(folder)
    night = Night(simulate_night(folder / "night", any_camera(seed), seed=seed, rows=None))
    way = list(RIGHT)[seed % len(RIGHT)]
    truth = read_truth(night.raw_folder)
    RIGHT[way](night, folder / "out", right_recipe(truth), truth)
    return way, folder / "out", night


# --- Wrong answers ----------------------------------------------------------------------------------------


def _rewrite(path, change=None, **cards):
    with fits.open(path) as hdus:
        data, header = hdus[0].data.astype(np.float32), hdus[0].header.copy()
    header.update(cards)
    fits.PrimaryHDU(data if change is None else change(data).astype(np.float32), header).writeto(
        path, overwrite=True, checksum=True
    )


def _singles(folder):
    return sorted(path for path in Path(folder).glob("*.fits") if not path.name.startswith("combined"))


def _each(change, one=False, **cards):
    def tamper(folder, truth):
        for path in _singles(folder)[1:2] if one else _singles(folder):
            _rewrite(path, change and (lambda data: change(data, truth)), **cards)

    return tamper


def _swap(folder, truth):
    """Exchange the pixels of the first and the last dark."""
    first, *_, last = _singles(folder)
    pixels = fits.getdata(first), fits.getdata(last)
    _rewrite(first, lambda _: pixels[1])
    _rewrite(last, lambda _: pixels[0])


def _longest(folder):
    """Return the combined dark of the longest exposure, of which the last darks are the members."""
    return max(Path(folder).glob("combined_dark*"), key=lambda path: fits.getval(path, "EXPTIME"))


def _average(chosen):
    def tamper(folder, truth):
        stack = [fits.getdata(path) for path in chosen(_singles(folder))]
        _rewrite(_longest(folder), lambda _: np.mean(stack, axis=0))

    return tamper


def _combined(change):
    def tamper(folder, truth):
        _rewrite(_longest(folder), change)

    return tamper


def _noisier(data, _):
    return data + np.random.default_rng(int(abs(data.sum())) % 9999).normal(0, 3, data.shape)


def _without_hot(data, _=None):
    near = median_filter(data, 3)
    return np.where(data - near > 60, near, data)


def _without_columns(data, _):
    return data - np.median(data, axis=0)


@dataclass(frozen=True)
class Tampering:
    """A way to spoil right results.

    Attributes
    ----------
    name : str
    tamper : callable
        Of the folder of results and the truth.
    what : str
        The check that has to be off first.
    says : str
        What its sentence has to hold.
    """

    name: str
    tamper: object
    what: str
    says: str


TAMPERINGS = [
    Tampering("flipped left to right", _each(lambda d, t: d[:, ::-1]), "geometry", "left to right"),
    Tampering("flipped upside down", _each(lambda d, t: d[::-1]), "geometry", "upside down"),
    Tampering("half a turn", _each(lambda d, t: d[::-1, ::-1]), "geometry", "half a turn"),
    Tampering("one flipped", _each(lambda d, t: d[::-1], one=True), "geometry", "upside down"),
    Tampering("shifted along x", _each(lambda d, t: np.roll(d, 1, 1)), "geometry", "+1 columns"),
    Tampering("shifted along y", _each(lambda d, t: np.roll(d, -1, 0)), "geometry", "-1 rows"),
    Tampering("one shifted by two", _each(lambda d, t: np.roll(d, 2, 1), one=True), "geometry", "+2 columns"),
    Tampering("times gain", _each(lambda d, t: d * t["gain"]), "unit", "multiplied by the gain"),
    Tampering(
        "one times gain", _each(lambda d, t: d * t["gain"], one=True), "unit", "multiplied by the gain"
    ),
    Tampering("over gain", _each(lambda d, t: d / t["gain"]), "unit", "multiplied by"),
    Tampering("wrong unit", _each(None, BUNIT="electron"), "unit", "says that it is in electrons"),
    Tampering("one 50 ADU higher", _each(lambda d, t: d + 50, one=True), "level", "ADU too high"),
    Tampering("all 5 ADU lower", _each(lambda d, t: d - 5), "level", "ADU too low"),
    Tampering("one zeroed", _each(lambda d, t: 0 * d, one=True), "frames", "holds 0"),
    Tampering("frames swapped", _swap, "frames", "has the pixels of"),
    Tampering("exposure in the header", _each(None, one=True, EXPTIME=33.0), "frames", "says 33 s"),
    Tampering("a single one combined", _average(lambda p: p[-1:]), "combined darks", "only 1 of"),
    Tampering("two combined", _average(lambda p: p[-2:]), "combined darks", "only 2 of"),
    Tampering("the sum", _combined(lambda d: 3 * d), "combined darks", "times the average"),
    Tampering("one without hot pixels", _each(_without_hot, one=True), "pixels", "hot pixels are part"),
    Tampering("none with hot pixels", _each(_without_hot), "pixels", "hot pixels are part"),
    Tampering("combined without hot pixels", _combined(_without_hot), "combined darks", "lie outside"),
    Tampering("more noise", _each(_noisier), "pixels", "noise of"),
    Tampering("one with more noise", _each(_noisier, one=True), "pixels", "noise of"),
    Tampering("medians of columns", _each(_without_columns), "pixels", "from each of its columns"),
    Tampering("smoothed", _each(lambda d, t: gaussian_filter(d, 1)), "unit", "was smoothed"),
    Tampering("holes", _each(lambda d, t: np.where(d > 300, np.nan, d)), "pixels", "have no value"),
]
