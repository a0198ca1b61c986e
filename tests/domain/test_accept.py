"""Strict JSON: what the decoder refuses, and nothing else, is refused with every fault and its path."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.admit.event_checks import faults_of
from service.domain.admit.json_faults import faults_in, info_of
from service.domain.admit.strict_json import accept
from service.domain.errors import FAULTS_MAX, Malformed, NotJson
from service.domain.vocabulary.events import FACTS, AnyEvent, Batch, Correction
from service.domain.vocabulary.events.measures import RestrictionImposed
from tests.fuzz.targets import LARGE, outcome
from tests.strategies import OPTIONAL, REQUIRED

EVENT: dict[str, Any] = {
    "type": "restriction.imposed",
    "id": "0196b6f0-1111-7000-8000-000000000000",
    "issues": ["rare-earths"],
    "item": "controls-of-april",
    "occurred": "2025-04-04",
    "imposed_by": "CN",
    "against": ["US"],
    "instrument": "export_control",
    "rate_percent": 25,
    "legal_reference": "CN-MOFCOM:2025/18",
    "goods": [{"name": "dysprosium", "element": "Dy"}, {"name": "terbium", "hs": "280530"}],
    "reports": [{"outlet": "MOFCOM", "url": "https://example.org/18", "published": "2025-04-04", "kind": "official"}],
}


def body(*events: object, **members: object) -> bytes:
    return json.dumps({"events": list(events), **members}).encode()


def changed(**fields: object) -> bytes:
    return body({**EVENT, **fields})


def refused(sent: bytes, shape: Any = Batch) -> dict[tuple[str | int, ...], str]:  # noqa: ANN401 - any type
    with pytest.raises(Malformed) as caught:
        accept(sent, shape)
    return dict(caught.value.faults)


def not_json(sent: bytes, shape: Any = Batch) -> str:  # noqa: ANN401
    with pytest.raises(NotJson) as caught:
        accept(sent, shape)
    return caught.value.detail


def test_a_batch_in_order_is_decoded() -> None:
    """A batch without faults is the struct that the decoder makes."""
    assert accept(body(EVENT), Batch) == msgspec.json.decode(body(EVENT), type=Batch)


def test_every_fault_is_listed_with_its_path() -> None:
    """All faults of all events are listed, each with the path to its place."""
    faults = refused(
        body(
            {
                **EVENT,
                "imposed_by": "XX",
                "against": ["US", "UK", 7],
                "colour": "red",
                "goods": [{"name": ""}, {"hs": "1"}],
            },
            {key: value for key, value in EVENT.items() if key not in {"item", "reports"}},
            5,
        )
    )
    assert set(faults) == {
        ("events", 0, "imposed_by"),
        ("events", 0, "against", 1),
        ("events", 0, "against", 2),
        ("events", 0, "colour"),
        ("events", 0, "goods", 0, "name"),
        ("events", 0, "goods", 1, "hs"),
        ("events", 0, "goods", 1, "name"),
        ("events", 1, "item"),
        ("events", 1, "reports"),
        ("events", 2),
    }


@pytest.mark.parametrize(
    ("field", "value", "detail"),
    [
        ("imposed_by", "UK", '"UK" is not an ISO 3166-1 alpha-2 code, XK, EU or another bloc, UN or WTO'),
        ("instrument", "duty", "one of export_control, fee, import_ban, licensing, other, quota, sanction, tariff"),
        ("occurred", "4 April 2025", "YYYY-MM-DD"),
        ("item", "Two Words", "lower-case letters and digits, words joined by single hyphens"),
        ("legal_reference", "18/2025", "For example: US-EO:14298 or CN-MOFCOM:2025/18"),
        ("id", "1", '"1" is not a UUID'),
        ("note", "", "empty"),
        ("note", "x" * 10_001, "has 10001 characters, may have at most 10000"),
        ("note", 5, "expected a string, got an integer"),
        ("rate_percent", "25", "expected an integer or a number, got a string"),
        ("rate_percent", 10**20, "must be at most 100000, not 100000000000000000000"),
        ("rate_percent", -1, "must be at least 0, not -1"),
        ("rate_percent", True, "expected an integer or a number, got a boolean"),
        ("occurred", None, "expected a string, got null"),
        ("reports", [], "has 0 elements, needs at least 1"),
        ("against", ["US"] * 257, "has 257 elements, may have at most 256"),
        ("against", "US", "expected an array, got a string"),
        ("goods", {}, "expected an array, got an object"),
        ("rates", [], "has 0 elements, needs at least 1"),
        ("all_goods", "yes", "expected a boolean, got a string"),
        ("in_place_of", "general-duty", "expected an array, got a string"),
    ],
)
def test_a_fault_is_described_in_the_words_of_a_reader(field: str, value: object, detail: str) -> None:
    """The detail of each sort of fault says what was sent and what is expected."""
    faults = refused(changed(**{field: value}))
    assert list(faults) == [("events", 0, field)]
    assert detail in faults["events", 0, field]


@pytest.mark.parametrize("tag", ["restriction.impose", 5, None, ["restriction.imposed"], {}])
def test_an_unknown_type_is_a_fault_of_the_type(tag: object) -> None:
    """An event with an unknown type has that one fault: its other fields are not checked."""
    assert list(refused(changed(type=tag, colour="red"))) == [("events", 0, "type")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("restriction.impose", "restriction.imposed"),
        ("restriciton.lifted", "restriction.lifted"),
        ("record.retract", "record.retracted"),
        ("clearance.cancelled", None),
        ("tariff.imposed", None),
        ("imposed", None),
        ("restriction.impose" + "d" * 100, None),
    ],
)
def test_an_unknown_type_names_the_nearest_known_one(written: str, meant: str | None) -> None:
    """The type that was probably meant stands in the detail, and none where none is close."""
    detail = refused(changed(type=written))["events", 0, "type"]
    assert detail.endswith(f"; the nearest is {meant}" if meant else "is no known type")


@pytest.mark.parametrize(
    ("written", "meant"), [("occured", "occurred"), ("untill", "until"), ("legal_ref", "legal_reference"), ("x", None)]
)
def test_an_unknown_field_names_the_nearest_known_one(written: str, meant: str | None) -> None:
    """The field that was probably meant stands in the detail, and none where none is close."""
    detail = refused(changed(**{written: "2025"}))["events", 0, written]
    assert detail == "restriction.imposed has no such field" + (f"; the nearest is {meant}" if meant else "")
    within = refused(changed(goods=[{"name": "a", "elment": "Dy"}]))["events", 0, "goods", 0, "elment"]
    assert within == "no such field; the nearest is element"


@pytest.mark.parametrize("depth", [2, 100, 200, 250, 300, 400, 1_000, 5_000])
def test_the_terms_of_a_report_may_be_nested_as_deep_as_they_like(depth: int) -> None:
    """A value of a report is any JSON while it is decoded: no depth, number or name of it is more than a refusal."""
    for value in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        report = f'{{"outlet": "x", "terms": {{"goods": {value}}}}}'
        sent = changed(reports="@").replace(b'"@"', f"[{report}]".encode())
        if depth < 200:
            assert faults_of(accept(sent, Batch).events[0])
        else:
            with contextlib.suppress(NotJson):
                assert faults_of(accept(sent, Batch).events[0])


def test_what_the_decoder_hides_is_found_in_the_terms_of_a_report() -> None:
    """A member named twice, and a NUL, is a fault of its place in a value that has no type of its own."""
    for terms, path in (
        ('{"a": 1, "a": 2}', ("a",)),
        ('{"a": {"b": 1, "b": 2}}', ("a", "b")),
        ('{"a": "\\u0000"}', ("a",)),
    ):
        sent = changed(reports="@").replace(b'"@"', f'[{{"outlet": "x", "terms": {terms}}}]'.encode())
        assert set(refused(sent)) == {("events", 0, "reports", 0, "terms", *path)}


def test_a_missing_type_is_a_fault_of_the_type() -> None:
    """An event without a type has a fault at the path of the type."""
    assert list(refused(body({"colour": "red"}))) == [("events", 0, "type")]


def test_faults_inside_a_correction_keep_their_path() -> None:
    """The path of a fault leads through the union inside a struct."""
    sent = json.dumps({"event": {**EVENT, "goods": [{"name": 1}]}, "reports": [{}]}).encode()
    assert set(refused(sent, Correction)) == {("event", "goods", 0, "name"), ("reports", 0, "outlet")}


def test_keys_and_values_of_a_dictionary_are_checked() -> None:
    """An issue's name and its version are both checked, under the same path."""
    faults = refused(body(EVENT, expected_versions={"A B": 1, "rare-earths": -1}))
    assert set(faults) == {("expected_versions", "A B"), ("expected_versions", "rare-earths")}


