"""Worker processes of a batch, seen from outside: on this machine, or on the workers of a Dask cluster."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from ..errors import ParameterError, RunError
from .record import Record

__all__ = ["Cluster", "Machine", "cores"]

_COMMAND = [sys.executable, "-c", "from darkcal_widgets.batch.worker import main; main()"]
_ATTEMPTS = 2  # a worker may be ended once by the system, for want of memory; twice is the run's doing
_GRACE = 60.0  # seconds beyond its time limit after which a run's worker no longer counts as working
_ANSWER = 15.0  # seconds that a scheduler has to answer
_THREAD_LIMITS = (
    "DARKCAL_WORKERS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def cores():
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerLostError(Exception):
    """A worker process ended before its run did."""


class Worker:
    """A process that does one run after the other, see `darkcal_widgets.batch.worker`.

    Parameters
    ----------
    threads : int
        How many a kernel may use.
    """

    def __init__(self, threads):
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `close`)
        self._process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(threads),
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal is for the batch, which ends its workers in order
        )
        self._sending = threading.Lock()

    def do(self, job):
        """Have one run done and return its record.

        Raises
        ------
        WorkerLostError
        """
        limit = None if job.timeout is None else threading.Timer(job.timeout + _GRACE, self.kill)
        if limit is not None:
            limit.start()
        try:
            self._send({"job": asdict(job)})
            answer = self._process.stdout.readline()
        finally:
            if limit is not None:
                limit.cancel()
        if not answer:
            raise WorkerLostError(self._last_words())
        return Record(**json.loads(answer))

    def stop(self):
        """Have the present run end now."""
        self._send({"stop": True})

    def kill(self):
        """End the process at once; its kernel notices and ends itself."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self):
        """End the process, and wait until it is gone."""
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def _send(self, order):
        with self._sending, suppress(OSError):  # it is gone: what waits for its answer says so
            self._process.stdin.write(f"{json.dumps(order)}\n")
            self._process.stdin.flush()

    def _last_words(self):
        status = self._process.wait()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        return f"the process of the run ended {how}" + (f": {lines[-1]}" if lines and status > 0 else "")


class Pool:
    """The workers of one batch in one process; a worker is started when all others are busy, and used again.

    Parameters
    ----------
    threads : int
        How many a kernel may use.
    """

    def __init__(self, threads):
        self._threads = threads
        self._idle, self._busy = [], {}
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def running(self):
        """Names of the runs that are being done."""
        with self._lock:
            return sorted(self._busy.values())

    def do(self, job):
        """Do one run; one whose worker is lost is done again once.

        Returns
        -------
        Record
        """
        for _ in range(_ATTEMPTS):
            if (worker := self._take(job)) is None:
                return job.record("stopped", error="stopped before it began")
            try:
                record = worker.do(job)
            except WorkerLostError as lost:
                reason = str(lost)
                self._leave(worker)
                worker.close()
            else:
                self._leave(worker, back=True)
                return record
        return job.record("failed", error=f"{reason} ({_ATTEMPTS} times)")

    def stop(self):
        """Have all runs end now, and begin no other."""
        with self._lock:
            self._stopped = True
            busy = list(self._busy)
        for worker in busy:
            worker.stop()

    def kill(self):
        """End all workers at once."""
        with self._lock:
            self._stopped = True
            busy = list(self._busy)
        for worker in busy:
            worker.kill()

    def close(self):
        """End the workers that have nothing to do."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _take(self, job):
        with self._lock:
            if self._stopped:
                return None
            worker = self._idle.pop() if self._idle else Worker(self._threads)
            self._busy[worker] = job.name
            return worker

    def _leave(self, worker, back=False):
        with self._lock:
            self._busy.pop(worker)
            if back:
                self._idle.append(worker)


class Machine:
    """The machine at hand as a place to do runs.

    Parameters
    ----------
    workers : int
        Runs at once; the processors are shared out among them.
    """

    def __init__(self, workers):
        self._pool = Pool(max(1, cores() // workers))
        self._threads = ThreadPoolExecutor(workers)

    @property
    def running(self):
        """Names of the runs that are being done."""
        return self._pool.running

    def submit(self, job):
        """Have a run done; the future's result is its record."""
        return self._threads.submit(self._pool.do, job)

    def stop(self):
        """Have all runs end now, and begin no other."""
        self._pool.stop()

    def kill(self):
        """End all workers at once."""
        self._pool.kill()

    def close(self):
        """Wait for the runs and end the workers."""
        self._threads.shutdown(cancel_futures=True)
        self._pool.close()

    @staticmethod
    def record(job, future):
        """Return the record of a run that has ended."""
        return future.result()


class Cluster:
    """A Dask cluster as a place to do runs; every worker sees the same folders under the same paths.

    Parameters
    ----------
    scheduler : str
        Its address, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    ParameterError
        dask.distributed is not installed.
    RunError
        Nobody answers at the address.
    """

    running = ()  # the cluster's own dashboard tells

    def __init__(self, scheduler):
        try:
            from distributed import Client
        except ImportError as error:
            raise ParameterError(
                "--scheduler needs dask.distributed: pip install 'darkcal-widgets[dask]'."
            ) from error
        try:
            self._client = Client(scheduler, timeout=_ANSWER)
        except (OSError, ValueError, TimeoutError) as error:
            raise RunError(
                f"no Dask scheduler answers at {scheduler} ({error}); start one with `dask scheduler`, and workers with "
                f"`dask worker {scheduler}`."
            ) from error
        self._executor = self._client.get_executor(pure=False)
        self._key = f"darkcal-{os.getpid()}-{os.urandom(4).hex()}"
        self._slots = self._slots_by_host()

    def submit(self, job):
        """Have a run done; the future's result is its record."""
        return self._executor.submit(_do_on_cluster, self._key, self._slots, job)

    def stop(self):
        """Have all runs end now, and begin no other."""
        self._client.run(_stop_on_cluster, self._key)

    kill = stop

    def close(self):
        """End the runs' own processes and leave the cluster."""
        with suppress(OSError):
            self._client.run(_close_on_cluster, self._key)
        self._executor.shutdown(wait=False)
        self._client.close()

    @staticmethod
    def record(job, future):
        """Return the record of a run that has ended, or was given up with its workers."""
        from distributed import KilledWorker

        try:
            return future.result()
        except KilledWorker as error:
            return job.record("failed", error=f"the cluster's workers were lost again and again: {error}")
        except CancelledError:
            return job.record("failed", error="the cluster has dropped the run")

    def _slots_by_host(self):
        slots = {}
        for worker in self._client.scheduler_info(n_workers=-1)["workers"].values():
            slots[worker["host"]] = slots.get(worker["host"], 0) + worker["nthreads"]
        return slots


# On each worker of a cluster: one pool for each batch that has runs there.
_pools = {}
_pools_lock = threading.Lock()


def _pool(key, threads=1):
    with _pools_lock:
        return _pools.setdefault(key, Pool(threads))


def _do_on_cluster(key, slots, job):
    from distributed import get_worker

    here = get_worker()
    host = here.address.rpartition("//")[2].rpartition(":")[0].strip("[]")
    threads = max(1, cores() // slots.get(host, here.state.nthreads))
    return _pool(key, threads).do(job)


def _stop_on_cluster(key):
    _pool(key).stop()


def _close_on_cluster(key):
    _pool(key).close()
    with _pools_lock:
        _pools.pop(key)


def _environment(threads):
    """Return the environment of a worker: with this package, and with its kernels' threads limited."""
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | dict.fromkeys(_THREAD_LIMITS, str(threads))
