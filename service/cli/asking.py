"""Asking the HTTP API: of a service at a URL, or of a ledger, whose application then runs in this process."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast
from urllib.parse import urlsplit

import click
import httpx
import msgspec

from service.cli.escaping import escaped
from service.cli.running import Failed, SetUp, make_missing, run, settings_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from service.api.http.requests import Services

TIMEOUT = httpx.Timeout(60, connect=10)
PAGE_MAX = 1_000
"""Items that may be asked for in one request."""
_WITH_VALUE = {"include=planned": "--planned", "include=ended": "--ended"}

T = TypeVar("T")


class Where(NamedTuple):
    """What is asked: the service at `url`, or without one the ledger `database_url` (None: that of the settings)."""

    url: str | None = None
    database_url: str | None = None


class ProblemDocument(msgspec.Struct, frozen=True):
    """The members of a problem document (RFC 9457) that a command reads."""

    title: str = ""
    detail: str = ""
    errors: tuple[dict[str, str], ...] = ()
    actual: dict[str, int] = {}

    def text(self) -> str:
        """Return the refusal with its reasons, as one line."""
        errors = [": ".join(reversed(each.values())) for each in self.errors]
        return " ".join([self.title + ".", self.detail, *errors]).strip()


class NotAnswered(Exception):  # noqa: N818 - a condition
    """The service refused a request; `problem` says why."""

    def __init__(self, status: int, problem: ProblemDocument) -> None:
        """Keep both."""
        super().__init__(problem.text())
        self.status, self.problem = status, problem


class Api:
    """The HTTP API as a command uses it: a request is sent once, and answered with JSON."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """`client` has the address of the service, and the key."""
        self._client = client

    async def get(self, path: str, query: Mapping[str, Any]) -> bytes:
        """Read JSON; raises NotAnswered, and Failed where the service is out of reach."""
        return (await self._send("GET", path, params=query)).content

    async def post(
        self, path: str, query: Mapping[str, Any], body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Send JSON, and return the status of the answer too; raises as `get`."""
        sent = {"Content-Type": "application/json", **headers}
        response = await self._send("POST", path, params=query, content=body, headers=sent)
        return response.status_code, response.content

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        try:
            response = await self._client.request(method, path, **options)
        except (httpx.TransportError, httpx.DecodingError, httpx.InvalidURL) as error:
            msg = f"{self._client.base_url} does not answer: {str(error) or type(error).__name__}"
            raise Failed(msg) from error
        if not response.is_success:
            raise NotAnswered(response.status_code, problem_of(response))
        return response


def ask(where: Where, work: Callable[[Api], Awaitable[T]], *, make: bool = False) -> T:
    """Await `work` on the API and return the result; raises Failed or SetUp in the words of the running command.

    `make`: a SQLite ledger is made where there is none.
    """
    settings = settings_of(database_url=where.database_url)
    try:
        if where.url is not None:
            if where.database_url is not None:
                msg = "give --url or --database-url, not both"
                raise SetUp(msg)
            return asyncio.run(_remote(http_url(where.url), settings.key, work))
        if make:
            make_missing(settings)
        return cast("T", run(settings, partial(_within, work)))
    except NotAnswered as refused:
        raise Failed("\n".join(map(escaped, _reasons(refused, has_key=bool(settings.key))))) from refused


async def _remote(url: str, key: str, work: Callable[[Api], Awaitable[T]]) -> T:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT, headers=headers) as client:
        return await work(Api(client))


async def _within(work: Callable[[Api], Awaitable[T]], services: Services) -> T:
    """Run the application in this process; it asks for no key: whoever can open the ledger may do everything."""
    from service.app import create_app
    from service.settings import Settings

    services.keys.open_to_all()
    app = create_app(Settings())
    app.state.services = services
    transport = httpx.ASGITransport(cast("Any", app))  # Litestar types its scopes more narrowly than httpx
    async with httpx.AsyncClient(transport=transport, base_url="http://parley", timeout=None) as client:  # noqa: S113 # nosec B113
        return await work(Api(client))


def http_url(url: str) -> str:
    """Return the address of a service; raises SetUp for any but an http:// or https:// URL."""
    try:
        parts = urlsplit(url)
        is_fit = parts.scheme in {"http", "https"} and bool(parts.netloc) and parts.port != 0
    except ValueError:
        is_fit = False
    if not is_fit:
        msg = f"--url must begin with http:// or https:// and a host, not be {url!r}"
        raise SetUp(msg)
    return url


