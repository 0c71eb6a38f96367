"""Parameters: everything a run of a notebook is told, to and from YAML, papermill and the notebook itself. Not their use."""

import ast
import shlex
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

import yaml

from .errors import ParameterError
from .fields import as_lists, checked, documented, notation, properties, setting
from .files import replacing
from .frames.kinds import checked_image_types
from .recipe import Recipe
from .recipe.recipe import check_names
from .text import without_repeats
from .yamlfile import read_yaml

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from os import PathLike
    from typing import Any

    from astropy.table import Table

    from .advice.advice import Advice
    from .sections import Regions

__all__ = ["ADVISABLE", "ADVISED", "Parameters"]

# The word that stands for what the advice on the night recommends, and the parameters that may be left to it.
ADVISED = "advised"
ADVISABLE = ("overscan_columns", "keep_columns", "subtract_bias", "amplifiers")
_SECTIONS = ADVISABLE[:2]
# What they can be set to where the night does not decide it.
_SETTINGS = {
    "overscan_columns": "overscan_columns, such as '2055:', or None for no overscan",
    "keep_columns": "keep_columns, such as ':2048', or None to keep all",
    "subtract_bias": "subtract_bias to True or False",
    "amplifiers": "amplifiers to a pair of overscan and image for each, or None for one",
}

# A parameter file may also name its notebook (1, 2, 3 or a path); papermill passes the name on like any other.
NOTEBOOK = "notebook"
# Not set by the notebooks of version 0.1.
_NEW = ("amplifiers", "extensions", "image_types")
_RECIPE = [field.name for field in fields(Recipe)]
# What is required beside a parameter that is looked at alone.
_SOME_FOLDERS = {"raw_folder": ".", "reduced_folder": "."}


