"""Ledgers with each set of seeds, and clients of the page."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.settings import Settings
from service.storage import files
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from litestar import Litestar

SETS = ("london", "us-china", "world")
BATCH = 500
"""Events that are recorded at once, at most."""


def seeds(name: str) -> list[dict[str, Any]]:
    """Return the facts of a set."""
    return [json.loads(line) for line in (files.data("seeds") / f"{name}.ndjson").read_bytes().splitlines()]


def record_all(client: TestClient[Litestar], events: list[dict[str, Any]]) -> None:
    """Record events in batches."""
    for start in range(0, len(events), BATCH):
        answer = client.post("/v1/events", json={"events": events[start : start + BATCH]})
        assert answer.status_code == 201, answer.text


def opened(title: str) -> dict[str, Any]:
    """Return the opening of an issue with a title."""
    slug = re.sub("[^a-z]+", "-", title.lower()).strip("-")
    return {
        "type": "issue.opened", "issues": [slug], "item": slug, "occurred": "2025-06-01", "title": title,
        "summary": title, "parties": ["CN", "US"],
        "reports": [{"outlet": title, "title": title, "published": "2025-06-01", "url": "https://example.org/?q=<b>"}],
    }  # fmt: skip


@pytest.fixture(scope="session")
def filled_once(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Return the URL of a ledger with a set, which is made when it is first asked for."""
    return cache(lambda name: filled(name, sqlite_template, tmp_path_factory))


@pytest.fixture(scope="session")
def served(filled_once: Callable[[str], str]) -> Iterator[Callable[[str], str]]:
    """Return the URL of a server on a set, which is started when it is first asked for."""
    with ExitStack() as stack:
        yield cache(lambda name: stack.enter_context(serving(filled_once(name))).url)


@pytest.fixture(params=SETS)
def seeded_url(request: pytest.FixtureRequest, filled_once: Callable[[str], str]) -> str:
    """The URL of a ledger with one of the sets, which no test writes to."""
    return filled_once(request.param)


@pytest.fixture(scope="session")
def us_china_url(filled_once: Callable[[str], str]) -> str:
    """The URL of a ledger with the set `us-china`, which no test writes to."""
    return filled_once("us-china")


def filled(name: str, template: Path, directories: pytest.TempPathFactory) -> str:
    """Make a ledger with a set, and return its URL."""
    url = f"sqlite:///{shutil.copy(template, directories.mktemp(name) / 'parley.db')}"
    with TestClient(create_app(Settings(database_url=url))) as client:
        record_all(client, seeds(name))
    return url


@pytest.fixture(scope="module")
def page(us_china_url: str) -> Iterator[TestClient[Litestar]]:
    """The page on the set `us-china`, for tests that only read."""
    with TestClient(create_app(Settings(database_url=us_china_url))) as client:
        yield client


@pytest.fixture
def empty(migrated_url: str) -> Iterator[TestClient[Litestar]]:
    """The page on an empty ledger, on either database."""
    with TestClient(create_app(Settings(database_url=migrated_url))) as client:
        yield client
