"""The command translates its arguments, and turns errors into messages; nothing else."""

import errno
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from unittest.mock import create_autospec

import pytest
import yaml
from cameras import gmos
from nights import random_frame, write_raw

import darkcal_widgets
from darkcal_widgets import Parameters, Recipe, batch, cli, download, simulate
from darkcal_widgets.advice.decisions import Decision
from darkcal_widgets.batch.record import Record
from darkcal_widgets.errors import NightError
from darkcal_widgets.notebooks import shipped_notebooks, workspace


@pytest.fixture
def called(monkeypatch):
    """Replace every function that the command calls; return what was called with what."""
    calls = []
    places = {
        simulate: ["simulate_examples"],
        download: ["download_examples"],
        workspace: ["demo", "prepare", "start_lab"],
    }
    for module, names in places.items():
        for name in names:
            stand_in = create_autospec(getattr(module, name), return_value=["night"])
            stand_in.side_effect = lambda *args, name=name, **kwargs: (
                calls.append((name, args, kwargs)) or ["night"]
            )
            monkeypatch.setattr(module, name, stand_in)
    return calls


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            "sample",
            [("simulate_examples", (".",), {"full": False, "realistic": False, "overwrite": False})],
        ),
        (
            "sample nights --full --seed 0 --realistic --overwrite",
            [
                (
                    "simulate_examples",
                    ("nights",),
                    {"full": True, "seed": 0, "realistic": True, "overwrite": True},
                )
            ],
        ),
        ("sample nights --real", [("download_examples", ("nights",), {})]),
        ("demo", [("demo", ("demo",), {})]),
        ("demo here", [("demo", ("here",), {})]),
        ("lab", [("prepare", ("demo",), {}), ("start_lab", ("demo", []), {})]),
        (
            "lab here --option=--no-browser --option=--port=9",
            [("prepare", ("here",), {}), ("start_lab", ("here", ["--no-browser", "--port=9"]), {})],
        ),
    ],
)
def test_arguments_are_passed_on_exactly(called, arguments, expected):
    assert cli.main(arguments.split()) == 0
    assert called == expected


@pytest.fixture
def batches(monkeypatch):
    """Replace the running of batches; one file has a mistake."""
    calls = []

    def stand_in(sources, out, *, on_mistakes, **options):
        calls.append((sources, out, options))
        records = [Record("a", "a.yaml", "done")]
        if "b.yaml" in sources:
            on_mistakes(["b.yaml: unit is 'x'"])
            records.append(Record("b", "b.yaml", "invalid", error="unit is 'x'"))
        return batch.Batch(Path(out), records, [])

    monkeypatch.setattr(batch, "run_batch", create_autospec(batch.run_batch, side_effect=stand_in))
    return calls


def test_a_batch_gets_its_options(batches, capsys):
    options = "--workers 3 --timeout 1.5 --force --scheduler tcp://h:1"
    assert cli.main(f"batch a.yaml c.csv --out OUT {options}".split()) == 0
    given = {"workers": 3, "timeout": 1.5, "force": True, "scheduler": "tcp://h:1"}
    assert batches == [(["a.yaml", "c.csv"], "OUT", given)]
    assert capsys.readouterr().out.startswith("1 of 1 runs done")


def test_a_batch_in_which_a_run_is_not_done_ends_with_1(batches, capsys):
    assert cli.main("batch a.yaml b.yaml --out OUT".split()) == 1
    err = capsys.readouterr().err
    assert err.splitlines() == [
        "These will not be run:",
        "  b.yaml: unit is 'x'",
        "darkcal: 1 of 2 runs failed or were not started, 1 of them for mistakes told above.",
    ]


def test_an_error_is_a_message_without_traceback(monkeypatch, capsys):
    def refuse(folder):
        raise NightError(f"{folder} holds no darks; name another folder.")

    monkeypatch.setattr(workspace, "demo", refuse)
    assert cli.main(["demo", "sky"]) == 1
    assert capsys.readouterr() == ("", "darkcal: sky holds no darks; name another folder.\n")


