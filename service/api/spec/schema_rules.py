"""What a request is beyond the types of its members, as far as a schema can say it; `domain/admit` checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import msgspec

Schema = dict[str, Any]


def _none_of(*names: str) -> Schema:
    return {"properties": {name: {"not": {}} for name in names}}


def _both(*names: str) -> Schema:
    return {"properties": {name: {} for name in names}, "required": [*names]}


_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
RECEIVER = rf"^https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?([/?][!\u0022$-~]*)?$"
"""The form of the URL of a receiver, for the document; `webhooks/guard.py` checks it and more."""

NEVER: dict[str, Schema] = {
    "Fact": _both("until", "through"),
    "RestrictionOpening": _none_of("goods", "entities", "all_goods"),
    "Rate": {"anyOf": [_none_of("percent", "amount"), _both("percent", "amount")]},
    "IssueRevision": _none_of("title", "summary", "parties", "goods"),
    "Resubscribing": _none_of("url", "filter", "state"),
}
"""What a request never is, by the struct that it is of, or one of its bases. Generators pass over `not`."""

NEEDS: dict[str, dict[str, list[str]]] = {
    "Good": {"hs_edition": ["hs"]},
    "Rate": {"amount": ["currency"], "currency": ["amount"], "per": ["amount"]},
}
"""Members of a request that need others, by struct."""

MEMBERS: dict[str, dict[str, Schema]] = {
    "CallHeld": {"participants": {"minItems": 1}},
    "ClearanceOpening": {"beneficiaries": {"minItems": 1}},
    "Fact": {"issues": {"uniqueItems": True}, "unset": {"uniqueItems": True}},
    "Issue": {"issues": {"maxItems": 1}},
    "Record": {"issues": {"uniqueItems": True}},
    "Quota": {"volume": {"exclusiveMinimum": 0}},
    "Resubscribing": {"url": {"pattern": RECEIVER}},
    "Restriction": {"in_place_of": {"uniqueItems": True}},
    "Subscribing": {"url": {"pattern": RECEIVER}},
}
"""What members are beyond their types, in requests and in answers, by struct and member."""


def ruled(schema: Schema, struct: type[msgspec.Struct]) -> Schema:
    """Return the schema of a request with the rules of its struct."""
    lines = [base.__name__ for base in struct.__mro__]
    never = [NEVER[name] for name in lines if name in NEVER]
    needs = {field: rule for name in lines for field, rule in NEEDS.get(name, {}).items()}
    return {
        **schema,
        **({"not": never[0] if len(never) == 1 else {"anyOf": never}} if never else {}),
        **({"dependentRequired": needs} if needs else {}),
    }


def member_ruled(schema: Schema, struct: type[msgspec.Struct], field: str) -> Schema:
    """Return the schema of a member of a struct with what it must be beyond its type."""
    lines = [base.__name__ for base in struct.__mro__]
    rules = {key: value for name in lines for key, value in MEMBERS.get(name, {}).get(field, {}).items()}
    if field == "unset":
        kind = str(struct.__struct_config__.tag).partition(".")[0]
        rules["items"] = {"$ref": f"#/components/schemas/{kind.capitalize()}TermName"}
    replaced = "minimum" if "exclusiveMinimum" in rules else ""
    return {**{key: value for key, value in schema.items() if key != replaced}, **rules}
