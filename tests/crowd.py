"""Several runs at once over one folder: is every file whole and of one recipe, and is each run told what it did not get?

    python tests/crowd.py [--rounds 100] [--seed 1]

In each round two to six processes calibrate one night into one folder and combine the results, with one to three recipes, each
with or without `overwrite`, all begun at the same moment.
"""

import argparse
import itertools
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tqdm
from astropy.io import fits
from killer import CONTEXT, broken_results, digests
from nights import small_night

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks
from darkcal_widgets.errors import DarkcalError

RECIPES = (
    Recipe(keep_columns=":24", subtract_bias=True),
    Recipe(keep_columns=":20", subtract_bias=True),
    Recipe(overscan_columns="24:", keep_columns=":24", subtract_bias=True),
    Recipe(overscan_columns="24:", keep_columns=":24"),
    Recipe(keep_columns=":20"),
)
DARKS = 6


@dataclass(frozen=True)
class Told:
    """What one process was told.

    Attributes
    ----------
    recipe : int
    overwrite : bool
    states : dict
        Name of each file to its state and the reason.
    errors : list of str
        What ended the calibration or the combination.
    crash : str
        What should not happen: an exception that is not an error of darkcal's own.
    """

    recipe: int
    overwrite: bool
    states: dict
    errors: list
    crash: str


def work(raw, out, recipe, overwrite):
    """Do all there is to do in this process; return what was told."""
    states, errors, crash = {}, [], ""
    for act in (
        lambda: calibrate_darks(Night(raw), RECIPES[recipe], out, overwrite=overwrite, progress=False),
        lambda: combine_darks(out, overwrite=overwrite),
    ):
        try:
            states |= {outcome.name: (outcome.state, outcome.reason) for outcome in act().outcomes}
        except DarkcalError as error:
            errors.append(str(error))
        except Exception as error:
            crash = f"{type(error).__name__}: {error}"
    return Told(recipe, overwrite, states, errors, crash)


def _answer(pipe, *arguments):
    tqdm.tqdm.set_lock(threading.RLock())
    pipe.send("ready")
    pipe.recv()
    pipe.send(work(*arguments))


def crowd(raw, out, tasks):
    """Have tasks (recipe, overwrite) done at once, each by a process of its own."""
    pipes, processes = [], []
    for task in tasks:
        ours, theirs = CONTEXT.Pipe()
        processes.append(CONTEXT.Process(target=_answer, args=(theirs, raw, out, *task)))
        processes[-1].start()
        theirs.close()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()
    for pipe in pipes:
        pipe.send("go")
    told = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    return told


class Reference:
    """What each recipe gives where nobody disturbs it.

    Parameters
    ----------
    raw, folder : Path
        The night, and where to work.
    """

    def __init__(self, raw, folder):
        self.folders = []
        for number, recipe in enumerate(RECIPES):
            self.folders.append(folder / f"alone-{number}")
            calibrate_darks(Night(raw), recipe, self.folders[-1], progress=False).raise_failures()
        self._combined = {}

    def recipe_of(self, path):
        """Return the number of the recipe whose file this is, byte for byte; `None`: of none."""
        content = path.read_bytes()
        for number, folder in enumerate(self.folders):
            expected = (
                self._combination(number, path)
                if path.name.startswith("combined_dark")
                else (folder / path.name).read_bytes()
            )
            if content == expected:
                return number
        return None

    def _combination(self, number, path):
        """Return the bytes of the combination of those darks of a recipe that a combined dark names."""
        members = tuple(str(value) for value in fits.getheader(path)["IMCMB*"].values())
        key = number, members
        if key not in self._combined:
            with tempfile.TemporaryDirectory() as place:
                for name in members:
                    shutil.copy(self.folders[number] / name, place)
                (made,) = combine_darks(place).results
                self._combined[key] = made.read_bytes()
        return self._combined[key]


def complaints_about(out, told, reference):
    """Return what should not have been."""
    complaints = [f"crash: {each.crash}" for each in told if each.crash] + broken_results(out)
    owners = {path.name: reference.recipe_of(path) for path in out.iterdir() if not path.name.startswith(".")}
    complaints += [f"{name} is of no recipe" for name, owner in owners.items() if owner is None]
    complaints += [f"{path.name} is left over" for path in out.glob(".*")]
    overwriting = {each.recipe for each in told if each.overwrite}
    for each in told:
        complaints += [
            f"{name} failed without a reason"
            for name, (state, reason) in each.states.items()
            if state == "failed" and not reason
        ]
        if not each.states and not each.errors:
            complaints.append("a run was told nothing")
        for name, owner in owners.items():
            # Of combined frames the name alone does not tell whether a run was after the file at all.
            state, _ = each.states.get(name, ("", ""))
            is_lost = state in ("written", "unchanged") and owner != each.recipe
            if is_lost and not overwriting - {each.recipe} and name.startswith("dark"):
                complaints.append(
                    f"{name}: {state} in a run whose recipe it is not of, and nobody overwrites"
                )
            is_untold = not state and not each.errors and owner != each.recipe and name.startswith("dark")
            if is_untold:
                complaints.append(f"{name}: a run was not told that it is of another recipe")
    return complaints


def rounds(folder, count, seed):
    """Yield of each round what was told, and the complaints."""
    raw, draw = small_night(Path(folder) / "raw", darks=DARKS), random.Random(seed)
    reference, before = Reference(raw, Path(folder)), digests(raw)
    for number in range(count):
        out = Path(folder) / f"out-{number}"
        recipes = draw.sample(range(len(RECIPES)), draw.randint(1, 3))
        tasks = [(draw.choice(recipes), draw.random() < 0.3) for _ in range(draw.randint(2, 6))]
        told = crowd(raw, out, tasks)
        complaints = complaints_about(out, told, reference)
        if digests(raw) != before:
            complaints.append("a raw frame has changed")
        yield told, [f"round {number} {tasks}: {complaint}" for complaint in complaints]
        shutil.rmtree(out)


def main():
    """Do as many rounds as asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = list(rounds(folder, options.rounds, options.seed))
    complaints = list(itertools.chain.from_iterable(found for _, found in done))
    runs = [each for told, _ in done for each in told]
    states = Counter(state for each in runs for state, _ in each.states.values())
    print(
        f"{len(done)} rounds, {len(runs)} runs: {states['written']} files written, {states['unchanged']} found as they should "
        f"be, {states['failed']} refused by name; {sum(bool(each.errors) for each in runs)} runs were refused as a whole.\n"
        f"{len(complaints)} complaints (files not whole or of no recipe, losers not told, crashes, leftovers, raw files changed)."
    )
    print(*complaints[:20], sep="\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
