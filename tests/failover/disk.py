"""A disk of its own for the data of one server, which can be full (Linux, as root)."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.postgres_servers import HERE, Place, PostgresServers, user

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTES = 1_024
FILLER = "filler"
STEPS = (1 << 24, 1 << 20, 1 << 12)
"""Bytes that are taken at once, as long as there are so many."""


def missing() -> str:
    """Return why there is none here; "" where there is one."""
    if os.getuid():
        return "only root may mount a disk"
    with tempfile.TemporaryDirectory() as folder:
        done = _mount(Path(folder), 1)
        if done.returncode:
            return f"no disk can be mounted: {done.stderr.strip()}"
        subprocess.run(["umount", folder], check=True)
    return ""


@contextmanager
def room(servers: PostgresServers) -> Iterator[Place]:
    """Mount a disk where the data of the next server will be."""
    folder = servers.next_data
    folder.mkdir()
    done = _mount(folder, MEGABYTES)
    assert done.returncode == 0, done.stderr
    try:
        yield HERE
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a process of the server may still be ending


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / FILLER).open("ab") as file:
        size = 0
        for step in STEPS:
            try:
                while True:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def free(folder: Path) -> None:
    """Give the space back."""
    (folder / FILLER).unlink()


def _mount(folder: Path, megabytes: int) -> subprocess.CompletedProcess[str]:
    options = f"size={megabytes}m,mode=700,uid={user()}"
    command = ["mount", "-t", "tmpfs", "-o", options, "parley-test", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
