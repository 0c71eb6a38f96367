"""What the panel shows of a night, as plain values and bytes that a browser can take."""

from pathlib import Path

import numpy as np

from ..errors import DarkcalError, FrameError
from ..frames import Frame
from ..groups import group_exposures
from ..plots import panel_picture
from ..results import Results
from ..text import visible
from . import preview
from .preview import Sketches

__all__ = ["Window", "exposure_groups", "folder_choices", "frame_rows"]

# Levels are drawn for at most this many darks, evenly taken from the picked ones: a hundred points more show no more.
LEVEL_FRAMES = 40
# Frames of which the combined bias of a preview is averaged; the run takes them all.
BIAS_FRAMES = 10
# Folders offered for choice.
FOLDER_CHOICES = 60


def frame_rows(night):
    """List the frames of a night for the table: numbers where there are numbers, and text that is safe to look at."""
    darks = {dark.name for dark in night.darks}
    table = night.table
    rows = [
        {
            "name": visible(frame.name),
            "type": visible(table["type"][n]),
            "exposure": frame.info.exposure,
            "filter": visible(frame.info.filter),
            "shape": list(frame.info.shape),
            "temperature": frame.info.temperature,
            "dark": frame.name in darks,
            "trouble": "",
        }
        for n, frame in enumerate(night.frames)
    ]
    return rows + [_unreadable_row(name, reason) for name, reason in night.unreadable.items()]


def _unreadable_row(name, reason):
    absent = dict.fromkeys(("exposure", "temperature", "shape"))
    texts = {"name": visible(name), "type": "unreadable", "filter": "", "trouble": visible(reason)}
    return texts | absent | {"dark": False}


def exposure_groups(night):
    """Group the darks by exposure: a list of labels and the numbers of their rows in `frame_rows`."""
    darks = {dark.name for dark in night.darks}
    timed = [
        n for n, frame in enumerate(night.frames) if frame.name in darks and frame.info.exposure is not None
    ]
    groups = group_exposures([night.frames[n].info.exposure for n in timed])
    return [
        {
            "label": f"{night.frames[timed[group[0]]].info.exposure:g} s",
            "rows": sorted(timed[n] for n in group),
        }
        for group in groups
    ]


def folder_choices(values):
    """List folders that can be chosen: beside the night for `raw_folder`, inside it for `dark_folder`."""
    raw = Path(values["raw_folder"])
    inside = _folders(raw)
    dark = values["dark_folder"]
    return {
        "raw_folder": list(dict.fromkeys([*_folders(Path()), *_folders(raw.parent)]))[:FOLDER_CHOICES],
        "dark_folder": inside if dark is None or dark in inside else [*inside, dark],
    }


