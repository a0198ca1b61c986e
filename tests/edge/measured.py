"""What was measured of limits and HTTP on the first edition, and what the service answers now, a row each.

Run `python -m tests.edge.measured` to ask a service and print the table. `docs/edge.md` has it as it was printed last,
and test_measured.py compares both.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.edge.clients import clients
from tests.events import imposed, opening
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from tests.servers import Server

ISSUE = "/v1/issues/rare-earth-export-restrictions"
SEED = Path(__file__).parents[2] / "seeds" / "london.ndjson"
LONDON: list[dict[str, Any]] = [json.loads(line) for line in SEED.read_bytes().splitlines()]
EVENT, OTHER = (f"/v1/events/{LONDON[number]['id']}" for number in (5, 7))
REPORTS = {"reports": [{"outlet": "A desk"}]}
OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
MISSING = "/v1/issues/none-such"
LARGE = 64 * 1024


class Asked(NamedTuple):
    """A service with the London set: its process, and a client of it."""

    server: Server
    client: httpx.Client

    def events(self) -> int:
        """Return how many events there are."""
        return int(self.client.get("/v1/feed?limit=1").json()["head"])

    def statuses(self, *asked: tuple[Any, ...], **named: Any) -> str:  # noqa: ANN401 - as httpx takes them
        """Send requests, each a method, a path and more; return the statuses, and how many events they recorded."""
        before = self.events()
        found = []
        for method, path, *more in asked:
            given = {**named, **(more[0] if more else {})}
            found.append(str(self.client.request(method, path, **given).status_code))
        recorded = self.events() - before
        return f"{', '.join(found)}; {recorded} event{'' if recorded == 1 else 's'}"

    def raw(self, *parts: bytes) -> str:
        """Send bytes over a connection of their own; return the status of the answer, and the kind of a problem."""
        with clients(self.server) as (client,):
            for part in parts:
                client.send(part)
            answer = client.answer()
        kind = (
            answer.problem()["type"].rpartition("/")[2] if "problem" in answer.headers.get("content-type", "") else ""
        )
        return f"{answer.status} {kind}".strip()

    def kind(self, response: httpx.Response) -> str:
        """Return the status of an answer, and the kind of a problem."""
        is_problem = response.headers.get("content-type") == "application/problem+json"
        return f"{response.status_code} {response.json()['type'].rpartition('/')[2] if is_problem else ''}".strip()


@contextmanager
def served(*flags: str) -> Iterator[Asked]:
    """Serve an empty ledger."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(f"sqlite:///{folder}/parley.db", *flags) as server,
        plain_client(server.url) as client,
    ):
        yield Asked(server, client)


class Row(NamedTuple):
    """What was asked, what happened on the first edition, and how to ask now."""

    asked: str
    was: str
    now: Callable[[Asked], str]


def repeated(asked: Asked) -> str:
    """Send each write three times."""
    event = {**asked.client.get(OTHER).json()["now"], "note": "Mended."}
    put = ("PUT", OTHER, {"json": {"event": event, "reason": "A slip."}})
    post = ("POST", f"{OTHER}/reports", {"json": REPORTS})
    delete = ("DELETE", OTHER)
    asked.client.post("/v1/events", json={"events": [opening("closing")]}).raise_for_status()
    close = ("DELETE", "/v1/issues/closing?reason=done", {"headers": {"Idempotency-Key": "close"}})
    named = {"PUT": put, "POST reports": post, "DELETE": delete, "DELETE issue, with a key": close}
    return ". ".join(f"{name} {asked.statuses(each, each, each)}" for name, each in named.items())


def keyed(asked: Asked) -> str:
    """Send a revision twice under one key."""
    patch = ("PATCH", ISSUE, {"json": REPORTS | {"title": "Keyed"}})
    return asked.statuses(patch, patch, headers={"Idempotency-Key": "one"})


def matched(asked: Asked) -> str:
    """Write with what GET gave."""
    tag = asked.client.get(ISSUE).headers["etag"]
    revised = asked.client.patch(ISSUE, json=REPORTS | {"title": "A"}, headers={"If-Match": f'"x", {tag}'})
    again = asked.client.patch(ISSUE, json=REPORTS | {"title": "B"}, headers={"If-Match": tag})
    digits = asked.client.patch(ISSUE, json=REPORTS | {"title": "B"}, headers={"If-Match": f'"{"1" * 4_301}"'})
    of_event = asked.client.get(EVENT).headers["etag"]
    asked.client.post(f"{EVENT}/reports", json={"reports": [{"outlet": "Another"}]}, headers={"If-Match": of_event})
    stale = asked.client.post(f"{EVENT}/reports", json={"reports": [{"outlet": "B"}]}, headers={"If-Match": of_event})
    written = "with an ETag" if "etag" in revised.headers else "without an ETag"
    return (
        f"PATCH {revised.status_code} {written}, again {asked.kind(again)}; 4,301 digits {digits.status_code}; "
        f"an event that has changed {stale.status_code}"
    )


