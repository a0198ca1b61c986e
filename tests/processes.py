"""Commands run as processes by tests: started, stopped and killed, as often as one likes."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
"""Seconds within which a process must be ready or gone; only a broken one takes them."""
POLL = 0.02
"""Seconds between two looks at what a process has written."""


@contextmanager
def piped(command: Sequence[str], stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with its output in a pipe; it is gone afterwards, also when the test fails before it ends."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


class Process:
    """A command; each start is a new process of it."""

    def __init__(self, command: Sequence[str], user: str | None = None) -> None:
        """`command` and what it is given; it runs as `user` if that is given."""
        self._command, self._user = command, user
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._running().pid

    def launch(self) -> None:
        """Start it, without a setting of Parley from outside."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
        self._process = subprocess.Popen(
            self._command,
            cwd="/" if self._user else ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            user=self._user,
        )

    def stop(self) -> int:
        """Ask it to end, as `docker stop` does; return its exit code."""
        self._running().terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended; return its exit code."""
        return self._running().wait(PATIENCE)

    def kill(self) -> None:
        """Kill it with signal 9: it has no chance to finish anything."""
        self._running().kill()
        self.wait()

    def pause(self) -> None:
        """Keep it from running: others see no sign of life from it, and it does not know."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it run on."""
        self._running().send_signal(signal.SIGCONT)

    def is_running(self) -> bool:
        """Return whether it has not ended yet."""
        return self._running().poll() is None

    def memory(self) -> int:
        """Return the bytes of memory that it has had at most (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def cpu_seconds(self) -> float:
        """Return the CPU seconds that it has taken (Linux)."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def log(self) -> str:
        """Return what it has written, in all its lives."""
        file = self._log.fileno()  # shared with the process, its place in the file too: leave that alone
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    def log_with(self, text: str) -> str:
        """Return what it has written once the text is in it: a line is written a moment after what it is about."""
        deadline = time.monotonic() + PATIENCE
        while text not in (log := self.log()):
            assert time.monotonic() < deadline, log
            time.sleep(POLL)
        return log

    def close(self) -> None:
        """Make sure that it is gone."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self._log.close()

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not launched"
        return self._process
