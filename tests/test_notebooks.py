"""The notebooks as papermill runs them: the contract with its users, the bytes, and what stops a run."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from astropy.io import fits
from nights import folder_bytes, small_night
from papermill import inspect_notebook

from darkcal_widgets import DarkPanel, Night, Parameters, calibrate_darks, simulate_night
from darkcal_widgets.notebooks import shipped_notebooks

# The contract: these names with these values, and no others.
DEFAULTS = {
    1: {
        "raw_folder": "example-cryo-LFC",
        "dark_folder": "example-cryo-LFC/darks",
        "reduced_folder": "example1-reduced",
        "overscan_columns": "2055:",
        "keep_columns": ":2048",
        "subtract_bias": False,
        "amplifiers": None,
        "extensions": None,
        "combined_bias": None,
        "files": None,
        "image_types": None,
        "unit": "adu",
        "output_dtype": "float32",
        "overwrite": False,
    },
    2: {
        "raw_folder": "example-thermo-electric",
        "dark_folder": None,
        "reduced_folder": "example2-reduced",
        "overscan_columns": None,
        "keep_columns": ":4096",
        "subtract_bias": True,
        "amplifiers": None,
        "extensions": None,
        "combined_bias": None,
        "files": None,
        "image_types": None,
        "unit": "adu",
        "output_dtype": "float32",
        "overwrite": False,
    },
    3: {
        "raw_folder": "example-thermo-electric",
        "dark_folder": None,
        "reduced_folder": "your-night-reduced",
        "overscan_columns": "advised",
        "keep_columns": "advised",
        "subtract_bias": "advised",
        "amplifiers": "advised",
        "extensions": None,
        "combined_bias": None,
        "files": None,
        "image_types": None,
        "unit": "adu",
        "output_dtype": "float32",
        "overwrite": False,
    },
}
CAMERAS = {1: "cryogenic", 2: "thermo-electric"}


def read(number):
    return nbformat.read(shipped_notebooks()[number], as_version=4)


def papermill(number, folder, *options):
    """Run a notebook in a folder by papermill's own command, as a user does."""
    command = [
        sys.executable,
        "-m",
        "papermill",
        "--no-progress-bar",
        shipped_notebooks()[number],
        "out.ipynb",
        *options,
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nights")
    for number, camera in CAMERAS.items():
        simulate_night(folder / DEFAULTS[number]["raw_folder"], camera, rows=48)
    return folder


@pytest.fixture
def here(nights, tmp_path, monkeypatch):
    """A folder of its own with both nights, to run in."""
    for number in CAMERAS:
        name = DEFAULTS[number]["raw_folder"]
        (tmp_path / name).symlink_to(nights / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", DEFAULTS)
def test_one_cell_holds_the_parameters_of_the_contract(number):
    tagged = [cell for cell in read(number).cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(tagged[0].source).body}
    assert values == DEFAULTS[number]
    assert list(values) == Parameters.names()


@pytest.mark.parametrize("number", DEFAULTS)
def test_papermill_knows_kind_and_meaning_of_every_parameter(number):
    found = inspect_notebook(str(shipped_notebooks()[number]))
    told = {name: f"type: {one['inferred_type_name']} {one['help']}" for name, one in found.items()}
    assert told == Parameters.comments()


@pytest.mark.parametrize("number", DEFAULTS)
def test_a_notebook_is_kept_without_outputs(number):
    code = [cell for cell in read(number).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.parametrize("number", [1, 2])
def test_papermill_and_panel_write_the_same_bytes_once(here, number):
    Parameters.from_mapping(DEFAULTS[number] | {"reduced_folder": "panel"}).save("settings.yaml", number)
    DarkPanel.from_parameters(Parameters.load("settings.yaml")).calibrate()
    by_panel = folder_bytes(here / "panel")
    for _ in range(2):
        run = papermill(number, here, "-p", "reduced_folder", "headless")
        assert run.returncode == 0, run.stderr
        by_papermill = folder_bytes(here / "headless")
        assert {name: by_papermill[name] for name in by_panel} == by_panel
        assert all(name.startswith("combined_dark") for name in set(by_papermill) - set(by_panel))
    outputs = str(nbformat.read("out.ipynb", as_version=4))
    assert f"0 written, {len(by_panel) - (number == 2)} unchanged, 0 failed" in outputs


@pytest.mark.parametrize("number", CAMERAS)
def test_an_advised_night_has_the_bytes_of_the_right_recipe(here, number):
    right = Parameters.from_mapping(DEFAULTS[number])
    night = Night(right.raw_folder, dark_folder=right.dark_folder)
    calibrate_darks(night, right.recipe, "by-hand")
    places = [
        word for name in ("raw_folder", "dark_folder") for word in ("-p", name, str(DEFAULTS[number][name]))
    ]
    run = papermill(3, here, *places, "-p", "reduced_folder", "advised")
    assert run.returncode == 0, run.stderr
    by_hand, advised = folder_bytes(here / "by-hand"), folder_bytes(here / "advised")
    assert {name: advised[name] for name in by_hand} == by_hand
    outputs = str(nbformat.read("out.ipynb", as_version=4))
    assert "<td>the night</td><td>That is the image area, as measured" in outputs


def test_what_a_night_does_not_decide_is_asked_for(tmp_path):
    small_night(tmp_path / "raw")
    options = ["-p", "raw_folder", "raw", "-p", "reduced_folder", "out"]
    run = papermill(3, tmp_path, *options)
    assert run.returncode != 0
    assert "This night does not decide subtract_bias." in run.stderr
    assert "Set subtract_bias to True or False." in run.stderr
    assert not (tmp_path / "out").exists()


def test_the_notebook_of_one_camera_knows_the_word_advised(here):
    words = ["overscan_columns", "keep_columns", "subtract_bias"]
    run = papermill(1, here, *(option for name in words for option in ("-p", name, "advised")))
    assert run.returncode == 0, run.stderr
    header = fits.getheader(here / "example1-reduced" / "ccd.007.0.fits")
    assert (header["DCOSCAN"], header["DCTRIM"]) == ("[2056:2080, 1:48]", "[1:2048, 1:48]")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-p", "overscan_colums", "2055:"], "did you mean 'overscan_columns'"),
        (["-p", "overscan_columns", "abc"], "overscan_columns is 'abc'"),
        (
            ["-p", "keep_columns", ":9999"],
            "keep_columns is ':9999', which reaches outside the frame of 2080 columns",
        ),
    ],
)
def test_a_wrong_parameter_stops_the_run_before_any_work(here, options, message):
    run = papermill(1, here, *options)
    assert run.returncode != 0
    assert message in run.stderr
    assert not (here / "example1-reduced").exists()


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_a_failed_frame_ends_the_run_in_an_error_at_the_end(nights, tmp_path):
    name = DEFAULTS[1]["raw_folder"]
    shutil.copytree(nights / name, tmp_path / name)
    bad = sorted((tmp_path / name / "darks").glob("*.fits"))[4]
    bad.write_bytes(bad.read_bytes()[:20000])
    run = papermill(1, tmp_path)
    assert run.returncode != 0
    assert f"1 of 9 frames failed, 8 are done:\n  darks/{bad.name}: " in run.stderr
    assert len(list((tmp_path / "example1-reduced").glob("ccd*.fits"))) == 8
    assert Path(tmp_path / "out.ipynb").is_file()
