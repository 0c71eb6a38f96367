"""A batch survives what goes wrong in a run, does nothing twice, and ends when it is told to."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import distributed
import psutil
import pytest
from astropy.table import Table
from batches import (
    CALIBRATE,
    MISBEHAVE,
    PICTURE,
    cluster,
    start_worker,
    write_notebook,
    write_parameters,
)
from nights import folder_bytes, small_night

from darkcal_widgets.batch import engine as batch_engine
from darkcal_widgets.batch import run as batch_run
from darkcal_widgets.batch import run_batch
from darkcal_widgets.batch.engine import cores
from darkcal_widgets.batch.record import locked
from darkcal_widgets.errors import OutputError, ParameterError, RunError

BATCH = [sys.executable, "-m", "darkcal_widgets.cli", "batch"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}


def make_folder(folder):
    """Write a night and a notebook that does, and shows, what it is told."""
    small_night(folder / "raw", darks=2)
    write_notebook(folder / "run.ipynb", CALIBRATE, PICTURE, MISBEHAVE)
    return folder


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


def run(folder, **options):
    return run_batch([folder], folder / "OUT", progress=False, **options)


def kernels(folder):
    """Return the process ids of the kernels that have come to the end of their notebook, or nearly, by run."""
    lines = (folder / "runs").read_text().splitlines() if (folder / "runs").exists() else []
    return {line.split()[0].removeprefix("reduced-"): int(line.split()[1]) for line in lines}


def wait_until(is_true, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def assert_ended(folder):
    wait_until(lambda: not any(map(psutil.pid_exists, kernels(folder).values())), "kernels stay behind")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A batch in which all goes wrong that can; made once, and only looked at."""
    folder = make_folder(tmp_path_factory.mktemp("mixed"))
    write_parameters(folder / "good.yaml", keep_columns=":24")
    (folder / "bad-frame").mkdir()
    small_night(folder / "bad-frame", darks=2)
    (folder / "bad-frame" / "dark-9.fits").write_text("no frame")
    write_parameters(folder / "half.yaml", raw_folder="bad-frame", action="fail")
    write_parameters(folder / "misspelt.yaml", unit="bananas")
    for action in ("fail", "die", "sleep"):
        write_parameters(folder / f"{action}.yaml", action=action)
    mistakes = []
    batch = run_batch(
        [folder], folder / "OUT", workers=2, timeout=12, progress=False, on_mistakes=mistakes.extend
    )
    return folder, batch, mistakes


def test_each_run_ends_as_it_should_and_costs_no_other(mixed):
    _, batch, _ = mixed
    states = {record.name: (record.state, record.error) for record in batch.records}
    state, error = states.pop("misspelt")
    assert (state, error.partition(";")[0]) == ("invalid", "unit is 'bananas'")
    assert states == {
        "die": ("failed", "Kernel died (2 times)"),
        "fail": ("failed", "ValueError: no <b>luck</b>; at all"),
        "good": ("done", ""),
        "half": ("failed", "ValueError: no <b>luck</b>; at all"),
        "sleep": ("failed", "not done after 12 s, the time limit of a run; its kernel was ended"),
    }
    with pytest.raises(
        RunError, match=r"(?s)5 of 6 runs failed or were not started:\n.*fail: ValueError: no"
    ):
        batch.raise_failures()


def test_mistakes_are_told_before_anything_runs(mixed):
    folder, _, mistakes = mixed
    assert [line.partition(";")[0] for line in mistakes] == [f"{folder}/misspelt.yaml: unit is 'bananas'"]


def test_each_run_has_a_folder_with_notebook_and_report(mixed):
    folder, _, _ = mixed
    files = {path.name for path in (folder / "OUT" / "good").iterdir()}
    assert files == {"notebook.ipynb", "report.html", "thumbnail.png", "run.json"}
    assert "at all" in (folder / "OUT" / "fail" / "report.html").read_text()
    assert sorted(path.name for path in (folder / "reduced-good").glob("*.fits")) == [
        "dark-0.fits",
        "dark-1.fits",
    ]


