"""Keys of a service, services out of reach, and the ledger itself, which needs no key."""

import json
import socket
from pathlib import Path

from click.testing import CliRunner

from service.cli import cli
from tests.cli.running import on_ledger, printed
from tests.servers import serving

FACT = {
    "type": "issue.opened", "issues": ["a"], "item": "a", "occurred": "2025-01-01", "title": "Duties",
    "summary": "A summary.", "parties": ["US", "CN"], "reports": [{"outlet": "A"}],
}  # fmt: skip


def key(url: str, role: str) -> str:
    """Make a key and return it."""
    words = ("keys", "create", "--role", role, "--name", "desk", "--database-url", url)
    return printed(CliRunner().invoke(cli, words)).strip()


def test_a_service_with_keys(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """The key in PARLEY_KEY is sent to a service; without one, with a bad one or with too weak a one it says so."""
    reader, recorder = (key(migrated_sqlite_url, role) for role in ("reader", "recorder"))
    file = tmp_path / "facts.ndjson"
    file.write_text(json.dumps(FACT))
    with serving(migrated_sqlite_url) as server:
        nobody = on_ledger(migrated_sqlite_url)("issues", "--url", server.url)
        assert (nobody.exit_code, "the service asks for a key: set PARLEY_KEY" in nobody.stderr) == (1, True)
        bad = on_ledger(migrated_sqlite_url, PARLEY_KEY="parley_bad")("issues", "--url", server.url)
        assert (bad.exit_code, "PARLEY_KEY: " in bad.stderr, "parley_bad" in bad.stderr) == (1, True, False)
        as_reader = on_ledger(migrated_sqlite_url, PARLEY_KEY=reader)
        assert as_reader("issues", "--url", server.url).exit_code == 0
        refused = as_reader("record", str(file), "--url", server.url)
        assert (refused.exit_code, "needs the role recorder" in refused.stderr) == (1, True)
        assert reader not in refused.output
        as_recorder = on_ledger(migrated_sqlite_url, PARLEY_KEY=recorder)
        assert as_recorder("record", str(file), "--url", server.url).exit_code == 0
    own = on_ledger(migrated_sqlite_url)
    assert "Duties" in printed(own("issues"))


def test_whoever_has_the_ledger_needs_no_key(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """A ledger with keys is read and written by its commands without one, also where its service listens elsewhere."""
    file = tmp_path / "facts.ndjson"
    file.write_text(json.dumps(FACT))
    elsewhere = on_ledger(migrated_sqlite_url, PARLEY_HOST="0.0.0.0")  # noqa: S104 - not listened on
    assert printed(elsewhere("record", str(file)))
    key(migrated_sqlite_url, "admin")
    assert "Duties" in printed(elsewhere("as-of", "a"))
    assert "Duties" in printed(on_ledger(migrated_sqlite_url)("as-of", "a"))


def test_a_service_out_of_reach(migrated_sqlite_url: str) -> None:
    """A service that is not there is named in one line."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    refused = on_ledger(migrated_sqlite_url)("issues", "--url", url)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: {url} does not answer: ")
    assert refused.stderr.count("\n") == 1
