"""Files as files: names of frames and results, all-or-nothing writing, checksums, and the safety of raw data."""

import contextlib
import os
import tempfile
import zlib
from pathlib import Path

from .errors import OutputError

__all__ = ["FRAME_SUFFIXES", "check_results_folder", "checksum", "is_frame_name", "replacing", "result_name"]

FRAME_SUFFIXES = (".fits", ".fit", ".fts")
_PACKED_SUFFIXES = (".gz", ".bz2", ".fz")
_PART_SUFFIX = ".darkcal-part"
_CHUNK = 1 << 22


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


def checksum(path):
    """Return the CRC-32 of a file's bytes as 8 hexadecimal digits: it tells whether a file has changed, no more."""
    value = 0
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            value = zlib.crc32(chunk, value)
    return f"{value:08x}"


@contextlib.contextmanager
def replacing(path):
    """Write a file all or nothing: yields a stream to a temporary file beside `path` that takes its name at the end.

    A run that is killed leaves at most a hidden ``*.darkcal-part`` file, never half a result.

    Raises
    ------
    OutputError
        The file cannot be written; what was at `path` before is still there.
    """
    path = Path(path)
    try:
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_PART_SUFFIX, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
            os.chmod(part, 0o666 & ~_umask())
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or choose another folder; "
            "results written before are kept."
        ) from error


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
        The folder is, or resolves to, a raw folder, is no folder, or a result would replace a raw frame.
    """
    for raw in raw_folders:
        if _same(folder, raw):
            raise OutputError(
                f"reduced_folder {str(folder)!r} is the folder of raw frames {str(raw)!r}; raw data are never touched: "
                "name another folder for the results."
            )
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"reduced_folder {str(folder)!r} is a file; name a folder for the results.")
    identities = {_identity(raw): raw for raw in raw_files}
    for result in results:
        if result.exists() and (raw := identities.get(_identity(result))) is not None:
            raise OutputError(
                f"the result {str(result)!r} would replace the raw frame {str(raw)!r}; raw data are never touched: "
                "name another reduced_folder."
            )


def _same(one, other):
    return one.resolve() == other.resolve() or (
        one.exists() and other.exists() and os.path.samefile(one, other)
    )


def _identity(path):
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
