"""What the toolkit makes of the frames of eight real cameras: what is advised, what is true, what the notebook gives.

    python bench/cameras.py [--folder ../shared/data/cameras] [CAMERA ...]

prints a table and ends with 1 if a row is neither right nor refused with a reason. Notebook 3 follows the advice, but for what
the frames cannot decide, and has to give the bytes of the right recipe, which is set by hand. Where a camera has only bias
frames, they are calibrated and combined as darks. The frames are not part of the project; where they are absent there is nothing
to do.
"""

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from darkcal_widgets import Night, Parameters, Recipe, Results, advise, calibrate_darks
from darkcal_widgets.errors import DarkcalError
from darkcal_widgets.notebooks import run_notebook, shipped_notebooks
from darkcal_widgets.parameters import ADVISABLE, ADVISED

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "cameras"


@dataclass(frozen=True)
class Camera:
    """What is true of a camera's frames.

    Parameters
    ----------
    truth : str
        In words.
    pieces : tuple of tuple of int
        For each amplifier the widest right overscan and the image, start and stop of each along `axis`; of an image without
        overscan, `None` and the image.
    recipe : dict
        The right recipe, set by hand.
    by_hand : tuple of str
        What of it these frames cannot tell, so that a run needs it; of bias frames as darks, that the bias stays in.
    axis : int
        1: overscan of columns.
    as_darks : str
        Pattern of the names of bias frames that are calibrated as darks.
    refused : str
        A word of the reason for which the run is refused; empty: it is not.
    """

    truth: str
    pieces: tuple
    recipe: dict
    by_hand: tuple = ()
    axis: int = 1
    as_darks: str = ""
    refused: str = ""
    image_types: dict = field(default_factory=dict)

    @property
    def types(self):
        """What is said of the frames for the run."""
        return self.image_types | ({f"file={self.as_darks}": "dark"} if self.as_darks else {})


CAMERAS = {
    "keck_lris_blue": Camera(
        "4 extensions of one amplifier; prescan 0:25, image 25:537, overscan 537:577",
        (((537, 577), (25, 537)),),
        {"overscan_columns": "539:", "keep_columns": "25:537"},
        ("subtract_bias",),
        as_darks="b150910*",
    ),
    "shane_kast_blue": Camera(
        "2 amplifiers; images 0:1024, 1024:2048; overscans 2048:2080, 2080:2112",
        (((2048, 2080), (0, 1024)), ((2080, 2112), (1024, 2048))),
        {"amplifiers": [["2048:2080", "0:1024"], ["2080:2105", "1024:2048"]]},
        ("subtract_bias",),
        as_darks="b1[45]*",
    ),
    "wht_isis_blue": Camera(
        "image rows 0:4099, overscan rows 4100:4200",
        (((4100, 4200), (0, 4099)),),
        {"overscan_columns": "[1:483, 4101:4200]", "keep_columns": "[1:483, 1:4099]"},
        ("subtract_bias",),
        0,
        as_darks="r232459*",
    ),
    "sbig_stl1001": Camera("no overscan; -5 and -10 °C", ((None, (0, 1024)),), {"subtract_bias": True}),
    "lick_nickel": Camera(
        "image 0:1024, overscan 1024:1056, its first columns trail",
        (((1024, 1056), (0, 1024)),),
        {"overscan_columns": "1052:", "keep_columns": ":1024"},
        ("subtract_bias",),
        as_darks="d100*",
    ),
    "zwo_asi178mc": Camera(
        "no overscan; colour; gain unknown",
        ((None, (0, 1280)),),
        {},
        ("overscan_columns", "keep_columns", "subtract_bias"),
    ),
    "sbig_st402": Camera("no overscan", ((None, (0, 765)),), {}, ("overscan_columns", "keep_columns")),
    "lco_floyds": Camera(
        "2 lamp flats; silicon 2048 of 2079 columns",
        (((2048, 2079), (0, 2048)),),
        {"overscan_columns": "2050:", "keep_columns": ":2048"},
        ("subtract_bias",),
        refused="no darks",
    ),
}


@dataclass(frozen=True)
class Row:
    """One camera: what was said, what came of the run, and whether both are right."""

    name: str
    advice: str
    truth: str
    run: str
    problems: tuple
    doubtful: tuple = ()

    @property
    def verdict(self):
        """One word and, if something is wrong, what; what is wrong and said to be in doubt is not hidden."""
        if self.problems:
            return f"WRONG: {'; '.join(self.problems)}"
        return f"in doubt, and not the best: {'; '.join(self.doubtful)}" if self.doubtful else "right"


