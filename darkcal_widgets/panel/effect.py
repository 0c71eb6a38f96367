"""What the panel draws of a night's frames: profiles, one frame before and after, the levels of many. Nothing is written.

All of it is plain values and bytes that a browser can take, computed from sketches; only pictures are thinned further.
"""

import numpy as np

from ..drawing import drawable
from ..errors import FrameError
from ..frames import Frame
from ..statistics import MAD_TO_SIGMA, median
from ..text import visible
from .sketch import Sketches, bias_from_file, bias_from_frames, mean_raw

__all__ = ["PICTURE_SIZE", "Effect", "half_width", "histogram", "image_of", "picture", "thin"]

# Levels are drawn for at most this many darks, evenly taken from the picked ones: a hundred points more show no more.
_LEVEL_FRAMES = 40
# Frames of which the combined bias is averaged for display; the run takes them all.
_BIAS_FRAMES = 10
# Pixels of a picture along its longer axis; on the screen it is about as large.
PICTURE_SIZE = 360
# Half the width of the stretch, in standard deviations of the calibrated dark: noise is seen, hot pixels saturate.
_STRETCH_SIGMAS = 5
_HISTOGRAM_BINS = 128


class Effect:
    """What a recipe does to the frames of one night. Each frame is read once; everything else is computed from its sketch.

    Parameters
    ----------
    night : Night
    extension : str, optional
        Of files with several images, the one that is looked at; `None`, or where there is none of that name: the first.
    sketches : Sketches, optional
        Those that are there already.

    Attributes
    ----------
    extension : str or None
    sketches : Sketches
    """

    def __init__(self, night, extension=None, sketches=None):
        self._night = night
        self.extension = extension
        self._frames = {frame.name: image_of(frame, extension) for frame in night.frames}
        self.sketches = Sketches() if sketches is None else sketches
        self._bias = self._mean = (None, None)  # what it was made from, and the bias

    def profiles(self, name, unit, axis, statistic):
        """Return the profiles of a frame, and of a bright frame and a bias of its shape if the night has them.

        Parameters
        ----------
        name : str
        unit : str
            Where the header has none.
        axis : int
            1: one value for each column; 0: for each row.
        statistic : str
            ``'mean'`` or ``'median'``.

        Returns
        -------
        dict
            ``axis``, ``statistic``, ``unit``; ``lines``: label, kind and float32 bytes of each.

        Raises
        ------
        FrameError
            The frame cannot be read.
        """
        lines = [
            {
                "kind": frame.info.type if n else "picked",
                "label": f"{frame.info.type or 'frame'}: {visible(frame.name)}",
                "values": sketch.profile(axis, statistic).astype(np.float32).tobytes(),
            }
            for n, (frame, sketch) in enumerate(self._profiled(name, unit))
        ]
        unit = self._sketch(name, unit).unit
        return {"axis": axis, "statistic": statistic, "unit": unit, "lines": lines}

    def raw(self, name, unit):
        """Return the pixels of the picture before: no setting changes them, so the browser stretches them itself.

        Raises
        ------
        FrameError
            The frame cannot be read.
        """
        values = thin(self._sketch(name, unit).pixels)
        return {"size": list(values.shape), "values": values.astype(np.float32).tobytes()}

    def before_after(self, name, recipe, bias_path):
        """Return the picture after, and histograms and levels before and after, on one stretch.

        Parameters
        ----------
        name : str
        recipe : Recipe
        bias_path : Path or None
            `None`: averaged from the night's bias frames, if the recipe subtracts the bias.

        Raises
        ------
        DarkcalError
            The frame cannot be read, or the recipe or the bias do not fit it.
        """
        sketch, pieces, result = self._calibrated(name, recipe, bias_path)
        middle, half = median(result), half_width(result)
        pixels = picture(result, middle, half)
        return {
            "name": visible(self._frames[name].name),
            "shape": list(sketch.shape),
            "half": half,
            "unit": sketch.unit,
            "before": _side(sketch.kept(pieces), sketch.kept_median(pieces), half),
            "after": _side(result, middle, half)
            | _placed(pieces, sketch.shape, recipe)
            | {"size": list(pixels.shape), "pixels": pixels.tobytes()},
        }

    def levels(self, names, recipe, bias_path):
        """Return the level before and after of each frame that was read already, of at most 40 of them.

        Raises
        ------
        DarkcalError
            As `before_after`.
        """
        shown = _evenly(names, _LEVEL_FRAMES)
        rows = [
            self._level(name, recipe, bias_path)
            for name in shown
            if self._has(self._frames[name], recipe.unit)
        ]
        return {"rows": rows, "picked": len(names), "shown": len(shown)}

    def still(self, name, unit, recipe, bias_path):
        """Return what a picture to keep is drawn from, see `~darkcal_widgets.panel.still.draw_still`.

        Parameters
        ----------
        recipe : Recipe or None
            `None`: the settings cannot be used, so there is nothing but profiles.

        Raises
        ------
        DarkcalError
            As `before_after`.
        """
        profiles = {visible(frame.name): one.profile(1, "mean") for frame, one in self._profiled(name, unit)}
        if recipe is None:
            sketch = self._sketch(name, unit)
            return {"profiles": profiles, "pieces": (), "pictures": {}, "unit": sketch.unit}
        sketch, pieces, result = self._calibrated(name, recipe, bias_path)
        before, after, half = sketch.kept_median(pieces), median(result), half_width(result)
        pictures = {
            f"before: median {before:.6g} {sketch.unit}": (thin(sketch.pixels), before, half),
            f"after: median {after:.6g} {sketch.unit}": (thin(result), after, half),
        }
        return {"profiles": profiles, "pieces": pieces, "pictures": pictures, "unit": sketch.unit}

    def unread(self, names, unit):
        """Return the frames that `levels` would like to have read, and then the bias frames, should the bias be subtracted."""
        darks = [self._frames[name] for name in _evenly(names, _LEVEL_FRAMES)]
        shapes = {dark.info.shape for dark in darks}
        biases = [frame for shape in shapes for frame in self._bias_frames(shape)]
        return [frame for frame in (*darks, *biases) if not self._has(frame, unit)]

    def read(self, frame, unit):
        """Read a frame ahead of its use.

        Raises
        ------
        FrameError
        """
        self.sketches.get(frame.path, unit, frame.extension)

    def _sketch(self, name, unit):
        frame = self._frames[name]
        return self.sketches.get(frame.path, unit, frame.extension)

    def _has(self, frame, unit):
        try:
            return self.sketches.has(frame.path, unit, frame.extension)
        except FrameError:
            return False

    def _profiled(self, name, unit):
        """Return the frame and its companions with their sketches."""
        frame = self._frames[name]
        found = [(frame, self._sketch(name, unit))]
        for other in self._companions(frame):
            try:
                found.append((other, self.sketches.get(other.path, unit, other.extension)))
            except FrameError:
                continue  # It is listed as unreadable where frames are listed, or fails by name in the run.
        return found

    def _companions(self, frame):
        """Return one bright frame and one bias of the same shape: light that leaks into the overscan shows in the first only."""
        for kind in (self._night.flats or self._night.science, self._night.biases):
            others = (self._frames[other.name] for other in kind)
            alike = [
                other for other in others if other.info.shape == frame.info.shape and other.path != frame.path
            ]
            if alike:
                yield alike[0]

    def _calibrated(self, name, recipe, bias_path):
        sketch = self._sketch(name, recipe.unit)
        pieces = recipe.pieces(sketch.shape)
        bias = self._bias_of(sketch.shape, recipe, pieces, bias_path)
        return sketch, pieces, sketch.calibrated(pieces, bias, recipe.output_dtype)

    def _level(self, name, recipe, bias_path):
        sketch, pieces, result = self._calibrated(name, recipe, bias_path)
        before, after = sketch.kept_median(pieces), median(result)
        frame = self._frames[name]
        return {
            "name": visible(frame.name),
            "before": before,
            "after": after,
            "exposure": frame.info.exposure,
        }

    def _bias_of(self, shape, recipe, pieces, path):
        if not recipe.uses_bias:
            return None
        key = (path, path and path.stat().st_mtime_ns, shape, recipe.unit, repr(pieces))
        if self._bias[0] != key:
            self._bias = (key, self._read_bias(shape, recipe.unit, pieces, path))
        return self._bias[1]

    def _read_bias(self, shape, unit, pieces, path):
        if path is not None:
            return bias_from_file(image_of(Frame(path), self.extension).data, pieces)
        frames = self._bias_frames(shape)
        if not frames:
            raise FrameError(
                f"no bias frame has the shape of the dark, {shape[0]} rows x {shape[1]} columns; name a combined bias."
            )
        sketches = [self.sketches.get(frame.path, unit, frame.extension) for frame in frames]
        if self._mean[0] != sketches:  # sketches are equal only to themselves; no recipe changes their mean
            self._mean = (sketches, mean_raw(sketches))
        return bias_from_frames(*self._mean, pieces)

    def _bias_frames(self, shape):
        frames = (self._frames[frame.name] for frame in self._night.biases)
        return _evenly([frame for frame in frames if frame.info.shape == shape], _BIAS_FRAMES)


