# ruff: noqa: INP001 - a script
"""Send generated requests to a service of its own, by its document: `run.py SCHEMATHESIS SECONDS SEED PHASES`.

The service has the London set in a ledger of its own on SQLite. The stream is left out: its answers do not end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers import Server

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 10
"""Requests of each sort to each operation, and again while time is left."""
PATIENCE = 120
"""Seconds to finish after the time is over."""


def main(program: str, seconds: str, seed: str, phases: str) -> int:
    """Run schemathesis; return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/parley.db"
        seed_it = [sys.executable, "-m", "service", "seed", "--database-url", database]
        subprocess.run(seed_it, check=True, timeout=PATIENCE)  # noqa: S603 - our own
        server = Server(database)
        server.start()
        command = [program, "--config-file", str(CONFIG), "run", f"{server.url}/schema/openapi.json"]
        command += ["--exclude-operation-id", "stream_feed", "--phases", phases, "--max-examples", str(EXAMPLES)]
        command += ["--seed", seed, "--max-time", seconds, "--request-timeout", "30", "--continue-on-failure"]
        try:
            return subprocess.run(command, check=False, timeout=int(seconds) + PATIENCE).returncode  # noqa: S603 - it
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
