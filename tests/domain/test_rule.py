"""The parts of the rule beside an item's own state: postures, days of publication, words. Expected by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from service.domain.rule.facts import Entry, weigh
from service.domain.rule.item import Item
from service.domain.rule.posture import ItemStatus, is_decided, posture_of
from service.domain.rule.publication import as_published_by, days
from service.domain.rule.read_state import coming_of, with_coming
from service.domain.rule.words import occur_in, words_of
from service.domain.vocabulary.events import AnyEvent, Fact, Record

BAN: dict[str, Any] = {
    "type": "restriction.imposed", "id": "0197a2f0-3c50-7a10-8f00-000000000001", "issues": ["gallium"], "item": "ban",
    "occurred": "2025-06-01", "imposed_by": "CN", "instrument": "export_control", "goods": [{"name": "Gallium wafers"}],
}  # fmt: skip


def event(**fields: object) -> Fact | Record:
    made: Fact | Record = msgspec.convert(fields, AnyEvent)
    return made


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("issue", "items", "expected"),
    [
        ("closed", {("restriction", "in_force")}, "closed"),
        ("open", {("restriction", "in_force"), ("restriction", "suspended")}, "restricted"),
        ("open", {("restriction", "in_force"), ("clearance", "active")}, "partially_cleared"),
        ("open", {("restriction", "suspended"), ("restriction", "announced")}, "suspended"),
        ("open", {("restriction", "proposed"), ("round", "in_session")}, "announced"),
        ("open", {("round", "scheduled"), ("restriction", "lifted")}, "in_talks"),
        ("open", {("round", "concluded"), ("clearance", "active")}, "open"),
        ("open", set(), "open"),
    ],
)
def test_an_issue_is_summed_up_by_its_most_pressing_item(
    issue: str, items: set[tuple[str, str]], expected: str
) -> None:
    """The posture is that of the first row of section 6 that applies."""
    found = posture_of(ItemStatus("issue", issue), [ItemStatus(*each) for each in items])
    assert found == (expected, "certain")


def test_a_posture_is_decided_by_a_restriction_in_force_and_a_clearance() -> None:
    """With both, no further item changes it; with one of them, another item may."""
    both = {ItemStatus("restriction", "in_force"), ItemStatus("clearance", "active")}
    assert is_decided(both)
    assert not any(is_decided(both - {each}) for each in both)
    maybe = ItemStatus("restriction", "in_force", frozenset({"in_force", "lifted"}))
    assert not is_decided({maybe, ItemStatus("clearance", "active")})


def test_a_fact_is_known_from_the_last_day_of_its_earliest_report() -> None:
    """A report of June is certainly published by the 30th; until then the fact is not known."""
    reports = [{"outlet": "A", "published": "2025-06"}, {"outlet": "B", "published": "2025-07-10"}]
    chain = [Entry(1, event(**BAN, reports=reports), recorded_on=day("2025-09-01"))]
    assert as_published_by(chain, day("2025-06-29")) == []
    known = weigh(as_published_by(chain, day("2025-06-30")))
    assert known is not None
    assert msgspec.to_builtins([*known.reports]) == reports[:1]
    assert days(chain[0]) == {day(text) for text in ("2025-06-30", "2025-07-10", "2025-09-01")}


def test_a_retraction_with_reports_counts_from_their_publication() -> None:
    """Until the report of a retraction is published, the fact that it retracts is still known."""
    fact = event(**BAN, reports=[{"outlet": "A", "published": "2025-06-02"}])
    retraction = event(type="record.retracted", target=BAN["id"], reports=[{"outlet": "A", "published": "2025-06-20"}])
    chain = [Entry(position, each, recorded_on=day("2025-06-02")) for position, each in ((1, fact), (2, retraction))]
    still, gone = (as_published_by(chain, day(text)) for text in ("2025-06-19", "2025-06-20"))
    assert weigh(still) is not None
    assert weigh(gone) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [("gallium", True), ("WAFERS gall", True), ("ban", True), ("gallium arsenide", False), ("export_control", True)],
)
def test_each_word_has_to_occur_in_the_name_or_in_a_term(text: str, found: bool) -> None:  # noqa: FBT001 - expected
    """Words are found in any case and as parts of words; each of them has to be there."""
    state = Item.of([event(**BAN, reports=[{"outlet": "Unrelated arsenide"}])]).state(day("2025-06-02"))
    assert state is not None
    assert occur_in("restriction", state.body, words_of(text)) is found


def test_a_text_of_spaces_has_no_words() -> None:
    """A text of white space has no words, so that the query can refuse it."""
    assert words_of(" \n ") == ()


@pytest.mark.parametrize(
    "body", [b'{"next_change":null,"upcoming":[]}', b'{"upcoming":[],"note":"x"}', b'{"id":"ban"}']
)
def test_changes_to_come_are_put_into_no_other_text(body: bytes) -> None:
    """A state that does not end with what is upcoming and the next change is refused, not made into broken JSON."""
    later = '{"on":"2025-07","status":"lifted","terms":{},"event":"e","modality":"asserted"}'
    with pytest.raises(ValueError, match="upcoming"):
        with_coming(body, coming_of("in_force", later))
