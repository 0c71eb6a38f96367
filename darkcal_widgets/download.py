"""The real nights behind the two examples, downloaded from their public records.

A record's JSON says where its archive is and which MD5 it has; `pooch` fetches and checks it. The archive is
unpacked beside its final place and renamed, so a night is either whole or not there. A marker file in the
night lists what was unpacked: with it, a second call needs no server.
"""

import io
import json
import os
import shutil
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pooch
import requests
from requests.exceptions import RequestException
from tqdm.auto import tqdm

from darkcal_widgets.errors import DarkcalError, NightError, OutputError

__all__ = ["REAL_NIGHTS", "RECORDS", "DownloadError", "RealNight", "download_examples"]

RECORDS = "https://zenodo.org/api/records"
MARKER_NAME = ".darkcal-download.json"
WORKSHOP_NAME = ".darkcal-download"  # holds archive and unpacked files until a night is whole
TIMEOUT = 30  # seconds without a byte after which a server is taken for dead
_CHUNK = 1 << 20


class DownloadError(NightError):
    """A real night could not be fetched, or what was fetched is not what its record promises."""


@dataclass(frozen=True)
class RealNight:
    """A night in a public record: the record's number, its archive and the folder it becomes."""

    record: str
    archive: str
    folder: str


REAL_NIGHTS = (
    RealNight("3254683", "example-cryo-LFC.tar.bz2", "example-cryo-LFC"),
    RealNight("3245296", "example-thermo-electric.tar.bz2", "example-thermo-electric"),
)


def download_examples(folder, *, nights=REAL_NIGHTS, records=RECORDS, progress=True):
    """Download the real nights of the examples into `folder`; those already there are left alone.

    Parameters
    ----------
    folder : str or Path
        Created if missing.
    nights : iterable of RealNight
    records : str
        Address of the records' interface; a night's record is ``<records>/<number>``.
    progress : bool
        Show a progress bar.

    Returns
    -------
    list of Path
        The nights.

    Raises
    ------
    DownloadError
        The server cannot be reached, its record is not understood, the archive does not have the record's
        checksum, or has a member that is unsafe to unpack. Nothing is left behind.
    OutputError
        A night's folder exists, but is not a whole download.
    """
    folder = Path(folder)
    missing = [night for night in nights if not _is_whole(folder / night.folder)]
    for night in missing:
        _install(folder, night, records, progress)
    return [folder / night.folder for night in nights]


# --- Is it there already? ---------------------------------------------------------------------------------


def _is_whole(night):
    """True for a whole download, False where there is nothing; anything else is the user's and is refused."""
    if not night.exists() or (night.is_dir() and not any(night.iterdir())):
        return False
    marker = night / MARKER_NAME
    if not marker.is_file():
        raise OutputError(
            f"{night} exists and was not made by this download; choose another folder, or move it away"
        )
    damaged = _damaged(night, _read_marker(marker))
    if damaged:
        raise OutputError(
            f"{night}: {len(damaged)} downloaded file(s) are missing or have another size, such as "
            f"{damaged[0]}; delete the folder and download again"
        )
    return True


def _read_marker(marker):
    try:
        return json.loads(marker.read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{marker}: cannot be read ({error}), so it is unknown whether the night is whole; delete "
            "the folder and download again"
        ) from error


def _damaged(night, sizes):
    return sorted(
        name
        for name, size in sizes.items()
        if not (night / name).is_file() or (night / name).stat().st_size != size
    )


# --- Fetch ------------------------------------------------------------------------------------------------


def _install(folder, night, records, progress):
    """Fetch, unpack and put in place one night. An interrupted run keeps a complete archive for the next."""
    workshop = _make_workshop(folder)
    try:
        url, checksum = _archive_of(_record(night, records), night)
        archive = _fetch(url, checksum, night, workshop, progress)
        unpacked = _unpack(archive, workshop / "unpacked")
        _write_marker(unpacked, night, checksum)
        os.replace(unpacked, folder / night.folder)
    except DarkcalError:
        shutil.rmtree(workshop)
        raise
    shutil.rmtree(workshop)


