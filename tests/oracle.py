"""The slow obvious way: docs/semantics.md written again, to compare every quicker answer with.

It shares no code with the service. The log is a list of recorded events in position order, as `GET /v1/feed` gives
them; a day of valid time is a `date`; `known` is a position, or a day of publication with one. Nothing here is kept
between calls and nothing is fast.
"""

import calendar
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import combinations, pairwise, product
from typing import Any, Literal, NamedTuple

Event = dict[str, Any]
State = dict[str, Any]
Log = Sequence[Event]
Track = Literal["base", "overlay", "terms"]
Reading = Mapping[str, date]
Order = tuple[date, date, int, int]


class Published(NamedTuple):
    """K by publication: what was published by the end of this day, of what was recorded up to this position."""

    day: date
    position: int


K = int | Published

TRACKS: tuple[Track, ...] = ("base", "overlay", "terms")

# ---------------------------------------------------------------------------------------------------------------------
# Section 7: `*` opens, `!` ends, `~` overlay, `+` terms, `:status` where it is not the name of the change.

VOCABULARY = {
    "issue": "opened*:open revised+ closed! reopened:open",
    "round": "scheduled* postponed started*:in_session session_held:in_session adjourned resumed:in_session"
    " concluded! cancelled!",
    "call": "held*",
    "statement": "made*",
    "demand": "made*:open accepted! rejected! withdrawn!",
    "offer": "made*:open condition_met:open accepted! rejected! withdrawn!",
    "commitment": "given*:open partially_fulfilled breach_alleged fulfilled! broken!",
    "threat": "made*:standing carried_out! withdrawn!",
    "agreement": "framework_reached* signed* in_effect* extended:in_effect suspended~ reinstated~ terminated!",
    "restriction": "proposed* announced* imposed*:in_force extended:in_force tightened+ eased+ suspended~"
    " suspension_extended~ reinstated~ lifted! superseded! invalidated!",
    "clearance": "applied* agreed* granted*:active extended:active suspended~ reinstated~ denied! revoked!",
    "investigation": "opened*:open suspended~ reinstated~ closed!",
    "dispute": "filed*:open ruled settled! withdrawn!",
}
AFTER_UNTIL = {
    "restriction": "expired",
    "clearance": "expired",
    "agreement": "expired",
    "offer": "lapsed",
    "threat": "lapsed",
}
RUNNING = {"restriction": "in_force", "clearance": "active", "agreement": "in_effect"}
SUSPENSIONS = {"suspended", "suspension_extended"}
NOT_TERMS = {
    "id",
    "type",
    "issues",
    "item",
    "occurred",
    "effective",
    "until",
    "until_condition",
    "reports",
    "note",
    "modality",
    "causation_id",
    "correlation_id",
    "position",
    "recorded_at",
}


class Change(NamedTuple):
    """One change of a kind: its name, its place in the row, its status, its track."""

    name: str
    place: int
    status: str
    track: Track
    opens: bool
    ends: bool


def _change(place: int, word: str) -> Change:
    head, _, status = word.partition(":")
    name = head.rstrip("*!~+")
    track: Track = "overlay" if "~" in head else "terms" if "+" in head else "base"
    return Change(name, place, status or name, track, opens="*" in head, ends="!" in head)


CHANGES: dict[str, dict[str, Change]] = {
    kind: {change.name: change for change in (_change(place, word) for place, word in enumerate(row.split()))}
    for kind, row in VOCABULARY.items()
}
ENDS: dict[str, set[str]] = {
    kind: {change.status for change in row.values() if change.ends} for kind, row in CHANGES.items()
}


# ---------------------------------------------------------------------------------------------------------------------
# Section 1: dates.

DAY = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"


def bounds(text: str) -> tuple[date, date]:
    """Return the first and the last day that a date string may mean; an open first day is 0001-01-01.

    Raises ValueError for everything outside the subset of EDTF (level 0 dates; level 1 and 2 sets of one).
    """
    if re.fullmatch(DAY, text):
        return date.fromisoformat(text), date.fromisoformat(text)
    if re.fullmatch(r"[0-9]{4}", text):
        return date(int(text), 1, 1), date(int(text), 12, 31)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        year, month = int(text[:4]), int(text[5:])
        first = date(year, month, 1)
        return first, first.replace(day=calendar.monthrange(year, month)[1])
    if opened := re.fullmatch(rf"\[\.\.{DAY}\]", text):
        return date.min, date.fromisoformat(opened[1])
    if written := re.fullmatch(rf"\[{DAY}(\.\.|,){DAY}\]", text):
        first, last = date.fromisoformat(written[1]), date.fromisoformat(written[3])
        if first < last or (first == last and written[2] == ".."):
            return first, last
    message = f"not a date of the subset: {text!r}"
    raise ValueError(message)


