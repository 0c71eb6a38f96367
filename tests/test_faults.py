"""Faults: kills, full and read-only disks, two runs at once, Ctrl-C. The figures of SAFETY.md come from `make faults`."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import crowd
import fuzzer
import hostile
import numpy as np
import powercut
import pytest
from killer import CONTEXT, broken_results, digests, finish_run, kill_many, start_run
from nights import folder_bytes, random_frame, small_night, write_raw

from darkcal_widgets import (
    Night,
    Parameters,
    Recipe,
    calibrate_darks,
    check_run,
    combine_bias,
    combine_darks,
    measure_darks,
    results_table,
    simulate_night,
)
from darkcal_widgets.combine import files
from darkcal_widgets.errors import FrameError, Interrupted, OutputError, ParameterError, RunError
from darkcal_widgets.notebooks import run_notebook, shipped_notebooks
from darkcal_widgets.run import make_plan
from darkcal_widgets.run.file import calibrate_file
from darkcal_widgets.simulate import EXAMPLE_FOLDERS

NIGHTS = dict(enumerate(EXAMPLE_FOLDERS.values(), start=1))
RECIPE = Recipe(overscan_columns="24:", keep_columns=":24")
WITH_BIAS = Recipe(keep_columns=":24", subtract_bias=True)


@pytest.fixture
def raw(tmp_path):
    """A small night; nothing a test does to it may change a byte of it."""
    folder = small_night(tmp_path / "raw", darks=6)
    before = digests(folder)
    yield folder
    assert digests(folder) == before


# --- Killed at any moment -------------------------------------------------------------------------------------------------


def test_after_a_kill_files_are_whole_and_the_next_run_ends_it(tmp_path):
    trials = list(kill_many(tmp_path, kills=6, seed=7, rows=64))
    assert [trial.complaints for trial in trials] == [[]] * 6


# --- The disk ---------------------------------------------------------------------------------------------------------------


def in_child(function, *arguments):
    """Return what a function returns in a process of its own, whose limits and user may be changed."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_answer, args=(theirs, function, *arguments))
    process.start()
    theirs.close()
    answer = ours.recv()
    process.join()
    return answer


def _answer(pipe, function, *arguments):
    pipe.send(function(*arguments))


