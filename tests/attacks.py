"""The attacks and faults that the service withstands, a row each; `make attack` runs the tests of all rows.

A test of a row has the marker `row`, with its number. It may report a figure by the fixture `figure`. Tests that take
long have the marker `attack` as well, and run on demand.
"""

from __future__ import annotations

import shutil
import textwrap
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

WIDTH_MAX = 120


class Row(NamedTuple):
    """A row: how bad it was (A wrong answers or loss, B the service stops for others), what is done, what happened."""

    severity: str
    attack: str
    was: str


ROWS = {
    1: Row("A", "an append that waits for a rebuild", "acknowledged retractions stayed in force"),
    2: Row("A", "a history that is set back under a running process", "lost facts answered and written"),
    3: Row("A", "a rebuild beside kept answers", "the old answers under the same tag"),
    4: Row("A", "rebuild --check in another process", "CHANGED at random"),
    5: Row("A", "a forked ledger that has grown past its parent", "304 for other bytes, followers not refused"),
    6: Row("A", "a SQLite file replaced while it is served", "commits into a file without a name"),
    7: Row("A", "synchronous_commit = off, then kill -9", "20 of 4,614 acknowledged events lost"),
    8: Row("A", "a commit that waits for a standby is broken off", "acknowledged without the standby"),
    9: Row("A", "a database of a newer revision", "served and written"),
    10: Row("A", "a write repeated after a lost answer", "recorded twice"),
    11: Row("A", "a clock that was ahead once", "instants poisoned for years in silence"),
    12: Row("B", "webhooks after a clock that was ahead", "nothing delivered for a day"),
    13: Row("D", "a 404 at a given K", "changed later without a word that it may"),
    14: Row("B", "reports with many dates", "27 s of CPU for 240 kB, cubic"),
    15: Row("B", "many facts on one item, latest day first", "674 MB for 0.21 MB"),
    16: Row("B", "the same on PostgreSQL", "503 for ever, 8.6 GB"),
    17: Row("B", "64 facts with uncertain dates", "15 to 19 s of CPU"),
    18: Row("B", "uncertain facts beyond the bound, by retractions", "61 s of CPU"),
    19: Row("B", "versions as published, limit=1", "16.6 s of CPU and 650 MB"),
    20: Row("B", "headers without end", "2.2 GB, others wait 5 s"),
    21: Row("B", "100 bodies that never end", "800 MB, open after 60 s"),
    22: Row("B", "more idle connections than files", "others are reset for as long as they stay"),
    23: Row("B", "140 bodies of 8 MB at once", "11 GB"),
    24: Row("B", "120 bodies of 8 MB, one after the other", "1.8 GB, for good"),
    25: Row("B", "40 followers from the beginning that read nothing", "2.4 GB, others wait 60 s"),
    26: Row("B", "answers of items of 0.67 MB", "201 MB each"),
    27: Row("B", "4,000 followers that leave at once", "503 for 29 s"),
    28: Row("B", "60 receivers of webhooks that say nothing", "another receiver waits 15 s"),
    29: Row("B", "large batches beside small ones on SQLite", "503 after 3.2 s"),
    30: Row("D", "a GET that writes", "waits 22.9 s for a rebuild"),
    31: Row("B", "a database that falls silent", "hangs past 60 s, SIGTERM is not heard"),
    32: Row("B", "a silent primary, and a standby that is promoted", "no acknowledgement within 200 s"),
    33: Row("B", "a URL of two hosts as libpq writes it", "a traceback"),
    37: Row("D", "no connection is left", "7 to 22 of 40 answers are 500"),
    38: Row("B", "a session that turned read-only", "503 until it is ended by hand"),
    41: Row("D", "a write lock that another process holds", "503 after 40 s"),
    44: Row("A", "a rebuild beside appends", "as row 1"),
    48: Row("C", "a web page that writes to a service on loopback", "three facts recorded"),
    49: Row("C", "a name that is made to point here (DNS rebinding)", "read and written"),
    61: Row("B", "the costliest request that a search finds", "28 hours of CPU, 640 GB"),
    66: Row("B", "a log whose reader has stopped", "every request hangs once the pipe is full"),
    67: Row("D", "a 500 in the hands of a user", "nothing leads to its line in the log"),
    68: Row("D", "metrics, read as Prometheus reads them", "the charset twice; none without a database"),
    69: Row("B", "a backup of a ledger that is written to", "never done, if the ledger is large"),
}
"""By number. C is security. Severity D is less than C: it is mended on the way."""


class Shown(NamedTuple):
    """What the tests of a row showed."""

    passed: int
    failed: int
    figures: list[str]


def mark(items: Iterable[pytest.Item]) -> None:
    """Note the row of each test where its report carries it to the process that prints."""
    for item in items:
        for marker in item.iter_markers("row"):
            for number in marker.args:
                assert number in ROWS, f"{item.nodeid}: there is no row {number}"
                item.user_properties.append(("row", number))


def shown(reports: Iterable[pytest.TestReport]) -> dict[int, Shown]:
    """Gather what the tests of each row showed, with the figures that they reported."""
    found: dict[int, list[pytest.TestReport]] = defaultdict(list)
    for report in reports:
        for name, value in report.user_properties:
            if name == "row":
                found[int(str(value))].append(report)
    return {
        number: Shown(
            sum(each.passed for each in of_row),
            sum(each.failed for each in of_row),
            _figures(of_row),
        )
        for number, of_row in found.items()
    }


def _figures(reports: Iterable[pytest.TestReport]) -> list[str]:
    return list(
        dict.fromkeys(str(value) for each in reports for name, value in each.user_properties if name == "figure")
    )


def table(results: dict[int, Shown]) -> Iterator[str]:
    """Write the rows: the attack, what it did to the first edition, what it does now."""
    width = min(shutil.get_terminal_size().columns, WIDTH_MAX)
    for number, row in ROWS.items():
        result = results.get(number)
        if result is None:
            now = "NOT TESTED"
        else:
            counts = f"{result.passed} passed" + (f", {result.failed} FAILED" if result.failed else "")
            now = "; ".join([*result.figures, counts])
        yield f"{number:>3} {row.severity}  {row.attack}"
        for name, text in (("was", row.was), ("now", now)):
            yield from textwrap.wrap(text, width, initial_indent=f"       {name}: ", subsequent_indent=" " * 12)
