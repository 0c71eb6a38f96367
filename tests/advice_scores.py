"""How often the advice is right: nights of random cameras, and the frames of each told nothing but what a header says.

    python bench/advice.py [--nights 200] [--workers 2] [--rows 512] [--columns 600] [--odd 300] [--seed 1]

prints, for each of the two cameras, how often "usable or not" and the first usable column agree with what was simulated; then,
for the nights of odd cameras, what is right and what is both wrong and said without a doubt.
"""

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import odd_nights

from darkcal_widgets import Night, advise, simulate_night
from darkcal_widgets.simulate import CAMERAS, read_truth
from darkcal_widgets.simulate.layers import Overscan

SIDES = ("right", "left", "top", "bottom", "none")
KINDS = ("bias", "dark", "flat", "science")
_ENDS = ((min, "start"), (max, "stop"))


@dataclass(frozen=True)
class Score:
    """One night: what was simulated and what was advised."""

    camera: str
    seed: int
    usable: bool
    advised: bool
    clean: tuple | None
    found: tuple | None
    side: str

    @property
    def right(self):
        """Whether usable or not is right."""
        return self.usable == self.advised

    @property
    def exact(self):
        """Whether the columns are right, where there are any to name."""
        return self.clean == self.found

    @property
    def contaminated(self):
        """How many contaminated columns the advice takes in."""
        if self.found is None:
            return 0
        clean = self.clean or (0, 0)
        inside = max(0, min(clean[1], self.found[1]) - max(clean[0], self.found[0]))
        return self.found[1] - self.found[0] - inside


def random_camera(name, rng, rows, columns):
    """Draw a camera like `name` of a few hundred rows and columns."""
    camera = CAMERAS[name]
    side = str(rng.choice(SIDES))
    width = 0 if side == "none" else int(rng.integers(4, 101))
    claims = {"right": ("right", "right"), "none": (None, None), "wrong": wrong_claim(rng, rows, columns)}
    biassec, trimsec = claims[str(rng.choice(list(claims)))]
    return replace(
        camera,
        rows=rows,
        columns=columns,
        gain=float(rng.uniform(0.5, 4)),
        overscan=Overscan(side, width, biassec, trimsec),
        bias=replace(camera.bias, level=float(rng.uniform(300, 3000)), drift=float(rng.uniform(0, 30))),
        read_noise=replace(camera.read_noise, electrons=float(rng.uniform(2, 12))),
        leak=replace(camera.leak, columns=int(rng.integers(0, 13))),
        plan=tuple(random_plan(camera.plan, rng)),
    )


def wrong_claim(rng, rows, columns):
    """Draw BIASSEC and TRIMSEC that name some part of the frame, or nothing that can be read."""
    start = int(rng.integers(2, columns - 40))
    stop = start + int(rng.integers(4, 39))
    return (
        (f"[{start}:{stop},1:{rows}]", f"[1:{start - 1},1:{rows}]"),
        (f"[1:{columns},{rows - 9}:{rows}]", None),
        (f"[{columns + 1}:{columns + 32},1:{rows}]", "[0:0,0:0]"),
        ("somewhere", None),
    )[int(rng.integers(4))]


def random_plan(plan, rng):
    """Give each kind 3 to 20 frames, spread over its lines of the plan."""
    for kind in KINDS:
        lines = [line for line in plan if line.kind == kind]
        total = int(rng.integers(3, 21))
        for index, line in enumerate(lines):
            count = (total + len(lines) - 1 - index) // len(lines)
            if count:
                name = f"{kind}-{index}-{{number:03d}}.fits"
                yield replace(line, count=count, name=name, subfolder="", first=1)


def score_night(name, seed, rows, columns):
    """Simulate one night, ask for advice, and compare."""
    camera = random_camera(name, np.random.default_rng([seed, 7]), rows, columns)
    with tempfile.TemporaryDirectory() as folder:
        simulate_night(Path(folder) / "night", camera, seed=seed, rows=None)
        truth = read_truth(Path(folder) / "night")["overscan"]
        advice = advise(Night(Path(folder) / "night"))
    regions = advice.recipe.regions((rows, columns))
    found = advice.overscan.clean
    clean = tuple(truth["clean"]) if truth["clean_count"] else None
    return Score(
        name,
        seed,
        truth["usable"],
        regions.overscan is not None,
        clean,
        None if found is None else (found.start, found.stop),
        truth["side"],
    )