def problem_of(response: httpx.Response) -> ProblemDocument:
    """Decode a problem document; of any other body only the status is kept."""
    try:
        return msgspec.json.decode(response.content, type=ProblemDocument)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ProblemDocument(title=f"{response.status_code} {response.reason_phrase}")


def _reasons(refused: NotAnswered, *, has_key: bool) -> list[str]:
    """Return the lines of a refusal, in the names of the options of the running command."""
    problem, options = refused.problem, options_by_parameter()
    if refused.status == httpx.codes.UNAUTHORIZED:
        return [f"PARLEY_KEY: {problem.detail}" if has_key else "the service asks for a key: set PARLEY_KEY"]
    if not problem.errors:
        return [in_options(problem.detail or problem.title, options, plain=False)]
    lines = []
    for each in problem.errors:
        parameter, detail = each.get("parameter"), each.get("detail", "")
        place = each.get("pointer", "") if parameter is None else options.get(parameter, parameter)
        lines.append(f"{place}: {in_options(detail, options, plain=parameter is not None)}")
    return lines


def options_by_parameter() -> dict[str, str]:
    """Return what the running command calls each parameter of the API: an option, or an argument in capitals."""
    context = click.get_current_context(silent=True)
    params = context.command.params if context else ()
    return {each.name or "": _called(each) for each in params if each.name != "form"}


def _called(param: click.Parameter) -> str:
    return param.human_readable_name if param.param_type_name == "argument" else param.opts[0]


def in_options(text: str, options: Mapping[str, str], *, plain: bool) -> str:
    """Return a text of the API with the options in place of parameters; `plain`: also those that are plain words.

    Words in quotes stay as they are, and so do the values in a list of values.
    """
    for written, option in _WITH_VALUE.items():
        text = text.replace(written, option)
    plain = plain and "is not one of" not in text
    named = [name for name, option in options.items() if option.startswith("--") and (plain or "_" in name)]
    return _replaced(text, {name: options[name] for name in named if name not in {"to", "cursor"}})


def _replaced(text: str, words: Mapping[str, str]) -> str:
    if not words:
        return text
    any_word = "|".join(map(re.escape, words))
    return re.sub(rf"""(?<![\w"'-])({any_word})(?![\w"'-])""", lambda found: words[found[1]], text)


async def read_pages(api: Api, path: str, query: Mapping[str, Any], limit: int) -> bytes:
    """Read up to `limit` items from a list, as one answer; pages that are short before the end are read on.

    Raises as `Api.get`.
    """
    answer = await api.get(path, {**query, "limit": min(limit, PAGE_MAX)})
    first = last = decoded(answer)
    count = size_of(first)
    while last["next"] is not None and count < limit:
        rest = min(limit - count, PAGE_MAX)
        last = decoded(await api.get(path, {**query, "limit": rest, "cursor": last["next"]}))
        _join(first, last)
        count += size_of(last)
    return answer if last is first else msgspec.json.encode({**first, "next": last["next"]})


def decoded(answer: bytes) -> dict[str, Any]:
    """Return the members of an answer; raises Failed where it is no JSON object."""
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"the service does not answer as Parley does: {error}"
        raise Failed(msg) from error


SIDES = ("a_on_b", "b_on_a", "both")
"""The members with the items of what stands between partners."""


def groups_of(answer: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """Return the lists of items of an answer, each with its heading: the side or "", as they stand there."""
    sides: Sequence[tuple[str, Any]] = [(side, answer[side]) for side in SIDES if side in answer]
    found = []
    for side, items in sides or [("", answer.get("items", []))]:
        found += [(side, each) for each in (items.values() if isinstance(items, dict) else [items])]
    return found


def size_of(answer: Mapping[str, Any]) -> int:
    """Return how many items an answer has."""
    return sum(len(items) for _, items in groups_of(answer))


def _join(first: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put the items of a further page after those of the first."""
    for name in ("items", *SIDES):
        mine, others = first.get(name), more.get(name)
        if isinstance(mine, list) and isinstance(others, list):
            mine += others
        elif isinstance(mine, dict) and isinstance(others, dict):
            for kind, items in others.items():
                mine.setdefault(kind, []).extend(items)