def is_pair(text: str) -> bool:
    """Whether the string is `[A,B]`: one of two days and no other."""
    return "," in text


def days_between(first: date, last: date) -> Iterator[date]:
    """Every day from first to last, both included."""
    return (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))


def days(text: str) -> Iterator[date]:
    """Every day that the string may mean, in order; for an open string that is every day since 0001-01-01."""
    first, last = bounds(text)
    return iter((first, last)) if is_pair(text) else days_between(first, last)


def may_mean(text: str, day: date) -> bool:
    """Whether this day is one of those that the string may mean."""
    first, last = bounds(text)
    return day in (first, last) if is_pair(text) else first <= day <= last


def overlap(one: str, other: str) -> bool:
    """Whether some day is meant by both: two ranges with a common day have a bound of one inside the other."""
    return any(may_mean(one, day) for day in bounds(other)) or any(may_mean(other, day) for day in bounds(one))


# ---------------------------------------------------------------------------------------------------------------------
# Section 2: what is known at K.


@dataclass(frozen=True)
class Fact:
    """A fact as known at K: its text as corrected, under its own id and position, with every report on it."""

    id: str
    position: int
    text: Event
    reports: list[Event]
    disputed: bool

    @cached_property
    def kind(self) -> str:
        """The kind of the item, the first half of the type."""
        return str(self.text["type"]).split(".")[0]

    @cached_property
    def change(self) -> Change:
        """The row of the vocabulary for the second half of the type."""
        return CHANGES[self.kind][str(self.text["type"]).split(".")[1]]

    @cached_property
    def modality(self) -> str:
        """The modality; absent means asserted."""
        return str(self.text.get("modality") or "asserted")

    @cached_property
    def occurred(self) -> str:
        """The date string of the act."""
        return str(self.text["occurred"])

    @cached_property
    def effective(self) -> str:
        """The date string of the first day: `effective`, else `occurred`."""
        return str(self.text.get("effective") or self.text["occurred"])

    @cached_property
    def until(self) -> str | None:
        """The date string of its own end, where it has one."""
        return self.text.get("until")

    @cached_property
    def terms(self) -> Event:
        """Whatever the text sets in addition to the fields of every event."""
        return {name: value for name, value in self.text.items() if name not in NOT_TERMS and value is not None}

    @cached_property
    def contested(self) -> bool:
        """A report denies, or two reports give dates without a common day, or a live dispute names the fact."""
        denied = any(report.get("stance") == "denies" for report in self.reports)
        dates = [str(report.get("occurred") or self.occurred) for report in self.reports]
        return self.disputed or denied or any(not overlap(one, other) for one, other in combinations(dates, 2))


def is_record(event: Event) -> bool:
    """Whether the event is about another event."""
    return str(event["type"]).startswith("record.")


def recorded_up_to(log: Log, known: K) -> list[Event]:
    """Return the events with a position up to K, whenever they were published."""
    position = known.position if isinstance(known, Published) else known
    return [event for event in log if event["position"] <= position]


def live_retractions(recorded: Log) -> list[Event]:
    """Weigh the retractions from the latest to the earliest: one that a standing one names does not stand."""
    standing: list[Event] = []
    for event in reversed(recorded):
        if event["type"] == "record.retracted" and event["id"] not in {later["target"] for later in standing}:
            standing.append(event)
    return standing


def live_records(recorded: Log) -> list[Event]:
    """List the records that are not void, in position order.

    A correction, an added report or a dispute falls with the record that it names, a retraction does not.
    """
    retractions = live_retractions(recorded)
    withdrawn = {retraction["target"] for retraction in retractions}
    by_id = {event["id"]: event for event in recorded}

    def falls(event: Event) -> bool:
        target = by_id.get(event["target"])
        return event["id"] in withdrawn or (target is not None and is_record(target) and falls(target))

    others = [event for event in recorded if is_record(event) and event["type"] != "record.retracted"]
    return sorted(
        [*retractions, *(event for event in others if not falls(event))], key=lambda event: int(event["position"])
    )


def corrected_fact(correction: Event, by_id: Mapping[str, Event]) -> str | None:
    """Find the fact at the end of the chain of targets, through corrections only."""
    target = by_id.get(correction["target"])
    while target is not None and target["type"] == "record.corrected":
        target = by_id.get(target["target"])
    return None if target is None or is_record(target) else str(target["id"])


def known_facts(log: Log, known: K) -> list[Fact]:
    """Every fact that is known and not retracted, as its last correction has it, in position order."""
    recorded = recorded_up_to(log, known)
    by_id = {event["id"]: event for event in recorded}
    if isinstance(known, Published):
        recorded = published_by(recorded, known.day)
    live = live_records(recorded)
    gone = {record["target"] for record in live if record["type"] == "record.retracted"}
    return [_fact(event, live, by_id) for event in recorded if not is_record(event) and event["id"] not in gone]