def _make_workshop(folder):
    workshop = folder / WORKSHOP_NAME
    try:
        workshop.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: no folder for downloads can be made there ({error})") from error
    return workshop


def _no_network(url, night, error):
    return DownloadError(
        f"{night.archive} cannot be downloaded from {urlsplit(url).netloc}: {error}. Check the network and try "
        f"again; or fetch the archive of record {night.record} by hand and unpack it as {night.folder}; or "
        "make a simulated night with `darkcal sample`"
    )


def _record(night, records):
    url, body = f"{records}/{night.record}", io.BytesIO()
    try:
        _stream(url, body, progress=False)
        return json.loads(body.getvalue())
    except RequestException as error:
        raise _no_network(url, night, error) from error
    except ValueError as error:
        raise DownloadError(
            f"{url}: the answer is not a record in JSON ({error}); try again later"
        ) from error


def _archive_of(record, night):
    """Address and checksum ("md5:...") of a night's archive, as its record states them."""
    try:
        files = {entry["key"]: entry for entry in record["files"]}
        entry = files[night.archive]
        return entry["links"]["self"], entry["checksum"]
    except (KeyError, TypeError) as error:
        raise DownloadError(
            f"record {night.record} does not state address and checksum of {night.archive} "
            f"(no {error}); fetch it by hand and unpack it as {night.folder}"
        ) from error


def _stream(url, output, progress, name=""):
    """Copy what `url` sends to an open file. Unlike pooch's own downloader it closes a refused connection."""
    with requests.get(url, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(total=total, desc=name, unit="B", unit_scale=True, disable=not progress) as bar:
            for chunk in response.iter_content(_CHUNK):
                output.write(chunk)
                bar.update(len(chunk))


def _fetch(url, checksum, night, workshop, progress):
    def download(url, path, _):
        with open(path, "wb") as output:
            _stream(url, output, progress, night.archive)

    try:
        return pooch.retrieve(url, checksum, fname=night.archive, path=workshop, downloader=download)
    except RequestException as error:
        raise _no_network(url, night, error) from error
    except ValueError as error:  # how pooch reports a checksum that differs
        raise DownloadError(
            f"{night.archive}: what {urlsplit(url).netloc} sent does not have the checksum {checksum} of record "
            f"{night.record}; it was deleted, try again"
        ) from error


# --- Unpack -----------------------------------------------------------------------------------------------


def _refusal(member):
    """Why a member of an archive is not unpacked; None if it is safe."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or ":" in member.name:
        return "lies outside the folder it is unpacked to"
    if not (member.isfile() or member.isdir()):
        return "is a link or a device; only files and folders are unpacked"
    return None


def _is_clutter(name):
    """Files that a Mac adds to an archive; ``._frame.fits`` would pass for a frame."""
    return name.startswith("._") or name == ".DS_Store"


def _unpack(archive, place):
    """Unpack into a fresh folder `place`; returns the night: `place`, or the single folder in it.

    Regular files are copied one by one in a single pass: no links, owners or modes of the archive are followed,
    on any Python (the filters of `tarfile` are missing from the first releases of 3.11).
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _unpack_member(tar, member, place)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DownloadError(f"{Path(archive).name} cannot be unpacked: {error}") from error
    entries = list(place.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else place


def _unpack_member(tar, member, place):
    reason = _refusal(member)
    if reason is not None:
        raise DownloadError(f"{Path(tar.name).name}: member {member.name!r} {reason}; nothing was unpacked")
    target = place / member.name
    if member.isfile() and not _is_clutter(target.name):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tar.extractfile(member) as source, open(target, "xb") as copy:
            shutil.copyfileobj(source, copy, _CHUNK)


def _write_marker(unpacked, night, checksum):
    sizes = {
        path.relative_to(unpacked).as_posix(): path.stat().st_size
        for path in sorted(unpacked.rglob("*"))
        if path.is_file()
    }
    if not sizes:
        raise DownloadError(f"{night.archive} of record {night.record} holds no files")
    text = json.dumps({**asdict(night), "checksum": checksum, "files": sizes}, indent=1)
    (unpacked / MARKER_NAME).write_text(text + "\n", encoding="utf-8")