def _run_with_small_files(raw, out, size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    run = calibrate_darks(Night(raw), RECIPE, out, progress=False)
    return [path.name for path in run.written], run.failed


def test_a_result_cut_short_is_named_and_the_others_kept(raw, tmp_path):
    calibrate_darks(Night(raw), RECIPE, tmp_path / "out", files=["dark-0.fits"], progress=False)
    first = folder_bytes(tmp_path / "out")
    written, failed = in_child(_run_with_small_files, raw, tmp_path / "out", 4000)
    assert written == []
    assert list(failed) == [f"dark-{n}.fits" for n in range(1, 6)]
    assert f"{tmp_path}/out/dark-1.fits cannot be written: File too large" in failed["dark-1.fits"]
    assert folder_bytes(tmp_path / "out") == first


def _run_as_nobody(raw, out):
    if os.geteuid() == 0:
        os.setegid(65534)
        os.seteuid(65534)
    run = calibrate_darks(Night(raw), RECIPE, out, progress=False)
    return [path.name for path in run.written], run.failed


def test_a_folder_that_may_only_be_read_is_named(raw):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        os.chmod(folder, 0o755)
        shutil.copytree(raw, f"{folder}/raw")
        os.mkdir(f"{folder}/out", 0o555)
        written, failed = in_child(_run_as_nobody, f"{folder}/raw", f"{folder}/out")
    assert written == []
    assert len(failed) == 6
    assert (
        "cannot be written: Permission denied; choose a folder that you may write to" in failed["dark-0.fits"]
    )


def test_a_folder_that_disappears_costs_what_is_not_yet_done(raw, tmp_path):
    def take_away(outcome):
        if outcome.name == "dark-1.fits":
            (tmp_path / "out").rename(tmp_path / "away")

    run = calibrate_darks(
        Night(raw), RECIPE, tmp_path / "out", workers=1, on_outcome=take_away, progress=False
    )
    assert (
        "dark-5.fits cannot be written: No such file or directory; look whether the folder is still there"
        in (run.failed["dark-5.fits"])
    )
    assert (tmp_path / "away" / "dark-0.fits").exists()
    assert broken_results(tmp_path / "away") == []
    with pytest.raises(RunError, match=r"of 6 frames failed"):
        run.raise_failures()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_costs_one_result_and_not_the_next(raw, tmp_path, monkeypatch, code):
    link = os.link

    def full_for_one(part, path):
        if Path(path).name == "dark-2.fits":
            raise OSError(code, os.strerror(code))
        link(part, path)

    monkeypatch.setattr(os, "link", full_for_one)
    monkeypatch.setattr(os, "rename", full_for_one)
    run = calibrate_darks(Night(raw), RECIPE, tmp_path / "out", progress=False)
    assert (len(run.written), list(run.failed)) == (5, ["dark-2.fits"])
    assert os.strerror(code) in run.failed["dark-2.fits"]
    assert sorted(os.listdir(tmp_path / "out")) == [f"dark-{n}.fits" for n in (0, 1, 3, 4, 5)]


# --- After a power cut --------------------------------------------------------------------------------------------------------


def lose_pixels(path):
    """Leave of a file what a power cut may: its length and its header, and zeros for pixels."""
    content = path.read_bytes()
    end = content.index(b"END" + b" " * 77) // 2880 * 2880 + 2880
    path.write_bytes(content[:end].ljust(len(content), b"\0"))


def test_a_result_of_zeros_is_not_taken_for_one(raw, tmp_path):
    night = Night(raw)
    calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    lose_pixels(tmp_path / "out" / "dark-1.fits")
    run = calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    assert len(run.unchanged) == 5
    assert "dark-1.fits is damaged: its pixels do not have the DATASUM" in run.failed["dark-1.fits"]
    combined = combine_darks(tmp_path / "out")
    assert "dark-1.fits is damaged" in combined.failed["dark-1.fits"]
    assert combined.written
    again = calibrate_darks(night, RECIPE, tmp_path / "out", overwrite=True, progress=False)
    assert [path.name for path in again.written] == ["dark-1.fits"]


def test_a_result_that_has_lost_cards_is_not_taken_for_one(raw, tmp_path):
    night = Night(raw)
    calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    for name, keyword in (
        ("dark-0.fits", b"EXPTIME "),
        ("dark-1.fits", b"CHECKSUM"),
        ("dark-2.fits", b"DATASUM "),
    ):
        path = tmp_path / "out" / name
        content = bytearray(path.read_bytes())
        at = content.index(keyword)
        content[at : at + 80] = bytes(80)
        path.write_bytes(content)
    run = calibrate_darks(night, RECIPE, tmp_path / "out", progress=False)
    assert [reason.partition(": ")[2][:33] for reason in run.failed.values()] == [
        "its header does not have its CHEC"
    ] * 3
    assert len(combine_darks(tmp_path / "out").failed) == 3


def test_a_combined_dark_of_zeros_is_made_again(raw, tmp_path):
    calibrate_darks(Night(raw), RECIPE, tmp_path / "out", progress=False)
    (path,) = combine_darks(tmp_path / "out").written
    before = path.read_bytes()
    lose_pixels(path)
    assert combine_darks(tmp_path / "out").written == [path]
    assert path.read_bytes() == before


def test_a_combined_bias_of_zeros_is_not_subtracted(raw, tmp_path):
    night = Night(raw)
    calibrate_darks(night, WITH_BIAS, tmp_path / "out", files=["dark-0.fits"], progress=False)
    lose_pixels(tmp_path / "out" / "combined_bias.fits")
    with pytest.raises(FrameError, match=r"combined_bias\.fits is damaged.*move it away"):
        calibrate_darks(night, WITH_BIAS, tmp_path / "out", progress=False)


def test_a_damaged_result_is_not_measured_and_not_checked(tmp_path):
    night = Night(simulate_night(tmp_path / "raw", "cryogenic", rows=64), tmp_path / "raw" / "darks")
    calibrate_darks(
        night, Recipe(overscan_columns="2055:", keep_columns=":2048"), tmp_path / "out", progress=False
    )
    path = combine_darks(tmp_path / "out").written[0]
    lose_pixels(path)
    states = {row["file"]: row["state"] for row in results_table(tmp_path / "out")}
    assert states.pop(path.name).startswith("is damaged")
    assert set(states.values()) == {"current"}
    for judge in (check_run, measure_darks):
        with pytest.raises(FrameError, match=rf"{path.name} is damaged.*delete it, and calibrate"):
            judge(tmp_path / "out", night)


@pytest.mark.parametrize(
    "layer", [powercut.Files, pytest.param(powercut.Device, marks=pytest.mark.privileged)]
)
def test_after_power_cuts_nothing_half_is_taken_for_whole(tmp_path, layer):
    try:
        opened = layer(tmp_path)
    except OSError as error:
        pytest.skip(f"no disk whose power can be cut: {error}")
    with opened:
        found = list(powercut.cut_many(tmp_path, cuts=8, seed=5, layer=opened))
    assert [each.complaints for each in found] == [[]] * 8
    assert any(each.losses for each in found)


# --- Another run, combining ---------------------------------------------------------------------------------------------------


def meanwhile(monkeypatch, act):
    """Have something done while frames are averaged."""
    average = files._average

    def acting(*arguments):
        act()
        return average(*arguments)

    monkeypatch.setattr(files, "_average", acting)


def test_a_bias_made_meanwhile_is_not_replaced(raw, tmp_path, monkeypatch):
    night, target = Night(raw), tmp_path / "out" / "combined_bias.fits"
    combine_bias(night, Recipe(keep_columns=":20"), tmp_path / "other")
    content = (tmp_path / "other" / "combined_bias.fits").read_bytes()
    meanwhile(monkeypatch, lambda: target.write_bytes(content))
    with pytest.raises(
        OutputError, match=r"combined_bias\.fits was made otherwise by another run in the meantime"
    ):
        combine_bias(night, RECIPE, tmp_path / "out")
    assert target.read_bytes() == content


def test_the_same_combined_bias_by_another_run_is_as_good(raw, tmp_path, monkeypatch):
    night, target = Night(raw), tmp_path / "out" / "combined_bias.fits"
    combine_bias(night, RECIPE, tmp_path / "other")
    meanwhile(monkeypatch, lambda: shutil.copy(tmp_path / "other" / "combined_bias.fits", target))
    assert combine_bias(night, RECIPE, tmp_path / "out").unchanged == [target]


def test_a_dark_that_is_replaced_while_it_is_combined_is_named(raw, tmp_path, monkeypatch):
    out = tmp_path / "out"
    calibrate_darks(Night(raw), RECIPE, out, progress=False)
    meanwhile(monkeypatch, lambda: (out / "dark-2.fits").write_bytes((out / "dark-3.fits").read_bytes()))
    with pytest.raises(FrameError, match=r"dark-2\.fits has changed"):
        combine_darks(out)
    assert not list(out.glob("combined*"))


# --- Bad files --------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="no limit on memory on this system")
def test_damaged_files_are_calibrated_right_or_reported_by_name(tmp_path):
    slow = ("bomb", "endless_cards", "huge_sparse")  # in the figures, and in test_bounded.py
    numbers = [n for n, kind in enumerate(fuzzer.KINDS) if kind not in slow]
    wrong = [each for each in fuzzer.verdicts(tmp_path, numbers, seed=11, workers=1) if not each.right]
    assert wrong == []


def test_saturated_and_missing_pixels_are_counted(tmp_path):
    data = random_frame(1, level=1200, dtype="float32")
    data[2, 3] = data[4, 5] = np.nan
    data[6, 7], data[8, 25] = np.inf, np.nan  # the latter in the overscan
    write_raw(tmp_path / "raw" / "nan.fits", data)
    full = random_frame(2, level=1200)
    full[:2, :3] = 65535
    write_raw(tmp_path / "raw" / "full.fits", full)
    write_raw(tmp_path / "raw" / "said.fits", random_frame(3, level=1200), SATURATE=1200)
    run = calibrate_darks(
        Night(tmp_path / "raw"), Recipe(keep_columns=":24"), tmp_path / "out", mixed="keep", progress=False
    )
    from astropy.io import fits

    counts = {path.name: (fits.getval(path, "NSATPIX"), fits.getval(path, "NBADPIX")) for path in run.written}
    said = int((random_frame(3, level=1200)[:, :24] >= 1200).sum())
    assert counts == {"nan.fits": (0, 3), "full.fits": (6, 0), "said.fits": (said, 0)}
    assert [note for note in run.notes if "saturated" in note] == [
        f"{said + 6} saturated pixels in 2 of 3 darks: most in said.fits ({said}).",
    ]
    assert [note for note in run.notes if "no value" in note] == [
        "3 pixels with no value (NaN or infinite) in 1 of 3 darks: nan.fits."
    ]
    again = calibrate_darks(
        Night(tmp_path / "raw"), Recipe(keep_columns=":24"), tmp_path / "out", mixed="keep", progress=False
    )
    assert (len(again.unchanged), again.notes) == (3, run.notes)


# --- Odd frames in a night -----------------------------------------------------------------------------------------------------


def make_odd(path, change, **cards):
    """Write a raw frame anew as float32, changed, with further cards."""
    from astropy.io import fits

    data, header = fits.getdata(path).astype("float32"), fits.getheader(path)
    for keyword in ("BZERO", "BSCALE"):
        header.remove(keyword, ignore_missing=True)
    header.update(cards)
    change(data)
    fits.writeto(path, data, header, overwrite=True)


def _spoil(data):
    data[3, 5] = np.inf
    data[5] = np.nan


@pytest.mark.parametrize(
    ("number", "camera", "change"),
    [
        (1, "cryogenic", _spoil),
        (2, "thermo-electric", _spoil),
        (1, "cryogenic", lambda data: data.fill(np.nan)),
        (2, "thermo-electric", lambda data: data.fill(np.inf)),
    ],
    ids=["1-some", "2-some", "1-all", "2-all"],
)
def test_odd_darks_do_not_stop_a_notebook(tmp_path, number, camera, change):
    folder = tmp_path / NIGHTS[number]
    simulate_night(folder, camera, rows=48)
    (folder / "truth.json").unlink()
    os.mkfifo(folder / "truth.json")
    night = Night(folder, folder / "darks" if number == 1 else None)
    for dark in (
        night.darks[0],
        night.darks[-1],
    ):  # the panel shows the first, the figures of the run the last
        make_odd(dark.path, change, NCOMBINE="x", OSCNMEAN="x")
    for bias in night.biases:
        make_odd(bias.path, lambda data: None, NCOMBINE="x", OSCNMEAN="x")
    executed = run_notebook(shipped_notebooks()[number], tmp_path / "out", folder=tmp_path, timeout=300)
    assert "0 failed" in executed.read_text()


# --- Two at once --------------------------------------------------------------------------------------------------------------


def test_two_runs_at_once_into_one_folder_both_end_well(raw, tmp_path):
    assert finish_run(raw, tmp_path / "alone", WITH_BIAS) == 0
    runs = [start_run(raw, tmp_path / "both", WITH_BIAS) for _ in range(2)]
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    assert folder_bytes(tmp_path / "both") == folder_bytes(tmp_path / "alone")


def test_a_crowd_of_runs_leaves_whole_files_of_one_recipe(tmp_path):
    assert [complaints for _, complaints in crowd.rounds(tmp_path, 8, seed=3)] == [[]] * 8


def test_a_result_made_meanwhile_is_looked_at_not_replaced(raw, tmp_path, monkeypatch):
    night, out = Night(raw), tmp_path / "out"
    link = os.link

    def late(part, path):  # another run was quicker, with this recipe or with another
        other = RECIPE if Path(path).name == "dark-0.fits" else WITH_BIAS
        monkeypatch.setattr(os, "link", link)
        calibrate_darks(night, other, out, files=[Path(path).name], progress=False)
        monkeypatch.setattr(os, "link", late)
        link(part, path)

    monkeypatch.setattr(os, "link", late)
    run = calibrate_darks(night, RECIPE, out, files=["dark-0.fits", "dark-1.fits"], workers=1, progress=False)
    assert [path.name for path in run.unchanged] == ["dark-0.fits"]
    assert "dark-1.fits was made with another recipe" in run.failed["dark-1.fits"]


def test_a_bias_replaced_during_the_run_is_noticed(raw, tmp_path):
    night, out = Night(raw), tmp_path / "out"
    calibrate_darks(night, WITH_BIAS, out, files=["dark-0.fits"], progress=False)
    job = replace(
        make_plan(night, WITH_BIAS, out).jobs[1], bias=out / "combined_bias.fits", bias_checksum="0" * 8
    )
    outcome = calibrate_file(job)
    assert (outcome.name, outcome.state) == ("dark-1.fits", "failed")
    assert "combined_bias.fits has changed since this run began" in outcome.reason


# --- Parameters are data --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "raw_folder: !!python/object/apply:os.system ['touch owned']",
        "raw_folder: !!python/name:os.system",
        "!!map [a]",
    ],
)
def test_a_parameter_file_runs_nothing(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(ParameterError, match=r"p\.yaml"):
        Parameters.load("p.yaml")
    assert os.listdir(tmp_path) == ["p.yaml"]


def test_bad_parameter_files_are_named_beside_good_ones(tmp_path):
    found = hostile.verdict(tmp_path / "batch", seed=2, first=0, count=2 * len(hostile.KINDS))
    assert found.complaints == []
    assert found.named >= 2 * len(hostile.KINDS) - 2


def test_names_lead_to_no_file_outside_the_folders(raw, tmp_path):
    write_raw(tmp_path / "outside.fits", random_frame(1))
    for name in ("../outside.fits", str(tmp_path / "outside.fits"), "dark-0.fits/../../outside.fits"):
        with pytest.raises(ParameterError, match="is not in"):
            calibrate_darks(Night(raw), RECIPE, tmp_path / "out", files=[name], progress=False)


def test_a_result_never_goes_through_a_link(raw, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere.fits").write_bytes(b"mine")
    (tmp_path / "out" / "dark-0.fits").symlink_to(tmp_path / "elsewhere.fits")
    run = calibrate_darks(Night(raw), RECIPE, tmp_path / "out", overwrite=True, progress=False)
    assert list(run.failed) == ["dark-0.fits"]
    assert (tmp_path / "elsewhere.fits").read_bytes() == b"mine"


@pytest.mark.parametrize("where", ["link", "link/../raw", "raw/.", "link/darks"])
def test_a_folder_of_raw_frames_is_refused_under_every_name(raw, tmp_path, where):
    shutil.copytree(raw, tmp_path / "night" / "raw")
    (tmp_path / "night" / "raw" / "darks").mkdir()
    write_raw(tmp_path / "night" / "raw" / "darks" / "dark.fits", random_frame(1))
    (tmp_path / "night" / "link").symlink_to(tmp_path / "night" / "raw")
    night = Night(tmp_path / "night" / "raw", tmp_path / "night" / "raw" / "darks")
    with pytest.raises(OutputError, match="raw data are never modified"):
        calibrate_darks(night, RECIPE, tmp_path / "night" / where, progress=False)


# --- Long work can be stopped ---------------------------------------------------------------------------------------------------

INTERRUPTED = """
import os, signal, sys
from darkcal_widgets import Night, Recipe, calibrate_darks

def interrupt(outcome):
    if outcome.name == "dark-1.fits":
        os.kill(os.getpid(), signal.SIGINT)

calibrate_darks(Night(sys.argv[1]), Recipe(keep_columns=":24"), sys.argv[2], workers=1, progress=False, on_outcome=interrupt)
"""


def test_ctrl_c_ends_within_a_frame_and_the_next_run_goes_on(raw, tmp_path):
    command = [sys.executable, "-c", INTERRUPTED, raw, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    written = sorted(os.listdir(tmp_path / "out"))
    said, hint = done.stderr.splitlines()[-2:]
    assert f"Interrupted: stopped by Ctrl-C: {len(written)} written, 0 unchanged, 0 failed" in said
    assert hint == "The next run goes on from there."
    assert "dark-0.fits" in written
    assert len(written) <= 3  # two, and the one that was being worked on
    run = calibrate_darks(Night(raw), Recipe(keep_columns=":24"), tmp_path / "out", progress=False)
    assert (len(run.unchanged), len(run.written)) == (len(written), 6 - len(written))


def test_a_cancelled_run_begins_no_further_frame(raw, tmp_path):
    cancel = threading.Event()
    run = calibrate_darks(
        Night(raw),
        RECIPE,
        tmp_path / "out",
        workers=1,
        cancel=cancel,
        on_outcome=lambda outcome: cancel.set(),
        progress=False,
    )
    assert run.cancelled
    assert len(run.written) <= 2
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert combine_darks(tmp_path / "out").written