def test_more_faults_than_anyone_reads_are_counted() -> None:
    """At most a hundred faults are listed, and the last of them says how many more there are."""
    with pytest.raises(Malformed) as caught:
        accept(body(*[1] * 250), Batch)
    assert len(caught.value.faults) == FAULTS_MAX
    assert caught.value.faults[-1] == ((), "and 151 more faults")


def test_the_count_of_faults_has_an_end() -> None:
    """The counting of faults stops at a thousand more."""
    with pytest.raises(Malformed) as caught:
        accept(changed(**{f"k{index}": 1 for index in range(5_000)}), Batch)
    assert caught.value.faults[-1] == ((), "and more than 1000 more faults")


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "truncated"),
        (b'{"events": [1,]}', "trailing comma"),
        (b'{"events": NaN}', "invalid character"),
        (b'{"events": Infinity}', "invalid character"),
        (b'{"events": []} x', "trailing characters"),
        (b"\xef\xbb\xbf{}", "invalid character"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"\xed\xa0\x80": 1}', "not UTF-8"),
        (b'{"a": "\\ud800\\u0041"}', "surrogate"),
        (b'{"a": "\\udc00"}', "surrogate"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"events":' + b"[" * 100_000, "nested too deep"),
        (b'{"colour":' * 100_000, "nested too deep"),
        (b'{"events": 5, "events": [1,]}', "trailing comma"),
    ],
)
def test_what_is_not_json_is_refused_as_such(sent: bytes, detail: str) -> None:
    """A body that is not JSON is refused for its syntax, whatever else is wrong with it."""
    assert detail in not_json(sent)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 400, "1" * 5_000])
