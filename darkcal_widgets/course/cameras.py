"""The cameras of a class, drawn at random: each differs in what a student has to find out. Their physics is in `simulate`."""

from dataclasses import replace

from ..simulate import CRYOGENIC, THERMO_ELECTRIC, Exposure, realistic
from ..simulate.layers import BiasLevel, Glow, Leak, Overscan, ReadNoise

__all__ = ["LEVELS", "draw_camera"]

LEVELS = (1, 2, 3)

_ROWS, _COLUMNS = 320, 640

# Of a class at the highest level, each of these troubles has half of the students, and everybody at least one.
_TROUBLES = ("kind", "light", "temperature")


def draw_camera(level, rng):
    """Draw a camera.

    Parameters
    ----------
    level : int
        One of `LEVELS`.
    rng : `~numpy.random.Generator`

    Returns
    -------
    Camera
        Neither its name nor anything that its headers say tells how it was drawn.
    """
    usable, matching = (rng.uniform(size=2) < 0.5) if level > 1 else [rng.uniform() < 0.5] * 2
    side = "right" if level == 1 else str(rng.choice(["left", "right"]))
    temperature = float(rng.integers(-40, -20))
    troubles = {name for name in _TROUBLES if rng.uniform() < 0.5} or {str(rng.choice(_TROUBLES))}
    camera = replace(
        CRYOGENIC if usable else THERMO_ELECTRIC,
        name="class",
        instrument="Teaching CCD",
        rows=_ROWS,
        columns=_COLUMNS + int(rng.integers(-40, 40)),
        gain=round(float(rng.uniform(0.8, 2.5)), 2),
        temperature=temperature,
        start="2024-03-01T20:00:00",
        readout_seconds=20.0,
        plan=_plan(matching, temperature, rng, troubles if level == 3 else ()),
        bunit=None,
        exposure_keywords=("EXPTIME",),
        bias=_bias(usable, rng),
        glow=Glow(rate=float(rng.uniform(1, 8)), size=20.0),
    )
    dark_current = replace(camera.dark_current, rate=round(float(rng.uniform(0.03, 0.2)), 3))
    camera = realistic(replace(camera, dark_current=dark_current))
    if usable:
        camera = replace(camera, dark_current=replace(camera.dark_current, overscan=0.0))
    camera = replace(camera, read_noise=ReadNoise(round(float(rng.uniform(5, 12)), 1)))
    return _with_overscan(camera, side, usable, level, rng)


def _bias(usable, rng):
    level = float(rng.integers(400, 2000))
    if usable:
        return BiasLevel(level, drift=float(rng.uniform(12, 30)))
    return BiasLevel(
        level,
        drift=float(rng.uniform(0.5, 1.5)),
        overscan_offset=float(rng.uniform(4, 15)),
        overscan_drift=float(rng.uniform(6, 12)),
        overscan_light_shift=float(rng.uniform(20, 60)),
    )


def _with_overscan(camera, side, usable, level, rng):
    width = int(rng.integers(20, 60)) if usable else int(rng.integers(8, 20))
    lit = int(rng.integers(3, 11)) if usable else width
    claims = ["right", "right"]
    if level == 3:
        claims = [["right", "right"], [None, None], _wrong_claims(camera, side, width, rng)][
            int(rng.integers(3))
        ]
    leak = Leak(columns=lit, fraction=5e-3, last=0.3, deferred=100.0 if usable else 0.0)
    return replace(camera, overscan=Overscan(side, width, *claims), leak=leak)


def _wrong_claims(camera, side, width, rng):
    """Return sections that begin or end some columns within the image."""
    off, columns = int(rng.integers(4, 16)), camera.columns
    if side == "right":
        edge = columns - width - off
        return [f"[{edge + 1}:{columns},1:{{rows}}]", f"[1:{edge},1:{{rows}}]"]
    return [f"[1:{width + off},1:{{rows}}]", f"[{width + off + 1}:{columns},1:{{rows}}]"]


def _plan(matching, temperature, rng, troubles):
    """Return the exposures of a night: the darks serve the flats as they are, or have to be scaled."""
    flat, science = float(rng.integers(2, 9)), float(rng.integers(6, 13) * 20)
    darks = [
        Exposure("dark", seconds, 1)
        for seconds in ((flat, science) if matching else (science,))
        for _ in range(5)
    ]
    if "temperature" in troubles:
        warmer = temperature + float(rng.integers(4, 8))
        darks += [Exposure("dark", science, 1, temperature=warmer)] * 4
    if "kind" in troubles:
        darks.append(Exposure("flat", flat if matching else science, 1, light=0.2, labelled="dark"))
    if "light" in troubles:
        darks.append(Exposure("dark", science, 1, light=float(rng.uniform(0.003, 0.008))))
    return (
        Exposure("bias", 0.0, 8),
        *(darks[index] for index in rng.permutation(len(darks))),
        Exposure("flat", flat, 4, light=0.35, filter="r"),
        Exposure("science", science, 2, light=0.02, filter="r"),
    )
