"""Keys from their making to their end, and a service without any."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.access.holders import POLL, bearing, eventually, id_of, made, parley, service
from tests.api.conftest import LONDON
from tests.processes import PATIENCE, Process
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from tests.conftest import PostgresServer

ISSUES = "/v1/issues"
FROZEN = "/v1/issues?as_of=2025-06-10&known_position=20"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - to be refused, or with keys
SHAPED = "parley_" + 8 * "a" + "_" + 52 * "b"


def test_without_keys_loopback_is_open_until_there_is_one(migrated_url: str) -> None:
    """A first try needs no key, whatever it sends; once a key is made, a running service asks for it, for reads too."""
    with service(migrated_url) as client:
        assert client.post("/v1/events", json={"events": LONDON}).status_code == 201
        assert client.get(FROZEN, headers=bearing("anything")).headers["cache-control"].startswith("public, max-age")
        key = made(migrated_url, "reader")
        eventually(lambda: client.get(FROZEN), 401)
        answer = client.get(FROZEN, headers=bearing(key))
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "private, max-age=31536000, immutable")


def test_reads_may_be_public(migrated_url: str) -> None:
    """With the setting everybody reads what a reader may; writes need a key, and a bad key is still refused."""
    made(migrated_url, "reader")
    with service(migrated_url, public_reads=True) as client:
        answer = client.get("/v1/issues?as_of=2025-06-10&known_position=0")
        assert (answer.status_code, answer.headers["cache-control"].partition(",")[0]) == (200, "public")
        assert client.get("/v1/feed").status_code == 200
        assert client.get(ISSUES, headers=bearing(SHAPED)).status_code == 401
        assert client.get("/v1/subscriptions").status_code == 401
        assert client.post("/v1/events", json={"events": LONDON}).status_code == 401


@pytest.mark.parametrize("host", [ANY_ADDRESS, "::"])
def test_another_address_than_loopback_needs_a_key(migrated_sqlite_url: str, host: str) -> None:
    """Where other machines can connect, the service does not start without a key, and starts with one."""
    words = ["serve", "--host", host, "--port", "0", "--database-url", migrated_sqlite_url]
    refused = subprocess.run([sys.executable, "-m", "service", *words], capture_output=True, text=True, check=False)
    assert (refused.returncode, "parley keys create" in refused.stderr) == (2, True)
    assert "Traceback" not in refused.stderr
    made(migrated_sqlite_url, "admin")
    process = Process([sys.executable, "-m", "service", *words])
    try:
        process.launch()
        port = re.search(r"Parley listens on http://.*:([0-9]+)\n", process.log_with("Ctrl-C"))
        assert port is not None
        with plain_client(f"http://{'[::1]' if host == '::' else '127.0.0.1'}:{port[1]}") as client:
            assert wait_for(client).status_code == 401
            assert client.get("/healthz", headers={"Host": "10.1.2.3"}).status_code == 200
            assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 421
    finally:
        process.close()


def wait_for(client: httpx.Client) -> httpx.Response:
    """Ask until the service takes connections."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return client.get(ISSUES)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(POLL)


def test_the_start_says_whether_keys_are_needed(migrated_sqlite_url: str) -> None:
    """A service that is open says so where it says how it is reached; one that asks for keys says that."""
    with serving(migrated_sqlite_url) as server:
        server.stop()
        assert "keys:     none: everybody on this machine may read and write" in server.log()
        assert server.log().count("service.open") == 1
    key = made(migrated_sqlite_url, "reader")
    with serving(migrated_sqlite_url) as server:
        server.stop()
        assert "keys:     needed" in server.log()
        assert "service.open" not in server.log()
        assert key not in server.log()


@pytest.mark.parametrize(
    "sent",
    ["", "x", "parley_", SHAPED, "parley_zzzzzzzz", "\xe9" * 10, "a" * 60_000, "parley_" + "\x7f" * 61, "Bearer x"],
)
def test_what_is_no_key_is_refused_without_a_word_of_it(migrated_url: str, sent: str) -> None:
    """An unknown key is 401 `invalid_token`, and the problem repeats nothing of it."""
    made(migrated_url, "reader")
    with service(migrated_url) as client:
        headers = {"Authorization": b"Bearer " + sent.encode("latin-1")}
        response = client.get(ISSUES, headers=headers)  # type: ignore[arg-type] # bytes are taken
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="parley", error="invalid_token"'
    assert response.json()["detail"] == "This is no key of this ledger."


def test_the_secret_of_another_key_opens_nothing(migrated_url: str) -> None:
    """The id of one key with the secret of another, or with one letter changed, is refused."""
    one, other = made(migrated_url, "reader"), made(migrated_url, "reader")
    last = "a" if one[-1] != "a" else "b"
    mixed = "_".join([*one.split("_")[:2], other.split("_")[2]])
    with service(migrated_url) as client:
        assert client.get(ISSUES, headers=bearing(one)).status_code == 200
        for sent in (mixed, one[:-1] + last, one.upper(), one + "a", one[:-1]):
            assert client.get(ISSUES, headers=bearing(sent)).status_code == 401


def test_other_schemes_are_no_key(migrated_url: str) -> None:
    """Basic credentials count as none, the name of the scheme is taken in any case, and two headers are 400."""
    key = made(migrated_url, "reader")
    with serving(migrated_url) as server, plain_client(server.url) as client:
        basic = client.get(ISSUES, headers={"Authorization": f"Basic {key}"})
        assert (basic.status_code, basic.headers["www-authenticate"]) == (401, 'Bearer realm="parley"')
        assert client.get(ISSUES, headers={"Authorization": f"bearer  {key}"}).status_code == 200
        twice = client.get(ISSUES, headers=[("Authorization", f"Bearer {key}")] * 2)
        assert (twice.status_code, twice.json()["type"]) == (400, "/problems/bad-request")


