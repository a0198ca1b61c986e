"""The search of the reference: operations, types of events, terms, shapes, guides and problems by words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.api.http.problem_kinds import PROBLEM_KINDS
from service.page.reference.guides import GUIDES
from service.page.reference.shapes import stands_alone
from service.page.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.page.reference.operations import ApiDocument
    from service.page.reference.vocabulary import Vocabulary

_MOST = 12
"""Results of one sort that are shown."""
QUERY_MAX = 200


class FoundPlace(NamedTuple):
    """A place that a search may find: its sort, its URL, its title (code, or words), what it says."""

    sort: str
    url: str
    title: str
    is_code: bool
    says: str
    searched: str


def places(document: ApiDocument, vocabulary: Vocabulary) -> list[FoundPlace]:
    """Return every place that can be found, the most general sort first."""
    return [*_guides(), *_operations(document), *_vocabulary(vocabulary), *_problems(), *_shapes(document)]


def _place(sort: str, url: str, title: str, says: str, *more: str, is_code: bool = False) -> FoundPlace:
    return FoundPlace(sort, url, title, is_code, says, " ".join([title, words(title), says, *more]).casefold())


def _guides() -> Iterator[FoundPlace]:
    for each in GUIDES:
        yield _place("Guides", each.url, each.title, each.question, *[step.says for step in each.steps])


def _operations(document: ApiDocument) -> Iterator[FoundPlace]:
    for each in document.operations.values():
        names = [member.name for members in each.parameters.values() for member in members]
        line = f"{each.method} {each.path}"
        yield _place("Operations", each.url, each.summary, line, each.id, each.description, *names)


def _vocabulary(vocabulary: Vocabulary) -> Iterator[FoundPlace]:
    for kind in vocabulary.kinds.values():
        for each in kind.types:
            yield _place("Types of events", f"{kind.url}#{each.change}", each.type, each.description, is_code=True)
        for term in kind.terms:
            title = f"{kind.name}: {term.name}"
            yield _place("Terms", f"{kind.url}#term-{term.name}", title, term.description, is_code=True)


def _problems() -> Iterator[FoundPlace]:
    for each in PROBLEM_KINDS.values():
        yield _place("Problems", each.type, each.title, each.meaning, each.name, str(each.status))


def _shapes(document: ApiDocument) -> Iterator[FoundPlace]:
    shapes = document.shapes
    for name, schema in shapes.components.items():
        if stands_alone(schema) and shapes.url(name).startswith("/schema/shapes/"):
            yield _place("Shapes", shapes.url(name), name, schema.get("description", ""), is_code=True)


def search(found: list[FoundPlace], query: str) -> dict[str, list[FoundPlace]]:
    """Return the places that have every word, by sort; those whose title begins with the query come first."""
    asked = query[:QUERY_MAX].casefold()
    every = asked.split()
    hits = [each for each in found if every and all(word in each.searched for word in every)]
    hits.sort(key=lambda each: _rank(each.title.casefold(), asked, every))
    by_sort: dict[str, list[FoundPlace]] = {sort: [] for sort in dict.fromkeys(each.sort for each in found)}
    for each in hits:
        by_sort[each.sort].append(each)
    return {sort: each[:_MOST] for sort, each in by_sort.items() if each}


def _rank(title: str, asked: str, every: list[str]) -> int:
    if title.startswith(asked):
        return 0
    return 1 if all(word in title for word in every) else 2
