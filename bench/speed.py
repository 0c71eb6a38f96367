"""Speed and memory, side by side with what people use now; a table of ratios against what was promised.

    python bench/speed.py [example1] [example2] [combine] [growth] [inventory] [import] [notebook] [memory]
                          [--runs 5] [--folder DIR] [--out bench-results]

runs the parts named, or all. The contestants of a part take turns, so that a busy machine is busy for all of them; medians are
compared. Nights of full-size frames are simulated once into the folder (about 8 GB) and used again. All times go to
bench-results/speed.json. It ends with status 1 if a promise is not kept.

example1, example2  the darks of a night in process: darkcal, the plain ccdproc loop, and the floor, which is to read the raw
                    bytes and to write as many bytes as the results have, with the same number of threads
combine             whole processes that combine 12 and 50 frames, darkcal and ccdproc.combine
growth              whole processes that combine 10, 20, 40 and 80 frames
inventory           3,000 and 10,000 small files with 60 header cards, darkcal and ImageFileCollection
import              whole processes that import darkcal_widgets, and numpy
notebook            notebook 1 on 12 darks by papermill, and the same with its work done by ccdproc
memory              peaks of processes that calibrate 12 and 48 frames and combine 12 and 50
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.io import fits

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_bias, simulate_night
from darkcal_widgets.notebooks import shipped_notebooks
from darkcal_widgets.simulate.cameras import CRYOGENIC, THERMO_ELECTRIC

THREADS = 2
RECIPES = {
    "example1": Recipe(overscan_columns="2055:", keep_columns=":2048"),
    "example2": Recipe(keep_columns=":4096", subtract_bias=True),
}
MOST_FRAMES = 50
MEGABYTE = 1 << 20

COMBINE = "import sys; from darkcal_widgets import combine_darks; combine_darks(sys.argv[1])"
CCDPROC_COMBINE = """
import sys
from pathlib import Path
import numpy as np
from astropy.stats import mad_std
from ccdproc import combine
combine(
    sorted(map(str, Path(sys.argv[1]).glob("ccd*.fits"))), method="average", mem_limit=350e6, dtype="float32",
    sigma_clip=True, sigma_clip_low_thresh=5, sigma_clip_high_thresh=5,
    sigma_clip_func=np.ma.median, sigma_clip_dev_func=mad_std,
).write(sys.argv[2], overwrite=True)
"""
# Starts a process and prints its seconds and its peak of memory, which Linux counts from the memory of who starts it: so that
# has to be small.
WATCHER = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
CALIBRATE = """
import sys
from darkcal_widgets import Night, Recipe, calibrate_darks
night = Night(sys.argv[1], dark_folder=sys.argv[1] + "/darks")
files = [dark.name for dark in night.darks[: int(sys.argv[3])]]
recipe = Recipe(overscan_columns="2055:", keep_columns=":2048")
calibrate_darks(night, recipe, sys.argv[2], files=files, workers=2, progress=False)
"""
# What stands in for darkcal's work in notebook 1: the same steps by ccdproc, one frame after the other.
BY_CCDPROC = """
import ccdproc
import numpy as np
from astropy.nddata import CCDData
from astropy.stats import mad_std
from darkcal_widgets import calibrate_dark
from darkcal_widgets.combine import files
from darkcal_widgets.outcome import Outcome
from darkcal_widgets.run import night

def by_loop(job):
    ccd = calibrate_dark(CCDData.read(job.raw, unit="adu"), job.recipe)
    ccd.header["RAWFILE"] = job.raw.name
    ccd.write(job.result)
    return Outcome(job.name, "written", job.result, job.raw)

def by_combine(members, number, dtype, folder):
    return ccdproc.combine(
        [str(member.frame.path) for member in members], method="average", mem_limit=350e6, dtype="float32",
        sigma_clip=True, sigma_clip_low_thresh=5, sigma_clip_high_thresh=5,
        sigma_clip_func=np.ma.median, sigma_clip_dev_func=mad_std,
    ).data

