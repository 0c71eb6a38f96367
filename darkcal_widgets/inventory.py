"""Inventory: frames that were listed from folders, and the ways to choose among them. A night and a folder of results are two."""

from typing import TYPE_CHECKING

from .errors import FrameError
from .html import html_text
from .text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from astropy.table import Table

    from .frames import Frame

__all__ = ["Inventory", "type_label"]


class Inventory:
    """Frames from their headers; images are not read, and nothing is written.

    Attributes
    ----------
    frames : tuple of Frame
        The readable ones, by name.
    unreadable : dict
        Name of each file that could not be read, to the reason.
    """

    # Of each kind of inventory, its own.
    table: "Table"

    def _summary(self) -> str:
        raise NotImplementedError

    def __init__(
        self, named_paths: "Iterable[tuple[str, Path]]", make_frame: "Callable[[Path, str], Frame]"
    ) -> None:
        frames, self.unreadable = [], {}
        for name, path in named_paths:
            try:
                frames.append(make_frame(path, name))
            except FrameError as error:
                self.unreadable[name] = str(error)
        self.frames = tuple(frames)

    def of_type(self, kind: str, *, combined: bool = False) -> "list[Frame]":
        """Return the frames of a type: the single ones, or those that are the average of many (``COMBINED``)."""
        return [frame for frame in self.frames if frame.info.type == kind and frame.info.combined is combined]

    @property
    def darks(self) -> "list[Frame]":
        """The single darks, by name."""
        return self.of_type("dark")

    @property
    def biases(self) -> "list[Frame]":
        """The single bias frames, by name."""
        return self.of_type("bias")

    @property
    def flats(self) -> "list[Frame]":
        """The single flats, by name."""
        return self.of_type("flat")

    @property
    def science(self) -> "list[Frame]":
        """The science frames, by name."""
        return self.of_type("science")

    def __str__(self):
        lines = [self._summary(), *self.table.pformat(max_lines=-1, max_width=-1), *self._problems()]
        return "\n".join(lines)

    def __repr__(self):
        return f"<{type(self).__name__} {self._summary()}>"

    def _repr_html_(self):
        lines = [self._summary(), *self._problems()]
        return "".join(f"<p>{html_text(line)}</p>" for line in lines) + self.table._repr_html_()

    def _problems(self):
        return [visible(f"unreadable: {reason}") for reason in self.unreadable.values()]


def type_label(info):
    """Say what a frame is, in two or three words: its type, or the word in its header that is not known."""
    doubt = "ambiguous" if info.type_source == "ambiguous" else "unknown"
    label = info.type or (f"{doubt}: {info.type_word}" if info.type_word else doubt)
    return f"combined {label}" if info.combined else label
