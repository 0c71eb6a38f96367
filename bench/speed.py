"""Speed and memory, side by side with what people use now; a table of ratios against what was promised.

    python bench/speed.py [PART ...] [--runs 5] [--folder DIR] [--out bench-results]

runs the parts named, or all but `archive`. The contestants of a part take turns, so that a busy machine is busy for all of them;
medians are compared. Nights of full-size frames are simulated once into the folder (about 6 GB) and used again. All times go to
bench-results/speed.json. It ends with status 1 if a promise is not kept.

calibrate  the darks of both examples in process: darkcal, the plain ccdproc loop, and the floor, which is to read the raw bytes
           and to write as many bytes as the results have, with the same number of threads
combine    12 and 50 frames: darkcal and ccdproc.combine in its fastest spelling with bottleneck (installed into the folder);
           whole processes, which also say what the call alone took; 12 frames against reading their bytes
notebook   papermill of notebook 1, of an empty notebook, and of one that holds the plain loop and ccdproc.combine
lab        JupyterLab with the notebook up to its panel, and with an empty one; Run All of both notebooks, small and full size
folders    inventory, plan and panel of 2,000 darks and of 200; inventory of 20,000 headers, and reading 4 KB of each file
batch      one more night against the bare start of its kernel; memory of a worker against a bare kernel, after 10 and 40 runs
memory     peaks of processes that calibrate 12 and 48 frames and combine 12 and 50
archive    nights per hour of one and two workers, here and on a Dask cluster, from 20 and 100 nights
profile    not timed against anything: processor time of notebook 1 cell by cell, and of its imports
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
from pathlib import Path

import nbformat
import numpy as np
import psutil
from astropy.io import fits

from darkcal_widgets import DarkPanel, Night, Recipe, calibrate_darks, combine_bias, make_plan, simulate_night
from darkcal_widgets.notebooks import shipped_notebooks
from darkcal_widgets.simulate import TRUTH_NAME
from darkcal_widgets.simulate.cameras import CRYOGENIC, THERMO_ELECTRIC

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import batch as batches
from panel import SETTLED

THREADS = 2
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
IMPORTS = (
    "numpy",
    "astropy.io.fits",
    "astropy.table",
    "matplotlib.figure",
    "ipywidgets",
    "darkcal_widgets.panel.widget",
)
RECIPES = {
    "example1": Recipe(overscan_columns="2055:", keep_columns=":2048"),
    "example2": Recipe(keep_columns=":4096", subtract_bias=True),
}
MOST_FRAMES = 50
MEGABYTE = 1 << 20
ARCHIVE = (20, 100)  # nights

# Both print what the call alone takes.
COMBINE = """
import sys, time
from darkcal_widgets import combine_darks
start = time.perf_counter()
combine_darks(sys.argv[1])
print(time.perf_counter() - start)
"""
# Words in place of functions take astropy's compiled path; with a larger mem_limit it is slower.
CCDPROC_COMBINE = """
import sys, time
from pathlib import Path
from ccdproc import combine
files = sorted(map(str, Path(sys.argv[1]).glob("ccd*.fits")))
start = time.perf_counter()
combine(
    files, method="average", mem_limit=350e6, dtype="float32", sigma_clip=True, sigma_clip_low_thresh=5,
    sigma_clip_high_thresh=5, sigma_clip_func="median", sigma_clip_dev_func="mad_std",
).write(sys.argv[2], overwrite=True)
print(time.perf_counter() - start)
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
# The loop of the CCD Data Reduction Guide, and nothing else.
BY_HAND = """
from pathlib import Path
import ccdproc
from astropy.nddata import CCDData
reduced = Path(reduced_folder)
reduced.mkdir(exist_ok=True)
for path in sorted(Path(dark_folder).glob("*.fits")):
    ccd = CCDData.read(path, unit="adu")
    ccd = ccdproc.subtract_overscan(ccd, overscan=ccd[:, 2055:], median=True)
    ccd = ccdproc.trim_image(ccd[:, :2048])
    ccd.data = ccd.data.astype("float32")
    ccd.write(reduced / path.name)
darks = ccdproc.ImageFileCollection(reduced)
for exposure in sorted(set(darks.summary["exptime"])):
    ccdproc.combine(
        darks.files_filtered(exptime=exposure, include_path=True), method="average", mem_limit=350e6, dtype="float32",
        sigma_clip=True, sigma_clip_low_thresh=5, sigma_clip_high_thresh=5,
        sigma_clip_func="median", sigma_clip_dev_func="mad_std",
    ).write(reduced / f"combined-{exposure:.3f}.fits")
"""
# Put around the cells of a notebook, these print the processor time of each.
BEFORE_CELLS = """
import time as _time
_begun, _used = [0.0], [(_time.process_time(), "the kernel itself")]
get_ipython().events.register("pre_run_cell", lambda info: _begun.append(_time.process_time()))
get_ipython().events.register("post_run_cell", lambda result: _used.append(
    (_time.process_time() - _begun[-1], result.info.raw_cell.strip()[:60].replace(chr(10), " "))))
"""
AFTER_CELLS = """
for _seconds, _cell in _used:
    print(f"{_seconds:6.2f} s  {_cell}")
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
        folder = simulate_night(
            self.folder / "cryogenic", replace(CRYOGENIC, plan=plan), rows=None, overwrite=True
        )
        return Night(folder, dark_folder=folder / "darks")

    @cached_property
    def thermo_electric(self):
        """A night of full-size frames of the thermo-electrically cooled camera."""
        kinds = {exposure.kind: exposure for exposure in THERMO_ELECTRIC.plan}
        plan = tuple(replace(kinds[kind], count=8) for kind in ("bias", "dark"))
        return Night(
            simulate_night(
                self.folder / "thermo-electric",
                replace(THERMO_ELECTRIC, plan=plan),
                rows=None,
                overwrite=True,
            )
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


def calibrate(bench):
    """12 full-size darks: overscan subtracted, trimmed; 8: trimmed, combined bias subtracted."""
    night = bench.cryogenic
    _calibrating(bench, "example1", night, [dark.name for dark in night.darks[:12]], None, 7)
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
    """Whole processes, which say what the call alone took."""
    bottleneck = bench.folder / "contestant"
    if not bottleneck.exists():
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            bottleneck,
            "bottleneck",
        ]
        subprocess.run(install, check=True)
    for count, alone, whole in ((12, 18, 9), (50, 25, 18)):
        folder, theirs, calls = bench.calibrated(count), bench.folder / "by_ccdproc.fits", {}
        job, rival = f"combine {count}", "ccdproc.combine"
        contestants = {
            "darkcal": partial(process, {}, "darkcal", COMBINE, folder, calls=calls),
            rival: partial(
                process, {}, rival, CCDPROC_COMBINE, folder, theirs, calls=calls, PYTHONPATH=bottleneck
            ),
            "bytes": partial(_read_all, folder),
        }
        medians = bench.race(job, contestants, partial(_forget_combined, folder))
        calls = {name: statistics.median(values) for name, values in calls.items()}
        bench.note(
            f"{job}, the call alone: " + ", ".join(f"{name} {value:.3f} s" for name, value in calls.items())
        )
        fastest = f"{rival}, fastest spelling"
        bench.row(f"{job}, in process", fastest, calls[rival] / calls["darkcal"], alone, "at least")
        bench.row(f"{job}, whole process", fastest, medians[rival] / medians["darkcal"], whole, "at least")
        if count == 12:
            bench.row(
                f"{job}, in process", "reading its bytes", calls["darkcal"] / medians["bytes"], 4, "at most"
            )


def _read_all(folder):
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(Path.read_bytes, folder.glob("ccd*.fits")))


def _forget_combined(folder):
    for path in folder.glob("combined*"):
        path.unlink()


# --- Folders with many files, memory ----------------------------------------------------------------------


def folders(bench):
    """Small files, headers of 60 cards."""
    places = {count: _small_files(bench.folder / f"folder-{count}", count) for count in (200, 2000, 20000)}

    def panel_ready(count):
        night = Night(places[count])
        make_plan(night, Recipe(), bench.folder / "nothing")
        DarkPanel(night, Recipe(), bench.folder / "nothing")

    def headers():
        Night(places[20000])

    def first_bytes():
        for path in places[20000].iterdir():
            with path.open("rb", buffering=0) as stream:
                stream.read(4096)

    contestants = {str(count): partial(panel_ready, count) for count in (200, 2000)}
    contestants |= {"20000 headers": headers, "4 KB of each": first_bytes}
    medians = bench.race("folders", contestants)
    bench.row("2,000 darks: panel ready", "200 darks", medians["2000"] / medians["200"], 11, "at most")
    ratio = medians["20000 headers"] / medians["4 KB of each"]
    bench.row("inventory of 20,000", "4 KB of each file", ratio, 3, "at most")


def _small_files(folder, count):
    folder.mkdir(exist_ok=True)
    cards = [("IMAGETYP", "dark"), ("EXPTIME", 300.0), ("CCD-TEMP", -20.0), ("GAIN", 1.5), ("OBJECT", "dark")]
    cards += [(f"KEY{number}", number * 1.5, "one of many cards") for number in range(51)]
    for index in range(count):
        path = folder / f"dark-{index:05d}.fits"
        if not path.exists():
            header = fits.Header([*cards, ("NUMBER", index)])
            fits.PrimaryHDU(np.full((32, 32), index, "uint16"), header).writeto(path)
    return folder


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


def process(peaks, name, code, *arguments, calls=None, **environment):
    """Run Python code in a process of its own, note its peak of memory in MB, and return the seconds it took.

    If it prints seconds of its own, they are added to `calls`.
    """
    command = [sys.executable, "-S", "-c", WATCHER, sys.executable, "-W", "ignore", "-c", code]
    environment = os.environ | {key: str(value) for key, value in environment.items()}
    watcher = subprocess.run(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    if watcher.returncode:
        raise SystemExit(f"{name or code} ended with status {watcher.returncode}")
    *own, last = watcher.stdout.splitlines()
    seconds, peak = map(float, last.split())
    peaks[name] = max(peaks.get(name, 0), peak / (MEGABYTE if sys.platform == "darwin" else 1024))
    if calls is not None:
        calls.setdefault(name, []).append(float(own[-1]))
    return seconds


# --- Notebooks --------------------------------------------------------------------------------------------


def notebook(bench):
    """Headless, whole processes: the default night, and the same in full size."""
    books = _books(bench.folder)
    nights = _nights(bench.folder, 1)
    contestants = {"empty": partial(papermill, books["empty"], bench.folder)}
    for size, night in nights.items():
        for name in ("darkcal", "by hand"):
            contestants[f"{name}, {size}"] = partial(papermill, books[name], bench.folder, night)
    medians = bench.race("notebook", contestants, partial(emptied, bench.folder / "reduced"))
    small = medians["darkcal, 512 rows"]
    bench.row(
        "papermill of notebook 1, 512 rows", "of an empty one", small / medians["empty"], 1.8, "at most"
    )
    for size, reach in (("512 rows", 1), ("full size", 2.5)):
        ratio = medians[f"by hand, {size}"] / medians[f"darkcal, {size}"]
        bench.row(f"papermill of notebook 1, {size}", "loop and ccdproc.combine", ratio, reach, "at least")


def _books(folder):
    """Write the notebooks that are run; `darkcal` is the one that comes with it."""
    parameters = nbformat.v4.new_code_cell(
        "dark_folder = reduced_folder = None", metadata={"tags": ["parameters"]}
    )
    cells = {
        "empty": [nbformat.v4.new_code_cell("pass")],
        "by hand": [parameters, nbformat.v4.new_code_cell(BY_HAND)],
    }
    for name, its in cells.items():
        nbformat.write(nbformat.v4.new_notebook(cells=its, metadata=KERNEL), folder / f"{name}.ipynb")
    return {name: folder / f"{name}.ipynb" for name in cells} | {"darkcal": shipped_notebooks()[1]}


def _nights(folder, example):
    camera = {1: CRYOGENIC, 2: THERMO_ELECTRIC}[example]
    sizes = {"512 rows": 512, "full size": None}
    return {
        size: simulate_night(folder / f"night-{example}-{size[:3]}", camera, rows=rows, overwrite=True)
        for size, rows in sizes.items()
    }


def papermill(book, folder, night=None):
    """Run a notebook as its users do."""
    command = [sys.executable, "-m", "papermill", "--log-level", "ERROR", "--no-progress-bar"]
    values = {
        "raw_folder": night,
        "dark_folder": night and night / "darks",
        "reduced_folder": folder / "reduced",
    }
    options = [part for key, value in values.items() if night for part in ("-p", key, str(value))]
    subprocess.run(
        [*command, book, folder / f"{book.stem}-done.ipynb", *options], check=True, stderr=subprocess.DEVNULL
    )


def profile(bench):
    """Processor time; `python -X importtime` tells more of the imports."""
    book = nbformat.read(shipped_notebooks()[1], as_version=4)
    first = next(place for place, cell in enumerate(book.cells) if cell.cell_type == "code")
    book.cells.insert(first, nbformat.v4.new_code_cell(BEFORE_CELLS))
    book.cells.append(nbformat.v4.new_code_cell(AFTER_CELLS))
    nbformat.write(book, bench.folder / "profiled.ipynb")
    emptied(bench.folder / "reduced")
    papermill(bench.folder / "profiled.ipynb", bench.folder, _nights(bench.folder, 1)["512 rows"])
    done = nbformat.read(bench.folder / "profiled-done.ipynb", as_version=4)
    for line in done.cells[-1].outputs[0].text.splitlines():
        bench.note(line)
    for name in IMPORTS:
        usage = f"import time; start = time.process_time(); import {name}; print(time.process_time() - start)"
        calls = {}
        process({}, name, usage, calls=calls)
        bench.note(f"{calls[name][0]:6.2f} s  import {name}")


def lab(bench):
    """In a browser, without a window."""
    from browser import LabServer, launched_chromium, opened

    books = _books(bench.folder) | {"panel": _until_panel(bench.folder)}

    def opens(name):
        with tempfile.TemporaryDirectory() as folder, LabServer(Path(folder) / "lab") as server:
            page = opened(server, browser, books[name])
            if name == "panel":
                _link(page.folder, _nights(bench.folder, 1)["512 rows"])
                page.run_all()
                page.page.wait_for_function(SETTLED)
            page.close()

    def runs(example, size):
        page = opened(shared, browser, shipped_notebooks()[example])
        _link(page.folder, _nights(bench.folder, example)[size])
        start = time.perf_counter()
        page.run_all(300)
        seconds = time.perf_counter() - start
        page.close()
        return seconds

    with launched_chromium() as browser, tempfile.TemporaryDirectory() as folder:
        with LabServer(Path(folder) / "lab") as shared:
            sizes = [(example, size) for example in (1, 2) for size in ("512 rows", "full size")]
            for example in (1, 2):
                _nights(bench.folder, example)
            everything = bench.race("run all", {f"{e}, {s}": partial(runs, e, s) for e, s in sizes})
        opening = bench.race("lab", {name: partial(opens, name) for name in ("empty", "panel")})
    ratio = opening["panel"] / opening["empty"]
    bench.row("JupyterLab to a usable panel", "to an empty notebook", ratio, 1.3, "at most")
    for example in (1, 2):
        ratio = everything[f"{example}, full size"] / everything[f"{example}, 512 rows"]
        bench.row(f"Run All, notebook {example}, full size", "512 rows", ratio, 2.5, "at most")


def _until_panel(folder):
    book = nbformat.read(shipped_notebooks()[1], as_version=4)
    last = next(place for place, cell in enumerate(book.cells) if "DarkPanel.from_parameters" in cell.source)
    book.cells = book.cells[: last + 1]
    nbformat.write(book, folder / "panel.ipynb")
    return folder / "panel.ipynb"


def _link(folder, night):
    """Put a night where the notebooks look for it."""
    for name in ("example-cryo-LFC", "example-thermo-electric"):
        (folder / name).symlink_to(night)


# --- Batches ----------------------------------------------------------------------------------------------


def batch(bench):
    """Nights of 512 rows; seconds of one more from the difference between 2 and 6, memory while 10 and 40 are done."""
    nights = _Nights(emptied(bench.folder / "batch"))
    contestants = {
        "2": partial(nights.run, 2, "--workers", "1"),
        "6": partial(nights.run, 6, "--workers", "1"),
        "kernel": batches.bare_start,
    }
    medians = bench.race("batch", contestants)
    each = (medians["6"] - medians["2"]) / 4
    bench.row("one more night of 512 rows", "its kernel's bare start", each / medians["kernel"], 2, "at most")
    peaks = {}
    for count in (10, 40):
        with batches.Peak() as peak:
            nights.run(count, "--workers", "2")
        peaks[count] = peak.bytes / MEGABYTE
    bare = batches.bare_memory() / MEGABYTE
    bench.note(
        f"two workers, 10 and 40 runs: {peaks[10]:.0f} and {peaks[40]:.0f} MB; a bare kernel {bare:.0f} MB"
    )
    bench.row(
        "memory of a worker of a batch", "kernel, astropy, matplotlib", peaks[10] / 2 / bare, 1.5, "at most"
    )
    bench.row("memory after 40 runs", "10 runs", peaks[40] / peaks[10], 1.15, "at most")


def archive(bench):
    """Nights of 512 rows, each with 9 darks; one run each."""
    nights = _Nights(emptied(bench.folder / "batch"))
    few, many = ARCHIVE
    for count, workers in ((few, 1), (few, 2), (many, 2)):
        bench.note(
            f"{workers} worker(s), {count} nights: {3600 * count / nights.run(count, '--workers', workers):.0f} an hour"
        )
    with batches.cluster(nights.folder, workers=2) as (address, _):
        scheduler = psutil.Process().children()[0]
        for count in ARCHIVE:
            before = sum(scheduler.cpu_times()[:2])
            seconds = nights.run(count, "--scheduler", address)
            share = (sum(scheduler.cpu_times()[:2]) - before) / count
            bench.note(
                f"cluster of 2, {count} nights: {3600 * count / seconds:.0f} an hour, scheduler {1000 * share:.0f} ms a night"
            )


class _Nights:
    """Small nights, as many as are asked for, that a batch works on; as real ones, they come without the truth to check."""

    def __init__(self, folder):
        self.folder = folder
        batches.make_nights(folder, 512)
        for truth in folder.rglob(TRUTH_NAME):
            truth.unlink()

    def run(self, count, *options):
        """Do so many of them from the beginning; return the seconds."""
        for name in ("results", "OUT", "settings"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for number in range(count):
            batches.write(self.folder, f"run-{number}", batches.good(number))
        start = time.perf_counter()
        if not batches.ends_well(self.folder, *map(str, options)):
            raise SystemExit(f"a batch of {count} nights failed")
        return time.perf_counter() - start


# --- All of it --------------------------------------------------------------------------------------------

PARTS = {
    "calibrate": calibrate,
    "combine": combine,
    "notebook": notebook,
    "lab": lab,
    "folders": folders,
    "batch": batch,
    "memory": memory,
    "archive": archive,
    "profile": profile,
}
BY_NAME_ONLY = ("archive", "profile")


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
    for name in options.parts or [name for name in PARTS if name not in BY_NAME_ONLY]:
        print(f"{name}: {PARTS[name].__doc__}", flush=True)
        PARTS[name](bench)
    print(*bench.rows, sep="\n")
    print(f"all times: {save(bench, options.out)}")
    return 0 if all(row.kept for row in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
