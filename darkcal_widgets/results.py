"""Results: the calibrated and combined frames in a folder, what each was made from, whether it is current. Writes nothing."""

import hashlib
import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .errors import FrameError, NightError
from .files import frame_paths, result_name, sample_checksum
from .frames import Frame
from .frames.numbers import count_of, number
from .groups import part_by_temperature, same_exposure
from .inventory import Inventory
from .parallel import threaded
from .statistics import level_and_scatter
from .text import ascii_only, visible

if TYPE_CHECKING:
    from os import PathLike

    from astropy.table import Table

__all__ = ["Results", "Standing", "levels_of", "results_table", "standing"]

_CAUSES = {
    "DCRECIPE": "with another recipe",
    "DCINPUT": "from another raw file",
    "DCSAMPLE": "from another raw file",
    "BIASSUM": "with another combined bias",
}


class Results(Inventory):
    """What a folder of results holds. A file that has not changed since it was last looked at is not read again.

    Parameters
    ----------
    reduced_folder : path-like
        Need not be there.

    Attributes
    ----------
    folder : Path
    frames : tuple of Frame
        Every readable frame in it, results or not.
    unreadable : dict
        Name of each file that could not be read, to the reason.
    """

    def __init__(self, reduced_folder: "str | PathLike[str]") -> None:
        self.folder = Path(reduced_folder)
        paths = frame_paths(self.folder) if self.folder.is_dir() else []
        super().__init__([(path.name, path) for path in paths], lambda path, _: _known(path))
        self.unreadable = {name: _to_be_made_again(reason) for name, reason in self.unreadable.items()}

    @property
    def darks(self) -> list[Frame]:
        """The calibrated darks."""
        return [frame for frame in self.frames if is_result(frame) and not frame.info.combined]

    @property
    def combined_darks(self) -> list[Frame]:
        """The combined darks that darkcal has made, by exposure, and by temperature where there are several of one."""
        found = [frame for frame in self.of_type("dark", combined=True) if is_result(frame)]
        return sorted(found, key=lambda frame: (frame.info.exposure or 0.0, frame.info.temperature or 0.0))

    @property
    def combined_bias(self) -> Frame | None:
        """The combined bias, whoever has made it, found by its header; `None`: there is none.

        Raises
        ------
        NightError
            There are several.
        """
        found = self.of_type("bias", combined=True)
        if len(found) > 1:
            names = ", ".join(frame.name for frame in found)
            raise NightError(
                f"there are {len(found)} combined biases in {self.folder}: {names}. Name the one to use with combined_bias, or "
                "move the others away."
            )
        return found[0] if found else None

    @cached_property
    def damaged(self) -> dict[str, str]:
        """Name of each result that has lost pixels or cards, as after a power cut, to what is wrong with it."""
        results = [frame for frame in self.frames if is_result(frame)]
        found = zip(results, threaded(damage, results), strict=True)
        return {frame.name: loss for frame, loss in found if loss}

    @cached_property
    def table(self) -> "Table":
        """The results as a `~astropy.table.Table`, see `results_table`."""
        from .tables import ShownTable

        parts = [(frame, part) for frame in self.frames if is_result(frame) for part in frame.parts]
        names = ("file", "frames", "exposure", "overscan", "level", "scatter", "unit", "bias", "state")
        dtypes = (str, int, float, float, float, float, str, str, str)
        rows = [
            (*row, self.damaged.get(frame.name) or self.out_of_date(frame) or "current")
            for (frame, _), row in zip(parts, threaded(lambda pair: _row(pair[1]), parts), strict=True)
        ]
        table = ShownTable(rows=rows or None, names=names, dtype=None if rows else dtypes)
        units = set(table["unit"])
        table["exposure"].unit = "s"
        for name in ("overscan", "level", "scatter", "exposure"):
            table[name].format = "%.6g"
        for name in ("overscan", "level", "scatter") if len(units) == 1 else ():
            table[name].unit = str(*units)
        return table

    def out_of_date(self, frame: Frame) -> str:
        """Say why a result no longer is what it would be if it were made again now; empty: nothing speaks against it.

        A calibrated dark is out of date when the combined bias of the folder is not the one that was subtracted; a combined dark
        when one of its members is gone or has changed, or when the folder holds another dark of its exposure. Whether raw
        frames have changed is not looked at.
        """
        if not frame.info.combined:
            return self._bias_changed(frame)
        if frame.info.type != "dark":
            return ""
        return self._members_changed(frame)

    def _bias_changed(self, dark):
        name = dark.cards.get("BIASFILE")
        bias = next((frame for frame in self.frames if ascii_only(frame.name) == name), None)
        if bias is None or dark.cards.get("BIASSUM") == bias.checksum:
            return ""
        return f"{name} is not the one that was subtracted; calibrate again with overwrite."

    def _members_changed(self, combined):
        names = members_of(combined)
        present = {ascii_only(dark.name): dark for dark in self.darks}
        gone = [name for name in names if name not in present]
        if gone:
            return f"it was made from {gone[0]}, which is no longer there; combine again."
        members = [present[name] for name in names]
        made_from = members_digest((dark.path.name, identity(dark)) for dark in members)
        if len(names) < 999 and made_from != combined.cards.get("DCINPUT"):
            return "darks that it was made from have been made again since; combine again."
        alike = [dark for dark in present.values() if _alike(dark, combined)]
        groups = [group for group in part_by_temperature(alike)[0] if set(members) & set(group)]
        if len(groups) > 1:
            return "darks that it was made from are of several temperatures; combine again."
        added = [dark.name for group in groups for dark in group if ascii_only(dark.name) not in names]
        if added:
            return f"{added[0]} is not in it{f', nor are {len(added) - 1} others' if added[1:] else ''}; combine again."
        return ""

    def require(self) -> "Results":
        """Return the inventory, if the folder is there.

        Raises
        ------
        NightError
        """
        if not self.folder.is_dir():
            raise NightError(
                f"the folder of results {str(self.folder)!r} is not there; calibrate_darks makes it."
            )
        return self

    def require_whole(self) -> "Results":
        """Return the inventory, if no result in it is damaged.

        Raises
        ------
        FrameError
        """
        for name, loss in self.damaged.items():
            raise FrameError(f"{self.folder / name} {loss}; delete it, and calibrate and combine again.")
        return self

    def _summary(self):
        return visible(
            f"{self.folder}: {len(self.darks)} calibrated, {len(self.combined_darks)} combined darks"
        )


