"""Hypothesis strategies for histories: small lists of events that use every rule of docs/semantics.md.

A history has one to three issues, opened first, and a few items of fixed kinds. Its dates lie in a window of 16
days, so that their order and ties matter; uncertain date strings come from a pool of at most three a history, one of
them wide, so that enumerating all readings stays affordable.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import strategies as st

from tests.oracle import CHANGES, Change, bounds

Event = dict[str, Any]
Draw = st.DrawFn

FIRST_DAY = date(2025, 6, 3)
WINDOW = 16

ISSUES = ("rare-earths", "chips", "shipping")
KINDS = (
    "restriction",
    "clearance",
    "clearance",
    "agreement",
    "offer",
    "round",
    "demand",
    "threat",
    "commitment",
    "investigation",
    "dispute",
    "call",
    "statement",
)
DATES = ("occurred", "effective", "until", "through")
TIMES = (*DATES, "until_condition")
LIFE = 9
"""Events at most of a history that has its issues and one life."""
REPORT_FREE = ("record.retracted", "record.disputed", "record.corrected")
"""Records that need no report of their own."""
LEFT: list[Event] = [
    {},
    {"portion": "part"},
    {"portion": "full"},
    {"rate_percent": 10},
    {"rate_percent": 0},
    {"rates": [{"percent": 7.5, "basis": "additional"}]},
    {"rates": [{"percent": 0, "quota": "in"}, {"amount": 20, "currency": "USD", "per": "t", "quota": "over"}]},
]
"""What a suspension of a restriction may leave."""

# What each opening must say (design, section 3, "Required"), and what any change of the kind may say.

REQUIRED: dict[str, Event] = {
    "issue": {
        "title": "An issue",
        "summary": "What it is about.",
        "parties": ["US", "CN"],
        "goods": [{"name": "dysprosium"}],
    },
    "restriction": {
        "imposed_by": "CN",
        "instrument": "export_control",
        "goods": [{"name": "dysprosium", "element": "Dy"}],
    },
    "clearance": {"granted_by": "CN", "beneficiaries": [{"name": "Ford", "country": "US"}]},
    "threat": {"by": "US", "against": ["CN"], "action": "raise tariffs"},
    "offer": {"by": "US", "to": "CN", "promise": "ease the chip rules"},
    "demand": {"by": "CN", "of": "US", "action": "drop the entity list"},
    "commitment": {"by": "CN", "action": "issue licences"},
    "statement": {"speaker": "A minister", "party": "US"},
    "call": {"participants": [{"name": "A president", "party": "US"}]},
    "agreement": {"parties": ["US", "CN"], "title": "A framework"},
}
GOODS: list[list[Event]] = [
    [{"name": "Magnets", "hs": "850511"}],
    [{"name": "Rare  earths", "hs": "2805"}, {"name": "dysprosium", "element": "Dy", "hs": "280530"}],
    [{"name": "AI accelerators", "eccn": "3A090.a"}, {"name": "magnets", "hs": "85"}],
    [{"name": "Rare-earth elements"}, {"name": "permanent magnet alloys", "hs": "2805301000", "hs_edition": "2022"}],
    [{"name": "tomatoes", "hs": "0702", "place": "Xinjiang"}],
]
ENTITIES: list[list[Event]] = [
    [{"name": "Huawei", "country": "CN"}],
    [{"name": "Not named", "count": 3}],
    [{"name": "HUAWEI TECHNOLOGIES CO., LTD.", "also": ["华为", "Hua Wei"]}, {"name": "All others", "residual": True}],
]
RATES: list[list[Event]] = [
    [{"percent": 34}],
    [{"percent": 10, "party": "GB", "quota": "in"}, {"percent": 50, "basis": "all_in", "goods": [{"name": "steel"}]}],
    [{"amount": 2.5, "currency": "EUR", "per": "kg", "basis": "minimum_price", "entity": "Huawei"}],
]
QUOTAS: list[Event] = [
    {"volume": 5_000, "unit": "t", "from": "2025-06", "through": "2025-06-30"},
    {"volume": 0.5, "unit": "USD"},
]
OPTIONAL: dict[str, dict[str, list[Any]]] = {
    "issue": {"title": ["A new title"], "parties": [["US", "CN", "EU"]]},
    "restriction": {
        "rate_percent": [0, 10, 145],
        "portion": ["full", "part"],
        "against": [["US"], ["US", "EU"], ["EFTA"], [], []],
        "except_parties": [["DE"], ["MX", "DE"]],
        "goods": GOODS,
        "all_goods": [True, True, False],
        "except_goods": [[{"name": "Magnet", "hs": "8505"}], [{"name": "energy", "hs": "27"}, {"name": "rare earths"}]],
        "entities": ENTITIES,
        "rates": RATES,
        "quota": QUOTAS,
        "in_place_of": [["older-duty"], ["older-duty", "oldest-duty"]],
        "following": ["an-investigation"],
        "legal_reference": ["CN-MOFCOM:2025/18", "US-EO:14298"],
    },
    "clearance": {
        "scope": ["six months"],
        "temporary": [True, False],
        "goods": [*GOODS, []],
        "restriction": ["restriction-1", "restriction-1", "restriction-2"],
        "beneficiaries": [[{"name": "Magnets of Ohio", "country": "US"}, {"name": "Others"}], [{"name": "importers"}]],
        "quota": QUOTAS,
        "used": [{"volume": 100, "on": "2025-06"}, {"volume": 250.5}],
    },
    "agreement": {
        "parties": [["EU", "US"], ["EFTA", "CN"]],
        "title": ["Another title"],
        "in_force_for": [["US"], []],
        "text_url": ["https://example.org/text"],
    },
    "offer": {"condition": [{"by": "CN", "action": "issue licences"}]},
    "round": {
        "participants": [[{"name": "A", "party": "US"}, {"name": "B", "party": "EU"}]],
        "number": [1, 2],
        "city": ["London", "Geneva"],
        "country": ["GB"],
        "outcome": ["a framework"],
    },
    "demand": {"target": ["us-chip-controls"]},
    "threat": {"trigger": ["no deal"]},
    "commitment": {"to": ["US"]},
    "investigation": {
        "by": ["US"],
        "against": [["CN"], ["EU", "US"]],
        "legal_basis": ["Section 301"],
        "goods": GOODS,
        "rates": RATES,
    },
    "dispute": {"by": ["CN", "EU"], "against": [["US"], ["CN", "EU"]], "forum": ["WTO"], "number": ["DS633"]},
    "call": {"initiator": ["US"], "topics": [["magnets"]]},
    "statement": {
        "party": ["CN"],
        "about": ["restriction-1", "What China does", "US duties"],
        "summary": ["Talks go well."],
        "stance": ["demanding"],
    },
}


def as_log(events: Sequence[Event]) -> list[Event]:
    """Return the events as the feed gives them when each is recorded a second after the one before."""
    start = datetime(2025, 7, 1, tzinfo=UTC)
    times = [(start + timedelta(seconds=place)).isoformat().replace("+00:00", "Z") for place in range(len(events))]
    return [
        {"position": place, "recorded_at": time, **event}
        for place, (time, event) in enumerate(zip(times, events, strict=True), start=1)
    ]


def days_asked() -> st.SearchStrategy[date]:
    """Draw a day D in the window of the histories or a little outside it."""
    return st.dates(FIRST_DAY - timedelta(2), FIRST_DAY + timedelta(WINDOW + 5))


def days_near(history: Sequence[Event]) -> st.SearchStrategy[date]:
    """Draw a day D on which something may change: a bound of a date of the history, the day before or the day after."""
    texts = [text for event in history for text in (event, event.get("event", {}))]
    marks = {bound for text in texts for name in DATES if name in text for bound in bounds(text[name])}
    near = {mark + timedelta(step) for mark in marks - {date.min} for step in (-1, 0, 1)}
    return st.sampled_from(sorted(near))


def days_published(log: Sequence[Event]) -> st.SearchStrategy[date]:
    """Draw a day of publication on which something may come to count, or the day before."""
    bodies = [body for event in log for body in (event, event.get("event", {}))]
    texts = {report["published"] for body in bodies for report in body.get("reports", []) if "published" in report}
    marks = {bounds(text)[1] for text in texts} | {date.fromisoformat(event["recorded_at"][:10]) for event in log}
    return st.sampled_from(sorted(mark - timedelta(step) for mark in marks for step in (0, 0, 1)))


def exact_days() -> st.SearchStrategy[str]:
    """Draw a full day in the window."""
    return st.integers(0, WINDOW - 1).map(_day)


def uncertain_dates() -> st.SearchStrategy[str]:
    """Draw a range of up to five days or a pair; now and then a month or an open range."""
    return st.one_of(narrow_dates(), narrow_dates(), narrow_dates(), wide_dates())


@st.composite
def narrow_dates(draw: Draw) -> str:
    """Draw a range of up to five days, or a pair."""
    first = draw(st.integers(0, WINDOW - 6))
    if draw(st.sampled_from(["range", "range", "pair"])) == "pair":
        return f"[{_day(first)},{_day(first + draw(st.integers(1, 5)))}]"
    return f"[{_day(first)}..{_day(first + draw(st.integers(0, 4)))}]"


def wide_dates() -> st.SearchStrategy[str]:
    """Draw a month or an open range."""
    return st.one_of(st.just("2025-06"), st.integers(0, WINDOW - 6).map(lambda last: f"[..{_day(last)}]"))


class Cast(NamedTuple):
    """What a history is about: the kind of each item by its name, issues too, and its few uncertain dates."""

    kinds: Mapping[str, str]
    pool: Sequence[str]

    @property
    def issues(self) -> list[str]:
        """The names of the issues."""
        return [item for item, kind in self.kinds.items() if kind == "issue"]


def pools() -> st.SearchStrategy[list[str]]:
    """Draw the uncertain dates of one history: at most three, one of them wide."""
    one = st.lists(narrow_dates(), min_size=1, max_size=3)
    return st.one_of(one, one, st.builds(lambda wide, narrow: [wide, *narrow[:2]], wide_dates(), one))


def named(kinds: Sequence[str]) -> dict[str, str]:
    """Name an item of each kind: the kind of each by its name."""
    return {f"{kind}-{number}": kind for number, kind in enumerate(kinds, start=1)}


@st.composite
def openings(draw: Draw, cast: Cast, issue: str) -> Event:
    """Draw the opening of an issue, without an id."""
    return _Texts(draw, cast).opened(issue)


@st.composite
def facts(draw: Draw, cast: Cast, item: str) -> Event:
    """Draw a fact about an item, without an id."""
    return _Texts(draw, cast).fact(item)


@st.composite
def times(draw: Draw, cast: Cast) -> Event:
    """Draw the dates of a fact: `occurred`, maybe `effective`, an end and `until_condition`."""
    return _Texts(draw, cast).dates()


@st.composite
def reports(draw: Draw, cast: Cast) -> list[Event]:
    """Draw one or two reports."""
    return _Texts(draw, cast).reports()


@st.composite
def histories(draw: Draw, *, max_events: int = 18) -> list[Event]:
    """Draw a history: valid events in the order of recording, without positions; the issues are opened first."""
    return _History(draw, max_events).events


def id_of(number: int) -> str:
    """Return the id of an event by its number in its history."""
    return str(UUID(int=(7 << 76) | (8 << 60) | number))


class _Texts:
    """Draws the texts of facts about a cast."""

    def __init__(self, draw: Draw, cast: Cast) -> None:
        self.draw, self.cast = draw, cast

    def opened(self, issue: str) -> Event:
        """Draw the opening of an issue."""
        head = {"type": "issue.opened", "item": issue, "issues": [issue], "occurred": self._date()}
        return head | REQUIRED["issue"] | {"reports": self.reports()}

    def fact(self, item: str) -> Event:
        """Draw a fact about an item."""
        return self.text(item, self._change(self.cast.kinds[item]))

    def _change(self, kind: str) -> str:
        """Draw a change of the kind, openings, what hides and what returns twice as likely; an issue is opened once."""
        row = CHANGES[kind].values()
        others = [change.name for change in row if not change.opens]
        twice = [change.name for change in row if change.opens or change.hides or change.returns]
        first = [change.name for change in row if change.opens]
        name: str = self.draw(st.sampled_from(others if kind == "issue" else first + twice + others))
        return name

    def text(self, item: str, change: str) -> Event:
        """Draw a fact of this name about an item."""
        kind = self.cast.kinds[item]
        terms = self._terms(kind, CHANGES[kind][change])
        return (
            {"type": f"{kind}.{change}", "item": item, "issues": self.issues(item)}
            | terms
            | self._unset(kind, terms)
            | self.dates()
            | self._modality(f"{kind}.{change}")
            | {"reports": self.reports(kind)}
        )

    def issues(self, item: str) -> list[str]:
        """Draw the issues that a fact about an item names."""
        if item in self.cast.issues:
            return [item]
        return self.draw(st.lists(st.sampled_from(self.cast.issues), min_size=1, max_size=2, unique=True))

    def _terms(self, kind: str, change: Change) -> Event:
        """Draw terms; what hides a restriction mostly says what is collected."""
        required = REQUIRED.get(kind, {}) if change.opens else {}
        may = {name: st.sampled_from(values) for name, values in OPTIONAL[kind].items()}
        drawn = self.draw(st.fixed_dictionaries({}, optional=may))
        if change.hides and kind == "restriction":
            drawn |= self.draw(st.sampled_from(LEFT))
        return required | drawn

    def _unset(self, kind: str, given: Event) -> Event:
        """Now and then take away one or two terms of the kind that the fact does not give."""
        names = sorted({*OPTIONAL[kind], *REQUIRED.get(kind, {})} - given.keys())
        if not names or self.draw(st.integers(0, 5)) < 5:
            return {}
        return {"unset": self.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))}

    def _modality(self, name: str) -> Event:
        """Mostly nothing, which means asserted; an issue is opened by an asserted fact alone."""
        if name == "issue.opened":
            return {}
        words = [None] * 9 + ["asserted", "planned", "planned", "conditional", "denied"]
        word = self.draw(st.sampled_from(words))
        return {} if word is None else {"modality": word}

    def _date(self) -> str:
        text: str = self.draw(st.one_of(exact_days(), st.sampled_from(self.cast.pool)))
        return text

    def dates(self) -> Event:
        """`occurred`; often an `effective`, mostly later; often an end, never before any day of `effective`."""
        dates = {"occurred": self._date()}
        when = self.draw(st.sampled_from(["occurred", "occurred", "later", "later", "any"]))
        if when == "later":
            dates["effective"] = _later(dates["occurred"], self.draw(st.integers(0, 6)))
        elif when == "any":
            dates["effective"] = self._date()
        start = dates.get("effective", dates["occurred"])
        end = self.draw(st.sampled_from(["", "", "", "until", "through"]))
        if end:
            dates[end] = self._until(start) if end == "until" else self._through(start)
        if self.draw(st.integers(0, 9)) == 9:
            dates["until_condition"] = "unless the parties agree otherwise"
        return dates

    def _until(self, effective: str) -> str:
        """Draw a day, or days in brackets: an end in words is a `through`."""
        text: str = self.draw(st.one_of(self._day_after(effective), *self._pooled(effective)))
        return text

    def _through(self, effective: str) -> str:
        """Draw a day, days in brackets, a month or a year."""
        last = bounds(effective)[1].isoformat()
        words = st.sampled_from([last[:7], last[:7], last[:4]])
        text: str = self.draw(st.one_of(self._day_after(effective), words, *self._pooled(effective)))
        return text

    def _day_after(self, effective: str) -> st.SearchStrategy[str]:
        return st.integers(0, 8).map(lambda days: _later(effective, days))

    def _pooled(self, effective: str) -> list[st.SearchStrategy[str]]:
        bracketed = [text for text in self.cast.pool if text.startswith("[")]
        later = [text for text in bracketed if bounds(text)[0] >= bounds(effective)[1]]
        return [st.sampled_from(later)] if later else []

    def reports(self, kind: str | None = None) -> list[Event]:
        """Draw one to three reports; now and then the same twice, and now and then all deny."""
        drawn = [self._report(kind) for _ in range(self.draw(st.sampled_from([1, 1, 1, 2, 2, 3])))]
        form = self.draw(st.sampled_from([""] * 12 + ["twice", "denied"]))
        if form == "denied":
            return [report | {"stance": "denies"} for report in drawn]
        return [*drawn, drawn[0]] if form == "twice" else drawn

    def _report(self, kind: str | None) -> Event:
        report: Event = {
            "outlet": self.draw(st.sampled_from(["Reuters", "Xinhua"])),
            "title": "What was said",
            "url": "https://example.org/report",
            **self._published(),
            "language": "en",
            "kind": self.draw(st.sampled_from(["official", "named", "anonymous"])),
        }
        if self.draw(st.integers(0, 9)) == 9:
            report["stance"] = self.draw(st.sampled_from(["denies", "reports"]))
        if self.draw(st.integers(0, 9)) == 9:
            report["occurred"] = self._date()
        if kind is not None and self.draw(st.integers(0, 6)) == 6:
            name = self.draw(st.sampled_from(sorted(OPTIONAL[kind])))
            report["terms"] = {name: self.draw(st.sampled_from(OPTIONAL[kind][name]))}
        return report

    def _published(self) -> Event:
        """Mostly a day, often near that of recording; now and then unsure, or not given."""
        form = self.draw(st.sampled_from(["day", "day", "day", "unsure", "absent"]))
        if form == "absent":
            return {}
        return {"published": self.draw(exact_days() if form == "day" else uncertain_dates())}


class _History(_Texts):
    """Draws one history, event by event; `events` is what has been recorded so far."""

    def __init__(self, draw: Draw, max_events: int) -> None:
        issues = ISSUES[: draw(st.integers(1, len(ISSUES)))]
        kinds = ["restriction", "restriction", *draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=4))]
        super().__init__(draw, Cast(dict.fromkeys(issues, "issue") | named(kinds), draw(pools())))
        self.events: list[Event] = []
        self.most = draw(st.sampled_from([item for item in self.cast.kinds if item not in issues]))
        for issue in issues:
            self._record(self.opened(issue))
        if draw(st.booleans()) and max_events > LIFE:
            self._live(self.most)
        for _ in range(draw(st.integers(2, max_events - len(self.events)))):
            self._record(self._next())

    def _live(self, item: str) -> None:
        """Record a life: an opening that makes the item run, and what hides it, brings it back, ends or changes it."""
        kind = self.cast.kinds[item]
        row = [change for change in CHANGES[kind].values() if not change.preliminary]
        self._record(self.text(item, next(change.name for change in row if change.opens)))
        hiding = [change.name for change in row if change.hides or change.returns]
        for _ in range(self.draw(st.integers(1, LIFE - len(ISSUES) - 1))):
            self._record(self.text(item, self.draw(st.sampled_from([*hiding * 2, *(change.name for change in row)]))))

    def _record(self, event: Event) -> None:
        self.events.append({"id": id_of(len(self.events) + 1), **event})
        if event["type"] == "record.corrected":
            event["event"]["id"] = self._root(event["target"])["id"]

    def _next(self) -> Event:
        """Draw a fact, mostly about one item or the two restrictions, between which a fact can move; or a record."""
        if self.draw(st.integers(0, 9)) >= 7:
            return self._about_another()
        one, two = [item for item, kind in self.cast.kinds.items() if kind == "restriction"][:2]
        item = self.draw(st.sampled_from([*[self.most] * 4, one, one, one, two, *self.cast.kinds]))
        return self._first(item) if not any(event.get("item") == item for event in self.events) else self.fact(item)

    def _first(self, item: str) -> Event:
        """Draw the first fact about an item: mostly an opening."""
        kind = self.cast.kinds[item]
        openings = [change.name for change in CHANGES[kind].values() if change.opens]
        return self.text(item, self.draw(st.sampled_from([*openings * 3, self._change(kind)])))

    def _about_another(self) -> Event:
        """Draw a record on an earlier event.

        Facts and corrections may be named by any record, the other records by a retraction only. The opening of an
        issue is never retracted: later facts of that issue would be refused.
        """
        target = self.draw(st.sampled_from(self.events))
        may = ["record.retracted"] if target["type"] != "issue.opened" else []
        if _is_text(target):
            may += ["record.corrected", "record.corrected", "record.report_added", "record.disputed"]
        name = self.draw(st.sampled_from(may))
        record = {"type": name, "target": target["id"], "reason": "found out later"}
        if name == "record.corrected":
            record["event"] = self._corrected(target)
        if name == "record.report_added":
            return record | {"reports": self._added(target.get("event", target))}
        silent = name in REPORT_FREE and self.draw(st.booleans())
        return record if silent else record | {"reports": self.reports()}

    def _added(self, text: Event) -> list[Event]:
        """Draw reports to add to a fact; now and then with one that it has."""
        again = [text["reports"][0]] if self.draw(st.integers(0, 3)) == 3 else []
        return [*again, *self.reports(text["type"].split(".")[0])]

    def _corrected(self, target: Event) -> Event:
        """Draw a whole new text: other dates, other issues, another item of the kind, or another fact altogether."""
        fact = self._root(target["id"])
        text: Event = target.get("event", target)
        kind = text["type"].split(".")[0]
        others = [item for item, its in self.cast.kinds.items() if its == kind and kind != "issue"] or [text["item"]]
        what = self.draw(st.sampled_from(["dates", "dates", "issues", "item", "all"]))
        if what == "issues":
            return text | {"issues": self.issues(text["item"])}
        if what == "item":
            return text | {"item": self.draw(st.sampled_from(others))}
        if what == "all" and fact["type"] != "issue.opened":
            return {"id": fact["id"], **self.text(self.draw(st.sampled_from(others)), self._change(kind))}
        kept = {name: value for name, value in text.items() if name not in TIMES}
        return kept | self.dates()

    def _root(self, target: str) -> Event:
        """Return the fact at the end of a chain of targets."""
        event = next(event for event in self.events if event["id"] == target)
        return self._root(event["target"]) if "target" in event and "issues" not in event else event


def cut(events: list[Event], seed: int) -> list[list[Event]]:
    """Cut a history into batches of one to five events."""
    sizes = random.Random(seed)  # noqa: S311 - for variety, not for secrets
    batches = []
    while events:
        size = sizes.randint(1, 5)
        batches.append(events[:size])
        events = events[size:]
    return batches


def _is_text(event: Event) -> bool:
    return event["type"] == "record.corrected" or not event["type"].startswith("record.")


def _day(number: int) -> str:
    return (FIRST_DAY + timedelta(number)).isoformat()


def _later(text: str, days: int) -> str:
    return (bounds(text)[1] + timedelta(days)).isoformat()