def test_interrupting_ends_with_status_130(monkeypatch, capsys):
    def interrupt(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr(workspace, "demo", interrupt)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err.startswith("darkcal: stopped; finished work is kept")


def test_a_programming_error_is_not_hidden(monkeypatch):
    def stumble(folder):
        raise ZeroDivisionError

    monkeypatch.setattr(workspace, "demo", stumble)
    with pytest.raises(ZeroDivisionError):
        cli.main(["demo"])


@pytest.mark.parametrize("arguments", [[], ["dmeo"], ["sample", "--seed", "many"], ["demo", "a", "b"]])
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: darkcal" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--full", "--seed=1", "--realistic", "--overwrite"])
def test_real_nights_have_neither_rows_nor_seed_to_choose(called, option, capsys):
    assert cli.main(["sample", "--real", option]) == 1
    assert "--real downloads frames as they are" in capsys.readouterr().err
    assert called == []


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"darkcal {darkcal_widgets.__version__}\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from darkcal_widgets import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join({'numpy', 'astropy', 'papermill', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_of_the_disk_ends_in_a_message(monkeypatch, capsys):
    def full(**_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "night\x1b[2J")

    monkeypatch.setattr("darkcal_widgets.cli._sample", full)
    assert cli.main(["sample"]) == 1
    assert capsys.readouterr().err == "darkcal: [Errno 28] No space left on device: 'night\\x1b[2J'\n"


@pytest.fixture
def advised(monkeypatch):
    """Replace the advice; return the folders of darks of the nights it was asked for."""
    from darkcal_widgets import advice

    asked = []
    answer = create_autospec(advice.Advice, instance=True)
    answer.__str__ = lambda self: "the advice"
    answer.decisions = {
        name: Decision(name, None, certainty, f"Reason of {name}.")
        for name, certainty in {
            "overscan_columns": "decided",
            "keep_columns": "in doubt",
            "subtract_bias": "unknown",
            "amplifiers": "decided",
        }.items()
    }
    answer.recipe, answer.findings = Recipe(), ()
    monkeypatch.setattr(advice, "advise", lambda night: asked.append(night.dark_folder) or answer)
    return asked


@pytest.mark.parametrize(
    ("places", "options", "taken", "said"),
    [
        (["."], [], ".", ""),
        (["darks"], [], "darks", "those in {night}/darks are taken (dark_folder)"),
        ([".", "darks"], [], ".", "say --darks {night}/darks"),
        ([".", "darks"], ["--darks", "{night}/darks"], "darks", ""),
        ([".", "elsewhere"], ["--darks", "{night}/elsewhere"], "elsewhere", ""),
    ],
)
def test_advise_says_which_darks_it_takes(advised, capsys, tmp_path, places, options, taken, said):
    for place in places:
        write_raw(tmp_path / place / "dark.fits", random_frame(1))
    assert cli.main(["advise", str(tmp_path), *(option.format(night=tmp_path) for option in options)]) == 0
    assert advised == [tmp_path / taken]
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "the advice"
    assert said.format(night=tmp_path) in err
    assert bool(err) == bool(said)