class Standing(NamedTuple):
    """What is where a result is to go.

    Attributes
    ----------
    state : str
        ``'absent'``; ``'current'``: the result that would be written; ``'other'``: a result made otherwise; ``'foreign'``: not
        a result of darkcal.
    reason : str
        Why it is not current, as a sentence that says what to do.
    header : Header or None
    file : tuple or None
        The `~darkcal_widgets.files.file_state` of what is there.
    """

    state: str
    reason: str = ""
    header: object = None
    file: tuple | None = None


def standing(path, cards, digest_0_1="", *, with_pixels=False):
    """Compare what is at a place with what is to be written there, from its header.

    Parameters
    ----------
    path : Path
    cards : mapping
        Keywords to the values that tell what a result was made from and how, such as ``DCRECIPE``, ``DCINPUT``, ``BIASSUM``.
        ``DCSAMPLE`` counts only where the header has it: earlier versions have not written it.
    digest_0_1 : str
        What ``DCRECIPE`` is in a result that version 0.1 has made with the same settings.
    with_pixels : bool
        A result is only current if its pixels are those of which its header states the sum.

    Returns
    -------
    Standing

    Raises
    ------
    FrameError
        There is a file that cannot be read.
    """
    if not path.is_symlink() and not path.exists():
        return Standing("absent")
    frame = _known(path)
    header = frame.cards
    unknown = {} if "DCSAMPLE" in header else {"DCSAMPLE": None}
    different = [keyword for keyword, value in (cards | unknown).items() if header.get(keyword) != value]
    loss = damage(frame) if with_pixels and not different else ""
    if "DCRECIPE" not in header:
        state, reason = (
            "foreign",
            "already exists and was not written by darkcal; move it away, or name another reduced_folder",
        )
    elif different:
        how = _made(header, different, digest_0_1)
        state, reason = (
            "other",
            f"was made {how}; set overwrite to replace it, or name another reduced_folder",
        )
    else:
        state, reason = ("other", f"{loss}; set overwrite to make it again") if loss else ("current", "")
    return Standing(state, reason and f"{path} {reason}.", header, frame.state)


