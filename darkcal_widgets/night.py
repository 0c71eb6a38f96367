"""Night: which frames are there, of which type, exposure, filter and shape."""

import difflib
import html
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from .errors import FrameError, NightError, ParameterError
from .files import is_frame_name
from .frames import read_info
from .frames.headers import FRAME_TYPES, FrameInfo
from .text import visible

__all__ = ["EXPOSURE_FRACTION", "EXPOSURE_SECONDS", "Night", "NightFrame", "group_exposures", "same_exposure"]

# Exposures this close are the same: shutters and their clocks are no better, and at a usual dark current of 0.01 e-/s
# the difference is far below one electron.
EXPOSURE_SECONDS = 0.1
EXPOSURE_FRACTION = 0.001


@dataclass(frozen=True)
class NightFrame:
    """One frame of a night: its file, its name in the night, and what its header says."""

    path: Path
    name: str
    info: FrameInfo


# A notebook shows this many lines of a night's table; the table itself holds them all.
_LINES_SHOWN = 60


class Night:
    """A folder of raw frames of one camera.

    Headers are read when the night is made; images are not. Nothing is written.

    Parameters
    ----------
    raw_folder : path-like
        The folder of raw frames.
    dark_folder : path-like, optional
        Where the darks are; `None`: in `raw_folder`.
    image_types : mapping, optional
        Words of the header's image type (``IMAGETYP`` and its kin), in any letter case, to ``'bias'``, ``'dark'``, ``'flat'``,
        ``'science'`` or ``'other'``; for cameras that use words of their own. ``''`` stands for frames without such a word.

    Attributes
    ----------
    raw_folder, dark_folder : Path
    frames : tuple of NightFrame
        The readable frames, by name.
    unreadable : dict
        Name of each file that could not be read, to the reason.
    unreadable_darks : list of str
        Names of those of them in `dark_folder`.

    Raises
    ------
    NightError
        A folder is not there or holds no FITS file.
    ParameterError
        `image_types` names a type that does not exist.

    Examples
    --------
    >>> night = Night("example-cryo-LFC", dark_folder="example-cryo-LFC/darks")  # doctest: +SKIP
    >>> night.table  # doctest: +SKIP
    """

    def __init__(self, raw_folder, dark_folder=None, *, image_types=None):
        self.raw_folder = _folder(raw_folder, "raw_folder")
        self.dark_folder = self.raw_folder if dark_folder is None else _folder(dark_folder, "dark_folder")
        self._image_types = _checked_types(image_types)
        self.frames, self.unreadable, self.unreadable_darks = self._inventory()

    @property
    def folders(self):
        """The folders of raw frames, each once."""
        same = self.dark_folder.resolve() == self.raw_folder.resolve()
        return [self.raw_folder] if same else [self.raw_folder, self.dark_folder]

    @property
    def darks(self):
        """The single darks of `dark_folder`, by name."""
        return [frame for frame in self._of_type("dark") if frame.path.parent == self.dark_folder]

    @property
    def biases(self):
        """The single bias frames, by name."""
        return self._of_type("bias")

    @property
    def flats(self):
        """The single flats, by name."""
        return self._of_type("flat")

    @property
    def science(self):
        """The science frames, by name."""
        return self._of_type("science")

    @cached_property
    def table(self):
        """The frames as a `~astropy.table.Table`: file, type, exposure in seconds, filter, shape, temperature."""
        from astropy.table import Table  # slow to import, and a run needs no table

        infos = [frame.info for frame in self.frames]
        table = Table(masked=True)
        table["file"] = np.array([visible(frame.name) for frame in self.frames], dtype=str)
        table["type"] = np.array([visible(_type_label(info)) for info in infos], dtype=str)
        table["exposure"] = _numbers([info.exposure for info in infos], "s")
        table["filter"] = np.array([visible(info.filter) for info in infos], dtype=str)
        table["shape"] = np.array([f"{info.shape[0]} x {info.shape[1]}" for info in infos], dtype=str)
        table["temperature"] = _numbers([info.temperature for info in infos], None)
        table["shape"].description = "rows x columns"
        table["temperature"].description = "as in the header, degrees Celsius for most cameras"
        return table

    def select_darks(self, files=None):
        """Return the darks to calibrate.

        Parameters
        ----------
        files : iterable of str, optional
            Names of darks; `None`: all.

        Raises
        ------
        NightError
            `files` is `None` and there is no dark.
        ParameterError
            `files` is empty, or names a file that is not there or that is no dark.
        """
        if files is None:
            if not self.darks and not self.unreadable_darks:
                raise NightError(self._no_darks())
            return self.darks
        if isinstance(files, str) or not all(isinstance(name, str) for name in files):
            raise ParameterError(f"files is {files!r}; expected a list of file names, or None for all darks.")
        if not files:
            raise ParameterError(
                "files is an empty list: no dark is selected; name at least one, or None for all darks."
            )
        by_name = {}
        for dark in reversed(self.darks):
            by_name |= dict.fromkeys((dark.name, dark.path.name, visible(dark.name)), dark)
        for name in files:
            if name not in by_name:
                raise ParameterError(self._no_such_dark(name))
        return [by_name[name] for name in dict.fromkeys(files)]

    def __str__(self):
        return "\n".join(
            [self._summary(), *self.table.pformat(max_lines=-1, max_width=-1), *self._problems()]
        )

    def __repr__(self):
        return f"<Night {self._summary()}>"

    def _repr_html_(self):
        lines = [self._summary(), *self._problems()]
        rows = self.table.pformat(html=True, show_dtype=False, max_lines=_LINES_SHOWN, max_width=-1)
        return "".join(f"<p>{html.escape(line)}</p>" for line in lines) + "".join(rows)

    def _inventory(self):
        frames, unreadable, unreadable_darks = [], {}, []
        for path in (path for folder in self.folders for path in _frame_paths(folder)):
            try:
                frames.append(NightFrame(path, self._name(path), read_info(path, self._image_types)))
            except FrameError as error:
                unreadable[self._name(path)] = str(error)
                unreadable_darks += [self._name(path)] if path.parent == self.dark_folder else []
        if not frames and not unreadable:
            raise NightError(
                f"there is no FITS file in {', '.join(map(str, self.folders))}; expected frames named "
                "*.fits, *.fit or *.fts, plain or compressed (.gz, .bz2, .fz)."
            )
        return tuple(frames), unreadable, unreadable_darks

    def _name(self, path):
        return str(path.relative_to(self.raw_folder)) if path.is_relative_to(self.raw_folder) else path.name

    def _of_type(self, kind):
        return [frame for frame in self.frames if frame.info.type == kind and not frame.info.combined]

    @property
    def passed_over(self):
        """Sentences on the files in `dark_folder` that could be meant as darks to calibrate and are not taken for such."""
        here = [frame for frame in self.frames if frame.path.parent == self.dark_folder]
        return [
            f"{frame.name} is not calibrated: its header gives no known type of frame ({frame.info.type_word!r}). If it is a "
            f"dark, say so with Night(..., image_types={{{frame.info.type_word!r}: 'dark'}})."
            for frame in here
            if frame.info.type is None
        ] + [
            f"{frame.name} is not calibrated: it is the average of many frames (COMBINED)."
            for frame in here
            if frame.info.type == "dark" and frame.info.combined
        ]

    def _no_such_dark(self, name):
        for frame in self.frames:
            if name in (frame.name, frame.path.name) and frame.path.parent == self.dark_folder:
                return (
                    f"files names {name!r}, which is no dark: its header says {_type_label(frame.info)!r}. If it is one, say so "
                    f"with Night(..., image_types={{{frame.info.type_word!r}: 'dark'}})."
                )
        for unreadable, reason in self.unreadable.items():
            if name in (unreadable, Path(unreadable).name):
                return f"files names {name!r}, which cannot be read: {reason}"
        near = difflib.get_close_matches(name, [frame.path.name for frame in self.darks], n=1)
        advice = f"did you mean {near[0]!r}?" if near else "the names are those of the table of the night."
        return f"files names {name!r}, which is not in {self.dark_folder}; {advice}"

    def _no_darks(self):
        here = [frame for frame in self.frames if frame.path.parent == self.dark_folder]
        found = ", ".join(
            f"{count} {kind!r}" for kind, count in Counter(_type_label(f.info) for f in here).items()
        )
        return (
            f"there are no darks in {self.dark_folder}: the headers say {found or 'nothing'}. Name their folder with "
            "dark_folder, or say which word means a dark with Night(..., image_types={'word': 'dark'})."
        )

    def _summary(self):
        counts = Counter(_type_label(frame.info) for frame in self.frames)
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        return visible(f"{self.raw_folder}: {listed}")

    def _problems(self):
        return [visible(f"unreadable: {reason}") for reason in self.unreadable.values()]


