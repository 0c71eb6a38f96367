"""Runs killed at random times: is every result whole, every raw frame as it was, and does the next run finish the job?

    python tests/killer.py [--kills 200] [--seed 1]

Each trial starts a full run (combined bias, calibrated darks, combined darks) in an empty folder, ends it with SIGKILL,
looks at what is there, and runs again. One kill in two comes at a random time of the run, the other while a file is written.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import tqdm
from astropy.io import fits
from nights import folder_bytes

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks, simulate_night

RECIPE = Recipe(keep_columns=":4096", subtract_bias=True)
ROWS = 256

# A server that has imported everything: a run of it starts at once, and a kill hits the work, not the imports.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["darkcal_widgets.run", "darkcal_widgets.combine", "ccdproc"])


@dataclass(frozen=True)
class Trial:
    """What one kill has left.

    Attributes
    ----------
    seconds : float
        Of the run, when it was killed.
    results, leftovers : int
        Files under a result's name, and temporary files, after the kill.
    complaints : list of str
        What should not have been.
    """

    seconds: float
    results: int
    leftovers: int
    complaints: list


def full_run(raw, out, recipe=RECIPE):
    """Do all there is to do, in this process."""
    calibrate_darks(Night(raw), recipe, out, progress=False).raise_failures()
    combine_darks(out).raise_failures()


def start_run(raw, out, recipe=RECIPE):
    """Start a full run in a process of its own; return once it is at work."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_announced_run, args=(theirs, raw, out, recipe))
    process.start()
    theirs.close()
    ours.recv()
    return process


def _announced_run(pipe, raw, out, recipe):
    tqdm.tqdm.set_lock(threading.RLock())  # its own lock is a semaphore that a killed process leaves behind
    pipe.send("at work")
    full_run(raw, out, recipe)


def finish_run(raw, out, recipe=RECIPE):
    """Run to the end in a process of its own; return its exit code."""
    process = start_run(raw, out, recipe)
    process.join()
    return process.exitcode


def digests(folder):
    """Return a digest of every file below a folder: what shows that raw frames are as they were."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def broken_results(folder):
    """Return what is wrong with the files under a result's name: checksums, and the standard as fitsverify sees it."""
    paths = [path for path in sorted(Path(folder).glob("*")) if not path.name.startswith(".")]
    wrong = [f"{path.name}: {problem}" for path in paths if (problem := _wrong_checksum(path))]
    if paths and shutil.which("fitsverify"):
        verdict = subprocess.run(
            ["fitsverify", "-e", "-q", *paths], capture_output=True, text=True, check=False
        )
        wrong += [line for line in verdict.stdout.splitlines() if "OK:" not in line and line.strip()]
    return wrong


def _wrong_checksum(path):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with fits.open(path, checksum=True) as hdus:
                return "" if "CHECKSUM" in hdus[0].header and hdus[0].data is not None else "no checksum"
    except (OSError, ValueError, TypeError, Warning) as error:
        return str(error)


def wait_for_writing(process, out, count):
    """Wait until the run has begun its `count`-th file, or has ended."""
    begun = set()
    while len(begun) < count and process.is_alive():
        files = os.listdir(out) if out.is_dir() else []
        begun |= {name for name in files if name.startswith(".")}


def trial(raw, out, expected, *, seconds, count=0):
    """Kill one run, look, and run again.

    Parameters
    ----------
    raw, out : Path
        The night, and a folder for results that is not there yet.
    expected : dict
        `folder_bytes` of an undisturbed run.
    seconds : float
        When to kill, from the begin of the run, or
    count : int
        from the begin of the writing of its `count`-th file.
    """
    before = digests(raw)
    process = start_run(raw, out)
    begun = time.monotonic()
    wait_for_writing(process, out, count)
    time.sleep(seconds)
    process.kill()
    process.join()
    length = time.monotonic() - begun
    files = os.listdir(out) if out.is_dir() else []
    leftovers = [name for name in files if name.startswith(".")]
    complaints = [f"after the kill: {wrong}" for wrong in (broken_results(out) if files else [])]
    if finish_run(raw, out) != 0:
        complaints.append("the next run failed")
    if folder_bytes(out) != expected:
        complaints.append("the next run did not complete to the same bytes")
    if digests(raw) != before:
        complaints.append("a raw frame has changed")
    return Trial(length, len(files) - len(leftovers), len(leftovers), complaints)


def kill_many(folder, kills, seed, rows=ROWS):
    """Yield a `Trial` for each kill; every other one comes within 5 ms of the begin of a file."""
    raw, whole = Path(folder) / "raw", Path(folder) / "whole"
    simulate_night(raw, "thermo-electric", rows=rows)
    finish_run(raw, Path(folder) / "warm")
    begun = time.monotonic()
    assert finish_run(raw, whole) == 0
    length = time.monotonic() - begun
    expected, draw = folder_bytes(whole), random.Random(seed)
    for number in range(kills):
        out = Path(folder) / f"out-{number}"
        if number % 2:
            yield trial(raw, out, expected, seconds=draw.uniform(0, length))
        else:
            yield trial(
                raw, out, expected, seconds=draw.uniform(0, 0.005), count=draw.randint(1, len(expected))
            )
        shutil.rmtree(out)


def main():
    """Kill as often as asked and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trials = list(kill_many(folder, options.kills, options.seed))
    complaints = [complaint for each in trials for complaint in each.complaints]
    cut = sum(each.leftovers > 0 for each in trials)
    partial = len({each.results for each in trials})
    print(
        f"{len(trials)} runs killed after {min(t.seconds for t in trials):.3f} to {max(t.seconds for t in trials):.3f} s, "
        f"with {partial} different numbers of results done; {cut} kills cut a file in the middle of its writing.\n"
        f"{len(complaints)} complaints (files not whole, raw frames changed, next runs that did not end in the same bytes)."
    )
    print(*complaints[:20], sep="\n")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
