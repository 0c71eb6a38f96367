"""DarkPanel: the settings of a run to look at and to change, over a Night. The only module that imports widgets.

There is one state, `State`, and it changes in one place, `DarkPanel._apply`. The browser draws what the kernel last said and
sends what the user wants (`{"kind": "set", ...}`); nothing is decided there. All that is drawn lives in the traits of one widget,
so that a page that is loaded again, or a second view of the same panel, shows the same.
"""

import asyncio
import base64
import contextlib
import os
import time
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from threading import Event, RLock, Thread

import anywidget
import traitlets

from ..errors import DarkcalError, FrameError, NightError
from ..night import Night
from ..parameters import Parameters
from ..recipe import Recipe
from ..run import calibrate_darks
from ..text import visible
from .draft import (
    Range,
    bias_note,
    night_notes,
    notation,
    problems,
    results_note,
    section_problems,
    with_range,
)
from .shown import Window, bias_path, exposure_groups, folder_choices, frame_rows
from .state import VIEW_CHOICES, Progress, State, View, notebook_of, visible_text

__all__ = ["DarkPanel"]

_FRONT = Path(__file__).parent / "front"
# One module for the browser, written in parts: elements, charts, the panel.
_PARTS = ("elements.js", "charts.js", "panel.js")

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# Reading ahead says what it has read no more often than this, in seconds.
_READ_AHEAD_PAUSE = 0.3

# The picture that a notebook keeps is drawn when nothing has been changed for this long.
_STILL_SECONDS = 1.5

_EMPTY_MEANS_NONE = ("dark_folder", "overscan_columns", "keep_columns", "combined_bias")


class _Page(anywidget.AnyWidget):
    """What the browser is told. It sets none of these; it sends messages."""

    _esm = "\n".join((_FRONT / part).read_text(encoding="utf-8") for part in _PARTS)
    _css = (_FRONT / "panel.css").read_text(encoding="utf-8")
    state = traitlets.Dict().tag(sync=True)
    night = traitlets.Dict().tag(sync=True)
    profiles = traitlets.Dict().tag(sync=True)
    raw = traitlets.Dict().tag(sync=True)
    effect = traitlets.Dict().tag(sync=True)
    levels = traitlets.Dict().tag(sync=True)
    run = traitlets.Dict().tag(sync=True)


