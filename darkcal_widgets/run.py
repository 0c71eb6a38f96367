"""Calibrate the darks of a night: decide what each frame needs, do it on several workers, say what became of it."""

import contextlib
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tqdm.auto import tqdm

from .calibrate import Calibration, PixelCounts, calibrated_header, check_bias
from .combine import COMBINED_BIAS, check_bias_frames, combine_bias
from .errors import DarkcalError, FrameError, Interrupted, NightError, OutputError, ParameterError, RunError
from .files import check_results_folder, checksum, is_frame_name, make_results_folder, result_name
from .frames import read_header, read_raw, write_bands
from .frames.headers import describe
from .mixed import TEMPERATURE_TOLERANCE, without_odd
from .outcome import Outcome, Run
from .text import ascii_only, visible
from .workers import default_workers

__all__ = ["calibrate_darks", "choose_bias", "existing_results", "find_combined_bias", "plan"]

_BIAS_LOCK = threading.RLock()
_HELD = {}  # the combined bias in memory, by its path, checksum and unit


@dataclass(frozen=True)
class Job:
    """Everything that one worker needs to calibrate one dark; small enough to be sent to another process."""

    name: str
    raw: Path
    result: Path
    recipe: object
    bias: Path | None = None
    bias_checksum: str = ""
    overwrite: bool = False


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
        run.notes += _differences(bias, _darks(night, recipe, files, mixed))
        content = checksum(bias) if executor is not None else _hold_bias(bias, recipe.unit)
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


def choose_bias(
    night, recipe, reduced_folder, *, files=None, combined_bias=None, overwrite=False, mixed="leave out"
):
    """Decide which combined bias the darks get, and check that it fits them; nothing is written.

    Returns
    -------
    Path or None
        `None`: it has to be built from the night's bias frames.

    Raises
    ------
    NightError
        There are several combined biases, or none and no bias frames to build one from.
    FrameError
        The combined bias has another shape or unit than the darks, or was made with another overscan or trim.
    ParameterError
        The file `combined_bias` is not there.
    """
    darks = _darks(night, recipe, files, mixed)
    path = _given_bias(combined_bias) if combined_bias is not None else find_combined_bias(reduced_folder)
    own = path is not None and combined_bias is None and path.name == COMBINED_BIAS
    if path is None or (own and overwrite and night.biases and _sections_differ(path, darks, recipe)):
        check_bias_frames(night, recipe)
        return None
    _check_combined_bias(path, darks, recipe)
    return path


