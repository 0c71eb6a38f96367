"""A class of 34: made, played by students who are right, wrong or hand in rubbish, and marked; with time, size and memory.

    python bench/course.py [--level 3] [--students 34] [--keep FOLDER]

prints each student whose verdict, or first cause, is another one than is due.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from students import play, surprises, write_roster

from darkcal_widgets import make_class, mark_class


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", type=int, default=3)
    parser.add_argument("--students", type=int, default=34)
    parser.add_argument("--keep", help="folder for the class, to look at it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        roster = write_roster(folder / "roster.csv", options.students)
        room = _timed("make", lambda: make_class(folder / "class", roster, level=options.level))
        size = sum(path.stat().st_size for path in room.folder.rglob("*") if path.is_file())
        print(f"size: {size / 1e6:.0f} MB for {options.students} students")
        _timed("play", lambda: play(room, room.read()["students"]))
        marks = _timed("mark", lambda: mark_class(room.folder))
        wrong = list(surprises(marks))
        print(*(f"  {line}" for line in wrong), sep="\n")
        print(f"{len(marks) - len(wrong)} of {len(marks)} have the verdict and the first cause that are due")
    print(f"memory, at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _timed(name, act):
    wall, cpu = time.perf_counter(), time.process_time()
    done = act()
    print(
        f"{name}: {time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} s of a processor",
        flush=True,
    )
    return done


if __name__ == "__main__":
    main()
