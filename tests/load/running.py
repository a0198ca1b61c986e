"""The processes that are put under load."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers import Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.brokers import RelayProcess
    from tests.load.findings import Findings
    from tests.webhooks.receivers import Receiver

UNHANDLED = "never retrieved|never awaited|Exception in|unhandled"
"""What the log of a process has when an error was handled by nobody."""
SHOWN = 3_000


@dataclass
class Running:
    """Servers and a relay on one database, and who gets what they send."""

    url: str
    """Names every server of the database."""
    servers: list[Server]
    """The first reads from the primary; others may read from a standby."""
    relay: RelayProcess
    nats_url: str
    receiver: Receiver | None
    """Who gets webhooks."""


def ended_well(running: Running, findings: Findings, logs: Path | None) -> None:
    """Stop the servers and the relay, which must end with 0 and have written of no error that nobody handled.

    Their logs are kept in a folder, if one is given.
    """
    for number, process in enumerate((*running.servers, running.relay)):
        name = "server" if isinstance(process, Server) else "relay"
        if code := process.stop():
            findings.wrong("processes that ended wrongly", f"exit code {code} of a {name}")
        log = process.log()
        if logs:
            (logs / f"{name}{number}.log").write_text(log)
        for found in re.finditer(UNHANDLED, log):
            findings.wrong("errors that nobody handled", f"{name}: {log[found.start() : found.start() + SHOWN]}")
