"""Power cuts: is nothing half taken for whole, and does the next run name what is lost, or make it again?

    python tests/powercut.py [--cuts 200] [--seed 1]

The power goes at a random time of a run, or after its end, and what was not yet on the disk is lost. This is done in two ways:

device  an ext4 file system in a file (a loop device), which forgets at once what it has not written, by the ioctl that xfstests
        uses; until then random pages and names are forced onto it, so that each cut finds another mixture. Needs root.
files   the files themselves are changed: they keep their names and their lengths and hold zeros for pixels, for pages, or
        throughout; they are cut off or empty; or their names are gone.

Then `check_run` and `results_table` look at what is left, runs follow, and what each of them names is deleted, as a user would,
until one has nothing to say.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from killer import CONTEXT, digests, finish_run, start_run
from nights import folder_bytes, random_frame, write_raw

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks, results_table
from darkcal_widgets.errors import DarkcalError

RECIPE = Recipe(keep_columns=":280", subtract_bias=True)
SHAPE = (64, 300)
DARKS, BIASES = 6, 4
PAGE = 4096  # bytes that a disk gets, or does not get, together
REMARKS = 150  # cards, so that headers have several pages

# From linux/fs.h and ext4.h: end a file system at once, and write neither its data nor its journal.
SHUTDOWN, WITHOUT_JOURNAL = 0x8004587D, 2
WRITE_AND_WAIT = 7  # all three flags of sync_file_range(2)


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


# --- A disk that forgets --------------------------------------------------------------------------------------------------------


class Device:
    """An ext4 file system in a file, whose power can be cut.

    Parameters
    ----------
    folder : Path
        For the file and the place where it is mounted, `place`.

    Raises
    ------
    OSError
        It cannot be had here; says why.
    """

    def __init__(self, folder):
        if os.geteuid() != 0:
            raise OSError("only root may mount a file system")
        self.image, self.place = Path(folder) / "disk", Path(folder) / "mounted"
        self.place.mkdir()
        with self.image.open("wb") as stream:
            stream.truncate(64 << 20)
        self._call("mkfs.ext4", "-q", "-F", self.image)
        self._mount()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._call("umount", self.place)

    def cut(self, process, out, seconds, draw):
        """Cut the power of a run after so many seconds; return the names of the results that there were."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):  # renamed meanwhile
                self._write_some(out, draw)
        process.kill()
        process.join()
        before = results_in(out)
        with _opened(self.place) as descriptor:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_JOURNAL))
        self._call("umount", self.place)
        self._mount()
        return before

    def _write_some(self, out, draw):
        """Force some pages of a file, or the names written so far, onto the disk."""
        if draw.random() < 0.2:
            with _opened(self.place) as descriptor:
                os.fsync(descriptor)  # commits the journal: names and lengths, not pages
        elif names := os.listdir(out):
            with _opened(out / draw.choice(names)) as descriptor:
                length = max(1, os.fstat(descriptor).st_size)
                start = ctypes.c_int64(draw.randrange(0, length, PAGE))
                count = ctypes.c_int64(draw.choice([1, 4, 64]) * PAGE)
                ctypes.CDLL(None).sync_file_range(descriptor, start, count, WRITE_AND_WAIT)
        time.sleep(draw.uniform(0, 0.02))

    def _mount(self):
        self._call("mount", "-t", "ext4", "-o", "loop", self.image, self.place)

    @staticmethod
    def _call(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{command[0]} says: {done.stderr.strip()}")


@contextlib.contextmanager
def _opened(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# --- Files that are changed ---------------------------------------------------------------------------------------------------


class Files:
    """A folder, `place`, in which the power cut is played by changing files."""

    def __init__(self, folder):
        self.place = Path(folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def cut(self, process, out, seconds, draw):
        """End a run after so many seconds, and lose of some files what a power cut may; as `Device.cut`."""
        process.join(seconds)
        process.kill()
        process.join()
        before = results_in(out)
        for path in sorted(out.iterdir()) if before else ():
            if draw.random() < 0.5 and (content := path.read_bytes()):
                left = draw.choice(LOSSES)(content, draw)
                path.unlink()
                if left is not None:
                    path.write_bytes(left)
        return before


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


# --- What is left ---------------------------------------------------------------------------------------------------------------


def results_in(out):
    """Return the names of the results in a folder that may not be there."""
    return [name for name in os.listdir(out) if not name.startswith(".")] if out.is_dir() else []


def loss(path, whole):
    """Say in a word what has happened to a file; empty: nothing."""
    if not path.exists():
        return "gone"
    content = path.read_bytes()
    if content == whole:
        return ""
    if len(content) != len(whole):
        return "short" if content else "empty"
    return "some zeros" if any(content) else "all zeros"


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


def listed_as_current(out):
    """Return the names of the results that `results_table` has no doubt of."""
    return [row["file"] for row in results_table(out) if row["state"] == "current"]


def _answer(pipe, act, arguments):
    try:
        pipe.send(act(*arguments))
    except Exception as error:
        pipe.send(error)


def after_start(act, *arguments):
    """Do something in a process of its own, as after a start of the machine: nothing is remembered."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_answer, args=(theirs, act, arguments))
    process.start()
    theirs.close()
    said = ours.recv()
    process.join()
    if isinstance(said, Exception):
        raise said
    return said


def not_whole(out, expected):
    """Return the results that are not as after an undisturbed run."""
    return [out / name for name in results_in(out) if loss(out / name, expected.get(name))]


def recover(raw, out, expected):
    """Run until nothing is said, deleting what is named; return how many runs that took, and the complaints."""
    for count in range(1, len(expected) + 3):
        said = " ".join(after_start(next_run, raw, out))
        wrong = not_whole(out, expected)
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


def cut(layer, raw, out, expected, seconds, draw):
    """Cut the power so many seconds after the begin of a run, and go on."""
    before = layer.cut(start_run(raw, out, RECIPE), out, seconds, draw)
    out.mkdir(exist_ok=True)
    losses = [word for name in before if (word := loss(out / name, expected[name]))]
    believed = set(after_start(listed_as_current, out)) & {path.name for path in not_whole(out, expected)}
    runs, complaints = recover(raw, out, expected)
    complaints += [f"{name} is not whole, and is listed as current" for name in sorted(believed)]
    if not complaints and folder_bytes(out) != expected:
        complaints.append("the files are not those of an undisturbed run")
    return Cut(tuple(losses), runs, complaints)


def cut_many(folder, cuts, seed, layer):
    """Yield a `Cut` for each."""
    raw, whole = write_night(Path(folder) / "raw"), Path(folder) / "whole"
    finish_run(raw, Path(folder) / "warm", RECIPE)
    begun = time.monotonic()
    assert finish_run(raw, whole, RECIPE) == 0
    length = time.monotonic() - begun
    expected, before, draw = folder_bytes(whole), digests(raw), random.Random(seed)
    for number in range(cuts):
        out = layer.place / f"out-{number}"
        found = cut(layer, raw, out, expected, draw.uniform(0, 2 * length), draw)
        if digests(raw) != before:
            found.complaints.append("a raw frame has changed")
        yield found
        shutil.rmtree(out)


def report(found):
    """Print the figures of many cuts; return how many complaints there are."""
    complaints = [
        f"cut {number} ({', '.join(each.losses)}): {complaint}"
        for number, each in enumerate(found)
        for complaint in each.complaints
    ]
    losses = Counter(word for each in found for word in each.losses)
    listed = ", ".join(f"{count} {word}" for word, count in losses.most_common())
    print(
        f"{len(found)} power cuts, {losses.total()} files lost ({listed}); {max(each.runs for each in found)} runs at most until "
        f"all was as without the cut.\n{len(complaints)} complaints (something half taken for whole, something whole called "
        "damaged, files or raw frames changed)."
    )
    print(*complaints[:20], sep="\n")
    return len(complaints)


def main():
    """Cut as often as asked, in both ways, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    complaints = 0
    for layer in (Files, Device):
        with tempfile.TemporaryDirectory() as folder:
            try:
                opened = layer(folder)
            except OSError as error:
                print(f"device: left out, {error}")
                continue
            print(f"{layer.__name__.lower()}: ", end="", flush=True)
            with opened:
                complaints += report(list(cut_many(folder, options.cuts, options.seed, opened)))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
