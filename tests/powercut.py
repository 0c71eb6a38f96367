"""Power cuts: is nothing half taken for whole, and does the next run name what is lost, or make it again?

    python tests/powercut.py [--cuts 200] [--seed 1]

The power goes at a random time of a run, or after its end. What was not yet on the disk is lost: files keep their names and their
lengths and hold zeros for pixels, for pages, or throughout; they are cut off or empty; or their names are gone. Then runs follow,
and what each of them names is deleted, as a user would, until one has nothing to say.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from killer import CONTEXT, digests, finish_run, start_run
from nights import folder_bytes, random_frame, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks
from darkcal_widgets.errors import DarkcalError

RECIPE = Recipe(keep_columns=":280", subtract_bias=True)
SHAPE = (64, 300)
DARKS, BIASES = 6, 4
PAGE = 4096  # bytes that a disk gets, or does not get, together
REMARKS = 150  # cards, so that headers have several pages


@dataclass(frozen=True)
class Cut:
    """What a power cut has left, and what the next runs have said.

    Attributes
    ----------
    losses : tuple of str
        How each file was lost that was.
    runs : int
        Until nothing was left to say.
    complaints : list of str
        What should not have been.
    """

    losses: tuple
    runs: int
    complaints: list


def write_night(folder):
    """Write a night whose headers are long."""
    remarks = {f"REM{number}": "x" * 50 for number in range(REMARKS)}
    for number in range(DARKS + BIASES):
        kind, exposure = ("dark", 10.0 + number % 2) if number < DARKS else ("bias", 0.0)
        path = Path(folder) / f"{kind}-{number}.fits"
        write_raw(path, random_frame(number, SHAPE, 1000), kind, exposure, **remarks)
    return Path(folder)


# --- What may be left of a file ---------------------------------------------------------------------------------------------


def zero_pixels(content, draw):
    """Keep the header."""
    end = content.find(b"END".ljust(80)) // 2880 * 2880 + 2880
    return content[:end].ljust(len(content), b"\0")


def all_zeros(content, draw):
    """Keep the length."""
    return bytes(len(content))


def empty(content, draw):
    """Keep the name."""
    return b""


def zero_pages(content, draw):
    """Lose some pages."""
    kept = bytearray(content)
    places = range(0, len(content), PAGE)
    count = draw.choice([1, draw.randint(1, len(places))])
    for start in draw.sample(places, count):
        kept[start : start + PAGE] = bytes(len(kept[start : start + PAGE]))
    return bytes(kept)


def zero_end(content, draw):
    """Lose the pages that were written last."""
    start = draw.randrange(0, len(content), PAGE)
    return content[:start].ljust(len(content), b"\0")


def short(content, draw):
    """Lose the end with the length."""
    return content[: draw.randrange(0, len(content), PAGE)]


def gone(content, draw):
    """Lose the name."""


LOSSES = (zero_pixels, all_zeros, empty, zero_pages, zero_end, short, gone)


def lose(out, draw):
    """Lose of some files what a power cut may; return how each was lost."""
    found = []
    for path in sorted(out.iterdir()):
        if draw.random() < 0.5:
            loss = draw.choice(LOSSES)
            content = path.read_bytes()
            left = loss(content, draw) if content else content
            path.unlink()
            if left is not None:
                path.write_bytes(left)
            if left != content:
                found.append(loss.__name__)
    return tuple(found)


# --- What follows ------------------------------------------------------------------------------------------------------------


def next_run(raw, out):
    """Do all there is to do; return the sentences on what could not be done."""
    said = []
    for act in (
        lambda: calibrate_darks(Night(raw), RECIPE, out, progress=False),
        lambda: combine_darks(out),
    ):
        try:
            said += act().failed.values()
        except DarkcalError as error:
            said.append(str(error))
    return said


def _answer(pipe, raw, out):
    try:
        pipe.send(next_run(raw, out))
    except Exception as error:
        pipe.send(error)


def said_by_next_run(raw, out):
    """Do the same in a process of its own, as after a start of the machine: nothing is remembered."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_answer, args=(theirs, raw, out))
    process.start()
    theirs.close()
    said = ours.recv()
    process.join()
    if isinstance(said, Exception):
        raise said
    return said


def recover(raw, out, expected):
    """Run until nothing is said, deleting what is named; return how many runs that took, and the complaints."""
    for count in range(1, len(expected) + 3):
        said = " ".join(said_by_next_run(raw, out))
        wrong = [
            path
            for path in out.iterdir()
            if not path.name.startswith(".") and path.read_bytes() != expected.get(path.name)
        ]
        if not said:
            return count, [f"{path.name} is not whole, and nothing is said of it" for path in wrong]
        named = [path for path in out.iterdir() if str(path) in said]
        if not named:
            return count, [f"no file to be deleted is named in: {said[:300]}"]
        if sound := [path for path in named if path not in wrong]:
            return count, [f"{sound[0].name} is whole and is named in: {said[:300]}"]
        for path in named:
            path.unlink()
    return count, ["the runs come to no end"]


def cut(raw, out, expected, seconds, draw):
    """Cut the power so many seconds after the begin of a run, and go on."""
    process = start_run(raw, out, RECIPE)
    process.join(seconds)
    process.kill()
    process.join()
    out.mkdir(exist_ok=True)
    losses = lose(out, draw)
    runs, complaints = recover(raw, out, expected)
    if not complaints and folder_bytes(out) != expected:
        complaints.append("the files are not those of an undisturbed run")
    return Cut(losses, runs, complaints)


def cut_many(folder, cuts, seed):
    """Yield a `Cut` for each."""
    raw, whole = write_night(Path(folder) / "raw"), Path(folder) / "whole"
    finish_run(raw, Path(folder) / "warm", RECIPE)
    begun = time.monotonic()
    assert finish_run(raw, whole, RECIPE) == 0
    length = time.monotonic() - begun
    expected, before, draw = folder_bytes(whole), digests(raw), random.Random(seed)
    for number in range(cuts):
        out = Path(folder) / f"out-{number}"
        found = cut(raw, out, expected, draw.uniform(0, 2 * length), draw)
        if digests(raw) != before:
            found.complaints.append("a raw frame has changed")
        yield found
        shutil.rmtree(out)


def main():
    """Cut as often as asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = list(cut_many(folder, options.cuts, options.seed))
    complaints = [
        f"cut {number} ({', '.join(each.losses)}): {complaint}"
        for number, each in enumerate(found)
        for complaint in each.complaints
    ]
    losses = Counter(loss for each in found for loss in each.losses)
    listed = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in losses.most_common())
    print(
        f"{len(found)} power cuts, {losses.total()} files lost ({listed}); {max(each.runs for each in found)} runs at most until "
        f"all was as without the cut.\n{len(complaints)} complaints (something half taken for whole, something whole called "
        "damaged, files or raw frames changed)."
    )
    print(*complaints[:20], sep="\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