def _folders(parent):
    try:
        found = [path for path in sorted(parent.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    except OSError:
        return []
    return [str(path) for path in found[:FOLDER_CHOICES]]


class Window:
    """One frame of a night looked at with a recipe: its profiles, itself before and after, and the levels of its companions.

    Frames are read once; everything else is computed from their sketches. Nothing is written.
    """

    def __init__(self):
        self._sketches = Sketches()
        self._bias = self._mean = (None, None)

    def profiles(self, night, name, unit, axis, statistic):
        """Return the profiles of the frame, and of a bright frame and a bias of its shape if the night has them.

        Returns
        -------
        dict
            ``lines``: label, kind and float32 bytes of each.

        Raises
        ------
        FrameError
            The frame cannot be read.
        """
        frame = _named(night, name)
        lines = [(frame.info.type or "frame", frame, self._sketches.get(frame.path, unit))]
        for other in _companions(night, frame):
            try:
                lines.append((other.info.type, other, self._sketches.get(other.path, unit)))
            except FrameError:
                continue  # It is listed as unreadable where frames are listed, or fails by name in the run.
        return {
            "axis": axis,
            "unit": lines[0][2].unit,
            "lines": [
                {
                    "kind": kind if n else "picked",
                    "label": f"{kind}: {visible(other.name)}",
                    "values": sketch.profile(axis, statistic).astype(np.float32).tobytes(),
                }
                for n, (kind, other, sketch) in enumerate(lines)
            ],
        }

    def effect(self, night, name, recipe, bias_path):
        """Return pictures, histograms and levels of one frame, before and after, on one stretch.

        Raises
        ------
        DarkcalError
            The frame cannot be read, or the recipe or the bias do not fit it.
        """
        frame = _named(night, name)
        sketch = self._sketches.get(frame.path, recipe.unit)
        regions = recipe.regions(sketch.shape)
        bias = self._bias_of(night, sketch.shape, recipe, bias_path)
        raw, result = (
            preview.raw_part(sketch, regions),
            preview.calibrated(sketch, regions, bias, recipe.output_dtype),
        )
        half, middle = preview.stretch(result), preview.median(result)
        pixels = preview.picture(result, middle, half)
        return {
            "name": visible(frame.name),
            "shape": list(sketch.shape),
            "keep": [[part.start, part.stop] for part in regions.keep],
            "half": half,
            "unit": sketch.unit,
            "before": _side(raw, preview.raw_median(sketch, regions), half),
            "after": _side(result, middle, half) | {"size": list(pixels.shape), "pixels": pixels.tobytes()},
        }

    def raw(self, night, name, unit):
        """Return the pixels of the picture before: they stay the same whatever is set, so the browser stretches them itself.

        Raises
        ------
        FrameError
            The frame cannot be read.
        """
        sketch = self._sketches.get(_named(night, name).path, unit)
        values = preview.thin(sketch.rows[:, :: preview.SAMPLING])
        return {"size": list(values.shape), "values": values.astype(np.float32).tobytes()}

    def still(self, night, name, values, recipe, path):
        """Draw the frame with a recipe, or without one where it cannot be used (`None`), as a picture to keep.

        Returns
        -------
        Figure

        Raises
        ------
        DarkcalError
            As `effect`.
        """
        frame, unit = _named(night, name), values["unit"]
        sketch = self._sketches.get(frame.path, unit)
        shown = [frame, *_companions(night, frame)]
        profiles = {
            visible(other.name): self._sketches.get(other.path, unit).profile(1, "mean") for other in shown
        }
        regions = None if recipe is None else recipe.regions(sketch.shape)
        pictures = {} if recipe is None else self._still_pictures(night, sketch, recipe, regions, path)
        settings = [f"{key}: {visible(value)}" for key, value in values.items() if key != "files"]
        return panel_picture(profiles, regions, pictures, settings, sketch.unit, visible(frame.name))

    def _still_pictures(self, night, sketch, recipe, regions, path):
        bias = self._bias_of(night, sketch.shape, recipe, path)
        result = preview.calibrated(sketch, regions, bias, recipe.output_dtype)
        half, middle = preview.stretch(result), preview.median(result)
        raw, level = preview.thin(sketch.rows[:, :: preview.SAMPLING]), preview.raw_median(sketch, regions)
        return {
            f"before: median {level:.6g} {sketch.unit}": (raw, level, half),
            f"after: median {middle:.6g} {sketch.unit}": (preview.thin(result), middle, half),
        }

    def levels(self, night, names, recipe, bias_path):
        """Return the level of each frame before and after, of those frames that were read already."""
        shown = [_named(night, name) for name in _evenly(names, LEVEL_FRAMES)]
        rows = []
        for frame in shown:
            if not self._has(frame, recipe.unit):
                continue
            sketch = self._sketches.get(frame.path, recipe.unit)
            regions = recipe.regions(sketch.shape)
            bias = self._bias_of(night, sketch.shape, recipe, bias_path)
            before = preview.raw_median(sketch, regions)
            after = preview.median(preview.calibrated(sketch, regions, bias, recipe.output_dtype))
            rows.append(
                {
                    "name": visible(frame.name),
                    "before": before,
                    "after": after,
                    "exposure": frame.info.exposure,
                }
            )
        return {"rows": rows, "picked": len(names), "shown": len(shown)}

    def unread(self, night, names, unit):
        """Return the frames that `levels` would like to have read, and then the bias frames, should the bias be subtracted."""
        darks = [_named(night, name) for name in _evenly(names, LEVEL_FRAMES)]
        biases = [
            frame for shape in {dark.info.shape for dark in darks} for frame in _bias_frames(night, shape)
        ]
        return [frame for frame in (*darks, *biases) if not self._has(frame, unit)]

    def read(self, frame, unit):
        """Read a frame ahead of its use.

        Raises
        ------
        FrameError
        """
        self._sketches.get(frame.path, unit)

    def _has(self, frame, unit):
        try:
            return self._sketches.has(frame.path, unit)
        except FrameError:
            return False

    def _bias_of(self, night, shape, recipe, path):
        if not recipe.subtract_bias:
            return None
        regions = recipe.regions(shape)
        key = (path, path and path.stat().st_mtime_ns, shape, repr(regions), tuple(map(str, night.folders)))
        if self._bias[0] != key:
            self._bias = (key, self._read_bias(night, shape, recipe.unit, regions, path))
        return self._bias[1]

    def _read_bias(self, night, shape, unit, regions, path):
        if path is not None:
            return preview.bias_from_file(Frame(path).data, regions)
        sketches, mean = self._bias_sketches(night, shape, unit)
        return preview.bias_from_frames(sketches, mean, regions)

    def _bias_sketches(self, night, shape, unit):
        """Return sketches of the night's bias frames and their mean, which no recipe changes."""
        frames = _bias_frames(night, shape)
        if not frames:
            raise FrameError("there is no bias frame of the shape of the dark.")
        sketches = [self._sketches.get(frame.path, unit) for frame in frames]
        if self._mean[0] != sketches:  # sketches are equal only to themselves
            self._mean = (sketches, preview.mean_raw(sketches))
        return self._mean


def bias_path(values):
    """Return the combined bias that settings name or that is found by its header, or `None` where it is to be built.

    Raises
    ------
    DarkcalError
        The one that is named is not there, or several are found.
    """
    if not values["subtract_bias"]:
        return None
    if values["combined_bias"] is None:
        bias = Results(values["reduced_folder"]).combined_bias
        return None if bias is None else bias.path
    path = Path(values["combined_bias"])
    if not path.is_file():
        raise DarkcalError(f"the combined bias {path} is not there.")
    return path


def _named(night, name):
    return next(frame for frame in night.frames if frame.name == name)


def _companions(night, frame):
    """Return one bright frame and one bias of the same shape: light that leaks into the overscan shows in the first only."""
    for kind in (night.flats or night.science, night.biases):
        alike = [other for other in kind if other.info.shape == frame.info.shape and other.name != frame.name]
        if alike:
            yield alike[0]


def _bias_frames(night, shape):
    return _evenly([frame for frame in night.biases if frame.info.shape == shape], BIAS_FRAMES)


def _evenly(names, count):
    names = list(names)
    step = max(1, -(-len(names) // count))
    return names[::step]


def _side(values, middle, half):
    sample = preview.thin(values)
    counts, width = preview.histogram(sample, middle, half)
    return {
        "median": middle,
        "spread": preview.spread(sample, middle),
        "counts": counts.tolist(),
        "bin": width,
    }
