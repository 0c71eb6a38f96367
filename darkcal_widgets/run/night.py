"""Calibrate the darks of a night: do what the plan says on several workers, and report on each frame. No decisions."""

import contextlib
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from ..combine.files import COMBINED_BIAS, combine_bias
from ..combine.levels import below_bias, unlike_levels
from ..errors import Interrupted, ParameterError, RunError
from ..files import make_results_folder
from ..frames import Frame
from ..outcome import Outcome, Run
from ..parallel import default_workers
from ..text import visible
from .file import calibrate_file, hold_bias
from .plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor
    from os import PathLike

    from ..night import Night
    from ..recipe import Recipe
    from .plan import Plan

__all__ = ["calibrate_darks", "run_plan"]


def calibrate_darks(
    night: "Night",
    recipe: "Recipe",
    reduced_folder: "str | PathLike[str]",
    *,
    files: "Iterable[str] | None" = None,
    combined_bias: "str | PathLike[str] | None" = None,
    overwrite: bool = False,
    mixed: str = "leave out",
    workers: int | None = None,
    executor: "Executor | None" = None,
    progress: bool = True,
    on_outcome: "Callable[[Outcome], object] | None" = None,
    cancel: threading.Event | None = None,
) -> Run:
    """Calibrate the darks of a night.

    Raw frames are opened for reading only. A result is written all or nothing; one of the same recipe and input is left as
    it is; one bad frame costs one frame.

    Parameters
    ----------
    night : Night
    recipe : Recipe
    reduced_folder : path-like
        Where the results go, under the names of the raw frames; made if it is not there.
    files : iterable of str, optional
        Names of darks, patterns or choices, see `~darkcal_widgets.Night.select_darks`; `None`: all. What begins with ``bias:``
        chooses the frames of the combined bias in the same way.
    combined_bias : path-like, optional
        Where the recipe subtracts the bias; `None`: the one found by its header in `reduced_folder`, or else one built from
        the night's bias frames.
    overwrite : bool
        Replace results that were made with another recipe.
    mixed : str
        What is done with darks that differ from most of the others in shape, unit, camera, binning, readout mode or gain:
        ``'leave out'`` (they count as failed), ``'refuse'`` the whole night, or ``'keep'`` them.
    workers : int, optional
        Threads; `None`: the number in the environment variable ``DARKCAL_WORKERS``, or else one for each processor, at
        most four.
    executor : `concurrent.futures.Executor`, optional
        Where to work instead, such as a process pool or a cluster that sees the same folders.
    progress : bool
        Show a progress bar.
    on_outcome : callable, optional
        Called with each `Outcome` as it comes.
    cancel : `threading.Event`, optional
        Once it is set, no further frame is begun.

    Returns
    -------
    Run

    Raises
    ------
    ParameterError
        The recipe does not fit the frames, or `files` names what is not there.
    NightError
        There is no dark, no way to a combined bias, or a mixture of darks that is refused or has no majority.
    FrameError
        The combined bias does not fit.
    OutputError
        Raw data would be in danger, or the folder cannot be made.
    Interrupted
        After Ctrl-C, once the frames in work are done; the message says what was done.

    Examples
    --------
    >>> night = Night("example-cryo-LFC", dark_folder="example-cryo-LFC/darks")
    >>> recipe = Recipe(overscan_columns="2055:", keep_columns=":2048")
    >>> run = calibrate_darks(night, recipe, "doctest-reduced", progress=False)
    >>> len(run.written), len(run.unchanged), len(run.failed)
    (9, 0, 0)
    """
    plan = make_plan(
        night,
        recipe,
        reduced_folder,
        files=files,
        combined_bias=combined_bias,
        overwrite=overwrite,
        mixed=mixed,
    )
    return run_plan(
        plan,
        workers=workers,
        executor=executor,
        progress=progress,
        on_outcome=on_outcome,
        cancel=cancel,
    )


