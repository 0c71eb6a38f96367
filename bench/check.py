"""Whether `check_run` tells right from wrong: results right in many ways, and right ones that somebody has tampered with.

    python bench/check.py [--right 200]

prints each tampering that is missed, or told by another sentence than its own, and each right answer that is accused.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from answers import TAMPERINGS, by_ccdproc, by_darkcal, right_answer, right_recipe, small_camera

from darkcal_widgets import Night, check_run, simulate_night
from darkcal_widgets.simulate import CAMERAS, read_truth


def tampered(folder):
    """Yield for each camera, software and tampering: what it is, and what is wrong with the report on it; empty: nothing."""
    for camera in CAMERAS:
        raw = simulate_night(folder / camera, small_camera(camera), rows=None)
        night = Night(raw, dark_folder=raw / "darks" if (raw / "darks").is_dir() else None)
        truth = read_truth(raw)
        for software in (by_darkcal, by_ccdproc):
            right = folder / f"{camera}-{software.__name__}"
            software(night, right, right_recipe(truth))
            yield f"{right.name}: untouched", "" if not check_run(right, raw).off else "accused"
            for one in TAMPERINGS:
                shutil.copytree(right, folder / "out")
                one.tamper(folder / "out", truth)
                off = check_run(folder / "out", raw).off
                shutil.rmtree(folder / "out")
                told = bool(off) and off[0].what == one.what and one.says in off[0].text and len(off) == 1
                yield f"{right.name}: {one.name}", "" if told else str(off or "missed")


def main():
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--right", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = dict(tampered(Path(folder)))
    for name, wrong in told.items():
        if wrong:
            print(f"  {name}: {wrong}")
    print(f"{sum(not wrong for wrong in told.values())} of {len(told)} tamperings told by their own sentence")
    accused = 0
    for seed in range(options.right):
        with tempfile.TemporaryDirectory() as folder:
            way, results, night = right_answer(seed, folder)
            if off := check_run(results, night).off:
                accused += 1
                print(f"  seed {seed}, {way}: {off}")
    print(f"{accused} of {options.right} right answers accused")


if __name__ == "__main__":
    main()
