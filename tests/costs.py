"""The cost of requests to the process that serves them: CPU, memory, and how long another client waits."""

from __future__ import annotations

import os
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers import plain_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

MB = 1e6
PAUSE = 0.005
_CPU = slice(11, 13)
"""The fields of /proc/PID/stat, after the name, with the ticks in user and in system mode (proc_pid_stat(5))."""


@dataclass
class Cost:
    """What happened within the block: seconds of CPU, bytes of memory at the peak over the start, the longest wait.

    `waited` is the longest time in seconds that GET /healthz took, asked without a pause by another client. `blocked`
    is the most CPU in seconds that the server took during one such request: what others wait for on a quiet machine.
    """

    cpu: float = 0.0
    grown: int = 0
    waited: float = 0.0
    blocked: float = 0.0

    def __str__(self) -> str:
        """Write it as a figure."""
        return f"{self.cpu:.2f} s of CPU, {self.grown / MB:,.0f} MB, others wait {1_000 * self.waited:.0f} ms"


@contextmanager
def metered(server: Server) -> Iterator[Cost]:
    """Measure what a server does within the block."""
    cost = Cost()
    process = Path(f"/proc/{server.pid}")
    done = threading.Event()
    thread = threading.Thread(target=_ask, args=(server.url, process, done, cost))
    (process / "clear_refs").write_text("5")  # the peak of the memory begins again (proc_pid_clear_refs(5))
    cpu, memory = _seconds(process), _bytes(process, "VmRSS")
    thread.start()
    try:
        yield cost
    finally:
        done.set()
        thread.join()
        if process.exists():
            cost.cpu = _seconds(process) - cpu
            cost.grown = _bytes(process, "VmHWM") - memory


def memory(server: Server) -> int:
    """Return the bytes that a server has in memory."""
    return _bytes(Path(f"/proc/{server.pid}"), "VmRSS")


def _ask(url: str, process: Path, done: threading.Event, cost: Cost) -> None:
    with plain_client(url) as asking:
        asking.get("/healthz")
        while not done.wait(PAUSE):
            begun, cpu = time.monotonic(), _seconds(process)
            asking.get("/healthz").raise_for_status()
            cost.waited = max(cost.waited, time.monotonic() - begun)
            cost.blocked = max(cost.blocked, _seconds(process) - cpu)


def _seconds(process: Path) -> float:
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[_CPU])) / os.sysconf("SC_CLK_TCK")


def _bytes(process: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", (process / "status").read_text(), re.MULTILINE)
    assert found is not None, f"no {name}"
    return int(found[1]) * 1024
