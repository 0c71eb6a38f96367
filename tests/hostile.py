"""Hostile parameter files by the thousand, in batches with good ones: each bad one must be named, each good one accepted.

    python tests/hostile.py [--files 2000] [--seed 1]

Files are made in ways drawn from a seed. Each batch is read by a process of its own with limits on its memory and its time; a few
batches are run, too.
"""

import argparse
import os
import random
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import tqdm
from batches import CALIBRATE, write_notebook, write_parameters
from killer import CONTEXT
from nights import small_night

from darkcal_widgets.batch import run_batch
from darkcal_widgets.batch.requests import read_requests

BATCH, GOOD = 20, 3  # bad and good files in a folder
MEMORY = 2 << 30  # bytes of address space
SECONDS = 60  # for a batch
LONGEST = 2000  # characters of a sentence

PARAMETERS = (
    *("raw_folder", "dark_folder", "reduced_folder", "overscan_columns", "keep_columns", "subtract_bias"),
    *(
        "combined_bias",
        "files",
        "image_types",
        "unit",
        "output_dtype",
        "overwrite",
        "amplifiers",
        "extensions",
    ),
)
KINDS = {}


def kind(make):
    """Enter a way to make a bad file: a function of a random source that returns its text or bytes."""
    KINDS[make.__name__] = make
    return make


def lines(number, **values):
    """Return the text of a file that would be good but for some values, which are YAML."""
    own = {"notebook": "run.ipynb", "raw_folder": "raw", "reduced_folder": f"bad-{number}"} | values
    return "".join(f"{name}: {value}\n" for name, value in own.items())


# --- Ways to be bad -------------------------------------------------------------------------------------------------------


@kind
def nested(draw, number):
    depth = draw.choice([9, 100, 3000, 100_000])
    opened, closed = draw.choice([("[", "]"), ("{a: ", "}")])
    return lines(number, files=opened * depth + closed * depth)


