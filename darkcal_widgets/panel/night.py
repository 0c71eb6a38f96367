"""The night as the panel looks at it: what of it is picked, marked, looked at, and the advice on it. Not its list (listing)."""

from functools import cached_property

from ..advice import advise
from ..errors import DarkcalError, NightError
from ..night import Night
from ..text import visible
from .effect import Effect, image_of
from .parts import all_notations

__all__ = ["OpenNight"]


class OpenNight:
    """A night, or why there is none.

    What its methods take as `state` are the parameters and ``frame``, ``marked`` and ``extension`` of the panel, by name.

    Parameters
    ----------
    night : Night or None
    trouble : dict of str to str, optional
        Where there is no night, why: the name of the parameter that has to change, to a sentence.

    Attributes
    ----------
    night, trouble
    effect : Effect or None
        Of the image looked at.
    names : dict of str to str
        Name of each frame as it is shown, to its name.
    """

    def __init__(self, night, trouble=None):
        self.night, self.trouble = night, trouble or {}
        self.frames = () if night is None else night.frames
        self.effect = None if night is None else Effect(night)
        self.names = {visible(frame.name): frame.name for frame in self.frames}

    @classmethod
    def at(cls, raw_folder, dark_folder, image_types):
        """Open the night in a folder."""
        try:
            return cls(Night(raw_folder, dark_folder, image_types=image_types))
        except DarkcalError as error:
            named = [name for name in ("dark_folder", "image_types") if str(error).startswith(name)]
            return cls(None, {named[0] if named else "raw_folder": str(error)})

    def require(self):
        """Return the `Night`.

        Raises
        ------
        NightError
            There is none.
        """
        if self.night is None:
            raise NightError(next(iter(self.trouble.values())))
        return self.night

    @cached_property
    def advice(self):
        """The `Advice` on the night, measured when it is first asked for.

        Raises
        ------
        DarkcalError
            There is no night, or a frame can no longer be read.
        """
        return advise(self.require())

    def picked(self, state):
        """Return the names of the picked darks that are in the night."""
        files = state["files"]
        if self.night is None or files == ():
            return []
        try:
            return [dark.name for dark in self.night.select_darks(files)]
        except DarkcalError:  # some of what is named is not there, as problems says
            names = set(files or ())
            return [dark.name for dark in self.night.darks if {dark.name, dark.path.name} & names]

    def looked_at(self, state):
        """Return the name of the frame looked at, `None` where there is no frame."""
        if self.night is None:
            return None
        names = [frame.name for frame in self.frames]
        if state["frame"] in names:
            return state["frame"]
        return next(iter([*self.picked(state), *(dark.name for dark in self.night.darks), *names]), None)

    def marked(self, state):
        """Return the names of the marked frames: at least the frame looked at."""
        marked = [frame.name for frame in self.frames if frame.name in state["marked"]]
        name = self.looked_at(state)
        return marked or ([] if name is None else [name])

    def image(self, state):
        """Return the image looked at of the frame looked at, `None` where there is no frame."""
        name = self.looked_at(state)
        if name is None:
            return None
        frame = next(frame for frame in self.frames if frame.name == name)
        if any(part.label == state["extension"] for part in frame.parts):
            return image_of(frame, state["extension"])
        return next(iter(_calibrated_parts(frame, state)), frame.parts[0])

    def look_at_image(self, state):
        """Let `effect` be that of the image looked at."""
        image = self.image(state)
        if image is not None and image.extension != self.effect.extension:
            self.effect = Effect(self.night, image.extension, self.effect.sketches)

    def selected(self, state):
        """Return what the settings select: rows of the list, and the parts of the image looked at."""
        rows = {frame.name: row for row, frame in enumerate(self.frames)}
        row, image = rows.get(self.looked_at(state)), self.image(state)
        shape = image and image.shape
        images = {"image": image and image.label, "images": [], "calibrated": []}
        if row is not None and len(self.frames[row].parts) > 1:
            images["images"] = [part.label for part in self.frames[row].parts]
            images["calibrated"] = [part.label for part in _calibrated_parts(self.frames[row], state)]
        chosen = {"picked": self.picked(state), "marked": self.marked(state)}
        rows_of = {what: [rows[name] for name in names] for what, names in chosen.items()}
        return rows_of | {"row": row, "shape": shape} | images | all_notations(state, shape)


def _calibrated_parts(frame, state):
    try:
        return frame.select(state["extensions"])
    except DarkcalError:  # as problems says
        return ()