def test_a_number_out_of_range_is_a_fault_of_its_field(number: str) -> None:
    """A number of any size is a fault of its field, without overflow and without infinity."""
    sent = body({**EVENT, "rate_percent": 0}).replace(b'"rate_percent": 0', f'"rate_percent": {number}'.encode())
    assert list(refused(sent)) == [("events", 0, "rate_percent")]


def test_deep_nesting_where_no_type_leads_is_walked_safely() -> None:
    """A deeply nested value in an unknown field is a fault of that field, and so is a NUL inside it."""
    sent = body(EVENT)[:-3] + b', "colour": ' + b"[" * 300 + b'"\\u0000"' + b"]" * 300 + b"}]}"
    assert set(refused(sent)) == {("events", 0, "colour"), ("events", 0, "colour", *[0] * 300)}


def test_a_nul_character_is_refused_wherever_it_is() -> None:
    """A NUL, which PostgreSQL cannot store, is a fault with its path in a text, a list and a name."""
    faults = refused(changed(note="a\0b", goods=[{"name": "\0"}], **{"co\0lour": 1}))
    assert set(faults) == {("events", 0, "note"), ("events", 0, "goods", 0, "name"), ("events", 0, "co\0lour")}


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    """The six characters that escape a NUL may be part of a text."""
    assert accept(changed(note=r"write \u0000 for NUL"), Batch).events[0].note == r"write \u0000 for NUL"