@kind
def alias_bomb(draw, number):
    width, depth = draw.randint(2, 12), draw.randint(1, 60)
    levels = [f"a0: &a0 [{', '.join('x' * width)}]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, depth)]
    return lines(number) + "\n".join(levels) + f"\nfiles: *a{depth - 1}\n"


@kind
def tag(draw, number):
    name = draw.choice(
        ["!!int", "!!python/object/apply:os.system", "!!binary", "!!set", "!own", "!!python/name:os"]
    )
    return lines(number, **{draw.choice(PARAMETERS): f"{name} {draw.choice(['xyz', '[1]', '{a: 1}'])}"})


@kind
def long_number(draw, number):
    digits = draw.choice(["9" * 5000, "0x" + "f" * 4000, "1" * 200_000, "0b" + "1" * 4000])
    return lines(number, **{draw.choice(PARAMETERS): digits})


@kind
def wrong_kind(draw, number):
    values = ["{a: {b: c}}", "[[1]]", "2024-99-99T99:99", "1e400", "-.inf", ".nan", "[null]", "{1: 2}"]
    return lines(number, unit=draw.choice(values))


@kind
def unknown_parameter(draw, number):
    return lines(number) + f"{draw.choice(['raw_foldr', 'Unit', '__class__', 'x' * 3000, 'a b'])}: 1\n"


@kind
def no_folder(draw, number):
    path = draw.choice(["nowhere", "x" * 4000, '"a\\0b"', "circle", "raw/dark-0.fits", "pipe", "'é' " * 80])
    return lines(number, raw_folder=path)


@kind
def long_place(draw, number):
    return lines(
        number, reduced_folder=draw.choice(["x" * 300, "字" * 120, "circle", '"a\\0b"', "raw", "raw/."])
    )


@kind
def no_notebook(draw, number):
    return lines(
        number,
        notebook=draw.choice(["8", "nowhere.ipynb", "pipe.ipynb", "raw", "[1]", "null", "circle.ipynb"]),
    )


@kind
def not_yaml(draw, number):
    text = draw.choice(
        ["a: [", "\ta: b: c", "%", "a: 'x", "- a\n- b", "5", "", "--- a\n--- b", "? [a]\n: b", "@", "a: &"]
    )
    return text if draw.random() < 0.5 else f"{text}\n{lines(number)}" if text not in ("", "5") else text


@kind
def not_text(draw, number):
    return draw.choice([b"\xff\xfe", bytes(range(128, 256)), b"\0" * 3000, b"\x80abc", b"\x1f\x8b\x08"])


@kind
def too_large(draw, number):
    return lines(number) + draw.choice(["# x\n", "a: b\n", " \n"]) * 300_000


@kind
def long_value(draw, number):
    return lines(number, **{draw.choice(PARAMETERS): draw.choice(["x", "字", "\\u202e"]) * 5000})


@kind
def bad_columns(draw, number):
    name = draw.choice(["overscan_columns", "keep_columns"])
    return lines(number, **{name: draw.choice(["'a:b'", "'::'", "[1, 2]", "x" * 4000, "{a: b}"])})


@kind
def pipe(draw, number):
    return None


@kind
def link_in_a_circle(draw, number):
    return None


@kind
def flipped(draw, number):
    """Of these some are good by chance, and taken; none may do more than be refused."""
    text = bytearray(lines(number, files="[dark-0.fits]", overwrite="no").encode())
    for _ in range(draw.randint(1, 8)):
        text[draw.randrange(len(text))] = draw.randrange(256)
    return bytes(text)


MAY_BE_GOOD = ("flipped",)


# --- Batches --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What a batch has shown.

    Attributes
    ----------
    kinds : dict
        Name of each bad file to how it was made.
    named : int
        How many of them were refused.
    seconds : float
    complaints : list of str
        What should not have been.
    """

    kinds: dict
    named: int
    seconds: float
    complaints: list


def write_batch(folder, seed, first, count=BATCH):
    """Write bad files and good ones into a folder with a night and a notebook; return the kind of each bad one."""
    small_night(folder / "raw", darks=1, biases=0)
    write_notebook(folder / "run.ipynb", CALIBRATE)
    (folder / "circle").symlink_to("circle")
    (folder / "circle.ipynb").symlink_to("circle.ipynb")
    for name in ("pipe", "pipe.ipynb"):
        os.mkfifo(folder / name)
    for number in range(GOOD):
        write_parameters(folder / f"good-{number}.yaml", raw_folder="raw")
    kinds = {}
    for number in range(first, first + count):
        draw = random.Random(f"{seed} {number}")
        name = list(KINDS)[number % len(KINDS)]
        path = folder / f"bad-{number}.yaml"
        content = KINDS[name](draw, number)
        if name == "pipe":
            os.mkfifo(path)
        elif name == "link_in_a_circle":
            path.symlink_to(path.name)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        kinds[path.stem] = name
    return kinds


def judge(folder, kinds):
    """Read a batch; return how many bad files were named, and what should not have been."""
    requests = {request.name: request for request in read_requests([folder])}
    complaints = [f"{name} is lost" for name in kinds if name not in requests]
    for name, request in requests.items():
        if name.startswith("good") and request.problems:
            complaints.append(f"{name} was refused: {request.problems[0]}")
        if kinds.get(name, "flipped") not in MAY_BE_GOOD and not request.problems:
            complaints.append(f"{name} ({kinds[name]}) was taken for good")
        if f"{name}.yaml" not in request.source:
            complaints.append(f"{name} is called {request.source}")
        if any(len(line) > LONGEST for line in request.problems):
            complaints.append(
                f"{name} ({kinds.get(name)}) is told at a length of {max(map(len, request.problems))}"
            )
    named = sum(bool(request.problems) for name, request in requests.items() if name in kinds)
    return named, complaints


def _answer(pipe, folder, kinds):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        pipe.send(judge(folder, kinds))
    except BaseException as error:  # whatever escapes is what is looked for
        pipe.send((0, [f"escaped: {type(error).__name__}: {error}"]))


def verdict(folder, seed, first, count=BATCH):
    """Judge one batch in a process whose memory and time are limited."""
    folder.mkdir()
    kinds = write_batch(folder, seed, first, count)
    ours, theirs = CONTEXT.Pipe()
    begun = time.monotonic()
    process = CONTEXT.Process(target=_answer, args=(theirs, folder, kinds))
    process.start()
    theirs.close()
    try:
        named, complaints = ours.recv() if ours.poll(SECONDS) else (0, [f"took more than {SECONDS} s"])
    except EOFError:
        named, complaints = 0, ["the process has ended"]
    process.kill()
    process.join()
    return Verdict(kinds, named, time.monotonic() - begun, [f"{folder.name}: {text}" for text in complaints])


def run(folder):
    """Run a batch that was written; return what should not have been."""
    tqdm.tqdm.set_lock(threading.RLock())
    batch = run_batch([folder], folder / "OUT", progress=False)
    states = {record.name: (record.state, record.error) for record in batch.records}
    complaints = [
        f"{name}: {state} {error}"
        for name, (state, error) in states.items()
        if name.startswith("good") and state != "done"
    ]
    page = (folder / "OUT" / "index.html").read_text()
    return complaints + [f"{name} is not on the page" for name in states if name not in page]


def main():
    """Judge as many files as asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3, help="batches that are run, too")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        found = [
            verdict(Path(place) / f"batch-{first}", options.seed, first, min(BATCH, options.files - first))
            for first in range(0, options.files, BATCH)
        ]
        complaints = [complaint for each in found for complaint in each.complaints]
        for first in range(0, BATCH * options.runs, BATCH):
            complaints += run(Path(place) / f"batch-{first}")
    kinds = Counter(name for each in found for name in each.kinds.values())
    named = sum(each.named for each in found)
    print(
        f"{kinds.total()} bad files of {len(kinds)} kinds in {len(found)} batches with {GOOD * len(found)} good ones: {named} "
        f"named, {kinds.total() - named} taken, of {kinds['flipped']} that may be good by chance; slowest batch "
        f"{max(each.seconds for each in found):.1f} s, memory limit {MEMORY >> 30} GiB; {options.runs} batches run.\n"
        f"{len(complaints)} complaints (bad files taken, good ones refused or not done, files not named, crashes)."
    )
    print(*complaints[:20], sep="\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
