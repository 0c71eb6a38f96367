"""DarkPanel, the widget: the settings of a run to look at and to change, over a night. It neither calculates nor writes results.

Every setting is a trait, which Python, the browser and links to other widgets set alike. A trait holds what stands in its control
and may be wrong; `problems` says so. What follows from the settings (problems, notes, pictures, the progress of a run) is held by
traits that are read only, and that `DarkPanel._refresh` alone brings up to date. The browser draws traits and decides nothing.
"""

import contextlib
from dataclasses import replace
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING

import anywidget
import traitlets

from ..advice import advise
from ..errors import DarkcalError, ParameterError
from ..night import Night
from ..parameters import ADVISED, Parameters
from ..text import visible, without_repeats
from .clicks import Clicks
from .history import History
from .kept import Kept, picture_bundle, text_bundle
from .listing import night_list
from .night import OpenNight
from .outlook import notebook_of, outlook, visible_values
from .page import script, styles
from .parts import SECTIONS
from .questions import Questions
from .reading import ReadAhead
from .run import Runs, calibrate, combine
from .settings import (
    bias_path,
    moved_along,
    recipe_of,
    section_problems,
)
from .still import draw_still
from .traits import NAMES, PanelTraits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from typing import Any

    from traitlets import Bunch

    from ..advice.advice import Advice
    from ..outcome import Run
    from ..recipe import Recipe


__all__ = ["DarkPanel"]

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_PLACE = ("raw_folder", "dark_folder", "image_types")  # they decide which night it is
# What of the night is looked at; beside the parameters, it is the state that `OpenNight` is asked with.
_LOOKS = ("frame", "marked", "extension")