night.calibrate_file, files._average = by_loop, by_combine
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: a measured figure and what was promised of it."""

    job: str
    against: str
    figure: float
    reach: float
    sense: str
    unit: str = "times"

    @property
    def kept(self):
        """Whether the promise is kept."""
        return self.figure >= self.reach if self.sense == "at least" else self.figure <= self.reach

    def __str__(self):
        mark = "" if self.kept else "   NOT REACHED"
        return f"{self.job:34} {self.against:34} {self.figure:9.2f} {self.unit:6} {self.sense} {self.reach:g}{mark}"


class Bench:
    """The folders that the parts share, and the times that they have taken."""

    def __init__(self, folder, runs):
        self.folder, self.runs, self.times, self.rows, self.notes = Path(folder), runs, {}, [], []
        self.folder.mkdir(parents=True, exist_ok=True)

    def race(self, job, contestants, prepare=lambda: None):
        """Let contestants take turns; each is called after `prepare` and says how long it took, or is timed."""
        times = self.times[job] = {name: [] for name in contestants}
        for _ in range(self.runs):
            for name, contestant in contestants.items():
                prepare()
                os.sync()  # what the last one has left to write is not paid for by the next
                start = time.perf_counter()
                own = contestant()
                times[name].append(time.perf_counter() - start if own is None else own)
        medians = {name: statistics.median(values) for name, values in times.items()}
        self.note(f"{job}: " + ", ".join(f"{name} {value:.3f} s" for name, value in medians.items()))
        return medians

    def row(self, *cells, **options):
        """Add a line to the table."""
        self.rows.append(Row(*cells, **options))

    def note(self, text):
        """Print a line, and keep it."""
        self.notes.append(text)
        print(f"  {text}", flush=True)

    @cached_property
    def cryogenic(self):
        """A night of full-size darks of the cryogenic camera."""
        dark = next(exposure for exposure in CRYOGENIC.plan if exposure.kind == "dark")
        plan = (replace(dark, seconds=300.0, count=MOST_FRAMES),)
        folder = simulate_night(self.folder / "cryogenic", replace(CRYOGENIC, plan=plan), rows=None)
        return Night(folder, dark_folder=folder / "darks")

    @cached_property
    def thermo_electric(self):
        """A night of full-size frames of the thermo-electrically cooled camera."""
        kinds = {exposure.kind: exposure for exposure in THERMO_ELECTRIC.plan}
        plan = tuple(replace(kinds[kind], count=8) for kind in ("bias", "dark"))
        return Night(
            simulate_night(self.folder / "thermo-electric", replace(THERMO_ELECTRIC, plan=plan), rows=None)
        )

    def calibrated(self, count):
        """Return a folder with the first calibrated darks of the cryogenic night, and nothing else."""
        whole = self.folder / "calibrated"
        calibrate_darks(self.cryogenic, RECIPES["example1"], whole, workers=THREADS, progress=False)
        folder = emptied(self.folder / f"calibrated-{count}")
        for path in sorted(whole.iterdir())[:count]:
            os.link(path, folder / path.name)
        return folder


# --- The darks of a night ---------------------------------------------------------------------------------


def example1(bench):
    """12 full-size darks: overscan subtracted, trimmed."""
    night = bench.cryogenic
    _calibrating(bench, "example1", night, [dark.name for dark in night.darks[:12]], None, 4)


def example2(bench):
    """8 full-size darks: trimmed, combined bias subtracted."""
    night = bench.thermo_electric
    combine_bias(night, RECIPES["example2"], bench.folder / "bias")
    bias = bench.folder / "bias" / "combined_bias.fits"
    _calibrating(bench, "example2", night, [dark.name for dark in night.darks], bias, 3)


def _calibrating(bench, job, night, files, bias, reach):
    recipe, out = RECIPES[job], bench.folder / "out"
    darks = night.select_darks(files)
    shape = [part.stop - part.start for part in recipe.regions(darks[0].info.shape).keep]
    content = np.random.default_rng(1).normal(size=shape).astype("float32").tobytes()
    paths = [dark.path for dark in darks]

    def ours():
        run = calibrate_darks(
            night, recipe, out, files=files, combined_bias=bias, workers=THREADS, progress=False
        )
        run.raise_failures()

    contestants = {
        "darkcal": ours,
        "ccdproc loop": partial(ccdproc_loop, paths, out, recipe, bias),
        "floor": partial(floor, paths, out, content),
    }
    medians = bench.race(job, contestants, partial(emptied, out))
    title = f"{job}, {len(darks)} darks"
    bench.row(title, "ccdproc loop", medians["ccdproc loop"] / medians["darkcal"], reach, "at least")
    bench.row(title, "its bytes, read and written", medians["darkcal"] / medians["floor"], 1.5, "at most")


def ccdproc_loop(paths, out, recipe, bias):
    """Do what every tutorial does."""
    import ccdproc
    from astropy.nddata import CCDData

    bias = None if bias is None else CCDData.read(bias)
    for path in paths:
        ccd = CCDData.read(path, unit=None if "BUNIT" in fits.getheader(path) else "adu")
        regions = recipe.regions(ccd.shape)
        if regions.overscan is not None:
            ccd = ccdproc.subtract_overscan(ccd, overscan=ccd[regions.overscan], median=True)
        ccd = ccdproc.trim_image(ccd[regions.keep])
        if bias is not None:
            ccd = ccdproc.subtract_bias(ccd, bias)
        ccd.data = ccd.data.astype(recipe.output_dtype)
        ccd.write(out / path.name)


def floor(paths, out, content):
    """Read all bytes, write as many as the results have, compute nothing."""

    def copy(path):
        path.read_bytes()
        (out / path.name).write_bytes(content)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(copy, paths))


# --- Combining --------------------------------------------------------------------------------------------


def combine(bench):
    """Whole processes: start-up and all."""
    for count, reach in ((12, 10), (50, 20)):
        folder, theirs, peaks = bench.calibrated(count), bench.folder / "by_ccdproc.fits", {}
        contestants = {
            "darkcal": partial(process, peaks, "darkcal", COMBINE, folder),
            "ccdproc.combine": partial(process, peaks, "ccdproc.combine", CCDPROC_COMBINE, folder, theirs),
        }
        medians = bench.race(f"combine {count}", contestants, partial(_forget_combined, folder))
        bench.note(f"combine {count}: {_peaks(peaks)}")
        ratio = medians["ccdproc.combine"] / medians["darkcal"]
        bench.row(f"combine {count}, whole process", "ccdproc.combine", ratio, reach, "at least")
        process({}, "darkcal", COMBINE, folder)
        ours = fits.getdata(next(folder.glob("combined_dark*"))).astype(float)
        bench.note(
            f"combine {count}: largest difference {np.max(np.abs(ours - fits.getdata(theirs))):.2g} ADU"
        )


def growth(bench):
    """Each doubling of the frames takes at most twice as long."""
    counts = (10, 20, 40, 80)
    folders = {count: bench.calibrated(count) for count in counts}

    def forget():
        for folder in folders.values():
            _forget_combined(folder)

    contestants = {str(count): partial(process, {}, "", COMBINE, folder) for count, folder in folders.items()}
    medians = bench.race("growth", contestants, forget)
    for few, many in pairwise(counts):
        bench.row(
            f"combine {many} frames",
            f"combine {few} frames",
            medians[str(many)] / medians[str(few)],
            2,
            "at most",
        )


def _forget_combined(folder):
    for path in folder.glob("combined*"):
        path.unlink()


# --- Headers, imports, memory -----------------------------------------------------------------------------


def inventory(bench):
    """Small files, headers of 60 cards."""
    from ccdproc import ImageFileCollection

    folders = {count: _small_files(bench.folder / f"inventory-{count}", count) for count in (3000, 10000)}

    def by_darkcal(count):
        Night(folders[count]).table  # noqa: B018

    def by_collection():
        with warnings.catch_warnings(action="ignore"):
            ImageFileCollection(folders[3000]).summary  # noqa: B018

    contestants = {
        "darkcal, 3000": partial(by_darkcal, 3000),
        "ImageFileCollection, 3000": by_collection,
        "darkcal, 10000": partial(by_darkcal, 10000),
    }
    medians = bench.race("inventory", contestants)
    ours = medians["darkcal, 3000"]
    bench.row(
        "inventory of 3000", "ImageFileCollection", medians["ImageFileCollection, 3000"] / ours, 4, "at least"
    )
    bench.row("inventory of 10000", "inventory of 3000", medians["darkcal, 10000"] / ours, 3.6, "at most")


def _small_files(folder, count):
    folder.mkdir(exist_ok=True)
    cards = [("IMAGETYP", "dark"), ("EXPTIME", 300.0), ("CCD-TEMP", -20.0), ("GAIN", 1.5), ("OBJECT", "dark")]
    cards += [(f"KEY{number}", number * 1.5, "one of many cards") for number in range(51)]
    for index in range(count):
        path = folder / f"dark-{index:05d}.fits"
        if not path.exists():
            header = fits.Header([*cards, ("NUMBER", index)])
            fits.PrimaryHDU(np.full((8, 8), index, "uint16"), header).writeto(path)
    return folder


def imports(bench):
    """Whole processes."""
    contestants = {name: partial(process, {}, "", f"import {name}") for name in ("darkcal_widgets", "numpy")}
    medians = bench.race("import", contestants)
    ratio = medians["darkcal_widgets"] / medians["numpy"]
    bench.row("import darkcal_widgets", "import numpy", ratio, 2, "at most")


def memory(bench):
    """Peaks do not depend on how many frames there are."""
    raw, peaks = str(bench.cryogenic.raw_folder), {}
    for count in (12, 48):
        out = emptied(bench.folder / "out")
        process(peaks, f"calibrate {count}", CALIBRATE, raw, out, count)
        bench.row(
            f"calibrate {count}, two workers",
            "peak of memory",
            peaks[f"calibrate {count}"],
            400,
            "at most",
            unit="MB",
        )
    for count in (12, MOST_FRAMES):
        folder = bench.calibrated(count)
        _forget_combined(folder)
        process(peaks, f"combine {count}", COMBINE, folder)
        bench.row(f"combine {count}", "peak of memory", peaks[f"combine {count}"], 1000, "at most", unit="MB")
    for job, few, many in (("calibrate", 12, 48), ("combine", 12, MOST_FRAMES)):
        grown = peaks[f"{job} {many}"] / peaks[f"{job} {few}"]
        bench.row(f"{job} {many}, memory", f"{job} {few}", grown, 1.2, "at most")
    bench.times["memory, MB"] = {name: [peak] for name, peak in peaks.items()}


def process(peaks, name, code, *arguments):
    """Run Python code in a process of its own, note its peak of memory in MB, and return the seconds it took."""
    command = [sys.executable, "-S", "-c", WATCHER, sys.executable, "-W", "ignore", "-c", code]
    watcher = subprocess.run([*command, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    if watcher.returncode:
        raise SystemExit(f"{name or code} ended with status {watcher.returncode}")
    seconds, peak = map(float, watcher.stdout.splitlines()[-1].split())
    peaks[name] = max(peaks.get(name, 0), peak / (MEGABYTE if sys.platform == "darwin" else 1024))
    return seconds


def _peaks(peaks):
    return "peak of memory " + ", ".join(f"{name} {peak:.0f} MB" for name, peak in peaks.items())


# --- A whole notebook -------------------------------------------------------------------------------------


def notebook(bench):
    """Notebook 1 on 12 darks."""
    night = bench.folder / "notebook-night"
    (night / "darks").mkdir(parents=True, exist_ok=True)
    for dark in bench.cryogenic.darks[:12]:
        link = night / "darks" / dark.path.name
        if not link.exists():
            os.link(dark.path, link)
    _frames_beside(night)
    folder = bench.folder / "notebook"
    contestants = {
        "darkcal": partial(_papermill, folder, night, "darkcal"),
        "ccdproc": partial(_papermill, folder, night, "ccdproc"),
    }
    medians = bench.race("notebook", contestants, partial(emptied, folder / "reduced"))
    for name in contestants:
        bench.note(f"notebook by {name}: {_where_time_goes(folder / f'{name}-done.ipynb', medians[name])}")
    bench.row(
        "notebook 1, whole papermill run",
        "work by ccdproc",
        medians["ccdproc"] / medians["darkcal"],
        2,
        "at least",
    )


def _frames_beside(night):
    """The bias, flat and science frames that notebook 1 looks at beside its darks."""
    plan = tuple(exposure for exposure in CRYOGENIC.plan if exposure.kind != "dark")
    others = simulate_night(night.parent / "notebook-others", replace(CRYOGENIC, plan=plan), rows=None)
    for path in others.glob("*.fits"):
        if not (night / path.name).exists():
            os.link(path, night / path.name)


def _papermill(folder, night, name):
    import nbformat

    book = nbformat.read(shipped_notebooks()[1], as_version=4)
    if name == "ccdproc":
        place = 1 + next(i for i, cell in enumerate(book.cells) if "from_notebook(globals())" in cell.source)
        book.cells.insert(place, nbformat.v4.new_code_cell(BY_CCDPROC))
    folder.mkdir(exist_ok=True)
    nbformat.write(book, folder / f"{name}.ipynb")
    parameters = {"raw_folder": night, "dark_folder": night / "darks", "reduced_folder": folder / "reduced"}
    options = [part for key, value in parameters.items() for part in ("-p", key, str(value))]
    command = [sys.executable, "-m", "papermill", "--log-level", "ERROR", "--no-progress-bar"]
    environment = os.environ | ({"DARKCAL_WORKERS": "1"} if name == "ccdproc" else {})
    start = time.perf_counter()
    subprocess.run(
        [*command, folder / f"{name}.ipynb", folder / f"{name}-done.ipynb", *options],
        check=True,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def _where_time_goes(done, total):
    """Sum the cells of an executed notebook by what they do."""
    cells = [cell for cell in json.loads(done.read_text())["cells"] if cell["cell_type"] == "code"]
    sums = {"imports": 0.0, "work": 0.0, "figures and tables": 0.0}
    for cell in cells:
        source = "".join(cell["source"])
        is_import = "import" in source
        is_work = "panel.calibrate()" in source or "combine_darks(" in source
        kind = "imports" if is_import else "work" if is_work else "figures and tables"
        sums[kind] += cell["metadata"]["papermill"]["duration"] or 0
    outside = total - sum(sums.values())
    parts = {"papermill, kernel start and end": outside, **sums}
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in parts.items())


# --- All of it --------------------------------------------------------------------------------------------

PARTS = {
    "example1": example1,
    "example2": example2,
    "combine": combine,
    "growth": growth,
    "inventory": inventory,
    "import": imports,
    "notebook": notebook,
    "memory": memory,
}


def emptied(folder):
    """Make a folder new."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def save(bench, out):
    """Write all times and the table for whoever draws a figure of them."""
    out.mkdir(parents=True, exist_ok=True)
    record = {
        "machine": {
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "runs": bench.runs,
        "seconds": bench.times,
        "table": [asdict(row) | {"kept": row.kept} for row in bench.rows],
        "notes": bench.notes,
    }
    (out / "speed.json").write_text(json.dumps(record, indent=1) + "\n")
    return out / "speed.json"


def main(arguments=None):
    """Run the parts that are named, print the table, and return 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "darkcal-bench")
    parser.add_argument("--out", type=Path, default=Path("bench-results"))
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}")
    warnings.simplefilter("ignore")
    bench = Bench(options.folder, options.runs)
    for name in options.parts or PARTS:
        print(f"{name}: {PARTS[name].__doc__}", flush=True)
        PARTS[name](bench)
    print(*bench.rows, sep="\n")
    print(f"all times: {save(bench, options.out)}")
    return 0 if all(row.kept for row in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
