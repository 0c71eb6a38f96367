"""Batches at their worst and at their quickest: faults, a cluster that loses a worker, workers, start-up, validation.

    python bench/batch.py [faults] [cluster] [speed] [startup] [validation] [--rows 256] [--folder DIR]

runs the parts named, or all, and prints their figures; it ends with status 1 if a promise is not kept.

faults      40 parameter files of small simulated nights, 30 good ones and 10 that fail in different ways
cluster     the same on a Dask scheduler with two workers, one of which is killed half way; same outcome, same bytes
speed       8 nights with one worker and with two
startup     seconds and processor seconds that one more run of an empty notebook, and of one that imports all, takes
validation  500 parameter files
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import yaml
from astropy.table import Table
from jupyter_client.manager import start_new_kernel

from darkcal_widgets import simulate_night
from darkcal_widgets.batch.requests import read_requests
from darkcal_widgets.notebooks import shipped_notebooks

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from batches import PARAMETERS, cluster, write_notebook
from nights import folder_bytes

COMMAND = [sys.executable, "-m", "darkcal_widgets.cli", "batch"]
CAMERAS = {1: "cryogenic", 2: "thermo-electric"}
TIMEOUT = 60  # seconds; the good runs take a few

# Ten ways to fail: what the parameter file says, and what the reason has to say.
FAULTS = {
    "misspelt": ({"overscan_colums": "2055:"}, "did you mean 'overscan_columns'?"),
    "wrong-kind": ({"subtract_bias": "perhaps"}, "subtract_bias is 'perhaps'"),
    "no-night": ({"raw_folder": "nowhere"}, "raw_folder is 'nowhere'"),
    "no-notebook": ({"notebook": 7}, "notebook is 7"),
    "onto-raw": ({"reduced_folder": "nights/cryogenic-1"}, "a folder of raw frames"),
    "no-yaml": (None, "is not YAML"),
    "beyond": ({"overscan_columns": "5000:5010"}, "overscan_columns"),
    "broken-frame": (
        {"raw_folder": "nights/broken", "dark_folder": "nights/broken/darks"},
        "1 of 9 frames failed",
    ),
    "dies": ({"notebook": "dies.ipynb"}, "Kernel died"),
    "endless": ({"notebook": "endless.ipynb"}, "the time limit of a run"),
}


class Promises:
    """What was promised, and whether it was kept."""

    def __init__(self):
        self.broken = []

    def check(self, kept, text):
        """Print a promise with its figure."""
        print(f"  {'kept  ' if kept else 'BROKEN'}  {text}", flush=True)
        if not kept:
            self.broken.append(text)


def main():
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rows", type=int, default=256, help="of the simulated frames")
    parser.add_argument("--folder", help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    promises = Promises()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for part in options.parts or PARTS:
            print(f"{part} (load of the machine: {os.getloadavg()[0]:.1f})", flush=True)
            work = Path(folder) / part
            work.mkdir()
            PARTS[part](work, options.rows, promises)
    sys.exit(1 if promises.broken else 0)


def faults(work, rows, promises):
    """Run the 40 on this machine."""
    make_forty(work, rows)
    began = time.monotonic()
    status = batch(work, "--workers", "2", "--timeout", str(TIMEOUT))
    print(f"  {time.monotonic() - began:.0f} s in all")
    check_forty(work, status, promises)


def on_cluster(work, rows, promises):
    """Run the 40 here, then on a cluster that loses a worker, and compare."""
    here, there = work / "here", work / "there"
    for place in (here, there):
        place.mkdir()
        make_forty(place, rows)
    check_forty(here, batch(here, "--workers", "2", "--timeout", str(TIMEOUT)), promises)
    with cluster(work, workers=2) as (address, workers):
        options = ["--scheduler", address, "--timeout", str(TIMEOUT)]
        process = subprocess.Popen(
            command(there, *options), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while len(list((there / "OUT").glob("*/run.json"))) < 18 and process.poll() is None:
            time.sleep(0.1)
        print(f"  one of two workers killed (process {workers[0].pid}) with 18 runs done")
        workers[0].kill()
        check_forty(there, process.wait(), promises)
    same = folder_bytes(here / "results") == folder_bytes(there / "results")
    promises.check(same, f"the cluster gives the same bytes: {len(folder_bytes(there / 'results'))} files")


def speed(work, rows, promises):
    """Run 8 nights with one worker and with two."""
    make_nights(work, rows)
    for number in range(8):
        write(work, f"run-{number}", good(number))
    seconds = {}
    for workers in (1, 2):
        for folder in ("results", "OUT"):
            shutil.rmtree(work / folder, ignore_errors=True)
        began = time.monotonic()
        promises.check(
            ends_well(work, "--workers", str(workers)), f"8 nights with {workers} worker(s) end well"
        )
        seconds[workers] = time.monotonic() - began
        print(f"  {seconds[workers]:.1f} s with {workers} worker(s)")
    ratio = seconds[2] / seconds[1]
    promises.check(ratio <= 0.65, f"two workers take {ratio:.2f} of the time of one; at most 0.65")


def startup(work, rows, promises):
    """Measure what one more run costs, from the difference between 2 and 12 of them with one worker."""
    del rows
    (work / "raw").mkdir()
    imports = "from darkcal_widgets import DarkPanel, Night, Parameters, combine_darks, results_table"
    for name, cells in (("empty", ()), ("imports", (imports, "import darkcal_widgets.frames.figures"))):
        seconds = {}
        for count in (2, 12):
            place = work / f"{name}-{count}"
            place.mkdir()
            write_notebook(place / "n.ipynb", *cells)
            for number in range(count):
                values = {"notebook": "../n.ipynb", "raw_folder": "../../raw", "reduced_folder": f"r{number}"}
                write(place, f"run-{number}", values)
            began = time.monotonic()
            promises.check(ends_well(place, "--workers", "1"), f"{count} runs end well")
            seconds[count] = time.monotonic() - began
        each = (seconds[12] - seconds[2]) / 10
        promises.check(each <= 5, f"notebook that is {name}: {each:.2f} s for each run more; at most 5")
        print(f"  the first run, with the start of the batch and its page: {seconds[2] - each:.1f} s")


def bare_start():
    """Return the seconds that it takes to start a kernel until it answers, and to end it."""
    began = time.monotonic()
    manager, client = start_new_kernel()
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return time.monotonic() - began


def bare_memory():
    """Return the bytes that a kernel holds with astropy and matplotlib imported, and nothing else."""
    manager, client = start_new_kernel()
    client.execute_interactive("import astropy.io.fits, astropy.table, matplotlib.figure", silent=True)
    held = pss(psutil.Process(manager.provisioner.pid))
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return held


def validation(work, rows, promises):
    """Validate 500 parameter files as the panel saves them."""
    del rows
    (work / "raw").mkdir()
    for number in range(500):
        values = {name: value for name, value in namespace().items() if name != "action"}
        write(
            work,
            f"run-{number}",
            values | {"notebook": number % 2 + 1, "raw_folder": "../raw", "reduced_folder": f"r{number}"},
        )
    began = time.monotonic()
    requests = read_requests([work / "settings"])
    seconds = time.monotonic() - began
    sound = sum(not request.problems for request in requests)
    promises.check(sound == 500, f"{sound} of 500 files are sound")
    promises.check(seconds < 5, f"500 files are validated in {seconds:.2f} s; less than 5")


PARTS = {
    "faults": faults,
    "cluster": on_cluster,
    "speed": speed,
    "startup": startup,
    "validation": validation,
}


class Peak:
    """The most memory (PSS: shared pages are shared out) that the processes below this one hold, every half second."""

    def __enter__(self):
        self.bytes = self.processes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.5):
            held = [size for process in psutil.Process().children(recursive=True) if (size := pss(process))]
            if sum(held) > self.bytes:
                self.bytes, self.processes = sum(held), len(held)


def pss(process):
    """Return the bytes that a process holds; 0 when it has just ended."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


