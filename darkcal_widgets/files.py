"""Files as files: names of frames and results, all-or-nothing writing, leftovers, checksums, and the safety of raw data."""

import contextlib
import errno
import fcntl
import os
import secrets
from functools import lru_cache
from pathlib import Path

from .errors import FrameError, NightError, OutputError

__all__ = [
    "ANYTHING",
    "FRAME_SUFFIXES",
    "check_results_folder",
    "checksum",
    "file_state",
    "frame_paths",
    "is_frame_name",
    "make_results_folder",
    "new_checksum",
    "replacing",
    "result_name",
    "room_for_pixels",
    "sample_checksum",
]

FRAME_SUFFIXES = (".fits", ".fit", ".fts")
_PACKED_SUFFIXES = (".gz", ".bz2", ".fz")
_PART_SUFFIX = ".darkcal-part"
_CHUNK = 1 << 20

# A sample of a file: so many pieces of so many bytes.
_SAMPLES, _SAMPLE = 8, 1 << 12

# What file systems answer that have no hard links.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)

# What `replacing` may replace by default.
ANYTHING = "anything"

_NEXT_STEPS = {
    errno.ENOSPC: "free some space there, or choose another folder",
    errno.EDQUOT: "remove files of yours there, or choose another folder",
    errno.EFBIG: "raise the limit on the size of files, or choose another folder",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.EROFS: "choose a folder that you may write to",
    errno.ENOENT: "look whether the folder is still there",
    errno.ENAMETOOLONG: "rename the raw frame",
}


def is_frame_name(name):
    """Tell whether a file name looks like a FITS frame, plain or compressed, in any letter case."""
    return not name.startswith(".") and result_name(name).lower().endswith(FRAME_SUFFIXES)


def result_name(name):
    """Return the name of the calibrated frame: the raw one's without the suffix of its compression.

    Examples
    --------
    >>> result_name("dark-001.fit.gz")
    'dark-001.fit'
    """
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in _PACKED_SUFFIXES else name


def frame_paths(folder):
    """Return the files in a folder that have the name of a frame, sorted.

    Raises
    ------
    NightError
        The folder cannot be read.
    """
    try:
        return [path for path in sorted(Path(folder).iterdir()) if is_frame_name(path.name)]
    except OSError as error:
        raise NightError(f"the folder {folder} cannot be read: {error.strerror or error}.") from error


def checksum(path):
    """Return the XXH3 checksum of a file, 64 bits as 16 hexadecimal digits: it tells whether the file has changed, no more.

    Raises
    ------
    FrameError
        The file cannot be read.
    """
    value = new_checksum()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                value.update(chunk)
    except OSError as error:
        raise FrameError(f"{path} cannot be read: {error.strerror or error}.") from error
    return value.hexdigest()


def sample_checksum(path):
    """Return a `checksum` of a file's size and of small pieces from all over it: quick, and another for every other exposure.

    The noise in the pixels of two exposures is never the same, so that pieces tell; those of a file that has not changed since
    are not read again.

    Raises
    ------
    FrameError
        The file cannot be read.
    """
    try:
        return _sample_checksum(path, file_state(path))
    except OSError as error:
        raise FrameError(f"{path} cannot be read: {error.strerror or error}.") from error


