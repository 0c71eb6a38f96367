"""The true values of a simulated night: what ``truth.json`` holds, and how it is read back. It is written in `night`."""

import json
from dataclasses import asdict
from pathlib import Path

from ..errors import NightError
from ..yamlfile import read_small_text
from .cameras import temperature_of
from .layers import SATURATED_RATE

__all__ = ["MINIMUM_CLEAN", "TRUTH_NAME", "TRUTH_VERSION", "identity_of", "read_truth", "truth_of"]

TRUTH_NAME = "truth.json"
TRUTH_VERSION = 1
_MOST_BYTES = 1 << 26  # that of a full night has 2 MB
_KINDS = {
    "camera": str,
    "seed": int,
    "shape": list,
    "parameters": dict,
    "overscan": dict,
    "recipe": dict,
    "bias_levels": dict,
    "overscan_levels": dict,
    "frames": dict,
    "hot_pixels": list,
}
MINIMUM_CLEAN = 4  # with fewer columns the median of a row carries over 60 % of the read noise into the frame


def read_truth(folder):
    """Read the true values of a simulated night.

    Parameters
    ----------
    folder : path-like
        The night.

    Returns
    -------
    dict
        ``version``, ``camera``, ``seed``, ``shape``; ``parameters``, the fields of the `Camera`; ``gain``
        (e-/ADU), ``read_noise`` (e-), ``dark_current`` (e-/s); ``overscan``: ``side``, ``axis``, the 0-based
        half-open ranges ``image``, ``overscan``, ``contaminated`` and ``clean`` along that axis, their
        counts, ``usable``, ``clean_slice``, ``keep_slice``; ``recipe``; ``bias_levels`` and
        ``overscan_levels``, file name relative to the night to ADU; ``frames``, kind, exposure, temperature and
        whether light has reached it (``lit``), of each file; ``hot_pixels``, a list of ``x``, ``y`` (0-based, in
        the raw frame), ``rate`` (e-/s), ``saturated``.

    Raises
    ------
    NightError
        There is no truth file, or it cannot be read.
    """
    path = Path(folder) / TRUTH_NAME
    try:
        truth = json.loads(read_small_text(path, _MOST_BYTES))
    except FileNotFoundError as error:
        raise NightError(
            f"{folder}: no {TRUTH_NAME} in it, so it is not a (complete) simulated night; "
            "make one with `darkcal sample`"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise NightError(f"{path}: cannot be read as JSON ({error}); make the night again") from error
    if not isinstance(truth, dict) or truth.get("version") != TRUTH_VERSION:
        raise NightError(
            f"{path}: not a truth file of format {TRUTH_VERSION}; make the night again in an empty folder"
        )
    if missing := [name for name, kind in _KINDS.items() if not isinstance(truth.get(name), kind)]:
        raise NightError(f"{path}: damaged, {missing[0]} is not what it should be; make the night again")
    return truth


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
        "usable": bool(
            clean >= MINIMUM_CLEAN and camera.bias.overscan_follows and not camera.dark_current.overscan
        ),
        "clean_slice": _slice_text(*parts["clean"], length) if clean else None,
        "keep_slice": _slice_text(*parts["image"], length) if scene.overscan.width else None,
    }


def _darks_match(camera):
    """Tell whether each exposure with light has darks within 0.1 s or 0.1 % of its own time."""
    darks = [e.seconds for e in camera.plan if e.kind == "dark" and e.count > 0 and not e.light]
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


def _frame_truth(camera, exposure):
    return {
        "kind": exposure.kind,
        "exposure": exposure.seconds,
        "temperature": temperature_of(camera, exposure),
        "lit": exposure.light > 0,
    }


def identity_of(camera, scene, seed):
    """Return what decides every byte of a night, as JSON reads it back."""
    identity = {
        "version": TRUTH_VERSION,
        "camera": camera.name,
        "seed": seed,
        "shape": list(scene.shape),
        "parameters": asdict(camera),
    }
    return json.loads(json.dumps(identity))


def truth_of(camera, scene, seed, hot, shots, levels):
    """Return all that `read_truth` describes.

    Parameters
    ----------
    camera : Camera
    scene : Scene
    seed : int
    hot : tuple of ndarray
        Rows, columns and rates (e-/s) of the hot pixels in the image area.
    shots : sequence
        With `path` and `exposure` of each frame.
    levels : sequence of (float, float)
        Bias level of the image area and of the overscan of each frame, ADU.
    """
    overscan = _overscan_truth(camera, scene)
    return {
        **identity_of(camera, scene, seed),
        "gain": camera.gain,
        "read_noise": camera.read_noise.electrons,
        "dark_current": camera.dark_current.rate,
        "overscan": overscan,
        "recipe": _recipe_truth(camera, overscan),
        "bias_levels": {shot.path: image for shot, (image, _) in zip(shots, levels, strict=True)},
        "overscan_levels": {shot.path: over for shot, (_, over) in zip(shots, levels, strict=True)},
        "frames": {shot.path: _frame_truth(camera, shot.exposure) for shot in shots},
        "hot_pixels": _hot_pixel_truth(scene, hot),
    }