def _made(header, different, digest_0_1):
    """Say how a result was made, of which cards of these keywords differ from what is to be written."""
    cause = next((text for keyword, text in _CAUSES.items() if keyword in different), "differently")
    if not (version := str(header.get("DCVERS", ""))).startswith("0.1."):
        return cause
    return f"by darkcal {version} {'with the same settings' if header['DCRECIPE'] == digest_0_1 else cause}"


def _to_be_made_again(reason):
    """Return why a file cannot be read with the advice for a result, which costs nothing but a run, instead of a raw frame."""
    return re.sub(
        r"(copy it again or )?leave it out\.", "delete it and run again.", reason, flags=re.IGNORECASE
    )


def is_result(frame):
    """Tell whether darkcal has written a frame."""
    return "DCRECIPE" in frame.cards


def damage(frame):
    """Say that a frame has lost pixels or, if darkcal has written it, cards, to go after its name; empty: it is whole."""
    if not frame.is_intact:
        return "is damaged: its pixels do not have the DATASUM of its header"
    if is_result(frame) and not frame.has_checksums:
        return "is damaged, or was edited: its header does not have its CHECKSUM"
    return ""


def identity(result):
    """Return a text that is another one whenever a result of darkcal is another one: what it was made from, and its checksums."""
    made_from = (str(result.cards.get(keyword, "")) for keyword in ("DCRECIPE", "DCINPUT", "BIASSUM"))
    return " ".join([*made_from, result.datasum])


def members_of(combined):
    """Return the names of the frames, as their headers hold them, that a combined frame is the average of."""
    return [str(value) for keyword, value in combined.cards.items() if keyword.startswith("IMCMB")]


def members_digest(members):
    """Return 16 hexadecimal digits for the frames that are averaged: pairs of file name and identity."""
    listed = "\n".join(f"{name} {content}" for name, content in members)
    return hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()[:16]


def samples_digest(frames):
    """Return the `members_digest` of raw frames by a sample of each file, which is quick to have: ``DCSAMPLE`` of an average."""
    return members_digest((frame.path.name, sample_checksum(frame.path)) for frame in frames)


def misnamed(frame):
    """Say why a calibrated dark is not what it seems: a copy, or made by other software; empty: it is."""
    raw = str(frame.cards.get("RAWFILE", ""))
    if result_name(raw) == ascii_only(frame.path.name):
        return ""
    return (
        f"{frame.path} has the header of a dark made from {raw!r}, but not its name: a copy, or made from darks by other "
        "software. It is left out; move it away."
    )


def results_table(reduced_folder: "str | PathLike[str]") -> "Table":
    """List the calibrated and combined frames of a folder, image by image, with the level that is left in each.

    Parameters
    ----------
    reduced_folder : path-like

    Returns
    -------
    `~astropy.table.Table`
        Columns file, frames (how many it is the average of), exposure in seconds, overscan (mean level subtracted), level and
        scatter (see `~darkcal_widgets.statistics.level_and_scatter`), unit (of these three), bias (the combined bias
        subtracted) and state (``'current'``, or why it is out of date, or damaged). Files that darkcal has not written are not
        in it.

    Raises
    ------
    NightError
        The folder is not there.
    """
    return Results(reduced_folder).require().table


def _alike(dark, combined):
    """Tell whether a dark has the exposure and the recipe of a combined dark."""
    exposures = dark.info.exposure, combined.info.exposure
    return (
        None not in exposures
        and same_exposure(*exposures)
        and dark.cards["DCRECIPE"] == combined.cards["DCRECIPE"]
    )


def levels_of(frames):
    """Return the level of each of these frames, raw or calibrated: see `~darkcal_widgets.statistics.level_and_scatter`."""
    return threaded(lambda frame: level_and_scatter(frame.data)[0], frames)


def _row(frame):
    header = frame.cards
    level, scatter = level_and_scatter(frame.data)
    return (
        frame.name,
        count_of(header, "NCOMBINE", 1),
        np.nan if frame.info.exposure is None else frame.info.exposure,
        np.nan if (overscan := number(header.get("OSCNMEAN"))) is None else overscan,
        level,
        scatter,
        frame.unit(),
        str(header.get("BIASFILE", "")),
    )


def _known(path):
    """Return the frame of a file, and read its header again only when the file has changed: the panel asks at every turn."""
    try:
        status = path.stat()
    except OSError as error:
        raise FrameError(f"{path} cannot be read: {error.strerror or error}.") from error
    return _frame_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _frame_of(path, _changed, _size):
    return Frame(path)
