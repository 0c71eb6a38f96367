"""Run one notebook in a kernel of its own, with a time limit, and find the notebooks that come with the package.

papermill and all it brings are imported by the function that needs them: they take a second.
"""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from ..errors import OutputError, ParameterError, RunError
from .report import write_report

__all__ = ["NotebookError", "exercise_notebook", "run_notebook", "shipped_notebooks"]

# A kernel is started cold. Forked from a process that had imported all it needs, a run of the first notebook on a small night
# took 4.1 s in place of 5.0 (medians of six, alternating): not worth a second kind of kernel and a process more.

_SAVE_EVERY = 5.0  # seconds

# Nobody debugs a headless run: without debugpy a kernel starts in a quarter less processor time, and holds 31 MiB in place of 39.
_LAUNCH = "import runpy, sys; sys.modules['debugpy'] = None; runpy.run_module('ipykernel_launcher', run_name='__main__')"


class NotebookError(RunError):
    """A notebook failed.

    Attributes
    ----------
    reason : str
        What went wrong, without where.
    kernel_lost : bool
        Nothing in the notebook has failed, and nobody has ended it: its kernel died or did not start.
    """

    def __init__(self, notebook, executed, reason, kernel_lost=False):
        super().__init__(f"{notebook.name} failed: {reason}\nHow far it came: {executed}")
        self.reason, self.kernel_lost = reason, kernel_lost

    def __reduce__(self):
        return RunError, self.args


def shipped_notebooks():
    """Return the notebooks that come with the package, by the number of their example.

    Returns
    -------
    dict of int to Path
        ``{1: ..., 2: ...}``, whether darkcal was installed from a wheel or from a clone.

    Raises
    ------
    RunError
        Neither is there: the installation is damaged.
    """
    return {int(path.name.partition("-")[0]): path for path in _shipped("[0-9]-*.ipynb")}


def exercise_notebook():
    """Return the notebook of the exercise, see `shipped_notebooks`."""
    return _shipped("exercise.ipynb")[0]


def _shipped(pattern):
    here = Path(__file__).parent
    places = [here, here.parents[1] / "notebooks"]
    found = next((paths for place in places if (paths := sorted(place.glob(pattern)))), None)
    if found is None:
        raise RunError(
            f"The notebooks of darkcal are neither in {places[0]} nor in {places[1]}; install the package again."
        )
    return found


def run_notebook(
    notebook,
    out_folder,
    parameters=None,
    *,
    folder=None,
    name=None,
    report=None,
    timeout=None,
    stop=None,
    environment=None,
):
    """Execute a notebook with papermill, and always write its HTML report.

    The kernel is the running interpreter, whatever kernels are installed on the machine. Nothing is printed. Several threads may
    run notebooks at the same time.

    Parameters
    ----------
    notebook : str or Path
        What to run; it is not changed.
    out_folder : str or Path
        Where the executed notebook and the report go; created if missing.
    parameters : dict, optional
        Values for the notebook's tagged cell.
    folder : str or Path, optional
        Where the notebook runs: relative folders in its parameters start there. Default: the current folder.
    name, report : str, optional
        File names of the executed notebook (default: the notebook's own) and of the report (default: the
        same, ending in ``.html``).
    timeout : float, optional
        Seconds after which the kernel is killed.
    stop : callable, optional
        Asked ten times a second; once it returns true, the kernel is killed.
    environment : dict, optional
        Environment variables for the kernel, beside those of this process.

    Returns
    -------
    Path
        The executed notebook.

    Raises
    ------
    ParameterError
        `notebook` is not there, or would be replaced by the executed one.
    OutputError
        `out_folder` cannot be made or written to.
    NotebookError
        A cell failed, the kernel died, or it was killed. The executed notebook and the report show how far it came.
    """
    notebook, out_folder = Path(notebook), Path(out_folder)
    if not notebook.is_file():
        raise ParameterError(f"No notebook {notebook}; give the path of an .ipynb file.")
    executed = out_folder / (notebook.name if name is None else name)
    _make_way(notebook, executed)
    folder = Path.cwd() if folder is None else Path(folder)
    try:
        _execute(notebook, executed, parameters, folder, _Watch(timeout, stop), environment or {})
    finally:
        if executed.is_file():
            write_report(executed, None if report is None else out_folder / report)
    return executed


def _make_way(notebook, executed):
    """Take away what an earlier run has left: papermill writes through links, into whatever has the name already."""
    try:
        executed.parent.mkdir(parents=True, exist_ok=True)
        if executed.exists() and not executed.is_symlink() and executed.samefile(notebook):
            raise ParameterError(
                f"{notebook} would be replaced by what it is executed to; name another folder."
            )
        executed.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{executed} cannot be written: {error.strerror}; remove it, or name another folder."
        ) from error


