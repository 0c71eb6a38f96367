"""Night: the raw frames of one camera in a folder, and which of them are darks. Not what was made of them (results)."""

import itertools
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .choice import chosen, parted
from .errors import NightError
from .files import frame_paths, is_frame_name
from .frames import Frame
from .frames.kinds import checked_image_types, frame_type, told_by_object
from .inventory import Inventory, type_label
from .text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from astropy.table import Table

__all__ = ["Night"]

_RESULT = "it is a result of darkcal and not a raw frame (it holds DCRECIPE)"


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
        What frames are, where their headers do not say it or say it wrong. Keys are words of the header's image type
        (``IMAGETYP`` and its kin; ``''``: there is none), ``"OBJECT=bias*"`` (any card and a shell pattern) or
        ``"file=d10*.fits"`` (a pattern of file names), all in any letter case; values ``'bias'``, ``'dark'``, ``'flat'``,
        ``'science'`` or ``'other'``. The first key that fits counts. What is called ``'other'`` is left out of everything.

    Attributes
    ----------
    raw_folder, dark_folder : Path
    image_types : dict
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

    def __init__(
        self,
        raw_folder: "str | PathLike[str]",
        dark_folder: "str | PathLike[str] | None" = None,
        *,
        image_types: dict | None = None,
    ) -> None:
        self.raw_folder = _folder(raw_folder, "raw_folder")
        self.dark_folder = self.raw_folder if dark_folder is None else _folder(dark_folder, "dark_folder")
        self.image_types = checked_image_types(image_types)
        paths = [path for folder in self.folders for path in frame_paths(folder)]
        if not paths:
            raise NightError(
                f"there is no FITS file in {', '.join(map(str, self.folders))}; {_elsewhere(self.folders)}"
            )
        super().__init__(
            [(self._name(path), path) for path in paths], lambda *named: Frame(*named, self.image_types)
        )
        self.frames = tuple(map(_set_apart, _doubted(self.frames)))
        in_dark_folder = {self._name(path) for path in paths if path.parent == self.dark_folder}
        self.unreadable_darks = [name for name in self.unreadable if name in in_dark_folder]

    @property
    def folders(self) -> list[Path]:
        """The folders of raw frames, each once."""
        same = self.dark_folder.resolve() == self.raw_folder.resolve()
        return [self.raw_folder] if same else [self.raw_folder, self.dark_folder]

    @property
    def darks(self) -> list[Frame]:
        """The single darks of `dark_folder`, by name."""
        return list(self._darks)

    @cached_property
    def _darks(self):
        return tuple(frame for frame in self.of_type("dark") if frame.path.parent == self.dark_folder)

    @cached_property
    def table(self) -> "Table":
        """The frames as a `~astropy.table.Table`: file, type, exposure in seconds, filter, shape, temperature."""
        from .tables import ShownTable  # slow to import, and a run needs no table

        infos = [frame.info for frame in self.frames]
        table = ShownTable(masked=True)
        table["file"] = np.array([visible(frame.name) for frame in self.frames], dtype=str)
        table["type"] = np.array([visible(type_label(info)) for info in infos], dtype=str)
        table["exposure"] = _numbers([info.exposure for info in infos], "s")
        table["filter"] = np.array([visible(info.filter) for info in infos], dtype=str)
        table["shape"] = np.array([frame.shape_text for frame in self.frames], dtype=str)
        table["temperature"] = _numbers([info.temperature for info in infos], "deg_C")
        table["shape"].description = "rows x columns"
        table["temperature"].description = "of the sensor"
        return table

    def select_darks(self, files: "Iterable[str] | None" = None) -> list[Frame]:
        """Return the darks to calibrate.

        Parameters
        ----------
        files : iterable of str, optional
            Names of darks, shell patterns of names (``"dark-10*"``), or choices: ``"exposure=300"``, ``"temperature=-10"``, or
            both in one (``"exposure=300 temperature=-10"``), within the tolerances of `~darkcal_widgets.groups`. A dark is taken
            if one of them fits it. What begins with ``bias:`` is said of bias frames, see `select_biases`. `None`, or nothing
            said of darks: all.

        Raises
        ------
        NightError
            All darks are meant and there is none.
        ParameterError
            `files` is empty, or one of them fits no dark, such as a name that is not there or that is not of a dark.
        """
        wanted, _ = parted(files)
        if wanted is None:
            if not self.darks and not self.unreadable_darks:
                raise NightError(self._no_darks())
            return self.darks
        return chosen(wanted, self.darks, "dark", self._not_a_dark)

    def select_biases(self, files: "Iterable[str] | None" = None) -> list[Frame]:
        """Return the bias frames that a combined bias is built from.

        Parameters
        ----------
        files : iterable of str, optional
            As for `select_darks`; what begins with ``bias:`` chooses among the bias frames in the same ways
            (``"bias:b-10*"``, ``"bias:temperature=-10"``). `None`, or nothing of the kind: all.

        Raises
        ------
        ParameterError
            Something in it fits no bias frame.
        """
        _, wanted = parted(files)
        return self.biases if wanted is None else chosen(wanted, self.biases, "bias frame", self._not_a_bias)

    @property
    def passed_over(self) -> list[str]:
        """Sentences on the files in `dark_folder` that could be meant as darks to calibrate and are not used as such."""
        here = [frame for frame in self.frames if frame.path.parent == self.dark_folder]
        return (
            [
                f"{frame.name} is not calibrated: {_why_untyped(frame.info)}. If it is a dark, say so with "
                f"image_types={{{frame.info.type_key!r}: 'dark'}}."
                for frame in here
                if frame.info.type is None
            ]
            + [
                f"{frame.name} is not calibrated: it is the average of many frames (COMBINED)."
                for frame in here
                if frame.info.type == "dark" and frame.info.combined
            ]
            + _results_apart([frame.name for frame in here if _is_result(frame)])
        )

    @property
    def notes(self) -> list[str]:
        """Sentences on frames whose type is a guess or ambiguous: which, what was found, what was taken, how to say otherwise."""
        return self.guesses() + _type_notes([f for f in self.frames if f.info.type_source == "ambiguous"])

    def guesses(self, *types: str) -> list[str]:
        """Return such sentences on the frames whose type is a guess, and one of `types` if any are named."""
        guessed = [frame for frame in self.frames if frame.info.type_source == "guess"]
        return _type_notes([frame for frame in guessed if not types or frame.info.type in types])

    def _problems(self):
        return super()._problems() + [visible(note) for note in self.notes]

    def _name(self, path):
        return str(path.relative_to(self.raw_folder)) if path.is_relative_to(self.raw_folder) else path.name

    def _not_a_dark(self, fits):
        """Say why what is asked for, by a function of a name, is not a dark; empty: there is nothing of that name."""
        if frame := self._fitting(fits):
            if frame.info.type == "dark" and not frame.info.combined:
                return f"is not in dark_folder {str(self.dark_folder)!r} but in {str(frame.path.parent)!r}."
            if _is_result(frame):
                return f"cannot be calibrated: {_RESULT}. Choose the raw frame."
            choice = f" To choose among the bias frames, write 'bias:{frame.name}'."
            return f"is not a dark: {_said_of(frame)}. {_say_so(frame, 'dark')}{choice * (frame.info.type == 'bias')}"
        return self._unreadable_reason(fits)

    def _not_a_bias(self, fits):
        if frame := self._fitting(fits):
            return f"is not a bias frame: {_said_of(frame)}. {_say_so(frame, 'bias')}"
        return self._unreadable_reason(fits)

    def _fitting(self, fits):
        """Return the first frame whose name fits, one in `dark_folder` if there is one; `None`: no name does."""
        found = [frame for frame in self.frames if fits(frame.name) or fits(frame.path.name)]
        return min(found, key=lambda frame: frame.path.parent != self.dark_folder, default=None)

    def _unreadable_reason(self, fits):
        found = (why for name, why in self.unreadable.items() if fits(name) or fits(Path(name).name))
        return next((f"cannot be read: {why}" for why in found), "")

    def _no_darks(self):
        here = [frame for frame in self.frames if frame.path.parent == self.dark_folder]
        counts = Counter(type_label(frame.info) for frame in here)
        found = ", ".join(f"{count} {kind!r}" for kind, count in counts.items())
        return (
            f"there are no darks in {self.dark_folder}: the headers say {found or 'nothing'}. Name their folder with "
            "dark_folder, or say which frames are darks with image_types={'word': 'dark'}, {'OBJECT=dark*': 'dark'} or "
            "{'file=d10*': 'dark'}."
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


def _set_apart(frame):
    """Return a frame that is a result of darkcal as of another type than raw frames, whatever it was made from."""
    if not _is_result(frame):
        return frame
    return frame.with_info(type="other", type_source="header", type_evidence=_RESULT)


def _is_result(frame):
    return "darkcal" in dict(frame.info.done)


def _doubted(frames):
    """Return frames without the type of darks whose word for it stands on other frames, too: LRIS calls every frame a dark."""
    others = {_camera_word(frame): frame for frame in frames if _belies_dark(frame)}
    return tuple(_doubtful(frame, others.get(_camera_word(frame))) for frame in frames)


def _camera_word(frame):
    return frame.info.instrument, frame.info.type_word


def _belies_dark(frame):
    """Tell whether a frame is called a dark by the keyword for the type and is not one."""
    info = frame.info
    is_other = info.type_source not in ("user", "ambiguous") and info.type not in ("dark", None)
    return is_other and bool(info.exposure) and frame_type(info.type_word) == "dark"


def _doubtful(frame, other):
    info = frame.info
    if other is None or info.type != "dark" or info.type_source != "header":
        return frame
    title = str(frame.header.get("OBJECT", "")).strip()
    if told_by_object(title) == "dark":
        return frame
    evidence = f"{info.type_word!r} also stands in {other.name}, where {other.info.type_evidence}"
    return frame.with_info(
        type=None, type_source="ambiguous", type_evidence=evidence, type_key=f"OBJECT={title}"
    )


def _results_apart(names):
    if not names:
        return []
    they_are = "are not calibrated: they are results" if names[1:] else "is not calibrated: it is a result"
    return [f"{_first_of(names)} {they_are} of darkcal (DCRECIPE)."]


def _first_of(names):
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _say_so(frame, kind):
    return f"If it is one, say so with image_types={{{frame.info.type_key or frame.info.type_word!r}: {kind!r}}}."


def _said_of(frame):
    info = frame.info
    return f"{info.type_evidence}" if info.type_evidence else f"its header says {type_label(info)!r}"


def _why_untyped(info):
    if info.type_evidence:
        return f"its type is ambiguous ({info.type_evidence})"
    return f"its header does not give a known type of frame ({info.type_word!r})"


def _type_notes(frames):
    """Say of frames what was found and what they are used as, together those of which the same is to be said."""
    groups = {}
    for frame in frames:
        groups.setdefault((frame.info.type, _without_numbers(frame.info)), []).append(frame)
    return [_type_note(kind, group) for (kind, _), group in groups.items()]


def _without_numbers(info):
    """Return what two frames have in common that are used as the same kind for the same reason."""
    key = "file" if info.type_key.startswith("file=") else info.type_key
    return key, info.type_evidence.partition(", the exposure is")[0]


def _elsewhere(folders):
    """Say which folders below hold frames, or what was expected if there are none."""
    below = {path.parent for folder in folders for path in folder.glob("*/*") if is_frame_name(path.name)}
    if not below:
        return "expected frames named *.fits, *.fit or *.fts, plain or compressed (.gz, .bz2, .fz)."
    listed = ", ".join(map(str, sorted(below)[:5])) + (
        f" and {len(below) - 5} more" if len(below) > 5 else ""
    )
    return (
        f"these below it hold some: {listed}. Set raw_folder, or dark_folder for the darks, to one of them."
    )


def _type_note(kind, frames):
    info, names = frames[0].info, [frame.name for frame in frames]
    listed = _first_of(names)
    key = info.type_key
    if key.startswith("file=") and len(frames) > 1:
        key = f"file={_common_start([frame.path.name for frame in frames])}*"
    otherwise = {"bias": "dark", "dark": "bias"}.get(kind, "science" if kind else "dark")
    if kind is None:
        return f"{listed}: ambiguous, {info.type_evidence}; not used. Say what it is with image_types={{{key!r}: {otherwise!r}}}."
    return f"{listed}: {info.type_evidence}; used as {kind}. To say otherwise: image_types={{{key!r}: {otherwise!r}}}."


def _common_start(names):
    columns = zip(*names, strict=False)
    return "".join(
        letters[0] for letters in itertools.takewhile(lambda column: len(set(column)) == 1, columns)
    )


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
