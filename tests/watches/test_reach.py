"""An event touches every question whose answer it changes: the tokens are compared with asking all of them again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.asker import Asker
from service.app import create_app
from service.domain.vocabulary.events import Batch
from service.domain.vocabulary.kinds import KINDS
from service.eventlog.log import Place
from service.settings import Settings
from service.watches.reach import Index
from service.watches.touched import touched_by
from tests.ledgers import fresh_postgres, fresh_sqlite
from tests.strategies import FIRST_DAY, ISSUES, cut, histories
from tests.test_followed import lines_of, mentioned
from tests.views.compare_states import FILTERS, GOODS
from tests.watches.desk import ISSUE, restriction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from tests.conftest import PostgresServer
    from tests.ledgers import Event

PLURALS = [kind.plural for kind in KINDS.values() if kind.name != "issue"]
IMPORTERS = [{"name": "importers", "country": "CN"}]
SEEDS = {
    "london": ["hs=2805", "good=rare earths", "hs=850511", "eccn=3A090", "entity=huawei"],
    "us-china": ["hs=7208", "hs=12", "good=soybeans", "eccn=3A090", "entity=ZTE"],
    "world": ["hs=8802", "hs=7208", "good=wheat", "hs=4407", "entity=airbus"],
}
"""What is asked about in each set of seeds."""


class Compared(NamedTuple):
    """What was found: questions whose answers changed unseen, how many times one was touched, and could have been.

    `changed` counts the changes that were seen.
    """

    missed: list[tuple[str, int]]
    changed: Counter[str]
    touched: int
    possible: int


async def compare(url: str, batches: Sequence[list[Event]], questions: Sequence[str], days: Sequence[date]) -> Compared:
    """Record batches; ask each question before and after each commit that touches it, and at the end."""
    app = create_app(Settings(database_url=url))
    async with app.lifespan():
        services, asker = app.state.services, Asker(app)
        asked = {f"{day} {question}": (question, day.toordinal()) for day in days for question in questions}
        index = Index({name: asker.reach(*each) for name, each in asked.items()})

        async def answer(name: str, position: int) -> str:
            question, day = asked[name]
            return (await asker.ask(question, day, position)).digest()

        await services.ledger.append(msgspec.convert({"events": batches[0]}, Batch))
        place = Place((await services.heads.read()).position)
        last = {name: await answer(name, place.position) for name in asked}
        missed: list[tuple[str, int]] = []
        changed: Counter[str] = Counter()
        touches = 0
        with services.tail.following():
            while services.tail.head < place.position:
                await services.tail.moved(services.tail.head)
            for batch in batches[1:]:
                await services.ledger.append(msgspec.convert({"events": batch}, Batch))
                head = (await services.heads.read()).position
                while services.tail.head < head:
                    await services.tail.moved(services.tail.head)
                lives = services.tail.since(place)
                touched = await touched_by(lives, index, services.watches.store)
                assert set(touched) <= {head}
                for name in touched.get(head, ()):
                    touches += 1
                    missed += [(name, head)] if await answer(name, place.position) != last[name] else []
                    now = await answer(name, head)
                    changed[name] += now != last[name]
                    last[name] = now
                place = lives[-1].stored.place
            missed += [(name, -1) for name in asked if await answer(name, place.position) != last[name]]
    return Compared(missed, +changed, touches, len(asked) * (len(batches) - 1))


def questions_on(goods: Iterable[str], parties: Sequence[str], items: Iterable[tuple[str, str]]) -> list[str]:
    """Ask about goods or entities with parties, between parties, lists of every kind, and items."""
    pairs = [(a, b) for a in parties for b in parties if a < b]
    found = [f"/v1/exposure?{each}&origin={b}&destination={a}" for each in goods for a, b in pairs[:2]]
    found += [f"/v1/exposure?{each}&party={party}" for each in goods for party in parties[:2]]
    found += [f"/v1/between?a={a}&b={b}" for a, b in pairs]
    found += [f"/v1/between?a={b}&b={a}&{each}" for each in goods if each.startswith("hs") for a, b in pairs[:2]]
    found += [f"/v1/{plural}" for plural in PLURALS] + [f"/v1/{plural}?party={parties[0]}" for plural in PLURALS]
    found += [f"/v1/{plural}?{each}" for each in goods for plural in ("restrictions", "clearances")]
    found += [f"/v1/restrictions?{side}={each}" for side in ("by", "against") for each in parties]
    found += [f"/v1/{plural}/{item}" for plural, item in items]
    return [each.replace(" ", "+") for each in found]


def items_of(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Return the collections and names of items."""
    names = {each["item"]: each["type"].partition(".")[0] for each in events if "item" in each}
    return [(KINDS[kind].plural, item) for item, kind in names.items()]


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.parametrize("name", SEEDS)
async def test_no_fact_of_the_seeds_changes_an_answer_unseen(migrated_url: str, name: str) -> None:
    """Over the seed sets, and most questions are not touched by most events."""
    lines = lines_of(name)
    size = 1 + len(lines) // 100
    batches = [lines[start : start + size] for start in range(0, len(lines), size)]
    parties = {"london": ["CN", "US", "DE"], "us-china": ["CN", "US", "MX"]}.get(name, ["EU", "US", "IN"])
    questions = questions_on(SEEDS[name][:3], parties, items_of(lines)[:20])
    found = await compare(migrated_url, batches, questions, [FIRST_DAY])
    assert found.missed == []
    assert found.touched < found.possible / 2


