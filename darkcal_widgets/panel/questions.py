"""Questions that somebody has to answer before a run: on settings made for another camera, and where the advice cannot decide."""

from ..parameters import ADVISABLE
from .parts import SECTIONS

__all__ = ["Questions"]


class Questions:
    """What is asked of the settings as they stand. `values` are the parameters by name.

    Attributes
    ----------
    open : dict of str to str
        Name of each setting that is questioned, to a sentence.
    accepted : tuple
        The camera (instrument and shape, in words; `None`: there is no frame) for which settings were made or accepted last,
        and these by name.
    """

    def __init__(self):
        self.open, self.accepted = {}, (None, {})
        self._undecided = {}  # name of a setting to the value that stands for want of a better one, and the sentence that asks

    def ask(self, values, camera):
        """Ask again; settings for another camera that are not questioned are accepted."""
        self.open = _for_another(values, camera, self.accepted)
        if not self.open:
            self._note(values, camera)
        self.open |= {
            name: sentence for name, (value, sentence) in self._undecided.items() if values[name] == value
        }

    def accept(self, values, camera):
        """Take the settings as the answer to all that was asked."""
        self._undecided = {}
        self._note(values, camera)

    def leave_open(self, values, sentences):
        """Ask what the advice could not decide, by name, as long as the settings are what they are now."""
        self._undecided = {name: (values[name], sentence) for name, sentence in sentences.items()}

    def _note(self, values, camera):
        if camera is not None:
            self.accepted = (camera, {name: values[name] for name in ADVISABLE})


def _for_another(values, camera, accepted):
    """Question settings that were made for another camera: they may fit these frames and be wrong for them."""
    made_for, before = accepted
    if None in (camera, made_for) or camera == made_for:
        return {}
    names = SECTIONS if values["amplifiers"] is None else ("amplifiers",)
    frames, others = (" ".join(filter(None, (name, shape))) for name, shape in (camera, made_for))
    return {
        name: f"{values[name] or 'Nothing'} was set for the frames of another night ({others}), and these are of another kind "
        f"({frames}). Press As advised or Keep as they are, or change it."
        for name in names
        if values[name] == before[name]
    }