def find_combined_bias(reduced_folder):
    """Return the combined bias in a folder, found by its header, or `None`.

    Raises
    ------
    NightError
        There are several.
    """
    folder = Path(reduced_folder)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [path for path in paths if is_frame_name(path.name) and _is_combined_bias(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise NightError(
            f"there are {len(found)} combined biases in {folder}: {names}. Name the one to use with combined_bias, or move the "
            "others away."
        )
    return found[0] if found else None


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
        made_with = _read_once(path)[0].get("DCRECIPE")
    except FrameError:
        return "foreign"
    return "foreign" if made_with is None else "same" if made_with == recipe.digest(shape) else "other"


def _read_once(path):
    """Do as `read_header`, and read again only when the file has changed: the panel asks at every turn."""
    status = path.stat()
    return _header_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _header_of(path, _changed, _size):
    return read_header(path)


def _given_bias(combined_bias):
    path = Path(combined_bias)
    if not path.is_file():
        raise ParameterError(
            f"combined_bias {str(combined_bias)!r} is not there (seen from {Path.cwd()}); give the path of a FITS file, or "
            "None to have it found or built."
        )
    return path


def _build_bias(night, recipe, folder, overwrite, run):
    built = combine_bias(night, recipe, folder, overwrite=overwrite)
    run.outcomes += [outcome for outcome in built.outcomes if outcome.state == "failed"]
    return folder / COMBINED_BIAS


def _check_combined_bias(path, darks, recipe):
    header, shape = read_header(path)
    if _sections_differ(path, darks, recipe):
        raise FrameError(
            f"the combined bias {path} was made with other overscan_columns or keep_columns than the recipe's "
            f"({_sections_text(header)}); move it away to have it built again from the bias frames, or set overwrite."
        )
    bias = _Claim(shape, describe(header, shape).unit or recipe.unit)
    for dark in darks:
        try:
            check_bias(dark.info.unit or recipe.unit, recipe.regions(dark.info.shape), bias)
        except FrameError as error:
            raise FrameError(f"{path} and {dark.name}: {error}") from error


@dataclass(frozen=True)
class _Claim:
    """What the header of a combined bias says: enough to check it against a dark before either is read."""

    shape: tuple
    unit: str


def _differences(path, darks):
    """Say where the combined bias was taken with other settings than the darks."""
    notes, bias = [], describe(*read_header(path))
    for what in ("binning", "gain", "readout"):
        other = sorted({str(getattr(dark.info, what)) for dark in darks} - {str(getattr(bias, what))})
        if other and getattr(bias, what) not in (None, ""):
            notes.append(f"{path.name} has {what} {getattr(bias, what)}, darks have {', '.join(other)}.")
    if bias.temperature is not None:
        far = [dark for dark in darks if dark.info.temperature is not None]
        far = [dark for dark in far if abs(dark.info.temperature - bias.temperature) > TEMPERATURE_TOLERANCE]
        if far:
            worst = max(far, key=lambda dark: abs(dark.info.temperature - bias.temperature))
            notes.append(
                f"{path.name} was taken at {bias.temperature:g} degrees, {worst.name} at {worst.info.temperature:g} "
                f"({len(far)} darks are more than {TEMPERATURE_TOLERANCE:g} degrees away)."
            )
    return notes


def _sections_differ(path, darks, recipe):
    header, _ = read_header(path)
    if "DCRECIPE" not in header:
        return False
    return header["DCRECIPE"] != replace(recipe, subtract_bias=False).digest(darks[0].info.shape)


def _sections_text(header):
    steps = [
        str(line) for line in header.get("HISTORY", []) if "overscan" in str(line) or "trimmed" in str(line)
    ]
    return "; ".join(steps) or "nothing subtracted, nothing trimmed"


def _is_combined_bias(path):
    try:
        info = describe(*_read_once(path))
    except DarkcalError:
        return False  # Whatever it is, it is no combined bias; frames that fail are reported where they are used.
    return info.combined and info.type == "bias"


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


def calibrate_file(job):
    """Calibrate one file as the job says; an expected failure is an outcome, not an exception."""
    try:
        return _calibrate_file(job)
    except DarkcalError as error:
        return Outcome(job.name, "failed", reason=str(error))


def _calibrate_file(job):
    raw = read_raw(job.raw, job.recipe.unit, borrowed=True)
    cards = _provenance(job, raw.shape, raw.checksum)
    if (existing := _same_result(job, cards)) is not None:
        return _unchanged(job, existing)
    bias = None if job.bias is None else _bias(job.bias, job.bias_checksum, job.recipe.unit)
    calibration = Calibration.prepare(raw.image, raw.unit, job.recipe, bias)
    bias_name = "" if job.bias is None else ascii_only(job.bias.name)
    header = calibrated_header(raw.header, raw.shape, job.recipe, calibration.level, bias_name)
    header.update(cards)
    header["BUNIT"] = raw.unit
    header["NSATPIX"] = (0, "saturated pixels")
    header["NBADPIX"] = (0, "pixels without a value")
    counts = PixelCounts.of(raw.header, raw.image.dtype)
    try:
        write_bands(
            job.result,
            calibration.bands(counts),
            calibration.shape,
            calibration.dtype,
            header,
            counts=lambda: counts.cards,
            new=not job.overwrite,
        )
    except FileExistsError:  # another run has been quicker
        return _unchanged(job, _same_result(job, cards))
    return Outcome(job.name, "written", job.result, "", counts.saturated, counts.no_value)


def _unchanged(job, header):
    pixels = [value if type(value := header.get(keyword)) is int else 0 for keyword in PixelCounts().cards]
    return Outcome(job.name, "unchanged", job.result, "", *pixels)


def _provenance(job, shape, made_from):
    cards = {
        "DCRECIPE": (job.recipe.digest(shape), "digest of the darkcal recipe"),
        "DCINPUT": (made_from, "checksum of the raw file"),
        "RAWFILE": (ascii_only(job.raw.name), "raw frame"),
    }
    if job.bias is not None:
        cards["BIASFILE"] = (ascii_only(job.bias.name), "combined bias subtracted")
        cards["BIASSUM"] = (job.bias_checksum, "checksum of the combined bias")
    return cards


def _same_result(job, cards):
    """Return the header of the result that is there already; `None`: there is none, or it is to be replaced."""
    if not os.path.lexists(job.result):
        return None
    header, _ = read_header(job.result)
    if "DCRECIPE" not in header:
        raise OutputError(
            f"{job.result} is there and is no result of darkcal; move it away, or name another reduced_folder."
        )
    different = [key for key, (value, _) in cards.items() if header.get(key) != value]
    if not different:
        return header
    if job.overwrite:
        return None
    causes = {
        "DCRECIPE": "with another recipe",
        "DCINPUT": "from another raw file",
        "BIASSUM": "with another combined bias",
    }
    cause = next((text for key, text in causes.items() if key in different), "differently")
    raise OutputError(
        f"{job.result} was made {cause}; set overwrite to replace it, or name another reduced_folder."
    )


def _bias(path, content, unit):
    """Return the combined bias, read once for all workers of this process."""
    with _BIAS_LOCK:
        if (path, content, unit) not in _HELD and _hold_bias(path, unit) != content:
            raise FrameError(f"the combined bias {path} has changed since this run began; run again.")
        return _HELD[path, content, unit]


def _hold_bias(path, unit):
    """Read a combined bias, hold it in memory instead of an earlier one, and return its checksum."""
    raw = read_raw(path, unit)
    with _BIAS_LOCK:
        _HELD.clear()
        _HELD[path, raw.checksum, unit] = replace(raw, image=raw.data)
    return raw.checksum
