"""What a batch is asked to run: parameter files and tables, read and checked all together before anything runs.

Relative paths in a parameter file or a table start in the folder of that file, wherever the batch is started: the panel
saves its settings beside the notebook, and ``papermill -f`` is called there.

A parameter file is data and nothing in it is run; a notebook that it names by its path is, with the rights of the user.
"""

import ast
import csv
import glob
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import yaml

from ..errors import ParameterError
from ..headless import shipped_notebooks
from ..parameters import NOTEBOOK, Parameters, read_yaml

__all__ = ["Request", "read_requests"]

_YAML, _CSV, _ECSV = (".yaml", ".yml"), ".csv", ".ecsv"
_NAME = "name"
_TEXTS = ("raw_folder", "dark_folder", "reduced_folder", "overscan_columns", "keep_columns", "combined_bias")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}  # as YAML reads them


@dataclass(frozen=True)
class Request:
    """One run that is asked for.

    Attributes
    ----------
    name : str
        Of the run, and of its folder.
    source : str
        The parameter file, or the table and its row.
    folder : Path
        Where relative paths start.
    values : dict
        The parameters that are given; the notebook's own stand for the others.
    notebook : Path or None
    digest : str
        Of the notebook's cells.
    parameters : Parameters or None
        All of them. `None`: there are `problems`.
    problems : tuple of str
        What is wrong, a sentence each.
    """

    name: str
    source: str
    folder: Path
    values: dict = field(default_factory=dict)
    notebook: Path | None = None
    digest: str = ""
    parameters: Parameters | None = None
    problems: tuple = ()

    def path(self, parameter):
        """Return a folder or file of the parameters, seen from anywhere; `None` where it is not given."""
        value = getattr(self.parameters, parameter)
        return None if value is None else self.folder / value

    @property
    def raw_folders(self):
        """The folders of raw frames."""
        return [path for name in ("raw_folder", "dark_folder") if (path := self.path(name)) is not None]


def read_requests(sources):
    """Read and check what is to be run; nothing is written.

    Parameters
    ----------
    sources : iterable of path-like
        Parameter files (YAML), folders of them, patterns such as ``nights/*.yaml``, and tables (CSV or ECSV) with a row for
        each run: columns are named as the parameters, and ``name`` if there is one names the run. An empty cell leaves the
        notebook's own value.

    Returns
    -------
    list of Request
        Each once, those with mistakes among them; a source that is not there is one with a mistake.
    """
    paths = {path.resolve(): path for source in sources for path in _files(str(source))}
    requests = [_checked(request) for path in paths.values() for request in _read(path)]
    return _checked_together(requests)


def _files(source):
    """Return the files that a source stands for; the source itself where it stands for none."""
    path = Path(source)
    if path.is_dir():
        found = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _YAML]
    else:
        found = (
            [path] if path.exists() else [Path(file) for file in sorted(glob.glob(source, recursive=True))]
        )
    return found or [path]


def _read(path):
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            raise ParameterError(f"there is no parameter file ({', '.join(_YAML)}) in the folder.")
        if suffix in (_CSV, _ECSV):
            return _rows(path, _csv_rows(path) if suffix == _CSV else _ecsv_rows(path))
        return [_request(path.stem, str(path), path, read_yaml(path))]
    except ParameterError as error:
        return [_request(path.stem or path.name, str(path), path, {}, (str(error),))]


def _request(name, source, path, values, problems=()):
    return Request(name, source, path.parent.resolve(), dict(values), problems=tuple(problems))


def _rows(path, rows):
    """Make a request of each row; runs without a name are numbered."""
    requests = []
    for number, (row, problems) in enumerate(rows, start=1):
        name = row.pop(_NAME, None) or f"{path.stem}-{number:03d}"
        requests.append(_request(str(name), f"{path}, row {number}", path, row, problems))
    if not requests:
        raise ParameterError(f"the table {path} has no row; give it one for each run.")
    return requests