@pytest.mark.parametrize("gap", ["", " ", "\t\r\n "])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_repeated_member_is_refused(gap: str, ascii_only: bool) -> None:  # noqa: FBT001
    """A member named twice is a fault at that member, however the JSON is written."""
    text = json.dumps({"events": [{**EVENT, "note": "Überprüfung: ja"}]}, ensure_ascii=ascii_only)
    twice = text.replace('"item":', f'"item"{gap}:{gap}"another",{gap}"item"{gap}:', 1)
    assert list(refused(twice.encode())) == [("events", 0, "item")]


def test_a_repeated_member_with_an_escaped_name_is_refused() -> None:
    """A member repeated with an escape in its name is found."""
    sent = body(EVENT).replace(b'"item":', b'"it\\u0065m": "another", "item":', 1)
    assert list(refused(sent)) == [("events", 0, "item")]


def test_a_repeated_member_is_found_after_an_escaped_colon() -> None:
    """A colon written as an escape does not hide the colon of a repeated member."""
    sent = body(EVENT, note=0).replace(b', "note": 0', b"")
    sent = sent.replace(b'"item":', b'"note": "a \\u003a b", "item": "another", "item":', 1)
    assert list(refused(sent)) == [("events", 0, "item")]


def test_repeated_members_are_listed_with_other_faults() -> None:
    """A repeated member does not hide what else is wrong."""
    sent = changed(imposed_by="UK").replace(b'"item":', b'"item": "another", "item":', 1)
    assert set(refused(sent)) == {("events", 0, "item"), ("events", 0, "imposed_by")}


@pytest.mark.parametrize("fields", [{"modality": "asserted"}, {"effective": None}, {"note": 'says ": " here'}])
def test_defaults_nulls_and_colons_may_be_written_out(fields: dict[str, object]) -> None:
    """The count of colons is only a hint: bodies without a repeated member are accepted whatever it finds."""
    assert accept(changed(**fields), Batch) == msgspec.json.decode(changed(**fields), type=Batch)


class Loose(msgspec.Struct):
    """A struct that ignores unknown members, and encodes members that were not sent."""

    name: str = ""
    count: int = 0
    note: Annotated[str, msgspec.Meta(max_length=5)] = ""


@pytest.mark.parametrize(
    "sent", [b'{"name": "a", "name": "b"}', b'{"other": {"x": 1, "x": 2}}', b'{"name": "a", "count": 1, "count": 2}']
)
def test_repeated_members_are_found_in_any_shape(sent: bytes) -> None:
    """Repeated members are found in a struct that encodes more than it read or skips members."""
    with pytest.raises(Malformed, match="given more than once"):
        accept(sent, Loose)


def test_bytes_that_an_open_shape_skips_must_be_utf8() -> None:
    """Bytes that are not UTF-8 are refused in unknown members too, which the decoder skips."""
    assert not_json(b'{"other": "\xff"}', Loose) == "not UTF-8"


def test_a_struct_alone_insists_on_its_tag() -> None:
    """A tagged struct outside a union refuses the tag of another type."""
    sent = json.dumps({**EVENT, "type": "restriction.eased"}).encode()
    assert list(refused(sent, RestrictionImposed)) == [("type",)]


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "US", "us", "2025-04-04", "2025-13", "a-b", "A", "asserted", "Dy", "3A090", "280530", "x" * 600]
    ),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    st.sampled_from([[], {}, [[]], [{}], {"name": "x"}, [1, "US"], {"by": "US", "action": "x"}]).map(copy.deepcopy),
)


