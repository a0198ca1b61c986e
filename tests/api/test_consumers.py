"""Consumers: a durable cursor keeps the position of its consumer, and of two movers that saw the same one wins."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service.feed import consumers
from tests.api.conftest import LONDON
from tests.servers import connection, openings, serving_together

Client = TestClient[Litestar]
PATH = "/v1/consumers/newsroom"
HEAD = len(LONDON)
MOVERS = 8
STEPS = 20


def put(client: Client, position: int, expected: int | None = None, path: str = PATH, **headers: str) -> Any:  # noqa: ANN401
    body = {"position": position} | ({} if expected is None else {"expected": expected})
    return client.put(path, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def refused(response: Any, status: int, kind: str) -> dict[str, Any]:  # noqa: ANN401 - a response of either client
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["type"]) == (status, f"/problems/{kind}"), problem
    return problem


def test_a_consumer_is_made_moved_and_read(london: Client) -> None:
    """A new consumer is created where it is put, moves from where it was seen, and is read with its lag."""
    made = put(london, 0)
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, PATH, '"0"')
    moved = put(london, 5, expected=0)
    assert (moved.status_code, moved.headers["etag"]) == (200, '"5"')
    read = london.get(PATH)
    assert (read.status_code, read.headers["etag"], read.headers["cache-control"]) == (200, '"5"', "no-cache")
    state = read.json()
    assert {name: state[name] for name in ("name", "position", "head")} == {
        "name": "newsroom", "position": 5, "head": HEAD,
    }  # fmt: skip
    assert state["lag"]["events"] == HEAD - 5
    assert moved.json()["moved_at"] == state["moved_at"] > made.json()["moved_at"]


def test_a_cursor_may_go_back(london: Client) -> None:
    """A replay is a move like any other."""
    put(london, HEAD)
    assert put(london, 3, expected=HEAD).json()["lag"]["events"] == HEAD - 3


def test_lag_is_counted_from_the_first_unprocessed_event(london: Client) -> None:
    """The lag in seconds is the age of the first event after the cursor: greater further back, 0 at the head."""
    recorded = [event["recorded_at"] for event in london.get("/v1/feed").json()["events"]]
    assert len(set(recorded)) == HEAD
    ages = []
    for expected, position in ((None, HEAD), (HEAD, HEAD - 1), (HEAD - 1, 0)):
        lag = put(london, position, expected).json()["lag"]
        assert lag["events"] == HEAD - position
        ages.append(lag["seconds"])
    assert ages[0] == 0
    assert ages == sorted(ages)
    assert ages[2] > 0


def test_the_lag_of_an_empty_ledger_is_none(client: Client) -> None:
    """Before the first event a consumer stands at 0 and lacks nothing."""
    assert put(client, 0).json()["lag"] == {"events": 0, "seconds": 0}


def test_a_wrong_expectation_moves_nothing(london: Client) -> None:
    """A move from another position fails and names the actual one: a 409 for `expected`, a 412 for If-Match."""
    put(london, 4)
    problem = refused(put(london, 9, expected=3), 409, "cursor-conflict")
    assert (problem["expected"], problem["actual"]) == ({"newsroom": 3}, {"newsroom": 4})
    problem = refused(put(london, 9, if_match='"3"'), 412, "precondition-failed")
    assert problem["actual"] == {"newsroom": 4}
    assert london.get(PATH).json()["position"] == 4


def test_if_match_moves_from_where_it_was_seen(london: Client) -> None:
    """The entity tag of an answer is an expectation; * is any position."""
    tag = put(london, 4).headers["etag"]
    assert put(london, 6, if_match=tag).headers["etag"] == '"6"'
    assert put(london, 2, if_match="*").json()["position"] == 2


def test_what_is_not_there_is_not_moved(london: Client) -> None:
    """An expectation of a consumer that does not exist fails, and makes none."""
    problem = refused(put(london, 4, expected=0), 409, "cursor-conflict")
    assert (problem["expected"], "actual" in problem) == ({"newsroom": 0}, False)
    refused(put(london, 4, if_match='"0"'), 412, "precondition-failed")
    refused(put(london, 4, if_match="*"), 412, "precondition-failed")
    refused(london.get(PATH), 404, "not-found")


def test_without_an_expectation_only_a_repeat_is_taken(london: Client) -> None:
    """A consumer that exists is left where it is: the same position answers 200, another 409."""
    first = put(london, 4)
    again = put(london, 4)
    assert (again.status_code, again.json()["moved_at"]) == (200, first.json()["moved_at"])
    problem = refused(put(london, 5), 409, "cursor-conflict")
    assert (problem["actual"], "expected" in problem) == ({"newsroom": 4}, False)


def test_if_none_match_only_creates(london: Client) -> None:
    """If-None-Match: * creates a consumer once and never moves it."""
    assert put(london, 4, if_none_match="*").status_code == 201
    refused(put(london, 4, if_none_match="*"), 412, "precondition-failed")
    refused(put(london, 4, if_none_match='"4"'), 412, "precondition-failed")


def test_a_move_to_where_it_stands_is_no_move(london: Client) -> None:
    """`moved_at` is when the cursor last came to another position."""
    first = put(london, 4)
    assert put(london, 4, expected=4).json()["moved_at"] == first.json()["moved_at"]


def test_a_position_beyond_the_head_is_refused(london: Client) -> None:
    """A position beyond the head is a fault at its pointer, and nothing is created or moved."""
    problem = refused(put(london, HEAD + 1), 422, "malformed")
    assert problem["errors"] == [
        {"detail": f"must be at most the head of the log, {HEAD}, not {HEAD + 1}", "pointer": "#/position"}
    ]
    assert london.get(PATH).status_code == 404
    put(london, 1)
    for headers in ({"if_match": '"1"'}, {"if_match": "*"}):
        refused(put(london, HEAD + 1, **headers), 422, "malformed")  # type: ignore[arg-type]
    refused(put(london, HEAD + 1, expected=1), 422, "malformed")
    assert london.get(PATH).json()["position"] == 1


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["#/position"]),
        ({"position": "4"}, ["#/position"]),
        ({"position": 4.0, "expected": True}, ["#/position", "#/expected"]),
        ({"position": -1, "expected": -1, "by": "me"}, ["#/position", "#/expected", "#/by"]),
        ({"position": 2**53}, ["#/position"]),
        ([4], ["#"]),
    ],
)
def test_faults_of_a_move_are_named_by_pointer(client: Client, body: object, pointers: list[str]) -> None:
    """The body is decoded strictly, and every fault is named."""
    problem = refused(client.put(PATH, json=body), 422, "malformed")
    assert [error["pointer"] for error in problem["errors"]] == pointers


@pytest.mark.parametrize("header", ["if_match", "if_none_match"])
def test_only_one_expectation_may_be_sent(client: Client, header: str) -> None:
    """`expected` together with a conditional header is refused."""
    problem = refused(put(client, 0, 0, **{header: "*"}), 422, "malformed")
    assert problem["errors"][0]["pointer"] == "#/expected"


@pytest.mark.parametrize("tag", ["4", '"x"', '"04"', 'W/"4"', '"5", "6"', '"99999999999999999"', '"-1"', '""', '"'])
def test_if_match_is_the_tag_of_an_answer(london: Client, tag: str) -> None:
    """A tag that no answer had matches no position."""
    put(london, 4)
    refused(put(london, 5, if_match=tag), 412, "precondition-failed")


@pytest.mark.parametrize("name", ["News", "news_room", "a--b", "-a", "x" * 81, "%F0%9F%97%9E"])
def test_a_name_is_a_slug(client: Client, name: str) -> None:
    """What cannot be a name is a 404, and that of PUT says what a name is."""
    problem = refused(put(client, 0, path=f"/v1/consumers/{name}"), 404, "not-found")
    assert "single hyphens" in problem["detail"]
    for method in ("GET", "DELETE"):
        refused(client.request(method, f"/v1/consumers/{name}"), 404, "not-found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_query_is_taken(client: Client, method: str) -> None:
    """Parameters that mean nothing are refused."""
    body = {"json": {"position": 0}} if method == "PUT" else {}
    refused(client.request(method, f"{PATH}?position=4", **body), 422, "bad-query")  # type: ignore[arg-type]


def test_a_consumer_is_deleted(london: Client) -> None:
    """DELETE removes a consumer, with If-Match only at that position; then the name is free."""
    refused(london.delete(PATH), 404, "not-found")
    refused(london.delete(PATH, headers={"If-Match": '"0"'}), 404, "not-found")
    put(london, 4)
    refused(london.delete(PATH, headers={"If-Match": '"3"'}), 412, "precondition-failed")
    gone = london.delete(PATH, headers={"If-Match": '"4"'})
    assert (gone.status_code, gone.content) == (204, b"")
    refused(london.get(PATH), 404, "not-found")
    assert put(london, 2).status_code == 201
    assert london.delete(PATH).status_code == 204


def test_consumers_are_listed_by_name_in_pages(london: Client) -> None:
    """The pages have every consumer once, in the byte order of names, on either database."""
    names = ["a", "a-b", "a0", "ab", "b-2", "b10", "z"]
    for position, name in enumerate(reversed(names)):
        put(london, position, path=f"/v1/consumers/{name}")
    listed, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = london.get("/v1/consumers", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        listed += page["items"]
        cursor, pages = page["next"], pages + 1
    assert [each["name"] for each in listed] == names
    assert (pages, listed[0]["position"]) == (3, len(names) - 1)
    assert {**listed[0], "lag": None} == {**london.get("/v1/consumers/a").json(), "lag": None}


@pytest.mark.parametrize("query", ["cursor=x", "cursor=WyJhIl0=", "cursor=", "limit=0", "limit=1001", "colour=red"])
def test_a_bad_page_is_refused(client: Client, query: str) -> None:
    """A cursor of another list and a limit out of bounds are named by parameter."""
    problem = refused(client.get(f"/v1/consumers?{query}"), 422, "bad-query")
    assert problem["errors"][0]["parameter"] == query.partition("=")[0]


def test_metrics_have_the_lag_of_each(london: Client) -> None:
    """Prometheus reads the lag of each consumer in events and in seconds."""
    put(london, 4)
    put(london, HEAD, path="/v1/consumers/archive")
    lines = dict(
        line.rsplit(" ", 1)
        for line in london.get("/metrics").text.splitlines()
        if line.startswith("parley_consumer_lag")
    )
    assert lines['parley_consumer_lag_events{consumer="newsroom"}'] == f"{HEAD - 4}.0"
    assert float(lines['parley_consumer_lag_seconds{consumer="newsroom"}']) > 0
    assert lines['parley_consumer_lag_events{consumer="archive"}'] == "0.0"
    assert lines['parley_consumer_lag_seconds{consumer="archive"}'] == "0.0"


def test_there_is_room_for_a_thousand(client: Client) -> None:
    """The thousand-and-first consumer is refused; the others still move, and a deleted one makes room."""
    for number in range(consumers.CONSUMERS_MAX):
        assert put(client, 0, path=f"/v1/consumers/c-{number}").status_code == 201
    refused(put(client, 0), 409, "limit-reached")
    refused(put(client, 0, if_none_match="*"), 409, "limit-reached")
    assert put(client, 0, path="/v1/consumers/c-7").status_code == 200
    refused(put(client, 0, expected=0), 409, "cursor-conflict")
    client.delete("/v1/consumers/c-7")
    assert put(client, 0).status_code == 201


@pytest.mark.slow
def test_of_eight_movers_one_wins_each_step(migrated_url: str) -> None:
    """Of eight movers that saw the same position, over two processes, one moves the cursor, seven get its position."""

    async def run(urls: list[str]) -> None:
        async with connection(urls[0]) as first:
            await first.post("/v1/events", {"events": openings()})
            head = (await first.get("/readyz"))[1]["head"]
            status, _ = await first.send("PUT", PATH, b'{"position":0}')
            assert status == 201
        async with AsyncExitStack() as stack:
            movers = [await stack.enter_async_context(connection(urls[number % 2])) for number in range(MOVERS)]
            seen = 0
            for step in range(STEPS):
                wanted = (step + 1) % (head + 1)
                body = json.dumps({"position": wanted, "expected": seen}).encode()
                answers = await asyncio.gather(*(each.send("PUT", PATH, body) for each in movers))
                assert sorted(status for status, _ in answers) == [200] + [409] * (MOVERS - 1)
                assert all(answer["actual"] == {"newsroom": wanted} for status, answer in answers if status == 409)
                seen = wanted

    with serving_together([migrated_url, migrated_url]) as servers:
        asyncio.run(run([server.url for server in servers]))


@pytest.mark.slow
def test_of_eight_makers_one_makes(migrated_url: str) -> None:
    """Of eight that create a consumer of one name at once, one gets a 201 and seven a 200."""

    async def run(urls: list[str]) -> None:
        async with AsyncExitStack() as stack:
            makers = [await stack.enter_async_context(connection(urls[number % 2])) for number in range(MOVERS)]
            for number in range(STEPS):
                path = f"/v1/consumers/c-{number}"
                answers = await asyncio.gather(*(each.send("PUT", path, b'{"position":0}') for each in makers))
                assert sorted(status for status, _ in answers) == [200] * (MOVERS - 1) + [201]

    with serving_together([migrated_url, migrated_url]) as servers:
        asyncio.run(run([server.url for server in servers]))