def _csv_rows(path):
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            table = csv.DictReader(stream, skipinitialspace=True)
            return [_csv_row(row) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ParameterError(f"the table {path} cannot be read: {error}.") from error


def _csv_row(row):
    surplus = row.pop(None, ())
    problems = [f"the row has {len(surplus)} cells more than there are columns."] if surplus else []
    cells = {name.strip(): (text or "").strip() for name, text in row.items() if name is not None}
    return {name: _value(name, text) for name, text in cells.items() if text}, problems


def _ecsv_rows(path):
    from astropy.table import Table

    try:
        table = Table.read(path, format="ascii.ecsv")
    except (OSError, ValueError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ParameterError(f"the table {path} cannot be read: {error}.") from error
    return [(_ecsv_row(table.colnames, row), []) for row in table]


def _ecsv_row(names, row):
    import numpy as np

    cells = {name: row[name] for name in names if row[name] is not np.ma.masked}
    plain = {name: cell.tolist() if hasattr(cell, "tolist") else cell for name, cell in cells.items()}
    return {
        name: _value(name, cell) if isinstance(cell, str) else cell
        for name, cell in plain.items()
        if cell != ""
    }


def _value(name, text):
    """Return what the text of a cell means; text that means nothing else stays text, and is checked as such.

    Examples
    --------
    >>> _value("overscan_columns", "2055:"), _value("subtract_bias", "True"), _value("files", "[a.fits, b.fits]")
    ('2055:', True, ['a.fits', 'b.fits'])
    """
    if text.lower() in ("none", "null"):
        return None
    if name in _TEXTS or name == _NAME:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if name == "files":
        return [part.strip(" '\"") for part in text.strip("[]").split(",") if part.strip()]
    if name == "image_types":
        return _mapping(text)
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _mapping(text):
    """Return what ``{OBJECT=bias*: bias, file=d10*: dark}`` means, with quotes or without; other text as it is."""
    pairs = [part.rpartition(":") for part in text.strip("{} ").split(",") if part.strip()]
    if not all(colon for _, colon, _ in pairs):
        return text
    return {key.strip(" '\""): value.strip(" '\"") for key, _, value in pairs}


def _checked(request):
    """Check a request by itself."""
    problems = [*request.problems, *_name_problems(request.name)]
    if request.problems and not request.values:  # nothing could be read
        return replace(request, problems=tuple(problems))
    try:
        path = _notebook(request.values, request.folder)
        digest, own = _look_into(path)
    except ParameterError as error:
        return replace(request, problems=(*problems, str(error), *_value_problems(request.values)))
    given = {name: value for name, value in request.values.items() if name != NOTEBOOK}
    values = {name: value for name, value in own.items() if name in Parameters.names()} | given
    problems += Parameters.problems(values, own)
    request = replace(request, values=given, notebook=path, digest=digest, problems=tuple(problems))
    return request if problems else _with_folders(request, values)


def _value_problems(values):
    """Check values where no notebook says what else there should be."""
    return Parameters.problems({"raw_folder": ".", "reduced_folder": "."} | values)


def _with_folders(request, values):
    """Take the parameters into a request, and check that what they name is there."""
    known = {name: value for name, value in values.items() if name in Parameters.names()}
    request = replace(request, parameters=Parameters.from_mapping(known))
    problems = []
    for name, is_there, expected in (
        ("raw_folder", Path.is_dir, "a folder of raw frames"),
        ("dark_folder", Path.is_dir, "the folder of the darks"),
        ("combined_bias", Path.is_file, "a FITS file, or None to have it found or built"),
    ):
        if (path := request.path(name)) is not None and not is_there(path):
            found = f"{name} is {str(getattr(request.parameters, name))!r}, which is not there"
            problems.append(f"{found} (seen from {request.folder}); expected {expected}.")
    return replace(request, problems=tuple(problems))


def _name_problems(name):
    """Check that a name can be that of a folder in the folder of the batch."""
    is_plain = (
        name == Path(name).name and not name.startswith(".") and name.isprintable() and len(name) <= 200
    )
    taken = name.lower() in ("index.html", "summary.ecsv")
    return (
        []
        if is_plain and not taken
        else [f"name is {name!r}; expected a plain name, for a folder of its own."]
    )


def _notebook(values, folder):
    if NOTEBOOK not in values:
        raise ParameterError(
            f"the parameter {NOTEBOOK!r} is missing; expected 1, 2 or the path of a notebook."
        )
    asked = values[NOTEBOOK]
    shipped = shipped_notebooks()
    if isinstance(asked, str) and asked.strip().isdecimal():
        asked = int(asked)
    if isinstance(asked, int) and not isinstance(asked, bool) and asked in shipped:
        return shipped[asked]
    if isinstance(asked, str) and asked.endswith(".ipynb") and (folder / asked).is_file():
        return folder / asked
    there = (
        f", which is not there (seen from {folder})"
        if isinstance(asked, str) and asked.endswith(".ipynb")
        else ""
    )
    raise ParameterError(f"{NOTEBOOK} is {asked!r}{there}; expected 1, 2 or the path of an .ipynb file.")


def _look_into(path):
    return _look_into_file(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _look_into_file(path, _changed):
    """Return a digest of a notebook's cells, and the names and plain values in its cell of parameters."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
        tags = [cell["metadata"].get("tags", ()) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ParameterError(f"{NOTEBOOK} is {str(path)!r}, which is no notebook ({error!r}).") from error
    source = next((text for (_, text), tag in zip(texts, tags, strict=True) if "parameters" in tag), None)
    if source is None:
        raise ParameterError(
            f"{NOTEBOOK} is {str(path)!r}, which has no cell tagged 'parameters'; papermill needs one."
        )
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest(), _own_values(source, path)


def _own_values(source, path):
    """Return what a cell assigns: name to value, for values that are written out."""
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise ParameterError(
            f"{NOTEBOOK} is {str(path)!r}; its cell of parameters is no Python: {error}."
        ) from error
    values = {}
    for node in statements:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = _literal(node.value)
    return values


def _literal(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None  # computed in the notebook; what comes out is checked there


def _checked_together(requests):
    """Check what only shows when requests stand side by side: names and folders that two of them want."""
    found = defaultdict(list)
    for first, others in _shared(requests, lambda request: request.name.casefold()):
        found[first.source].append(f"name is {first.name!r}, as in {others}; expected a name for each run.")
    sound = [request for request in requests if request.parameters is not None and not request.problems]
    for first, others in _shared(sound, _results_folder):
        folder = first.parameters.reduced_folder
        found[first.source].append(
            f"reduced_folder is {folder!r}, the same folder as in {others}; expected one for each run."
        )
    raw = {folder.resolve(): request for request in sound for folder in request.raw_folders}
    for request in sound:
        if (victim := raw.get(_results_folder(request))) is not None:
            found[request.source].append(
                f"reduced_folder is {request.parameters.reduced_folder!r}, a folder of raw frames (of {victim.source}); "
                "expected another one: raw data are never touched."
            )
    return [replace(request, problems=(*request.problems, *found[request.source])) for request in requests]


def _results_folder(request):
    return request.path("reduced_folder").resolve()


def _shared(requests, key):
    """Yield each request that has its key in common with others, and the sources of those."""
    by_key = defaultdict(list)
    for request in requests:
        by_key[key(request)].append(request)
    for members in by_key.values():
        for one in members if len(members) > 1 else ():
            others = [other.source for other in members if other is not one]
            more = f" and {len(others) - 2} more" if len(others) > 2 else ""
            yield one, ", ".join(others[:2]) + more