def numbers(asked: Asked) -> str:
    """Repeat a fact with its number written otherwise."""
    fact = imposed("rates", ISSUE.rpartition("/")[2], rate_percent=10)
    sent = [
        ("POST", "/v1/events", {"content": _json(fact).replace(": 10", f": {each}")}) for each in ("10", "10.0", "1e1")
    ]
    return asked.statuses(*sent, headers={"Content-Type": "application/json"})


def _json(fact: dict[str, Any]) -> str:
    return json.dumps({"events": [fact]})


def upgraded(asked: Asked) -> str:
    """Offer h2c with a body."""
    body = json.dumps({"events": [opening("offered")]}).encode()
    head = "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with clients(asked.server) as (client,):
        client.send(f"{head}{OFFER}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        found = client.rest()
    return f"{found.split(b' ', 2)[1].decode()}; the connection goes on: {found.count(b'HTTP/1.1 ')} answers"


def sent_back(asked: Asked) -> str:
    """Send back what an answer states."""
    answer = asked.client.get(f"{ISSUE}?known_position=9").json()
    names = ("as_of", "known_at", "known_position", "known_basis")
    again = asked.client.get(ISSUE, params={name: answer[name] for name in names})
    return f"{again.status_code}, {'the same answer' if again.json() == answer else 'another answer'}"


def listed(asked: Asked) -> str:
    """Send a field in two lines, and refuse a form."""
    tag = asked.client.get(ISSUE).headers["etag"]
    lines = asked.client.get(ISSUE, headers=[("If-None-Match", '"x"'), ("If-None-Match", tag)])
    form = asked.client.get("/v1/issues", headers={"Accept": "*/*, application/json;q=0"})
    return f"{lines.status_code}; {form.headers['content-type'].partition(';')[0]}"


def headed(asked: Asked) -> str:
    """Look at the headers of events and pages."""
    first = asked.client.get("/v1/feed?limit=5")
    pages = {"event": asked.client.get(EVENT), "page of the feed": asked.client.get(first.links["next"]["url"])}
    frozen = asked.client.get(pages["event"].links["memento"]["url"])
    said = [f"{name}: {', '.join(h for h in ('ETag', 'Link') if h in each.headers)}" for name, each in pages.items()]
    is_kept = all("immutable" in each.headers["cache-control"] for each in (frozen, pages["page of the feed"]))
    return f"{'; '.join(said)}; {'both immutable at their frozen URLs' if is_kept else 'not immutable'}"


def compressed(asked: Asked) -> str:
    """Ask for compressed answers."""
    found = []
    for path, name in (("/schema/openapi.json", "openapi.json"), ("/v1/restrictions?include=ended", "a list")):
        for coding in ("gzip", "zstd"):
            answer = asked.client.get(path, headers={"Accept-Encoding": coding})
            share = int(answer.headers["content-length"]) / len(answer.content)
            kept = answer.headers.get("content-encoding") == coding and share < 1 / 2
            found.append(f"{name} {coding if kept else 'as it is'}")
    return ", ".join(found)


def streams(asked: Asked) -> str:
    """Ask for the head of a stream, and for a stream by HTTP/1.0."""
    with clients(asked.server, 2) as (one, two):
        one.send(
            b"HEAD /v1/feed HTTP/1.1\r\nHost: a.localhost\r\nAccept: application/x-ndjson\r\nConnection: close\r\n\r\n"
        )
        head = one.rest().lower()
        two.send(b"GET /v1/feed HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n")
        old = two.rest().lower()
    whole = b'"end":true' in old
    return (
        f"HEAD {'with' if b'content-length' in head else 'without'} a length; "
        f"HTTP/1.0 {'in chunks' if b'chunked' in old else 'without chunks'}, {'whole' if whole else 'cut off'}"
    )


def bodies(asked: Asked) -> str:
    """Send bodies in another form."""
    plain = asked.client.post("/v1/events", content=b"{}", headers={"Content-Type": "text/plain"})
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    coded = asked.client.post("/v1/events", content=b"{}", headers=packed)
    said = "with Accept" if "accept" in plain.headers else "without Accept"
    return f"{plain.status_code} {said}; gzip {coded.status_code}"


def own_writes(asked: Asked) -> str:
    """Wait for a position that is there, and for one that is not."""
    there = asked.client.get(ISSUE)
    position = int(there.headers["ledger-position"])
    found = [asked.client.get(ISSUE, headers={"Min-Position": str(position + more)}) for more in (0, 1)]
    return f"reached {found[0].status_code}, not reached {asked.kind(found[1])}"


def dated(asked: Asked) -> str:
    """Ask by Memento."""
    gate = asked.client.get(ISSUE, headers={"Accept-Datetime": "Thu, 01 Jan 2099 00:00:00 GMT"})
    memento = asked.client.get(gate.headers["location"])
    timemap = asked.client.get(memento.links["timemap"]["url"])
    dates = "with Memento-Datetime" if "memento-datetime" in memento.headers else "without a date"
    return f"TimeGate {gate.status_code}, memento {memento.status_code} {dates}, TimeMap {timemap.status_code}"


def paged(asked: Asked) -> str:
    """Look at the links of a page."""
    return ", ".join(sorted(map(str, asked.client.get("/v1/events?limit=1").links)))


def fetched(target: str, head: str = "Host: localhost\r\n", method: str = "GET") -> Callable[[Asked], str]:
    """Make a request of one line and these fields."""
    return lambda asked: asked.raw(f"{method} {target} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())


def bounded(*flags: str) -> Callable[[Asked], str]:
    """Ask a service of its own three times; return the statuses."""

    def ask(_: Asked) -> str:
        with served(*flags) as asked:
            found = [asked.client.get("/v1/issues") for _ in range(3)]
        named = [name for name in ("RateLimit", "RateLimit-Policy", "Retry-After") if name in found[-1].headers]
        return f"{', '.join(str(each.status_code) for each in found)} with {', '.join(named)}"

    return ask


def late(_: Asked) -> str:
    """Send half a head, and half a body, to a service that waits a second."""
    with served("--stall-seconds", "1") as asked:
        head = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        found = [asked.raw(head), asked.raw(head + b"Content-Length: 9\r\n\r\n{")]
    return f"head {found[0]}, body {found[1]}"


ROWS = (
    Row("one PUT, DELETE or POST of reports, three times each", "three facts each", repeated),
    Row("`Idempotency-Key`, twice", "ignored", keyed),
    Row("`If-Match` with the ETag of GET in a list; 4,301 digits", "412; refused; 500; events ignore it", matched),
    Row("a fact repeated with 10, 10.0 and 1e1", "409", numbers),
    Row("`Upgrade: h2c` with a body", "400 empty", upgraded),
    Row("`If-None-Match: *` on what does not exist", "304",
        lambda asked: asked.kind(asked.client.get(MISSING, headers={"If-None-Match": "*"}))),
    Row("the basis that an answer states, sent back", "422", sent_back),
    Row("`known_at` with the offset +05:99", "taken",
        lambda asked: asked.kind(asked.client.get(ISSUE, params={"known_at": "2025-06-10T12:00:00+05:99"}))),
    Row("a field in two lines; `*/*, application/json;q=0`", "one line counts; JSON", listed),
    Row("headers of events and pages of the feed", "no ETag, no Link", headed),
    Row("compression", "on the feed alone", compressed),
    Row("links of a page", "none", paged),
    Row("HEAD of a stream; a stream by HTTP/1.0", "length 0; in chunks", streams),
    Row("a URL of 64 KiB", "400 text/plain", fetched(f"/{'a' * LARGE}")),
    Row("an unknown method", "400 text/plain", fetched("/v1/issues", method="BREW")),
    Row("CONNECT", "400 text/plain", fetched("localhost:80", method="CONNECT")),
    Row("no Host", "accepted", fetched("/v1/issues", "")),
    Row("`/v1/issues/`", "200", fetched("/v1/issues/")),
    Row("`//v1/issues`", "200", fetched("//v1/issues")),
    Row("a body as text/plain; a gzip body", "415 without Accept; 400", bodies),
    Row("a header of over 64 KiB", "others wait for seconds", fetched("/", f"Host: localhost\r\na: {'b' * LARGE}\r\n")),
    Row("half a request", "open past 45 s", late),
    Row("three requests where a client may send two an hour", "no bound", bounded("--rate-limit", "2/3600")),
    Row("`Min-Position`", "none", own_writes),
    Row("Memento", "none", dated),
    Row("`/.well-known/api-catalog`", "404", fetched("/.well-known/api-catalog")),
)  # fmt: skip


def table() -> Iterator[str]:
    """Ask a service with the London set, row by row; yield the lines of the table."""
    yield "| asked | the first edition | now |"
    yield "|---|---|---|"
    with served() as asked:
        asked.client.post("/v1/events", json={"events": LONDON}).raise_for_status()
        for row in ROWS:
            yield f"| {row.asked} | {row.was} | {row.now(asked)} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
