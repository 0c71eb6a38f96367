"""A folder to work in: the notebooks, and the sample nights they start from, side by side. Runs the examples there, too.

Notebooks are copies, and belong to the user once edited: what the cells were when a copy was made is noted in
the folder, so that an untouched copy can follow a newer version of darkcal and an edited one is never replaced.
"""

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import DarkcalError, OutputError, RunError
from ..files import replacing
from .execute import run_notebook, shipped_notebooks

__all__ = ["Workspace", "demo", "prepare", "start_lab"]

# The notebooks that follow one camera; the others start from the night of one of them.
_EXAMPLES = (1, 2)
_NOTE = ".darkcal-notebooks.json"
_ERROR_MARKER = "papermill-error-cell-tag"  # cells that papermill adds where a run failed


@dataclass(frozen=True)
class Workspace:
    """What `prepare` found and did.

    Attributes
    ----------
    folder : Path
    notebooks : tuple of Path
        The notebooks in it.
    edited : tuple of Path
        Those of them that the user has changed, kept as they are.
    simulated : tuple of Path
        The sample nights made now.
    """

    folder: Path
    notebooks: tuple
    edited: tuple
    simulated: tuple

    def __str__(self):
        lines = [f"{self.folder} holds the notebooks and their nights"]
        lines += [f"simulated {path}" for path in self.simulated]
        return "\n".join(lines + [f"kept your edited {path}" for path in self.edited])


def prepare(folder):
    """Put the notebooks into a folder, and sample nights beside them where there are none.

    A notebook with the user's changes is kept; an unedited copy of an older version is replaced. A night that is
    there, simulated or real, is not touched.

    Parameters
    ----------
    folder : str or Path
        Created if missing.

    Returns
    -------
    Workspace

    Raises
    ------
    OutputError
        `folder` cannot hold them.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        edited = _copy_notebooks(folder)
    except OSError as error:
        raise OutputError(
            f"Cannot put the notebooks into {folder}: {error.strerror}; name a folder of your own."
        ) from error
    notebooks = tuple(folder / notebook.name for notebook in shipped_notebooks().values())
    return Workspace(folder, notebooks, edited, _simulate_missing(folder))


def demo(folder):
    """Run both examples in a folder, from raw darks to calibrated ones, and print where the results are.

    Parameters
    ----------
    folder : str or Path
        Prepared by `prepare`; the executed notebooks, their reports and the results lie side by side in it. Where
        the user has edited a notebook, the executed one is written beside it, as ``...-executed.ipynb``.

    Raises
    ------
    RunError
        A notebook failed; the other has been run.
    """
    print("Simulating the nights of both examples, where they are missing ...", flush=True)
    workspace = prepare(folder)
    failures = []
    for number in _EXAMPLES:
        notebook = shipped_notebooks()[number]
        print(f"Running {notebook.name} ...", flush=True)
        results = workspace.folder / f"example{number}-reduced"
        before = _states(results)
        try:
            executed = run_notebook(notebook, folder, folder=folder, name=_executed_name(workspace, notebook))
        except DarkcalError as error:
            failures.append(str(error))
        else:
            print(_summary(results, before), f"  notebook: {executed}", sep="\n")
            print(f"  report:   {executed.with_suffix('.html')}", flush=True)
    if failures:
        raise RunError("\n".join(failures))
    print("", "Open the reports in a browser, or the same notebooks in JupyterLab:", sep="\n")
    print(_how_to_open(workspace.folder))


def start_lab(folder, options=()):
    """Turn this process into JupyterLab with the first notebook of a folder open.

    The token and the loopback address are JupyterLab's own defaults.

    Parameters
    ----------
    folder : str or Path
    options : sequence of str
        Further options of JupyterLab, such as ``--no-browser``.
    """
    # Named as the page to open, not as the file to run: the address that JupyterLab prints leads to it as well.
    page = f"--LabApp.default_url=/lab/tree/{shipped_notebooks()[1].name}"
    root = f"--ServerApp.root_dir={Path(folder).resolve()}"
    command = [sys.executable, "-m", "jupyterlab", root, page, *options]
    sys.stdout.flush()
    os.execv(command[0], command)


def _copy_notebooks(folder):
    """Copy what is missing or may follow a newer version; return the edited ones, which stay."""
    copied, edited = _noted(folder), []
    for notebook in shipped_notebooks().values():
        copy, shipped = folder / notebook.name, _digest(notebook)
        present = _digest(copy) if copy.exists() else None
        if present not in (None, shipped, copied.get(copy.name)):
            edited.append(copy)
            continue
        if present != shipped:
            _write(copy, notebook.read_bytes())
        copied[copy.name] = shipped
    _write(folder / _NOTE, json.dumps(copied, indent=1).encode())
    return tuple(edited)


def _write(path, content):
    """Put a file in place of another, or of a link, whose target stays as it is."""
    with replacing(path) as stream:
        stream.write(content)


def _noted(folder):
    """Return the digests of the copies that were made before, by name.

    Where the note is damaged, there are none: older copies then count as edited, and are kept.
    """
    try:
        noted = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _digest(notebook):
    """Return a digest of a notebook's cells; outputs and what a run leaves do not count.

    A file that is not a notebook has the digest of its bytes: it is the user's, and not ours.
    """
    if notebook.is_fifo():
        raise OutputError(f"{notebook} is a pipe; remove it, or name another folder.")
    content = notebook.read_bytes()
    try:
        cells = json.loads(content)["cells"]
        kept = [cell for cell in cells if _ERROR_MARKER not in cell["metadata"].get("tags", ())]
        content = json.dumps([(cell["cell_type"], "".join(cell["source"])) for cell in kept]).encode()
    except (ValueError, KeyError, TypeError):
        pass
    return hashlib.sha256(content).hexdigest()


def _simulate_missing(folder):
    """Simulate the example nights that are not there, each under another name until it is complete."""
    from ..simulate import EXAMPLE_FOLDERS, simulate_night

    made = []
    for camera, name in EXAMPLE_FOLDERS.items():
        night, part = folder / name, folder / f".{name}.part"
        if not night.exists():
            if part.is_symlink():
                raise OutputError(f"{part} is a link; remove it: nothing is written through links.")
            simulate_night(part, camera)
            part.rename(night)
            made.append(night)
    return tuple(made)


def _executed_name(workspace, notebook):
    """Return the name of the executed notebook: the notebook's own, unless the user's edited one has it."""
    is_edited = workspace.folder / notebook.name in workspace.edited
    return f"{notebook.stem}-executed.ipynb" if is_edited else notebook.name


def _states(folder):
    """Return what tells whether a file has been written anew: inode and time of every FITS file in a folder."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.fit*")}


def _summary(results, before):
    """Say how many of the results are new and how many were there already."""
    after = _states(results)
    unchanged = sum(before.get(name) == state for name, state in after.items())
    return f"  results:  {results} ({len(after) - unchanged} written, {unchanged} unchanged)"


def _how_to_open(folder):
    """Return the command that opens a folder's notebooks: ``make``'s where it was called by ``make``."""
    return "  make lab" if "MAKELEVEL" in os.environ else f"  darkcal lab {folder}"
