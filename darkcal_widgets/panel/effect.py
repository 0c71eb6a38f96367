"""What the panel draws of a night's frames: profiles, one frame before and after, the levels of many. Nothing is written.

All of it is plain values and bytes that a browser can take, computed from a sample of the pixels.
"""

import numpy as np

from ..darks.hotpixels import HOT_SIGMA
from ..drawing import drawable
from ..errors import FrameError
from ..frames import Frame
from ..statistics import SAMPLING, level_of, row_levels, row_noise
from ..text import visible
from .sketch import FileBias, FramesBias, Sketches, calibrated, overscan_level, strided
from .viewer import after_picture, before_picture, grid, tile

__all__ = ["Effect", "histogram", "image_of", "sampled"]

# Levels are drawn for at most this many darks, evenly taken from the picked ones: a hundred points more show no more.
_LEVEL_FRAMES = 40
# Frames of which the combined bias is averaged for display; the run takes them all.
_BIAS_FRAMES = 10
# Pixels of which levels are taken: the noise of a pixel moves that of a frame by a hundredth of an ADU.
_SAMPLE_PIXELS = 2**18
# Half the width of the stretch, in standard deviations of the calibrated dark: noise is seen, hot pixels saturate.
_STRETCH_SIGMAS = 5
_HISTOGRAM_BINS = 128
# Rows whose levels are drawn one beside the other.
_DRAWN_ROWS = 200


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
        self._bias = (None, None)  # what it was made from, and the bias

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
                "kind": _kind(frame),
                "label": f"{frame.info.type or 'frame'}: {visible(frame.name)}",
                "values": sketch.profile(axis, statistic).astype(np.float32).tobytes(),
            }
            for frame, sketch in self._profiled(name, unit)
        ]
        unit = self._sketch(name, unit).unit
        return {"axis": axis, "statistic": statistic, "unit": unit, "lines": lines}

    def raw(self, name, unit, window=()):
        """Return the picture before: raw pixels of a window of the frame, see `~darkcal_widgets.panel.viewer.grid`.

        Raises
        ------
        FrameError
            The frame cannot be read.
        """
        sketch = self._sketch(name, unit)
        part = grid(window, sketch.shape)
        return tile(before_picture(sketch, part), part, sketch.shape)

    def result(self, name, recipe, bias_path, window=()):
        """Return the picture after, of the same window.

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
        sketch = self._sketch(name, recipe.unit)
        part = grid(window, sketch.shape)
        return tile(self._after(sketch, recipe, bias_path, part), part, sketch.shape)

    def before_after(self, name, recipe, bias_path):
        """Return levels, noise and histograms before and after, and the light that reaches the overscan.

        Parameters
        ----------
        name, recipe, bias_path
            See `result`.

        Returns
        -------
        dict
            ``before`` and ``after``: ``level`` and its ``error``, ``scatter`` of a pixel, ``rows``: by how much rows differ
            beyond that, ``stripes``: levels of neighbouring rows, ``counts``: of the histogram. ``half``: half the width of
            the stretch of both. ``hot``: so many scatters above the level, a pixel is marked. ``light``: see `_light`.

        Raises
        ------
        DarkcalError
            See `result`.
        """
        sketch = self._sketch(name, recipe.unit)
        pieces = sampled(recipe.pieces(sketch.shape), sketch.shape)
        raw = [sketch[piece.keep] for piece in pieces]
        result = self._calibrated(sketch, pieces, recipe, bias_path)
        level, scatter = level_of(_flat(result))
        half = _STRETCH_SIGMAS * (scatter if scatter > 0 else 1.0)
        axis = pieces[0].axis
        return {
            "name": visible(self._frames[name].name),
            "shape": list(sketch.shape),
            "unit": sketch.unit,
            "half": half,
            "hot": HOT_SIGMA,
            "axis": axis,
            "before": _side(raw, *sketch.level(pieces), half, axis),
            "after": _side(result, level, scatter, half, axis)
            | {"shape": list(recipe.result_shape(sketch.shape))},
            "light": self._light(name, recipe),
        }

    def levels(self, names, recipe, bias_path):
        """Return the level before and after of each frame that was read already, of at most 40 of them.

        Raises
        ------
        DarkcalError
            See `result`.
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
            See `result`.
        """
        lines = self._profiled(name, unit)
        profiles = {visible(frame.name): one.profile(1, "mean") for frame, one in lines}
        kinds = [_kind(frame) for frame, _ in lines]
        sketch = self._sketch(name, unit)
        shown = {"profiles": profiles, "kinds": kinds, "pieces": (), "pictures": {}, "unit": sketch.unit}
        if recipe is None:
            return shown
        part, numbers = grid((), sketch.shape), self.before_after(name, recipe, bias_path)
        images = {
            "before": before_picture(sketch, part),
            "after": self._after(sketch, recipe, bias_path, part),
        }
        pictures = {
            f"{side}: level {_text(numbers[side]['level'])} {sketch.unit}": (
                image,
                numbers[side]["level"] or 0.0,
                numbers["half"],
            )
            for side, image in images.items()
        }
        return shown | {"pieces": recipe.pieces(sketch.shape), "pictures": pictures}

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

    def _after(self, sketch, recipe, bias_path, part):
        bias = self._bias_of(sketch.shape, recipe, bias_path)
        return after_picture(sketch, recipe.pieces(sketch.shape), bias, recipe.output_dtype, part)

    def _calibrated(self, sketch, pieces, recipe, bias_path):
        bias = self._bias_of(sketch.shape, recipe, bias_path)
        return [calibrated(sketch, piece, bias, recipe.output_dtype) for piece in pieces]

    def _level(self, name, recipe, bias_path):
        sketch = self._sketch(name, recipe.unit)
        pieces = sampled(recipe.pieces(sketch.shape), sketch.shape)
        frame = self._frames[name]
        after, _ = level_of(_flat(self._calibrated(sketch, pieces, recipe, bias_path)))
        return {
            "name": visible(frame.name),
            "before": _number(sketch.level(pieces)[0]),
            "after": _number(after),
            "exposure": frame.info.exposure,
        }

    def _light(self, name, recipe):
        """Measure the light in the overscan: of the amplifier that has most of it.

        Returns
        -------
        dict or None
            ``frames``: which were compared; ``mean``: how far the columns of the overscan lie, in a bright frame less one
            without light, above those furthest from the image; ``median``: how far what is subtracted does; ``error`` and
            ``median_error``: one standard deviation of each. `None`: there is no overscan, or there are no such frames.
        """
        (_, own), *others = self._profiled(name, recipe.unit)
        kinds = {frame.info.type: sketch for frame, sketch in others}
        bright = next((kind for kind in ("flat", "science") if kind in kinds), None)
        pieces = recipe.pieces(own.shape)
        if bright is None or all(piece.overscan is None for piece in pieces):
            return None
        faint = kinds.get("bias", own)
        found = [_stray(kinds[bright], faint, piece, len(pieces)) for piece in pieces if piece.overscan]
        most = max(found, key=lambda light: light[0])
        names = f"{bright} - {'bias' if 'bias' in kinds else 'dark'}"
        told = ("mean", "median", "error", "median_error")
        return {"frames": names} | dict(zip(told, map(_number, most), strict=True))

    def _bias_of(self, shape, recipe, path):
        if not recipe.uses_bias:
            return None
        if path is not None:
            key = (path, path.stat().st_mtime_ns)
            if self._bias[0] != key:
                self._bias = (key, FileBias(image_of(Frame(path), self.extension).data))
            return self._bias[1]
        frames = self._bias_frames(shape)
        if not frames:
            raise FrameError(
                f"no bias frame has the shape of the dark, {shape[0]} rows x {shape[1]} columns; name a combined bias."
            )
        sketches = [self.sketches.get(frame.path, recipe.unit, frame.extension) for frame in frames]
        if self._bias[0] != sketches:  # sketches are equal only to themselves
            self._bias = (sketches, FramesBias(sketches))
        return self._bias[1]

    def _bias_frames(self, shape):
        frames = (self._frames[frame.name] for frame in self._night.biases)
        return _evenly([frame for frame in frames if frame.info.shape == shape], _BIAS_FRAMES)


def image_of(frame, extension):
    """Return the image of a frame that is looked at: the one that is named, or else the first."""
    return next((part for part in frame.parts if part.label == extension), frame.parts[0])


def sampled(pieces, shape):
    """Return the pieces with every 4th row and column of what they keep, or fewer of those that share an overscan level.

    Each level has noise of its own, so a level of the whole frame is the better for many of them, more than for many pixels.

    Parameters
    ----------
    pieces : sequence of Regions
        From `Recipe.pieces`.
    shape : tuple of int
        (rows, columns) of the frame.
    """
    pixels = sum(np.prod(piece.shape) for piece in pieces) / SAMPLING**2
    fewer = SAMPLING * int(np.ceil(pixels / _SAMPLE_PIXELS))
    steps = (SAMPLING, fewer) if pieces[0].axis == 1 else (fewer, SAMPLING)
    whole = tuple(slice(0, length) for length in shape)
    return [strided(piece, whole, steps) for piece in pieces]


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


def _side(images, level, scatter, half, axis):
    """Return what is told of one side: the images of its amplifiers, levels over `axis`."""
    rows = [row_levels(image if axis == 1 else image.T, level, scatter) for image in images]
    levels, counts = (np.concatenate(found) for found in zip(*rows, strict=True))
    noise = row_noise(levels, counts, scatter)
    values = _flat(images)
    bins, width = histogram(values, level, half) if np.isfinite(level) else (np.zeros(1, int), 1.0)
    return {
        "level": _number(level),
        "error": _number(np.hypot(scatter / np.sqrt(values.size), noise / np.sqrt(len(levels)))),
        "scatter": _number(scatter),
        "rows": _number(noise),
        "stripes": [_number(value) for value in rows[0][0][:_DRAWN_ROWS] - level],
        "counts": bins.tolist(),
        "bin": width,
    }


def _stray(bright, faint, piece, pieces):
    """Return light in the mean of an overscan and in what is subtracted, and the errors of both, see `Effect._light`."""
    axis, part = piece.axis, piece.overscan[piece.axis]
    excess = bright.profile(axis, "mean") - faint.profile(axis, "mean")
    outer = excess[_outer(piece, bright.shape[axis], alone=pieces == 1)]
    base = np.mean(outer)
    (own,) = sampled([piece], bright.shape)
    levels = [overscan_level(sketch, own) for sketch in (bright, faint)]
    (lit, lit_scatter), (dark, dark_scatter) = map(level_of, levels)
    # One column, and the mean of the outer ones; of each row, what is subtracted.
    noise = np.std(np.diff(outer)) / np.sqrt(2) if len(outer) > 2 else np.nan
    error = noise * np.sqrt(1 / (part.stop - part.start) + 1 / len(outer))
    of_median = np.sqrt((lit_scatter**2 + dark_scatter**2) / levels[0].size + noise**2 / len(outer))
    return np.mean(excess[part]) - base, lit - dark - base, error, of_median


def _outer(piece, size, alone):
    """Return the half, away from the image, of what lies beside the kept part; of several amplifiers, of the overscan."""
    part, keep = piece.overscan[piece.axis], piece.keep[piece.axis]
    is_low = part.start < keep.start
    start, stop = part.start, part.stop
    if alone:
        start, stop = (0, max(part.stop, keep.start)) if is_low else (min(part.start, keep.stop), size)
    middle = (start + stop) // 2
    return slice(start, max(middle, start + 1)) if is_low else slice(min(middle, stop - 1), stop)


def _kind(frame):
    """Return which colour a line has."""
    return frame.info.type if frame.info.type in ("bias", "flat", "science") else "dark"


def _flat(images):
    """Return all values that can be drawn of several images, shape (values,)."""
    values = np.concatenate([np.ravel(image) for image in images])
    if values.dtype.kind != "f":
        return values
    values = drawable(values)
    return values[~np.isnan(values)]


def _number(value):
    """Return a number as JSON has it: NaN is `None`."""
    return float(value) if np.isfinite(value) else None


def _text(value):
    return "unknown" if value is None else f"{value:.6g}"


def _evenly(names, count):
    names = list(names)
    step = max(1, -(-len(names) // count))
    return names[::step]