@documented
@dataclass(frozen=True, kw_only=True)
class Parameters(Recipe):
    """The parameters of a notebook: a `Recipe`, where the frames are, and where the results go.

    Those of `ADVISABLE` may be the word ``'advised'``, until `following` puts in its place what was measured in the night.

    Attributes
    ----------
    {attributes}

    Raises
    ------
    ParameterError
        A value is of the wrong kind; the message names the parameter.

    See Also
    --------
    Recipe : the other fields.
    """

    raw_folder: str = setting(MISSING, "the night: a folder of raw frames", "example-cryo-LFC")
    dark_folder: str | None = setting(
        None, "where its darks are; None: in raw_folder", "example-cryo-LFC/darks"
    )
    reduced_folder: str = setting(MISSING, "where results go", "example1-reduced")
    combined_bias: str | None = setting(
        None,
        "file of the combined bias; None: found in reduced_folder, or built from the bias frames",
        "example1-reduced/combined_bias.fits",
    )
    files: tuple[str, ...] | None = setting(
        None,
        "names or patterns of the darks to calibrate, exposures, temperatures; None: all",
        ("dark-1.fits", "dark-10*"),
        ("exposure=300",),
        details="What begins with ``bias:`` chooses among the bias frames; see `~darkcal_widgets.Night.select_darks`.",
    )
    image_types: dict[str, str] | None = setting(
        None,
        "what frames truly are, by words, cards or names; None: as their headers say",
        {"OBJECT=bias*": "bias", "file=d10*": "dark"},
        details="See `~darkcal_widgets.Night`.",
    )
    overwrite: bool = setting(False, "replace results that were made with other settings", True)

    def __post_init__(self):
        if isinstance(self.files, list | tuple) and not self.files:
            raise ParameterError(
                "files is an empty list: no dark is selected; name at least one, or None for all darks."
            )
        told = Recipe(**{name: getattr(self, name) for name in _RECIPE if name not in self.advised})
        for one in fields(self):
            if one.name not in self.advised:
                value = (
                    getattr(told, one.name) if one.name in _RECIPE else checked(one, getattr(self, one.name))
                )
                object.__setattr__(self, one.name, value)
        object.__setattr__(self, "image_types", checked_image_types(self.image_types) or None)

    @property
    def recipe(self) -> Recipe:
        """The part that describes what is done, as a `Recipe`.

        Raises
        ------
        ParameterError
            A parameter is still left to the advice.
        """
        for name in self.advised:
            raise ParameterError(
                f"{name} is {ADVISED!r}, a word for what the night tells; put the value in its place with "
                "parameters.resolved(advise(night))."
            )
        return Recipe(**{name: getattr(self, name) for name in _RECIPE})

    @property
    def advised(self) -> tuple[str, ...]:
        """Names of the parameters that are left to the advice."""
        return tuple(name for name in ADVISABLE if getattr(self, name) == ADVISED)

    def following(self, advice: "Advice") -> "Parameters":
        """Return the parameters with what an advice recommends in place of each ``'advised'``, sure of it or not."""
        values = {name: advice.decisions[name].value for name in self.advised}
        return replace(self, **values | dict.fromkeys(self._told_by_amplifiers))

    def undecided(self, advice: "Advice") -> dict[str, str]:
        """Say what an advice cannot tell of the parameters that are left to it.

        Returns
        -------
        dict of str to str
            Name of each parameter that has to be set, to the reason.
        """
        left = [name for name in self.advised if name not in self._told_by_amplifiers]
        found = {name: advice.decisions[name] for name in left}
        sentences = {
            name: f"This night does not decide {name}. {decision.reason} Set {_SETTINGS[name]}."
            for name, decision in found.items()
            if decision.certainty == "unknown"
        }
        if self.amplifiers is None and {*_SECTIONS} & {*left} and advice.recipe.amplifiers:
            reason = advice.decisions["amplifiers"].reason
            sentences["amplifiers"] = (
                f"amplifiers is None, for one amplifier. {reason} Set it to {ADVISED!r}, too."
            )
        return sentences

    def resolved(self, advice: "Advice") -> "Parameters":
        """Return the parameters with what an advice recommends in place of each ``'advised'``.

        Raises
        ------
        ParameterError
            The advice cannot tell; the message says which parameters have to be set.
        """
        if undecided := self.undecided(advice):
            raise ParameterError(" ".join(without_repeats(undecided.values())))
        return self.following(advice)

    def reasons(self, advice: "Advice") -> "Table":
        """Tabulate what each step is, who has decided it, and why: what was measured, or what speaks against what was set.

        Parameters
        ----------
        advice : Advice

        Returns
        -------
        `~astropy.table.Table`
            Columns parameter, value, decided by and why.
        """
        from .tables import ShownTable  # slow to import

        values, undecided = self.following(advice), self.undecided(advice)
        against = {sentence.partition(" ")[0]: sentence for sentence in advice.differences(values)}
        rows = []
        for name in ADVISABLE:
            decision = advice.decisions[name]
            by = (
                "nobody yet"
                if name in undecided
                else f"the night, {decision.certainty}".removesuffix(", decided")
            )
            told = (
                (by, undecided.get(name, decision.reason))
                if name in self.advised
                else ("you", against.get(name, ""))
            )
            rows.append((name, repr(as_lists(getattr(values, name))), *told))
        return ShownTable(rows=rows, names=("parameter", "value", "decided by", "why"))

    @property
    def _told_by_amplifiers(self):
        """Those left to the advice of which the amplifiers that were set say all there is to say."""
        return [name for name in _SECTIONS if name in self.advised and self.amplifiers not in (None, ADVISED)]

    def pieces(self, shape: tuple[int, int]) -> "tuple[Regions, ...]":
        """Lay the parameters on a frame as `Recipe.pieces` does, which all that a recipe does asks for.

        Raises
        ------
        ParameterError
            See there; or a parameter is still left to the advice.
        """
        return self.recipe.pieces(shape)

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the parameters, in the order of the notebooks."""
        places = [field.name for field in fields(cls) if field.name not in _RECIPE]
        # Where the frames are, what is done to them, which of them; what is seldom set comes last.
        return [*places[:3], *_RECIPE[:-2], *places[3:-1], *_RECIPE[-2:], places[-1]]

    @classmethod
    def schema(cls, defaults: "Mapping[str, Any] | None" = None) -> dict:
        """Return the parameters as a JSON Schema.

        Parameters
        ----------
        defaults : mapping, optional
            Such as those of a notebook, in place of the defaults here.

        Returns
        -------
        dict
        """
        found = properties(cls, cls.names(), ADVISED, ADVISABLE)
        for name, value in (defaults or {}).items():
            found[name]["default"] = value
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Parameters of a darkcal notebook",
            "type": "object",
            "properties": found,
            "required": cls.required(),
            "additionalProperties": False,
        }

    @classmethod
    def comments(cls) -> dict[str, str]:
        """Return the comment on each parameter, by name, as the notebooks have it: papermill reads kind and meaning from it."""
        found = {one.name: one for one in fields(cls)}
        return {
            name: f"type: {notation(found[name].type, ADVISED if name in ADVISABLE else '')} "
            f"{found[name].metadata['meaning']}"
            for name in cls.names()
        }

    @classmethod
    def texts(cls) -> list[str]:
        """Return the names of those that are text, whatever it looks like."""
        return [one.name for one in fields(cls) if one.type in (str, str | None)]

    @classmethod
    def required(cls) -> list[str]:
        """Return the names of those that have to be given."""
        return [field.name for field in fields(cls) if field.default is MISSING]

    @classmethod
    def from_mapping(cls, values: "Mapping[str, Any]") -> "Parameters":
        """Take parameters from a mapping of names to values; a key ``notebook`` is passed over.

        Raises
        ------
        ParameterError
            A name does not exist, a value is of the wrong kind, or a folder is missing.
        """
        given = {name: value for name, value in values.items() if name != NOTEBOOK}
        check_names(given, cls.names())
        missing = [name for name in cls.required() if name not in given]
        if missing:
            raise ParameterError(f"the parameter {missing[0]!r} is missing; give it a value.")
        return cls(**given)

    @classmethod
    def problems(cls, values: "Mapping[str, Any]", also: "Collection[str]" = ()) -> list[str]:
        """List everything that `from_mapping` would refuse, where it stops at the first.

        Parameters
        ----------
        values : mapping
        also : collection of str
            Names that a notebook has beside these parameters; they are not looked at.

        Returns
        -------
        list of str
            A sentence for each mistake, which names the parameter, what was found and what is expected.
        """
        known = [*cls.names(), *also, NOTEBOOK]
        found = [
            _message(check_names, [name], known)
            or (_message(cls, **_SOME_FOLDERS | {name: value}) if name in cls.names() else "")
            for name, value in values.items()
        ]
        found += [
            f"the parameter {name!r} is missing; give it a value."
            for name in cls.required()
            if name not in values
        ]
        return [message for message in found if message]

    @classmethod
    def from_notebook(cls, namespace: dict) -> "Parameters":
        """Take the parameters that a notebook holds as variables, and refuse names that papermill passed but nobody reads.

        Parameters
        ----------
        namespace : dict
            ``globals()`` of the notebook.

        Raises
        ------
        ParameterError
            A name that was passed does not exist (with "did you mean"), a parameter is not set, or its value is of the wrong
            kind.
        """
        cells = namespace.get("In", [])
        injected = next(
            (n for n in reversed(range(len(cells))) if cells[n].startswith("# Parameters\n")), None
        )
        if injected is not None:
            own = _assigned(cells[injected - 1]) if injected else []
            check_names(_assigned(cells[injected]), [*cls.names(), NOTEBOOK, *own])
        unset = [name for name in cls.names() if name not in namespace and name not in _NEW]
        if unset:
            raise ParameterError(
                f"the parameter {unset[0]!r} is not set; set it in the cell of parameters and run that cell."
            )
        return cls(**{name: namespace[name] for name in cls.names() if name in namespace})

    @classmethod
    def load(cls, path: "str | PathLike[str]") -> "Parameters":
        """Read parameters from a YAML file, as `save` writes it and ``papermill -f`` reads it.

        Raises
        ------
        ParameterError
            See `~darkcal_widgets.yamlfile.read_yaml`; or a parameter is wrong. The message names the file.
        """
        return cls.from_mapping_of(path, read_yaml(path))

    @classmethod
    def from_mapping_of(cls, path: "str | PathLike[str]", values: "Mapping[str, Any]") -> "Parameters":
        """Do as `from_mapping` and name the file `path` in errors."""
        try:
            return cls.from_mapping(values)
        except ParameterError as error:
            raise ParameterError(f"{path}: {error}") from error

    def save(self, path: "str | PathLike[str]", notebook: int | str | None = None) -> None:
        """Write the parameters as YAML, all or nothing; `notebook` (1, 2, 3 or a path) is added for ``darkcal batch``.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        values = {} if notebook is None else {NOTEBOOK: notebook}
        with replacing(path) as stream:
            stream.write(
                yaml.safe_dump(values | self.to_dict(), sort_keys=False, allow_unicode=True).encode()
            )

    def to_dict(self) -> dict:
        """Return names and values as papermill and YAML take them."""
        values = asdict(self)
        return {name: as_lists(values[name]) for name in self.names()}

    def papermill_command(
        self,
        notebook: "str | PathLike[str]",
        output: "str | PathLike[str]",
        parameter_file: "str | PathLike[str]",
    ) -> str:
        """Return the shell command that runs `notebook` with the parameters saved in `parameter_file`."""
        return shlex.join(["papermill", str(notebook), str(output), "-f", str(parameter_file)])

    def python_code(self) -> str:
        """Return the lines of Python that calibrate and combine with these parameters."""
        differing = {
            name: value for name in _RECIPE if (value := getattr(self, name)) != getattr(Recipe, name)
        }
        options: dict[str, object] = {
            name: value
            for name, value in (
                ("files", self.files),
                ("combined_bias", self.combined_bias),
                ("overwrite", self.overwrite),
            )
            if value not in (None, False)
        }
        if self.files is not None:
            options["files"] = list(self.files)
        places = {"dark_folder": self.dark_folder, "image_types": self.image_types}
        given = {name: value for name, value in places.items() if value is not None}
        night = _call("Night", [self.raw_folder], given)
        return "\n".join(
            [
                "from darkcal_widgets import Night, Recipe, calibrate_darks, combine_darks",
                "",
                f"night = {night}",
                f"recipe = {_call('Recipe', [], differing)}",
                f"run = calibrate_darks(night, recipe, {_keywords([self.reduced_folder], options)})",
                "run.raise_failures()",
                f"combine_darks({_keywords([self.reduced_folder], {'overwrite': True} if self.overwrite else {})})",
            ]
        )


def _message(check, *arguments, **keywords):
    try:
        check(*arguments, **keywords)
    except ParameterError as error:
        return str(error)
    return ""


def _assigned(source):
    """Return the names that a cell assigns at its top level."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return []
    targets = [target for node in statements if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in statements if isinstance(node, ast.AnnAssign)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _call(name, arguments, keywords):
    return f"{name}({_keywords(arguments, keywords)})"


def _keywords(arguments, keywords):
    return ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in keywords.items())])
