"""Several processes that serve on one address: started, started again when one dies, and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess  # it starts this program again  # nosec B404
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from types import FrameType

RESTART_SECONDS = 1.0
"""How long a process must have run to be started again at once; one that died sooner waits as long."""
STOP_SECONDS = 12.0
"""How long they may take to stop; then they are killed."""
POLL_SECONDS = 0.1


def supervise(listening: socket.socket, count: int) -> int:
    """Run this command in `count` processes that share a listening socket, until asked to end; return the exit code.

    Each holds the end of a pipe: when this process dies, whatever way, they stop too.
    """
    watched, kept = os.pipe()
    os.set_inheritable(listening.fileno(), True)  # noqa: FBT003 - it has no other form
    command = [sys.executable, "-m", "service", *sys.argv[1:], "--inherited", str(listening.fileno()), str(watched)]
    stopping = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        stopping.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)

    def start() -> tuple[subprocess.Popen[bytes], float]:
        return subprocess.Popen(command, pass_fds=(listening.fileno(), watched)), time.monotonic()  # noqa: S603 - ourselves  # nosec B603

    running = [start() for _ in range(count)]
    while not stopping.wait(POLL_SECONDS):
        for index, (process, began) in enumerate(running):
            if process.poll() is not None and time.monotonic() - began > RESTART_SECONDS:
                click.echo(f"process {process.pid} ended with {process.returncode}; another takes its place", err=True)
                running[index] = start()
    os.close(kept)
    processes = [process for process, _ in running]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    return max([_ended(process, deadline) for process in processes])


def _ended(process: subprocess.Popen[bytes], deadline: float) -> int:
    """Wait for a process to end, kill it if it does not; return 0, or 1 where it did not end well."""
    try:
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    return int(code not in {0, -signal.SIGTERM})


def inherited(listening: int, watched: int) -> socket.socket:
    """Return the socket of a process that `supervise` started; the process stops when that one is gone."""

    def watch() -> None:
        os.read(watched, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()
    return socket.socket(fileno=listening)
