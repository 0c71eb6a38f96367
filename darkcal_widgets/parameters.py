"""Parameters: everything a run of a notebook is told, to and from YAML, papermill and the notebook itself. Not their use."""

import ast
import os
import shlex
from dataclasses import MISSING, asdict, dataclass, fields

import yaml

from .errors import ParameterError
from .files import replacing
from .frames.kinds import checked_image_types
from .recipe import Recipe
from .recipe.recipe import check_names
from .yamlfile import read_yaml

__all__ = ["Parameters", "as_lists"]

# A parameter file may also name its notebook (1, 2 or a path); papermill passes the name on like any other.
NOTEBOOK = "notebook"
# Not set by the notebooks of version 0.1.
_NEW = ("amplifiers", "extensions", "image_types")
_RECIPE = [field.name for field in fields(Recipe)]
# What is required beside a parameter that is looked at alone.
_SOME_FOLDERS = {"raw_folder": ".", "reduced_folder": "."}


@dataclass(frozen=True, kw_only=True)
class Parameters(Recipe):
    """The parameters of a notebook: a `Recipe`, where the frames are, and where the results go.

    Attributes
    ----------
    raw_folder : str
        The night.
    dark_folder : str or None
        Where the darks are; `None`: in `raw_folder`.
    reduced_folder : str
        Where results go.
    combined_bias : str or None
        Its file; `None`: found by header in `reduced_folder`, or built from the night's bias frames.
    files : tuple of str or None
        Names of the darks to calibrate, patterns or choices, see `~darkcal_widgets.Night.select_darks`; what begins with
        ``bias:`` chooses the frames of the combined bias. `None`: all.
    image_types : dict or None
        What frames are, where their headers do not say it, see `~darkcal_widgets.Night`; `None`: as the headers say.
    overwrite : bool
        Replace results made by another recipe.

    Raises
    ------
    ParameterError
        A value is of the wrong kind; the message names the parameter.

    See Also
    --------
    Recipe : the other fields.
    """

    raw_folder: str
    dark_folder: str | None = None
    reduced_folder: str
    combined_bias: str | None = None
    files: tuple | None = None
    image_types: dict | None = None
    overwrite: bool = False

    def __post_init__(self):
        super().__post_init__()
        for name in ("raw_folder", "dark_folder", "reduced_folder", "combined_bias"):
            optional = name in ("dark_folder", "combined_bias")
            object.__setattr__(self, name, _path(name, getattr(self, name), optional))
        if not isinstance(self.overwrite, bool):
            raise ParameterError(f"overwrite is {self.overwrite!r}; expected True or False.")
        object.__setattr__(self, "files", _files(self.files))
        object.__setattr__(self, "image_types", checked_image_types(self.image_types) or None)

    @property
    def recipe(self):
        """The part that describes what is done, as a `Recipe`."""
        return Recipe(**{field.name: getattr(self, field.name) for field in fields(Recipe)})

    @classmethod
    def names(cls):
        """Return the names of the parameters, in the order of the notebooks."""
        places = [field.name for field in fields(cls) if field.name not in _RECIPE]
        # Where the frames are, what is done to them, which of them; what is seldom set comes last.
        return [*places[:3], *_RECIPE[:-2], *places[3:-1], *_RECIPE[-2:], places[-1]]

    @classmethod
    def required(cls):
        """Return the names of those that have to be given."""
        return [field.name for field in fields(cls) if field.default is MISSING]

    @classmethod
    def from_mapping(cls, values):
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
    def problems(cls, values, also=()):
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
    def from_notebook(cls, namespace):
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
    def load(cls, path):
        """Read parameters from a YAML file, as `save` writes it and ``papermill -f`` reads it.

        Raises
        ------
        ParameterError
            See `~darkcal_widgets.yamlfile.read_yaml`; or a parameter is wrong. The message names the file.
        """
        return cls.from_mapping_of(path, read_yaml(path))

    @classmethod
    def from_mapping_of(cls, path, values):
        """Do as `from_mapping` and name the file `path` in errors."""
        try:
            return cls.from_mapping(values)
        except ParameterError as error:
            raise ParameterError(f"{path}: {error}") from error

    def save(self, path, notebook=None):
        """Write the parameters as YAML, all or nothing; `notebook` (1, 2 or a path) is added for ``darkcal batch``.

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

    def to_dict(self):
        """Return names and values as papermill and YAML take them."""
        values = asdict(self)
        return {name: as_lists(values[name]) for name in self.names()}

    def papermill_command(self, notebook, output, parameter_file):
        """Return the shell command that runs `notebook` with the parameters saved in `parameter_file`."""
        return shlex.join(["papermill", str(notebook), str(output), "-f", str(parameter_file)])

    def python_code(self):
        """Return the lines of Python that calibrate and combine with these parameters."""
        differing = {
            name: value for name in _RECIPE if (value := getattr(self, name)) != getattr(Recipe, name)
        }
        options = {
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


def as_lists(value):
    """Return tuples, also those inside, as lists, as papermill and YAML have them."""
    return [as_lists(each) for each in value] if isinstance(value, tuple) else value


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


def _path(name, value, optional):
    if value is None and optional:
        return None
    if not isinstance(value, str | os.PathLike) or not str(value):
        expected = "a path or None" if optional else "the path of a folder"
        raise ParameterError(f"{name} is {value!r} ({type(value).__name__}); expected {expected}.")
    return os.fspath(value)


def _files(files):
    if files is None:
        return None
    if (
        isinstance(files, str)
        or not isinstance(files, list | tuple)
        or not all(isinstance(name, str) for name in files)
    ):
        raise ParameterError(
            f"files is {files!r}; expected a list of file names, or None for all darks (on papermill's command line: "
            '-y "files: [dark-1.fits, dark-2.fits]").'
        )
    if not files:
        raise ParameterError(
            "files is an empty list: no dark is selected; name at least one, or None for all darks."
        )
    return tuple(files)


def _call(name, arguments, keywords):
    return f"{name}({_keywords(arguments, keywords)})"


def _keywords(arguments, keywords):
    return ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in keywords.items())])