def test_counts_and_levels_are_those_of_the_run(mixed):
    _, batch, _ = mixed
    records = {record.name: record for record in batch.records}
    assert [(r.written, r.unchanged, r.failed) for r in (records["good"], records["half"])] == [
        (2, 0, 0),
        (2, 0, 1),
    ]
    assert records["good"].level == pytest.approx(1200.5, abs=5)
    assert records["half"].level == pytest.approx(1200.5, abs=5)
    assert records["misspelt"].level is None
    assert records["good"].seconds > 0


def test_no_kernel_stays_behind(mixed):
    folder, _, _ = mixed
    assert set(kernels(folder)) == {"good", "half", "fail", "die", "sleep"}
    assert_ended(folder)


def test_the_processors_are_shared_out_among_the_kernels(mixed):
    folder, _, _ = mixed
    assert {line.split()[2] for line in (folder / "runs").read_text().splitlines()} == {
        str(max(1, cores() // 2))
    }


def test_the_table_can_be_read(mixed):
    folder, batch, _ = mixed
    table = Table.read(folder / "OUT" / "summary.ecsv")
    assert list(table["name"]) == [record.name for record in batch.records]
    assert list(table["state"]) == [record.state for record in batch.records]
    assert dict(zip(table["name"], table["level"].mask, strict=True))["misspelt"]


def test_only_what_is_left_to_do_is_done_again(folder):
    for name in ("a", "b"):
        write_parameters(folder / f"{name}.yaml")
    run(folder, workers=1)
    before = kernels(folder)
    assert [record.name for record in run(folder).current] == ["a", "b"]
    assert kernels(folder) == before

    write_parameters(folder / "a.yaml", keep_columns=":24", overwrite=True)
    write_parameters(folder / "c.yaml", action="fail")
    assert [record.name for record in run(folder, workers=1).current] == ["b"]
    assert kernels(folder)["b"] == before["b"]

    alone = run_batch([folder / "b.yaml"], folder / "OUT", progress=False, force=True)
    assert [(record.name, record.written, record.unchanged) for record in alone.records] == [("b", 0, 2)]
    # The page and the table show all runs in the folder, those of this call first.
    assert list(Table.read(folder / "OUT" / "summary.ecsv")["name"]) == ["b", "a", "c"]


def test_a_second_batch_in_the_same_folder_says_so_and_ends(folder):
    write_parameters(folder / "a.yaml")
    (folder / "OUT").mkdir()
    with (
        locked(folder / "OUT"),
        pytest.raises(OutputError, match=f"another darkcal batch is at work.*{os.getpid()}"),
    ):
        run(folder)
    assert kernels(folder) == {}


def test_a_kernel_that_is_lost_costs_a_retry(folder):
    write_parameters(folder / "a.yaml", action="lose kernel")
    (record,) = run(folder).records
    assert record.state == "done"
    assert len((folder / "runs").read_text().splitlines()) == 2
    assert list((folder / "OUT" / "a").glob(".*")) == []
    assert_ended(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_kernels_and_keep_what_is_finished(folder, number):
    write_parameters(folder / "a.yaml")
    for name in ("b", "c"):
        write_parameters(folder / f"{name}.yaml", action="sleep")
    process = start(folder)
    wait_until(lambda: "b" in kernels(folder), "b never came")
    process.send_signal(number)
    if number != signal.SIGINT:  # who sends one of them may send both
        process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 130
    states = Table.read(folder / "OUT" / "summary.ecsv")
    assert list(states["state"]) == ["done", "stopped", "stopped"]
    assert list(states["error"][1:]) == ["stopped before its end", "stopped before it began"]
    assert_ended(folder)


def test_a_terminal_that_is_closed_ends_the_batch_in_order(folder):
    write_parameters(folder / "a.yaml", action="sleep")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, command_line(folder), ENVIRONMENT)
    wait_until(lambda: "a" in kernels(folder), "a never came")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert list(Table.read(folder / "OUT" / "summary.ecsv")["state"]) == ["stopped"]
    assert_ended(folder)


def test_no_semaphore_and_no_process_is_left(folder):
    def left():
        return set(os.listdir("/dev/shm")), {
            process.pid for process in psutil.Process().children(recursive=True)
        }

    write_parameters(folder / "a.yaml")
    before = left()
    run(folder)
    assert left() == before


def test_the_lock_is_not_taken_through_a_link(folder):
    write_parameters(folder / "a.yaml")
    raw = folder / "raw" / "dark-0.fits"
    before = raw.read_bytes()
    (make_out(folder) / ".darkcal-lock").symlink_to(raw)
    with pytest.raises(OutputError, match=r"\.darkcal-lock cannot be opened"):
        run(folder)
    assert raw.read_bytes() == before


def test_a_run_is_not_put_into_a_folder_that_is_a_link(folder):
    (folder / "elsewhere").mkdir()
    (make_out(folder) / "a").symlink_to(folder / "elsewhere")
    write_parameters(folder / "a.yaml")
    (record,) = run(folder).records
    assert (record.state, record.error.partition(";")[0]) == ("failed", f"{folder}/OUT/a is a link")
    assert os.listdir(folder / "elsewhere") == []


def test_a_run_whose_folder_is_one_of_raw_frames_costs_no_other(folder):
    (make_out(folder) / "b").symlink_to(folder / "raw")
    before = folder_bytes(folder / "raw")
    for name in "abc":
        write_parameters(folder / f"{name}.yaml")
    records = {record.name: record for record in run(folder).records}
    assert {name: record.state for name, record in records.items()} == {
        "a": "done",
        "b": "invalid",
        "c": "done",
    }
    assert records["b"].error.startswith(f"{folder}/OUT/b is a folder of raw frames")
    assert folder_bytes(folder / "raw") == before


def test_a_night_that_is_gone_after_the_check_costs_one_run(folder, monkeypatch):
    for name in ("a", "b"):
        write_parameters(folder / f"{name}.yaml")

    def gone(request):
        if request.name == "a":
            raise FileNotFoundError(2, "No such file or directory", "raw/dark-0.fits")
        return "x"

    monkeypatch.setattr("darkcal_widgets.batch.batch.fingerprint", gone)
    assert [(record.name, record.state) for record in run(folder).records] == [
        ("a", "invalid"),
        ("b", "done"),
    ]


def test_whatever_happens_in_a_run_costs_one_run(folder, monkeypatch):
    for name in ("a", "b"):
        write_parameters(folder / f"{name}.yaml")
    execute = batch_run.run_notebook

    def stumble(notebook, out, *arguments, **options):
        if out.name == "a":
            raise ZeroDivisionError("in a library")
        return execute(notebook, out, *arguments, **options)

    monkeypatch.setattr(batch_run, "run_notebook", stumble)
    states = [(record.name, record.state, record.error) for record in run(folder).records]
    assert states == [("a", "failed", "ZeroDivisionError: in a library"), ("b", "done", "")]


def test_a_batch_that_is_killed_leaves_no_kernel_and_no_lock(folder):
    write_parameters(folder / "a.yaml", action="sleep")
    process = start(folder)
    wait_until(lambda: "a" in kernels(folder), "a never came")
    process.kill()
    process.wait()
    assert_ended(folder)
    with locked(folder / "OUT"):
        pass


def make_out(folder):
    (folder / "OUT").mkdir()
    return folder / "OUT"


def command_line(folder, *options):
    """Return the command itself, with one worker."""
    return [*BATCH, str(folder), "--out", str(folder / "OUT"), "--workers", "1", *options]


def start(folder, *options):
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    return subprocess.Popen(command_line(folder, *options), env=ENVIRONMENT, **quiet)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"workers": 0}, "workers is 0; expected at least 1"), ({"timeout": -1.0}, "timeout is -1; expected")],
)
def test_options_that_make_no_sense_are_refused(folder, options, message):
    with pytest.raises(ParameterError, match=message):
        run(folder, **options)


