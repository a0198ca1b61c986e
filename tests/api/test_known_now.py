"""A question about the last second is a write, and yet no reader waits for a writer."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.app import create_app
from service.domain.vocabulary import instants
from service.settings import Settings
from tests.ledgers import now, writers_locked_out
from tests.servers import openings

pytestmark = pytest.mark.row(30)

READERS = 24
"""More than there are connections to read with."""
PROMPT = 5.0
"""Seconds, of which one is waited; before, it took 10 s on SQLite, and on PostgreSQL as long as the writer liked."""


def ask(client: TestClient[Litestar], instant: int) -> httpx.Response:
    return client.get("/v1/issues", params={"known_at": instants.text(instant)})


def just_now() -> int:
    return now() - 1_000


def test_no_reader_waits_for_a_writer(
    client: TestClient[Litestar], migrated_url: str, figure: Callable[[str], None]
) -> None:
    """Beside a long writer a question about the last second is asked again later; every other question is answered."""
    issue, other, _ = openings()
    recorded = client.post("/v1/events", json={"events": [issue]}).raise_for_status().json()
    frozen = just_now()
    assert ask(client, frozen).status_code == 200
    with writers_locked_out(migrated_url), ThreadPoolExecutor(READERS) as threads:
        begun = time.monotonic()
        asked = [threads.submit(ask, client, just_now()) for _ in range(READERS)]
        for known in (
            {},
            {"known_position": 1},
            {"known_at": recorded["recorded_at"]},
            {"known_at": instants.text(frozen)},
        ):
            assert client.get("/v1/issues", params=known).status_code == 200
        answers = [each.result() for each in asked]
        took = time.monotonic() - begun
        for answer in answers:
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
            assert answer.headers["retry-after"] == "1"
    assert took < PROMPT
    figure(f"503 after {took:.1f} s beside a writer, every other K at once")
    instant = just_now()
    assert ask(client, instant).json()["known_position"] == 1
    later = client.post("/v1/events", json={"events": [other]}).raise_for_status().json()
    assert instants.parse(later["recorded_at"]) > instant


def test_an_instant_that_another_process_made_final_needs_no_write(
    client: TestClient[Litestar], migrated_url: str
) -> None:
    """A process that records nothing sees by the head that the instant is past: it does not write."""
    with TestClient(create_app(Settings(database_url=migrated_url))) as writer:
        first = just_now()
        writer.post("/v1/events", json={"events": openings()[:1]}).raise_for_status()
        second = just_now()
        assert ask(writer, second).status_code == 200
        with writers_locked_out(migrated_url):
            assert [ask(client, each).status_code for each in (first, second)] == [200, 200]


def test_a_session_that_may_not_write_is_unavailable(migrated_postgres_url: str) -> None:
    """Where the write is refused, the question about the last second gets 503, and the others are answered."""
    with psycopg.connect(migrated_postgres_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with TestClient(create_app(Settings(database_url=migrated_postgres_url)), raise_server_exceptions=False) as client:
        assert ask(client, just_now()).status_code == 503
        assert client.get("/v1/issues").status_code == 200
