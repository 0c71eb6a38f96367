"""Calibrated darks beside their raw frames: what was done to each, as far as it can be told. Not whether that was right."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..darks.treatment import Treatment
from ..errors import NightError, ParameterError
from ..files import checksum, result_name
from ..frames import Frame
from ..parallel import threaded
from ..results import Results
from .pixels import CLEAR, Place, Subtracted, overscan_used, place_of, scale_of, texture

__all__ = ["Dark", "TrueNight", "find_darks", "origin_problem", "see"]

# A factor this close to 1, or to the gain, is it.
_SAME_FACTOR = 0.02

# Noise that correlates so much more with that of another frame is of that one: what pixels have in common in all darks, such as
# the dark current of each, correlates, too.
_RATHER = 0.1


class TrueNight:
    """A simulated night with its truth; its images are turned such that an overscan is in columns.

    Parameters
    ----------
    folder : path-like
        The raw frames.
    truth : dict
        See `~darkcal_widgets.simulate.read_truth`.
    """

    def __init__(self, folder, truth):
        self.folder, self.truth = Path(folder), truth
        self.over = truth["overscan"]
        self.frames = truth["frames"]

    def names(self, kind):
        """Return the frames of a kind."""
        return [name for name, frame in self.frames.items() if frame["kind"] == kind]

    @cached_property
    def sound(self):
        """The darks that no light has reached."""
        return [name for name in self.names("dark") if not self.frames[name].get("lit")]

    @cached_property
    def sigma(self):
        """Noise of a pixel in ADU."""
        return self.truth["read_noise"] / self.truth["gain"]

    @cached_property
    def bias_level(self):
        """Mean level of the bias frames, or of all frames if there are none, in ADU."""
        levels = self.truth["bias_levels"]
        return float(np.mean([levels[name] for name in self.names("bias") or levels]))

    @property
    def start(self):
        """Row and column where the image area begins."""
        return 0, self.over["image"][0]

    def turned(self, image):
        """Return an image with its overscan in columns."""
        return image.T if self.over["axis"] == "rows" else image

    @cached_property
    def hot(self):
        """Rows and columns of the hot pixels in the raw frame."""
        x, y = (np.array([pixel[key] for pixel in self.truth["hot_pixels"]], dtype=int) for key in ("x", "y"))
        return (x, y) if self.over["axis"] == "rows" else (y, x)

    def read(self, name):
        """Return a raw frame in single precision."""
        path = self.folder / name
        if not path.is_file():
            raise NightError(
                f"{path} is not there, and results are compared with their raw frames; make the night again."
            )
        return self.turned(Frame(path).data).astype(np.float32)


@dataclass
class Dark:
    """A calibrated dark and what its pixels say.

    Attributes
    ----------
    frame : Frame
    name : str
        Its raw frame, as the night calls it.
    shape : tuple of int
    constant : float or None
        The one value that all its pixels have.
    twin : str
        The other dark of the night that its pixels are of; empty: they are of its own raw frame, or of none.
    place : Place or None
        `None`: its pixels are of no dark of the night.
    shifted : tuple of int
        Rows and columns between its place and that which its header, or the right trim, gives it.
    scale : float
        What its pixels were multiplied by.
    subtracted : Subtracted or None
    empty : int
        Pixels without a value that have one in the raw frame.
    columns : tuple of int or None
        The overscan that was subtracted from each row; `None`: none, or it cannot be told.
    """

    frame: Frame
    name: str
    shape: tuple
    constant: float | None = None
    twin: str = ""
    place: Place | None = None
    shifted: tuple = (0, 0)
    scale: float = 1.0
    subtracted: Subtracted | None = None
    empty: int = 0
    columns: tuple | None = None

    @cached_property
    def texture(self):
        """The noise of its pixels, see `~darkcal_widgets.check.pixels.texture`."""
        return texture(self.frame.data)

    @property
    def is_plain(self):
        """Whether its pixels are where its raw frame has them."""
        return self.subtracted is not None and not self.twin and not self.place.turn

    @property
    def part(self):
        """Rows and columns of the raw frame that it has."""
        y, x = max(self.place.y, 0), max(self.place.x, 0)
        rows, columns = self.subtracted.rest.shape
        return slice(y, y + rows), slice(x, x + columns)


def find_darks(reduced_folder, truth):
    """Yield each calibrated dark of a folder with the name of its raw frame in the night, `None` if it is not in the night.

    Results of other software are recognised by their names, which are those of raw frames.
    """
    names = {Path(name).name: name for name, frame in truth["frames"].items() if frame["kind"]}
    results = {result_name(raw): name for raw, name in names.items()}
    for frame in Results(reduced_folder).frames:
        if frame.info.combined:
            continue
        if "RAWFILE" in frame.header:
            yield frame, names.get(frame.header["RAWFILE"])
        elif result_name(frame.path.name) in results:
            yield frame, results[result_name(frame.path.name)]


def origin_problem(found, folder):
    """Say why results are not of a night; empty: they may be."""
    for frame, name in found:
        if name is None:
            return f"{frame.path} was made from {frame.header['RAWFILE']}, which is not a frame of {folder}"
    frame, name = found[0]
    raw = Path(folder) / name
    if raw.is_file() and frame.header.get("DCINPUT") not in (None, checksum(raw)):
        return f"{frame.path} was made from another {frame.header['RAWFILE']} than the one in {folder}"
    return ""


def see(found, night):
    """Look at calibrated darks, see `find_darks`.

    Returns
    -------
    list of Dark
    """
    return threaded(lambda pair: _seen(*pair, night), found)


def _seen(frame, name, night):
    image = night.turned(frame.data)
    dark = Dark(frame, name, image.shape)
    values = image[np.isfinite(image)]
    if not values.size or values.min() == values.max():
        dark.constant = float(values[0]) if values.size else np.nan
        return dark
    raw, treatment = night.read(name), _treatment(frame.header, night)
    start = night.start if treatment is None else tuple(part.start for part in treatment.keep)
    dark.place = place_of(image, raw, [start])
    if dark.place is None or dark.place.likeness < CLEAR:
        raw = _twin(dark, image, raw, night, start)
    if dark.place is not None:
        _compare(dark, dark.place.straight(image), raw, night, treatment)
        dark.shifted = (dark.place.y - start[0], dark.place.x - start[1])
    return dark


def _twin(dark, image, raw, night, start):
    """Note which other dark an image rather is of, if there is one; return the raw frame that it is of."""
    for other in night.names("dark"):
        found = (
            None
            if other == dark.name
            else place_of(image, night.read(other), [start, night.start], anywhere=False)
        )
        if found and found.likeness > (dark.place.likeness if dark.place else 0.0) + _RATHER:
            dark.twin, dark.place, raw = other, found, night.read(other)
    return raw


def _compare(dark, image, raw, night, treatment):
    """Note what lies between an image and its raw frame."""
    y, x = dark.place.y, dark.place.x
    image = image[max(-y, 0) :, max(-x, 0) :]
    part = raw[max(y, 0) :, max(x, 0) :][: image.shape[0], : image.shape[1]]
    image = image[: part.shape[0], : part.shape[1]]
    dark.empty = int((~np.isfinite(image) & np.isfinite(part)).sum())
    found = scale_of(image, part)
    gain = night.truth["gain"]
    near = [known for known in (1.0, gain, 1 / gain) if abs(found / known - 1) < _SAME_FACTOR]
    dark.scale = near[0] if near else found
    dark.subtracted = Subtracted(part - image / np.float32(dark.scale))
    rows = raw[max(y, 0) :][: part.shape[0]]
    said = treatment and treatment.overscan and (treatment.overscan[1].start, treatment.overscan[1].stop)
    known = [tuple(night.over[name]) for name in ("clean", "overscan")]
    starts = [said] if said else [ends for ends in known if ends[0] < ends[1]]
    dark.columns = overscan_used(dark.subtracted.lines, rows, starts)


def _treatment(header, night):
    """Return what a header says was done, in the turned frame; `None` where it says nothing that fits."""
    if "DCRECIPE" not in header:
        return None
    try:
        treatment = Treatment.of(header, night.truth["shape"])
    except ParameterError:
        return None
    if night.over["axis"] == "columns":
        return treatment
    overscan = treatment.overscan and treatment.overscan[::-1]
    return Treatment(overscan, treatment.keep[::-1], treatment.bias_file)
