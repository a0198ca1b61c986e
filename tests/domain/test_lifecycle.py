"""The vocabulary agrees with the lives of items, and these with the oracle's own table."""

import pkgutil
import re
from pathlib import Path

import pytest

from service.domain.vocabulary import events
from service.domain.vocabulary.events import FACTS, MODULES
from service.domain.vocabulary.kinds import CHANGES, KINDS, STATUSES
from tests import oracle, strategies


def test_every_type_has_its_place_in_the_life_of_its_kind() -> None:
    """Each type of fact is a change of a kind, and each change of a kind has its type."""
    assert set(CHANGES) == set(FACTS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_oracle_has_the_same_life_written_apart(kind: str) -> None:
    """Places, tracks, openings, ends and statuses agree with the table of the oracle."""
    ours = KINDS[kind]
    theirs = oracle.CHANGES[kind]
    assert [change.name for change in ours.changes] == list(theirs)
    for change in ours.changes:
        other = theirs[change.name]
        assert (change.place, change.track, change.opens) == (other.place, other.track, other.opens)
        if change.track == "base":
            assert change.status == other.status
    assert ours.ends - {ours.over} == oracle.ENDS[kind]


def test_what_hides_and_what_is_preliminary() -> None:
    """Hiding changes, with the status that they give, and preliminary openings are those of docs/semantics.md, 3."""
    hiding = {change.name: change.status for change in CHANGES.values() if change.hides}
    suspend = ("suspended", "suspension_extended", "postponed")
    assert hiding == dict.fromkeys(suspend, "suspended") | {"exhausted": "exhausted"}
    assert not CHANGES["round.postponed"].hides
    preliminary = {change.name for change in CHANGES.values() if change.preliminary}
    assert preliminary == {"proposed", "announced", "applied", "agreed", "framework_reached", "signed"}
    assert all(change.opens for change in CHANGES.values() if change.preliminary)


def test_calls_and_statements_never_end() -> None:
    """Calls and statements have no status that is an end."""
    assert KINDS["call"].ends == KINDS["statement"].ends == frozenset()


def test_every_kind_has_a_collection() -> None:
    """Each kind has a plural for its path, and statuses to filter by."""
    assert len({kind.plural for kind in KINDS.values()}) == len(KINDS)
    assert set(KINDS) == set(STATUSES)


def test_every_module_of_events_is_read() -> None:
    """Every module of kinds is named in MODULES: without it its types are unknown."""
    found = {module.name for module in pkgutil.iter_modules(events.__path__)} - {"base"}
    assert found == {module.__name__.rpartition(".")[2] for module in MODULES}


def test_every_kind_has_its_row_wherever_kinds_are_listed() -> None:
    """Whoever adds a kind is shown every other place that has to know it."""
    semantics = (Path(__file__).parents[2] / "docs" / "semantics.md").read_text().partition("## 7.")[2]
    listed = {
        "tests/oracle.py: CHANGES": set(oracle.CHANGES),
        "tests/strategies.py: KINDS": {*strategies.KINDS, "issue"},
        "tests/strategies.py: OPTIONAL": set(strategies.OPTIONAL),
        "section 7 of docs/semantics.md": set(re.findall(r"^    (\w+) +\w+\*", semantics, re.MULTILINE)),
    }
    missing = [
        f"{kind} has no row in {where}" for where, kinds in listed.items() for kind in KINDS if kind not in kinds
    ]
    assert not missing
