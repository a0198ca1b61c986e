"""Values in words for people: dates, codes, parties, numbers. Whole sentences are in the templates."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from service.domain.matching.partners import names_of
from service.domain.vocabulary.codes import PARTIES
from service.domain.vocabulary.kinds import KINDS
from service.page.markup import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SHOWN = 3
"""Values of a list that a sentence has."""
_SHOWN_ALONE = 8
"""Values of a list that stands by itself."""
_CODE = re.compile("[a-z]+(_[a-z]+)+")
_NAMES = {
    "RU": "Russia",
    "VN": "Vietnam",
    "CD": "DR Congo",
    "TR": "Turkey",
    "CI": "Ivory Coast",
    "EU": "European Union",
}
"""Names that are better known than those of the standard."""
_BARE = {"US": "the United States", "GB": "the United Kingdom", "EU": "the EU", "UN": "the UN", "WTO": "the WTO"}
_PREPARED = ("PH", "NL", "AE", "CZ", "DO", "MV", "BS", "GM", "CF", "CG", "CD", "KM", "MH", "SB", "SC", "VI")
"""Countries whose names take an article in a sentence."""


@cache
def party(code: str) -> str:
    """Return the name of a party as a title has it; the code where there is none."""
    found = _NAMES.get(code) or names_of(code)
    if isinstance(found, str):
        return found
    if code in {"EAEU", "GCC", "SACU", "MERCOSUR", "ASEAN", "EFTA", "UN", "WTO"} or not found:
        return code
    return found[1] if len(found) > 1 and "," in found[0] else found[0].partition(",")[0]


@cache
def party_in_text(code: str) -> str:
    """Return the name of a party within a sentence, with its article."""
    if code in _BARE:
        return _BARE[code]
    return f"the {party(code)}" if code in _PREPARED else party(code)


def party_first(code: str) -> str:
    """Return the name of a party as a sentence begins with it."""
    text = party_in_text(code)
    return text[:1].upper() + text[1:]


@cache
def parties() -> list[tuple[str, str]]:
    """Return every party by code with its name, in the order of names."""
    return sorted(((code, party(code)) for code in PARTIES), key=lambda pair: pair[1])


def is_party(code: str) -> bool:
    """Return whether a text is the code of a party."""
    return code in PARTIES


def choices(values: Sequence[str]) -> list[tuple[str, str]]:
    """Return the values of a choice, each with its words."""
    return [(each, words(each)) for each in values]


def party_named(text: str) -> str | None:
    """Return the code of the party that a text names, by code or by an English name; None where it names none."""
    wanted = text.strip().casefold()
    if text.strip().upper() in PARTIES and text.strip().isupper():
        return text.strip().upper()
    return next((code for code in PARTIES if wanted in {name.casefold() for name in names_of(code)}), None)


def listed(values: Sequence[str], last: str = "and", most: int | None = _SHOWN) -> str:
    """Return values as a sentence lists them, `most` of them and how many more there are."""
    shown = list(values) if most is None or len(values) <= most + 1 else list(values[:most])
    if more := len(values) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    return f" {last} ".join([part for part in (", ".join(shown[:-1]), *shown[-1:]) if part])


def words(name: str) -> str:
    """Return a name of the API as words: `in_force` as "in force"."""
    return name.replace("_", " ")


def coded(text: str) -> Markup:
    """Return a text in which what stands in backticks is code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", escape(text)))


def plural(kind: str) -> str:
    """Return the name of a kind in the plural, as a heading."""
    return KINDS[kind].plural.capitalize() if kind in KINDS else words(kind)


_UPPER = {"us", "eu", "uk", "un", "wto", "ad", "cvd", "lng", "ev", "hs", "usmca", "gsp", "mfn", "hts"}
_TITLED = re.compile(r"\d{4}-\d{2}(?:-\d{2})?(?![^-])|[^-]+")
"""The parts of a slug: a date is one of them."""


@cache
def titled(slug: str) -> str:
    """Return a slug as words that begin with a capital, the best name that an item without a title has.

    Names of countries have theirs, and a date keeps its hyphens: "China ban on US poultry 2025-03".
    """
    text = " ".join([_cased(part) for part in _TITLED.findall(slug)])
    return text[:1].upper() + text[1:]


def _cased(part: str) -> str:
    return part.upper() if part in _UPPER else part.capitalize() if part in _countries() or part in _NAMED else part


_NAMED = {
    *[month.casefold() for month in MONTHS], "chinese", "american", "russian", "canadian", "mexican", "european",
    "indian", "japanese", "korean", "swiss", "australian", "ukrainian", "turkish", "israeli", "geneva", "london",
    "madrid", "stockholm", "xi", "biden", "trump",
}  # fmt: skip
"""Names that slugs often have; "march" and "may" are months there."""


@cache
def _countries() -> frozenset[str]:
    return frozenset([party(code).casefold() for code in PARTIES])


