"""How each run of a batch has ended, kept in the run's folder: it tells the next call what is left to do.

Also what a run is made from, as a digest, and the lock on the folder of a batch. What a run does is not known here.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import stat
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .. import __version__
from ..errors import OutputError
from ..files import replacing
from ..yamlfile import read_small_text

__all__ = [
    "EXECUTED",
    "REPORT",
    "THUMBNAIL",
    "Record",
    "fingerprint",
    "forget",
    "locked",
    "read_record",
    "read_records",
]

EXECUTED, REPORT, THUMBNAIL = "notebook.ipynb", "report.html", "thumbnail.png"
_RECORD, _LOCK = "run.json", ".darkcal-lock"
# Not through a link: what it leads to would be emptied. Nor is the writer of a pipe waited for.
_OWN_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
_MOST_BYTES = 1 << 24  # of a record; one with the paths of 4,000 results has 400 kB


@dataclass
class Record:
    """How one run has ended.

    Attributes
    ----------
    name, source : str
        See `~darkcal_widgets.batch.requests.Request`.
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

    @classmethod
    def of(cls, request, state, **facts):
        """Return the record of a sound request."""
        recipe = request.parameters.summary
        return cls(request.name, request.source, state, request.notebook.name, recipe, **facts)

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
        return all(map(os.path.isfile, [*own, *self.results]))


def read_record(folder):
    """Return the record in the folder of a run; `None` where there is none that can be read."""
    try:
        values = json.loads(read_small_text(Path(folder) / _RECORD, _MOST_BYTES))
        record = Record(**{name: values[name] for name in [field.name for field in fields(Record)]})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None  # Of a run that was killed, or of an older version: the run is done again.
    return record if _is_sound(record) and record.name == Path(folder).name else None


def _is_sound(record):
    """Tell whether every value is of its kind: somebody may have been at the file."""
    return all(isinstance(getattr(record, field.name), field.type) for field in fields(record)) and all(
        isinstance(path, str) and "\0" not in path for path in record.results
    )


def read_records(out):
    """Return the records of all runs in the folder of a batch, by name of the run."""
    with os.scandir(out) as entries:
        folders = sorted(entry.path for entry in entries if entry.is_dir())
    found = [record for folder in folders if (record := read_record(folder)) is not None]
    return {record.name: record for record in found}


def forget(folder):
    """Take away the record of a run that is about to be done again."""
    (Path(folder) / _RECORD).unlink(missing_ok=True)


def fingerprint(request):
    """Return a digest of all that a run is made from: parameters, notebook, version of darkcal, and raw files.

    Raw files are told by name, size and time of change: their bytes are not read.

    Raises
    ------
    OSError
        A raw folder or the combined bias cannot be looked at.
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


@contextlib.contextmanager
def locked(out):
    """Keep the folder of a batch for this process, until the block or the process ends.

    Where there are no locks, on some network file systems, that is said on the standard error, and the block is entered.

    Raises
    ------
    OutputError
        Another batch is at work in it, or the file of the lock cannot be made.
    """
    path = Path(out) / _LOCK
    try:
        stream = os.fdopen(_checked_own(os.open(path, _OWN_FILE, 0o666), path), "r+")
    except OSError as error:
        raise OutputError(
            f"{path} cannot be opened: {error.strerror}; remove it, or name another folder."
        ) from error
    with stream:
        _lock(stream, out)
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()}")
        stream.flush()
        yield


def _checked_own(descriptor, path):
    """Refuse an open file that goes by other names, too, or is not one: what is written into it may be somebody's data."""
    status = os.fstat(descriptor)
    if status.st_nlink > 1 or not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OutputError(f"{path} is a link or not a regular file; remove it, or name another folder.")
    return descriptor


def _lock(stream, out):
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = stream.read(200).strip()
        raise OutputError(
            f"another darkcal batch is at work in {out} ({holder}); wait for it, or name another folder."
        ) from error
    except OSError as error:
        cause = error.strerror or error
        print(f"darkcal: {out} cannot be locked ({cause}); start no other batch in it.", file=sys.stderr)


def _listing(folder):
    with os.scandir(folder) as entries:
        return sorted(_status(entry) for entry in entries if entry.is_file())


def _status(entry):
    status = entry.stat()
    return os.fspath(entry), status.st_size, status.st_mtime_ns
