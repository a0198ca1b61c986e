"""A network of its own for one server, with one cable to this machine: cut and joined again (Linux, as root)."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.postgres_servers import Place, PostgresServers, user

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = f"parley{os.getpid()}"
CABLE = f"pl{os.getpid()}"
"""The end of the cable that is here."""
OURS, THEIRS = "10.231.97.1", "10.231.97.2"


def missing() -> str:
    """Return why there is none here; "" where there is one."""
    if os.getuid():
        return "only root may make a network"
    if not (shutil.which("ip") and shutil.which("setpriv")):
        return "the commands ip and setpriv are not here (Debian: iproute2, util-linux)"
    made = subprocess.run(["ip", "netns", "add", NAME], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network can be made: {made.stderr.strip()}"
    _ip("netns", "del", NAME)
    return ""


@contextmanager
def room(_: PostgresServers) -> Iterator[Place]:
    """Make the network, and return the place in it."""
    _ip("netns", "add", NAME)
    try:
        _ip("link", "add", CABLE, "type", "veth", "peer", "name", "eth0", "netns", NAME)
        _ip("addr", "add", f"{OURS}/30", "dev", CABLE)
        _ip("-n", NAME, "addr", "add", f"{THEIRS}/30", "dev", "eth0")
        _ip("-n", NAME, "link", "set", "lo", "up")
        _ip("-n", NAME, "link", "set", "eth0", "up")
        join()
        owner = str(user())
        yield Place(
            THEIRS, ("ip", "netns", "exec", NAME, "setpriv", "--reuid", owner, "--regid", owner, "--clear-groups")
        )
    finally:
        _ip("netns", "del", NAME)  # the cable goes with it


def cut() -> None:
    """Let nothing through any more, in either direction, and nobody know."""
    _ip("link", "set", CABLE, "down")


def join() -> None:
    """Let everything through."""
    _ip("link", "set", CABLE, "up")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
