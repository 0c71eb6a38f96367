"""Kernels that start warm: forked from a process that has imported what notebooks import.

A kernel of its own takes seconds to import ipykernel, astropy, matplotlib and the panel. Where many notebooks are run by
one process, that is paid once: Python's fork server imports `darkcal_widgets.headless.preload`, and each kernel is a fork of it.
A fork shares no variable with the others; what it shares is memory that nobody writes to.

Ends that are not in the kernel's hands: it ends itself when the process that asked for it is gone.
"""

import multiprocessing
import os
import signal
import sys
import threading

from jupyter_client.provisioning import LocalProvisioner

__all__ = ["WarmProvisioner", "can_fork", "prepare"]

_FORK_SERVER = "forkserver"


def can_fork():
    """Tell whether this system has a fork server; elsewhere kernels start as usual."""
    return _FORK_SERVER in multiprocessing.get_all_start_methods()


def prepare(at_once=False):
    """Have the fork server import what kernels need; `at_once`: now, and not with the first kernel."""
    # What ipykernel would set before a notebook imports matplotlib, which reads it at import.
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    _context().set_forkserver_preload(["darkcal_widgets.headless.preload"])
    if at_once:
        from multiprocessing import forkserver

        forkserver.ensure_running()


class WarmProvisioner(LocalProvisioner):
    """Starts a kernel as a fork of the fork server, and minds it as jupyter_client does any local one."""

    async def launch_kernel(self, cmd, **kwargs):
        """Fork; `cmd` is that of an ipykernel, of which only the arguments count."""
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.cwd = str(kwargs.get("cwd") or os.getcwd())
        self.process = _Fork(arguments, self.cwd, kwargs.get("env") or dict(os.environ))
        self.pid = self.pgid = self.process.pid  # the kernel makes itself the leader of a group
        return self.connection_info


class _Fork:
    """A forked kernel, with the part of `subprocess.Popen` that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, arguments, folder, environment):
        self._process = _context().Process(target=_be_kernel, args=(arguments, folder, environment))
        self._process.start()
        self.pid = self._process.pid

    def poll(self):
        return self._process.exitcode

    def wait(self):
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self._process.kill()

    def terminate(self):
        self._process.terminate()


def _be_kernel(arguments, folder, environment):
    """Turn this fork into a kernel, as ``python -m ipykernel_launcher`` would be one."""
    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    os.setsid()
    # A kernel is interrupted by its manager alone; until it listens, nothing interrupts it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # ipykernel's own watch over its parent, which is the fork server; read from the environment at import.
    arguments = [*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    sys.argv = ["ipykernel_launcher", *arguments]
    sys.path.insert(0, "")
    np.random.seed()  # drawn when numpy was imported: else every kernel had the same random numbers
    IPKernelApp.launch_instance(arguments)


def _end_with_parent():
    multiprocessing.parent_process().join()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _context():
    return multiprocessing.get_context(_FORK_SERVER)
