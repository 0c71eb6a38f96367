"""Small batches for the tests: notebooks that do next to nothing, and parameter files for them."""

from pathlib import Path

import nbformat
import yaml

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
from darkcal_widgets.plots import levels
levels([1, 2], [1, 1], ["a", "b"])"""
MISBEHAVE = """import os, signal, time
from pathlib import Path
Path("runs").open("a").write(f"{reduced_folder} {os.getpid()}\\n")
if action == "fail": raise ValueError("no <b>luck</b>\\nat all")
if action == "die": os.kill(os.getpid(), signal.SIGKILL)
if action == "sleep": time.sleep(600)
if action == "lose" and not Path("lost").exists():
    Path("lost").touch()
    import psutil  # the worker is the grandparent: the kernel is a fork of its fork server
    psutil.Process().parent().parent().kill()
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
