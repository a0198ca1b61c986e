"""Lines of the log go to a thread that writes them."""

from __future__ import annotations

import json
import os
import select
import threading
from typing import TYPE_CHECKING

from service import logs
from service.beside import Beside
from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence


def test_what_does_not_fit_is_left_out_and_counted() -> None:
    """While the work hangs, no more waits than may; then it is done in order, and knows what it lacks."""
    taken: list[tuple[list[str], int]] = []
    hangs, goes_on = threading.Event(), threading.Event()

    def work(items: Sequence[str], left_out: int) -> tuple[()]:
        hangs.set()
        assert goes_on.wait(PATIENCE)
        taken.append((list(items), left_out))
        return ()

    beside: Beside[str] = Beside("test", work, 5, 0.0)
    beside.give("first")
    assert hangs.wait(PATIENCE)
    for each in ("a", "b"):
        beside.give(each, 2)
    for each in ("c", "d"):
        beside.give(each, 3)
    beside.give("e")
    goes_on.set()
    beside.close()
    assert taken == [(["first"], 0), (["a", "b", "e"], 6)]


def test_what_failed_is_tried_again() -> None:
    """What the work returns waits once more."""
    taken: list[list[str]] = []
    done = threading.Event()

    def work(items: Sequence[str], left_out: int) -> Sequence[str]:
        taken.append(list(items))
        if len(taken) == 3:
            done.set()
        return items if len(taken) < 3 else []

    beside: Beside[str] = Beside("test", work, 5, 0.0)
    beside.give("once")
    assert done.wait(PATIENCE)
    beside.close()
    assert taken == [["once"]] * 3


def test_a_pipe_that_is_read_again_says_what_it_lacks() -> None:
    """Its reader stops, more lines come than may wait, it reads on: a line of the same form counts the others."""
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as reader, os.fdopen(writing, "w", encoding="utf-8") as writer:
        lines = logs.Lines(writer, "json", lambda: 0)
        many = "".join(json.dumps({"event": "x" * 100, "number": number}) + "\n" for number in range(1_000))
        lines.make(lambda: many, 1_000)  # more than a pipe has room for
        assert select.select([reading], [], [], PATIENCE)[0]
        lines.make(lambda: '{"event":"fits"}\n', logs.LINES_MAX)
        lines.make(lambda: '{"event":"no room"}\n', 7)
        found = [json.loads(reader.readline()) for _ in range(1_002)]
        lines.close()
    assert found[-2] == {"event": "fits"}
    assert (found[-1]["event"], found[-1]["lines"]) == ("log.left_out", 7)
    assert [each["number"] for each in found[:-2]] == list(range(1_000))
