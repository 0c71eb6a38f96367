"""Small batches for the tests: notebooks that do next to nothing, and parameter files for them."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[1]

PARAMETERS = """raw_folder = "raw"
dark_folder = None
reduced_folder = "reduced"
overscan_columns = None
keep_columns = None
subtract_bias = False
combined_bias = None
files = None
unit = "adu"
output_dtype = "float32"
overwrite = False
action = ""
"""
CALIBRATE = """from darkcal_widgets import Night, Parameters, calibrate_darks
parameters = Parameters.from_notebook(globals())
run = calibrate_darks(Night(raw_folder), parameters.recipe, reduced_folder, overwrite=overwrite, progress=False)
run"""
PICTURE = """from IPython.display import Image
from darkcal_widgets.frames.figures import levels
levels([1, 2], [1, 1], ["a", "b"])"""
MISBEHAVE = """import os, signal, time
from pathlib import Path
Path("runs").open("a").write(f"{reduced_folder} {os.getpid()} {os.environ['OMP_NUM_THREADS']}\\n")
if action == "fail": raise ValueError("no <b>luck</b>\\nat all")
if action == "die": os.kill(os.getpid(), signal.SIGKILL)
if action == "sleep": time.sleep(600)
if action == "end worker" or (action.startswith("lose") and not Path("lost").exists()):
    Path("lost").touch()
    os.kill(os.getpid() if action == "lose kernel" else os.getppid(), signal.SIGKILL)
    time.sleep(600)"""


def write_notebook(path, *cells):
    """Write a notebook with a cell of parameters and others of code."""
    codes = [nbformat.v4.new_code_cell(cell) for cell in (PARAMETERS, *cells)]
    codes[0].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=codes), path)
    return Path(path)


def write_parameters(path, **values):
    """Write a parameter file, for ``run.ipynb`` beside it where nothing else is said."""
    given = {"notebook": "run.ipynb", "reduced_folder": f"reduced-{Path(path).stem}"} | values
    Path(path).write_text(yaml.safe_dump({name: value for name, value in given.items() if value != "absent"}))
    return Path(path)


@contextlib.contextmanager
def cluster(folder, workers=1):
    """Start a Dask scheduler and workers on loopback; yield its address and the workers' processes; others may be added."""
    announced = folder / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(announced)]
    scheduler = _started(folder, [sys.executable, "-m", "distributed.cli.dask_scheduler", *options])
    processes = []
    try:
        address = json.loads(wait_for_text(announced))["address"]
        processes += [start_worker(folder, address) for _ in range(workers)]
        yield address, processes
    finally:
        for process in (scheduler, *processes):
            process.kill()
            process.wait()


def start_worker(folder, address):
    """Start a worker of a cluster; return its process."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address]
    options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
    return _started(folder, [*command, *options])


def _started(folder, command):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "30s"}
    with (folder / "dask.log").open("a") as log:
        return subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)


def wait_for_text(path, seconds=60):
    """Return what a file holds as soon as it holds something."""
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.read_text().strip().endswith("}")):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} never came")
        time.sleep(0.1)
    return path.read_text()
