"""What became of the runs of a batch, kept in their folders: it tells the next call what is left to do."""

import contextlib
import hashlib
import json
import os
import socket
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .. import __version__
from ..errors import OutputError
from ..files import replacing

__all__ = [
    "EXECUTED",
    "REPORT",
    "THUMBNAIL",
    "Record",
    "fingerprint",
    "locked",
    "read_record",
    "read_records",
]

EXECUTED, REPORT, THUMBNAIL = "notebook.ipynb", "report.html", "thumbnail.png"
_RECORD, _LOCK = "run.json", ".darkcal-lock"


@dataclass
class Record:
    """What became of one run.

    Attributes
    ----------
    name, source : str
        See `~darkcal_widgets.batch.input.Request`.
    state : str
        ``'waiting'``, ``'done'``, ``'failed'``, ``'stopped'`` by the user, or ``'invalid'``: not run, its parameters have
        mistakes.
    notebook, recipe : str
    written, unchanged, failed : int
        Frames.
    overscan, level, scatter : float or None
        Medians over the calibrated darks of the run, see `~darkcal_widgets.results_table`.
    check : str
        For a simulated night, how the results compare with the truth.
    seconds : float
    error : str
        In one line.
    fingerprint : str
        Of what the run was made from.
    results : list of str
        Paths of the calibrated frames.
    """

    name: str
    source: str
    state: str
    notebook: str = ""
    recipe: str = ""
    written: int = 0
    unchanged: int = 0
    failed: int = 0
    overscan: float | None = None
    level: float | None = None
    scatter: float | None = None
    check: str = ""
    seconds: float = 0.0
    error: str = ""
    fingerprint: str = ""
    results: list = field(default_factory=list)

    def save(self, folder):
        """Write the record into the folder of its run, all or nothing.

        Raises
        ------
        OutputError
        """
        with replacing(Path(folder) / _RECORD) as stream:
            stream.write(f"{json.dumps(asdict(self), indent=1)}\n".encode())

    def is_current(self, folder, made_from):
        """Tell whether the run is done, of what is there now, with all that it has written still in place."""
        if self.state != "done" or self.fingerprint != made_from:
            return False
        own = [Path(folder) / name for name in (EXECUTED, REPORT)]
        return all(path.is_file() for path in [*own, *map(Path, self.results)])


def read_record(folder):
    """Return the record in the folder of a run; `None` where there is none that can be read."""
    try:
        values = json.loads((Path(folder) / _RECORD).read_text(encoding="utf-8"))
        return Record(**{name: values[name] for name in [field.name for field in fields(Record)]})
    except (OSError, ValueError, KeyError, TypeError):
        return None  # Of a run that was killed, or of an older version: the run is done again.


def read_records(out):
    """Return the records of all runs in the folder of a batch, by name of the run."""
    found = [read_record(folder) for folder in sorted(Path(out).iterdir()) if folder.is_dir()]
    return {record.name: record for record in found if record is not None}


def forget(folder):
    """Take away the record of a run that is about to be done again."""
    (Path(folder) / _RECORD).unlink(missing_ok=True)


def fingerprint(request):
    """Return a digest of all that a run is made from: parameters, notebook, version of darkcal, and raw files.

    Raw files are told by name, size and time of change: their bytes are not read.
    """
    files = [file for folder in request.raw_folders for file in _listing(folder)]
    if (bias := request.path("combined_bias")) is not None:
        files.append(_status(bias))
    made_from = [
        str(request.folder),
        request.parameters.to_dict(),
        request.values,
        request.digest,
        __version__,
        files,
    ]
    return hashlib.sha256(json.dumps(made_from, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _listing(folder):
    with os.scandir(folder) as entries:
        return sorted(_status(entry) for entry in entries if entry.is_file())


def _status(entry):
    status = entry.stat()
    return os.fspath(entry), status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def locked(out):
    """Keep the folder of a batch for this process, until the block or the process ends.

    Raises
    ------
    OutputError
        Another batch is at work in it.
    """
    import fcntl

    path = Path(out) / _LOCK
    with open(path, "a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            raise OutputError(
                f"another darkcal batch is at work in {out} ({stream.read().strip()}); wait for it, or name another folder."
            ) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()}")
        stream.flush()
        yield