def examine(name, folder):
    """Ask for advice on a camera's frames, calibrate them as advised, and compare with what is true."""
    camera = CAMERAS[name]
    advice = advise(Night(folder / name, image_types=camera.types))
    hedged = "judged" in advice.finding("Is the overscan usable?").verdict
    wrong = tuple(_wrong_parts(camera, advice))
    problems = [] if hedged else [*wrong]
    said = repr(advice).removeprefix("<Advice ").removesuffix(">")
    with tempfile.TemporaryDirectory() as out:
        run, failed = _run(camera, advice, folder / name, Path(out))
        problems += _differences(camera, folder / name, Path(out))
    if bool(failed) != bool(camera.refused) or camera.refused not in failed:
        problems.append(failed or "the run was not refused")
    return Row(
        name,
        f"{said}{', in doubt' if hedged else ''}",
        camera.truth,
        run,
        tuple(problems + _residues(run, camera)),
        wrong,
    )


def _wrong_parts(camera, advice):
    pieces = advice.recipe.pieces(advice.overscan.sample.shape)
    if len(pieces) != len(camera.pieces):
        yield f"{len(pieces)} amplifiers, not {len(camera.pieces)}"
        return
    for piece, (overscan, image) in zip(pieces, camera.pieces, strict=True):
        kept = piece.keep[camera.axis]
        if (kept.start, kept.stop) != image:
            yield f"kept {kept.start}:{kept.stop}, not {image[0]}:{image[1]}"
        if piece.overscan is None:
            continue
        part = piece.overscan[piece.axis]
        if (
            overscan is None
            or piece.axis != camera.axis
            or part.start < overscan[0]
            or part.stop > overscan[1]
        ):
            yield f"overscan {part.start}:{part.stop}, not within {overscan}"


def left_to_the_advice(camera, raw):
    """Return the parameters of a run that follows the advice in all that the frames can tell."""
    right = Recipe(**camera.recipe)
    left = {name: getattr(right, name) if name in camera.by_hand else ADVISED for name in ADVISABLE}
    return Parameters(raw_folder=raw, reduced_folder="reduced", image_types=camera.types or None, **left)


def _run(camera, advice, raw, out):
    """Run the notebook for any night; return what it gave in words, and why it failed."""
    parameters = left_to_the_advice(camera, raw).to_dict()
    try:
        run_notebook(shipped_notebooks()[3], out / "notebook", parameters, folder=out, timeout=600)
    except DarkcalError as error:
        reason = str(error).splitlines()[0].partition("failed: ")[2]
        return f"{_given(out / 'reduced', advice)}; refused: {reason}".lstrip("; "), reason
    return _given(out / "reduced", advice), ""


def _differences(camera, raw, out):
    """Say which results have other bytes than those of the right recipe, which is set by hand."""
    if camera.refused:
        return []
    night = Night(raw, image_types=camera.types)
    run = calibrate_darks(night, Recipe(**camera.recipe), out / "by-hand", progress=False)
    differ = [path.name for path in run.results if path.read_bytes() != _bytes(out / "reduced" / path.name)]
    return [f"{', '.join(differ)} differ from those of the right recipe"] if differ else []


def _bytes(path):
    return path.read_bytes() if path.is_file() else b""


def _given(folder, advice):
    """Say what lies in a folder of results, with the level of each image of each amplifier."""
    results = Results(folder)
    if not results.darks:
        return ""
    texts = [f"{len(results.darks)} calibrated, {len(results.combined_darks)} combined"]
    frame = results.darks[0]
    levels = []
    for part in frame.parts:
        data = part.data
        for piece in advice.recipe.pieces(advice.overscan.sample.shape):
            place = tuple(
                slice(start, start + size) for start, size in zip(piece.place, piece.shape, strict=True)
            )
            levels.append(float(np.nanmedian(data[place])))
    texts.append(f"levels {', '.join(f'{level:.1f}' for level in levels)}")
    return "; ".join(texts)


def _residues(run, camera):
    """Return what is wrong with the levels of several amplifiers in one image."""
    if len(camera.pieces) < 2 or "levels" not in run:
        return []
    levels = [float(text) for text in run.partition("levels ")[2].partition(";")[0].split(",")]
    return [] if np.ptp(levels) <= 1 else [f"levels differ by {np.ptp(levels):.1f}"]


def main(arguments=None):
    """Examine the cameras and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("cameras", nargs="*", metavar="CAMERA", help=f"of {', '.join(CAMERAS)}; default: all")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        print(f"No frames of other cameras in {options.folder}; nothing to do.")
        return 0
    rows = [examine(name, options.folder) for name in options.cameras or CAMERAS]
    for row in rows:
        print(f"{row.name}: {row.verdict}", f"    advice: {row.advice}", f"    truth:  {row.truth}", sep="\n")
        print(f"    run:    {row.run}", flush=True)
    return 1 if any(row.problems for row in rows) else 0
