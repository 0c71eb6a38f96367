"""What the buttons of the panel do. What they may do, and what follows, is decided elsewhere (settings, widget)."""

import contextlib
from functools import partial
from pathlib import Path
from threading import Thread

from ..errors import DarkcalError
from ..files import result_name
from ..frames.kinds import FRAME_TYPES
from ..parameters import ADVISABLE
from ..text import visible
from .parts import join_amplifiers, split_amplifiers
from .run import calibrate, combine, compared
from .settings import declared, undeclared
from .viewer import hand_over

__all__ = ["Clicks"]


class Clicks:
    """The part of `~darkcal_widgets.DarkPanel` that answers clicks."""

    def _act(self, _panel, message, _buffers):
        """Do what a button asks for.

        A click is a message and not a trait: it is over once it is done, where a trait would be handed to the next page that is
        loaded, and would not change when the button is pressed again.
        """
        actions = {
            "calibrate": partial(self._on_run, calibrate, message.get("replaces")),
            "combine": partial(self._on_run, combine, message.get("replaces")),
            "declare": partial(self._on_declare, message.get("kind")),
            "cancel": self._runs.cancel,
            "save": self._on_save,
            "load": self._on_load,
            "accept": self._on_accept,
            "as advised": self._on_as_advised,
            "several amplifiers": partial(self._on_amplifiers, split_amplifiers),
            "one amplifier": partial(self._on_amplifiers, join_amplifiers),
            "as at the start": self._on_as_at_the_start,
            "hand over": partial(self._on_hand_over, message.get("viewer")),
            "undo": partial(self._on_step, -1),
            "redo": partial(self._on_step, 1),
        }
        if message.get("action") in actions:
            actions[message["action"]]()
            self._asked = message.get("asked", self._asked)  # not before: what is read ahead answers, too
            self._answer()

    def _on_run(self, work, replaces):
        def in_background():
            with contextlib.suppress(DarkcalError):  # it has been said in the panel
                run = self._run(work, True if replaces else None)
                if work is calibrate and not run.cancelled:
                    self._add_line(compared(self.night, self.reduced_folder))

        if not self.problems and not self.progress.get("running"):
            Thread(target=in_background, daemon=True).start()

    def _add_line(self, text):
        """Add a line to what was said of the run, unless there is none, or another run has begun."""
        with self._lock:
            if text and not self.progress["running"]:
                self._show(progress=self.progress | {"lines": [*self.progress["lines"], text]})

    def _on_declare(self, kind):
        if kind in FRAME_TYPES:
            self.image_types = declared(self.image_types, self._opened.marked(self._state()), kind)
        elif kind == "header":
            self.image_types = undeclared(self.image_types, self._opened.marked(self._state()))

    def _on_save(self):
        path = Path(self.settings_file)
        if path.exists() and self._may_replace != path:
            self._may_replace = path
            self._say(f"{path} already exists; press Save settings once more to replace it.")
        else:
            self._say(self._tried(lambda: self.save(path), f"Saved in {path}."))

    def _on_load(self):
        path = self.settings_file
        self._say(self._tried(lambda: self.load(path), f"Loaded from {path}."))

    def _on_as_advised(self):
        self._say(self._tried(self._follow_advice, "Set as the advice on this night recommends."), "start")

    def _follow_advice(self):
        recipe = self.advice.recipe
        with self._at_once():
            self._set({name: getattr(recipe, name) for name in ADVISABLE})
            self._accept()

    def _on_accept(self):
        with self._at_once():
            self._accept()
            self._stale = True

    def _on_hand_over(self, viewer):
        """Hand the result to another viewer, or the raw frame where there is none."""
        image = self._opened.image(self._state())
        if image is None:
            return
        result = Path(self.reduced_folder) / result_name(image.path.name)
        try:
            said = hand_over(result if result.is_file() else image.path, viewer)
        except DarkcalError as error:
            said = str(error)
        self._show_locked(notes=self.notes | {"handed": said})

    def _on_amplifiers(self, change):
        image = self._opened.image(self._state())
        if image is not None:
            with self._at_once(), contextlib.suppress(DarkcalError):  # what is wrong is said already
                self._set(change(self._values(), image.shape))

    def _on_as_at_the_start(self):
        self.parameters = self._given

    def _on_step(self, way):
        with self._at_once():
            if (state := self._history.step(way)) is not None:
                values, self._questions.accepted = state
                self._set_all(values)

    @staticmethod
    def _tried(act, done):
        try:
            act()
        except DarkcalError as error:
            return str(error)
        return done

    def _say(self, sentence, where="file"):
        with self._lock:
            self._show(notes=self.notes | {where: visible(sentence)})
