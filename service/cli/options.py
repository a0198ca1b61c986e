"""The options that questions share. An option is named after its parameter of the API, or says which one it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

from service.cli.escaping import escaped
from service.cli.running import database_option
from service.domain.vocabulary import dates, instants
from service.domain.vocabulary.codes import SLUG_MAX, SLUG_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FORMATS = ("table", "json", "csv")
LIMIT = 50
EXAMPLE = "rare-earth-export-restrictions"
_TODAY = re.compile(r"today(?:([+-])([0-9]{1,5}))?")

F = TypeVar("F", bound="Callable[..., Any]")


class Day(click.ParamType):  # type: ignore[type-arg]  # it has arguments only in the stubs
    """A day: YYYY-MM-DD, which the service checks, or today in UTC, some days added or taken away."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        """Return the day as YYYY-MM-DD where it is counted from today, else the text as it is."""
        text = str(value)
        if not text.startswith("today"):
            return text
        from service.app import clock

        found = _TODAY.fullmatch(text)
        ordinal = instants.day(clock()) + int(f"{found[1] or ''}{found[2] or 0}") if found else 0
        if not 1 <= ordinal < dates.FOREVER:
            self.fail(f"{text!r} is no day: write YYYY-MM-DD, today, today+90 or today-7", param, ctx)
        return dates.iso(ordinal)


class Slug(click.ParamType):  # type: ignore[type-arg]
    """The name of an item, or the id of an event where a command takes one."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        """Return the name; what cannot be one is refused."""
        text = str(value)
        if not re.fullmatch(SLUG_PATTERN, text.lower(), re.ASCII) or len(text) > SLUG_MAX:
            self.fail(f"{escaped(repr(text))} is no name: names are such as {EXAMPLE}", param, ctx)
        return text


def several(name: str, text: str, **more: Any) -> Callable[[F], F]:  # noqa: ANN401 - what click takes
    """Return an option that is given several times, or once with commas between its values."""
    return click.option(name, multiple=True, help=text, **more)


def once(name: str, text: str, **more: Any) -> Callable[[F], F]:  # noqa: ANN401 - what click takes
    """Return an option that takes one text; given again it is refused, not passed over."""

    def only(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> str | None:
        if len(given) > 1:
            msg = "give it once: of several texts ask about one after the other"
            raise click.BadParameter(msg)
        return given[0] if given else None

    return click.option(name, multiple=True, callback=only, help=text, **more)


_url = click.option("--url", metavar="URL", help="Ask this service, with the key in PARLEY_KEY, not a ledger.")
_format = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="table", help="For people (table), JSON of the API, CSV."
)
_json = click.option("--json", "form", flag_value="json", help="The same as --format json.")
_known = (
    click.option("--known-at", metavar="INSTANT", help="As known at this instant (RFC 3339)."),
    click.option("--known-position", type=click.IntRange(0), metavar="N", help="As known at this position of the log."),
    click.option(
        "--known-basis",
        type=click.Choice(["recorded", "published"]),
        help="Count facts once recorded (default), or once published: --known-at can then be a day.",
    ),
)
_on = click.option("--on", "as_of", type=Day(), metavar="DAY", help="The day asked about: YYYY-MM-DD, today (default).")
_limit = click.option(
    "--limit", metavar="N", type=click.IntRange(1, 100_000), default=LIMIT, help=f"At most N items ({LIMIT})."
)
_cursor = click.option("--cursor", metavar="TEXT", help="Read on where an answer ended, with the same other options.")
_ended = click.option("--ended", is_flag=True, help="Include items that have ended.")
_planned = click.option("--planned", is_flag=True, help="Include items that are only planned.")


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for each in reversed(options):
            command = each(command)
        return command

    return decorate


ledger = _all(_url, database_option)
"""Which service or ledger."""
asked = _all(*_known, _format, _json, ledger)
"""What was known, in which form, of which ledger."""
asked_on = _all(_on, asked)
"""The same on a day."""
paged = _all(_limit, _cursor)
"""How many items, after which."""
included = _all(_ended, _planned)
"""Items that are left out otherwise."""

uncompared = click.option(
    "--uncompared", "compared", is_flag=True, help="Those of which nobody can say whether they are on the good."
)

PARTY = several("--party", "Of this party, a country or a bloc.", metavar="CODE")
ISSUE = several("--issue", "Of this issue.", metavar="ISSUE")
KIND = several("--kind", "Of this kind, such as restriction.", metavar="KIND")
STATUS = several("--status", "With this status, such as in_force.", metavar="STATUS")
GOOD = once("--good", "On this good: words of its name, its element or ECCN.", metavar="WORDS")
HS = several("--hs", "On goods of this HS code.", metavar="CODE")
ECCN = several("--eccn", "On goods of this ECCN.", metavar="CODE")
ENTITY = once("--entity", "On an entity with these words in one of its names.", metavar="WORDS")


def query_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the API for options that are named after them; those that are not given are left out."""
    rest = dict(options)
    if rest.pop("compared", False):
        rest["compared"] = "no"
    flags = [name for name in ("ended", "planned") if rest.pop(name, False)]
    query = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in rest.items()}
    include = {"include": ",".join(flags)} if flags else {}
    return {name: value for name, value in query.items() if value not in {None, ""}} | include
