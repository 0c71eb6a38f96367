"""DarkPanel, the widget: the settings of a run to look at and to change, over a night. It neither calculates nor writes results.

Every setting is a trait, which Python, the browser and links to other widgets set alike. A trait holds what stands in its control
and may be wrong; `problems` says so. What follows from the settings (problems, notes, pictures, the progress of a run) is held by
traits that are read only, and that `DarkPanel._refresh` alone brings up to date. The browser draws traits and decides nothing.
"""

import asyncio
import base64
import contextlib
import os
import re
import time
from functools import partial
from pathlib import Path
from threading import Event, RLock, Thread

import anywidget
import traitlets

from ..advice import advise
from ..errors import DarkcalError, FrameError, NightError, ParameterError
from ..frames.kinds import FRAME_TYPES
from ..night import Night
from ..parameters import ADVISABLE, ADVISED, Parameters
from ..run.night import run_plan
from ..text import visible
from .effect import Effect, image_of
from .listing import night_list
from .progress import Progress
from .settings import (
    SECTIONS,
    amplifier_notations,
    bias_note,
    bias_path,
    camera_of,
    commands,
    declared,
    join_amplifiers,
    notation,
    notebook_of,
    plan_of,
    planned,
    questions,
    recipe_of,
    run_notes,
    section_problems,
    split_amplifiers,
    start_notes,
    undeclared,
)
from .still import draw_still

__all__ = ["DarkPanel"]

_FRONT = Path(__file__).parent / "front"
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# Reading ahead says what it has read no more often than this, in seconds.
_READ_AHEAD_PAUSE = 0.3

# The picture that a notebook keeps is drawn when nothing has been changed for this long.
_STILL_SECONDS = 1.5

_NAMES = tuple(Parameters.names())


# Of the browser, each before those that import it.
_MODULES = """
    labels elements link sections axes profile picture spreads controls images table kinds night drag amplifiers
    steps effect calibrate save panel
""".split()