def test_a_revoked_key_is_refused_by_every_process(migrated_url: str) -> None:
    """Services that run refuse a key soon after it is revoked, each of them, and say that it is."""
    key, other = made(migrated_url, "reader"), made(migrated_url, "reader")
    with service(migrated_url) as one, service(migrated_url) as two:
        for client in (one, two):
            assert client.get(ISSUES, headers=bearing(key)).status_code == 200
        assert parley(migrated_url, "keys", "revoke", id_of(key)).exit_code == 0
        for client in (one, two):
            response = eventually(lambda client=client: client.get(ISSUES, headers=bearing(key)), 401)  # type: ignore[misc]
            assert response.json()["detail"] == f"The key {id_of(key)} is revoked."
            assert client.get(ISSUES, headers=bearing(other)).status_code == 200
    assert parley(migrated_url, "keys", "revoke", id_of(key)).exit_code == 1


def test_a_key_expires(migrated_url: str) -> None:
    """A key that is good for three seconds is taken, then refused; the ledger stays closed when all have ended."""
    now = time.time() + 3
    until = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + "Z"
    key = made(migrated_url, "reader", "--expires", until)
    with service(migrated_url) as client:
        response = eventually(lambda: client.get(ISSUES, headers=bearing(key)), 401)
        assert response.json()["detail"] == f"The key {id_of(key)} is expired."
        assert client.get(ISSUES).status_code == 401
    with service(migrated_url) as client:
        assert client.get(ISSUES).status_code == 401


def test_the_list_shows_keys_without_their_secrets(migrated_url: str) -> None:
    """The list has role, state, name and last use, which a service writes down soon after it."""
    desk = made(migrated_url, "recorder", "--name", "the desk", "--expires", "2999-01-01")
    gone = made(migrated_url, "reader")
    parley(migrated_url, "keys", "revoke", id_of(gone))
    with service(migrated_url) as client:
        assert client.get(ISSUES, headers=bearing(desk)).status_code == 200
        deadline = time.monotonic() + PATIENCE
        while (listed := parley(migrated_url, "keys", "list").stdout).count("never") > 1:
            assert time.monotonic() < deadline, listed
            time.sleep(POLL)
    rows = {row.split()[0]: row for row in listed.splitlines()[1:]}
    assert rows.keys() == {id_of(desk), id_of(gone)}
    assert re.search(r"recorder .* to 2999-01-02T00:00:00  the desk$", rows[id_of(desk)])
    assert re.search(rf"reader .* never +revoked +{id_of(gone)}$", rows[id_of(gone)])
    assert not [key for key in (desk, gone) if key.split("_")[2] in listed]


def test_a_secret_is_kept_nowhere(migrated_sqlite_url: str) -> None:
    """The database has no secret, and neither what `create` says beside it nor the log of a service has one."""
    done = parley(migrated_sqlite_url, "keys", "create", "--role", "reader")
    key = done.stdout.strip()
    secret = key.split("_")[2]
    assert secret not in done.stderr
    with serving(migrated_sqlite_url, "--log-level", "DEBUG") as server:
        with plain_client(server.url) as client:
            assert client.get(ISSUES, headers=bearing(key)).status_code == 200
            assert client.get(ISSUES, headers=bearing(key[:-1])).status_code == 401
        server.stop()
        assert secret[:-1] not in server.log()
    for part in ("", "-wal"):
        path = migrated_sqlite_url.removeprefix("sqlite:///") + part
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - a file beside
                assert secret.encode() not in file.read()
        except FileNotFoundError:
            assert part


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create",), "--role"),
        (("create", "--role", "owner"), "owner"),
        (("create", "--role", "reader", "--name", ""), "--name must have"),
        (("create", "--role", "reader", "--name", "a\nb"), "--name must have"),
        (("create", "--role", "reader", "--name", "x" * 65), "--name must have"),
        (("create", "--role", "reader", "--expires", "2020-01-01"), "has passed"),
        (("create", "--role", "reader", "--expires", "tomorrow"), "--expires must be"),
        (("create", "--role", "reader", "--expires", "2999-01-01T00:00:00"), "--expires must be"),
        (("create", "--role", "reader", "--expires", "9999-12-31"), "--expires must be"),
        (("revoke", "nothing"), "there is no key nothing"),
        (("revoke", SHAPED), "not the key"),
    ],
)
def test_wrong_words_are_one_line(migrated_sqlite_url: str, words: tuple[str, ...], said: str) -> None:
    """What cannot be done is said in a line, with exit code 1 or 2, and no key is made."""
    done = parley(migrated_sqlite_url, "keys", *words)
    assert done.exit_code in {1, 2}
    assert said in done.stderr
    assert parley(migrated_sqlite_url, "keys", "list").stdout.count("\n") == 1


def test_a_ledger_that_is_set_back_forgets_newer_keys(
    migrated_postgres_url: str, postgres_server: PostgresServer
) -> None:
    """A key that a restored backup does not have is refused, and a running service takes those made after that."""
    first = made(migrated_postgres_url, "reader")
    with postgres_server.copied(migrated_postgres_url) as (save, restore):
        save()
        lost = made(migrated_postgres_url, "reader")
        with service(migrated_postgres_url) as client:
            assert client.get(ISSUES, headers=bearing(lost)).status_code == 200
            restore()
            eventually(lambda: client.get(ISSUES, headers=bearing(lost)), 401)
            later = made(migrated_postgres_url, "reader")
            eventually(lambda: client.get(ISSUES, headers=bearing(later)), 200)
            assert client.get(ISSUES, headers=bearing(first)).status_code == 200
