# ruff: noqa: INP001 - a script
"""Send generated requests to a service of its own, by its document: `run.py SCHEMATHESIS EXAMPLES SEED PHASES SECONDS`.

The service has the London set in a ledger of its own on SQLite. The stream is left out: its answers do not end. The
same seed sends the same requests, unless the limit on time (0 for none) ends them earlier.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers import Server

CONFIG = Path(__file__).with_name("schemathesis.toml")
PATIENCE = 120
"""Seconds to begin, and to finish after the time is over."""
UNLIMITED = 3_000
"""Seconds that a run without a limit may take."""


def main(program: str, examples: str, seed: str, phases: str, seconds: str) -> int:
    """Run schemathesis with so many requests of each sort to each operation; return its exit code."""
    limited = seconds != "0"
    patience = int(seconds) + PATIENCE if limited else UNLIMITED
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/parley.db"
        seed_it = [sys.executable, "-m", "service", "seed", "--database-url", database]
        subprocess.run(seed_it, check=True, timeout=PATIENCE)  # noqa: S603 - our own
        server = Server(database)
        server.start()
        command = [program, "--config-file", str(CONFIG), "run", f"{server.url}/schema/openapi.json"]
        command += ["--exclude-operation-id", "stream_feed", "--phases", phases, "--max-examples", examples]
        command += ["--seed", seed, "--request-timeout", "30", "--continue-on-failure"]
        command += ["--max-time", seconds] if limited else []
        try:
            return subprocess.run(command, check=False, timeout=patience).returncode  # noqa: S603 - it
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
