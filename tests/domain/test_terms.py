"""Terms are checked and found by their types: a field of a new name needs no entry in a table."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import given

from service.domain.admit.event_checks import faults_of
from service.domain.vocabulary.codes import PARTIES, ActingParty, Edtf, EntityName, Party, RestrictionSlug, TargetParty
from service.domain.vocabulary.dates import PATTERN
from service.domain.vocabulary.events import FACTS, AnyEvent, Fact
from service.domain.vocabulary.events.base import Good, Part
from service.domain.vocabulary.terms import date_fields, term_value, tokens_by_term
from tests.strategies import histories


class Share(Part, frozen=True, kw_only=True):
    """A part of a quota."""

    holder: EntityName
    country: Party | None = None
    opens: Edtf | None = None


class QuotaOpened(Fact, frozen=True, tag="quota.opened", kw_only=True):
    """A kind that the vocabulary does not have, with no field name of one that it has."""

    window: Edtf
    administered_by: ActingParty
    open_to: tuple[TargetParty, ...] = ()
    origin: Party | None = None
    shares: tuple[Share, ...] = ()
    product: Good | None = None
    eases: RestrictionSlug | None = None
    label: str | None = None


def quota(**fields: object) -> QuotaOpened:
    common = {"issues": ["steel"], "item": "steel-quota", "occurred": "2025-04-04", "reports": [{"outlet": "EU"}]}
    given_ = {"type": "quota.opened", "window": "2025", "administered_by": "EU", **common, **fields}
    return msgspec.convert(given_, QuotaOpened)


@pytest.mark.parametrize("text", ["2025-02-30", "2025-13", "[2025-05-02..2025-05-01]"])
def test_a_date_of_a_new_name_is_checked(text: str) -> None:
    """A day that does not exist is refused in a field that only its type makes a date."""
    assert [fault.path for fault in faults_of(quota(window=text))] == [("window",)]


def test_a_date_within_a_part_of_a_new_name_is_checked() -> None:
    """A day that does not exist is refused in a part of an array too, with its index."""
    shares = [{"holder": "a"}, {"holder": "b", "opens": "2025-02-30"}]
    assert [fault.path for fault in faults_of(quota(shares=shares))] == [("shares", 1, "opens")]


def test_a_term_of_a_new_name_is_found_by_its_type() -> None:
    """Parties, the acting one, targets, entities, goods and a restriction are found by type."""
    shares = [{"holder": "Acme  Steel", "country": "BR"}]
    product = {"name": "Hot Rolled", "hs": "720851"}
    found = tokens_by_term(
        quota(open_to=["GB"], origin="TR", shares=shares, product=product, eases="steel-tariff", label="x")
    )
    assert found == {
        "administered_by": ("by:EU", "party:EU"),
        "open_to": ("party:GB", "against:GB"),
        "origin": ("party:TR",),
        "shares": ("entity:acme steel", "entity-word:acme", "entity-word:steel", "party:BR"),
        "product": (
            *("good:hot rolled", "good-word:hot", "good-word:rolled", "uncoded:eccn"),
            *("hs:72", "hs:7208", "hs:720851", "hs-exactly:720851"),
        ),
        "eases": ("restriction:steel-tariff", "of-restriction"),
    }


def test_the_dates_of_the_vocabulary_are_those_of_its_types() -> None:
    """Each type of fact has as dates the fields whose text has the pattern of a date, those in its parts too."""
    for name, struct in FACTS.items():
        _, schemas = msgspec.json.schema_components([struct])
        fields = schemas[struct.__name__]["properties"]
        own = {field for field, schema in fields.items() if _is_date(schema)}
        parts = fields.keys() & {"reports", "quota", "used"}
        found = date_fields(struct)
        assert (set(found.own.values()), set(found.parts)) == (own, parts), name
        assert own >= {"occurred", "effective", "until", "through"}


def test_a_date_of_a_quota_is_checked_under_its_name_in_json() -> None:
    """A day that does not exist is refused in a part that is no array, with the name that it has in JSON."""
    terms = {"quota": {"volume": 1, "unit": "t", "from": "2025-02-30", "through": "2025-13"}, "used": {"volume": 0.5}}
    event = {
        "type": "clearance.amended",
        "issues": ["i"],
        "item": "c",
        "occurred": "2025",
        "reports": [{"outlet": "x"}],
    }
    paths = [fault.path for fault in faults_of(msgspec.convert({**event, **terms}, AnyEvent))]
    assert paths == [("quota", "from"), ("quota", "through")]


def test_two_spellings_of_a_value_are_one_term() -> None:
    """A value from JSON becomes what a fact has as its term; a name that is no term, or another type, is refused."""
    struct = FACTS["restriction.eased"]
    good = Good(name="steel")
    assert term_value(struct, "goods", [{"name": "steel", "hs": None}]) == (good,)
    assert term_value(struct, "rate_percent", 25) == term_value(struct, "rate_percent", 25.0)
    with pytest.raises(KeyError):
        term_value(struct, "occurred", "2025")
    for name, value in (("rate_percent", "25"), ("rate_percent", None), ("goods", [{"name": 1}])):
        with pytest.raises(msgspec.ValidationError):
            term_value(struct, name, value)


def _is_date(schema: dict[str, Any]) -> bool:
    """Return whether a schema is that of a date, or of a date or null."""
    return any(each.get("pattern") == PATTERN for each in (schema, *schema.get("anyOf", ())))


def test_one_term_has_one_type_in_a_kind() -> None:
    """A term of one name has the same type in every change of its kind, where a later value replaces it."""
    seen: dict[tuple[str, str], Any] = {}
    for name, struct in FACTS.items():
        fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
        for term in fields.keys() - set(Fact.__struct_fields__):
            kind = name.partition(".")[0]
            present = _present(fields[term])
            assert seen.setdefault((kind, term), present) == present, (name, term)


def _present(hint: Any) -> frozenset[Any]:  # noqa: ANN401 - a type
    """Return the members of a type but None: an opening requires what a later change may leave out."""
    return frozenset(get_args(hint) if get_origin(hint) in (Union, UnionType) else [hint]) - {NoneType}


@given(histories())
def test_every_party_of_an_event_is_a_token(history: list[dict[str, Any]]) -> None:
    """An event is found by every party that it names, in whatever field."""
    for event in history:
        fact = msgspec.convert(event, AnyEvent)
        if isinstance(fact, Fact):
            found = {token for tokens in tokens_by_term(fact).values() for token in tokens}
            terms = {name: value for name, value in event.items() if name not in Fact.__struct_fields__}
            named = {name: value for name, value in terms.items() if name not in {"except_parties", "rates"}}
            assert {f"party:{party}" for party in _parties(named)} <= found
            assert {f"except-party:{party}" for party in terms.get("except_parties", ())} <= found


def _parties(value: object) -> set[str]:
    """Find what only capital letters are written with: no other text of the generated histories looks so."""
    texts = {"element", "name", "role", "also", "forum"}
    if isinstance(value, dict):
        return set().union(*[_parties(each) for name, each in value.items() if name not in texts])
    if isinstance(value, list):
        return set().union(*[_parties(each) for each in value])
    return {value} if isinstance(value, str) and value in PARTIES else set()
