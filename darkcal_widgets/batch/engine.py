"""Runs side by side: on threads of this process, or on the workers of a Dask cluster. What a run does is in `run`.

A run's kernel is a process of its own, and whoever has it executed only waits; so a thread for each run at a time is enough, here
and on a worker of a cluster. Both places are executors of `concurrent.futures`, and are used alike. Worker processes between,
with kernels forked from a warm one, took 39 s of processor time and 930 MiB for 8 small nights, two at a time; threads take 37 s
and 570 MiB, and have the first result after 4 s in place of 15.
"""

import contextlib
import ctypes
import os
import secrets
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial

from ..errors import ParameterError, RunError
from .record import Record
from .run import LARGE, do_run

__all__ = ["Engine", "cores"]

# Why not Dask's LocalCluster for this machine, too: it would do the same with a thread for each run (processes=False), for
# 0.35 s, 20 MiB and dask among the requirements; what it would save is one line of this file.
_ANSWER = 15.0  # seconds that a scheduler has to answer

# In each process that does runs: the batches whose runs are to end.
_stopped = set()


def cores():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Engine:
    """A place to do runs, as a context: leaving it waits for the runs that have begun.

    Parameters
    ----------
    workers : int
        Runs at once on this machine; the processors are shared out among them. On a cluster its workers' threads decide.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``. Every worker of its cluster sees the same folders under the
        same paths.

    Attributes
    ----------
    batch : str
        A word that no other batch has.

    Raises
    ------
    ParameterError
        dask.distributed is not installed.
    RunError
        Nobody answers at the address.
    """

    def __init__(self, workers, scheduler=None):
        self.batch = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._client = None if scheduler is None else _client(scheduler)
        if self._client is None:
            _share_memory()
            self._executor, self._at_once = ThreadPoolExecutor(workers), {"": workers}
        else:
            self._executor, self._at_once = (
                self._client.get_executor(pure=False),
                _threads_by_host(self._client),
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._client is None:
            self._executor.shutdown()
        else:
            self._client.close()

    def submit(self, task):
        """Have a run done; the future is for `record`."""
        return self._executor.submit(_do, task, self._at_once)

    def stop(self):
        """Have all runs end now, and begin no other: their records say so."""
        _stop(self.batch)
        if self._client is not None:  # workers that join later are told, too
            self._client.register_worker_callbacks(partial(_stop, self.batch))

    @staticmethod
    def record(task, future):
        """Return the record of a run that has ended, or was given up with its workers."""
        try:
            return future.result()
        except CancelledError:
            error = "the cluster has dropped the run"
        # `do_run` raises nothing: this is Dask's KilledWorker, or a worker without darkcal.
        except Exception as lost:
            error = f"the run was lost: {lost}"
        return Record.of(task.request, "failed", error=error)


def _share_memory():
    """Have the threads to come take their memory from one place, and give back what is large, where the C library is glibc.

    It would give each a place of its own and keep it when the thread ends, and to measure results takes many that end. With one
    place, this process peaks at 205 MiB in place of 347 after a dozen small nights, and takes as long.
    """
    arena_max, mmap_threshold = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD in malloc.h
    with contextlib.suppress(AttributeError, OSError, TypeError):
        malloc = ctypes.CDLL(None)
        malloc.mallopt(arena_max, 1)
        malloc.mallopt(mmap_threshold, LARGE)


def _client(scheduler):
    try:
        from distributed import Client
    except ImportError as error:
        raise ParameterError(
            "--scheduler needs dask.distributed: pip install 'darkcal-widgets[dask]'."
        ) from error
    try:
        return Client(scheduler, timeout=_ANSWER)
    except (OSError, ValueError, TimeoutError) as error:
        raise RunError(
            f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, and workers with "
            f"`dask worker {scheduler}`."
        ) from error


def _threads_by_host(client):
    """Return how many runs at once the workers on each host do."""
    threads = {}
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        threads[worker["host"]] = threads.get(worker["host"], 0) + worker["nthreads"]
    return threads


def _do(task, at_once):
    """Do a run where this is called, with its share of the processors; `at_once` as in `Engine`."""
    runs = at_once.get("") or at_once.get(_host(), 1)
    return do_run(task, max(1, cores() // runs), lambda: task.batch in _stopped)


def _host():
    """Return the host of this worker of a cluster, as its scheduler has it."""
    from distributed import get_worker
    from distributed.comm import get_address_host

    return get_address_host(get_worker().address)


def _stop(batch):
    _stopped.add(batch)
