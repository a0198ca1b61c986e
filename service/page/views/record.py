"""The views of recording: which fact, the form of its type with what the answer would be, and what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.domain.vocabulary.events import FACTS
from service.domain.vocabulary.kinds import KINDS
from service.page import says
from service.page.ask import target as url_of
from service.page.form_text import reports_in
from service.page.forms import Notes, filled
from service.page.recording import checked, digest, draft_of, may_record, recorded
from service.page.views import facts
from service.page.visit import View
from service.page.words import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.page.ask import Members
    from service.page.recording import Draft, DryRun
    from service.page.visit import Visit

PATH = "/record"
_RECORDS = {
    "record.corrected": "Correct a fact",
    "record.retracted": "Retract a fact",
    "record.report_added": "Add a source to a fact, or a denial",
    "record.disputed": "Dispute a fact",
}
_ISSUES_MAX = 200


async def view(visit: Visit) -> View:
    """Show the types to choose from, the form of one, or what has been recorded."""
    if number := visit.query.get("recorded"):
        return await _done(visit, number)
    await may_record(visit)
    kind = visit.query.get("type", "")
    if not kind:
        return _types(visit)
    draft = await draft_of(visit, kind, visit.query.get("target", ""))
    return await _form(visit, draft, {**draft.values(), **visit.query}, Notes())


def _types(visit: Visit) -> View:
    """Show every type of fact with what the vocabulary says of it; of one kind where the URL names it."""
    only = visit.query.get("kind", "")
    kinds = [kind for kind in KINDS.values() if only in {"", kind.name}] or list(KINDS.values())
    found = [
        (kind, [(f"{kind.name}.{each.name}", words(each.name), _says(kind.name, each.name)) for each in kind.changes])
        for kind in kinds
    ]
    about = {name: visit.query[name] for name in ("item", "issues") if name in visit.query}
    return View("record_types.html", {"kinds": found, "about": about, "only": only}, "Record")


def _says(kind: str, change: str) -> str:
    return (FACTS[f"{kind}.{change}"].__doc__ or "").partition("\n\n")[0].replace("\n", " ")


async def submitted(visit: Visit, given: Mapping[str, str]) -> View | str:
    """Check what a form gives, or record it; returns the URL to go on to once it is recorded."""
    draft = await draft_of(visit, given.get("type", ""), given.get("target", ""))
    do, number = given.get("do", ""), given.get("id", "")
    if do == "more":
        at = max(reports_in(given), 1)
        return await _form(visit, draft, {**given, f"reports.{at}.outlet": ""}, Notes())
    event = draft.event(given)
    if do == "record" and given.get("checked") == digest(event):
        notes, problem = await recorded(visit, event, number)
        return await _form(visit, draft, given, notes, problem=problem) if problem else _after(number)
    preview, notes, problem = await checked(visit, event)
    return await _form(visit, draft, given, notes, preview=preview, problem=problem, changed=do == "record")


def _after(number: str) -> str:
    return url_of(PATH, {"recorded": number})


async def _form(  # noqa: PLR0913 - what a form shows
    visit: Visit, draft: Draft, given: Mapping[str, str], notes: Notes, *, preview: DryRun | None = None,
    problem: Members | None = None, changed: bool = False,
) -> View:  # fmt: skip
    """Show a form, with what is wrong beside its fields, and what the answer would be."""
    groups = filled(draft.groups(given), given, notes)
    issues = (await visit.ask("/v1/issues", limit=_ISSUES_MAX, sources="none")).members()["items"]
    context: dict[str, Any] = {
        "draft": draft, "groups": groups, "notes": notes, "others": notes.others(groups), "preview": preview,
        "problem": problem, "changed": changed, "issues": issues, "head": head_of(draft.type, given),
        "fact": None if draft.target is None else facts.as_recorded(draft.target),
    }  # fmt: skip
    status = int(problem.get("status", 422)) if problem else 200
    return View("record.html", context, context["head"], status)


def head_of(kind: str, given: Mapping[str, str]) -> str:
    """Return the heading of a form with the values `given`."""
    if kind == "record.report_added" and given.get("reports.0.stance") == "denies":
        return "Add a denial of a fact"
    of, _, change = kind.partition(".")
    return _RECORDS.get(kind) or f"Record: {words(of)} {words(change)}"


async def _done(visit: Visit, number: str) -> View:
    """Show what has been recorded."""
    event = (await visit.ask(f"/v1/events/{number}")).members()
    fact = event
    if event["type"].startswith("record."):
        fact = (await visit.ask(f"/v1/events/{event['target']}")).members()
    act = "denial added" if says.is_denial(event) else words(event["type"].partition(".")[2])
    return View("record_done.html", {"event": event, "fact": facts.as_recorded(fact), "act": act}, "Recorded")
