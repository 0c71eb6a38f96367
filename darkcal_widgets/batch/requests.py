"""What a batch is asked to run: parameter files and tables, read and checked all together before anything runs.

Relative paths in a parameter file or a table start in the folder of that file, wherever the batch is started: the panel
saves its settings beside the notebook, and ``papermill -f`` is called there.

A parameter file is data and nothing in it is run; a notebook that it names by its path is, with the rights of the user.
"""

import ast
import contextlib
import csv
import glob
import hashlib
import io
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from ..errors import ParameterError
from ..notebooks import shipped_notebooks
from ..parameters import NOTEBOOK, Parameters
from ..text import shortened
from ..yamlfile import parse_yaml, read_small_text, read_yaml

__all__ = ["Request", "look_into", "notebook_path", "read_requests"]

_YAML, _CSV = (".yaml", ".yml"), ".csv"
_NAME = "name"
_TEXTS = (_NAME, *Parameters.texts())
_LONGEST_NAME = 200  # bytes; a folder's may have 255
_MOST_TABLE, _MOST_NOTEBOOK = 1 << 24, 1 << 28  # bytes


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
        Parameter files (YAML), folders of them, patterns such as ``nights/*.yaml``, and tables (CSV) with a row for each
        run: columns are named as the parameters, and ``name`` if there is one names the run. An empty cell leaves the
        notebook's own value.

    Returns
    -------
    list of Request
        Each once, those with mistakes among them; a source that is not there is one with a mistake.
    """
    paths = {os.path.realpath(path): path for source in sources for path in _files(str(source))}
    requests = [_checked(request) for path in paths.values() for request in _read(path)]
    return [_shortened(request) for request in _checked_together(requests)]


def _files(source):
    """Return the files that a source stands for; the source itself where it stands for none."""
    path = Path(source)
    try:
        if os.path.isdir(path):
            found = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _YAML]
        elif os.path.lexists(path):
            found = [path]
        else:
            found = [Path(file) for file in sorted(glob.glob(source, recursive=True))]
    except (OSError, ValueError):  # that it cannot be read is said when it is read
        found = []
    return found or [path]


def _read(path):
    try:
        if os.path.isdir(path):
            os.listdir(path)
            raise ParameterError(f"there is no parameter file ({', '.join(_YAML)}) in the folder.")
        if path.suffix.lower() == _CSV:
            return _rows(path, _csv_rows(path))
        return [_request(path.stem, str(path), path, read_yaml(path))]
    except ParameterError as error:
        problem = str(error)
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}."
    return [_request(path.stem or path.name, str(path), path, {}, (problem,))]


def _request(name, source, path, values, problems=()):
    folder = Path(os.path.realpath(path.parent))
    return Request(name, source, folder, dict(values), problems=tuple(problems))


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
        text = read_small_text(path, _MOST_TABLE).removeprefix("\ufeff")
        table = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
        _check_columns(path, table.fieldnames or ())
        return [_csv_row(row) for row in table]
    except OSError as error:
        raise ParameterError(f"the table {path} cannot be read: {error.strerror or error}.") from error
    except csv.Error as error:
        raise ParameterError(f"the table {path} cannot be read: {error}.") from error
    except ParameterError:
        raise
    except ValueError as error:
        raise ParameterError(f"the table {path} {error}") from error


def _check_columns(path, names):
    twice = [name for name, count in Counter(name.strip() for name in names).items() if count > 1]
    if twice:
        raise ParameterError(
            f"the table {path} has two columns named {shortened(twice[0])!r}; give each a name of its own."
        )


def _csv_row(row):
    surplus = row.pop(None, ())
    problems = [f"the row has {len(surplus)} cells more than there are columns."] if surplus else []
    cells = {name.strip(): (text or "").strip() for name, text in row.items()}
    return {name: _value(name, text) for name, text in cells.items() if text}, problems


def _value(name, text):
    """Read a cell as YAML would; where a name or a path is expected, it is text whatever it looks like."""
    if text.lower() in ("none", "null"):
        return None
    if name in _TEXTS:
        return text
    if name == "files":
        return [part.strip(" '\"") for part in text.strip("[]").split(",") if part.strip()]
    if name == "image_types":
        return _mapping(text)
    try:
        value = parse_yaml(text)
    except ValueError:
        return text
    return text if value is None or isinstance(value, dict) else value


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
        path = notebook_path(request.values, request.folder)
        digest, own = look_into(path)
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
    for name, look, expected in (
        ("raw_folder", os.listdir, "a folder of raw frames"),
        ("dark_folder", os.listdir, "the folder of the darks"),
        ("combined_bias", _look_at_file, "a FITS file, or None to have it found or built"),
        ("reduced_folder", _look_at_place, "a folder for the results"),
    ):
        if (path := request.path(name)) is not None and (fault := _fault(look, path)):
            found = f"{name} is {str(getattr(request.parameters, name))!r}, {fault}"
            problems.append(f"{found} (seen from {request.folder}); expected {expected}.")
    return replace(request, problems=tuple(problems))


def _fault(look, path):
    """Say what keeps `look` from looking at a path."""
    try:
        look(path)
    except (FileNotFoundError, NotADirectoryError):
        return "which is not there"
    except OSError as error:
        return f"which cannot be used ({error.strerror})"
    except ValueError as error:  # NUL, or half a character
        return f"which cannot be a path ({error})"
    return ""


def _look_at_file(path):
    if not os.path.isfile(path):
        os.stat(path)
        raise FileNotFoundError(path)


def _look_at_place(path):
    with contextlib.suppress(FileNotFoundError):  # it is made when there are results
        os.stat(path)


def _name_problems(name):
    """Check that a name can be that of a folder in the folder of the batch."""
    is_plain = (
        name == os.path.basename(name)
        and not name.startswith(".")
        and name.isprintable()
        and 0 < len(name.encode(errors="replace")) <= _LONGEST_NAME
    )
    taken = name.lower() in ("index.html", "summary.ecsv")
    return (
        []
        if is_plain and not taken
        else [f"name is {name!r}; expected a plain name, for a folder of its own."]
    )


def notebook_path(values, folder):
    """Return the path of the notebook that parameters name, seen from a folder.

    Raises
    ------
    ParameterError
        They name none, or one that is not there.
    """
    if NOTEBOOK not in values:
        raise ParameterError(
            f"the parameter {NOTEBOOK!r} is missing; expected 1, 2, 3 or the path of a notebook."
        )
    asked = values[NOTEBOOK]
    shipped = {str(number): path for number, path in shipped_notebooks().items()}
    if (number := str(asked).strip()) in shipped:
        return shipped[number]
    is_path = isinstance(asked, str) and asked.endswith(".ipynb")
    if is_path and os.path.isfile(folder / asked):
        return folder / asked
    there = f", which is not there (seen from {folder})" if is_path else ""
    raise ParameterError(f"{NOTEBOOK} is {asked!r}{there}; expected 1, 2, 3 or the path of an .ipynb file.")


def look_into(path):
    """Look at a notebook without running it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    digest : str
        Of its cells.
    own : dict
        The names in its cell of parameters, with their values as far as those are written out.

    Raises
    ------
    ParameterError
        It cannot be read, is not a notebook, or has no such cell.
    """
    try:
        return _look_into_file(path, path.stat().st_mtime_ns)
    except ParameterError:
        raise
    except OSError as error:
        raise ParameterError(
            f"{NOTEBOOK} is {str(path)!r}, which cannot be read: {error.strerror}."
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ParameterError(f"{NOTEBOOK} is {str(path)!r}, which is not a notebook ({error!r}).") from error


@lru_cache(maxsize=256)
def _look_into_file(path, _changed):
    """Return a digest of a notebook's cells, and the names and plain values in its cell of parameters."""
    cells = json.loads(read_small_text(path, _MOST_NOTEBOOK))["cells"]
    texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    tags = [cell["metadata"].get("tags", ()) for cell in cells]
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
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ParameterError(
            f"{NOTEBOOK} is {str(path)!r}; its cell of parameters is not Python: {error}."
        ) from error
    values = {}
    for node in statements:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = _literal(node.value)
    return values


def _literal(node):
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None  # computed in the notebook, and checked there


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
    raw = {os.path.realpath(folder): request for request in sound for folder in request.raw_folders}
    for request in sound:
        if (victim := raw.get(_results_folder(request))) is not None:
            found[request.source].append(
                f"reduced_folder is {request.parameters.reduced_folder!r}, a folder of raw frames (of {victim.source}); "
                "expected another one: raw data are never modified."
            )
    return [replace(request, problems=(*request.problems, *found[request.source])) for request in requests]


def _results_folder(request):
    return os.path.realpath(request.path("reduced_folder"))


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


def _shortened(request):
    """Keep messages to a length that somebody reads: they hold values, and a value may be a thousand names."""
    return replace(request, problems=tuple(map(shortened, request.problems)))
