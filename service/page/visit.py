"""One visit to a view: what its URL asks, both clocks resolved, and how it asks the API and links to other views."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from service.api.http.requests import parameters_of, services_of
from service.domain.vocabulary import dates
from service.page.ask import ask, target
from service.page.clocks import NAMES, ViewBasis, basis_of, clocks_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.api.http.requests import AnyRequest
    from service.page.ask import ApiAnswer, Members


class View(NamedTuple):
    """What a view shows: its template, what the template is given, its title and the status of the answer."""

    template: str
    context: Mapping[str, Any]
    title: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a view. `query` has the parameters of its URL that are not empty, the first of each name."""

    request: AnyRequest
    query: Mapping[str, str]
    basis: ViewBasis

    @property
    def path(self) -> str:
        """Return the path of the view."""
        path: str = self.request.scope["path"]
        return path

    async def ask(self, path: str, **query: object) -> ApiAnswer:
        """Ask the API with these parameters and no others."""
        return await ask(self.request, path, query)

    async def answer(self, path: str, **query: object) -> ApiAnswer:
        """Ask the API as of both clocks of the view, pinned: all that one view shows is as of one (D, K)."""
        return await ask(self.request, path, {**query, **self.basis.frozen})

    async def get(self, path: str, **query: object) -> Members:
        """Return the members of an answer as of both clocks of the view; raises ApiRefusal."""
        return (await self.answer(path, **query)).members()

    async def known(self, path: str, **query: object) -> Members:
        """Return the members of an answer about every day, as known at the K of the view; raises ApiRefusal."""
        return (await ask(self.request, path, {**query, **self.known_clocks})).members()

    @property
    def known_clocks(self) -> dict[str, str]:
        """Return the parameters that pin K."""
        return {name: value for name, value in self.basis.frozen.items() if name != "as_of"}

    def link(self, path: str, /, **query: object) -> str:
        """Return the URL of another view on the same clocks; a clock in `query` wins."""
        return target(
            path, {**query, **{name: value for name, value in self.basis.shared.items() if name not in query}}
        )

    def here(self, **changed: object) -> str:
        """Return the URL of this view with some parameters changed; None takes one away."""
        own = {name: value for name, value in self.query.items() if name not in NAMES}
        return self.link(self.path, **(own | changed))

    @property
    def pinned(self) -> str:
        """Return the URL of this view with both clocks pinned: what it shows never changes."""
        return self.here(**self.basis.frozen)

    def evidence(self, path: str, /, **query: object) -> str:
        """Return the URL of the API's own answer, pinned."""
        return target(path, {**query, **self.basis.frozen})

    def evidence_known(self, path: str, /, **query: object) -> str:
        """Return the URL of the API's own answer about every day, as known at the K of the view."""
        return target(path, {**query, **self.known_clocks})

    def plain(self, path: str, /, **query: object) -> str:
        """Return the URL of the API's own answer to these parameters and no others."""
        return target(path, query)


async def opened(request: AnyRequest) -> Visit:
    """Resolve both clocks of a request by one question to the API; raises ApiRefusal where they cannot be."""
    query = {name: value for name, value in reversed(parameters_of(request)) if value.strip()}
    today = dates.iso(services_of(request).today())
    clocks = clocks_of(query)
    found = await ask(request, "/v1/issues", {"limit": 1, "sources": "none", **clocks.asked(today)})
    return Visit(request, query, basis_of(found.members(), clocks, today))


async def together(*asked: Any) -> list[Any]:  # noqa: ANN401 - each has a type of its own
    """Await several answers at once."""
    return [*await asyncio.gather(*asked)]