def _fact(event: Event, live: Log, by_id: Mapping[str, Event]) -> Fact:
    text = event
    for record in live:
        if record["type"] == "record.corrected" and corrected_fact(record, by_id) == event["id"]:
            text = record["event"]
    on_it = [record for record in live if record["target"] == event["id"]]
    added = [report for record in on_it if record["type"] == "record.report_added" for report in record["reports"]]
    return Fact(
        id=event["id"],
        position=event["position"],
        text=text,
        reports=[*(text.get("reports") or []), *added],
        disputed=any(record["type"] == "record.disputed" for record in on_it),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Section 8: known as published.


def recorded_on(event: Event) -> date:
    """Return the day in UTC on which an event was recorded; the log writes instants in UTC."""
    return date.fromisoformat(event["recorded_at"][:10])


def out_on(report: Event, carrier: Event) -> date:
    """Return the day from which a report is out: the last that `published` may mean, else that of its recording."""
    return bounds(report["published"])[1] if "published" in report else recorded_on(carrier)


def first_out(reports: Sequence[Event], carrier: Event) -> date:
    """Return the day on which the first of some reports is out; where there are none, that of the recording."""
    return min([out_on(report, carrier) for report in reports], default=recorded_on(carrier))


def reports_by(reports: Sequence[Event], carrier: Event, day: date) -> list[Event]:
    """List the reports that are out at the end of a day."""
    return [report for report in reports if out_on(report, carrier) <= day]


def affirming(reports: Sequence[Event]) -> list[Event]:
    """List the reports that do not deny."""
    return [report for report in reports if report.get("stance") != "denies"]


def published_by(recorded: Log, day: date) -> list[Event]:
    """Reduce what was recorded to what counts at the end of a day of publication, each event with what it had then."""
    records = [event for event in recorded if is_record(event) and first_out(event.get("reports", []), event) <= day]
    facts = [event for event in recorded if not is_record(event)]
    by_id = {event["id"]: event for event in recorded}
    standing = live_records(sorted([*facts, *records], key=lambda event: int(event["position"])))
    known = [fact for fact in facts if known_from(fact, standing, by_id) <= day]
    return [_then(event, day) for event in recorded if event in known or event in records]


def known_from(fact: Event, standing: Log, by_id: Mapping[str, Event]) -> date:
    """Return the day from which a fact is known, these being the records that count and are not void."""
    own = affirming(fact["reports"])
    found = [first_out(own, fact)]
    for record in standing:
        if record["type"] == "record.report_added" and record["target"] == fact["id"]:
            found += [out_on(report, record) for report in affirming(record["reports"])]
        if record["type"] == "record.corrected" and corrected_fact(record, by_id) == fact["id"]:
            found += [out_on(report, record) for report in affirming(record["event"]["reports"])]
    return min(found)


def _then(event: Event, day: date) -> Event:
    """Take away the reports that were not out: those of a fact, of a new text, and those added."""
    if event["type"] == "record.corrected":
        text = event["event"]
        return event | {"event": text | {"reports": reports_by(text["reports"], event, day)}}
    return event | {"reports": reports_by(event.get("reports", []), event, day)}


def facts_of(log: Log, item: str, known: K) -> list[Fact]:
    """Return the known facts whose text puts them on this item."""
    return [fact for fact in known_facts(log, known) if fact.text["item"] == item]


def asserted(facts: Iterable[Fact]) -> list[Fact]:
    """Those of the facts that count in the rule."""
    return [fact for fact in facts if fact.modality == "asserted"]


# ---------------------------------------------------------------------------------------------------------------------
# Section 3: readings.

PLAIN_DAYS = 31
"""A string of up to so many days is read as each of its days; a wider one as in `readable_days`."""


def date_texts(facts: Iterable[Fact]) -> list[str]:
    """Every date string on the facts, once."""
    texts = {text for fact in facts for text in (fact.occurred, fact.effective, fact.until) if text is not None}
    return sorted(texts)


def earliest_reading(facts: Iterable[Fact]) -> dict[str, date]:
    """Return the reading with every date at its first day."""
    return {text: bounds(text)[0] for text in date_texts(facts)}


def readings(facts: Sequence[Fact], day: date) -> Iterator[Reading]:
    """Every way to fix each date string on the facts to one of its days, the same string always to the same day."""
    texts = date_texts(facts)
    uncertain = sum(1 for text in texts if bounds(text)[0] != bounds(text)[1])
    marks = sorted({day, *(bound for text in texts for bound in bounds(text))})
    for chosen in product(*(readable_days(text, marks, uncertain) for text in texts)):
        yield dict(zip(texts, chosen, strict=True))


def readable_days(text: str, marks: Sequence[date], uncertain: int) -> list[date]:
    """List the days that a string is read as: all of them, but for open and wide strings only so many of each gap.

    The marks are D and all bounds of all dates of the item, in order. Of the days strictly between two neighbouring
    marks a wide string keeps the first n, n being the number of uncertain strings of the item. This loses no status
    and no ruling fact: the rule only ever asks which of two days of the reading is earlier, and which are up to D.
    In any reading at most n strings lie inside one gap; move their days, in their order and equal ones together, to
    the first days of that gap. That keeps every comparison among them, with D and with all days outside the gap;
    each string still means its new day, as its bounds are marks and so a gap lies wholly inside or wholly outside
    them (the two days of a pair are both marks: a pair is never inside a gap); and a string that is read as all its
    days is read as these too. So a kept reading gives the same answer.
    """
    first, last = bounds(text)
    if is_pair(text) or (last - first).days < PLAIN_DAYS:
        return list(days(text))
    kept = set(marks)
    for mark, following in pairwise(marks):
        kept.update(mark + timedelta(step) for step in range(1, min(uncertain, (following - mark).days - 1) + 1))
    return sorted(day for day in kept if first <= day <= last)


def order_in(reading: Reading) -> Callable[[Fact], Order]:
    """Return the order of section 3.1 in this reading, as a sort key."""
    return lambda fact: (reading[fact.occurred], reading[fact.effective], fact.change.place, fact.position)


# ---------------------------------------------------------------------------------------------------------------------
# Section 3: the rule in one reading. The facts here are the asserted ones of one item.


@dataclass(frozen=True)
class Outcome:
    """The result of the rule in one reading on one day: status, ruling fact, and the contributing facts in order."""

    status: str | None
    ruling: Fact | None
    contributing: list[Fact]


def in_effect(facts: Iterable[Fact], reading: Reading, day: date, tracks: Iterable[Track] = TRACKS) -> list[Fact]:
    """Return the facts on these tracks that have taken hold by this day, in order."""
    begun = [fact for fact in facts if fact.change.track in tracks and reading[fact.effective] <= day]
    return sorted(begun, key=order_in(reading))


def ruler(facts: Iterable[Fact], reading: Reading, day: date, track: Track) -> Fact | None:
    """Return the last fact in effect on the track."""
    begun = in_effect(facts, reading, day, [track])
    return begun[-1] if begun else None


def is_over(fact: Fact, reading: Reading, day: date) -> bool:
    """Whether its own end has come; on the base track only where the kind has a status for that."""
    if fact.until is None or (fact.change.track == "base" and fact.kind not in AFTER_UNTIL):
        return False
    return reading[fact.until] <= day


def running(kind: str) -> str:
    """Return the running status of the kind."""
    return RUNNING.get(kind, "open")


def ends(kind: str, status: str) -> bool:
    """Whether the status is an end of the kind: that of an ending change, or the one that follows an `until`."""
    return status in ENDS[kind] or status == AFTER_UNTIL.get(kind)


def base_status(fact: Fact, reading: Reading, day: date) -> str:
    """Return the status of a base ruler."""
    return AFTER_UNTIL[fact.kind] if is_over(fact, reading, day) else fact.change.status


def suspends(fact: Fact, reading: Reading, day: date) -> bool:
    """Whether an overlay ruler hides the item."""
    return fact.change.name in SUSPENSIONS and not is_over(fact, reading, day)


def standing_announcements(facts: Iterable[Fact], reading: Reading, day: date) -> list[Fact]:
    """Return the openings decided by this day whose first day is still to come, in order."""
    coming = [f for f in facts if f.change.opens and reading[f.occurred] <= day < reading[f.effective]]
    return sorted(coming, key=order_in(reading))


def outcome_in(facts: Sequence[Fact], reading: Reading, day: date) -> Outcome:
    """Apply rules a to g; an issue of which nothing is in effect yet stands by its first opening (section 6)."""
    contributing = in_effect(facts, reading, day)
    openings = sorted((fact for fact in facts if fact.change.opens), key=order_in(reading))
    if not contributing and openings and openings[0].kind == "issue":
        return Outcome("open", openings[0], [openings[0]])
    base = ruler(facts, reading, day, "base")
    if base is not None:
        return _with_base(facts, reading, day, base)
    return _without_base(facts, reading, day)


def _with_base(facts: Sequence[Fact], reading: Reading, day: date, base: Fact) -> Outcome:
    contributing = in_effect(facts, reading, day)
    overlay = ruler(facts, reading, day, "overlay")
    status = base_status(base, reading, day)
    if ends(base.kind, status):
        return Outcome(status, base, contributing)
    if overlay is not None and suspends(overlay, reading, day):
        return Outcome("suspended", overlay, contributing)
    return Outcome(status, base, contributing)


def _without_base(facts: Sequence[Fact], reading: Reading, day: date) -> Outcome:
    folded = in_effect(facts, reading, day)
    overlay = ruler(facts, reading, day, "overlay")
    announced = standing_announcements(facts, reading, day)
    if announced:
        return Outcome("announced", announced[-1], sorted([*folded, announced[-1]], key=order_in(reading)))
    if overlay is not None and suspends(overlay, reading, day):
        return Outcome("suspended", overlay, folded)
    if folded:
        return Outcome(running(folded[-1].kind), folded[-1], folded)
    return Outcome(None, None, [])


def outcomes(facts: Sequence[Fact], day: date) -> Iterator[Outcome]:
    """Apply the rule in each reading."""
    return (outcome_in(facts, reading, day) for reading in readings(facts, day))


def rulers_by_status(facts: Sequence[Fact], day: date) -> dict[str | None, set[str | None]]:
    """Every status of some reading, with every fact that rules in such a reading."""
    found: dict[str | None, set[str | None]] = {}
    for outcome in outcomes(facts, day):
        found.setdefault(outcome.status, set()).add(outcome.ruling.id if outcome.ruling else None)
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Section 4 and 5: the other fields, all in the earliest reading.


def since(outcome: Outcome, ruling: Fact, reading: Reading, day: date) -> str:
    """Find the date string from which the status holds."""
    if outcome.status == "announced" and reading[ruling.effective] > day:
        return ruling.occurred
    if ruling.change.track == "base" and ruling.until is not None and is_over(ruling, reading, day):
        return ruling.until
    return ruling.effective


def terms(outcome: Outcome, reading: Reading, day: date) -> Event:
    """Merge the terms of the folded facts, the later value winning."""
    merged: Event = {}
    for fact in outcome.contributing:
        hidden = fact.change.track == "overlay" and outcome.status != "suspended"
        dropped = fact.change.track == "terms" and is_over(fact, reading, day)
        if not hidden and not dropped:
            merged.update(fact.terms)
    return merged


def applies(outcome: Outcome) -> str:
    """How much of a restriction applies: full, partly or none."""
    if outcome.status == "in_force":
        return "full"
    if outcome.status != "suspended":
        return "none"
    given = left_by_suspension(outcome)
    return "partly" if given.get("portion") == "part" or given.get("rate_percent", 0) > 0 else "none"


def left_by_suspension(outcome: Outcome) -> Event:
    """Merge the terms of the overlay facts from the last `suspended` on; of all of them where there is none."""
    merged: Event = {}
    for fact in outcome.contributing:
        if fact.change.name == "suspended":
            merged = {}
        if fact.change.track == "overlay":
            merged.update(fact.terms)
    return merged


def ever_in_force(facts: Sequence[Fact], day: date) -> bool:
    """Whether the status was `in_force` on some day up to D.

    Checked are 0001-01-01, standing for all days before the first finite bound, and each day from the day before
    that bound to D, or to the last bound where D is later: nothing changes after it.
    """
    reading = earliest_reading(facts)
    finite = [bound for text in reading for bound in bounds(text) if bound != date.min]
    first = min(finite, default=day) - timedelta(1)
    checked = [date.min, *days_between(first, min(day, max(finite, default=day))), day]
    return any(outcome_in(facts, reading, each).status == "in_force" for each in checked if each <= day)


def entry(on: str, status: str | None, fact: Fact) -> Event:
    """One coming change as it stands in `upcoming`."""
    return {"on": on, "status": status, "event": fact.id, "modality": fact.modality}


def changes_on(facts: Sequence[Fact], reading: Reading, day: date) -> list[Event]:
    """List what changes on this day against the day before: each track's ruler, whether it is over, and `announced`.

    While the status is an end, the base track alone changes anything.
    """
    before = day - timedelta(1)
    now = outcome_in(facts, reading, day)
    found = []
    ended = now.ruling is not None and now.status is not None and ends(now.ruling.kind, now.status)
    tracks: Sequence[Track] = ("base",) if ended else TRACKS
    for track in tracks:
        old, new = ruler(facts, reading, before, track), ruler(facts, reading, day, track)
        if new is not None and new is not old:
            found.append(entry(new.effective, now.status, new))
        elif new is not None and new.until and is_over(new, reading, day) and not is_over(new, reading, before):
            found.append(entry(new.until, now.status, new))
    if now.ruling and now.status == "announced" and announced_on(facts, reading, day, now):
        found.append(entry(now.ruling.occurred, now.status, now.ruling))
    return found


def announced_on(facts: Sequence[Fact], reading: Reading, day: date, now: Outcome) -> bool:
    """Whether the item comes to be announced (by rule d, not by a change of that name) on this day."""
    base = ruler(facts, reading, day, "base")
    return (
        base is None
        and now.status == "announced"
        and outcome_in(facts, reading, day - timedelta(1)).status != "announced"
    )


def coming(facts: Sequence[Fact], day: date) -> list[list[Event]]:
    """List the asserted entries of `upcoming`, one list a day, day by day from D + 1 to the last bound.

    The days before the next date of the earliest reading are passed over: nothing can change on them.
    """
    reading = earliest_reading(facts)
    ahead = [each for each in reading.values() if each > day]
    found = [changes_on(facts, reading, each) for each in days_between(min(ahead), max(ahead))] if ahead else []
    return [entries for entries in found if entries]


def still_planned(facts: Sequence[Fact], day: date) -> list[Event]:
    """List the planned entries of `upcoming`, in order: nothing in effect comes later than they do."""
    planned = [fact for fact in facts if fact.modality == "planned"]
    key = order_in(earliest_reading(facts))
    begun = in_effect(asserted(facts), earliest_reading(facts), day)
    standing = [fact for fact in planned if not any(key(other) > key(fact) for other in begun)]
    return [entry(fact.effective, planned_status(fact), fact) for fact in sorted(standing, key=key)]


def planned_status(fact: Fact) -> str:
    """Return the status of a planned change: `suspended` if it suspends, the running one off the base track."""
    if fact.change.track == "base":
        return fact.change.status
    return "suspended" if fact.change.name in SUSPENSIONS else running(fact.kind)


def alternative_rulers(log: Log, item: str, day: date, known: K) -> dict[str | None, set[str | None]]:
    """Every status that some reading gives the item, with the id of every fact that rules in such a reading."""
    return rulers_by_status(asserted(facts_of(log, item, known)), day)


def next_changes(log: Log, item: str, day: date, known: K) -> list[Event]:
    """Every entry that could be `next_change`: those of the first day whose status differs from the status at D."""
    facts = asserted(facts_of(log, item, known))
    status = outcome_in(facts, earliest_reading(facts), day).status
    return next((entries for entries in coming(facts, day) if entries[0]["status"] != status), [])


def item_state(log: Log, item: str, day: date, known: K) -> State | None:
    """Return the flat state of an item at (D, K); None where it has no status."""
    everything = facts_of(log, item, known)
    facts = asserted(everything)
    reading = earliest_reading(facts)
    outcome = outcome_in(facts, reading, day)
    if outcome.status is None or outcome.ruling is None:
        return None
    ahead = coming(facts, day)
    return {
        **terms(outcome, reading, day),
        "id": item,
        "kind": outcome.ruling.kind,
        **_times(outcome, outcome.ruling, reading, day),
        **_certainty(facts, outcome, day),
        **_sources(outcome),
        "upcoming": [*(each for entries in ahead for each in entries), *still_planned(everything, day)],
        "next_change": next((entries[0] for entries in ahead if entries[0]["status"] != outcome.status), None),
        **(_force(facts, outcome, day) if outcome.ruling.kind == "restriction" else {}),
    }


def _times(outcome: Outcome, ruling: Fact, reading: Reading, day: date) -> State:
    over = is_over(ruling, reading, day)
    condition = None if over else ruling.text.get("until_condition")
    return {
        "status": outcome.status,
        "since": since(outcome, ruling, reading, day),
        "until": None if over else ruling.until,
        **({} if condition is None else {"until_condition": condition}),
    }


def _certainty(facts: Sequence[Fact], headline: Outcome, day: date) -> State:
    found = rulers_by_status(facts, day)
    if len(found) == 1:
        return {"certainty": "certain", "alternatives": []}
    others = sorted(found.keys() - {headline.status}, key=lambda status: (status is None, status or ""))
    rulers = [{"status": status, "event": min(found[status], key=str)} for status in others]
    first = {"status": headline.status, "event": headline.ruling.id if headline.ruling else None}
    return {"certainty": "possible", "alternatives": [first, *rulers]}


def _sources(outcome: Outcome) -> State:
    return {
        "issues": sorted({issue for fact in outcome.contributing for issue in fact.text["issues"]}),
        "contested": any(fact.contested for fact in outcome.contributing),
        "incomplete": not any(fact.change.opens for fact in outcome.contributing),
        "events": [fact.id for fact in outcome.contributing],
        "reports": [report for fact in outcome.contributing for report in fact.reports],
    }


def _force(facts: Sequence[Fact], outcome: Outcome, day: date) -> State:
    return {"applies": applies(outcome), "ever_in_force": ever_in_force(facts, day)}


# ---------------------------------------------------------------------------------------------------------------------
# Section 6: issues.


def has_ended(state: State) -> bool:
    """Whether the headline status is an end; calls and statements never end."""
    return ends(state["kind"], state["status"])


def items_in_order(log: Log, known: K) -> list[str]:
    """Every item that a text recorded up to K is about, in the order of first appearance; corrections' texts too."""
    texts = [event.get("event") if is_record(event) else event for event in recorded_up_to(log, known)]
    return list(dict.fromkeys(str(text["item"]) for text in texts if text is not None))


def kind_of(log: Log, item: str) -> str:
    """Return the kind of an item, of which every text on it is."""
    texts = [event.get("event") if is_record(event) else event for event in log]
    return next(str(text["type"]).split(".")[0] for text in texts if text is not None and text["item"] == item)


def states(log: Log, day: date, known: K) -> list[State]:
    """Return the states of all items with a status at (D, K), in the order of first appearance."""
    found = (item_state(log, item, day, known) for item in items_in_order(log, known))
    return [state for state in found if state is not None]


def items_of_kind(log: Log, kind: str, day: date, known: K) -> list[State]:
    """Return the states of all items of a kind at (D, K), ended ones included, in the order of first appearance."""
    return [state for state in states(log, day, known) if state["kind"] == kind]


def root_of(event: Event, by_id: Mapping[str, Event]) -> Event:
    """Return the fact that an event is, or that the chain of its targets ends at."""
    return root_of(by_id[event["target"]], by_id) if is_record(event) else event


def named_issues(event: Event, recorded: Log) -> set[str]:
    """List the issues that an event names: a record those of every text that its fact has had up to it, its own too."""
    by_id = {each["id"]: each for each in recorded}
    chain = [
        each
        for each in recorded
        if each["position"] <= event["position"] and root_of(each, by_id) is root_of(event, by_id)
    ]
    texts = [each.get("event") if is_record(each) else each for each in (chain if is_record(event) else [event])]
    return {issue for text in texts if text is not None for issue in text["issues"]}


def version(log: Log, issue: str, known: K) -> int:
    """Count the events recorded up to K that name the issue."""
    recorded = recorded_up_to(log, known)
    return sum(1 for event in recorded if issue in named_issues(event, recorded))


def posture(issue: State, items: Sequence[State]) -> str:
    """Find the posture of an issue: the first line of the table that applies; ended items never make one apply."""
    restrictions = {state["status"] for state in items if state["kind"] == "restriction"}
    clearances = {state["status"] for state in items if state["kind"] == "clearance"}
    rounds = {state["status"] for state in items if state["kind"] == "round"}
    table = {
        "closed": issue["status"] == "closed",
        "partially_cleared": "in_force" in restrictions and "active" in clearances,
        "restricted": "in_force" in restrictions,
        "suspended": "suspended" in restrictions,
        "announced": bool(restrictions & {"announced", "proposed"}),
        "in_talks": bool(rounds - {"concluded", "cancelled"}),
    }
    return next((name for name, applying in table.items() if applying), "open")


def issue_state(log: Log, issue: str, day: date, known: K, *, include_ended: bool = False) -> State | None:
    """Return the issue at (D, K): id, terms, version, posture and items by kind; None where it has no status."""
    head = item_state(log, issue, day, known)
    if head is None:
        return None
    members = [state for state in states(log, day, known) if issue in state["issues"] and state["kind"] != "issue"]
    items: dict[str, list[State]] = {}
    for state in members:
        if include_ended or not has_ended(state):
            items.setdefault(state["kind"], []).append(state)
    return {
        **{name: head[name] for name in ("title", "summary", "parties", "goods") if name in head},
        "id": issue,
        "version": version(log, issue, known),
        "posture": posture(head, members),
        "items": items,
    }


# ---------------------------------------------------------------------------------------------------------------------
# What may be recorded: of batches in which each event by itself is well formed.


def may_record(log: Log, batch: Log) -> bool:
    """Whether a batch is taken after a log: each event in turn, knowing those before it and every opening in it."""
    head = len(log)
    opened = {fact.text["item"] for fact in known_facts(log, head) if opens_issue(fact.text)}
    opened |= {event["item"] for event in batch if opens_issue(event)}
    before = [*log, *batch]
    return all(may_follow(before[: head + place], event, opened) for place, event in enumerate(batch))


def opens_issue(text: Event) -> bool:
    """Whether a text opens an issue."""
    return str(text["type"]) == "issue.opened" and str(text.get("modality") or "asserted") == "asserted"


def may_follow(before: Log, event: Event, opened: set[str]) -> bool:
    """Whether its target is recorded; and its text, where it has one, is of issues that are open to facts.

    What is corrected has a text: it is a fact or a correction. A name belongs to one kind, and what is said of an issue
    names that issue alone.
    """
    targets = [each for each in before if event.get("target") == each["id"]]
    if event["type"] == "record.corrected":
        targets = [each for each in targets if not is_record(each) or each["type"] == "record.corrected"]
    if is_record(event) and not targets:
        return False
    text = event.get("event") if is_record(event) else event
    if text is None:
        return True
    kind, item = str(text["type"]).split(".")[0], text["item"]
    named = [each.get("event") if is_record(each) else each for each in before]
    same = not any(each is not None and each["item"] == item for each in named) or kind_of(before, item) == kind
    own = kind != "issue" or text["issues"] == [item]
    return same and own and opened.issuperset(text["issues"])


# ---------------------------------------------------------------------------------------------------------------------
# Section 9: the timeline, what changed, and every state there ever was.


def timeline(log: Log, issue: str, known: K) -> list[Event]:
    """Return the live facts whose text names the issue, by first day, last day and position, each as it is known."""
    by_id = {event["id"]: event for event in log}
    named = [fact for fact in known_facts(log, known) if issue in fact.text["issues"]]
    return [
        {
            **fact.text,
            "position": fact.position,
            "recorded_at": by_id[fact.id]["recorded_at"],
            "kind": fact.kind,
            "modality": fact.modality,
            "contested": fact.contested,
            "corrected": "position" not in fact.text,  # a fact's own text came from the log, a corrected one did not
            "reports": fact.reports,
        }
        for fact in sorted(named, key=lambda fact: (bounds(fact.occurred), fact.position))
    ]


Point = tuple[date, K]


def state_in(log: Log, issue: str, item: str, point: Point) -> State | None:
    """Return an item's state at (D, K); None too where the item is not of the issue then."""
    state = item_state(log, item, *point)
    return state if state is not None and issue in state["issues"] else None


def differing(log: Log, issue: str, one: Point, other: Point) -> list[str]:
    """List the items whose states in the issue differ between two points, in the order of first appearance."""
    items = items_in_order(log, len(log))
    return [item for item in items if state_in(log, issue, item, one) != state_in(log, issue, item, other)]


def covering(rectangles: Sequence[Event], day: date, known: int) -> list[Event]:
    """Return the rectangles that hold a point."""
    return [
        each
        for each in rectangles
        if each["valid_from"] <= day.isoformat()
        and (each["valid_to"] is None or day.isoformat() < each["valid_to"])
        and each["known_from"] <= known
        and (each["known_to"] is None or known < each["known_to"])
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Section 10: exposure, and words.

NOT_TEXTS = {
    "kind",
    "issues",
    "status",
    "since",
    "until",
    "until_condition",
    "certainty",
    "alternatives",
    "upcoming",
    "next_change",
    "contested",
    "incomplete",
    "events",
    "reports",
    "applies",
    "ever_in_force",
}


def same_name(one: str | None, other: str) -> bool:
    """Whether two names are the same but for case and white space."""
    return one is not None and one.casefold().split() == other.casefold().split()


def names_good(state: State, name: str, value: str) -> bool:
    """Whether a state names a good: `name` is good, hs or eccn."""
    goods = state.get("goods") or []
    if name == "hs":
        return any(
            code.startswith(value) or value.startswith(code) for code in (good.get("hs") for good in goods) if code
        )
    fields = ("name", "element", "eccn") if name == "good" else ("eccn",)
    return any(same_name(good.get(field), value) for good in goods for field in fields)


def names_country(state: State, party: str) -> bool:
    """Whether a restriction or clearance names a country, or is a restriction against none in particular."""
    entities = [*(state.get("entities") or []), *(state.get("beneficiaries") or [])]
    countries = {entity["country"] for entity in entities if "country" in entity}
    against = set(state.get("against") or [])
    against_all = state["kind"] == "restriction" and not against and not countries
    return party in {state.get("imposed_by"), state.get("granted_by"), *against, *countries} or against_all


def over_in_every_reading(state: State) -> bool:
    """Whether it has ended whatever its dates are read as."""
    statuses = [each["status"] for each in state["alternatives"]] or [state["status"]]
    return has_ended(state) and all(status is None or ends(state["kind"], status) for status in statuses)


def touches_good(standing: Sequence[State], state: State, name: str, value: str) -> bool:
    """Whether a state names a good; a clearance that names none is about those of its restriction."""
    if state["kind"] == "restriction" or state.get("goods"):
        return names_good(state, name, value)
    of = [each for each in standing if each["kind"] == "restriction" and each["id"] == state.get("restriction")]
    return any(names_good(each, name, value) for each in of)


def exposed(standing: Sequence[State], name: str, value: str, party: str, *, include_ended: bool) -> list[str]:
    """List what touches a good and a party, of all states at one (D, K)."""
    return [
        state["id"]
        for state in standing
        if state["kind"] in {"restriction", "clearance"}
        and touches_good(standing, state, name, value)
        and names_country(state, party)
        and (include_ended or not over_in_every_reading(state))
    ]


def strings(value: object) -> list[str]:
    """List every text in a value of JSON, the names of members aside."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in strings(each)]


def has_words(state: State, asked: str) -> bool:
    """Whether each word is a part of the item's name or of a text of its terms, in any case."""
    texts = strings({name: value for name, value in state.items() if name not in NOT_TEXTS})
    return all(any(word.casefold() in text.casefold() for text in texts) for word in asked.split())
