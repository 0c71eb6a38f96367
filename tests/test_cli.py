"""The command translates its arguments, and turns errors into messages; nothing else."""

import subprocess
import sys
from unittest.mock import create_autospec

import pytest

import darkcal_widgets
from darkcal_widgets import cli, download, simulate, workspace
from darkcal_widgets.errors import NightError


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
        ("sample", [("simulate_examples", (".",), {"full": False})]),
        ("sample nights --full --seed 0", [("simulate_examples", ("nights",), {"full": True, "seed": 0})]),
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
    assert capsys.readouterr().err == "darkcal: stopped\n"


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


@pytest.mark.parametrize("option", ["--full", "--seed=1"])
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