def run_plan(
    plan: "Plan",
    *,
    workers: int | None = None,
    executor: "Executor | None" = None,
    progress: bool = True,
    on_outcome: "Callable[[Outcome], object] | None" = None,
    cancel: threading.Event | None = None,
) -> Run:
    """Do what a plan says.

    Parameters
    ----------
    plan : Plan
    workers, executor, progress, on_outcome, cancel
        See `calibrate_darks`.

    Returns
    -------
    Run

    Raises
    ------
    OutputError, Interrupted
        See `calibrate_darks`.
    """
    if workers is not None and workers < 1:
        raise ParameterError(f"workers is {workers}; expected at least 1.")
    run = Run(
        [Outcome(name, "failed", reason=reason) for name, reason in plan.left_out.items()], [*plan.notes]
    )
    make_results_folder(plan.folder)
    jobs = _with_bias(plan, run, executor) if plan.bias is not None or plan.builds_bias else plan.jobs
    _calibrate_all(run, jobs, executor, workers, on_outcome, cancel, progress)
    run.notes += _pixel_notes(run.outcomes) + _level_notes(plan, run.outcomes)
    return run


def _with_bias(plan, run, executor):
    """Return the jobs with the combined bias that they subtract, which is built first if it has to be."""
    bias = plan.bias or _built_bias(plan, run)
    content = bias.checksum if executor is not None else hold_bias(bias.path, plan.recipe.unit)
    return [replace(job, bias=bias.path, bias_checksum=content) for job in plan.jobs]


def _built_bias(plan, run):
    built = combine_bias(plan.night, plan.recipe, plan.folder, files=plan.files, overwrite=plan.overwrite)
    run.outcomes += [outcome for outcome in built.outcomes if outcome.state == "failed"]
    return Frame(plan.folder / COMBINED_BIAS)


def _pixel_notes(outcomes):
    """Say how many pixels are saturated or have no value, and in which dark most of them are."""
    done, notes = [outcome for outcome in outcomes if outcome.path is not None], []
    for what, count in (
        ("saturated pixels", lambda outcome: outcome.saturated),
        ("pixels with no value (NaN or infinite)", lambda outcome: outcome.no_value),
    ):
        having = [outcome for outcome in done if count(outcome)]
        if having:
            worst = max(having, key=count)
            most = (
                f"most in {visible(worst.name)} ({count(worst)})" if len(having) > 1 else visible(worst.name)
            )
            notes.append(f"{sum(map(count, having))} {what} in {len(having)} of {len(done)} darks: {most}.")
    return notes


def _level_notes(plan, outcomes):
    """Say which darks have a level that no drift explains."""
    levels = {outcome.name: outcome.level for outcome in outcomes if outcome.level is not None}
    darks = {dark: levels[dark.name] for dark in plan.darks if dark.name in levels}
    return unlike_levels(darks) + (below_bias(darks) if plan.recipe.uses_bias else [])


def _calibrate_all(run, jobs, executor, workers, on_outcome, cancel, progress):
    own = ThreadPoolExecutor(workers or default_workers()) if executor is None else None
    done, interrupted = [], threading.Event()
    try:
        with _ctrl_c_sets(interrupted):
            for outcome in _work(jobs, executor or own, (cancel, interrupted), progress):
                done.append(outcome)
                if on_outcome is not None:
                    on_outcome(outcome)
    finally:
        if own is not None:
            own.shutdown(cancel_futures=True)
    run.cancelled = len(done) < len(jobs)
    order = {job.name: index for index, job in enumerate(jobs)}
    run.outcomes += sorted(done, key=lambda outcome: order[outcome.name])
    if interrupted.is_set():
        raise Interrupted(f"stopped by Ctrl-C: {run}\nThe next run goes on from there.")


@contextlib.contextmanager
def _ctrl_c_sets(event):
    """Let Ctrl-C set an event, so that what is in work is finished and told; a second one interrupts at once."""
    usual = signal.default_int_handler
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not usual
    ):
        yield
        return

    def stop(*_):
        signal.signal(signal.SIGINT, usual)
        event.set()

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _work(jobs, executor, stops, progress):
    """Yield the outcome of each job as it comes, until one of the events `stops` is set.

    Only a few jobs are handed out at a time, and taken back where they are not begun, so that a stop is quick.
    """
    waiting, running = list(reversed(jobs)), set()
    window = 2 * (getattr(executor, "_max_workers", None) or os.cpu_count() or 1)
    with tqdm(total=len(jobs), unit="frame", desc="calibrate", disable=not progress) as bar:
        while waiting or running:
            if any(event is not None and event.is_set() for event in stops):
                running = {future for future in running if not future.cancel()}
                waiting.clear()
            while waiting and len(running) < window:
                running.add(executor.submit(calibrate_file, waiting.pop()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                bar.update()
                yield _result(future)


def _result(future):
    try:
        return future.result()
    except BrokenExecutor as error:
        raise RunError(f"a worker process died while it calibrated a frame; run again: {error}") from error
