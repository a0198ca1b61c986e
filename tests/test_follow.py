"""`parley follow` against real servers: every event once and in order; after a crash only what was in hand again."""

import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.cli.follow import WAIT_SECONDS
from tests.processes import PATIENCE, POLL, ROOT
from tests.servers import Event, Server, fact, openings, plain_client, read_feed, serving

pytestmark = pytest.mark.slow

FACTS = 120
HEAD = FACTS + 3
PAGE = 7
KILLED_BY = 20
"""A process is killed when so many lines of it have been read, or fewer."""
SIGNALLED = 5
ECHO = "sh -c 'cat >/dev/null; echo $PARLEY_POSITION'"


@contextmanager
def filled(url: str) -> Iterator[Server]:
    """Serve a ledger of a few dozen events."""
    with serving(url) as server:
        choose = random.Random(4)  # noqa: S311 - repeatable
        append(server, [*openings(), *(fact(choose) for _ in range(FACTS))])
        yield server


@pytest.fixture(scope="module")
def ledger(shared_url: str) -> Iterator[Server]:
    """One server on each backend for all who leave the log as it is."""
    with filled(shared_url) as server:
        yield server


@pytest.fixture
def server(migrated_url: str) -> Iterator[Server]:
    """A server of this test's own, to record more or to be killed."""
    with filled(migrated_url) as server:
        yield server


@pytest.fixture
def name() -> str:
    """A consumer of this test's own."""
    return f"consumer-{uuid4()}"


def append(server: Server, events: Sequence[Event]) -> None:
    with plain_client(server.url) as client:
        assert client.post("/v1/events", json={"events": events}).status_code == 201


def cursor_of(server: Server, name: str) -> int:
    with plain_client(server.url) as client:
        position: int = client.get(f"/v1/consumers/{name}").raise_for_status().json()["position"]
        return position


