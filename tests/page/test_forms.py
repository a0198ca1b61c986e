"""Forms of the vocabulary: what a form shows of a fact is what it reads back, for every fact of every set."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from service.domain.vocabulary.kinds import CHANGES
from service.page.form_text import read_fact, reports_in, written
from service.page.forms import OWN, Notes, fact_groups, field_of, filled
from tests.page.conftest import SETS, seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar import Litestar
    from litestar.testing import TestClient

    Schemas = Callable[[str], dict[str, Any]]


@pytest.fixture
def schema(page: TestClient[Litestar]) -> Schemas:
    """Return the schema of a type of event, as it is served."""
    return cache(lambda name: page.get(f"/schema/events/{name}.v1.json").json())


@pytest.mark.parametrize("name", SETS)
def test_a_form_reads_what_it_shows(schema: Schemas, name: str) -> None:
    """Each fact goes into a form and comes out the same: a correction changes nothing but what is typed."""
    facts = [each for each in seeds(name) if not each["type"].startswith("record.")]
    assert facts
    for fact in facts:
        shown = schema(fact["type"])
        own = {key: value for key, value in fact.items() if key not in OWN}
        values = written(fact, "event.")
        assert read_fact(shown, values, "event.") == own
        assert reports_in(values, "event.") == len(fact["reports"])
        fields = {each.name for group in fact_groups(shown, len(fact["reports"]), "event.") for each in group.every}
        assert values.keys() <= fields


def test_every_type_has_a_form(schema: Schemas) -> None:
    """Each member of a type of fact has one field with a label and what the vocabulary says of it."""
    for name in CHANGES:
        groups = fact_groups(schema(name))
        fields = [each for group in groups for each in group.every]
        assert len({each.name for each in fields}) == len(fields)
        assert all(each.label and each.hint for each in fields), name
        members = {each.name.partition(".")[0] for each in fields}
        assert members | {"type", "id", "causation_id", "correlation_id"} == set(
            schema(name)["$defs"][schema(name)["$ref"].rpartition("/")[2]]["properties"]
        )


def test_fields_are_of_the_sort_of_their_member(schema: Schemas) -> None:
    """A party is chosen by name, a date has an example, a note has several lines, a code has a list."""
    fields = {each.name: each for group in fact_groups(schema("restriction.imposed")) for each in group.every}
    sorts = {"imposed_by": "party", "against": "codes", "goods": "objects", "instrument": "choice", "quota": "object"}
    sorts |= {"all_goods": "yes", "rate_percent": "number", "unset": "codes", "reports.0.terms": "json"}
    assert {name: fields[name].sort for name in sorts} == sorts
    assert fields["occurred"].example == "2025-04-04"
    assert fields["goods"].example.startswith("name; hs=")
    assert [name for name in ("note", "item", "reports.0.url", "reports.0.title") if fields[name].long] == ["note"]
    assert [name for name, each in fields.items() if each.required] == [
        "issues", "item", "occurred", "imposed_by", "instrument", "reports.0.outlet",
    ]  # fmt: skip


def test_texts_become_values(schema: Schemas) -> None:
    """Numbers, lists, parties by name, lines of goods and ticks are read by the sort of their field."""
    given = {
        "issues": "a-matter, another", "item": " duty ", "occurred": "2025-06", "imposed_by": "US",
        "entities": "Acme; country=China", "against": "China, European Union",
        "goods": "dysprosium; element=Dy\nsteel; hs=7208", "all_goods": "on",
        "rate_percent": "7.5", "rates": '{"percent":3,"goods":[{"name":"a; b"}]}', "modality": "asserted",
        "reports.0.outlet": "Gazette", "reports.0.stance": "reports", "reports.1.outlet": "",
        "reports.1.stance": "denies", "quota": "volume=ten; unit=t", "reports.0.terms": '{"rate_percent": 5}',
    }  # fmt: skip
    assert read_fact(schema("restriction.imposed"), given) == {
        "issues": ["a-matter", "another"], "item": "duty", "occurred": "2025-06", "imposed_by": "US",
        "entities": [{"name": "Acme", "country": "CN"}],
        "against": ["CN", "EU"], "goods": [{"name": "dysprosium", "element": "Dy"}, {"name": "steel", "hs": "7208"}],
        "all_goods": True, "rate_percent": 7.5, "rates": [{"percent": 3, "goods": [{"name": "a; b"}]}],
        "quota": {"volume": "ten", "unit": "t"}, "reports": [{"outlet": "Gazette", "terms": {"rate_percent": 5}}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "name"),
    [
        ("#/events/0/occurred", "occurred"), ("#/events/0/goods/1/hs", "goods"),
        ("#/events/0/reports", "reports.0.outlet"), ("#/events/0/reports/2/url", "reports.2.url"),
        ("#/events/0/reports/1", "reports.1.outlet"),
        ("#/events/0/reports/0/terms/rate_percent", "reports.0.terms"), ("#/events/0/event/until", "event.until"),
        ("#/events/0/event/reports/0/published", "event.reports.0.published"), ("#/events/0", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_note_stands_beside_its_field(pointer: str, name: str) -> None:
    """The pointer of a fault or a warning leads to the field that its value is typed into."""
    assert field_of({"detail": "x", "pointer": pointer}) == name


def test_what_is_said_of_no_field_is_left(schema: Schemas) -> None:
    """A folded field with a fault is shown; what is about the whole event is for the head of the form."""
    notes = Notes([{"detail": "wrong", "pointer": "#/events/0/modality"}], [{"detail": "odd", "pointer": "#/events/0"}])
    groups = filled(fact_groups(schema("restriction.imposed")), {"item": "duty"}, notes)
    shown = {each.name: each for each in groups[0].fields}
    assert shown["modality"].faults == ["wrong"]
    assert shown["item"].value == "duty"
    assert notes.others(groups) == Notes([], [{"detail": "odd", "pointer": "#/events/0"}])
