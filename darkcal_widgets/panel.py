"""DarkPanel: widgets over a Night and the parameters of a run. The only module that imports ipywidgets."""

from dataclasses import replace
from threading import Event, Thread

import ipywidgets as widgets

from .errors import DarkcalError
from .night import Night
from .parameters import Parameters
from .run import calibrate_darks, plan

__all__ = ["DarkPanel"]

_TEXTS = {
    "overscan_columns": (
        "Overscan columns",
        "none",
        "Columns whose median is subtracted from each row, such as 2055:",
    ),
    "keep_columns": ("Keep columns", "all", "Columns kept by the trim, such as :2048"),
}


class DarkPanel:
    """A panel to pick darks, set what is done to them, and calibrate them.

    Parameters
    ----------
    night : Night
    recipe : Recipe
    reduced_folder : path-like
        Where the results go.
    files, combined_bias, overwrite
        See `~darkcal_widgets.calibrate_darks`.
    """

    def __init__(
        self, night, recipe, reduced_folder="reduced", *, files=None, combined_bias=None, overwrite=False
    ):
        dark_folder = None if night.dark_folder == night.raw_folder else str(night.dark_folder)
        self._start(
            night,
            Parameters(
                raw_folder=str(night.raw_folder),
                dark_folder=dark_folder,
                reduced_folder=str(reduced_folder),
                combined_bias=combined_bias,
                files=None if files is None else tuple(files),
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
        panel._start(Night(parameters.raw_folder, parameters.dark_folder), parameters)
        return panel

    def _start(self, night, parameters):
        self.night = night
        self._cancel = Event()
        self._build()
        self.parameters = parameters
        for name in _TEXTS:
            self._texts[name].observe(self._check, "value")
        self._button.on_click(lambda _: Thread(target=self._calibrate_in_background, daemon=True).start())
        self._stop.on_click(lambda _: self._cancel.set())

    @property
    def parameters(self):
        """The current settings as `Parameters`.

        Raises
        ------
        ParameterError
            What stands in the panel cannot be used.
        """
        picked = list(self._files.value)
        return replace(
            self._parameters,
            files=self._parameters.files if picked == self._named else tuple(picked),
            subtract_bias=self._bias.value,
            **{name: text.value.strip() or None for name, text in self._texts.items()},
        )

    @parameters.setter
    def parameters(self, parameters):
        self._parameters = parameters
        wanted = (
            None
            if parameters.files is None
            else {dark.name for dark in self.night.select_darks(parameters.files)}
        )
        self._named = [name for name in self._files.options if wanted is None or name in wanted]
        self._files.value = self._named
        self._bias.value = parameters.subtract_bias
        for name, text in self._texts.items():
            text.value = getattr(parameters, name) or ""
        self._check()

    @property
    def recipe(self):
        """What is done to each dark, a `Recipe`."""
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

    def calibrate(self):
        """Calibrate the picked darks with the current settings, as the button does.

        Returns
        -------
        Run

        Raises
        ------
        DarkcalError
            See `~darkcal_widgets.calibrate_darks`.
        """
        parameters = self.parameters
        self._cancel.clear()
        self._progress.value, self._progress.max = 0, len(self.night.select_darks(parameters.files)) or 1
        run = calibrate_darks(
            self.night,
            parameters.recipe,
            parameters.reduced_folder,
            files=parameters.files,
            combined_bias=parameters.combined_bias,
            overwrite=parameters.overwrite,
            progress=False,
            on_outcome=self._step,
            cancel=self._cancel,
        )
        self._log.value = str(run)
        return run

    def _calibrate_in_background(self):
        self._button.disabled = True
        try:
            self.calibrate()
        except DarkcalError as error:
            self._log.value = str(error)
        finally:
            self._button.disabled = False

    def _step(self, outcome):
        self._progress.value += 1
        self._log.value = f"{outcome.state}: {outcome.name} {outcome.reason}"

    def _check(self, _=None):
        try:
            parameters = self.parameters
            plan(self.night, parameters.recipe, parameters.reduced_folder, files=parameters.files)
            self._problem.value, self._button.disabled = "", False
        except DarkcalError as error:
            self._problem.value, self._button.disabled = str(error), True

    def _build(self):
        names = [dark.name for dark in self.night.darks]
        self._named = names
        self._files = widgets.SelectMultiple(
            options=names, value=names, description="Darks", rows=min(10, len(names))
        )
        self._texts = {
            name: widgets.Text(
                description=label, placeholder=hint, tooltip=tip, style={"description_width": "initial"}
            )
            for name, (label, hint, tip) in _TEXTS.items()
        }
        self._bias = widgets.Checkbox(description="Subtract bias")
        self._button = widgets.Button(description="Calibrate", button_style="primary")
        self._stop = widgets.Button(description="Cancel")
        self._progress = widgets.IntProgress(description="Progress")
        self._problem = widgets.Label()
        self._log = widgets.Textarea(disabled=True, rows=5, layout={"width": "100%"})
        self._box = widgets.VBox(
            [
                self._files,
                widgets.HBox([*self._texts.values(), self._bias]),
                self._problem,
                widgets.HBox([self._button, self._stop, self._progress]),
                self._log,
            ]
        )

    def __repr__(self):
        return f"DarkPanel({', '.join(f'{name}={value!r}' for name, value in self._parameters.to_dict().items())})"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self._box._repr_mimebundle_() | {"text/plain": repr(self)}