@contextmanager
def following(url: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start `parley follow`; it is gone afterwards."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "follow", "--url", url, *words],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        pipesize=4_096,  # so that it cannot be far ahead of whoever reads its lines
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def followed(url: str, *words: str) -> tuple[int, list[bytes], str]:
    """Follow to the end; return the exit code, the lines, and the log."""
    with following(url, *words) as process:
        out, said = process.communicate(timeout=PATIENCE)
        return process.returncode, out.splitlines(), said.decode()


def lines(process: subprocess.Popen[bytes], count: int) -> list[bytes]:
    assert process.stdout
    return [process.stdout.readline() for _ in range(count)]


def rest(process: subprocess.Popen[bytes]) -> list[bytes]:
    """Return every whole line that is left when the process, and what it had started, have ended."""
    assert process.stdout
    return [line for line in process.stdout.readlines() if line.endswith(b"\n")]


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], tuple[int, bytes] | None]) -> Iterator[str]:
    """Run a server that answers in place of a service; None closes the connection without an answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = answer(self)
            if reply is not None:
                self.send_response(reply[0])
                self.send_header("Content-Length", str(len(reply[1])))
                self.end_headers()
                self.wfile.write(reply[1])

        do_PUT = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as standing:
        thread = threading.Thread(target=standing.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{standing.server_port}"
        finally:
            standing.shutdown()
            thread.join()


def passed_on(asked: BaseHTTPRequestHandler, url: str) -> tuple[int, bytes] | None:
    """Send a request on to a service; return its answer."""
    body = asked.rfile.read(int(asked.headers.get("Content-Length", "0")))
    headers = {"Content-Type": asked.headers.get("Content-Type", "application/json")}
    try:
        with plain_client(url) as client:
            response = client.request(asked.command, asked.path, content=body, headers=headers)
    except httpx.TransportError:
        return None
    return response.status_code, response.content


def test_every_event_is_written_once_in_order(ledger: Server, name: str) -> None:
    """The lines are the events of the feed, one each, and the cursor ends at the head."""
    code, written, _ = followed(ledger.url, "--once", "--limit", str(PAGE), "--consumer", name)
    assert code == 0
    assert [json.loads(line) for line in written] == read_feed(ledger.url)
    assert cursor_of(ledger, name) == HEAD
    assert followed(ledger.url, "--once", "--consumer", name)[:2] == (0, [])


def test_without_a_consumer_nothing_is_noted(ledger: Server) -> None:
    """Without a name it begins after `--after`, and the service keeps nothing."""
    code, written, _ = followed(ledger.url, "--once", "--after", str(HEAD - 2))
    assert (code, [json.loads(line)["position"] for line in written]) == (0, [HEAD - 1, HEAD])
    with plain_client(ledger.url) as client:
        assert not [each for each in client.get("/v1/consumers").json()["items"] if each["position"] == HEAD - 2]


def test_a_new_consumer_begins_where_after_says(ledger: Server, name: str) -> None:
    """--after makes the consumer there; one that exists goes on from its own place."""
    again = ("--once", "--consumer", name, "--after", str(HEAD - 3))
    assert len(followed(ledger.url, *again)[1]) == 3
    assert followed(ledger.url, *again)[1] == []


@pytest.mark.parametrize("command", [(), ("--exec", "cat")], ids=["lines", "commands"])
def test_a_filter_moves_past_what_it_leaves_out(ledger: Server, name: str, command: Sequence[str]) -> None:
    """Only what is asked for is written, and the cursor comes to the head all the same."""
    wanted = [event for event in read_feed(ledger.url) if event["type"] == "issue.opened"]
    words = ("--once", "--limit", "2", "--type", "issue.opened", "--consumer", name, *command)
    code, written, _ = followed(ledger.url, *words)
    assert (code, [json.loads(line) for line in written]) == (0, wanted)
    assert cursor_of(ledger, name) == HEAD


def test_a_command_has_each_event_on_its_input(ledger: Server, name: str) -> None:
    """With --exec the command runs once an event, in order, with its JSON and its position."""
    command = "sh -c 'printf \"%s \" $PARLEY_POSITION; cat'"
    code, written, _ = followed(ledger.url, "--once", "--consumer", name, "--exec", command)
    handed = [line.split(b" ", 1) for line in written]
    assert code == 0
    assert [json.loads(event) for _, event in handed] == read_feed(ledger.url)
    assert [int(position) for position, _ in handed] == list(range(1, HEAD + 1))


def test_what_is_recorded_later_is_written_then(server: Server, name: str) -> None:
    """Without --once it waits at the head, and goes on as soon as something is recorded."""
    with following(server.url, "--consumer", name) as process:
        lines(process, HEAD)
        for seed in range(3):
            append(server, [fact(random.Random(seed))])  # noqa: S311 - repeatable
            (line,) = lines(process, 1)
            assert json.loads(line)["position"] == HEAD + 1 + seed
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert cursor_of(server, name) == HEAD + 3


def killed_and_again(url: str, choose: random.Random, *words: str) -> Iterator[list[bytes]]:
    """Follow, and be killed after some lines, over and over; return what each wrote until it is followed to the end."""
    reached = 0
    while reached < HEAD:
        with following(url, "--once", *words) as process:
            first = lines(process, choose.randint(1, KILLED_BY))
            process.kill()
            got = [line for line in first + rest(process) if line]
        yield got
        reached = position_of(got[-1])


def position_of(line: bytes) -> int:
    written = json.loads(line)
    position: int = written if isinstance(written, int) else written["position"]
    return position


@pytest.mark.parametrize("words", [("--limit", str(PAGE)), ("--exec", ECHO)], ids=["lines", "commands"])
def test_kill_nine_misses_nothing(ledger: Server, name: str, words: Sequence[str]) -> None:
    """Killed and started again it misses nothing, and only the page, or the event, in hand comes again."""
    in_hand = 1 if "--exec" in words else PAGE
    last = runs = 0
    for written in killed_and_again(ledger.url, random.Random(9), "--consumer", name, *words):  # noqa: S311 - repeatable
        first, *_ = got = [position_of(line) for line in written]
        assert got == list(range(first, first + len(got)))
        assert last + 1 - in_hand <= first <= last + 1
        last = got[-1]
        runs += 1
    assert (last, runs > 2) == (HEAD, True)


def test_a_failing_command_stops_before_its_event(ledger: Server, name: str) -> None:
    """A command that ends with another code than 0 ends it with 1; the event comes again next time."""
    failing = "sh -c 'test $PARLEY_POSITION -lt 5'"
    code, _, said = followed(ledger.url, "--once", "--consumer", name, "--exec", failing)
    assert (code, "event 5 is not handled: sh ended with exit code 1" in said) == (1, True)
    assert cursor_of(ledger, name) == 4
    code, written, _ = followed(ledger.url, "--once", "--consumer", name, "--exec", ECHO)
    assert (code, written[0]) == (0, b"5")


def test_a_killed_command_has_handled_nothing(ledger: Server, name: str) -> None:
    """A command that a signal ended stops it as a failing one does."""
    code, _, said = followed(ledger.url, "--once", "--consumer", name, "--exec", "sh -c 'kill -9 $$'")
    assert (code, "ended with signal 9" in said, cursor_of(ledger, name)) == (1, True, 0)


def test_somebody_elses_move_stops_it(ledger: Server, name: str) -> None:
    """When the cursor is not where it left it, it ends with 1, says so and leaves the cursor alone."""
    move = (
        "import httpx, os, sys;"
        "os.environ['PARLEY_POSITION'] == '3' and "
        f"httpx.put('{ledger.url}/v1/consumers/{name}', json=dict(position=1, expected=2)).raise_for_status()"
    )
    code, _, said = followed(ledger.url, "--consumer", name, "--exec", f'{sys.executable} -c "{move}"')
    assert code == 1
    assert f"somebody else moves the cursor of {name}: {name} is at position 1, not 2." in said
    assert cursor_of(ledger, name) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_event_in_hand(ledger: Server, name: str, number: signal.Signals) -> None:
    """A signal while a command runs: that event is handled and noted, no other, and the exit code is 0."""
    command = f"sh -c 'kill -{number.value} $PPID; echo $PARLEY_POSITION'"
    code, written, _ = followed(ledger.url, "--consumer", name, "--exec", command)
    assert (code, written, cursor_of(ledger, name)) == (0, [b"1"], 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_waiting_at_once(number: signal.Signals) -> None:
    """A signal while the service holds back its answer ends it without waiting for that.

    Several times, for it comes about when the wait begins: just before the system call, or within it.
    """
    for _ in range(SIGNALLED):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            with following(url) as process:
                connection, _ = silent.accept()
                with connection:
                    assert f"wait={WAIT_SECONDS}".encode() in connection.recv(10_000)
                    process.send_signal(number)
                    assert process.wait(WAIT_SECONDS) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_where_it_is(ledger: Server, number: signal.Signals) -> None:
    """Nobody reads its lines, so that the page in hand is never written: the first signal cannot end it."""
    with following(ledger.url) as process:
        lines(process, 1)
        while process.poll() is None:
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL)
        assert process.returncode == -number


def test_a_restarted_server_is_followed_on(server: Server, name: str) -> None:
    """The server is killed or stopped and comes back: the follower goes on by itself, and writes each event once."""
    with answering(lambda asked: passed_on(asked, server.url)) as url, following(url, "--consumer", name) as process:
        written = lines(process, HEAD)
        for seed, end in enumerate((server.kill, server.stop, server.kill)):
            end()
            server.start()
            append(server, [fact(random.Random(seed))])  # noqa: S311 - repeatable
            written += lines(process, 1)
        process.terminate()
        written += rest(process)
        assert process.wait(PATIENCE) == 0
    assert [position_of(line) for line in written] == list(range(1, HEAD + 4))
    assert cursor_of(server, name) == HEAD + 3


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    """A follower may be started before its server."""
    with socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        with following(f"http://127.0.0.1:{later.getsockname()[1]}", "--once") as process:
            assert process.stderr
            assert b"follow.started" in process.stderr.readline()
            assert b"follow.lost" in process.stderr.readline()
            later.listen()
            connection, _ = later.accept()
            with connection:
                page = b'{"events":[],"next":0,"head":0}'
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
                assert process.wait(PATIENCE) == 0


def test_a_move_whose_answer_was_lost_is_its_own(ledger: Server, name: str) -> None:
    """The cursor was moved and the answer did not arrive: the follower sees that it was its own move, and goes on."""
    moves = itertools.count()

    def every_other(asked: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        reply = passed_on(asked, ledger.url)
        return reply if asked.command == "GET" or next(moves) % 2 else None

    with answering(every_other) as url:
        code, written, said = followed(url, "--once", "--limit", "50", "--consumer", name)
    assert (code, len(written), said.count("follow.lost")) == (0, HEAD, 4), said
    assert cursor_of(ledger, name) == HEAD


@pytest.mark.parametrize(
    ("positions", "following_on"),
    [([1, 3], 3), ([2], 2), ([1, 1], 1), ([2, 1], 2), ([1, 2], 5), ([], 4), ([1, 2], 1)],
)
def test_a_gap_stops_it(positions: list[int], following_on: int) -> None:
    """Positions that do not follow one another, in a feed that is not filtered, are not passed on."""
    page = {"events": [{"position": position} for position in positions], "next": following_on, "head": 9}
    with answering(lambda _: (200, json.dumps(page).encode())) as url:
        code, written, said = followed(url, "--once")
    assert (code, written, "a gap" in said) == (1, [], True)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"events":[{}],"next":1,"head":1}'])
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    """Something else that answers 200 is not followed."""
    with answering(lambda _: (200, body)) as url:
        code, _, said = followed(url)
    assert (code, "does not answer as Parley does" in said) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--type", "nonsense"), 1, 'type: "nonsense"'),
        (("--after", "9000"), 1, f"lies beyond the head, {HEAD}"),
        (("--consumer", "News"), 1, "There is no consumer News."),
        (("--url", "localhost:8000"), 2, "--url must begin with http"),
        (("--exec", "no-such-command"), 2, "there is no command"),
        (("--exec", "sh -c 'x"), 2, "--exec: No closing quotation"),
        (("--limit", "0"), 2, "--limit"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(ledger: Server, words: Sequence[str], code: int, message: str) -> None:
    """What the service refuses ends with 1, a fault of the command line with 2; both name it."""
    ended, written, said = followed(ledger.url, "--once", *words)
    assert (ended, written, message in said) == (code, [], True), said
    assert "Traceback" not in said


def test_a_reader_that_has_seen_enough_ends_it(server: Server, name: str) -> None:
    """When the reader of its lines goes away it ends, and the cursor stays before what was not read."""
    with following(server.url, "--consumer", name) as process:
        lines(process, HEAD)
        assert process.stdout
        process.stdout.close()
        append(server, [fact(random.Random(1))])  # noqa: S311 - repeatable
        assert process.wait(PATIENCE) == 1
    assert cursor_of(server, name) == HEAD


def test_the_loop_of_the_documentation_follows(ledger: Server) -> None:
    """The Python of docs/consumers.md handles every event in order, and its cursor is never ahead of it."""
    page = (ROOT / "docs" / "consumers.md").read_text(encoding="utf-8")
    (loop,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    handled: list[int] = []

    def handle(event: Event) -> None:
        if event["position"] == HEAD:
            raise InterruptedError
        handled.append(event["position"])
        assert cursor_of(ledger, "newsroom") < event["position"]

    with plain_client(ledger.url) as client:
        assert client.put("/v1/consumers/newsroom", json={"position": 0}).status_code == 201
    names: dict[str, Any] = {"handle": handle}
    with pytest.raises(InterruptedError):
        exec(loop.replace("http://127.0.0.1:8000", ledger.url), names)  # noqa: S102 - our own page
    names["api"].close()
    assert handled == list(range(1, HEAD))
    assert cursor_of(ledger, "newsroom") == 100