@st.composite
def sound(draw: st.DrawFn) -> dict[str, Any]:
    """Draw an event of any type of fact, with what it requires and some of what it may say."""
    tag = draw(st.sampled_from(sorted(FACTS)))
    kind = tag.partition(".")[0]
    event = {key: EVENT[key] for key in ("issues", "item", "occurred", "reports")} | {"type": tag}
    optional = OPTIONAL.get(kind, {})
    chosen = draw(st.lists(st.sampled_from(sorted(optional)), unique=True)) if optional else []
    return event | REQUIRED.get(kind, {}) | {key: draw(st.sampled_from(optional[key])) for key in chosen}


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        found += places(part, (*path, key))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """Draw a batch of one to three events, with up to four parts replaced, taken away or added."""
    batch: Any = {"events": copy.deepcopy(draw(st.lists(sound(), min_size=1, max_size=3)))}
    for _ in range(draw(st.integers(0, 4))):
        path = draw(st.sampled_from(places(batch)))
        if not path:
            continue
        parent = batch
        for step in path[:-1]:
            parent = parent[step]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del parent[path[-1]]
        elif action == "replace":
            parent[path[-1]] = draw(JUNK)
        elif isinstance(parent, dict):
            parent[draw(st.sampled_from(["colour", "effective", "goods", "until", "by"]))] = draw(JUNK)
        else:
            parent.append(draw(JUNK))
    return batch


@given(damaged())
def test_accept_refuses_what_the_decoder_refuses_and_nothing_else(batch: object) -> None:
    """Any damaged batch is decoded to the same value, or refused with faults that lie within what was sent."""
    sent = json.dumps(batch).encode()
    try:
        expected = msgspec.json.decode(sent, type=Batch)
    except msgspec.ValidationError:
        found = set(places(batch))
        with pytest.raises(Malformed) as caught:
            accept(sent, Batch)
        assert all(not path or path in found or path[:-1] in found for path, _ in caught.value.faults)
        assert list(faults_in(msgspec.json.decode(sent), info_of(Batch))), "the walk itself found nothing"
    else:
        assert accept(sent, Batch) == expected


@given(sound(), st.data())
def test_any_member_given_twice_is_found(event: dict[str, Any], data: st.DataObject) -> None:
    """Wherever an object of an event names a member twice, that member is the fault."""
    objects = [path for path in places(event) if path and isinstance(path[-1], str)]
    path = data.draw(st.sampled_from(objects))

    def write(value: object, here: tuple[str | int, ...]) -> str:
        if isinstance(value, dict):
            members = [f"{json.dumps(key)}:{write(part, (*here, key))}" for key, part in value.items()]
            members += [f"{json.dumps(key)}:{json.dumps(part)}" for key, part in value.items() if (*here, key) == path]
            return "{" + ",".join(members) + "}"
        if isinstance(value, list):
            return "[" + ",".join(write(part, (*here, index)) for index, part in enumerate(value)) + "]"
        return json.dumps(value, ensure_ascii=data.draw(st.booleans()))

    sent = f'{{"events":[{write(event, ())}]}}'.encode()
    assert refused(sent) == {("events", 0, *path): "given more than once"}


@given(sound(), st.data())
def test_damaged_bytes_never_raise_anything_else(event: dict[str, Any], data: st.DataObject) -> None:
    """A body with bytes changed, cut or put in is decoded or refused; nothing else is raised."""
    sent = bytearray(body(event))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(sent)))
        sent[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        accepted = accept(bytes(sent), Batch)
    except (Malformed, NotJson):
        pass
    else:
        assert accepted == msgspec.json.decode(bytes(sent), type=Batch)


@given(damaged(), st.booleans())
def test_a_large_body_is_taken_and_refused_as_a_small_one(batch: Any, ascii_only: bool) -> None:  # noqa: ANN401, FBT001
    """A body that is decoded a part at a time has the value and the faults of one that is decoded at once."""
    sent = json.dumps(batch, ensure_ascii=ascii_only).encode()
    assert outcome(sent + LARGE) == outcome(sent)


@given(sound(), st.data())
def test_damaged_bytes_of_a_large_body_are_refused_as_those_of_a_small_one(
    event: dict[str, Any], data: st.DataObject
) -> None:
    """Bytes that are changed, cut or put in, and parts that are there twice, are found in a large body, too."""
    sent = bytearray(body(event, event, expected_versions={"rare-earths": 1}))
    for _ in range(data.draw(st.integers(1, 3))):
        first, size = data.draw(st.integers(0, len(sent))), data.draw(st.integers(0, 40))
        sent[first : first + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2)) or sent[first:][:size]
    assert outcome(bytes(sent) + LARGE) == outcome(bytes(sent))


