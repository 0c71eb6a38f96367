"""The notebook without a screen on disks that are full, read-only or limited: a clear end, and what is done is whole.

    python tests/disks.py

Fills small file systems in memory, which needs the right to mount them (root); without it only the limit on the size of files
is tried.
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from killer import broken_results, digests

from darkcal_widgets import Recipe, calibrate_darks, simulate_night
from darkcal_widgets.night import Night
from darkcal_widgets.notebooks import shipped_notebooks

ROWS = 128


@contextlib.contextmanager
def mounted(folder, options):
    """Mount a file system in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def run_notebook(raw, out, executed, limit=None):
    """Run notebook 2 as papermill's users do; return its exit status and the last line of its error."""
    values = {"raw_folder": raw, "reduced_folder": out}
    command = [
        sys.executable,
        "-m",
        "papermill",
        "--no-progress-bar",
        str(shipped_notebooks()[2]),
        str(executed),
    ]
    command += [part for name, value in values.items() for part in ("-p", name, str(value))]
    limits = None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limits)
    said = [line for line in done.stderr.splitlines() if "cannot be" in line]
    return done.returncode, said[-1].strip() if said else done.stderr[-300:]


def full(folder, raw):
    """A disk with room for the combined bias and two darks."""
    with mounted(folder, "size=7m"):
        yield from result("full disk", raw, folder)


def read_only(folder, raw):
    """A folder with one result on a disk that may only be read."""
    with mounted(folder, "size=64m"):
        one = [Night(raw).darks[0].name]
        calibrate_darks(
            Night(raw), Recipe(keep_columns=":4096", subtract_bias=True), folder, files=one, progress=False
        )
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield from result("read-only disk", raw, folder)


def limited(folder, raw):
    """A limit on the size of files, which a result of float32 does not keep."""
    yield from result("limit on the size of files", raw, folder, limit=1 << 20)


def result(name, raw, out, limit=None):
    """Yield the name of a case, what the notebook said, and what should not have been."""
    before = digests(raw)
    kept = digests(out)
    with tempfile.TemporaryDirectory() as elsewhere:
        status, said = run_notebook(raw, out, Path(elsewhere) / "executed.ipynb", limit)
    complaints = [] if status else ["the exit status is 0"]
    complaints += [] if str(out) in said else ["the file is not named"]
    complaints += broken_results(out)
    complaints += [] if digests(raw) == before else ["a raw frame has changed"]
    complaints += [] if kept.items() <= digests(out).items() else ["a finished result is gone"]
    complaints += (
        ["a temporary file is left"] if any(name.startswith(".") for name in os.listdir(out)) else []
    )
    results = len([name for name in os.listdir(out) if not name.startswith(".")])
    yield name, f"exit status {status}, {results} whole results, said: {said[:300]}", complaints


def main():
    """Try each case and print what came of it."""
    cases = [full, read_only, limited] if os.geteuid() == 0 else [limited]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        raw = simulate_night(Path(folder) / "raw", "thermo-electric", rows=ROWS)
        for case in cases:
            out = Path(folder) / case.__name__
            out.mkdir()
            for name, said, complaints in case(out, raw):
                print(f"{name}: {said}\n  {len(complaints)} complaints", *complaints, sep="\n  ")
                failed += bool(complaints)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
