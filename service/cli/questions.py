"""The questions of the command line: each is one of the HTTP API, asked of a ledger or a service, and printed."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from service.cli import options
from service.domain.vocabulary.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from service.cli.asking import Api

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ITEMS_OF_ISSUE = 1_000
_BUT_ISSUES = tuple(kind for kind in KINDS if kind != "issue")


def _ask(given: dict[str, Any], work: Callable[[Api], Awaitable[Any]]) -> Any:  # noqa: ANN401
    """Ask the service or the ledger that the options name, and return what `work` reads."""
    from service.cli import asking

    return asking.ask(asking.Where(given.pop("url"), given.pop("database_url")), work)


def _read(given: dict[str, Any], path: str) -> bytes:
    """Read what the options ask for at a path of the API: one answer, or with `limit` so many items of a list."""
    from service.cli import asking

    limit = given.pop("limit", None)
    where = {name: given.pop(name) for name in ("url", "database_url")}
    query = options.query_of(given)
    if limit is None:
        answer: bytes = _ask(where, lambda api: api.get(path, query))
    else:
        answer = _ask(where, lambda api: asking.read_pages(api, path, query, limit))
    return answer


def _states_as_csv(answer: bytes, *kinds: str, first: Sequence[str] = ()) -> None:
    """Print the states of an answer as a table, with the columns of these kinds (none: of all)."""
    from service.api.spec.state_shapes import ISSUE, STATES, columns_of
    from service.cli import printing

    shapes = [ISSUE if kind == "issue" else STATES[kind] for kind in kinds or STATES]
    printing.as_csv((*first, *columns_of(*shapes), "sources"), printing.state_rows(answer), answer)


def _shown(answer: bytes, form: str, table: Callable[[bytes], None], csv: Callable[[bytes], None]) -> None:
    """Print an answer in a form."""
    from service.cli import printing

    {"json": printing.as_json, "table": table, "csv": csv}[form](answer)


@click.command()
@click.argument("a")
@click.argument("b")
@options.KIND
@options.ISSUE
@options.STATUS
@options.GOOD
@options.HS
@click.option("--recent", metavar="N", type=click.IntRange(1), help="Calls and statements of the last N days (90).")
@options.uncompared
@options.included
@options.paged
@options.asked_on
def between(*, form: str, **given: Any) -> None:  # noqa: ANN401 - what click hands over
    """Show what stands between two partners, A and B.

    Both are codes of countries or blocs. First comes what A does to B, then what B does to A, then what both take part
    in.

    \b
      parley between US CN
      parley between US EU --kind restriction,agreement --on 2025-09-01
    """
    from service.cli import printing

    names = {name: given[name].upper() for name in ("a", "b")}
    answer = _read(given, "/v1/between")
    table = partial(printing.states, none="nothing stands between them", names=names)
    _shown(answer, form, table, partial(_only_states, kinds=_BUT_ISSUES, first=("side",)))


@click.command()
@options.PARTY
@click.option("--origin", metavar="CODE", help="The country that the goods come from; then the charge is shown.")
@click.option("--destination", metavar="CODE", help="The country that the goods go to, alone or with --origin.")
@options.GOOD
@options.HS
@options.ECCN
@options.ENTITY
@click.option("--quota", type=click.Choice(["in", "over"]), help="Whether the goods are within quotas, for the charge.")
@options.uncompared
@options.included
@options.paged
@options.asked_on
def exposure(*, form: str, **given: Any) -> None:  # noqa: ANN401 - what click hands over
    """Show what touches a good and a country, and what is charged.

    These are restrictions and clearances. Name the good by one of --good, --hs and --eccn, or an --entity. Name a
    --party on either side, or those of a shipment: --origin, --destination.

    \b
      parley exposure --good dysprosium --party US --on 2025-06-05
      parley exposure --hs 870380 --origin CN --destination US
    """
    from service.cli import printing

    answer = _read(given, "/v1/exposure")
    table = partial(printing.states, none="no measure is known that touches them")
    _shown(answer, form, table, partial(_only_states, kinds=("restriction", "clearance")))


def _only_states(answer: bytes, kinds: Sequence[str], first: Sequence[str] = ()) -> None:
    _states_as_csv(answer, *kinds, first=first)


@click.command()
@click.option("--from", "from", type=options.Day(), metavar="DAY", help="The first day (today).")
@click.option("--to", type=options.Day(), metavar="DAY", help="The last day (90 days after the first).")
@click.option(
    "--because", type=click.Choice(["fact", "end"]), help="end: only what lapses; fact: only what takes hold."
)
@options.KIND
@options.ISSUE
@options.PARTY
@options.several("--by", "Of which this party is the one that acts.", metavar="CODE")
@options.several("--against", "Against this party.", metavar="CODE")
@options.GOOD
@options.HS
@options.ECCN
@options.ENTITY
@options.paged
@options.asked
def changes(*, form: str, **given: Any) -> None:  # noqa: ANN401 - what click hands over
    """Show what changes and what lapses, day by day.

    \b
      parley changes --to today+30 --because end
      parley changes --from 2025-08-01 --to 2025-08-12 --party CN
    """
    from service.api.change_forms import COLUMNS
    from service.cli import printing

    answer = _read(given, "/v1/changes")
    _shown(answer, form, printing.changes, lambda found: printing.as_csv(COLUMNS, printing.change_rows(found), found))


@click.command()
@options.PARTY
@options.several("--status", "That are open, or closed.", metavar="STATUS")
@options.several("--posture", "In this posture, such as restricted.", metavar="POSTURE")
@click.option("--words", "q", metavar="WORDS", help="With all these words in their names and texts.")
@options.paged
@options.asked_on
def issues(*, form: str, **given: Any) -> None:  # noqa: ANN401 - what click hands over
    """Show the issues, each with its posture.

    \b
      parley issues --party CN --posture restricted,suspended
    """
    from service.cli import printing

    _shown(_read(given, "/v1/issues"), form, printing.issues, partial(_only_states, kinds=("issue",)))


@click.command()
@click.argument("issue", type=options.Slug())
@options.paged
@options.asked
def timeline(issue: str, *, form: str, **given: Any) -> None:  # noqa: ANN401 - what click hands over
    """Show the facts of an ISSUE in the order in which they occurred.

    \b
      parley timeline rare-earth-export-restrictions
    """
    from service.cli import printing

    answer = _read(given, f"/v1/issues/{issue}/timeline")
    _shown(answer, form, printing.facts, _facts_as_csv)


def _facts_as_csv(answer: bytes) -> None:
    import msgspec

    from service.cli import printing
    from service.domain.vocabulary.events import FACTS

    named = {field.encode_name: None for fact in FACTS.values() for field in msgspec.structs.fields(fact)}
    first = ("position", "recorded_at", "type", "item", "occurred")
    rest = [name for name in named if name not in {*first, "reports"}]
    printing.as_csv((*first, "contested", "corrected", *rest, "sources"), printing.fact_rows(answer), answer)


@click.command("as-of")
@click.argument("issue", type=options.Slug())
@options.included
@options.asked_on
def as_of(issue: str, *, form: str, **given: Any) -> None:  # noqa: ANN401 - what click hands over
    """Show what stood in an ISSUE on a day, and who says so.

    Every recorded event counts, or only what was known at an instant or a position.

    \b
      parley as-of rare-earth-export-restrictions --on 2025-06-05
      parley as-of rare-earth-export-restrictions --known-position 8
      parley as-of rare-earth-export-restrictions --on 2025-06-10 \\
        --known-basis published --known-at 2025-06-10
    """
    _show_issue(_read(given | {"limit": _ITEMS_OF_ISSUE}, f"/v1/issues/{issue}"), form)


def _show_issue(answer: bytes, form: str) -> None:
    from service.cli import printing

    _shown(answer, form, printing.issue, _states_as_csv)


@click.command()
@click.argument("item", type=options.Slug())
@click.option("--planned", is_flag=True, help="Also where it is only planned.")
@options.asked_on
def show(item: str, *, form: str, **given: Any) -> None:  # noqa: ANN401 - what click hands over
    """Show all that is known of one ITEM on a day, with every source.

    ITEM is the name of an item, or the id of an event: then the event is shown as it was recorded, and as it is now.

    \b
      parley show china-seven-rare-earths-control --on 2025-06-05
    """
    from service.cli import printing

    where = {name: given.pop(name) for name in ("url", "database_url")}
    query = options.query_of(given)
    if _UUID.fullmatch(item):
        query.pop("as_of", None)
        answer: bytes = _ask(where, lambda api: api.get(f"/v1/events/{item}", query))
        _shown(answer, form, printing.event, _event_as_csv)
        return
    kind, answer = _ask(where, partial(_find, item, query))
    if kind == "issue":
        _show_issue(answer, form)
    else:
        _shown(answer, form, printing.item, partial(_only_states, kinds=(kind,)))


async def _find(item: str, query: Mapping[str, Any], api: Api) -> tuple[str, bytes]:
    """Read the state of an item whose kind is not known: its first fact has it."""
    from service.cli.asking import decoded
    from service.cli.running import Failed

    found = decoded(await api.get("/v1/events", {"item": item, "limit": 1}))["items"]
    kinds = [kind for each in found if (kind := each["type"].partition(".")[0]) in KINDS]
    if not kinds:
        msg = f"there is no item {item}"
        raise Failed(msg)
    return kinds[0], await api.get(f"/v1/{KINDS[kinds[0]].plural}/{item}", query)


def _event_as_csv(answer: bytes) -> None:
    import msgspec

    _facts_as_csv(msgspec.json.encode({"items": [msgspec.json.decode(answer)]}))
