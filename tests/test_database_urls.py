"""The URL of a PostgreSQL database: as libpq writes it, in every command, and never shown with its password."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.storage.connect import connect, shown
from service.storage.postgres_url import Host, target
from tests.postgres_servers import postgres_servers
from tests.servers import serving

if TYPE_CHECKING:
    from tests.postgres_servers import Postgres

PASSWORD = "pa55word"  # noqa: S105 - a test looks for it
SERVICE = [sys.executable, "-m", "service"]
ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.row(33)
@pytest.mark.parametrize(
    ("url", "places", "attributes"),
    [
        ("postgresql://u@a:1,b:2/db?target_session_attrs=any", [("a", 1), ("b", 2)], "any"),
        ("postgresql://u@/db?host=a,b&port=1,2", [("a", 1), ("b", 2)], "read-write"),
        ("postgresql://u@a,b/db?port=7", [("a", 7), ("b", 7)], "read-write"),
        ("postgres://u@[::1]:5,[::2]/db", [("::1", 5), ("::2", None)], "read-write"),
        ("postgresql://u@/db?host=/run/x&hostaddr=&keepalives=0", [("/run/x", None)], None),
        ("postgresql://", [(None, None)], None),
    ],
)
def test_hosts_are_read_as_libpq_reads_them(url: str, places: list[Host], attributes: str | None) -> None:
    """Both forms name the same hosts; of several, one that takes writes is wanted unless the URL says otherwise."""
    read = target(url)
    assert (list(read.places), read.arguments["target_session_attrs"]) == (places, attributes)


def test_time_limits_of_the_url_are_used() -> None:
    """`connect_timeout` and the keepalives are read as libpq reads them, and are no settings of a session."""
    read = target("postgresql://h/db?connect_timeout=7&keepalives_idle=9&tcp_user_timeout=1&application_name=x")
    assert (read.arguments["timeout"], read.keepalive["keepalives_idle"], read.keepalive["tcp_user_timeout"]) == (
        7,
        9,
        1,
    )
    assert read.settings == {"application_name": "x"}
    assert target("postgresql://h/db?connect_timeout=0").arguments["timeout"] is None
    assert target("postgresql://h/db?keepalives=0").keepalive == {}


WRONG = [
    f"postgresql://u:{PASSWORD}/x@h/db",
    f"postgresql://u:{PASSWORD}%zz@h/db",
    f"postgresql://u:x@{PASSWORD}@h/db",
    f"postgresql://u:{PASSWORD}@h/db?nonsense=1",
    f"postgresql://h/db?user=u&password={PASSWORD}&port=x",
    f"postgresql://u:{PASSWORD}@h/db?connect_timeout=soon",
    f"postgresql://u:{PASSWORD}@h/db?channel_binding=require",
    f"postgresql://u:{PASSWORD}@h:1,i:2,j:3/db?port=1,2",
    f"mysql://u:{PASSWORD}@h/db",
]


@pytest.mark.row(33)
@pytest.mark.parametrize("url", WRONG)
@pytest.mark.parametrize("command", ["serve", "migrate", "export -", "rebuild"])
def test_a_wrong_url_is_one_line_without_the_password(url: str, command: str) -> None:
    """It ends with exit code 2, and says what is wrong."""
    result = CliRunner().invoke(cli, command.split(), env={"PARLEY_DATABASE_URL": url})
    assert (result.exit_code, len(result.output.strip().splitlines())) == (2, 1)
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"postgresql://u:{PASSWORD}@a:1,b:2/db?target_session_attrs=any", "postgresql://u:***@a:1,b:2/db"),
        (f"postgresql://h/db?user=u&password={PASSWORD}", "postgresql://u:***@h/db"),
        (f"postgresql://u:{PASSWORD}@/db?host=/run/x&sslpassword={PASSWORD}", "postgresql://u:***@%2Frun%2Fx/db"),
        ("sqlite:////x/y.db", "sqlite:////x/y.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, text: str) -> None:
    """The password is hidden wherever it stands."""
    assert shown(url) == text


def run(*words: str) -> str:
    """Run a command to its end, in a process of its own; return what it prints."""
    done = subprocess.run([*SERVICE, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def query_form(first: Postgres, second: Postgres) -> str:
    return f"postgresql:///postgres?user=postgres&host=127.0.0.1,127.0.0.1&port={first.port},{second.port}"


def list_form(first: Postgres, second: Postgres) -> str:
    hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    return f"postgresql://postgres:{PASSWORD}@{hosts}/postgres?target_session_attrs=read-write&connect_timeout=2"


@pytest.mark.attack
@pytest.mark.row(32, 33)
def test_every_command_finds_the_primary_among_two_hosts() -> None:
    """Though the first host is a standby, or takes connections and says nothing, each command uses the second."""
    with postgres_servers() as servers:
        primary = servers.primary()
        standby = servers.standby(primary)
        assert "is at revision" in run("migrate", "--database-url", list_form(standby, primary))
        for form in (list_form, query_form):
            url = form(standby, primary)
            assert "identical" in run("rebuild", "--check", "--database-url", url)
            with serving(url) as server:
                assert f":{standby.port},127.0.0.1:{primary.port}/" in server.log()
                assert PASSWORD not in server.log()
        standby.pause()
        assert "is at revision" in run("migrate", "--database-url", query_form(standby, primary))
        with serving(list_form(standby, primary)):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says which timers a connection has")
@pytest.mark.row(31)
@pytest.mark.anyio
async def test_the_system_watches_every_connection() -> None:
    """Each socket to the database has a keepalive: a server that is gone without a word is noticed."""

    def timers(port: int) -> set[str]:
        """Return which timers Linux runs for established connections to a port; 02 is that of the keepalive."""
        lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()]
        return {line[5][:2] for line in lines if line[2].endswith(f":{port:04X}") and line[3] == "01"}

    with postgres_servers() as servers:
        postgres = servers.primary()
        database = connect(postgres.url)
        try:
            await database.fetch("SELECT 1")
            assert timers(postgres.port) == {"02"}
        finally:
            await database.close()