class DarkPanel:
    """A panel to look at a night, set what is done to its darks, see the effect, and calibrate them.

    Parameters
    ----------
    night : Night
    recipe : Recipe
    reduced_folder : path-like
        Where the results go.
    files, combined_bias, overwrite
        See `~darkcal_widgets.calibrate_darks`.

    Examples
    --------
    >>> panel = DarkPanel(night, recipe, "example1-reduced")  # doctest: +SKIP
    >>> panel  # doctest: +SKIP
    >>> run = panel.calibrate()  # doctest: +SKIP
    """

    def __init__(
        self, night, recipe, reduced_folder="reduced", *, files=None, combined_bias=None, overwrite=False
    ):
        alone = night.dark_folder == night.raw_folder
        self._start(
            night,
            Parameters(
                raw_folder=str(night.raw_folder),
                dark_folder=None if alone else str(night.dark_folder),
                reduced_folder=reduced_folder,
                combined_bias=combined_bias,
                files=None if files is None else tuple(files),
                image_types=night.image_types or None,
                overwrite=overwrite,
                **recipe.to_parameters(),
            ),
        )

    @classmethod
    def from_parameters(cls, parameters):
        """Make a panel, and its night, from `Parameters`.

        Raises
        ------
        NightError
            A folder is not there or holds no FITS file.
        """
        panel = cls.__new__(cls)
        night = Night(parameters.raw_folder, parameters.dark_folder, image_types=parameters.image_types)
        panel._start(night, parameters)
        return panel

    def _start(self, night, parameters):
        self._lock = RLock()  # the state; messages, code and the threads below meet here
        self._one_run = RLock()
        self._cancel = Event()
        self._closed = Event()
        self._window = Window()
        self._watched = False  # no browser has asked yet: nothing is read for it
        self._reader = None
        self._answered = 0
        self._still = self._loop = None
        self._said = ""
        self._night, self._night_trouble = night, {}
        self._looked_in = (parameters.raw_folder, parameters.dark_folder)
        self._page = _Page()
        self._undo = [self._page.close]
        self._listen(self._page.on_msg, self._receive)
        self._show_night()
        self._apply(State(parameters.to_dict()))

    # As code

    @property
    def night(self):
        """The `Night` that is looked at.

        Raises
        ------
        NightError
            The folder that stands in the panel is none.
        """
        if self._night is None:
            raise NightError(next(iter(self._night_trouble.values())))
        return self._night

    @property
    def parameters(self):
        """The current settings, as `Parameters`.

        Raises
        ------
        ParameterError
            What stands in the panel cannot be used.
        """
        return Parameters(**self._state.values)

    @parameters.setter
    def parameters(self, parameters):
        self._apply(replace(self._state, values=parameters.to_dict()))

    @property
    def recipe(self):
        """What is done to each dark, as a `Recipe`."""
        return self.parameters.recipe

    @recipe.setter
    def recipe(self, recipe):
        self.parameters = replace(self.parameters, **recipe.to_parameters())

    @property
    def files(self):
        """Names of the picked darks; `None`: all."""
        return self.parameters.files

    @files.setter
    def files(self, files):
        self.parameters = replace(self.parameters, files=None if files is None else tuple(files))

    @property
    def problems(self):
        """What is wrong with the settings: name of each parameter that has to change, to a sentence."""
        return dict(self._problems)

    def calibrate(self):
        """Calibrate the picked darks with the current settings, as the button does; a second call waits for the first.

        Returns
        -------
        Run

        Raises
        ------
        DarkcalError
            See `~darkcal_widgets.calibrate_darks`.
        """
        with self._one_run:
            self._cancel.clear()
            progress = Progress(self._show_run)
            try:
                run = self._calibrate(progress)
            except BaseException as error:
                progress.end(
                    [visible(f"Stopped: {error}" if isinstance(error, DarkcalError) else repr(error))]
                )
                raise
            progress.end(visible_text(str(run)).splitlines(), run)
            self._apply(self._state)  # what is there already has changed
            return run

    def save(self, path):
        """Save the settings as a YAML file that `load`, ``papermill -f`` and ``darkcal batch`` read."""
        self.parameters.save(path, notebook=notebook_of(self._state.values)[0])

    def load(self, path):
        """Take the settings from a YAML file."""
        self.parameters = Parameters.load(path)

    def close(self):
        """Close the panel in the browser, let a run end after the frames it is at, and undo every observer."""
        self._closed.set()
        self._cancel.set()
        while self._undo:
            self._undo.pop()()

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self._state.values.items())
        return f"DarkPanel({settings})"

    def _repr_mimebundle_(self, include=None, exclude=None):
        picture, text = self._still_bundles()
        return self._view_bundle() | picture | text

    def _ipython_display_(self):
        """Display a picture and the settings, and after them the panel, which hides the two for as long as it lives itself."""
        from IPython.display import display

        self._still = [display(bundle, raw=True, display_id=True) for bundle in self._still_bundles()]
        display(
            self._view_bundle() | {"text/plain": "DarkPanel: run the notebook to bring it to life."}, raw=True
        )

    # The picture that stays when the notebook is read without a kernel

    def _view_bundle(self):
        view = {"version_major": 2, "version_minor": 0, "model_id": self._page.model_id}
        return {_WIDGET_VIEW: view}

    def _text(self):
        wrong = [f"wrong: {sentence}" for sentence in self._problems.values()]
        return visible_text("\n".join([repr(self), *wrong, *self._page.run.get("lines", [])]))

    def _still_bundles(self):
        """Return the picture, as far as there is one, and the settings in text."""
        text, name = {"text/plain": self._text()}, self._frame()
        no_picture = {"text/plain": "DarkPanel"}
        if name is None:
            return no_picture, text
        try:
            recipe = None if self._section_problems() else self._recipe()
            path = recipe and bias_path(self._state.values)
            figure = self._window.still(self._night, name, self._state.values, recipe, path)
        except DarkcalError:
            return no_picture, text  # which says what is wrong
        return no_picture | {"image/png": base64.b64encode(figure._repr_png_()).decode()}, text

    def _renew_still_later(self):
        """Draw the picture again once the settings have rested, where the kernel has nothing else to do."""
        if self._still is None or self._loop is None:
            return
        later = partial(self._loop.call_later, _STILL_SECONDS, self._renew_still, self._state)
        self._loop.call_soon_threadsafe(later)

    def _renew_still(self, state):
        if state is self._state and not self._closed.is_set():
            for display, bundle in zip(self._still, self._still_bundles(), strict=True):
                display.update(bundle, raw=True)

    # State

    def _apply(self, state, live=False):
        """Make `state` the state, and show it; while dragging (`live`), leave out what takes time and can wait."""
        # A step of a drag is one message; otherwise the picture goes first, and need not wait for what has yet to be looked up.
        with self._lock, self._page.hold_sync() if live else contextlib.nullcontext():
            self._state = state
            self._find_night()
            self._problems = self._section_problems()
            if self._watched:
                self._show_pictures()
            if live:
                self._show_state(live)
                return
            self._problems = self._all_problems()
            self._show_state(live)
            self._renew_still_later()
            self._read_ahead()

    def _find_night(self):
        values = self._state.values
        wanted = (values["raw_folder"], values["dark_folder"])
        if wanted == self._looked_in:
            return
        self._looked_in = wanted
        try:
            self._night = Night(*wanted, image_types=values["image_types"])
            self._night_trouble = {}
        except DarkcalError as error:
            where = "dark_folder" if str(error).startswith("dark_folder") else "raw_folder"
            self._night, self._night_trouble = None, {where: str(error)}
        self._show_night()

    def _section_problems(self):
        if self._night is None:
            return dict(self._night_trouble)
        return section_problems(self._state.values, self._night)

    def _all_problems(self):
        return dict(self._night_trouble) if self._night is None else problems(self._state.values, self._night)

    def _recipe(self):
        """Return the recipe even where another parameter, such as the folder of results, is wrong."""
        return Recipe(**{field.name: self._state.values[field.name] for field in fields(Recipe)})

    def _picked(self):
        """Return the names of the picked darks that are in the night."""
        if self._night is None:
            return []
        files = self._state.values["files"]
        if files is None:
            return [dark.name for dark in self._night.darks]
        picked = set()
        for entry in files:
            with contextlib.suppress(DarkcalError):  # What fits no dark is a problem that is said.
                picked.update(self._night.select_darks([entry]))
        return [dark.name for dark in self._night.darks if dark in picked]

    def _frame(self):
        """Return the name of the frame looked at."""
        names = [] if self._night is None else [frame.name for frame in self._night.frames]
        wanted = self._state.view.frame
        return wanted if wanted in names else next(iter([*self._picked(), *self._dark_names(), *names]), None)

    def _dark_names(self):
        return [] if self._night is None else [dark.name for dark in self._night.darks]

    def _shape(self):
        name = self._frame()
        return (
            next((frame.info.shape for frame in self._night.frames if frame.name == name), None)
            if name
            else None
        )

    # To the browser

    def _show_night(self):
        night = self._night
        self._page.night = (
            {"frames": [], "exposures": [], "notes": []}
            if night is None
            else {
                "frames": frame_rows(night),
                "exposures": exposure_groups(night),
                "notes": night_notes(night),
            }
        )

    def _show_state(self, live):
        values, shape, kept = self._state.values, self._shape(), self._page.state if live else {}
        names = (
            {name: n for n, name in enumerate(frame.name for frame in self._night.frames)}
            if self._night
            else {}
        )
        view = asdict(self._state.view) | {"frame": names.get(self._frame())}
        self._page.state = {
            "values": {name: value for name, value in values.items() if name != "files"},
            "picked": [names[name] for name in self._picked()],
            "view": view,
            "shape": shape,
            "sections": {
                name: shape and notation(values, name, shape) for name in ("overscan_columns", "keep_columns")
            },
            "problems": {name: visible(text) for name, text in self._problems.items()},
            "folders": kept.get("folders") or folder_choices(values),
            "notes": self._notes() if not live else kept.get("notes", {}),
            "code": self._code() if not live else kept.get("code", {}),
            "answered": self._answered,
        }

    def _notes(self):
        notes = {"said": visible(self._said)}
        if self._problems or self._night is None:
            return notes
        values = self._state.values
        return notes | {"bias": bias_note(values, self._night), "results": results_note(values, self._night)}

    def _code(self):
        if self._problems:
            return {}
        _, path = notebook_of(self._state.values)
        stem = Path(path).stem
        return {
            "folder": os.getcwd(),
            "papermill": self.parameters.papermill_command(
                path, f"{stem}-done.ipynb", self._state.view.settings_file
            ),
            "python": self.parameters.python_code(),
        }

    def _show_pictures(self):
        """Show profiles, the effect on the frame looked at, and the levels, as far as the settings allow."""
        state, name = self._state, self._frame()
        with self._page.hold_sync():
            try:
                self._page.profiles = self._profiles(name) if name else {}
                self._page.raw = self._window.raw(self._night, name, state.values["unit"]) if name else {}
                path = None if self._problems or not name else bias_path(state.values)
                self._page.effect = {} if self._problems or not name else self._effect(name, path)
                self._page.levels = {} if self._problems or not name else self._levels(path)
            except DarkcalError as error:
                self._page.effect, self._page.levels = {"trouble": visible(error)}, {}

    def _profiles(self, name):
        view, unit = self._state.view, self._state.values["unit"]
        return self._window.profiles(self._night, name, unit, view.axis, view.statistic)

    def _effect(self, name, path):
        return self._window.effect(self._night, name, self._recipe(), path)

    def _levels(self, path):
        return self._window.levels(self._night, self._picked(), self._recipe(), path)

    def _read_ahead(self):
        """Read the frames whose levels are missing, in a thread, and show the levels as they come."""
        if not self._watched or self._problems or (self._reader is not None and self._reader.is_alive()):
            return
        if self._window.unread(self._night, self._picked(), self._recipe().unit):
            self._reader = Thread(target=self._read_missing, daemon=True)
            self._reader.start()

    def _read_missing(self):
        unreadable, shown = set(), time.monotonic()
        while not self._closed.is_set():
            with self._lock:
                if self._problems:
                    return
                night, unit = self._night, self._recipe().unit
                missing = [
                    frame
                    for frame in self._window.unread(night, self._picked(), unit)
                    if frame not in unreadable
                ]
            if missing:
                try:
                    self._window.read(missing[0], unit)
                except FrameError:
                    unreadable.add(missing[0])  # The run will say why.
            if not missing or time.monotonic() - shown > _READ_AHEAD_PAUSE:
                shown = time.monotonic()
                self._show_levels()
            if not missing:
                return

    def _show_levels(self):
        with self._lock:
            if self._problems:
                return
            try:
                self._page.levels = self._levels(bias_path(self._state.values))
            except DarkcalError as error:
                self._page.levels = {"trouble": visible(error)}

    def _show_run(self, run):
        with self._lock:
            self._page.run = run

    # From the browser

    def _listen(self, observe, handler):
        """Register an observer, and remember how to undo it."""
        observe(handler)
        self._undo.append(lambda: observe(handler, remove=True))

    def _receive(self, _page, message, _buffers):
        """Do what the browser asks for; what it cannot ask for is passed over."""
        act = {
            "hello": self._on_hello,
            "set": self._on_set,
            "range": self._on_range,
            "view": self._on_view,
            "look": self._on_look,
            "pick": self._on_pick,
            "calibrate": self._on_calibrate,
            "cancel": self._on_cancel,
            "save": self._on_save,
            "load": self._on_load,
        }.get(message.get("kind"))
        if act is None:
            return
        with self._lock:
            self._answered = message.get("n", self._answered)
            self._said = ""
            act(message)

    def _on_hello(self, _message):
        self._watched = True
        self._loop = _running_loop()
        self._apply(self._state)

    def _on_set(self, message):
        name, value = message["name"], message["value"]
        if name not in self._state.values or name == "files":
            return
        if isinstance(value, str):
            value = value.strip()
            value = None if value == "" and name in _EMPTY_MEANS_NONE else value
        self._change(**{name: value} | (self._dark_folder_in(value) if name == "raw_folder" else {}))

    def _dark_folder_in(self, raw_folder):
        """Return where the darks of another night are likely to be: in a subfolder of the same name, or in the night itself."""
        now = self._state.values["dark_folder"]
        beside = None if now is None else os.path.join(raw_folder, os.path.basename(now))
        return {"dark_folder": beside if beside and os.path.isdir(beside) else None, "files": None}

    def _on_range(self, message):
        part = Range(message["axis"], message["start"], message["stop"])
        shape = self._shape()
        if shape is not None:
            values = with_range(self._state.values, message["name"], part, shape)
            self._apply(replace(self._state, values=values), live=message.get("live", False))

    def _on_view(self, message):
        name, value = message["name"], message["value"]
        if name in VIEW_CHOICES and value not in VIEW_CHOICES[name]:
            return
        if name in View.__dataclass_fields__ and name != "frame":
            self._look(**{name: tuple(value) if name == "sort" else value})

    def _on_look(self, message):
        frames = self._night.frames if self._night else ()
        if 0 <= message["row"] < len(frames):
            self._look(frame=frames[message["row"]].name)

    def _on_pick(self, message):
        frames, darks = self._night.frames if self._night else (), self._dark_names()
        rows = set(message["rows"])
        picked = [frame.name for n, frame in enumerate(frames) if n in rows and frame.name in darks]
        self._change(files=None if picked == darks else picked)

    def _on_calibrate(self, _message):
        if not self._problems and not self._page.run.get("running"):
            Thread(target=self._calibrate_in_background, daemon=True).start()

    def _on_cancel(self, _message):
        self._cancel.set()
        self._page.run = self._page.run | {"cancelling": True}

    def _on_save(self, message):
        path = Path(self._state.view.settings_file)
        if path.exists() and not message.get("replace"):
            self._said = f"{path} is there already; press Save settings once more to replace it."
        else:
            self._said = self._tried(lambda: self.save(path), f"Saved in {path}.")
        self._apply(self._state)

    def _on_load(self, _message):
        path = self._state.view.settings_file
        self._said = self._tried(lambda: self.load(path), f"Loaded from {path}.")
        self._apply(self._state)

    @staticmethod
    def _tried(act, done):
        try:
            act()
        except DarkcalError as error:
            return str(error)
        return done

    def _change(self, **values):
        self._apply(replace(self._state, values=self._state.values | values))

    def _look(self, **options):
        self._apply(replace(self._state, view=replace(self._state.view, **options)))

    # A run

    def _calibrate(self, progress):
        with self._lock:
            parameters, night = self.parameters, self.night
        progress.begin(len(night.select_darks(parameters.files)))
        return calibrate_darks(
            night,
            parameters.recipe,
            parameters.reduced_folder,
            files=parameters.files,
            combined_bias=parameters.combined_bias,
            overwrite=parameters.overwrite,
            progress=False,
            on_outcome=progress.step,
            cancel=self._cancel,
        )

    def _calibrate_in_background(self):
        with contextlib.suppress(DarkcalError):  # calibrate has said it in the panel
            self.calibrate()


def _running_loop():
    """Return the kernel's event loop, or `None` outside a kernel."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