class DarkPanel(Clicks, PanelTraits, anywidget.AnyWidget):
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
    raw_folder, dark_folder, reduced_folder, overscan_columns, ...
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
    temperature : str or None
        Temperature that is listed, such as ``'-10 °C'``; `None`: all.
    search : str
        Words that stand in the file name, type and filter of the frames that are listed.
    sort : tuple
        Column of the list to sort by, and whether backwards.
    settings_file : str
        Where settings are saved and loaded.
    window : tuple of int
        Of the frame that is shown: first row, last row + 1, first column, last column + 1; empty: the whole frame.
    stretch, limits : str
        Of its colours: ``'linear'``, ``'asinh'`` or ``'log'``; ``'noise'``, ``'98 %'`` or ``'all'``.
    mark_hot : bool
        Mark its hot pixels.
    listing, chosen, selected, notes, commands, profiles, raw, result, effect, levels, progress : dict
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

    _esm = script()
    _css = styles()
    _gives_advice = True  # that of the exercise does not before there is an answer
    _closed = True  # a panel that was never made, for want of an argument, is closed as it is collected

    def __init__(
        self,
        night: Night,
        recipe: "Recipe",
        reduced_folder: "str | PathLike[str]" = "reduced",
        *,
        files: "Iterable[str] | None" = None,
        combined_bias: "str | PathLike[str] | None" = None,
        overwrite: bool = False,
        **options: "Any",
    ) -> None:
        self._lock = RLock()  # the traits; browser, code and the threads below meet here
        self._closed = False
        self._runs = Runs(lambda progress: self._show_locked(progress=progress))
        self._reader = ReadAhead(self._missing, self._show_levels)
        self._kept, self._still = Kept(self._bundles), (None, {})
        self._history = History()
        self._questions = Questions()
        self._below = (
            None  # the settings of the run that a cell asked for, and that the figures below it show
        )
        self._beginning = self._may_replace = None  # see outlook
        self._holding, self._stale = True, True
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
            **{name: value for name, value in places.items() if name in NAMES},
            **recipe.to_parameters(),
        )
        self._given = parameters
        self._opened, self._place = OpenNight(night), self._place_of(parameters)
        super().__init__(**options | parameters.to_dict())
        self.on_msg(self._act)
        self._holding = False
        with self._at_once():
            self._show(listing=night_list(night, self.raw_folder))

    @classmethod
    def from_parameters(
        cls, parameters: Parameters, *, continues: "DarkPanel | None" = None, advice: "Advice | None" = None
    ) -> "DarkPanel":
        """Make a panel, and its night, from `Parameters`; or go on with the one that was made from the same ones.

        Parameters
        ----------
        parameters : Parameters
            What they leave to the advice is set as it recommends; what it cannot decide has to be set or accepted before a run.
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
        if advice is not None and panel._place == panel._place_of(parameters):
            panel._opened.advice = advice
        return panel

    @classmethod
    def _afresh(cls, parameters):
        steps = parameters.recipe.to_parameters()
        places = {name: value for name, value in parameters.to_dict().items() if name not in steps}
        return cls(_night_of(parameters), parameters.recipe, **places)

    def _goes_on(self, parameters):
        return self._given == parameters and not self._closed

    def _go_on(self):
        with self._at_once():
            self._open_night(self._place, anew=True)
            self._begin("goes on")

    def _begin(self, how):
        with self._at_once():
            self._beginning, self._stale = how, True

    # As code

    @property
    def night(self) -> Night:
        """The `Night` that is looked at.

        Raises
        ------
        NightError
            The folder that stands in the panel is not a night.
        """
        return self._opened.require()

    @property
    def parameters(self) -> Parameters:
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
            self._open_night(self._place_of(parameters))
            left = parameters if parameters.advised else None
            self._set_all((left.following(self.advice) if left else parameters).to_dict())
            self._accept()
            self._leave_open(left.undecided(self.advice) if left else {})

    def _set_all(self, values):
        """Set the parameters as a whole, so that none is guessed from another."""
        self._stale = True  # even the same ones are looked at again
        self._open_night(tuple(values[name] for name in _PLACE))
        self._set(values)

    @property
    def advice(self) -> "Advice":
        """The `Advice` on the night that is looked at; it is measured when it is first asked for.

        Raises
        ------
        DarkcalError
            There is no night, or a frame can no longer be read.
        """
        return self._opened.advice

    @property
    def recipe(self) -> "Recipe":
        """What is done to each dark, as a `Recipe`."""
        return self.parameters.recipe

    @recipe.setter
    def recipe(self, recipe):
        with self._at_once():
            self._set(recipe.to_parameters())
            self._accept()

    def calibrate(self, *, overwrite: bool | None = None) -> "Run":
        """Calibrate the picked darks with the current settings, as the button does; a second call waits for the first.

        Parameters
        ----------
        overwrite : bool, optional
            Replace results that were made otherwise; `None`: as the setting says.

        Returns
        -------
        Run

        Raises
        ------
        OutputError
            Results that were made otherwise are there, and are not to be replaced; nothing has been done.
        DarkcalError
            See `~darkcal_widgets.calibrate_darks`.
        """
        self._below = self._values() | {"overwrite": None}
        return self._run(calibrate, overwrite)

    def combine(self, *, overwrite: bool | None = None) -> "Run":
        """Combine the picked darks that are calibrated with the current settings, as the button does.

        Parameters
        ----------
        overwrite : bool, optional
            Replace combined darks that were made otherwise; `None`: as the setting says.

        Returns
        -------
        Run

        Raises
        ------
        OutputError
            No dark is calibrated with these settings, or combined darks that were made otherwise are there, and are not to be
            replaced; nothing has been done.
        DarkcalError
            See `~darkcal_widgets.combine_darks`.
        """
        return self._run(combine, overwrite)

    def save(self, path: "str | PathLike[str]") -> None:
        """Save the settings as a YAML file that `load`, ``papermill -f`` and ``darkcal batch`` read."""
        parameters = self.parameters
        parameters.save(path, notebook=notebook_of(parameters.uses_bias)[0])

    def load(self, path: "str | PathLike[str]") -> None:
        """Take the settings from a YAML file."""
        self.parameters = Parameters.load(path)

    def close(self) -> None:
        """Close the panel in the browser, let a run end after the frames in work, and undo every observer."""
        if not self._closed:
            self._closed = True
            self._runs.cancelled.set()
            self._kept.end()
            self.on_msg(self._act, remove=True)
            self.unobserve_all()
        super().close()

    def __repr__(self):
        settings = ", ".join(f"{name}={value!r}" for name, value in self._values().items())
        return f"DarkPanel({settings})"

    # Traits

    def set_state(self, sync_data: dict) -> None:
        """Take what the browser sets; traits that are read only are so for the browser, too."""
        drawn = {name for name, trait in self.traits().items() if trait.read_only}
        with self._at_once():
            super().set_state({name: value for name, value in sync_data.items() if name not in drawn})
        self._answer()

    def notify_change(self, change: "Bunch") -> None:
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

    @traitlets.observe(*NAMES, *_LOOKS, "window", "statistic", "axis", "settings_file", "_shown", "_dragging")
    def _changed(self, _change):
        with self._at_once():
            self._stale = True

    def _values(self):
        return {name: getattr(self, name) for name in NAMES}

    def _state(self):
        return self._values() | {name: getattr(self, name) for name in _LOOKS}

    def _set(self, values):
        for name, value in values.items():
            setattr(self, name, value)

    def _show(self, **drawn):
        for name, value in drawn.items():
            self.set_trait(name, value)

    def _show_locked(self, **drawn):
        with self._lock:
            self._show(**drawn)

    def _answer(self):
        with self._lock:
            self._show(_answered=self._asked)

    # What follows from the settings

    def _refresh(self):
        """Bring up to date what follows from the settings; while somebody drags, leave out what takes time and can wait."""
        self._may_replace, quick = None, self._dragging == "moves"
        self._set(moved_along(self._values(), self._place[:2]))
        self._open_night(self._place_of(self))
        self._put_in_place_of_the_word()
        self._questions.ask(self._values(), self._opened.camera)
        self._opened.look_at_image(self._state())
        wrong = self._opened.trouble or section_problems(self._values(), self.night)
        # The picture goes first; each step of a drag is one message.
        with self.hold_sync():
            if self._shown:
                self._draw(wrong)
            if wrong:
                self._show(levels={})
            state = self._state()
            self._show(chosen=self._opened.chosen(state), selected=self._opened.selected(state))
            if quick:
                self._show(problems=visible_values(wrong | self._questions.open))
                self._answer()
        if quick:
            return
        if not self._dragging:
            self._history.note(self._values(), self._questions.accepted)
        with self.hold_sync():
            self._look_ahead()
            self._answer()
        if self._shown:
            self._reader.start()
        self._kept.renew()

    @staticmethod
    def _place_of(settings):
        return tuple(getattr(settings, name) for name in _PLACE)

    def _open_night(self, place, anew=False):
        if place != self._place or anew:
            self._opened, self._place = OpenNight.at(*place), place
            self._show(listing=night_list(self._opened.night, self.raw_folder), levels={})

    @property
    def shown_names(self) -> dict[str, str]:
        """Name of each frame of the night as the browser shows it, to its name."""
        return self._opened.names

    def _put_in_place_of_the_word(self):
        """Set what the advice recommends where somebody has typed ``advised``."""
        words = {name: ADVISED for name in SECTIONS if getattr(self, name) == ADVISED}
        if words:
            with contextlib.suppress(DarkcalError):  # then the word stands, as a problem
                left = Parameters(raw_folder=".", reduced_folder=".", amplifiers=self.amplifiers, **words)
                self._set({name: getattr(left.following(self.advice), name) for name in words})
                self._leave_open(left.undecided(self.advice))

    def _leave_open(self, undecided):
        """Ask for what the advice could not decide."""
        with self._at_once():
            self._questions.leave_open(self._values(), undecided)
            self._stale = self._stale or bool(undecided)

    def _accept(self):
        self._questions.accept(self._values(), self._opened.camera)

    def _look_ahead(self):
        """Show what a run would do, or why it cannot start."""
        given = self._given, self._beginning, self._questions.open, self.settings_file
        said = outlook(self._values(), self._opened, *given)
        said["notes"] |= {"back": self._history.back, "forward": self._history.forward}
        if self._below not in (None, self._values() | {"overwrite": None}) and "run" in said["notes"]:
            said["notes"]["run"].append(
                "The figures below this panel are of earlier settings; they are drawn anew when the cells are run again."
            )
        self._show(**said)

    def _draw(self, wrong):
        """Draw profiles and the frame looked at before and after, as far as the settings allow; levels are drawn in a thread."""
        drawn = {"profiles": {}, "raw": {}, "result": {}, "effect": {}}
        name, effect = self._opened.looked_at(self._state()), self._opened.effect
        try:
            if name is not None:
                drawn["profiles"] = effect.profiles(name, self.unit, self.axis, self.statistic)
                drawn["raw"] = effect.raw(name, self.unit, self.window)
            if name is not None and not wrong:
                drawn["result"] = effect.result(name, *self._steps(), self.window)
                drawn["effect"] = effect.before_after(name, *self._steps())
        except DarkcalError as error:
            drawn["effect"] = {"trouble": visible(error)}
        self._show(**drawn)

    def _steps(self):
        """Return the recipe and the path of the combined bias, as `Effect` takes them."""
        return recipe_of(self._values()), bias_path(self._values())

    # Reading ahead

    def _missing(self):
        """Return what reads the frames whose levels are missing, and then the advice; `None`: nothing is to be drawn."""
        with self._lock:
            if self._closed or self.problems:
                return None
            effect, unit, opened = self._opened.effect, self.unit, self._opened
            frames = effect.unread(opened.picked(self._state()), unit)
        jobs = {frame: partial(effect.read, frame, unit) for frame in frames}
        if opened.is_advised or not self._gives_advice:
            return jobs
        return jobs | {"advice": partial(self._measure, opened)}

    def _measure(self, opened):
        """Measure the advice, of which remarks are made."""
        _ = opened.advice
        with self._at_once():
            self._stale = True

    def _show_levels(self):
        """Draw the levels of the picked darks that were read; meanwhile the panel can be used."""
        with self._lock:
            if self._closed or self.problems:
                return
            effect, picked, steps = self._opened.effect, self._opened.picked(self._state()), self._steps()
        try:
            levels = effect.levels(picked, *steps)
        except DarkcalError as error:
            levels = {"trouble": visible(error)}
        self._show_locked(levels=levels)

    # A run

    def _run(self, work, overwrite):
        run = self._runs.do(lambda progress: work(*self._to_run(overwrite), self._runs, progress))
        with self._at_once():
            self._stale = True  # other results exist now
        return run

    def _to_run(self, overwrite):
        """Return the parameters and the night of a run."""
        with self._lock:
            if self._questions.open:
                raise ParameterError(" ".join(without_repeats(self._questions.open.values())))
            parameters = self.parameters
            return parameters if overwrite is None else replace(parameters, overwrite=overwrite), self.night

    # The picture that stays when the notebook is read without a kernel

    def _repr_mimebundle_(self, **_):
        picture, text = self._bundles()
        return self._view_bundle() | picture | text

    def _ipython_display_(self):
        """Display a picture and the settings, and after them the panel, which hides the two for as long as it lives itself."""
        from IPython.display import display

        self._kept.display()
        text = {"text/plain": "DarkPanel: run the notebook to bring it to life."}
        display(self._view_bundle() | text, raw=True)

    def _view_bundle(self):
        return {_WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}

    def _bundles(self):
        wrong = [f"wrong: {sentence}" for sentence in self.problems.values()]
        drawn_of = repr((self._state(), self.problems))
        if self._still[0] != drawn_of:  # after a run only the text is another one
            self._still = (drawn_of, picture_bundle(self._still_figure))
        return self._still[1], text_bundle([repr(self), *wrong, *self.progress.get("lines", [])])

    def _still_figure(self):
        """Draw what is looked at; `None`: nothing is."""
        name, values = self._opened.looked_at(self._state()), self._values()
        if name is None:
            return None
        usable = not section_problems(values, self.night)
        parts = self._opened.effect.still(name, self.unit, *(self._steps() if usable else (None, None)))
        settings = [f"{key}: {visible(value)}" for key, value in values.items() if key != "files"]
        return draw_still(**parts, settings=settings, title=visible(name))


def _night_of(parameters):
    return Night(parameters.raw_folder, parameters.dark_folder, image_types=parameters.image_types)