def image_of(frame, extension):
    """Return the image of a frame that is looked at: the one that is named, or else the first."""
    return next((part for part in frame.parts if part.label == extension), frame.parts[0])


def thin(values):
    """Leave out rows and columns until a picture is at most `PICTURE_SIZE` along each axis."""
    steps = (max(1, -(-size // PICTURE_SIZE)) for size in values.shape)
    return values[tuple(slice(None, None, step) for step in steps)]


def picture(values, middle, half):
    """Return thinned values as bytes: 0 and below at `middle` - `half`, 255 and above at `middle` + `half`; NaN is 0."""
    scaled = (thin(values).astype(np.float32) - (middle - half)) * (255 / (2 * half))
    return np.nan_to_num(np.clip(scaled, 0, 255)).astype(np.uint8)


def half_width(values):
    """Return half the width of the stretch on which calibrated values, and the raw ones, are shown."""
    sample = _finite(thin(values))
    return _STRETCH_SIGMAS * _scatter(sample, median(sample))


def histogram(values, middle, half):
    """Count values from `middle` - 2 `half` to `middle` + 2 `half`; those outside are left out.

    Returns
    -------
    counts : ndarray of int
    width : float
        Of a bin; whole numbers where values are, or bins would hold unequal numbers of them.
    """
    width = 4 * half / _HISTOGRAM_BINS
    width = np.ceil(width) if width > 0.25 else width
    bins = 2 * max(1, round(2 * half / width)) + 1
    places = (values.ravel() - (middle - bins * width / 2)) * (1 / width)
    inside = places[(places >= 0) & (places < bins)]
    return np.bincount(inside.astype(np.intp), minlength=bins), float(width)


def _scatter(values, middle):
    """Return the standard deviation of values around `middle` by the median absolute deviation; never 0."""
    if not values.size:
        return 1.0
    sigma = MAD_TO_SIGMA * median(np.abs(values - middle))
    return sigma if sigma > 0 else max(float(np.std(values)), 1e-6)


def _finite(values):
    """Return the values that can be drawn, shape (values,)."""
    values = drawable(values)
    return values[~np.isnan(values)]


def _placed(pieces, shape, recipe):
    """Say where a result is drawn: in its place in the frame; that of several amplifiers, which are joined, by itself."""
    keep = pieces[0].keep
    if len(pieces) > 1:
        shape = recipe.result_shape(shape)
        keep = tuple(slice(0, length) for length in shape)
    return {"shape": list(shape), "keep": [[part.start, part.stop] for part in keep]}


def _side(values, middle, half):
    sample = _finite(thin(values))
    counts, width = histogram(sample, middle, half)
    return {
        "median": middle,
        "scatter": _scatter(sample, middle),
        "counts": counts.tolist(),
        "bin": width,
    }


def _evenly(names, count):
    names = list(names)
    step = max(1, -(-len(names) // count))
    return names[::step]
