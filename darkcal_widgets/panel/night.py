"""The night as the panel looks at it: what of it is picked, marked, looked at, and the advice on it. Not its list (listing)."""

from collections import Counter
from functools import cached_property

from ..advice import advise
from ..advice.remarks import remarks
from ..errors import DarkcalError, NightError, ParameterError
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
        self._rows = {frame.name: row for row, frame in enumerate(self.frames)}
        self._picked = (..., [])  # what was asked for last, and the answer

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

    @cached_property
    def camera(self):
        """The instrument and the shape, in words, of most of the darks, or of all frames if there is none; `None`: no frame."""
        frames = () if self.night is None else self.night.darks or self.frames
        kinds = Counter((frame.info.instrument, frame.shape_text) for frame in frames)
        return kinds.most_common(1)[0][0] if kinds else None

    @property
    def is_advised(self):
        """Whether the advice has been measured."""
        return "advice" in vars(self)

    def remarks(self, recipe):
        """Say what speaks against the steps of a recipe, see `~darkcal_widgets.advice.remarks`; nothing before `is_advised`."""
        if not self.is_advised:
            return {}
        try:
            return remarks(self.advice, recipe)
        except ParameterError:  # the frames that were measured have another shape
            return {}

    def picked(self, state):
        """Return the names of the picked darks that are in the night."""
        if self._picked[0] != state["files"]:
            self._picked = (state["files"], self._find(state["files"]))
        return self._picked[1]

    def _find(self, files):
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
        if state["frame"] in self._rows:
            return state["frame"]
        return next(
            iter(self.picked(state) or [frame.name for frame in self.night.darks or self.frames]), None
        )

    def marked(self, state):
        """Return the names of the marked frames: at least the frame looked at."""
        name, wanted = self.looked_at(state), set(state["marked"])
        marked = [other for other in self._rows if other in wanted]
        return marked or ([] if name is None else [name])

    def image(self, state):
        """Return the image looked at of the frame looked at, `None` where there is no frame."""
        name = self.looked_at(state)
        if name is None:
            return None
        frame = self.frames[self._rows[name]]
        if any(part.label == state["extension"] for part in frame.parts):
            return image_of(frame, state["extension"])
        return next(iter(_calibrated_parts(frame, state)), frame.parts[0])

    def look_at_image(self, state):
        """Let `effect` be that of the image looked at."""
        image = self.image(state)
        if image is not None and image.extension != self.effect.extension:
            self.effect = Effect(self.night, image.extension, self.effect.sketches)

    def chosen(self, state):
        """Return the row of the list that is looked at, and those that are picked and marked."""
        rows = {"picked": self.picked(state), "marked": self.marked(state)}
        rows = {what: [self._rows[name] for name in names] for what, names in rows.items()}
        return rows | {"row": self._rows.get(self.looked_at(state))}

    def selected(self, state):
        """Return the parts of the image looked at that the settings select, and which images are calibrated."""
        row, image = self._rows.get(self.looked_at(state)), self.image(state)
        shape = image and image.shape
        images = {"image": image and image.label, "images": [], "calibrated": []}
        if row is not None and len(self.frames[row].parts) > 1:
            images["images"] = [part.label for part in self.frames[row].parts]
            images["calibrated"] = [part.label for part in _calibrated_parts(self.frames[row], state)]
        return {"shape": shape} | images | all_notations(state, shape)


def _calibrated_parts(frame, state):
    try:
        return frame.select(state["extensions"])
    except DarkcalError:  # as problems says
        return ()