def day_words(day: str) -> str:
    """Return a day, YYYY-MM-DD, as "9 April 2025"; other texts as they are."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return day
    return f"{found.day} {MONTHS[found.month - 1]} {found.year}"


def when(written: str | None) -> str:
    """Return a recorded date in words, no more precise than it is: "June 2025", "between 13 and 15 April 2025"."""
    if not written:
        return ""
    if not written.startswith("["):
        return _plain(written)
    inner = written.strip("[]")
    if ".." in inner:
        low, _, high = inner.partition("..")
        if not low:
            return f"on or before {_plain(high)}"
        return f"between {_short(low, high)} and {_plain(high)}"
    return listed([_plain(each) for each in inner.split(",")], "or", None)


def _short(low: str, high: str) -> str:
    """Return the first day of a range without what it has in common with the last one."""
    if len(low) == len(high) == len("2025-04-13"):
        if low[:7] == high[:7]:
            return str(int(low[8:]))
        if low[:4] == high[:4]:
            return _plain(low).rpartition(" ")[0]
    return _plain(low)


def _plain(written: str) -> str:
    if re.fullmatch(r"\d{4}-\d{2}", written):
        return f"{MONTHS[int(written[5:]) - 1]} {written[:4]}"
    return day_words(written)


def begun(written: str | None) -> str:
    """Return since when, as a sentence goes on: "since June 2025", "since some day between ..."."""
    if not written:
        return ""
    text = when(written)
    return f"since a day {text}" if text.startswith(("between", "on or before")) else f"since {text}"


def percent(value: object) -> str:
    """Return a number of percent: "34%", "7.5%"."""
    return f"{value:g}%" if isinstance(value, (int, float)) else f"{value}%"


def rate(value: Mapping[str, Any]) -> str:
    """Return one rate of a measure in words."""
    head = percent(value["percent"]) if "percent" in value else f"{value.get('amount')} {value.get('currency')}"
    head += f" per {value['per']}" if value.get("per") else ""
    rest = [
        text for text in (
            f"on {named(value['goods'])}" if value.get("goods") else "",
            f"from {party_in_text(value['party'])}" if value.get("party") else "",
            f"made by {value['entity']}" if value.get("entity") else "",
            {"in": "within the quota", "over": "over the quota"}.get(value.get("quota", ""), ""),
            {"all_in": "the ordinary duty included", "minimum_price": "minimum price"}.get(value.get("basis", ""), ""),
        ) if text
    ]  # fmt: skip
    return f"{head} ({', '.join(rest)})" if rest else head


def named(values: Sequence[Mapping[str, Any]] | None, most: int | None = _SHOWN) -> str:
    """Return goods, entities or participants by their names."""
    groups: dict[str, list[str]] = {}
    for each in values or ():
        groups.setdefault(str(each.get("name", "")), []).extend(_code_of(each))
    return listed([_with_codes(name, codes) for name, codes in groups.items()], most=most)


def _code_of(value: Mapping[str, Any]) -> list[str]:
    return [f"HS {value['hs']}"] if value.get("hs") else [value["eccn"]] if value.get("eccn") else []


def _with_codes(name: str, codes: list[str]) -> str:
    return f"{name} ({listed([codes[0], *[each.removeprefix('HS ') for each in codes[1:]]])})" if codes else name


def _name(value: Mapping[str, Any]) -> str:
    return _with_codes(str(value["name"]), _code_of(value))


def all_parties(codes: Sequence[str] | None, none: str = "") -> str:
    """Return parties as a sentence lists them; `none` where there are none."""
    return listed([party_in_text(code) for code in codes]) if codes else none


_TERMS = {"rate_percent": "rate", "charged_percent": "charged", "hs": "HS", "url": "URL", "text_url": "URL of the text"}
_DATES = {"occurred", "effective", "since", "until", "through", "due", "planned_for"}


def term(name: str) -> str:
    """Return the name of a term or a member of a state, in words."""
    return _TERMS.get(name, words(name))


def value_of(name: str, found: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the value of a term in words: a date as a date, a rate with its sign."""
    if name in {"rate_percent", "charged_percent"} and found is not None:
        return percent(found)
    return when(found) if name in _DATES and isinstance(found, str) else value(found)


def value(found: Any) -> str:  # noqa: ANN401 - any JSON
    """Return any value of a term in words."""
    match found:
        case None | bool():
            return {None: "none", True: "yes", False: "no"}[found]
        case str():
            return party(found) if found in PARTIES else words(found) if _CODE.fullmatch(found) else found
        case list():
            return listed([value(each) for each in found], most=_SHOWN_ALONE) or "none"
        case dict():
            return _of_members(found)
        case _:
            return str(found)


def _of_members(found: Mapping[str, Any]) -> str:
    if "name" in found:
        return _name(found)
    if "percent" in found or "amount" in found:
        return rate(found)
    return ", ".join(f"{words(name)} {value(each)}" for name, each in found.items())


def is_ended(kind: str, status: str | None) -> bool:
    """Return whether a status is an end."""
    return kind in KINDS and status in KINDS[kind].ends


_COMING = {"proposed", "announced", "applied", "agreed", "framework_reached", "signed", "scheduled", "planned"}
_HIDDEN = {"suspended", "exhausted", "postponed", "adjourned"}


def look(kind: str, status: str | None) -> str:
    """Return how a status is drawn: `runs`, `coming`, `hidden`, `ended`, or `none`."""
    if status is None:
        return "none"
    if kind == "round" and status == "concluded":
        return "ended"
    if is_ended(kind, status):
        return "ended"
    return "coming" if status in _COMING else "hidden" if status in _HIDDEN else "runs"
