"""The `darkcal` command: translates arguments, calls one function, and turns errors into messages.

A new command is one function that adds its parser, listed in `_COMMANDS`. It imports what it runs only when it runs,
so that ``darkcal --help`` stays quick.
"""

import argparse
import itertools
import json
import re
import shlex
import sys
from pathlib import Path

from . import __version__
from .errors import DarkcalError, ParameterError
from .text import visible, without_repeats

__all__ = ["main"]


def main(arguments=None):
    """Run `darkcal`.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit status: 0, 1 after an error of darkcal or of the disk (its message is on stderr), 130 after Ctrl-C. Wrong
        usage exits with 2.
    """
    options = vars(_parser().parse_args(arguments))
    run = options.pop("run")
    try:
        run(**options)
    except DarkcalError as error:
        print(f"darkcal: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"darkcal: {visible(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        print(
            f"darkcal: {str(stop) or 'stopped; finished work is kept; run the same command again to continue'}",
            file=sys.stderr,
        )
        return 130
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="darkcal", description="Calibrate CCD dark frames.")
    parser.add_argument("--version", action="version", version=f"darkcal {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in _COMMANDS:
        add(commands)
    return parser


def _add_sample(commands):
    sample = commands.add_parser("sample", help="make, or download, the nights of both examples")
    sample.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="where (default: here)")
    sample.add_argument("--real", action="store_true", help="download the real nights instead (large)")
    sample.add_argument("--full", action="store_true", help="simulate all rows of the cameras, not 512")
    sample.add_argument(
        "--seed", type=int, help="random seed; a different one gives different noise and hot pixels"
    )
    sample.add_argument(
        "--realistic",
        action="store_true",
        help="with cosmic rays, noise of rows and more, as real frames have",
    )
    sample.add_argument("--overwrite", action="store_true", help="replace other simulated nights")
    sample.set_defaults(run=_sample)


def _sample(folder, real, full, seed, realistic, overwrite):
    if real:
        if full or realistic or overwrite or seed is not None:
            raise ParameterError(
                "--real downloads frames as they are: leave out --full, --seed, --realistic and --overwrite."
            )
        from .download import download_examples

        nights = download_examples(folder)
    else:
        from .simulate import simulate_examples

        options = {} if seed is None else {"seed": seed}
        nights = simulate_examples(folder, full=full, realistic=realistic, overwrite=overwrite, **options)
    print(*nights, sep="\n")


def _add_demo(commands):
    demo = commands.add_parser("demo", help="simulate both nights and run both notebooks headlessly")
    demo.add_argument("folder", nargs="?", default="demo", metavar="FOLDER", help="where (default: demo)")
    demo.set_defaults(run=_demo)


def _demo(folder):
    from .notebooks.workspace import demo

    demo(folder)


def _add_lab(commands):
    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab")
    lab.add_argument("folder", nargs="?", default="demo", metavar="FOLDER", help="where (default: demo)")
    lab.add_argument(
        "--option",
        action="append",
        default=[],
        dest="options",
        help="an option for JupyterLab, as --option=--no-browser; repeat for more",
    )
    lab.set_defaults(run=_lab)


def _lab(folder, options):
    from .notebooks.workspace import prepare, start_lab

    print(prepare(folder))
    start_lab(folder, options)


def _add_batch(commands):
    batch = commands.add_parser(
        "batch",
        help="run a notebook for each of many parameter files",
        description="Run a notebook for each parameter file, several at once, and make one page, OUT/index.html, of "
        "their results. A second call does only what is left to do.",
        epilog="A parameter file (YAML) holds the parameters of a notebook, and notebook: 1, 2, 3 or a path; the panel "
        "saves such files. A table has a row for each run. Relative paths start in the folder of the file.",
    )
    batch.add_argument(
        "sources", nargs="+", metavar="FILES", help="parameter files, folders of them, or a CSV table"
    )
    batch.add_argument(
        "--out", required=True, metavar="OUT", help="folder for notebooks, reports and the page"
    )
    batch.add_argument(
        "--workers", type=int, metavar="N", help="runs at once (default: one for each processor)"
    )
    batch.add_argument("--timeout", type=float, metavar="SECONDS", help="end a run after this time")
    batch.add_argument("--force", action="store_true", help="do again what is done already")
    batch.add_argument("--scheduler", metavar="ADDRESS", help="let a Dask cluster do it, as tcp://host:8786")
    batch.set_defaults(run=_batch)


def _batch(sources, out, **options):
    from .batch import run_batch

    def show(mistakes):
        if mistakes:
            print("These will not be run:", *mistakes, sep="\n  ", file=sys.stderr)

    batch = run_batch(sources, out, on_mistakes=show, **options)
    print(batch)
    batch.raise_failures(told=True)


def _add_advise(commands):
    advise = commands.add_parser("advise", help="measure a night and recommend the steps, with reasons")
    advise.add_argument("folder", metavar="FOLDER", help="the night")
    advise.add_argument(
        "--darks",
        metavar="FOLDER",
        help="where its darks are (default: in the night itself, or if it holds none, in its folder darks)",
    )
    advise.add_argument(
        "--type",
        action="append",
        default=[],
        dest="types",
        metavar="WHICH:TYPE",
        help="what frames are where headers do not say it: a word of the header, any card or file names, with a colon and bias, "
        "dark, flat, science or other, as --type 'OBJECT=bias*: bias' --type 'file=d10*: dark'; repeat for more",
    )
    advise.set_defaults(run=_advise)


def _advise(folder, darks, types):
    from .advice import advise

    image_types = _image_types(types)
    night = _night(folder, darks, image_types)
    for note in night.notes:
        _say(_in_options(note))
    advice = advise(night)
    print(advice)
    if night.darks:
        extensions = advice.recipe.extensions
        advice = advise(night, extensions) if extensions else advice
        print("", *_next_step(night, advice), sep="\n")


def _next_step(night, advice):
    """Yield what is to be decided, and the command that calibrates a night as advised."""
    from .advice.findings import NO_BIAS
    from .fields import papermill_option
    from .notebooks import shipped_notebooks
    from .parameters import ADVISABLE, ADVISED, Parameters

    name = night.raw_folder.resolve().name
    places = {
        "raw_folder": str(night.raw_folder),
        "dark_folder": str(night.dark_folder) if len(night.folders) > 1 else None,
        "reduced_folder": f"{name}-reduced",
    }
    left = Parameters(**places, **dict.fromkeys(ADVISABLE, ADVISED)).undecided(advice)
    given = {"image_types": night.image_types, "extensions": advice.recipe.extensions}
    given = places | {name: value for name, value in given.items() if value}
    for missing in [finding for finding in advice.findings if finding.verdict == NO_BIAS]:
        left["combined_bias"] = missing.reason
    notebook, here = shipped_notebooks()[3], Path.cwd()
    notebook = notebook.relative_to(here) if notebook.is_relative_to(here) else notebook
    command = shlex.join(["papermill", str(notebook), f"{name}-calibrated.ipynb"])
    yield from without_repeats(left.values())
    yield "To calibrate it as advised" + (", with your values in place of ...:" if left else ":")
    yield " ".join(
        [command, *itertools.starmap(papermill_option, (given | dict.fromkeys(left, "...")).items())]
    )


def _in_options(note):
    """Return a note with what it says of image_types as the option that sets them here."""
    return re.sub(r"image_types=\{(['\"])(.+?)\1: '(\w+)'\}", r"--type '\2: \3'", note)


def _image_types(types):
    """Return the mapping that ``--type`` gives, option by option."""
    pairs = [text.rpartition(":") for text in types]
    for _, colon, text in pairs:
        if not colon:
            raise ParameterError(f"--type is {text!r}; expected PATTERN: TYPE, as 'OBJECT=bias*: bias'.")
    return {which.strip(): kind.strip().lower() for which, _, kind in pairs} or None


def _night(folder, darks, image_types=None):
    """Return the night; where ``--darks`` was not given and there is a choice, say which darks were taken."""
    from .night import Night

    inside = Path(folder) / "darks"
    if darks is not None or not inside.is_dir():
        return Night(folder, dark_folder=darks, image_types=image_types)
    night = Night(folder, dark_folder=inside, image_types=image_types)
    if any(frame.info.type == "dark" and frame.path.parent != inside for frame in night.frames):
        _say(f"the darks in {folder} itself are taken; for those in {inside}, say --darks {inside}")
        return Night(folder, image_types=image_types)
    _say(f"there are no darks in {folder} itself, so those in {inside} are taken (dark_folder)")
    return night


def _say(text):
    print(f"darkcal: {visible(text)}", file=sys.stderr)


def _add_check(commands):
    check = commands.add_parser("check", help="compare results of a simulated night with its true values")
    check.add_argument("folder", metavar="FOLDER", help="the folder of results")
    check.add_argument(
        "--night", metavar="FOLDER", help="the simulated night (default: found beside the results, or here)"
    )
    check.set_defaults(run=_check)


def _check(folder, night):
    from .check import check_run

    report = check_run(folder, night)
    print(report)
    report.raise_off()


def _add_class(commands):
    group = commands.add_parser("class", help="make a class of students, and mark what they hand in")
    tasks = group.add_subparsers(title="tasks", metavar="TASK", required=True)
    make = tasks.add_parser("make", help="make a night of its own and the exercise for each student")
    make.add_argument("folder", metavar="CLASS", help="folder of the class")
    make.add_argument("--students", required=True, metavar="FILE", help="CSV with a line for each student")
    make.add_argument(
        "--level",
        type=int,
        default=2,
        choices=(1, 2, 3),
        help="1: like the examples, 2 (default): any overscan and exposures, 3: wrong headers and odd frames",
    )
    make.set_defaults(run=_class_make)
    mark = tasks.add_parser("mark", help="mark what is in CLASS/handed-in")
    mark.add_argument("folder", metavar="CLASS", help="folder of the class")
    mark.add_argument("--due", metavar="DATE", help="what was changed later is late, as 2026-03-01T18:00")
    mark.set_defaults(run=_class_mark)


def _class_make(folder, students, level):
    from .course.make import make_class

    room = make_class(folder, students, level=level)
    print(f"hand out:  {room.folder / 'hand-out'}", f"collect in: {room.handed_in}", sep="\n")
    print(f"for you alone: {room.teacher}")


def _class_mark(folder, due):
    from .course.mark import mark_class

    for mark in mark_class(folder, due=due):
        print(visible(f"{mark.mark:5.1f}  {mark.state:8} {mark.name}  {mark.step}"))
    print(Path(folder) / "marks.html")


def _add_schema(commands):
    schema = commands.add_parser(
        "schema",
        help="describe the parameters for other programs",
        description="Print the parameters as a JSON Schema; those of one notebook, with its own values, as a sidecar in YAML, "
        "as Times Square has it.",
    )
    schema.add_argument("notebook", nargs="?", metavar="NOTEBOOK", help="1, 2, 3 or the path of a notebook")
    schema.set_defaults(run=_schema)


def _schema(notebook):
    from .parameters import NOTEBOOK, Parameters

    if notebook is None:
        print(json.dumps(Parameters.schema(), indent=2, ensure_ascii=False))
        return
    import yaml

    from .batch.requests import look_into, notebook_path

    path = notebook_path({NOTEBOOK: notebook}, Path.cwd())
    _, own = look_into(path)
    known = {name: value for name, value in own.items() if name in Parameters.names()}
    sidecar = {"title": path.stem, "parameters": Parameters.schema(known)["properties"]}
    print(yaml.safe_dump(sidecar, sort_keys=False, allow_unicode=True), end="")


_COMMANDS = [_add_sample, _add_demo, _add_lab, _add_batch, _add_advise, _add_check, _add_schema, _add_class]

if __name__ == "__main__":
    sys.exit(main())
