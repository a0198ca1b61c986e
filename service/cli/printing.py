"""Answers on the screen: no line is wider than it, nothing is cut off, no control character gets through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from service.api.http.tables import table
from service.cli import words
from service.cli.asking import decoded, groups_of
from service.cli.escaping import cleaned, escaped
from service.views.asof.touching import NOT_COMPARED_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Members = Mapping[str, Any]

NARROWEST = 40
"""Columns that are needed to be readable at all."""
_MORE = "and more: give a greater --limit, or `next` of the JSON as --cursor"
_SIDES = {"a_on_b": "{a} on {b}", "b_on_a": "{b} on {a}", "both": "{a} and {b}"}


class Paper:
    """What an answer is printed on: as wide as the terminal, or as COLUMNS says, or 80 columns."""

    def __init__(self) -> None:
        """Look at standard output."""
        self._console = Console(markup=False, emoji=False, highlight=False)
        self.width = max(self._console.width, NARROWEST)

    def print(self, line: str, indent: int = 0, style: str = "") -> None:
        """Print a line; what does not fit goes on further in on the next."""
        indent += len(line) - len(line.lstrip())
        broken = Text(line.strip(), style).wrap(self._console, self.width - indent - 2, overflow="fold")
        for number, each in enumerate(broken or [Text()]):
            each.rstrip()
            each.pad_left(indent + 2 * bool(number))
            self._console.print(each, soft_wrap=True)

    def block(self, head: str, lines: Iterable[str]) -> None:
        """Print an entry: an empty line, its head, and its lines further in."""
        self.print("")
        self.print(head, style="bold")
        for line in lines:
            self.print(line, 2)


def as_json(answer: bytes) -> None:
    """Print the JSON of the API, with the control characters that JSON leaves as they are escaped."""
    click.echo(escaped(answer.decode()))


def as_csv(columns: Sequence[str], rows: Iterable[Members], answer: bytes) -> None:
    """Print rows as a table of CSV; a line on standard error says if the answer has more."""
    click.echo(table(columns, (cleaned(dict(row)) for row in rows)), nl=False)
    if decoded(answer).get("next"):
        click.echo(_MORE, err=True)


def basis(paper: Paper, answer: Members) -> None:
    """Print what an answer is as of."""
    known = f"known at position {answer['known_position']} ({answer['known_at'] or 'nothing recorded'})"
    if answer["known_basis"] == "published":
        known = f"published by {answer['known_at']} of what is recorded up to position {answer['known_position']}"
    day = f"as of {answer['as_of']}, " if answer.get("as_of") else ""
    paper.print(f"{day}as {known}", style="dim")


def _ending(paper: Paper, answer: Members, none: str) -> None:
    """Print what is to be known at the end: that there is nothing, what could not be compared, that there is more."""
    if not any(items for _, items in groups_of(answer)):
        paper.print("")
        paper.print(none)
    if left := answer.get("not_compared"):
        paper.print("")
        more = " or more" if left >= NOT_COMPARED_MAX else ""
        paper.print(f"not compared: {left}{more} measures, which do not say their goods so (--uncompared shows them)")
    if answer.get("next"):
        paper.print("")
        paper.print(_MORE, style="dim")


def states(answer: bytes, none: str, names: Members | None = None) -> None:
    """Print items with their states, by side where the answer has sides; `none` where there are none."""
    found, paper = cleaned(decoded(answer)), Paper()
    basis(paper, found)
    side_before = ""
    if found.get("charge") is not None:
        _charge(paper, found["charge"])
    for side, items in groups_of(found):
        if side != side_before and items:
            paper.print("")
            paper.print(_SIDES[side].format(**names or {}).upper(), style="bold underline")
            side_before = side
        for item in items:
            paper.block(f"{item['kind']} {item['id']}", words.state_lines(item))
    _ending(paper, found, none)


_DUTY = {"additional": "additional to the ordinary duty", "all_in": "the ordinary duty is in it"}


def _charge(paper: Paper, charge: Members) -> None:
    """Print what is charged on a good, and what it is made of."""
    total = "not known" if charge["percent"] is None else f"{charge['percent']} percent"
    lines = [f"{_percent(each)} by {each['item']} ({_DUTY[each['basis']]})" for each in charge["parts"]]
    lines += [f"nothing by {each['item']}: cleared by {each['by']}" for each in charge["cleared"]]
    lines += [f"nothing by {each['item']}: {each['by']} stands in its place" for each in charge["displaced"]]
    lines += [f"not complete: {why}" for why in charge["why"]]
    paper.block(f"charge: {total}", lines)


def _percent(part: Members) -> str:
    return "an unknown rate" if part["percent"] is None else f"{part['percent']} percent"


def issue(answer: bytes) -> None:
    """Print an issue's state: its basis and posture, then every item with its status and sources."""
    found, paper = cleaned(decoded(answer)), Paper()
    paper.print(f"{found['title']} [{_posture(found)}]", style="bold")
    basis(paper, found)
    paper.print(f"issue {found['id']}, version {found['version']}", style="dim")
    for _, items in groups_of(found):
        for item in items:
            paper.block(f"{item['kind']} {item['id']}", words.state_lines(item))
    _ending(paper, found, "nothing stood on that day")