def _execute(notebook, executed, parameters, folder, watch, environment):
    """Run `notebook` in `folder`, say in one error what went wrong."""
    from papermill import PapermillExecutionError, execute_notebook

    try:
        with watch, _loop_closed():
            execute_notebook(
                _literal(notebook),
                _literal(executed),
                parameters=parameters,
                kernel_name="python3",
                language="python",
                engine_name=_engine_that_saves_rarely(),
                progress_bar=False,
                kernel_manager_class=_kernel_manager(watch, environment),
                # The kernel's folder alone: papermill's own `cwd` would move this whole process.
                resources={"metadata": {"path": str(folder)}},
                shutdown_kernel="immediate",
            )
    except PapermillExecutionError as error:
        raise NotebookError(notebook, executed, watch.reason or f"{error.ename}: {error.evalue}") from error
    except RuntimeError as error:  # nbclient's, of a kernel that died or did not start
        reason = watch.reason or str(error)
        raise NotebookError(notebook, executed, reason, kernel_lost=not watch.reason) from error


@contextlib.contextmanager
def _loop_closed():
    """Close the event loop that papermill's tools make in each thread and leave; the main thread keeps its own."""
    from jupyter_core.utils import ensure_event_loop

    if threading.current_thread() is threading.main_thread():
        yield
        return
    loop = ensure_event_loop()
    try:
        yield
    finally:
        loop.close()


class _Watch:
    """Kills the kernel of a run when its time is over or when it is to stop, from a thread of its own."""

    def __init__(self, timeout, stop):
        self.reason = ""
        self.manager = None  # of the kernel, once there is one
        self._timeout, self._stop = timeout, stop
        self._over = threading.Event()

    def __enter__(self):
        self._deadline = None if self._timeout is None else time.monotonic() + self._timeout
        if self._timeout is not None or self._stop is not None:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()

    def _watch(self):
        while not self._over.wait(0.1):
            self.reason = self.reason or self._reason_to_end()
            if self.reason and (kernel := self._kernel()) is not None:
                _kill(kernel)
                return

    def _reason_to_end(self):
        if self._stop is not None and self._stop():
            return "stopped before its end"
        if self._deadline is not None and time.monotonic() > self._deadline:
            return f"not done after {self._timeout:g} s, the time limit of a run; its kernel was ended"
        return ""

    def _kernel(self):
        """Return the process id of the kernel, `None` before it has started."""
        provisioner = None if self.manager is None else self.manager.provisioner
        return None if provisioner is None else provisioner.pid


def _kill(pid):
    """End a kernel and the processes it has started, at once."""
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.killpg(pid, signal.SIGKILL)


def _engine_that_saves_rarely():
    """Make papermill save the notebook every few seconds and at its end, and return the name of the engine that does.

    Its own saves before and after each cell: 76 times for the first notebook, a third of the processor time that is spent outside
    of the kernel.
    """
    from papermill.engines import NBClientEngine, papermill_engines

    class Engine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, *arguments, **keywords):
            save = nb_man.save

            def save_if_due(**nb):
                if (nb_man.now() - nb_man.last_save_time).total_seconds() > _SAVE_EVERY:
                    save(**nb)

            nb_man.save = save_if_due
            try:
                return super().execute_managed_notebook(nb_man, *arguments, **keywords)
            finally:
                nb_man.save = save  # the end of the notebook is saved by papermill, whatever has happened

    papermill_engines.register("darkcal", Engine)
    return "darkcal"


def _literal(path):
    """Return a path as papermill takes it: braces doubled, as it fills in what stands between them."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _kernel_manager(watch, environment):
    """Return the class of kernels that are this interpreter; `watch` is told of it.

    The name ``python3`` alone may stand for another one: a kernel installed for the user hides that of the
    environment.
    """
    from ipykernel.kernelspec import make_ipkernel_cmd
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    # Nobody looks up the history of a headless run, and kernels side by side would wait for its database. The rest of
    # the log is advice to whoever starts a kernel by hand.
    options = ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=ERROR"]
    command = make_ipkernel_cmd(extra_arguments=options)
    at = command.index("-m")
    command[at : at + 2] = ["-c", _LAUNCH]

    class OwnKernel(AsyncKernelManager):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            watch.manager = self

        @property
        def kernel_spec(self):
            return KernelSpec(argv=command, display_name="Python 3", language="python", env=environment)

    return OwnKernel
