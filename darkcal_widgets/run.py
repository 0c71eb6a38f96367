"""Calibrate the darks of a night: decide what each frame needs, do it on several workers, say what became of it."""

import contextlib
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from tqdm.auto import tqdm

from .bias import bias_differences, choose_bias, known_header
from .combine import COMBINED_BIAS, combine_bias
from .errors import FrameError, Interrupted, OutputError, RunError
from .files import check_results_folder, checksum, make_results_folder, result_name
from .job import Job, calibrate_file, hold_bias
from .mixed import without_odd
from .outcome import Outcome, Run
from .text import visible
from .workers import default_workers

__all__ = ["calibrate_darks", "existing_results", "plan"]


def calibrate_darks(
    night,
    recipe,
    reduced_folder,
    *,
    files=None,
    combined_bias=None,
    overwrite=False,
    mixed="leave out",
    workers=None,
    executor=None,
    progress=True,
    on_outcome=None,
    cancel=None,
):
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
        Names of darks; `None`: all.
    combined_bias : path-like, optional
        Where the recipe subtracts the bias; `None`: the one found by its header in `reduced_folder`, or else one built from
        the night's bias frames.
    overwrite : bool
        Replace results that were made with another recipe.
    mixed : str
        What becomes of darks that differ from most of the others in shape, unit, camera, binning, readout mode, gain or
        temperature: ``'leave out'`` (they count as failed), ``'refuse'`` the whole night, or ``'keep'`` them.
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
    """
    folder = Path(reduced_folder)
    choice = {"files": files, "overwrite": overwrite, "mixed": mixed}
    jobs = plan(night, recipe, folder, **choice)
    run = Run(_unreadable(night, files) + _left_out(night, recipe, files, mixed))
    run.notes += night.passed_over if files is None else []
    if recipe.subtract_bias and jobs:
        bias = choose_bias(night, recipe, folder, combined_bias=combined_bias, **choice)
        make_results_folder(folder)
        bias = bias or _build_bias(night, recipe, folder, overwrite, run)
        run.notes += bias_differences(bias, _darks(night, recipe, files, mixed))
        content = checksum(bias) if executor is not None else hold_bias(bias, recipe.unit)
        jobs = [replace(job, bias=bias, bias_checksum=content) for job in jobs]
    make_results_folder(folder)
    _calibrate_all(run, jobs, executor, workers, on_outcome, cancel, progress)
    run.notes += _pixel_notes(run.outcomes)
    return run


def plan(night, recipe, reduced_folder, *, files=None, overwrite=False, mixed="leave out"):
    """Check everything that can be checked before a frame is touched, and list what is to be done.

    Returns
    -------
    list of Job
        One for each dark, without its combined bias.

    Raises
    ------
    ParameterError, NightError, OutputError
        See `calibrate_darks`.
    """
    folder = Path(reduced_folder)
    darks = _darks(night, recipe, files, mixed)
    for shape in dict.fromkeys(dark.info.shape for dark in darks):
        recipe.regions(shape)
    jobs = [
        Job(dark.name, dark.path, folder / result_name(dark.path.name), recipe, overwrite=overwrite)
        for dark in darks
    ]
    _check_distinct(jobs)
    raw_files = [frame.path for frame in night.frames]
    check_results_folder(folder, night.folders, [job.result for job in jobs], raw_files)
    return jobs


def existing_results(night, parameters):
    """Tell, from headers alone, what is already where the results of a run will go.

    Parameters
    ----------
    night : Night
    parameters : Parameters

    Returns
    -------
    dict of str to str
        Name of each dark to ``'absent'``, ``'same'`` (made with the same recipe), ``'other'`` (with another one) or ``'foreign'``
        (no result of darkcal). Whether the raw frame or the combined bias have changed since is only seen by the run itself.
    """
    recipe, folder = parameters.recipe, Path(parameters.reduced_folder)
    return {
        dark.name: _foreseen(folder / result_name(dark.path.name), recipe, dark.info.shape)
        for dark in night.select_darks(parameters.files)
    }


def _foreseen(path, recipe, shape):
    if not path.exists():
        return "absent"
    try:
        made_with = known_header(path)[0].get("DCRECIPE")
    except FrameError:
        return "foreign"
    return "foreign" if made_with is None else "same" if made_with == recipe.digest(shape) else "other"


def _build_bias(night, recipe, folder, overwrite, run):
    built = combine_bias(night, recipe, folder, overwrite=overwrite)
    run.outcomes += [outcome for outcome in built.outcomes if outcome.state == "failed"]
    return folder / COMBINED_BIAS


def _darks(night, recipe, files, mixed):
    return without_odd(night.select_darks(files), recipe.unit, mixed)[0]


def _left_out(night, recipe, files, mixed):
    """Return the outcomes of the darks that do not belong with the others."""
    _, odd = without_odd(night.select_darks(files), recipe.unit, mixed)
    advice = "It is left out; to calibrate it, name it, and others like it, with files."
    return [Outcome(name, "failed", reason=f"{reason} {advice}") for name, reason in odd.items()]


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


def _check_distinct(jobs):
    by_result = {}
    for job in jobs:
        by_result.setdefault(job.result.name.casefold(), []).append(job.name)
    for names in by_result.values():
        if len(names) > 1:
            raise OutputError(
                f"{' and '.join(names)} would have the same result; leave one out with files, or rename a copy."
            )


def _unreadable(night, files):
    if files is not None:
        return []
    return [Outcome(name, "failed", reason=night.unreadable[name]) for name in night.unreadable_darks]


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
