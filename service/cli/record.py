"""The command `parley record`: a file of events becomes one batch, which is tried out, shown and recorded."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from service.cli import options
from service.cli.escaping import cleaned, escaped
from service.cli.running import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.cli.asking import Api

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
CREATED = 201
"""The status of what was recorded now, not before."""


class Given(NamedTuple):
    """A file of events: the batch as JSON, and the line of each JSON pointer into it."""

    body: bytes
    lines: dict[str, int]

    def line(self, pointer: str) -> int | None:
        """Return the line of a pointer, or of what is around it; None where the file does not have it."""
        while pointer not in self.lines and "/" in pointer:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer)


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Record nothing: show the warnings, and what would change.")
@options.ledger
def record(file: Any, *, dry_run: bool, url: str | None, database_url: str | None) -> None:  # noqa: ANN401 - an open file
    """Record the events of a FILE together: all of them or none.

    FILE has an event on each line (NDJSON), or is a batch as POST /v1/events takes it: {"events": [...]}, with
    expected_versions if you like. It has at most 1,000 events; `parley import` takes more. - is standard input.

    Warnings are printed, and each item as it is today before and after. The same file is recorded once: to record it
    again is safe, and changes nothing. Exit code 1: nothing was recorded; each fault is printed with its line.

    \b
      parley record --dry-run events.ndjson
      parley record events.ndjson --url https://parley.example
    """
    from service.cli import asking

    given = read(file.read())

    async def work(api: Api) -> tuple[bytes | None, tuple[int, bytes] | None]:
        try:
            return await _sent(api, given.body, dry_run=dry_run)
        except asking.NotAnswered as refused:
            if not any("pointer" in each for each in refused.problem.errors):
                raise
            faults = [_placed(each, given) for each in refused.problem.errors]
            raise Failed("\n".join(map(escaped, ["nothing was recorded", *faults]))) from refused

    tried, recorded = asking.ask(asking.Where(url, database_url), work, make=not dry_run)
    _print(None if tried is None else asking.decoded(tried), recorded, given)


async def _sent(api: Api, body: bytes, *, dry_run: bool) -> tuple[bytes | None, tuple[int, bytes] | None]:
    """Try a batch out, and record it unless this is a dry run; return both answers.

    A batch that is recorded already may be refused when it is tried out; recording it again answers as at first.
    """
    from service.cli.asking import NotAnswered

    tried = None
    try:
        _, tried = await api.post("/v1/events", {"dry_run": "true"}, body, {})
    except NotAnswered:
        if dry_run:
            raise
    if dry_run:
        return tried, None
    key = f"parley-record-{hashlib.sha256(body).hexdigest()}"
    return tried, await api.post("/v1/events", {}, body, {"Idempotency-Key": key})


def read(content: bytes) -> Given:
    """Return the batch of a file; raises Failed for a line that is not JSON, and for a file without events."""
    try:
        whole = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _of_lines(content)
    if isinstance(whole, dict) and "events" not in whole:  # one event
        return _of_lines(b" ".join(content.split(b"\n")))
    return Given(content, lines_of(content.decode()))


def _of_lines(content: bytes) -> Given:
    numbered = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    for number, line in numbered:
        try:
            msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            msg = f"line {number}: not JSON: {error}"
            raise Failed(msg) from error
    if not numbered:
        msg = "the file has no events"
        raise Failed(msg)
    body = b'{"events":[%s]}' % b",\n".join(line for _, line in numbered)
    return Given(body, {f"#/events/{index}": number for index, (number, _) in enumerate(numbered)})


def lines_of(text: str) -> dict[str, int]:
    """Return the line on which each value of a JSON document begins, by its JSON pointer; `text` is JSON."""
    lines: dict[str, int] = {}
    trail: list[str | int] = []
    """Of each array and object that is open: the index or the name of its member."""
    line, end, is_name = 1, 0, False
    for found in _TOKEN.finditer(text):
        line, end = line + text.count("\n", end, found.start()), found.start()
        part = found[0]
        if is_name and part[0] == '"':
            trail[-1] = msgspec.json.decode(part)
            is_name = False
        elif part in "]}":
            trail.pop()
            is_name = False
        elif part == ",":
            is_name = isinstance(trail[-1], str)
            trail[-1] = trail[-1] if isinstance(trail[-1], str) else trail[-1] + 1
        elif part != ":":
            lines.setdefault("#" + "".join(f"/{_pointed(each)}" for each in trail), line)
            if part in "[{":
                trail.append(0 if part == "[" else "")
                is_name = part == "{"
    return lines


def _pointed(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def _placed(fault: Mapping[str, str], given: Given) -> str:
    pointer = fault.get("pointer", "")
    line = given.line(pointer)
    return f"{'' if line is None else f'line {line}: '}{pointer}: {fault.get('detail', '')}"


def _print(tried: dict[str, Any] | None, recorded: tuple[int, bytes] | None, given: Given) -> None:
    """Print the warnings, each item before and after, and what was recorded."""
    from service.cli import printing
    from service.cli.asking import decoded

    paper = printing.Paper()
    status, receipt = (0, {}) if recorded is None else (recorded[0], decoded(recorded[1]))
    is_new = recorded is None or status == CREATED
    if tried is not None and is_new:
        for each in tried["warnings"]:
            paper.print(escaped(f"warning: {_placed(each, given)}"), style="yellow")
        for each in cleaned(tried["items"]):
            printing.before_and_after(paper, each)
    count = len((receipt or tried or {})["events"])
    events = f"{count} event{'' if count == 1 else 's'}"
    paper.print("")
    if recorded is None:
        paper.print(f"{events} would be recorded; nothing was")
    else:
        paper.print(f"{events} {'recorded' if is_new else 'recorded already'}, up to position {receipt['position']}")