def test_a_folder_that_cannot_be_made_is_named(folder):
    write_parameters(folder / "a.yaml")
    (folder / "OUT").write_text("a file")
    with pytest.raises(OutputError, match=r"OUT cannot be made"):
        run(folder)


def test_nothing_is_put_among_raw_frames(folder):
    before = folder_bytes(folder / "raw")
    write_parameters(folder / "raw.yaml")
    with pytest.raises(OutputError, match=r"raw is a folder of raw frames"):
        run_batch([folder / "raw.yaml"], folder / "raw", progress=False)
    with pytest.raises(RunError, match=r"1 of 1 runs failed.*\n.*raw is a folder of raw frames"):
        run_batch([folder / "raw.yaml"], folder, progress=False).raise_failures()
    assert folder_bytes(folder / "raw") == before


def test_without_dask_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    write_parameters(folder / "a.yaml")
    with pytest.raises(ParameterError, match=r"pip install 'darkcal-widgets\[dask\]'"):
        run(folder, scheduler="tcp://127.0.0.1:1")


@pytest.mark.filterwarnings("ignore::RuntimeWarning:distributed")
def test_without_a_scheduler_there_is_a_message(folder, monkeypatch):
    monkeypatch.setattr(batch_engine, "_ANSWER", 0.5)
    write_parameters(folder / "a.yaml")
    with pytest.raises(RunError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run(folder, scheduler="tcp://127.0.0.1:9")


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """The address of a Dask cluster with one worker."""
    with cluster(tmp_path_factory.mktemp("dask")) as (address, _):
        yield address


def test_a_cluster_gives_the_same_bytes(folder, scheduler):
    write_parameters(folder / "a.yaml", keep_columns=":24")
    write_parameters(folder / "b.yaml", action="fail")
    run(folder, workers=1)
    here = folder_bytes(folder / "reduced-a")
    for path in (folder / "reduced-a").iterdir():
        path.unlink()
    batch = run(folder, scheduler=scheduler, force=True)
    assert [(record.name, record.state) for record in batch.records] == [("a", "done"), ("b", "failed")]
    assert folder_bytes(folder / "reduced-a") == here


def test_ctrl_c_ends_the_kernels_on_a_cluster(folder, scheduler):
    for name in ("a", "b"):
        write_parameters(folder / f"{name}.yaml", action="sleep")
    process = start(folder, "--scheduler", scheduler)
    wait_until(lambda: kernels(folder), "no run began")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert list(Table.read(folder / "OUT" / "summary.ecsv")["state"]) == ["stopped", "stopped"]
    assert_ended(folder)


def test_a_worker_that_joins_later_hears_the_stop(folder):
    with cluster(folder) as (address, workers):
        with batch_engine.Engine(1, address) as engine:
            engine.stop()
        workers.append(start_worker(folder, address))
        with distributed.Client(address) as client:
            client.wait_for_workers(2)
            stopped = client.run(lambda batch: batch in batch_engine._stopped, engine.batch)
        assert list(stopped.values()) == [True, True]


def test_a_lost_worker_costs_a_retry_and_no_other_run(folder):
    write_parameters(folder / "a.yaml", action="lose worker")
    for name in "bcd":
        write_parameters(folder / f"{name}.yaml")
    with cluster(folder, workers=3) as (address, workers):
        batch = run(folder, scheduler=address)
        assert [worker.poll() for worker in workers].count(None) == 2
    assert {record.name: record.state for record in batch.records} == dict.fromkeys("abcd", "done")


def test_a_run_that_kills_workers_is_named_and_costs_no_other(folder):
    write_parameters(folder / "a.yaml", action="end worker")
    for name in "bcdef":
        write_parameters(folder / f"{name}.yaml")
    with cluster(folder, workers=3) as (address, workers):
        batch = run(folder, scheduler=address)
        assert [worker.poll() for worker in workers].count(None) == 1
    states = {record.name: (record.state, record.error) for record in batch.records}
    assert states.pop("a") == ("failed", "the process that did the run was lost (2 times)")
    assert states == dict.fromkeys("bcdef", ("done", ""))
