"""The real nights behind the two examples, downloaded from their public records. Simulated nights are in `simulate`.

`pooch` asks the record of a DOI for address and checksum of its archive, fetches it and checks it. The archive is unpacked
beside its final place and renamed, so a night is either whole or not there. A marker file in the night lists what was
unpacked: with it, a second call needs no server.
"""

import json
import os
import shutil
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

import pooch
from requests.exceptions import RequestException

from .errors import DarkcalError, NightError, OutputError

__all__ = ["REAL_NIGHTS", "DownloadError", "RealNight", "download_examples"]

MARKER_NAME = ".darkcal-download.json"
WORKSHOP_NAME = ".darkcal-download"  # holds archive and unpacked files until a night is whole
_CHUNK = 1 << 20


class DownloadError(NightError):
    """A real night could not be fetched, or what was fetched is not what its record promises."""


@dataclass(frozen=True)
class RealNight:
    """A night in a public record: the record's DOI, its archive and the folder it becomes."""

    doi: str
    archive: str
    folder: str


REAL_NIGHTS = (
    RealNight("10.5281/zenodo.3254683", "example-cryo-LFC.tar.bz2", "example-cryo-LFC"),
    RealNight("10.5281/zenodo.3245296", "example-thermo-electric.tar.bz2", "example-thermo-electric"),
)


def download_examples(folder, *, nights=REAL_NIGHTS, progress=True):
    """Download the real nights of the examples into `folder`; those already there are left alone.

    Parameters
    ----------
    folder : path-like
        Made if it is not there.
    nights : iterable of RealNight
    progress : bool
        Show a progress bar.

    Returns
    -------
    list of Path
        The nights.

    Raises
    ------
    DownloadError
        The server cannot be reached, its record does not hold the archive, the archive does not have the record's
        checksum, or has a member that is unsafe to unpack. Nothing is left behind.
    OutputError
        A night's folder exists, but is not a whole download.
    """
    folder = Path(folder)
    missing = [night for night in nights if not _is_whole(folder / night.folder)]
    for night in missing:
        _install(folder, night, progress)
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


def _install(folder, night, progress):
    """Fetch, unpack and put in place one night. An interrupted run keeps a complete archive for the next."""
    is_new = not folder.exists()
    workshop = _make_workshop(folder)
    try:
        archive = _fetch(night, workshop, progress)
        unpacked = _unpack(archive, workshop / "unpacked")
        _write_marker(unpacked, night)
        os.replace(unpacked, folder / night.folder)
    except DarkcalError:
        shutil.rmtree(workshop)
        if is_new:
            folder.rmdir()
        raise
    shutil.rmtree(workshop)


def _make_workshop(folder):
    workshop = folder / WORKSHOP_NAME
    if workshop.is_symlink():
        raise OutputError(f"{workshop} is a link; remove it: nothing is written through links")
    try:
        workshop.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: no folder for downloads can be made there ({error})") from error
    return workshop


def _fetch(night, workshop, progress):
    """Return the archive as the record has it: pooch compares the checksum, and keeps an archive that is there already."""
    store = pooch.create(workshop, f"doi:{night.doi}/")
    downloader = pooch.DOIDownloader(progressbar=progress, chunk_size=_CHUNK)
    by_hand = (
        f"fetch the archive of https://doi.org/{night.doi} by hand and unpack it as {night.folder}; or make a simulated "
        "night with `darkcal sample`"
    )
    try:
        store.load_registry_from_doi()
        return store.fetch(night.archive, downloader=downloader)
    except RequestException as error:
        message = (
            f"{night.archive} cannot be downloaded: {error}. Check the network and try again; or {by_hand}"
        )
    except (KeyError, ValueError, TypeError) as error:  # an answer that is not a record, or another checksum
        message = f"{night.archive} is not what the record {night.doi} promises: {error}. Try again later; or {by_hand}"
    raise DownloadError(message)


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

    Regular files are copied one by one, so that no link, owner or mode of the archive is followed: the filters of `tarfile`,
    which would do that, are missing up to Python 3.11.3, and Debian 12 has 3.11.2.
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


def _write_marker(unpacked, night):
    sizes = {
        path.relative_to(unpacked).as_posix(): path.stat().st_size
        for path in sorted(unpacked.rglob("*"))
        if path.is_file()
    }
    if not sizes:
        raise DownloadError(f"{night.archive} of {night.doi} holds no files")
    text = json.dumps({**asdict(night), "files": sizes}, indent=1)
    (unpacked / MARKER_NAME).write_text(text + "\n", encoding="utf-8")