def same_exposure(one, other):
    """Tell whether two exposures in seconds are the same within 0.1 s or 0.1 %, whichever is larger."""
    return abs(one - other) <= max(EXPOSURE_SECONDS, EXPOSURE_FRACTION * max(one, other))


def group_exposures(exposures):
    """Group exposures in seconds that are the same: a list of lists of indices, by increasing exposure.

    Each exposure is compared with the shortest of its group, so that a group is never wider than the tolerance.

    Examples
    --------
    >>> group_exposures([70.0, 7.0, 70.011])
    [[1], [0, 2]]
    """
    groups = []
    for index in sorted(range(len(exposures)), key=exposures.__getitem__):
        if groups and same_exposure(exposures[groups[-1][0]], exposures[index]):
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


def _folder(folder, parameter):
    path = Path(folder)
    if not path.is_dir():
        found = "a file" if path.exists() else "not there"
        raise NightError(
            f"{parameter} {str(folder)!r} is {found} (seen from {Path.cwd()}); expected a folder of raw frames. "
            "Give its path; `darkcal sample` makes two simulated nights to try."
        )
    return path


def _frame_paths(folder):
    try:
        return [path for path in sorted(folder.iterdir()) if is_frame_name(path.name)]
    except OSError as error:
        raise NightError(f"the folder {folder} cannot be read: {error.strerror or error}.") from error


def _checked_types(image_types):
    for word, kind in (image_types or {}).items():
        if kind not in FRAME_TYPES:
            raise ParameterError(
                f"image_types maps {word!r} to {kind!r}; expected one of {', '.join(FRAME_TYPES)}."
            )
    return dict(image_types or {})


def _type_label(info):
    label = info.type or (f"unknown: {info.type_word}" if info.type_word else "unknown")
    return f"combined {label}" if info.combined else label


def _numbers(values, unit):
    from astropy.table import MaskedColumn

    mask = [value is None for value in values]
    return MaskedColumn(
        [np.nan if value is None else value for value in values],
        mask=mask,
        dtype=float,
        unit=unit,
        format="%.6g",
    )
