# ruff: noqa: INP001, T201 - a script
"""Run the story of each generated client on a service of its own with an empty ledger: `stories.py COMMAND…`.

Each argument is a command, to which the URL of the service is added.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile

from tests.servers import Server

PATIENCE = 120


def main(commands: list[str]) -> None:
    """Run the commands in turn; exits with 1 at the first that fails, and prints what the service said."""
    for command in commands:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(f"sqlite:///{folder}/parley.db")
            server.start()
            print(f"== {command}", flush=True)
            try:
                code = subprocess.run([*shlex.split(command), server.url], check=False, timeout=PATIENCE).returncode  # noqa: S603 - its own
            finally:
                server.stop()
        if code:
            print(server.log())
            sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