def report(scores):
    """Return the figures of one camera as lines."""
    usable = [score for score in scores if score.usable]
    right = sum(score.right for score in scores)
    exact = sum(score.advised and score.exact for score in usable)
    worst = max((score.contaminated for score in usable if score.advised), default=0)
    yield f"{scores[0].camera}: {len(scores)} nights, {len(usable)} with a usable overscan"
    yield f"  usable or not is right in {right} ({right / len(scores):.1%})"
    if usable:
        yield f"  first usable column is exact in {exact} of {len(usable)} ({exact / len(usable):.1%})"
        yield f"  contaminated columns taken in, at most: {worst}"
    for score in scores:
        if not score.right or (score.usable and not score.exact):
            simulated = f"{score.clean} {_word(score.usable)}"
            yield f"  seed {score.seed} ({score.side}): {simulated}; advice: {score.found} {_word(score.advised)}"


@dataclass(frozen=True)
class OddScore:
    """One night of an odd camera: what is wrong in the advice, and what it is not sure of."""

    seed: int
    oddity: str
    usable: bool
    advised: bool
    wrong: tuple
    hedged: bool


def score_odd(seed):
    """Write one night of an odd camera, ask for advice, and compare."""
    camera = odd_nights.draw(seed)
    with tempfile.TemporaryDirectory() as folder:
        odd_nights.write_night(camera, folder, seed)
        advice = advise(Night(folder))
    truth = odd_nights.truth(camera)
    pieces = advice.recipe.pieces(camera.shape)
    advised = pieces[0].overscan is not None
    return OddScore(
        seed,
        camera.oddity,
        truth.usable,
        advised,
        tuple(_wrong(truth, pieces, advice)),
        "judged" in advice.finding("Is the overscan usable?").verdict,
    )


def _wrong(truth, pieces, advice):
    """Name what is wrong in the advice on one night; `pieces` are the regions of each amplifier."""
    advised = pieces[0].overscan is not None
    if advised != truth.usable:
        yield "usable"
    if advised and truth.usable:
        for piece in pieces:
            part, image = piece.overscan[truth.axis], piece.keep[truth.axis]
            if piece.axis != truth.axis or truth.left(part.start, part.stop) > 1:
                yield f"columns {part.start}:{part.stop} of {truth.clean[0]}:{truth.clean[1]}"
            if not truth.of_one_amplifier(image, part):
                yield f"columns {part.start}:{part.stop} are not of the amplifier of {image.start}:{image.stop}"
    kept = [
        slice(*(end([getattr(piece.keep[axis], name) for piece in pieces]) for end, name in _ENDS))
        for axis in (0, 1)
    ]
    for part, (start, stop) in zip(kept, truth.keep or (), strict=False):
        # A few columns less are the caution of a header or of an odd edge; a single one more is overscan.
        if part.start < start or part.stop > stop or part.start > start + 8 or part.stop < stop - 8:
            yield f"kept {part.start}:{part.stop} of {start}:{stop}"
    claims = [finding for finding in advice.findings if finding.question == "Is the header right about it?"]
    if truth.header == "right" and any(finding.verdict == "no" for finding in claims):
        yield "header"


def report_odd(scores):
    """Return the figures of the odd nights as lines."""
    right = sum(score.usable == score.advised for score in scores)
    bold = [score for score in scores if score.wrong and not score.hedged]
    yield f"odd cameras: {len(scores)} nights, {sum(score.usable for score in scores)} with a usable overscan"
    yield f"  usable or not is right in {right} ({right / len(scores):.1%})"
    yield f"  something is wrong in {sum(bool(score.wrong) for score in scores)}, without a doubt said in {len(bold)}"
    yield f"  a doubt is said in {sum(score.hedged for score in scores)}"
    for score in scores:
        if score.wrong:
            doubt = "in doubt" if score.hedged else "NO DOUBT"
            yield f"  seed {score.seed} ({score.oddity}, {_word(score.usable)}, {doubt}): {'; '.join(score.wrong)}"


def main(arguments=None):
    """Score nights of both cameras and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nights", type=int, default=200, help="of each camera")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--columns", type=int, default=600)
    parser.add_argument("--odd", type=int, default=300, help="nights of odd cameras")
    parser.add_argument("--seed", type=int, default=1, help="of the first night of odd cameras")
    options = parser.parse_args(arguments)
    with ProcessPoolExecutor(options.workers) as pool:
        for name in CAMERAS if options.nights else ():
            nights = [
                pool.submit(score_night, name, seed, options.rows, options.columns)
                for seed in range(1, options.nights + 1)
            ]
            print(*report([night.result() for night in nights]), sep="\n", flush=True)
        if options.odd:
            seeds = range(options.seed, options.seed + options.odd)
            print(*report_odd(list(pool.map(score_odd, seeds, chunksize=10))), sep="\n", flush=True)


def _word(usable):
    return "usable" if usable else "not usable"