def _front():
    """Join the modules of the browser into the one that anywidget loads; in one scope they need no imports and exports."""
    source = "\n".join((_FRONT / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES)
    source = re.sub(r'^import\s[^;]*?from "\./\w+\.js";\n', "", source, flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", source, flags=re.MULTILINE)


class _Text(traitlets.Unicode):
    """A trait that holds text, or a path as text; where it may be `None`, an empty text is `None`."""

    def validate(self, obj, value):
        text = super().validate(obj, os.fspath(value) if isinstance(value, os.PathLike) else value)
        return None if self.allow_none and text == "" else text


def _to_page(names, _panel):
    """Write names of frames, one or several, in characters that can be seen."""
    return visible(names) if isinstance(names, str) else names and [visible(name) for name in names]


def _from_page(names, panel):
    """Find the frames that the browser names."""
    known = panel._frame_names
    return [known.get(name, name) for name in names] if isinstance(names, list) else known.get(names, names)


def _synced(trait):
    return trait.tag(sync=True)


def _drawn():
    """Return a trait for the browser to draw, which the panel alone sets."""
    return _synced(traitlets.Dict(read_only=True))


class DarkPanel(anywidget.AnyWidget):
    """A panel to look at a night, set what is done to its darks, see the effect, and calibrate them.

    Parameters
    ----------
    night : Night
    recipe : Recipe
    reduced_folder : path-like
        Where the results go.
    files, combined_bias, overwrite
        See `~darkcal_widgets.calibrate_darks`.
    **options
        Other traits, such as ``layout``.

    Attributes
    ----------
    raw_folder, dark_folder, reduced_folder, overscan_columns, keep_columns, subtract_bias, amplifiers, extensions, \
combined_bias, files, image_types, unit, output_dtype, overwrite
        The parameters of a run, see `~darkcal_widgets.Parameters`. To set, link and observe; they may be wrong.
    problems : dict of str to str
        What is wrong with them: name of each parameter that has to change, to a sentence. Empty: a run can start.
    frame : str or None
        Name of the frame looked at; `None`: the first picked dark.
    marked : tuple of str
        Names of the frames of which is said what they are; none: the frame looked at.
    extension : str or None
        Of a file with several images, the one that is looked at: its ``EXTNAME`` or number; `None`: the first that is calibrated.
    statistic : str
        Of the profile: ``'mean'`` or ``'median'``.
    axis : int
        Of the profile: 1, of the columns; 0, of the rows.
    aligned : bool
        Draw each profile from its own level in the overscan.
    drag_sets : str
        What a drag over the profile sets: ``'overscan_columns'`` or ``'keep_columns'``.
    listed : str
        Frames that are listed: ``'darks'`` or ``'all'``.
    exposure : str or None
        Exposure time that is listed, such as ``'300 s'``; `None`: all.
    sort : tuple
        Column of the list to sort by, and whether backwards.
    settings_file : str
        Where settings are saved and loaded.
    listing, selected, notes, commands, profiles, raw, effect, levels, progress : dict
        What the browser draws; read only.

    Examples
    --------
    >>> night = Night("example-cryo-LFC", dark_folder="example-cryo-LFC/darks")
    >>> recipe = Recipe(overscan_columns="2055:", keep_columns=":2048")
    >>> panel = DarkPanel(night, recipe, "doctest-panel")
    >>> panel.observe(lambda change: print(change.new), "overscan_columns")
    >>> panel.overscan_columns = "2060:"
    2060:
    >>> len(panel.calibrate().written)
    9
    >>> panel.close()
    """

    _esm = _front()
    _css = (_FRONT / "panel.css").read_text(encoding="utf-8")

    raw_folder = _synced(_Text())
    dark_folder = _synced(_Text(None, allow_none=True))
    reduced_folder = _synced(_Text("reduced"))
    overscan_columns = _synced(_Text(None, allow_none=True))
    keep_columns = _synced(_Text(None, allow_none=True))
    subtract_bias = _synced(traitlets.Bool(False))
    amplifiers = _synced(traitlets.Tuple(default_value=None, allow_none=True))
    extensions = _synced(traitlets.Tuple(default_value=None, allow_none=True))
    combined_bias = _synced(_Text(None, allow_none=True))
    files = traitlets.Tuple(default_value=None, allow_none=True).tag(
        sync=True, to_json=_to_page, from_json=_from_page
    )
    image_types = _synced(traitlets.Dict(default_value=None, allow_none=True))
    unit = _synced(_Text("adu"))
    output_dtype = _synced(_Text("float32"))
    overwrite = _synced(traitlets.Bool(False))

    frame = _Text(None, allow_none=True).tag(sync=True, to_json=_to_page, from_json=_from_page)
    marked = traitlets.Tuple().tag(sync=True, to_json=_to_page, from_json=_from_page)
    extension = _synced(_Text(None, allow_none=True))
    statistic = _synced(traitlets.Enum(("mean", "median"), "mean"))
    axis = _synced(traitlets.Enum((1, 0), 1))
    aligned = _synced(traitlets.Bool(True))
    drag_sets = _synced(traitlets.Enum(SECTIONS, "overscan_columns"))
    listed = _synced(traitlets.Enum(("darks", "all"), "darks"))
    exposure = _synced(_Text(None, allow_none=True))
    sort = _synced(traitlets.Tuple(traitlets.Unicode(), traitlets.Bool(), default_value=("name", False)))
    settings_file = _synced(_Text("darkcal-settings.yaml"))

    problems = _drawn()
    listing = _drawn()
    selected = _drawn()
    notes = _drawn()
    commands = _drawn()
    profiles = _drawn()
    raw = _drawn()
    effect = _drawn()
    levels = _drawn()
    progress = _drawn()

    # Between the browser and the panel: whether a page shows it (before, no frame is read), whether somebody drags, and
    # the number of the last thing that was asked for and of the last that was answered.
    _shown = _synced(traitlets.Bool(False))
    _dragging = _synced(traitlets.Bool(False))
    _asked = _synced(traitlets.Int(0))
    _answered = _synced(traitlets.Int(0, read_only=True))

    def __init__(
        self,
        night,
        recipe,
        reduced_folder="reduced",
        *,
        files=None,
        combined_bias=None,
        overwrite=False,
        **options,
    ):
        self._lock = RLock()  # the traits; browser, code and the threads below meet here
        self._one_run = RLock()
        self._cancel = Event()
        self._closed = Event()
        self._advice = None
        self._accepted, self._questions = (None, {}), {}  # see questions
        self._undecided = {}  # name of a setting to the value that stands for want of a better one, and the sentence that asks
        self._beginning = None  # see start_notes
        self._progress = self._reader = self._still = self._loop = self._may_replace = None
        self._holding, self._stale, self._turn = True, True, 0
        dark_folder = None if night.dark_folder == night.raw_folder else night.dark_folder
        places = {
            "raw_folder": night.raw_folder,
            "dark_folder": dark_folder,
            "image_types": night.image_types or None,
        } | options
        parameters = Parameters(
            reduced_folder=reduced_folder,
            files=None if files is None else tuple(files),
            combined_bias=combined_bias,
            overwrite=overwrite,
            **{name: value for name, value in places.items() if name in _NAMES},
            **recipe.to_parameters(),
        )
        self._given = parameters
        self._opened = self._places(parameters)
        self._take_night(night)
        super().__init__(**options | parameters.to_dict())
        self.on_msg(self._act)
        self._holding = False
        with self._at_once():
            self._show(listing=night_list(night, self.raw_folder))

    @classmethod
    def from_parameters(cls, parameters, *, continues=None, advice=None):
        """Make a panel, and its night, from `Parameters`; or go on with the one that was made from the same ones.

        Parameters
        ----------
        parameters : Parameters
            Where they leave something to the advice, what it recommends is set; what it cannot decide has to be accepted, or
            set, before a run.
        continues : DarkPanel or None
            An earlier panel, such as that of the same notebook before its cells were run again. If it was made from equal
            parameters, it is returned itself, with the settings that stand in it, and its night is looked at again; otherwise it
            is closed.
        advice : Advice, optional
            On the night of `parameters`, if it was asked for already.

        Returns
        -------
        DarkPanel

        Raises
        ------
        NightError
            A folder does not exist or holds no FITS file.
        """
        undecided = {}
        if parameters.advised:
            advice = advice or advise(_night_of(parameters), parameters.extensions)
            parameters, undecided = parameters.following(advice), parameters.undecided(advice)
        if continues is not None and continues._goes_on(parameters):
            continues._go_on()
            panel = continues
        else:
            panel = cls._afresh(parameters)
            panel._leave_open(undecided)
            if continues is not None:
                continues.close()
                panel._begin("afresh")
        if advice is not None and panel._opened == panel._places(parameters):
            panel._advice = advice
        return panel

    @classmethod
    def _afresh(cls, parameters):
        steps = parameters.recipe.to_parameters()
        places = {name: value for name, value in parameters.to_dict().items() if name not in steps}
        return cls(_night_of(parameters), parameters.recipe, **places)

    def _goes_on(self, parameters):
        return self._given == parameters and not self._closed.is_set()

    def _go_on(self):
        with self._at_once():
            self._open_night(*self._opened, anew=True)
            self._begin("goes on")

    def _begin(self, how):
        with self._at_once():
            self._beginning, self._stale = how, True

    # As code

    @property
    def night(self):
        """The `Night` that is looked at.

        Raises
        ------
        NightError
            The folder that stands in the panel is not a night.
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
        return Parameters(**self._values())

    @parameters.setter
    def parameters(self, parameters):
        with self._at_once():
            self._stale = True  # even the same ones are looked at again
            self._open_night(*self._places(parameters))
            undecided = parameters.undecided(self.advice) if parameters.advised else {}
            self._set((parameters.following(self.advice) if parameters.advised else parameters).to_dict())
            self._accept()
            self._leave_open(undecided)

    @property
    def advice(self):
        """The `Advice` on the night that is looked at; it is measured when it is first asked for.

        Raises
        ------
        DarkcalError
            There is no night, or a frame can no longer be read.
        """
        if self._advice is None:
            self._advice = advise(self.night)
        return self._advice

    @property
    def recipe(self):
        """What is done to each dark, as a `Recipe`."""
        return self.parameters.recipe

    @recipe.setter
    def recipe(self, recipe):
        with self._at_once():
            self._set(recipe.to_parameters())
            self._accept()

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
            self._progress = progress = Progress(self._show_progress)
            try:
                run = self._calibrate(progress)
            except BaseException as error:
                progress.end(f"Stopped: {error}" if isinstance(error, DarkcalError) else repr(error))
                raise
            progress.end(str(run), run)
            with self._at_once():
                self._stale = True  # other results exist now
            return run

    def save(self, path):
        """Save the settings as a YAML file that `load`, ``papermill -f`` and ``darkcal batch`` read."""
        self.parameters.save(path, notebook=notebook_of(self.subtract_bias)[0])

    def load(self, path):
        """Take the settings from a YAML file."""
        self.parameters = Parameters.load(path)

    def close(self):
        """Close the panel in the browser, let a run end after the frames in work, and undo every observer."""
        if not self._closed.is_set():
            self._closed.set()
            self._cancel.set()
            self.on_msg(self._act, remove=True)
            self.unobserve_all()
        super().close()

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self._values().items())
        return f"DarkPanel({settings})"

    # Traits

    def set_state(self, sync_data):
        """Take what the browser sets; traits that are read only are so for the browser, too."""
        drawn = {name for name, trait in self.traits().items() if trait.read_only}
        with self._at_once():
            super().set_state({name: value for name, value in sync_data.items() if name not in drawn})
        self._answer()

    def notify_change(self, change):
        """Tell the browser and observers of a change, one at a time."""
        with self._lock:
            super().notify_change(change)

    @contextlib.contextmanager
    def _at_once(self):
        """Let what changes inside be followed up together, at the end."""
        with self._lock:
            outermost, self._holding = not self._holding, True
            try:
                yield
                while outermost and self._stale:
                    self._stale = False
                    self._refresh()
            finally:
                self._holding = not outermost

    @traitlets.observe(
        *_NAMES, "frame", "marked", "extension", "statistic", "axis", "settings_file", "_shown", "_dragging"
    )
    def _changed(self, _change):
        with self._at_once():
            self._stale = True

    def _values(self):
        return {name: getattr(self, name) for name in _NAMES}

    def _set(self, values):
        for name, value in values.items():
            setattr(self, name, value)

    def _show(self, **drawn):
        for name, value in drawn.items():
            self.set_trait(name, value)

    def _answer(self):
        with self._lock:
            self._show(_answered=self._asked)

    # What follows from the settings

    def _refresh(self):
        """Bring up to date what follows from the settings; while somebody drags, leave out what takes time and can wait."""
        self._turn += 1
        self._may_replace = None
        self._move_along()
        self._open_night(*self._places(self))
        self._put_in_place_of_the_word()
        self._ask_again()
        self._look_at_image()
        wrong = self._night_trouble or section_problems(self._values(), self._night)
        # The picture goes first; each step of a drag is one message.
        with self.hold_sync():
            if self._shown:
                self._draw(wrong)
            self._show(selected=self._selected())
            if self._dragging:
                self._show(problems=_visible_values(wrong | self._questions))
                self._answer()
        if self._dragging:
            return
        with self.hold_sync():
            self._look_ahead()
            self._answer()
        self._read_ahead()
        self._renew_still_later()

    def _move_along(self):
        """Look for the darks of another night in a subfolder of the same name, or in the night itself."""
        raw_folder, dark_folder, _ = self._opened
        if self.raw_folder == raw_folder or self.dark_folder != dark_folder:
            return  # where its darks are was set with it
        beside = None if dark_folder is None else os.path.join(self.raw_folder, os.path.basename(dark_folder))
        self._set(
            {
                "dark_folder": beside if beside and os.path.isdir(beside) else None,
                "files": None,
                "image_types": undeclared(self.image_types),
            }
        )

    @staticmethod
    def _places(settings):
        return settings.raw_folder, settings.dark_folder, settings.image_types

    def _open_night(self, raw_folder, dark_folder, image_types, anew=False):
        if (raw_folder, dark_folder, image_types) == self._opened and not anew:
            return
        self._opened = (raw_folder, dark_folder, image_types)
        try:
            self._take_night(Night(raw_folder, dark_folder, image_types=image_types))
        except DarkcalError as error:
            named = [name for name in ("dark_folder", "image_types") if str(error).startswith(name)]
            where = named[0] if named else "raw_folder"
            self._take_night(None, {where: str(error)})
        self._show(listing=night_list(self._night, raw_folder))

    def _ask_again(self):
        """Question settings that were made for another camera; where there is nothing to question, they are accepted."""
        self._questions = (
            {} if self._night is None else questions(self._values(), self._night, self._accepted)
        )
        if not self._questions:
            self._note_accepted()
        self._questions |= {
            name: sentence
            for name, (value, sentence) in self._undecided.items()
            if getattr(self, name) == value
        }

    def _put_in_place_of_the_word(self):
        """Set what the advice recommends where somebody has typed ``advised``."""
        words = {name: ADVISED for name in SECTIONS if getattr(self, name) == ADVISED}
        if words:
            with contextlib.suppress(DarkcalError):  # then the word stands, as a problem
                left = Parameters(raw_folder=".", reduced_folder=".", amplifiers=self.amplifiers, **words)
                self._set({name: getattr(left.following(self.advice), name) for name in words})
                self._leave_open(left.undecided(self.advice))

    def _leave_open(self, undecided):
        """Ask for what the advice could not decide, as long as the settings are what they are now."""
        with self._at_once():
            self._undecided = {name: (getattr(self, name), undecided[name]) for name in undecided}
            self._stale = self._stale or bool(undecided)

    def _accept(self):
        self._undecided = {}
        self._note_accepted()

    def _note_accepted(self):
        if self._night is not None:
            self._accepted = (camera_of(self._night), {name: getattr(self, name) for name in ADVISABLE})

    def _take_night(self, night, trouble=None):
        self._night, self._night_trouble, self._advice = night, trouble or {}, None
        self._effect = None if night is None else Effect(night)
        frames = () if night is None else night.frames
        self._frame_names = {visible(frame.name): frame.name for frame in frames}

    def _picked(self):
        """Return the names of the picked darks that are in the night."""
        if self._night is None or self.files == ():
            return []
        try:
            return [dark.name for dark in self._night.select_darks(self.files)]
        except DarkcalError:  # some of what is named is not there, as problems says
            names = set(self.files or ())
            return [dark.name for dark in self._night.darks if {dark.name, dark.path.name} & names]

    def _looked_at(self):
        """Return the name of the frame looked at, `None` where there is no frame."""
        if self._night is None:
            return None
        names = [frame.name for frame in self._night.frames]
        if self.frame in names:
            return self.frame
        return next(iter([*self._picked(), *(dark.name for dark in self._night.darks), *names]), None)

    def _marked(self):
        """Return the names of the marked frames: at least the frame looked at."""
        frames = () if self._night is None else self._night.frames
        looked_at = self._looked_at()
        return [frame.name for frame in frames if frame.name in self.marked] or [looked_at][
            : looked_at is not None
        ]

    def _image(self):
        """Return the image looked at of the frame looked at, `None` where there is no frame."""
        name = self._looked_at()
        if name is None:
            return None
        frame = next(frame for frame in self._night.frames if frame.name == name)
        if any(part.label == self.extension for part in frame.parts):
            return image_of(frame, self.extension)
        return next(iter(self._calibrated_parts(frame)), frame.parts[0])

    def _calibrated_parts(self, frame):
        try:
            return frame.select(self.extensions)
        except DarkcalError:  # as problems says
            return ()

    def _look_at_image(self):
        image = self._image()
        extension = image and image.extension
        if image is not None and extension != self._effect.extension:
            self._effect = Effect(self._night, extension, self._effect.sketches)

    def _selected(self):
        """Return what the settings select in the night: rows of the list, and the parts of the image looked at."""
        frames = () if self._night is None else self._night.frames
        rows = {frame.name: row for row, frame in enumerate(frames)}
        row, image = rows.get(self._looked_at()), self._image()
        values, shape = self._values(), image and image.shape
        parts = {name: shape and notation(values, name, shape) for name in SECTIONS}
        parts["amplifiers"] = shape and amplifier_notations(values, shape)
        images = {"image": image and image.label, "images": [], "calibrated": []}
        if row is not None and len(frames[row].parts) > 1:
            images["images"] = [part.label for part in frames[row].parts]
            images["calibrated"] = [part.label for part in self._calibrated_parts(frames[row])]
        chosen = {"picked": self._picked(), "marked": self._marked()}
        rows_of = {what: [rows[name] for name in names] for what, names in chosen.items()}
        return rows_of | {"row": row, "shape": shape} | images | parts

    def _look_ahead(self):
        """Show what a run would do, or why it cannot start."""
        plan, found = (
            (None, self._night_trouble) if self._night is None else planned(self._values(), self._night)
        )
        notes, code = start_notes(self._values(), self._given, self._beginning), {}
        found = found | self._questions
        if self._questions:
            notes["start"] = (
                "Look at the settings marked below: this night does not decide them."
                if self._undecided
                else "Look at the settings marked below: they were made for another camera."
            )
            notes["questions"] = list(self._questions)
        if plan is not None and not self._questions:
            notes |= {"bias": bias_note(plan, self.combined_bias is not None), "run": run_notes(plan)}
            code = commands(self.parameters, self.settings_file)
        self._show(problems=_visible_values(found), notes=notes, commands=code)

    def _draw(self, wrong):
        """Draw profiles, the frame looked at before and after, and levels, as far as the settings allow."""
        drawn = {"profiles": {}, "raw": {}, "effect": {}, "levels": {}}
        name = self._looked_at()
        try:
            if name is not None:
                drawn["profiles"] = self._effect.profiles(name, self.unit, self.axis, self.statistic)
                drawn["raw"] = self._effect.raw(name, self.unit)
            if name is not None and not wrong:
                recipe, path = recipe_of(self._values()), bias_path(self._values())
                drawn["effect"] = self._effect.before_after(name, recipe, path)
                if self._dragging:
                    drawn["levels"] = (
                        self.levels
                    )  # they take four times as long as all the rest: when the mouse rests
                else:
                    drawn["levels"] = self._effect.levels(self._picked(), recipe, path)
        except DarkcalError as error:
            drawn["effect"] = {"trouble": visible(error)}
        self._show(**drawn)

    # Reading ahead

    def _read_ahead(self):
        """Read the frames whose levels are missing, in a thread, and show the levels as they come."""
        if not self._shown or self.problems or (self._reader is not None and self._reader.is_alive()):
            return
        if self._unread():
            self._reader = Thread(target=self._read_unread, daemon=True)
            self._reader.start()

    def _unread(self):
        return self._effect.unread(self._picked(), self.unit)

    def _read_unread(self):
        unreadable, shown = set(), time.monotonic()
        while not self._closed.is_set():
            with self._lock:
                if self.problems:
                    return
                effect, unit = self._effect, self.unit
                missing = [frame for frame in self._unread() if frame not in unreadable]
            if missing:
                try:
                    effect.read(missing[0], unit)
                except FrameError:
                    unreadable.add(missing[0])  # The run will say why.
            if not missing or time.monotonic() - shown > _READ_AHEAD_PAUSE:
                shown = time.monotonic()
                self._show_levels()
            if not missing:
                return

    def _show_levels(self):
        with self._lock:
            if self.problems:
                return
            try:
                recipe, path = recipe_of(self._values()), bias_path(self._values())
                self._show(levels=self._effect.levels(self._picked(), recipe, path))
            except DarkcalError as error:
                self._show(levels={"trouble": visible(error)})

    # Actions of the browser

    def _act(self, _panel, message, _buffers):
        """Do what a button asks for.

        A click is a message and not a trait: it is over once it is done, where a trait would be handed to the next page that is
        loaded, and would not change when the button is pressed again.
        """
        actions = {
            "calibrate": self._on_calibrate,
            "declare": partial(self._on_declare, message.get("kind")),
            "cancel": self._on_cancel,
            "save": self._on_save,
            "load": self._on_load,
            "accept": self._on_accept,
            "as advised": self._on_as_advised,
            "several amplifiers": partial(self._on_amplifiers, split_amplifiers),
            "one amplifier": partial(self._on_amplifiers, join_amplifiers),
            "as at the start": self._on_as_at_the_start,
        }
        if message.get("action") in actions:
            self._asked = message.get("asked", self._asked)
            actions[message["action"]]()
            self._answer()

    def _on_calibrate(self):
        if not self.problems and not self.progress.get("running"):
            Thread(target=self._calibrate_in_background, daemon=True).start()

    def _on_declare(self, kind):
        if kind in FRAME_TYPES:
            self.image_types = declared(self.image_types, self._marked(), kind)
        elif kind == "header":
            self.image_types = undeclared(self.image_types, self._marked())

    def _on_cancel(self):
        self._cancel.set()
        if self._progress is not None:
            self._progress.cancel()

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

    def _on_amplifiers(self, change):
        image = self._image()
        if image is not None:
            with self._at_once(), contextlib.suppress(DarkcalError):  # what is wrong is said already
                self._set(change(self._values(), image.shape))

    def _on_as_at_the_start(self):
        self.parameters = self._given

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

    # A run

    def _calibrate(self, progress):
        with self._lock:
            plan = plan_of(self.parameters, self.night)
            if self._questions:
                raise ParameterError(" ".join(self._questions.values()))
        progress.begin(len(plan.jobs))
        return run_plan(plan, progress=False, on_outcome=progress.step, cancel=self._cancel)

    def _calibrate_in_background(self):
        with contextlib.suppress(DarkcalError):  # calibrate has said it in the panel
            self.calibrate()

    def _show_progress(self, progress):
        with self._lock:
            self._show(progress=progress)

    # The picture that stays when the notebook is read without a kernel

    def _repr_mimebundle_(self, **_):
        picture, text = self._still_bundles()
        return self._view_bundle() | picture | text

    def _ipython_display_(self):
        """Display a picture and the settings, and after them the panel, which hides the two for as long as it lives itself."""
        from IPython.display import display

        with contextlib.suppress(RuntimeError):  # outside a kernel there is no event loop
            self._loop = asyncio.get_running_loop()
        self._still = [display(bundle, raw=True, display_id=True) for bundle in self._still_bundles()]
        display(
            self._view_bundle() | {"text/plain": "DarkPanel: run the notebook to bring it to life."}, raw=True
        )

    def _view_bundle(self):
        return {_WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}

    def _still_bundles(self):
        """Return the picture, as far as there is one, and the settings in text."""
        wrong = [f"wrong: {sentence}" for sentence in self.problems.values()]
        lines = [visible(line) for line in (repr(self), *wrong, *self.progress.get("lines", []))]
        text, no_picture = {"text/plain": "\n".join(lines)}, {"text/plain": "DarkPanel"}
        try:
            figure = self._still_figure()
        except DarkcalError:
            figure = None  # the text says what is wrong
        if figure is None:
            return no_picture, text
        return no_picture | {"image/png": base64.b64encode(figure._repr_png_()).decode()}, text

    def _still_figure(self):
        name, values = self._looked_at(), self._values()
        if name is None:
            return None
        usable = not section_problems(values, self._night)
        recipe = recipe_of(values) if usable else None
        parts = self._effect.still(name, self.unit, recipe, bias_path(values) if usable else None)
        settings = [f"{key}: {visible(value)}" for key, value in values.items() if key != "files"]
        return draw_still(**parts, settings=settings, title=visible(name))

    def _renew_still_later(self):
        """Draw the picture again once the settings have rested, where the kernel has nothing else to do."""
        if self._still is None or self._loop is None:
            return
        later = partial(self._loop.call_later, _STILL_SECONDS, self._renew_still, self._turn)
        self._loop.call_soon_threadsafe(later)

    def _renew_still(self, turn):
        if turn == self._turn and not self._closed.is_set():
            for display, bundle in zip(self._still, self._still_bundles(), strict=True):
                display.update(bundle, raw=True)


def _night_of(parameters):
    return Night(parameters.raw_folder, parameters.dark_folder, image_types=parameters.image_types)


def _visible_values(texts):
    return {name: visible(text) for name, text in texts.items()}
