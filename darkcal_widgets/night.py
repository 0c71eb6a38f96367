"""Night: the raw frames of one camera in a folder, and which of them are darks. Not what was made of them (results)."""

import difflib
from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from .errors import NightError, ParameterError
from .files import frame_paths
from .frames import FRAME_TYPES, Frame
from .inventory import Inventory, type_label
from .text import visible

__all__ = ["Night"]


class Night(Inventory):
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
    frames : tuple of Frame
        The readable frames, by name.
    unreadable : dict
        Name of each file that could not be read, to the reason.
    unreadable_darks : list of str
        Names of those of them in `dark_folder`.

    Raises
    ------
    NightError
        A folder is not there or does not hold a FITS file.
    ParameterError
        `image_types` names a type that does not exist.

    Examples
    --------
    >>> night = Night("example-cryo-LFC", dark_folder="example-cryo-LFC/darks")
    >>> len(night.darks), len(night.biases)
    (9, 6)
    >>> night.table.colnames
    ['file', 'type', 'exposure', 'filter', 'shape', 'temperature']
    """

    def __init__(self, raw_folder, dark_folder=None, *, image_types=None):
        self.raw_folder = _folder(raw_folder, "raw_folder")
        self.dark_folder = self.raw_folder if dark_folder is None else _folder(dark_folder, "dark_folder")
        types = _checked_types(image_types)
        paths = [path for folder in self.folders for path in frame_paths(folder)]
        if not paths:
            raise NightError(
                f"there is no FITS file in {', '.join(map(str, self.folders))}; expected frames named "
                "*.fits, *.fit or *.fts, plain or compressed (.gz, .bz2, .fz)."
            )
        super().__init__([(self._name(path), path) for path in paths], lambda *named: Frame(*named, types))
        in_dark_folder = {self._name(path) for path in paths if path.parent == self.dark_folder}
        self.unreadable_darks = [name for name in self.unreadable if name in in_dark_folder]

    @property
    def folders(self):
        """The folders of raw frames, each once."""
        same = self.dark_folder.resolve() == self.raw_folder.resolve()
        return [self.raw_folder] if same else [self.raw_folder, self.dark_folder]

    @property
    def darks(self):
        """The single darks of `dark_folder`, by name."""
        return [frame for frame in self.of_type("dark") if frame.path.parent == self.dark_folder]

    @cached_property
    def table(self):
        """The frames as a `~astropy.table.Table`: file, type, exposure in seconds, filter, shape, temperature."""
        from astropy.table import Table  # slow to import, and a run needs no table

        infos = [frame.info for frame in self.frames]
        table = Table(masked=True)
        table["file"] = np.array([visible(frame.name) for frame in self.frames], dtype=str)
        table["type"] = np.array([visible(type_label(info)) for info in infos], dtype=str)
        table["exposure"] = _numbers([info.exposure for info in infos], "s")
        table["filter"] = np.array([visible(info.filter) for info in infos], dtype=str)
        table["shape"] = np.array([frame.shape_text for frame in self.frames], dtype=str)
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
            `files` is empty, or names a file that is not there or that is not a dark.
        """
        if files is None:
            if not self.darks and not self.unreadable_darks:
                raise NightError(self._no_darks())
            return self.darks
        by_name = {}
        for dark in reversed(self.darks):
            by_name |= dict.fromkeys((dark.name, dark.path.name, visible(dark.name)), dark)
        for name in (names := _checked_names(files)):
            if name not in by_name:
                raise ParameterError(self._no_such_dark(name))
        return list(dict.fromkeys(by_name[name] for name in names))

    @property
    def passed_over(self):
        """Sentences on the files in `dark_folder` that could be meant as darks to calibrate and are not taken for such."""
        here = [frame for frame in self.frames if frame.path.parent == self.dark_folder]
        return [
            f"{frame.name} is not calibrated: its header does not give a known type of frame ({frame.info.type_word!r}). If it "
            f"is a dark, say so with Night(..., image_types={{{frame.info.type_word!r}: 'dark'}})."
            for frame in here
            if frame.info.type is None
        ] + [
            f"{frame.name} is not calibrated: it is the average of many frames (COMBINED)."
            for frame in here
            if frame.info.type == "dark" and frame.info.combined
        ]

    def _name(self, path):
        return str(path.relative_to(self.raw_folder)) if path.is_relative_to(self.raw_folder) else path.name

    def _no_such_dark(self, name):
        for frame in self.frames:
            if name in (frame.name, frame.path.name) and frame.path.parent == self.dark_folder:
                return (
                    f"files names {name!r}, which is not a dark: its header says {type_label(frame.info)!r}. If it is one, say "
                    f"so with Night(..., image_types={{{frame.info.type_word!r}: 'dark'}})."
                )
        for unreadable, reason in self.unreadable.items():
            if name in (unreadable, Path(unreadable).name):
                return f"files names {name!r}, which cannot be read: {reason}"
        near = difflib.get_close_matches(name, [frame.path.name for frame in self.darks], n=1)
        advice = f"did you mean {near[0]!r}?" if near else "the names are those of the table of the night."
        return f"files names {name!r}, which is not in {self.dark_folder}; {advice}"

    def _no_darks(self):
        here = [frame for frame in self.frames if frame.path.parent == self.dark_folder]
        counts = Counter(type_label(frame.info) for frame in here)
        found = ", ".join(f"{count} {kind!r}" for kind, count in counts.items())
        return (
            f"there are no darks in {self.dark_folder}: the headers say {found or 'nothing'}. Name their folder with "
            "dark_folder, or say which word means a dark with Night(..., image_types={'word': 'dark'})."
        )

    def _summary(self):
        counts = Counter(type_label(frame.info) for frame in self.frames)
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        return visible(f"{self.raw_folder}: {listed}")


def _folder(folder, parameter):
    path = Path(folder)
    if not path.is_dir():
        found = "a file" if path.exists() else "not there"
        raise NightError(
            f"{parameter} {str(folder)!r} is {found} (seen from {Path.cwd()}); expected a folder of raw frames. "
            "Give its path; `darkcal sample` makes two simulated nights to try."
        )
    return path


def _checked_types(image_types):
    for word, kind in (image_types or {}).items():
        if kind not in FRAME_TYPES:
            raise ParameterError(
                f"image_types maps {word!r} to {kind!r}; expected one of {', '.join(FRAME_TYPES)}."
            )
    return dict(image_types or {})


def _checked_names(files):
    """Return the names that `files` gives, whatever iterable it is; it may be one that can be gone through only once."""
    names = [files] if isinstance(files, str) else list(files)
    if isinstance(files, str) or not all(isinstance(name, str) for name in names):
        raise ParameterError(f"files is {files!r}; expected a list of file names, or None for all darks.")
    if not names:
        raise ParameterError(
            "files is an empty list: no dark is selected; name at least one, or None for all darks."
        )
    return names


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