@pytest.mark.parametrize(
    "sent",
    [
        b'{"events":[1],"events":[2]}',
        body(EVENT).replace(b'{"events"', b'{"events": [], "events"'),
        body(EVENT).replace(b'{"events"', b'{"ev\\u0065nts": [], "events"'),
        body(EVENT, expected_versions={"rare-earths": 1}).replace(b'-earths": 1', b'-earths": 1, "rare-earths": 1'),
        changed(note="a\0b"),
        changed(rate_percent=0).replace(b'"rate_percent": 0', b'"rate_percent": 1e999'),
        changed(rate_percent=0).replace(b'"rate_percent": 0', b'"rate_percent": ' + b"1" * 5_000),
        body(),
        body(*[EVENT] * 1_001),
        body(EVENT, another=1),
        b"[]",
        b"[1e999]",
        b"1e999",
        b'{"events": 5, "events": [1,]}',
        b'{"colour":' * 100_000,
    ],
)
def test_what_a_large_body_hides_is_found(sent: bytes) -> None:
    """Members named twice, NUL characters and numbers out of range are found where a part is decoded at a time."""
    found = outcome(sent)
    assert outcome(sent + LARGE) == found
    assert not isinstance(found, Batch)


@given(damaged())
def test_single_events_are_refused_alike(batch: Any) -> None:  # noqa: ANN401
    """Faults are found in a union at the top as in one inside."""
    for event in batch["events"] if isinstance(batch, dict) and isinstance(batch.get("events"), list) else ():
        sent = json.dumps(event).encode()
        try:
            msgspec.json.decode(sent, type=AnyEvent)
        except msgspec.ValidationError:
            assert refused(sent, AnyEvent)


@pytest.mark.parametrize(
    ("member", "value", "path", "detail"),
    [
        ("goods", {"hs": "280"}, ("hs",), "HS code of 2, 4 or 6 digits, or of 8 or 10 with national ones"),
        ("goods", {"hs": "280530100000"}, ("hs",), "HS code of 2, 4 or 6 digits"),
        ("goods", {"hs_editon": "2022"}, ("hs_editon",), "the nearest is hs_edition"),
        ("entities", {"residul": True}, ("residul",), "the nearest is residual"),
        ("entities", {"also": []}, ("also",), "has 0 elements, needs at least 1"),
        ("rates", {"percnt": 25}, ("percnt",), "the nearest is percent"),
        ("rates", {"basis": "all-in"}, ("basis",), "one of additional, all_in, minimum_price"),
        ("rates", {"currency": "euro"}, ("currency",), "A currency by its ISO 4217 code"),
        ("rates", {"party": "UK"}, ("party",), "XK, EU or another bloc, UN or WTO"),
        ("rates", {"quota": "within"}, ("quota",), "one of in, over"),
    ],
)
def test_a_fault_of_a_part_has_its_place(
    member: str, value: dict[str, Any], path: tuple[str, ...], detail: str
) -> None:
    """What is wrong within goods, entities and rates is named where it stands, with the nearest name of a field."""
    part = value if member == "rates" else {"name": "x", **value}
    faults = refused(changed(**{member: [part]}))
    assert list(faults) == [("events", 0, member, 0, *path)]
    assert detail in faults["events", 0, member, 0, path[0]]


@pytest.mark.parametrize("party", ["EU", "UN", "WTO", "EAEU", "GCC", "SACU", "MERCOSUR", "ASEAN", "EFTA", "XK"])
def test_blocs_and_bodies_are_parties(party: str) -> None:
    """A bloc or a body stands wherever a country may."""
    batch = accept(changed(imposed_by=party, against=[party]), Batch)
    (event,) = batch.events
    assert (event.imposed_by, event.against) == (party, (party,))  # type: ignore[union-attr]