def issues(answer: bytes) -> None:
    """Print a list of issues, each with its posture."""
    found, paper = cleaned(decoded(answer)), Paper()
    basis(paper, found)
    for each in found["items"]:
        lines = [each["title"], f"version {each['version']}", *words.state_lines(each)]
        paper.block(f"{each['id']} [{_posture(each)}]", lines)
    _ending(paper, found, "there are no such issues")


def _posture(found: Members) -> str:
    return ("" if found["posture_certainty"] == "certain" else "possibly ") + str(found["posture"])


def item(answer: bytes) -> None:
    """Print the whole state of one item."""
    found, paper = cleaned(decoded(answer)), Paper()
    paper.print(f"{found['kind']} {found['id']}", style="bold")
    basis(paper, found)
    for line in (*words.state_lines(found, whole=True), f"issues: {', '.join(found['issues'])}"):
        paper.print(line, 2)


def facts(answer: bytes) -> None:
    """Print the facts of a timeline."""
    found, paper = cleaned(decoded(answer)), Paper()
    basis(paper, found)
    for each in found["items"]:
        paper.block(f"{each['occurred']} {each['type']} {each['item']}", words.fact_lines(each))
    _ending(paper, found, "there are no facts")


def changes(answer: bytes) -> None:
    """Print changes by day."""
    found, paper = cleaned(decoded(answer)), Paper()
    paper.print(f"from {found['from']} to {found['to']}", style="dim")
    basis(paper, found)
    for each in found["items"]:
        paper.block(f"{each['day']} {each['kind']} {each['item']}", words.change_lines(each))
    _ending(paper, found, "nothing changes on these days")


def state_rows(answer: bytes) -> list[dict[str, Any]]:
    """Return the items of an answer as rows: its states, with the outlets of their facts in `sources`."""
    found = decoded(answer)
    sides = [(side, each) for side, items in groups_of(found) for each in items]
    own = [] if sides or "status" not in found else [("", found)]
    return [
        {**each, **({"side": side} if side else {}), "sources": words.outlets(each.get("facts", ()))}
        for side, each in [*sides, *own]
    ]


def change_rows(answer: bytes) -> list[dict[str, Any]]:
    """Return changes as rows, with both sides in columns of their own."""
    return [
        {**each, **{f"{name}_{side}": each[side][name] for side in ("before", "after") for name in ("status", "terms")}}
        for each in decoded(answer)["items"]
    ]


def fact_rows(answer: bytes) -> list[dict[str, Any]]:
    """Return facts as rows, with their outlets in `sources`."""
    return [{**each, "sources": words.outlets([each])} for each in decoded(answer)["items"]]


def event(answer: bytes) -> None:
    """Print one event as it was recorded, the records on it, and whether its text is another one now."""
    found, paper = cleaned(decoded(answer)), Paper()
    basis(paper, found)
    paper.block(f"{found.get('occurred', '')} {found['type']} {found.get('item', '')}".strip(), _recorded(found))
    for each in found["records"]:
        paper.block(f"{each['type']} at position {each['position']}", _record(each))
    now = found["now"]
    if now is None:
        paper.block("it does not count: it is retracted, or not known", ())
    elif found["records"]:
        paper.block(f"now: {now['occurred']} {now['type']} {now['item']}", words.fact_lines(now, whole=True))


def _recorded(found: Members) -> Iterable[str]:
    yield f"recorded at position {found['position']} ({found['recorded_at']})"
    yield from words.fact_lines(found, whole=True)


def _record(record: Members) -> Iterable[str]:
    if record.get("reason"):
        yield f"reason: {record['reason']}"
    if record.get("reports"):
        yield f"according to {words.outlets([record])}"


def before_and_after(paper: Paper, item: Members) -> None:
    """Print what becomes of an item: its states of today, where they differ."""
    before, after = (_short(item[side]) for side in ("before", "after"))
    lines = [f"stays: {'; '.join(after)}"] if before == after else [
        f"before: {'; '.join(before)}", f"after: {'; '.join(after)}"
    ]  # fmt: skip
    paper.block(f"{item['kind']} {item['id']}", lines)


def _short(state: Members | None) -> list[str]:
    return ["nothing"] if state is None else list(words.brief_lines(state))
