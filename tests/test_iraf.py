"""IRAF knows what was done to our frames, and does not do it again."""

import os
import shutil
import subprocess

import pytest
from nights import small_night

from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks

pytestmark = pytest.mark.skipif(
    shutil.which("irafcl") is None, reason="IRAF (Debian's iraf and iraf-noao) is not installed"
)

STEPS = 'overscan+ trim+ zerocor+ biassec="[25:30,1:20]" trimsec="[1:24,1:20]" zero="out/combined_bias.fits"'


@pytest.fixture
def folder(tmp_path):
    night = Night(small_night(tmp_path / "raw"))
    recipe = Recipe(overscan_columns="24:", keep_columns=":24", subtract_bias=True)
    calibrate_darks(night, recipe, tmp_path / "out", progress=False)
    combine_darks(tmp_path / "out")
    return tmp_path


def ccdred(folder, *commands):
    """Return what IRAF's package ccdred prints to commands given in a folder."""
    environment = os.environ | {"HOME": str(folder), "USER": "darkcal", "TERM": "xterm"}
    text = "\n".join(["noao", "imred", "ccdred", *commands, "logout", ""])
    done = subprocess.run(
        ["irafcl"],
        input=text,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout.partition(commands[0])[2]


@pytest.mark.parametrize("name", ["dark-0.fits", "combined_dark_10.000.fits", "combined_bias.fits"])
def test_ccdlist_shows_what_was_done(folder, name):
    flags = "OT" if name == "combined_bias.fits" else "OTZ"
    shown = ccdred(folder, f'ccdlist out/{name} ccdtype=""')
    assert f"out/{name}[24,20][real]" in shown
    assert f"[{flags}]" in shown


def test_ccdproc_has_nothing_left_to_do(folder):
    command = f'ccdproc {{}} ccdtype="" fixpix- darkcor- flatcor- {STEPS} noproc+'
    assert ccdred(folder, command.format("raw/dark-0.fits")).count("TO BE DONE") == 3
    assert "TO BE DONE" not in ccdred(folder, command.format("out/dark-0.fits"))
