"""A consumer in Node follows the feed, is killed several times, and ends with what `parley export` has."""

import hashlib
import json
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.processes import PATIENCE, ROOT, Process
from tests.servers import fact, openings, plain_client, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine"),
]

BATCHES = 40
BATCH = 25
KILLS = 4


def digest(ids: Iterable[str]) -> str:
    """Hash ids in their order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def exported(database_url: str) -> list[str]:
    """Export the ledger by the command; return the ids."""
    command = [sys.executable, "-m", "service", "export", "-", "--database-url", database_url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=PATIENCE)
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def lines(file: Path) -> int:
    """Count what the consumer has so far."""
    return file.read_bytes().count(b"\n") if file.exists() else 0


@pytest.mark.parametrize("how", ["fetch", "stream"])
def test_a_consumer_in_node_ends_with_the_whole_log(migrated_url: str, tmp_path: Path, how: str) -> None:
    """A consumer that starts from nothing while others write, and is killed, resumes where its file ends."""
    file, last = tmp_path / "seen", len(openings()) + BATCHES * BATCH
    script = Path(__file__).with_name("follow.mjs")
    with serving(migrated_url) as server:
        command = [
            "node",
            "--experimental-eventsource",
            "--no-warnings",
            str(script),
            server.url,
            how,
            str(file),
            str(last),
        ]
        consumer = Process(command)

        def write() -> None:
            choose = random.Random(how)  # noqa: S311 - repeatable
            with plain_client(server.url) as client:
                client.post("/v1/events", json={"events": openings()}).raise_for_status()
                for _ in range(BATCHES):
                    events = [fact(choose) for _ in range(BATCH)]
                    client.post("/v1/events", json={"events": events}).raise_for_status()

        writer = threading.Thread(target=write)
        try:
            consumer.launch()
            writer.start()
            for kill in range(1, KILLS + 1):
                while lines(file) < last * kill // (KILLS + 1):
                    pass
                consumer.kill()
                consumer.launch()
            writer.join()
            assert consumer.wait() == 0, consumer.log()
        finally:
            consumer.close()
    seen = [line.split() for line in file.read_text().splitlines()]
    assert [int(position) for position, _ in seen] == list(range(1, last + 1))
    assert digest(id_ for _, id_ in seen) == digest(exported(migrated_url))