def test_advise_is_told_what_frames_are_and_tells_papermill(advised, capsys, tmp_path):
    write_raw(tmp_path / "d1.fits", random_frame(1), "closed", OBJECT="cap on")
    options = ["--type", "OBJECT=cap*: dark", "--type", "file=x*:BIAS"]
    assert cli.main(["advise", str(tmp_path), *options]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert 'image_types: {"OBJECT=cap*": "dark", "file=x*": "bias"}' in shlex.split(last)


def test_advise_ends_with_the_command_and_what_it_leaves_open(advised, capsys, tmp_path):
    write_raw(tmp_path / "d1.fits", random_frame(1))
    assert cli.main(["advise", str(tmp_path)]) == 0
    *_, open_one, _, command = capsys.readouterr().out.splitlines()
    assert open_one == (
        "This night does not decide subtract_bias. Reason of subtract_bias. Set subtract_bias to True or False."
    )
    _, notebook, _, *options = shlex.split(command)
    assert Path(notebook).samefile(shipped_notebooks()[3])
    assert dict(zip(options[1::3], options[2::3], strict=True)) == {
        "raw_folder": str(tmp_path),
        "dark_folder": "None",
        "reduced_folder": f"{tmp_path.name}-reduced",
        "subtract_bias": "...",
    }


def test_advise_on_images_that_differ_says_it_once(capsys, tmp_path):
    assert cli.main(["advise", str(gmos(tmp_path / "raw"))]) == 0
    out = capsys.readouterr().out
    assert out.count("in separate runs") == 1
    assert "does not decide" not in out
    options = shlex.split(out.splitlines()[-1])
    assert 'extensions: ["1", "3", "5", "7", "9", "11"]' in options
    assert "..." not in options


def test_advise_gives_no_command_where_there_is_no_dark(advised, capsys, tmp_path):
    write_raw(tmp_path / "b1.fits", random_frame(1), "bias", 0.0)
    assert cli.main(["advise", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "the advice\n"


def test_a_bias_that_is_not_there_is_left_open_in_the_command(capsys, tmp_path):
    shapes = {
        "dark": ("dark", 60.0, (20, 30)),
        "flat": ("flat", 1.0, (20, 30)),
        "bias": ("bias", 0.0, (9, 9)),
    }
    for name, (kind, exposure, shape) in shapes.items():
        write_raw(tmp_path / f"{name}.fits", random_frame(1, shape), kind, exposure)
    assert cli.main(["advise", str(tmp_path)]) == 0
    *_, reason, _, command = capsys.readouterr().out.splitlines()
    assert reason.endswith("no bias frame has the shape of a dark: give one with combined_bias.")
    assert "-p combined_bias ..." in command


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("bias", "--type is 'bias'; expected PATTERN: TYPE"),
        ("a: drak", "Did you mean 'dark'"),
    ],
)
def test_a_wrong_type_is_explained(capsys, tmp_path, option, message):
    write_raw(tmp_path / "d1.fits", random_frame(1))
    assert cli.main(["advise", str(tmp_path), "--type", option]) == 1
    assert message in capsys.readouterr().err


def test_advise_says_which_types_are_guesses(advised, capsys, tmp_path):
    write_raw(tmp_path / "d1.fits", random_frame(1), "DARK", 0.0)
    assert cli.main(["advise", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert "d1.fits: IMAGETYP is 'DARK', the exposure 0 s; used as bias." in err
    assert "--type 'DARK: dark'" in err


def test_schema_describes_the_parameters_for_other_programs(capsys):
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == Parameters.schema()


def test_schema_of_a_notebook_is_a_sidecar_with_its_values(capsys):
    assert cli.main(["schema", "3"]) == 0
    sidecar = yaml.safe_load(capsys.readouterr().out)
    assert sidecar["title"] == "3-your-own-night"
    assert list(sidecar["parameters"]) == Parameters.names()
    assert sidecar["parameters"]["keep_columns"]["default"] == "advised"
    assert cli.main(["schema", "9"]) == 1
    assert "notebook is '9'; expected 1, 2, 3 or the path" in capsys.readouterr().err


@pytest.mark.parametrize(("state", "status"), [("right", 0), ("off", 1)])
def test_check_ends_with_the_status_of_the_answer(monkeypatch, capsys, state, status):
    from darkcal_widgets import check

    report = check.CheckReport((check.Check("overscan", state, "7 contaminated columns were included."),))
    stand_in = create_autospec(check.check_run, return_value=report)
    monkeypatch.setattr(check, "check_run", stand_in)
    assert cli.main(["check", "out", "--night", "raw"]) == status
    stand_in.assert_called_once_with("out", "raw")
    assert "7 contaminated columns" in capsys.readouterr().out
