"""Keys as an operator makes them, and clients that have one."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from litestar.testing import TestClient

from service.app import create_app
from service.cli import cli
from service.settings import Settings
from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx
    from click.testing import Result
    from litestar import Litestar

POLL = 0.05
ROLES = ("reader", "recorder", "editor", "admin")


def parley(url: str, *words: str) -> Result:
    """Run a command on a database."""
    return CliRunner().invoke(cli, words, env={"PARLEY_DATABASE_URL": url})


def made(url: str, role: str, *words: str) -> str:
    """Make a key; return it as it is sent."""
    done = parley(url, "keys", "create", "--role", role, *words)
    assert done.exit_code == 0, done.output
    written = done.stdout.strip()
    assert re.fullmatch(r"parley_[a-z2-7]{8}_[a-z2-7]{52}", written)
    return written


def id_of(key: str) -> str:
    """Return the id of a key."""
    return key.split("_")[1]


def bearing(key: str) -> dict[str, str]:
    """Return the header that sends a key."""
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def service(url: str, **settings: Any) -> Iterator[TestClient[Litestar]]:  # noqa: ANN401 - settings of any type
    """Run the service on a database."""
    app = create_app(Settings(database_url=url, **settings))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def eventually(ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """Ask until the answer has a status."""
    deadline = time.monotonic() + PATIENCE
    while (response := ask()).status_code != status:
        assert time.monotonic() < deadline, response.text
        time.sleep(POLL)
    return response