@lru_cache(maxsize=4096)
def _sample_checksum(path, _state):
    value = new_checksum()
    with open(path, "rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        value.update(str(size).encode())
        for piece in range(_SAMPLES):
            value.update(os.pread(stream.fileno(), _SAMPLE, piece * max(0, size - _SAMPLE) // (_SAMPLES - 1)))
    return value.hexdigest()


def new_checksum():
    """Return a `checksum` of nothing, which is updated with bytes and gives its digits by ``hexdigest()``."""
    import xxhash

    return xxhash.xxh3_64()


def file_state(file):
    """Return what tells whether a file, named or open, has been replaced or written to; `None`: it is absent."""
    try:
        status = os.stat(file)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def replacing(path, *, expected=ANYTHING):
    """Write a file all or nothing: yields a stream to a temporary file beside `path` that takes its name at the end.

    A run that is killed leaves at most a hidden ``*.darkcal-part`` file, never half a result. The temporary file is locked
    while its writer lives, so that `make_results_folder` can tell what a dead run has left.

    Parameters
    ----------
    path : path-like
    expected : tuple or None, optional
        The `file_state` of what may be replaced: `None`, nothing. Default: anything may.

    Raises
    ------
    FileExistsError
        There is another file at `path` by now than is expected.
    OutputError
        The file cannot be written; what was at `path` before is still there.
    """
    path = Path(path)
    try:
        part, stream = _new_part(path)
        try:
            with stream:
                yield stream
                stream.flush()
                _rename(part, path, expected)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
    except FileExistsError:
        raise
    except OSError as error:
        raise OutputError(_cannot_write(path, error)) from error


@contextlib.contextmanager
def room_for_pixels(folder):
    """Turn what the disk answers, where a temporary file is made or written in a folder, into an error that names the folder.

    Raises
    ------
    OutputError
    """
    try:
        yield
    except OSError as error:
        raise OutputError(_cannot_write(f"a temporary file in {folder}", error)) from error


def make_results_folder(folder):
    """Make a folder for results if it is not there, and remove from it what runs that were killed have left.

    Temporary files of a run that is alive are left alone.

    Raises
    ------
    OutputError
        It cannot be made or read.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        leftovers = [path for path in folder.iterdir() if _is_part(path)]
    except OSError as error:
        cause = error.strerror or error
        raise OutputError(
            f"the folder of results {str(folder)!r} cannot be made or read: {cause}; name another one."
        ) from error
    for part in leftovers:
        # Gone already, or not to be removed by us: nothing that a run needs to know.
        with contextlib.suppress(OSError):
            _remove_if_dead(part)


def check_results_folder(folder, raw_folders, results, raw_files):
    """Refuse a place for results from which raw data could be harmed.

    Parameters
    ----------
    folder : Path
        Where results are to go; need not exist.
    raw_folders : iterable of Path
        Folders of raw frames.
    results : iterable of Path
        The files that would be written.
    raw_files : iterable of Path
        Every raw frame known.

    Raises
    ------
    OutputError
        The folder is, or resolves to, a raw folder, is not a folder, or a result would replace a raw frame.
    """
    for raw in raw_folders:
        if _same(folder, raw):
            raise OutputError(
                f"reduced_folder {str(folder)!r} is the folder of raw frames {str(raw)!r}; raw data are never modified; "
                "choose another folder for the results."
            )
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"reduced_folder {str(folder)!r} is a file; name a folder for the results.")
    existing = [result for result in results if result.exists()]
    identities = {file_state(raw)[:2]: raw for raw in raw_files if raw.exists()} if existing else {}
    for result in existing:
        if (raw := identities.get(file_state(result)[:2])) is not None:
            raise OutputError(
                f"the result {str(result)!r} would replace the raw frame {str(raw)!r}; raw data are never modified; "
                "choose another reduced_folder."
            )


def _new_part(path):
    """Return the name of a new temporary file beside `path` and a stream to it, locked by this process."""
    while True:
        part = path.with_name(f".{path.name[:50]}.{secrets.token_hex(8)}{_PART_SUFFIX}")
        try:
            # As open(part, "xb"), whose mode astropy does not know.
            stream = os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb")
        except FileExistsError:
            continue
        # Between its making and its locking another run may have taken it for a leftover.
        if _lock(stream, wait=True) is None or os.fstat(stream.fileno()).st_nlink:
            return part, stream
        stream.close()


def _is_part(path):
    return path.name.startswith(".") and path.name.endswith(_PART_SUFFIX) and path.is_file()


def _remove_if_dead(part):
    with open(part, "rb") as stream:
        if _lock(stream, wait=False):
            os.unlink(part)


def _lock(stream, wait):
    """Lock an open file: whether that worked, or `None` where the file system has no locks."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _rename(part, path, expected):
    if expected is None:
        _rename_to_new(part, path)
    elif expected in (ANYTHING, file_state(path)):
        os.replace(part, path)
    else:
        raise FileExistsError(errno.EEXIST, "it was written by another run in the meantime", str(path))


def _rename_to_new(part, path):
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # An empty file takes the name first, which only one run can do.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        os.replace(part, path)
    else:
        os.unlink(part)


def _cannot_write(path, error):
    cause, code = error.strerror, error.errno
    if cause is None:  # NumPy and astropy say how much they could not write, not why
        cause, code = f"{error} (is the disk full?)", errno.ENOSPC
    step = _NEXT_STEPS.get(code, "choose another folder")
    return f"{path} cannot be written: {cause}; {step}. Results written before are kept."


def _same(one, other):
    return one.resolve() == other.resolve() or (
        one.exists() and other.exists() and os.path.samefile(one, other)
    )