def make_forty(work, rows):
    """Write the nights, 30 good parameter files and 10 bad ones."""
    make_nights(work, rows)
    for number in range(30):
        write(work, f"good-{number:02d}", good(number))
    shutil.copytree(work / "nights" / "cryogenic-0", work / "nights" / "broken")
    dark = sorted((work / "nights" / "broken" / "darks").glob("*.fits"))[0]
    dark.write_bytes(dark.read_bytes()[:10000])
    with_cell("dies", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", work)
    with_cell("endless", "while True: pass", work)
    for name, (values, _) in FAULTS.items():
        if values is None:
            (work / "settings" / f"{name}.yaml").write_text("raw_folder: [")
            continue
        given = good(0) | {"reduced_folder": f"results/{name}"} | values
        write(work, name, {key: from_settings(key, value) for key, value in given.items()})


def make_nights(work, rows):
    """Simulate two nights of each camera."""
    (work / "settings").mkdir(parents=True)
    for camera in CAMERAS.values():
        for seed in (0, 1):
            simulate_night(work / "nights" / f"{camera}-{seed}", camera, seed=seed, rows=rows)


def good(number):
    """Return the parameters of a good run; the results of each go into a folder of their own."""
    example = number % 2 + 1
    night = f"nights/{CAMERAS[example]}-{number // 2 % 2}"
    return {
        "notebook": example,
        "raw_folder": night,
        "dark_folder": f"{night}/darks" if example == 1 else None,
        "reduced_folder": f"results/{number:02d}",
    }


def from_settings(key, value):
    """Return a path as it is seen from the folder of the parameter files."""
    is_path = key.endswith("_folder") or (key == "notebook" and isinstance(value, str))
    return f"../{value}" if is_path and value not in (None, "nowhere") else value


def write(work, name, values):
    """Write a parameter file into the folder of settings."""
    (work / "settings").mkdir(exist_ok=True)
    if "raw_folder" in values and values["raw_folder"].startswith("nights"):
        values = {key: from_settings(key, value) for key, value in values.items()}
    (work / "settings" / f"{name}.yaml").write_text(yaml.safe_dump(values))


def with_cell(name, code, work):
    """Write a copy of notebook 1 that does something else in the middle."""
    notebook = nbformat.read(shipped_notebooks()[1], 4)
    notebook.cells.insert(len(notebook.cells) // 2, nbformat.v4.new_code_cell(code))
    nbformat.write(notebook, work / f"{name}.ipynb")


def namespace():
    """Return the parameters as the notebooks of the tests set them."""
    values = {}
    exec(PARAMETERS, values)
    del values["__builtins__"]
    return values


def command(work, *options):
    """Return the command that runs the parameter files of a folder."""
    return [*COMMAND, str(work / "settings"), "--out", str(work / "OUT"), *options]


def batch(work, *options):
    """Run the parameter files of a folder and return the exit status."""
    with (work / "batch.log").open("w") as log:
        return subprocess.run(command(work, *options), stdout=log, stderr=log, check=False).returncode


def ends_well(work, *options):
    """Run the parameter files of a folder; tell whether all ended well, and print what has failed."""
    status = batch(work, *options)
    if status:
        print((work / "batch.log").read_text())
    return status == 0


def check_forty(work, status, promises):
    """Check that the good ones are done and that each bad one is named with its reason, on the page and in the table."""
    table = Table.read(work / "OUT" / "summary.ecsv")
    rows = {row["name"]: row for row in table}
    page = (work / "OUT" / "index.html").read_text()
    done = [name for name, row in rows.items() if row["state"] == "done"]
    promises.check(
        len([name for name in done if name.startswith("good-")]) == 30, f"{len(done)} good runs are done"
    )
    right = sum(str(row["check"]).startswith("right") for row in table)
    promises.check(right >= 30, f"{right} runs agree with the truth of their night")
    named = [
        name for name, (_, reason) in FAULTS.items() if reason in str(rows[name]["error"]) and name in page
    ]
    missing = {name: str(rows[name]["error"]) for name in FAULTS if name not in named}
    promises.check(len(named) == 10, f"{len(named)} bad runs are named with their reason {missing or ''}")
    promises.check(status == 1, f"the exit status is {status}")


if __name__ == "__main__":
    main()