@pytest.mark.anyio
async def test_an_item_that_others_refer_to_changes_what_is_asked_about_them(migrated_url: str) -> None:
    """A restriction that comes to touch what was asked about brings its clearances and statements into answers."""
    steel: Event = {"goods": [{"name": "steel", "hs": "7208"}]}
    chips: Event = {"goods": [{"name": "chips", "hs": "8542"}], "against": ["CN"]}
    clearance = restriction(
        "free", "granted", type="clearance.granted", granted_by="US", restriction="duty", beneficiaries=IMPORTERS
    )
    said = restriction("said", "made", type="statement.made", speaker="A", party="US", about="duty")
    opening = restriction(ISSUE, "opened", type="issue.opened", title="Chips", summary="Chips.", parties=["US"])
    batches = [
        [opening, restriction(against=["IN"], **steel)],
        [clearance, said],
        [restriction("other", against=["IN"], **steel)],
        [restriction(change="amended", occurred="2025-03-01", **chips)],
    ]
    questions = [
        "/v1/clearances?hs=8542&party=CN",
        "/v1/exposure?hs=8542&party=CN",
        "/v1/between?a=US&b=CN&kind=statement",
        "/v1/between?a=US&b=CN&kind=clearance",
    ]
    day = FIRST_DAY.replace(year=2025, month=3, day=10)
    found = await compare(migrated_url, batches, questions, [day])
    assert found.missed == []
    assert found.changed == dict.fromkeys([f"{day} {each}" for each in questions], 1)


@given(history=histories(), seed=st.integers(0, 9), data=st.data())
@settings(max_examples=25)
def test_no_fact_of_a_generated_history_changes_an_answer_unseen(
    sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    history: list[Event],
    seed: int,
    data: st.DataObject,
) -> None:
    """For random histories with corrections and retractions, on SQLite."""
    with fresh_sqlite(sqlite_template, tmp_path_factory.mktemp("watched")) as url:
        check_generated(url, history, seed, data)


@given(history=histories(), seed=st.integers(0, 9), data=st.data())
@settings(max_examples=5)
def test_no_fact_of_a_generated_history_changes_an_answer_unseen_on_postgresql(
    postgres_server: PostgresServer, postgres_template: str, history: list[Event], seed: int, data: st.DataObject
) -> None:
    """For random histories with corrections and retractions, on PostgreSQL."""
    with fresh_postgres(postgres_server, postgres_template) as url:
        check_generated(url, history, seed, data)


def check_generated(url: str, history: list[Event], seed: int, data: st.DataObject) -> None:
    """Record a history in batches and compare, for some questions."""
    goods = [f"{name}={data.draw(st.sampled_from(values))}" for name, values in GOODS.items()]
    goods.append(f"entity={data.draw(st.sampled_from(['huawei', 'importer', 'not others']))}")
    parties = data.draw(st.permutations(sorted({*mentioned(history), *FILTERS["party"]})))[:2]
    questions = questions_on(goods, parties, items_of(history))
    questions += [f"/v1/issues/{issue}" for issue in ISSUES]
    day = FIRST_DAY.fromordinal(FIRST_DAY.toordinal() + data.draw(st.integers(0, 30)))
    found = asyncio.run(compare(url, cut(history, seed), questions, [day]))
    assert found.missed == []
