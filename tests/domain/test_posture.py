"""The posture of an issue and how sure it is (docs/semantics.md, 6), against every choice of possible statuses."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.rule.posture import ItemStatus, posture_of
from tests import oracle

STATUSES: dict[str, list[str | None]] = {
    "restriction": ["in_force", "suspended", "announced", "proposed", "lifted", "expired", None],
    "clearance": ["active", "agreed", "revoked", None],
    "round": ["scheduled", "in_session", "adjourned", "concluded", "cancelled", None],
    "offer": ["open", "lapsed"],
}
OPEN = ItemStatus("issue", "open")


def maybe(kind: str, *statuses: str | None) -> ItemStatus:
    """Make an item that has the first of some statuses, and in other readings the others."""
    return ItemStatus(kind, statuses[0] or "", frozenset(statuses) if len(statuses) > 1 else frozenset())


@pytest.mark.parametrize(
    ("issue", "items", "expected"),
    [
        (OPEN, [maybe("restriction", "in_force", "lifted")], ("restricted", "possible")),
        (
            OPEN,
            [maybe("restriction", "in_force", "lifted"), maybe("restriction", "in_force")],
            ("restricted", "certain"),
        ),
        (OPEN, [maybe("restriction", "announced", "proposed")], ("announced", "certain")),
        (OPEN, [maybe("restriction", "suspended", "in_force")], ("suspended", "possible")),
        (OPEN, [maybe("restriction", "in_force"), maybe("clearance", "agreed", "active")], ("restricted", "possible")),
        (OPEN, [maybe("restriction", "lifted"), maybe("clearance", "agreed", "active")], ("open", "certain")),
        (OPEN, [maybe("restriction", "in_force"), maybe("round", "concluded", "scheduled")], ("restricted", "certain")),
        (OPEN, [maybe("round", "concluded", "in_session")], ("open", "possible")),
        (OPEN, [maybe("round", "scheduled", "in_session")], ("in_talks", "certain")),
        (OPEN, [maybe("round", "scheduled", None)], ("in_talks", "possible")),
        (maybe("issue", "open", "closed"), [], ("open", "possible")),
        (maybe("issue", "closed", "open"), [], ("closed", "possible")),
        (ItemStatus("issue", "closed"), [maybe("restriction", "in_force", "lifted")], ("closed", "certain")),
        (OPEN, [maybe("round", "planned"), maybe("restriction", "planned", "lifted")], ("open", "certain")),
        (OPEN, [maybe("offer", "open", "lapsed")], ("open", "certain")),
    ],
)
def test_a_posture_is_certain_where_every_choice_gives_it(
    issue: ItemStatus, items: list[ItemStatus], expected: tuple[str, str]
) -> None:
    """An uncertain item leaves it certain where another decides; what is only planned counts in none."""
    assert posture_of(issue, items) == expected


@st.composite
def members(draw: st.DrawFn, kind: str | None = None) -> ItemStatus:
    """Draw an item with up to three possible statuses."""
    kind = kind or draw(st.sampled_from(sorted(STATUSES)))
    status = draw(st.sampled_from([each for each in STATUSES[kind] if each is not None]))
    others = draw(st.sets(st.sampled_from(STATUSES[kind]), max_size=2))
    return maybe(kind, status, *(others - {status}))


@given(
    items=st.lists(members(), max_size=5),
    own=st.sampled_from([("open",), ("closed",), ("open", "closed"), ("closed", "open")]),
)
def test_the_postures_are_those_of_every_choice(items: list[ItemStatus], own: tuple[str, ...]) -> None:
    """What is found without trying the choices is what trying all of them finds."""
    issue = maybe("issue", *own)
    truth = {
        oracle.posture(status, [(each.kind, choice) for each, choice in zip(items, choices, strict=True)])
        for status, *choices in product(*(each.possible or {each.status} for each in (issue, *items)))
    }
    found, certainty = posture_of(issue, items)
    assert found == oracle.posture(issue.status, [(each.kind, each.status) for each in items])
    assert certainty == ("certain" if len(truth) == 1 else "possible")
