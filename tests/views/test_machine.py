"""Whatever is recorded, corrected, retracted and asked, in whatever order, every answer equals that of the oracle.

A failure prints the shortest program of steps found that ends in a wrong answer. With PARLEY_TEST_EXAMPLES=2000, or
`make oracle`, there are more runs.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from tests import oracle
from tests.conftest import PostgresServer
from tests.examples import thorough
from tests.ledgers import fresh_postgres, fresh_sqlite
from tests.strategies import days_near, days_published
from tests.views.compare_histories import (
    check_difference,
    check_rectangles,
    check_rectangles_published,
    check_timeline,
)
from tests.views.compare_states import (
    GOODS,
    PARTIES,
    WORDS,
    check_exposure,
    check_filters,
    check_issue,
    check_issues,
    check_list,
    check_state,
    check_words,
    state_of,
)
from tests.views.recording import Recording, on

Event = dict[str, Any]
STEPS = 30
"""Steps of a run."""


def positions(log: Sequence[Event]) -> st.SearchStrategy[int]:
    """Draw a K: the head, or any position."""
    return st.just(len(log)) | st.integers(0, len(log))


def publications(log: Sequence[Event]) -> st.SearchStrategy[oracle.Published]:
    """Draw a K by publication."""
    return st.builds(oracle.Published, days_published(log), positions(log))


def clocks(log: Sequence[Event]) -> st.SearchStrategy[oracle.K]:
    """Draw a K of either reading."""
    return positions(log) | publications(log)


@st.composite
def spans(draw: st.DrawFn, log: Sequence[Event]) -> list[oracle.K]:
    """Draw two Ks that a difference lies between: positions, or days of publication with one position."""
    one, other = sorted(draw(st.tuples(positions(log), positions(log))))
    if draw(st.booleans()):
        return [one, other]
    days = draw(st.tuples(days_published(log), days_published(log)))
    return [oracle.Published(day, other) for day in sorted(days)]


DAYS = on(lambda machine: days_near(machine.log))
POSITIONS = on(lambda machine: positions(machine.log))
PUBLICATIONS = on(lambda machine: publications(machine.log))
CLOCKS = on(lambda machine: clocks(machine.log))
SPANS = on(lambda machine: spans(machine.log))
KINDS = on(lambda machine: st.sampled_from(sorted(set(machine.cast.kinds.values()))))
LIMITS = st.sampled_from([50, 1, 2])
TOUCHED = st.one_of(
    [st.fixed_dictionaries({"party": st.sampled_from(PARTIES), name: st.sampled_from(GOODS[name])}) for name in GOODS]
)


class ParleyMachine(Recording):
    """Records and asks."""

    @rule(item=Recording.items, day=DAYS, known=CLOCKS)
    def ask_item(self, item: str, day: date, known: oracle.K) -> None:
        """Compare one item, known or not; a correction may have made its name one of another kind."""
        named = item in oracle.items_in_order(self.log, len(self.log))
        kind = oracle.kind_of(self.log, item) if named else self.cast.kinds[item]
        check_state(self.log, self.run(self.ledger.item(kind, item, day, known)), item, day, known)

    @rule(kind=KINDS, day=DAYS, known=CLOCKS)
    def ask_list(self, kind: str, day: date, known: oracle.K) -> None:
        """Compare the items of a kind, also by filters."""
        listed = self.run(check_list(self.ledger, self.log, kind, day, known))
        for state in listed:
            check_state(self.log, state, state["id"], day, known)
        if kind in {"restriction", "clearance", "investigation"}:
            self.run(check_filters(self.ledger, kind, listed, day, known))

    @rule(kind=KINDS, day=DAYS)
    def ask_list_now(self, kind: str, day: date) -> None:
        """Compare the items of a kind as known now."""
        listed = self.run(self.ledger.kind(kind, day))
        assert listed == self.run(check_list(self.ledger, self.log, kind, day, len(self.log)))

    @rule(issue=Recording.issues, day=DAYS, known=CLOCKS)
    def ask_issue(self, issue: str, day: date, known: oracle.K) -> None:
        """Compare an issue with its items."""
        for found in self.run(check_issue(self.ledger, self.log, issue, day, known)):
            check_state(self.log, state_of(found), found.slug, day, known)

    @rule(day=DAYS, known=CLOCKS)
    def ask_issues(self, day: date, known: oracle.K) -> None:
        """Compare the list of issues."""
        self.run(check_issues(self.ledger, self.log, day, known))

    @rule(issue=Recording.issues, known=CLOCKS, limit=LIMITS)
    def ask_timeline(self, issue: str, known: oracle.K, limit: int) -> None:
        """Compare the timeline of an issue."""
        self.run(check_timeline(self.ledger, self.log, issue, known, limit))

    @rule(issue=Recording.issues, days=st.tuples(DAYS, DAYS).map(sorted), known=CLOCKS, limit=LIMITS)
    def ask_what_changed(self, issue: str, days: list[date], known: oracle.K, limit: int) -> None:
        """Compare what changed in an issue between two days."""
        self.run(check_difference(self.ledger, self.log, issue, (days[0], known), (days[1], known), limit))

    @rule(issue=Recording.issues, day=DAYS, span=SPANS, limit=LIMITS)
    def ask_what_was_learnt(self, issue: str, day: date, span: list[oracle.K], limit: int) -> None:
        """Compare what changed in an issue between two Ks."""
        self.run(check_difference(self.ledger, self.log, issue, (day, span[0]), (day, span[1]), limit))

    @rule(item=Recording.items, known=POSITIONS, before=POSITIONS, day=DAYS, limit=LIMITS)
    def ask_versions(self, item: str, known: int, before: int, day: date, limit: int) -> None:
        """Compare the whole history of an item at some points."""
        if item in oracle.items_in_order(self.log, known):
            points = product((day - timedelta(1), day, day + timedelta(30)), {known, min(known, before)})
            self.run(check_rectangles(self.ledger, self.log, item, known, points, limit))

    @rule(item=Recording.items, known=PUBLICATIONS, before=PUBLICATIONS, day=DAYS)
    def ask_versions_as_published(
        self, item: str, known: oracle.Published, before: oracle.Published, day: date
    ) -> None:
        """Compare the whole history of an item by days of publication at some points."""
        if item in oracle.items_in_order(self.log, known):
            points = product((day - timedelta(1), day, day + timedelta(30)), {known.day, min(known.day, before.day)})
            self.run(check_rectangles_published(self.ledger, self.log, item, known, points))

    @rule(asked=TOUCHED, ended=st.booleans(), day=DAYS, known=CLOCKS, limit=LIMITS)
    def ask_exposure(self, asked: Event, ended: bool, day: date, known: oracle.K, limit: int) -> None:  # noqa: FBT001
        """Compare what touches a good and a country."""
        standing = oracle.states(self.log, day, known)
        whole = asked | ({"include": "ended"} if ended else {})
        self.run(check_exposure(self.ledger, standing, whole, day, known, limit))

    @rule(kind=KINDS, asked=st.sampled_from(WORDS), day=DAYS, known=CLOCKS, limit=LIMITS)
    def ask_by_words(self, kind: str, asked: str, day: date, known: oracle.K, limit: int) -> None:
        """Compare the items of a kind by words."""
        self.run(check_words(self.ledger, self.log, kind, asked, (day, known), limit))


def run_programs(fresh: Callable[[], AbstractContextManager[str]], share: float) -> None:
    """Run programs, each on a ledger of its own; the number of runs is a share of that asked for."""
    run_state_machine_as_test(
        cast("type[ParleyMachine]", lambda: ParleyMachine(fresh())),  # its docstring allows any callable that makes one
        settings=settings(thorough(share), stateful_step_count=STEPS, report_multiple_bugs=False),
    )


def test_any_program_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    """Every answer of SQLite between the steps of a program is that of the oracle, and a rebuild changes nothing."""
    run_programs(lambda: fresh_sqlite(sqlite_template, tmp_path), 0.5)


def test_any_program_on_postgres(postgres_server: PostgresServer, postgres_template: str) -> None:
    """Every answer of PostgreSQL between the steps of a program is that of the oracle; a rebuild changes nothing."""
    run_programs(lambda: fresh_postgres(postgres_server, postgres_template), 0.2)
