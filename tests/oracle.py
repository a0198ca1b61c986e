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

from tests import touching

Event = dict[str, Any]
State = dict[str, Any]
Log = Sequence[Event]
Track = Literal["base", "overlay", "quota", "terms"]
Sources = Literal["standing", "all", "none"]
Reading = Mapping[str, date]
Order = tuple[date, date, int, int]


class Published(NamedTuple):
    """K by publication: what was published by the end of this day, of what was recorded up to this position."""

    day: date
    position: int


K = int | Published

# ---------------------------------------------------------------------------------------------------------------------
# Section 7: `*` opens, `!` ends, `~` overlay, `%` quota, `+` terms, `:status` where it is not the name of the change.

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
    "agreement": "framework_reached* signed* in_effect* extended:in_effect amended+ suspended~ terminated! reinstated~",
    "restriction": "proposed* announced* imposed*:in_force extended:in_force tightened+ eased+ amended+ suspended~"
    " suspension_extended~ postponed~ withdrawn! lifted! superseded! invalidated! reinstated~",
    "clearance": "applied* agreed* granted*:active extended:active amended+ used+ suspended~ postponed~ exhausted%"
    " denied! revoked! reopened% reinstated~",
    "investigation": "opened*:open extended:open determined:open suspended~ closed! reinstated~",
    "dispute": "filed*:open panel_established:open ruled appealed:open suspended~ settled! withdrawn! reinstated~",
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
HIDING: dict[Track, set[str]] = {"overlay": SUSPENSIONS | {"postponed"}, "quota": {"exhausted"}}
RETURNS: dict[Track, str] = {"overlay": "reinstated", "quota": "reopened"}
PRELIMINARY = {"proposed", "announced", "applied", "agreed", "framework_reached", "signed"}
COLLECTED = {"rate_percent", "rates", "portion"}
"""What a hiding fact says of the time in which it hides; it is no term of the item."""
NOT_TERMS = {
    "id",
    "type",
    "issues",
    "item",
    "occurred",
    "effective",
    "until",
    "through",
    "until_condition",
    "unset",
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

    @property
    def hides(self) -> bool:
        """Whether it is a hiding change, of the overlay track or the quota track."""
        return self.name in HIDING.get(self.track, ())

    @property
    def returns(self) -> bool:
        """Whether it brings back what its track hides."""
        return self.name == RETURNS.get(self.track)

    @property
    def preliminary(self) -> bool:
        """Whether it is a preliminary opening."""
        return self.opens and self.name in PRELIMINARY


TRACKS: dict[str, Track] = {"~": "overlay", "%": "quota", "+": "terms"}


def _change(place: int, word: str) -> Change:
    head, _, status = word.partition(":")
    name = head.rstrip("*!~%+")
    mark = head[len(name) :]
    return Change(name, place, status or name, TRACKS.get(mark, "base"), opens=mark == "*", ends=mark == "!")


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


def is_bracketed(text: str) -> bool:
    """Whether the string is a range or a pair."""
    return text.startswith("[")


def has_day_after(through: str) -> bool:
    """Whether a last day leaves a day after it: one that reaches the last day of the calendar has no end."""
    return bounds(through)[1] < date.max


def day_after(through: str) -> str:
    """Write the end of a fact that holds through some day: each day of brackets a day later, else the day after."""
    if not is_bracketed(through):
        return (bounds(through)[1] + timedelta(1)).isoformat()
    return re.sub(DAY, lambda day: (date.fromisoformat(day[0]) + timedelta(1)).isoformat(), through)


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
        """The date string of its end, the first day on which it no longer holds, where it has one."""
        return self.text.get("until")

    @cached_property
    def through(self) -> str | None:
        """The date string of the last day on which it holds, where it gives its end so."""
        return self.text.get("through")

    @cached_property
    def end(self) -> str | None:
        """The date string of its end as an answer shows it: a `through` is written a day later."""
        if self.through is None:
            return self.until
        return day_after(self.through) if has_day_after(self.through) else None

    @cached_property
    def terms(self) -> Event:
        """Whatever the text sets in addition to the fields of every event."""
        return {name: value for name, value in self.text.items() if name not in NOT_TERMS and value is not None}

    @cached_property
    def unset(self) -> list[str]:
        """The names of the terms that it takes away."""
        return list(self.text.get("unset") or [])

    @cached_property
    def denied(self) -> bool:
        """It has reports, and each of them denies."""
        return bool(self.reports) and not affirming(self.reports)

    @cached_property
    def contested(self) -> bool:
        """A report denies, two reports do not agree on the date or a term, or a live dispute names the fact."""
        return self.disputed or bool(self.disagreements)

    @cached_property
    def disagreements(self) -> list[Event]:
        """On what the reports do not agree, each value with the outlets that give it."""
        found: list[tuple[str, list[Any], list[Event]]] = []
        if affirming(self.reports) != self.reports:
            stances = [report.get("stance") or "reports" for report in self.reports]
            found.append(("stance", stances, self.reports))
        dating = [report for report in self.reports if affirming([report]) or "occurred" in report]
        dates = [str(report.get("occurred") or self.occurred) for report in dating]
        if any(not overlap(one, other) for one, other in combinations(dates, 2)):
            found.append(("occurred", dates, dating))
        for name in sorted({name for report in self.reports for name in report.get("terms") or {}}):
            giving = [report for report in self.reports if affirming([report]) or name in (report.get("terms") or {})]
            values = [(report.get("terms") or {}).get(name, self.terms.get(name)) for report in giving]
            if any(value != values[0] for value in values):
                found.append((name, values, giving))
        return [{"member": member, "says": said_by(values, reports)} for member, values, reports in found]


def said_by(values: Sequence[Any], reports: Sequence[Event]) -> list[Event]:
    """List each value once with the outlets of the reports that give it; report and value stand at one place."""
    said: list[Event] = []
    for value, report in zip(values, reports, strict=True):
        if all(each["value"] != value for each in said):
            said.append({"value": value, "outlets": []})
        (entry,) = [each for each in said if each["value"] == value]
        if report["outlet"] not in entry["outlets"]:
            entry["outlets"].append(report["outlet"])
    return said


def each_once(reports: Sequence[Event]) -> list[Event]:
    """Leave out each report that equals an earlier one; the stance `reports` may be written or not."""
    kept: list[Event] = []
    for report in reports:
        if not any({"stance": "reports", **report} == {"stance": "reports", **other} for other in kept):
            kept.append(report)
    return kept


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
        reports=each_once([*(text.get("reports") or []), *added]),
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


def is_mending(record: Event) -> bool:
    """Whether it is a correction or a retraction without reports: nobody published what it takes away."""
    return record["type"] in {"record.corrected", "record.retracted"} and not record.get("reports")


def counts_by(record: Event, by_id: Mapping[str, Event], day: date) -> bool:
    """Whether a record counts at the end of a day; one that mends counts wherever its target does, a fact always."""
    if not is_mending(record):
        return first_out(record.get("reports") or [], record) <= day
    target = by_id[record["target"]]
    return not is_record(target) or counts_by(target, by_id, day)


def counts_always(record: Event, by_id: Mapping[str, Event]) -> bool:
    """Whether it is a record that counts on every day: one that mends a fact, or such a record."""
    target = by_id[record["target"]]
    return is_mending(record) and (not is_record(target) or counts_always(target, by_id))


def published_by(recorded: Log, day: date) -> list[Event]:
    """Reduce what was recorded to what counts at the end of a day of publication, each event with what it had then."""
    by_id = {event["id"]: event for event in recorded}
    records = [event for event in recorded if is_record(event) and counts_by(event, by_id, day)]
    facts = [event for event in recorded if not is_record(event)]
    standing = live_records(sorted([*facts, *records], key=lambda event: int(event["position"])))
    known = [fact for fact in facts if known_from(fact, standing, by_id) <= day]
    return [_then(event, by_id, day) for event in recorded if event in known or event in records]


def known_from(fact: Event, standing: Log, by_id: Mapping[str, Event]) -> date:
    """Return the day from which a fact is known, these being the records that count and are not void."""
    on_it = [each for each in standing if each["type"] == "record.corrected"]
    corrections = [each for each in on_it if corrected_fact(each, by_id) == fact["id"]]
    mended = [each for each in corrections if counts_always(each, by_id)]
    own = mended[-1]["event"]["reports"] if mended else fact["reports"]
    found = [first_out(affirming(own), fact)]
    for record in standing:
        if record["type"] == "record.report_added" and record["target"] == fact["id"]:
            found += [out_on(report, record) for report in affirming(record["reports"])]
    for record in corrections:
        if record not in mended:
            found += [out_on(report, carrier(record, by_id)) for report in affirming(record["event"]["reports"])]
    return min(found)


def carrier(event: Event, by_id: Mapping[str, Event]) -> Event:
    """Return the event whose recording dates the undated reports of a text: where one mends, what it mends."""
    mends = event["type"] == "record.corrected" and is_mending(event)
    return carrier(by_id[event["target"]], by_id) if mends else event


def _then(event: Event, by_id: Mapping[str, Event], day: date) -> Event:
    """Take away the reports that were not out: those of a fact, of a new text, and those added."""
    if event["type"] == "record.corrected":
        text = event["event"]
        return event | {"event": text | {"reports": reports_by(text["reports"], carrier(event, by_id), day)}}
    return event | {"reports": reports_by(event.get("reports") or [], event, day)}


def facts_of(log: Log, item: str, known: K) -> list[Fact]:
    """Return the known facts whose text puts them on this item."""
    return [fact for fact in known_facts(log, known) if fact.text["item"] == item]


def counting(facts: Iterable[Fact]) -> list[Fact]:
    """Those of the facts that count in the rule: asserted, and not denied by all of their reports."""
    return [fact for fact in facts if fact.modality == "asserted" and not fact.denied]


# ---------------------------------------------------------------------------------------------------------------------
# Section 3: readings. The facts are those of one item that count.

PLAIN_DAYS = 31
"""A string of up to so many days is read as each of its days; a wider one as in `readable_days`."""


def date_texts(facts: Iterable[Fact]) -> list[str]:
    """Every date string on the facts that a reading fixes, once; a `through` without brackets has a certain end."""
    texts = {text for fact in facts for text in (fact.occurred, fact.effective, fact.until) if text is not None}
    texts |= {fact.through for fact in facts if fact.through is not None and is_bracketed(fact.through)}
    return sorted(texts)


def certain_ends(facts: Iterable[Fact]) -> set[date]:
    """Return the ends that no reading moves."""
    given = {fact.end for fact in facts if fact.through is not None and not is_bracketed(fact.through)}
    return {date.fromisoformat(text) for text in given if text is not None}


def earliest_reading(facts: Iterable[Fact]) -> dict[str, date]:
    """Return the reading with every date at its first day."""
    return {text: bounds(text)[0] for text in date_texts(facts)}


def readings(facts: Sequence[Fact], day: date) -> Iterator[Reading]:
    """Every way to fix each date string on the facts to one of its days, the same string always to the same day."""
    texts = date_texts(facts)
    uncertain = sum(1 for text in texts if bounds(text)[0] != bounds(text)[1])
    marks = sorted({day, *(bound for text in texts for bound in bounds(text)), *certain_ends(facts)})
    for chosen in product(*(readable_days(text, marks, uncertain) for text in texts)):
        yield dict(zip(texts, chosen, strict=True))


def readable_days(text: str, marks: Sequence[date], uncertain: int) -> list[date]:
    """List the days that a string is read as: all of them, but for open and wide strings only so many of each gap.

    The marks are D, all bounds of all dates of the item and its certain ends, in order. Of the days strictly between
    two neighbouring marks a wide string keeps the first 2n + 1 and the last n, n being the number of uncertain strings
    of the item. This loses no status, no ruling fact and no day in force: the rule asks which of two days of the
    reading is earlier, which are up to D, and, since the end of a `through` is the day after it, whether one day is the
    day after another. In any reading at most n strings lie inside one gap. Move those that follow on each other up to
    the next mark nowhere; move the others, in their order, equal ones together, those that follow on each other
    together and those that do not two days apart, to the first days of that gap. That keeps all that the rule asks;
    each string still means its new day, as its bounds are marks and so a gap lies wholly inside or wholly outside
    them (the two days of a pair are both marks: a pair is never inside a gap); and a string that is read as all its
    days is read as these too. So a kept reading gives the same answer.
    """
    first, last = bounds(text)
    if is_pair(text) or (last - first).days < PLAIN_DAYS:
        return list(days(text))
    kept = set(marks)
    for mark, following in pairwise(marks):
        between = (following - mark).days - 1
        kept.update(mark + timedelta(step) for step in range(1, min(2 * uncertain + 1, between) + 1))
        kept.update(following - timedelta(step) for step in range(1, min(uncertain, between) + 1))
    return sorted(day for day in kept if first <= day <= last)


def order_in(reading: Reading) -> Callable[[Fact], Order]:
    """Return the order of decisions in this reading, as a sort key."""
    return lambda fact: (reading[fact.occurred], reading[fact.effective], fact.change.place, fact.position)


def end_in(fact: Fact, reading: Reading) -> date | None:
    """Return the first day on which a fact no longer holds, in this reading; None where it has no end."""
    if fact.until is not None:
        return reading[fact.until]
    if fact.through is None or fact.end is None:
        return None
    last = reading[fact.through] if is_bracketed(fact.through) else bounds(fact.through)[1]
    return last + timedelta(1)


def is_over(fact: Fact, reading: Reading, day: date) -> bool:
    """Whether it has an end, and the day is not before that."""
    end = end_in(fact, reading)
    return end is not None and end <= day


def days_of(facts: Iterable[Fact], reading: Reading) -> list[date]:
    """List, in order, the days on which a state may change in this reading: the dates and ends of the facts."""
    found = {day for fact in facts for day in (reading[fact.occurred], reading[fact.effective], end_in(fact, reading))}
    return sorted(day for day in found if day is not None)


# ---------------------------------------------------------------------------------------------------------------------
# Section 3: the rule in one reading.


def running(kind: str) -> str:
    """Return the running status of the kind."""
    return RUNNING.get(kind, "open")


def ends(kind: str, status: str) -> bool:
    """Whether the status is an end of the kind: that of an ending change, or the one of what is over."""
    return status in ENDS[kind] or status == AFTER_UNTIL.get(kind)


def issue_opening(facts: Iterable[Fact], reading: Reading) -> Fact | None:
    """Return the first opening of an issue, which stands where no base fact does; None for an item of another kind."""
    openings = [fact for fact in facts if fact.kind == "issue" and fact.change.opens]
    return min(openings, key=order_in(reading), default=None)


def taken_hold(facts: Sequence[Fact], reading: Reading, day: date) -> list[Fact]:
    """Return the facts that have taken hold by this day, in the order of decisions."""
    return sorted((fact for fact in facts if reading[fact.effective] <= day), key=order_in(reading))


def walk(facts: Sequence[Fact], reading: Reading, day: date) -> list[Fact]:
    """Go through the facts that have taken hold, and return the list, in the order of decisions."""
    found: list[Fact] = []
    for fact in taken_hold(facts, reading, day):
        over = is_over(fact, reading, day)
        if fact.change.preliminary and runs(found, reading, day):
            continue
        if fact.change.ends and over:
            continue
        found = [each for each in found if not takes_out(fact, each, over=over)]
        found.append(fact)
    return found


def runs(found: Sequence[Fact], reading: Reading, day: date) -> bool:
    """Whether the last base fact of the list gives the running status and is not over."""
    base = last_on(found, "base")
    return base is not None and base.change.status == running(base.kind) and not is_over(base, reading, day)


def takes_out(fact: Fact, other: Fact, *, over: bool) -> bool:
    """Whether a fact that comes to the list takes another one out of it."""
    hidden = other.change.track if other.change.hides else None
    if fact.change.opens or fact.change.ends:
        return hidden is not None
    if fact.change.name in {"suspended", "postponed"} and fact.change.hides:
        return hidden == "overlay"
    if fact.change.returns and not over:
        return hidden == fact.change.track or (fact.change.track == "overlay" and other.change.ends)
    return False


def last_on(found: Iterable[Fact], track: Track) -> Fact | None:
    """Return the last fact on the track."""
    on_track = [fact for fact in found if fact.change.track == track]
    return on_track[-1] if on_track else None


def coming_on(facts: Sequence[Fact], reading: Reading, day: date) -> Fact | None:
    """Return, of the openings decided and not in hold, the first in order of those with the latest `occurred`."""
    ahead = [f for f in facts if f.change.opens and reading[f.occurred] <= day < reading[f.effective]]
    latest = max((reading[fact.occurred] for fact in ahead), default=None)
    return min((f for f in ahead if reading[f.occurred] == latest), key=order_in(reading), default=None)


@dataclass(frozen=True)
class Stand:
    """What stands on a day in one reading: the list, what is coming, and the rulers."""

    found: list[Fact]
    coming: Fact | None
    base: Fact | None
    overlay: Fact | None
    quota: Fact | None


def stand_on(facts: Sequence[Fact], reading: Reading, day: date) -> Stand:
    """Return what stands: the list of the walk, less what is only proposed once more is decided, and the rulers."""
    found = walk(facts, reading, day)
    coming = coming_on(facts, reading, day)
    if coming is not None and not coming.change.preliminary:
        found = [fact for fact in found if fact.change.name not in {"proposed", "applied"}]
    first = issue_opening(facts, reading)
    if first is not None and last_on(found, "base") is None:
        found = sorted([*found, first], key=order_in(reading))
    ruling = [fact for fact in found if not (fact.change.returns and is_over(fact, reading, day))]
    return Stand(found, coming, last_on(found, "base"), last_on(ruling, "overlay"), last_on(ruling, "quota"))


@dataclass(frozen=True)
class Outcome:
    """The result of the rule in one reading on one day: the row that applies, its status, and the ruling fact."""

    row: str
    status: str | None
    ruling: Fact | None
    stand: Stand


def hides(fact: Fact | None, reading: Reading, day: date) -> bool:
    """Whether a ruler hides the item."""
    return fact is not None and fact.change.hides and not is_over(fact, reading, day)


def outcome_in(facts: Sequence[Fact], reading: Reading, day: date) -> Outcome:
    """Find the first row of the table that applies."""
    stand = stand_on(facts, reading, day)
    if stand.base is not None:
        return _with_base(facts, reading, day, stand)
    return _without_base(reading, day, stand)


def _with_base(facts: Sequence[Fact], reading: Reading, day: date, stand: Stand) -> Outcome:
    base, row = stand.base, row_with_base(stand, reading, day)
    assert base is not None
    if row == "b":
        return Outcome(row, AFTER_UNTIL[base.kind], base, stand)
    if row == "c" and stand.overlay is not None:
        waits = stand.overlay.change.name == "postponed" and not has_stood(facts, reading, base, day)
        return Outcome(row, "announced" if waits else "suspended", stand.overlay, stand)
    if row == "d":
        return Outcome(row, "exhausted", stand.quota, stand)
    return Outcome(row, base.change.status, base, stand)


def _without_base(reading: Reading, day: date, stand: Stand) -> Outcome:
    overlay, coming, key = stand.overlay, stand.coming, order_in(reading)
    hiding = overlay if hides(overlay, reading, day) else None
    if coming is not None and hiding is not None and key(hiding) > key(coming):
        return Outcome("f", "announced" if hiding.change.name == "postponed" else "suspended", hiding, stand)
    if coming is not None:
        return Outcome("g", coming.change.status if coming.change.preliminary else "announced", coming, stand)
    if hiding is not None:
        return Outcome("h", "suspended", hiding, stand)
    if stand.found:
        return Outcome("i", running(stand.found[-1].kind), stand.found[-1], stand)
    return Outcome("", None, None, stand)


def row_with_base(stand: Stand, reading: Reading, day: date) -> str:
    """Return which of the rows a to e applies, where there is a base ruler."""
    base = stand.base
    assert base is not None
    table = {
        "a": base.change.ends,
        "b": base.kind in AFTER_UNTIL and is_over(base, reading, day),
        "c": hides(stand.overlay, reading, day),
        "d": hides(stand.quota, reading, day),
    }
    return next((row for row, applying in table.items() if applying), "e")


def has_stood(facts: Sequence[Fact], reading: Reading, base: Fact, day: date) -> bool:
    """Whether row e gave the status of the base ruler on a day before D, since the last opening took hold."""
    openings = [fact for fact in stand_on(facts, reading, day).found if fact.change.opens]
    start = reading[(openings[-1] if openings else base).effective]
    before = [each for each in (start, *days_of(facts, reading)) if start <= each < day]
    stands = [(stand_on(facts, reading, each), each) for each in before]
    running_then = [stand.base for stand, each in stands if stand.base and row_with_base(stand, reading, each) == "e"]
    return any(other.change.status == base.change.status for other in running_then)


def outcomes(facts: Sequence[Fact], day: date) -> Iterator[Outcome]:
    """Apply the rule in each reading."""
    return (outcome_in(facts, reading, day) for reading in readings(facts, day))


def rulers_by_status(facts: Sequence[Fact], day: date) -> dict[str | None, set[str | None]]:
    """Every status of some reading, with every fact that rules in such a reading."""
    found: dict[str | None, set[str | None]] = {}
    for outcome in outcomes(facts, day):
        found.setdefault(outcome.status, set()).add(outcome.ruling.id if outcome.ruling else None)
    return found


def alternative_rulers(log: Log, item: str, day: date, known: K) -> dict[str | None, set[str | None]]:
    """Every status that some reading gives the item, with the id of every fact that rules in such a reading."""
    return rulers_by_status(counting(facts_of(log, item, known)), day)


# ---------------------------------------------------------------------------------------------------------------------
# Section 5: terms.


def givers(outcome: Outcome, reading: Reading, day: date) -> dict[str, Fact]:
    """Merge the terms of the list: each term that stands, with the fact that gives it."""
    facts = list(outcome.stand.found)
    if outcome.row in {"f", "g"} and outcome.stand.coming is not None:
        facts.append(outcome.stand.coming)
    found: dict[str, Fact] = {}
    for fact in sorted(facts, key=order_in(reading)):
        if counts_in_terms(fact, outcome, reading, day):
            for name in set(fact.unset) - (COLLECTED if fact.change.hides else set()):
                found.pop(name, None)
            found.update(dict.fromkeys(merging(fact), fact))
    return found


def merging(fact: Fact) -> set[str]:
    """Return the terms of a fact that are terms of the item: all but what a hiding fact says is collected."""
    return fact.terms.keys() - (COLLECTED if fact.change.hides else set())


def counts_in_terms(fact: Fact, outcome: Outcome, reading: Reading, day: date) -> bool:
    """Whether the terms of a fact of the list count: what hides while it hides, what has an end until then."""
    if fact.change.hides:
        return outcome.row in ({"c", "f", "h"} if fact.change.track == "overlay" else {"d"})
    if fact.change.track == "terms" or fact.change.returns:
        return not is_over(fact, reading, day)
    return True


def terms(outcome: Outcome, reading: Reading, day: date) -> Event:
    """Return the terms that stand."""
    return {name: fact.terms[name] for name, fact in givers(outcome, reading, day).items()}


# ---------------------------------------------------------------------------------------------------------------------
# Section 4: the other fields, all in the earliest reading.


def cause(facts: Sequence[Fact], reading: Reading, day: date, now: Outcome) -> tuple[Fact, str]:
    """Return the cause of the change on a day, and its date as an answer shows it."""
    ruling = now.ruling
    if ruling is not None and reading[ruling.effective] == day:
        return ruling, ruling.effective
    if ruling is not None and now.row == "g" and reading[ruling.occurred] == day:
        return ruling, ruling.occurred
    dated = [(fact, text) for fact in facts if (text := date_on(fact, reading, day)) is not None]
    return max(dated, key=lambda each: order_in(reading)(each[0]))


def date_on(fact: Fact, reading: Reading, day: date) -> str | None:
    """Return the date of a fact that is this day: its `effective`, else its end, else, of an opening, `occurred`."""
    if reading[fact.effective] == day:
        return fact.effective
    if end_in(fact, reading) == day:
        return fact.end
    return fact.occurred if fact.change.opens and reading[fact.occurred] == day else None


def since(facts: Sequence[Fact], reading: Reading, day: date) -> str:
    """Return the date of the cause of the change to the status on the first day of the run of days that have it."""
    status = outcome_in(facts, reading, day).status
    start = day
    for each in reversed([each for each in days_of(facts, reading) if each <= day]):
        if outcome_in(facts, reading, each).status != status:
            break
        start = each
    opening = issue_opening(facts, reading)
    if opening is not None and status == opening.change.status and before_every_day(facts, reading, start) == status:
        return opening.effective
    return cause(facts, reading, start, outcome_in(facts, reading, start))[1]


def before_every_day(facts: Sequence[Fact], reading: Reading, start: date) -> str | None:
    """Return the status that an issue has before a day that is the first of its run: None where that is no day."""
    opening = issue_opening(facts, reading)
    if opening is not None and start == date.min:
        return opening.change.status
    return outcome_in(facts, reading, start - timedelta(1)).status


def changes(facts: Sequence[Fact], day: date) -> list[Event]:
    """List the asserted entries of `upcoming`, all of them, in order of days."""
    reading = earliest_reading(facts)
    found = (change_on(facts, reading, each) for each in days_of(facts, reading) if each > day)
    return [entry for entry in found if entry is not None]


def change_on(facts: Sequence[Fact], reading: Reading, day: date) -> Event | None:
    """Return the change on a day against the day before, of status, ruling fact or terms; None where there is none."""
    yesterday = day - timedelta(1)
    old, now = outcome_in(facts, reading, yesterday), outcome_in(facts, reading, day)
    before, after = terms(old, reading, yesterday), terms(now, reading, day)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if old.status == now.status and old.ruling is now.ruling and not changed:
        return None
    if old.row == "g" and old.ruling is now.ruling and now.row != "g":
        changed |= {name for name, fact in givers(now, reading, day).items() if fact is now.ruling}
    fact, on = cause(facts, reading, day, now)
    return {
        "on": on,
        "status": now.status,
        "event": fact.id,
        "type": fact.text["type"],
        "terms": {name: after.get(name) for name in changed},
        "modality": "asserted",
        "overdue": False,
        "because": "end" if reading[fact.effective] != day and end_in(fact, reading) == day else "fact",
    }


def still_planned(facts: Sequence[Fact], day: date) -> list[Fact]:
    """List the planned facts that stand in `upcoming`: no fact that counts and has taken hold comes later."""
    planned = [fact for fact in facts if fact.modality == "planned" and not fact.denied]
    key = order_in(earliest_reading(facts))
    begun = taken_hold(counting(facts), earliest_reading(facts), day)
    return [fact for fact in planned if not any(key(other) > key(fact) for other in begun)]


def plan(fact: Fact, day: date) -> Event:
    """Return a planned fact as it stands in `upcoming`."""
    return {
        "on": fact.effective,
        "status": planned_status(fact),
        "event": fact.id,
        "type": fact.text["type"],
        "terms": {**dict.fromkeys(fact.text.get("unset") or []), **fact.terms},
        "modality": "planned",
        "overdue": day > bounds(fact.effective)[1],
        "because": "fact",
    }


def planned_status(fact: Fact) -> str:
    """Return the status of a planned change: that of its name where it hides, the running one off the base track."""
    if fact.change.track == "base":
        return fact.change.status
    if fact.change.hides:
        return "exhausted" if fact.change.track == "quota" else "suspended"
    return running(fact.kind)


def plans_in_order(facts: Sequence[Fact], day: date) -> list[Fact]:
    """List the planned facts of `upcoming` by the first day that they may take hold, then by decision."""
    reading = earliest_reading(facts)
    return sorted(still_planned(facts, day), key=lambda fact: (reading[fact.effective], order_in(reading)(fact)))


def upcoming(facts: Sequence[Fact], day: date) -> list[Event]:
    """List all of `upcoming`: by days, the asserted entries of a day before the planned ones."""
    asserted = changes(counting(facts), day)
    planned = [plan(fact, day) for fact in plans_in_order(facts, day)]
    return sorted([*asserted, *planned], key=lambda each: (bounds(each["on"])[0], each["modality"] == "planned"))


ENDING = ("until", "through", "until_condition")
UPCOMING = 20
"""Entries of `upcoming` that an answer shows."""


def next_change(facts: Sequence[Fact], status: str | None, day: date) -> Event | None:
    """Return the first asserted entry, of all, with another status than that at D, or that changes terms."""
    asserted = changes(counting(facts), day)
    return next((entry for entry in asserted if entry["status"] != status or entry["terms"]), None)


def item_state(
    log: Log, item: str, day: date, known: K, *, sources: Sources = "standing", include_planned: bool = False
) -> State | None:
    """Return the flat state of an item at (D, K); None where it has no status, or is only planned and not asked for."""
    everything = facts_of(log, item, known)
    facts = counting(everything)
    outcome = outcome_in(facts, earliest_reading(facts), day)
    plans = plans_in_order(everything, day)
    if outcome.status is None and plans and include_planned:
        return _state(item, everything, day, Outcome("planned", "planned", plans[0], outcome.stand), sources)
    return None if outcome.status is None else _state(item, everything, day, outcome, sources)


def _state(item: str, everything: Sequence[Fact], day: date, outcome: Outcome, sources: Sources) -> State:
    facts, reading = counting(everything), earliest_reading(everything)
    ruling = outcome.ruling
    assert ruling is not None
    planned = outcome.row == "planned"
    giving = dict.fromkeys(merging(ruling), ruling) if planned else givers(outcome, reading, day)
    entries = upcoming(everything, day)
    stated = {name: fact.terms[name] for name, fact in giving.items()}
    return {
        **stated,
        "id": item,
        "kind": ruling.kind,
        "issues": issues_of(facts, reading, day, ruling),
        "status": outcome.status,
        "since": ruling.occurred if planned else since(facts, reading, day),
        **({} if not planned and is_over(ruling, reading, day) else present(ruling, *ENDING)),
        **_certainty(facts, outcome, day),
        "ruling": ruling.id,
        **_resting(outcome, ruling, giving, reading, sources),
        "incomplete": not any(fact.change.opens for fact in (*taken_hold(facts, reading, day), *deciding(outcome))),
        "upcoming": entries[:UPCOMING],
        "upcoming_more": len(entries[UPCOMING:]),
        "next_change": next_change(everything, outcome.status, day),
        **(_force(facts, outcome, day, stated) if ruling.kind == "restriction" else {}),
    }


def present(fact: Fact, *names: str) -> Event:
    """Return those of these members that the text has."""
    return {name: fact.text[name] for name in names if fact.text.get(name) is not None}


def issues_of(facts: Sequence[Fact], reading: Reading, day: date, ruling: Fact) -> list[str]:
    """List the issues named by the facts that have taken hold, and by the ruling fact."""
    return sorted({issue for fact in (*taken_hold(facts, reading, day), ruling) for issue in fact.text["issues"]})


def deciding(outcome: Outcome) -> list[Fact]:
    """Return the ruling fact, and what is coming where the status rests on that."""
    coming = outcome.stand.coming if outcome.row in {"f", "g"} else None
    return [fact for fact in (outcome.ruling, coming) if fact is not None]


def _certainty(facts: Sequence[Fact], headline: Outcome, day: date) -> State:
    found = rulers_by_status(facts, day)
    ruling = headline.ruling
    assert ruling is not None
    if headline.row == "planned":
        found["planned"] = {ruling.id}
        found.pop(None)
    if len(found) == 1:
        return {"certainty": "contested" if ruling.contested else "certain", "alternatives": []}
    others = sorted(found.keys() - {headline.status}, key=lambda status: (status is None, status or ""))
    rulers = [{"status": status, "event": min(found[status], key=str)} for status in others]
    return {"certainty": "possible", "alternatives": [{"status": headline.status, "event": ruling.id}, *rulers]}


def _resting(outcome: Outcome, ruling: Fact, giving: Mapping[str, Fact], reading: Reading, sources: Sources) -> State:
    """Return the facts that the answer rests on, as they are asked for, and whether one of those is contested."""
    standing = [ruling, *giving.values()]
    shown = [*standing, *outcome.stand.found] if sources == "all" else standing
    facts = {fact.id: fact for fact in sorted(shown, key=order_in(reading))}
    entries = [source(fact, ruling, giving) for fact in facts.values()]
    return {
        "contested": any(fact.contested for fact in standing),
        **({} if sources == "none" else {"facts": entries}),
    }


def source(fact: Fact, ruling: Fact, giving: Mapping[str, Fact]) -> Event:
    """Return a fact as it stands in `facts`."""
    gives = sorted(name for name, giver in giving.items() if giver is fact)
    return {
        "id": fact.id,
        **present(fact, "type", "occurred", "effective", "until", "through"),
        "contested": fact.contested,
        **({"disagreements": fact.disagreements} if fact.disagreements else {}),
        "sets": [*(["status"] if fact is ruling else []), *gives],
        "reports": fact.reports,
    }


def _force(facts: Sequence[Fact], outcome: Outcome, day: date, stated: Event) -> State:
    charged = charged_percent(outcome, stated)
    found = {in_force_up_to(facts, reading, day) for reading in readings(facts, day)}
    return {
        "applies": applies(outcome),
        "ever_in_force": in_force_up_to(facts, earliest_reading(facts), day),
        "ever_in_force_certainty": "certain" if len(found) == 1 else "possible",
        **({"charged_percent": charged} if "rate_percent" in stated else {}),
    }


def left_by_hiding(outcome: Outcome) -> Event:
    """Return the latest value of each term among the hiding overlay facts of the list."""
    left: Event = {}
    for fact in outcome.stand.found:
        if fact.change.hides and fact.change.track == "overlay":
            unset = fact.text.get("unset") or []
            left = {name: value for name, value in left.items() if name not in unset} | fact.terms
    return left


def applies(outcome: Outcome) -> str:
    """How much of a restriction applies: full, partly or none."""
    if outcome.status != "suspended":
        return "full" if outcome.status == "in_force" else "none"
    left = left_by_hiding(outcome)
    rates = [left.get("rate_percent", 0)] + [rate.get("percent", rate.get("amount")) for rate in left.get("rates", [])]
    return "partly" if left.get("portion") == "part" or any(rate > 0 for rate in rates) else "none"


def charged_percent(outcome: Outcome, stated: Event) -> float | None:
    """Return what is collected, in percent; None where a suspension leaves a part and does not say how much."""
    if outcome.status == "in_force":
        return stated.get("rate_percent")
    left = left_by_hiding(outcome) if outcome.status == "suspended" else {}
    if "rates" in left and "rate_percent" not in left:
        one = left["rates"][0]
        plain = one in [{"percent": one.get("percent")}, {"percent": one.get("percent"), "basis": "additional"}]
        return one["percent"] if len(left["rates"]) == 1 and plain else None
    return left.get("rate_percent", None if left.get("portion") == "part" else 0)


def in_force_up_to(facts: Sequence[Fact], reading: Reading, day: date) -> bool:
    """Whether the status was `in_force` on some day up to D; it changes on days of the reading alone."""
    checked = [each for each in days_of(facts, reading) if each <= day]
    return any(outcome_in(facts, reading, each).status == "in_force" for each in checked)


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


def states(log: Log, day: date, known: K, *, include_planned: bool = False) -> list[State]:
    """Return the states of all items with a status at (D, K), in the order of first appearance."""
    items = items_in_order(log, known)
    found = (item_state(log, item, day, known, include_planned=include_planned) for item in items)
    return [state for state in found if state is not None]


def items_of_kind(log: Log, kind: str, day: date, known: K, *, include_planned: bool = False) -> list[State]:
    """Return the states of all items of a kind at (D, K), ended ones included, in the order of first appearance."""
    return [state for state in states(log, day, known, include_planned=include_planned) if state["kind"] == kind]


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


Standing = tuple[str, str | None]


def posture(issue: str | None, items: Sequence[Standing]) -> str:
    """Find the posture of an issue from its status and its items, each a kind and a status: the first that applies."""
    restrictions = {status for kind, status in items if kind == "restriction"}
    clearances = {status for kind, status in items if kind == "clearance"}
    rounds = {status for kind, status in items if kind == "round"}
    table = {
        "closed": issue == "closed",
        "partially_cleared": "in_force" in restrictions and "active" in clearances,
        "restricted": "in_force" in restrictions,
        "suspended": "suspended" in restrictions,
        "announced": bool(restrictions & {"announced", "proposed"}),
        "in_talks": bool(rounds - {"concluded", "cancelled", None}),
    }
    return next((name for name, applying in table.items() if applying), "open")


def possible_statuses(state: State) -> list[str | None]:
    """List every status that some reading gives an item."""
    return [each["status"] for each in state["alternatives"]] or [state["status"]]


def postures(issue: State, items: Sequence[State]) -> set[str]:
    """Find the posture for every choice of one possible status for each item and for the issue itself."""
    kinds = [state["kind"] for state in items]
    choices = product(*(possible_statuses(state) for state in (issue, *items)))
    return {posture(own, list(zip(kinds, others, strict=True))) for own, *others in choices}


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
        "posture": posture(head["status"], [(state["kind"], state["status"]) for state in members]),
        "posture_certainty": "certain" if len(postures(head, members)) == 1 else "possible",
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
            **({"disagreements": fact.disagreements} if fact.disagreements else {}),
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
    "through",
    "until_condition",
    "certainty",
    "alternatives",
    "ruling",
    "contested",
    "incomplete",
    "facts",
    "upcoming",
    "upcoming_more",
    "next_change",
    "applies",
    "ever_in_force",
    "ever_in_force_certainty",
    "charged_percent",
}


def over_in_every_reading(state: State) -> bool:
    """Whether it has ended whatever its dates are read as."""
    statuses = possible_statuses(state)
    return has_ended(state) and all(status is None or ends(state["kind"], status) for status in statuses)


def exposed(
    standing: Sequence[State], name: str, value: str, party: str, day: date, *, include_ended: bool
) -> list[str]:
    """List what touches a good and a party on a day, of all states at one (D, K)."""
    return [
        state["id"]
        for state in standing
        if state["kind"] in {"restriction", "clearance"}
        and touching.found(state, standing, name, value, day) is not None
        and touching.found(state, standing, "party", party, day) is not None
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
