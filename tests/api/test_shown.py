"""What answers show when they are asked to: `sources`, `include=planned`; and how sure a posture is."""

import json
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

Client = TestClient[Litestar]
Event = dict[str, Any]
D = "as_of=2025-06-30"
PUBLISHED = "known_basis=published&known_at=2025-06-30"
EVERYWHERE = [
    "/v1/restrictions/ban?{}",
    "/v1/restrictions?{}",
    "/v1/restrictions?q=gallium&{}",
    "/v1/issues/metals?{}",
    "/v1/issues/metals?limit=1&{}",
    "/v1/issues?{}",
    "/v1/exposure?good=gallium&party=CN&{}",
]
"""Every read as of one (D, K) that answers states."""


def report(day: str = "2025-06-01") -> list[Event]:
    return [{"outlet": "Reuters", "published": day}]


def fact(kind: str, change: str, occurred: str, item: str = "ban", **fields: Any) -> Event:  # noqa: ANN401 - any field
    """Make a fact about an item of the issue."""
    head = {"type": f"{kind}.{change}", "issues": ["metals"], "item": item, "occurred": occurred}
    return head | {"reports": report()} | fields


def imposed(occurred: str, item: str = "ban", **fields: Any) -> Event:  # noqa: ANN401 - any field
    terms = {"imposed_by": "CN", "instrument": "export_control", "goods": [{"name": "gallium"}]}
    return fact("restriction", "imposed", occurred, item, **terms) | fields


def record(client: Client, *events: Event) -> list[str]:
    """Record events, each its own commit; return their ids."""
    answers = [client.post("/v1/events", json={"events": [event]}) for event in events]
    assert {answer.status_code for answer in answers} <= {201}, [answer.text for answer in answers]
    return [answer.json()["events"][0]["id"] for answer in answers]


@pytest.fixture
def metals(client: Client) -> Client:
    """A ledger with one issue, and a restriction on which an early tightening is overtaken by a later one."""
    opening = {"id": "metals", "title": "Metals", "summary": "Controls.", "parties": ["CN"], "occurred": "2025-06-01"}
    assert client.post("/v1/issues", json=opening | {"reports": report()}).status_code == 201
    record(
        client,
        imposed("2025-06-02", rate_percent=10),
        fact("restriction", "tightened", "2025-06-03", rate_percent=20),
        fact("restriction", "tightened", "2025-06-04", rate_percent=30),
    )
    return client


def states(answer: Event) -> list[Event]:
    """Return every state in an answer: the one that it is, and those in its items."""
    items = answer.get("items", [])
    found = items if isinstance(items, list) else [each for group in items.values() for each in group]
    return found + ([answer] if "status" in answer else [])


def get(client: Client, url: str) -> Event:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("basis", ["", PUBLISHED])
@pytest.mark.parametrize("url", EVERYWHERE)
def test_sources_say_which_facts_a_state_shows(metals: Client, url: str, basis: str) -> None:
    """The default is `standing`; `none` leaves the member out, `all` adds facts; nothing else of the answer changes."""
    answers = {
        shown: get(metals, url.format(f"{D}&{basis}" + (f"&sources={shown}" if shown else "")).rstrip("&"))
        for shown in ("", "standing", "all", "none")
    }
    assert all("facts" not in state for state in states(answers["none"]))
    for name in ("next", "sources"):
        for answer in answers.values():
            answer.pop(name, None)
    assert answers[""] == answers["standing"]
    for shown in ("standing", "all"):
        facts = [len(state.pop("facts")) for state in states(answers[shown]) if state["kind"] == "restriction"]
        if "/v1/issues?" not in url:
            assert facts == [2 if shown == "standing" else 3]
        for state in states(answers[shown]):
            state.pop("facts", None)
        assert answers[shown] == answers["none"]


@pytest.mark.parametrize("url", EVERYWHERE)
def test_sources_are_part_of_the_frozen_url(metals: Client, url: str) -> None:
    """The frozen URL of an answer has the same bytes, with the sources that were asked for."""
    for shown in ("all", "none"):
        answer = metals.get(url.format(f"sources={shown}"))
        frozen_url = answer.headers["link"].partition(">")[0][1:]
        assert f"sources={shown}" in frozen_url
        frozen = metals.get(frozen_url)
        assert (frozen.content, frozen.headers["etag"]) == (answer.content, answer.headers["etag"])
        assert "immutable" in frozen.headers["cache-control"]


@pytest.mark.parametrize(
    "url",
    [
        "/v1/restrictions/ban/versions?",
        f"/v1/restrictions/ban/versions?{PUBLISHED}&",
        "/v1/issues/metals/diff?from=2025-06-01&to=2025-06-30&",
        f"/v1/issues/metals/diff?from=2025-06-01&to=2025-06-30&{PUBLISHED}&",
        "/v1/issues/metals/diff?as_of=2025-06-30&known_from=1&",
    ],
)
def test_histories_show_standing_facts_or_none(metals: Client, url: str) -> None:
    """Versions and diffs take `standing` and `none`; `all` is refused with the name of the parameter."""
    both = [get(metals, f"{url}sources={shown}")["items"] for shown in ("standing", "none")]
    assert both[0] == get(metals, url.rstrip("?&"))["items"] != []
    for standing, none in zip(*both, strict=True):
        for name in ("state", "before", "after"):
            if standing.get(name) is not None:
                assert standing[name].pop("facts")
                assert standing[name] == none[name]
    refused = metals.get(f"{url}sources=all")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "sources")


def test_a_diff_without_facts_compares_none(metals: Client) -> None:
    """An added report changes the facts alone: without them, nothing differs."""
    (opened,) = [each for each in get(metals, f"/v1/restrictions/ban?{D}")["facts"] if "status" in each["sets"]]
    added = metals.post(f"/v1/events/{opened['id']}/reports", json={"reports": [{"outlet": "AFP"}]})
    assert added.status_code == 201
    url = "/v1/issues/metals/diff?as_of=2025-06-30&known_from=4"
    assert [each["id"] for each in get(metals, url)["items"]] == ["ban"]
    assert get(metals, f"{url}&sources=none")["items"] == []


def test_pages_of_every_fact_go_on_where_they_end(metals: Client) -> None:
    """Large states make pages of `sources=all` short; by cursor every item comes once."""
    names = [f"control-{number}" for number in range(4)]
    for name in names:
        record(metals, imposed("2025-06-02", name))
        for day in range(6):
            texts = dict.fromkeys(("title", "speaker", "relayed_by", "locator"), "\N{FROG FACE}" * 500)
            said = [{"outlet": f"O{number}", **texts} for number in range(64)]
            record(metals, fact("restriction", "tightened", f"2025-06-1{day}", name, rate_percent=9, reports=said))
    found: list[str] = []
    pages = 0
    cursor: str | None = ""
    while cursor is not None:
        page = get(metals, f"/v1/restrictions?sources=all&{D}" + (f"&cursor={cursor}" if cursor else ""))
        found += [each["id"] for each in page["items"]]
        cursor, pages = page["next"], pages + 1
        for each in page["items"]:
            assert len(each["facts"]) == (3 if each["id"] == "ban" else 7)
    assert found == ["ban", *names]
    assert pages > 1


# Planned items


PLANNED = {"modality": "planned"}


@pytest.fixture
def planned(metals: Client) -> Client:
    """The same ledger, with a restriction that is only planned, and decided from the last event on."""
    record(metals, imposed("2025-06-05", "plan", effective="2025-08-01", **PLANNED))
    return metals


@pytest.mark.parametrize("basis", ["", PUBLISHED])
def test_a_planned_item_is_answered_where_it_is_asked_for(planned: Client, basis: str) -> None:
    """Lists, issues and exposure leave it out unless asked; it has the status `planned` and the terms of the plan."""
    (event,) = [each["id"] for each in get(planned, "/v1/events?item=plan")["items"]]
    asked = f"{D}&{basis}".rstrip("&")
    state = get(planned, f"/v1/restrictions/plan?include=planned&{asked}")
    assert (state["status"], state["since"], state["ruling"]) == ("planned", "2025-06-05", event)
    assert state["goods"] == [{"name": "gallium"}]
    (kept,) = states(get(planned, f"/v1/restrictions?status=planned&{asked}"))
    assert {name: state[name] for name in kept} == kept
    for url in EVERYWHERE[1:5] + EVERYWHERE[6:]:
        without, within = [
            {each["id"] for each in states(get(planned, url.format(f"{asked}{more}".replace("limit=1&", ""))))}
            for more in ("", "&include=planned")
        ]
        if "limit=1" not in url:
            assert within - without == {"plan"}, url
    both = get(planned, f"/v1/issues/metals?include=ended,planned&{asked}")
    assert {each["id"] for each in both["items"]["restriction"]} == {"ban", "plan"}
    assert (both["posture"], both["posture_certainty"]) == ("restricted", "certain")
    assert get(planned, "/v1/restrictions/plan/versions")["items"] == []
    for_all = get(planned, f"/v1/restrictions/plan?include=planned&sources=all&{asked}")
    assert [each["id"] for each in for_all["facts"]] == [event]


@pytest.mark.parametrize("basis", ["", PUBLISHED])
def test_the_404_of_a_planned_item_names_the_plan(planned: Client, basis: str) -> None:
    """It has the event, its type and its date, and says how to ask; where the item was decided too, since when."""
    (event,) = [each["id"] for each in get(planned, "/v1/events?item=plan")["items"]]
    refused = planned.get(f"/v1/restrictions/plan?{D}&{basis}".rstrip("&"))
    assert refused.status_code == 404
    problem = refused.json()
    assert problem["plan"] == {"event": event, "type": "restriction.imposed", "on": "2025-08-01"}
    assert "include=planned" in problem["detail"]
    assert "first_as_of" not in problem
    record(planned, imposed("2025-07-20", "plan", effective="2025-07-25"))
    problem = planned.get(f"/v1/restrictions/plan?{D}&{basis}".rstrip("&")).json()
    assert (problem["plan"]["event"], problem["first_as_of"]) == (event, "2025-07-20")
    assert "plan" not in planned.get(f"/v1/restrictions/nothing?{D}&include=planned").json()


def test_planned_counts_in_no_posture(client: Client) -> None:
    """An issue of planned items alone is open for certain."""
    opening = {"id": "metals", "title": "Metals", "summary": "Controls.", "parties": ["CN"], "occurred": "2025-06-01"}
    assert client.post("/v1/issues", json=opening | {"reports": report()}).status_code == 201
    record(
        client, imposed("2025-06-05", "plan", **PLANNED), fact("round", "scheduled", "2025-06-05", "talks", **PLANNED)
    )
    for url in (f"/v1/issues/metals?{D}", f"/v1/issues/metals?{D}&include=planned", f"/v1/issues?{D}"):
        answer = get(client, url)
        issue = answer["items"][0] if url.startswith("/v1/issues?") else answer
        assert (issue["posture"], issue["posture_certainty"]) == ("open", "certain")


# How sure a posture is

GRANT: Event = {"granted_by": "CN", "beneficiaries": [{"name": "Ford", "country": "US"}]}


@pytest.mark.parametrize("basis", ["", f"{PUBLISHED}&"])
@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], ("restricted", "certain")),
        ([imposed("2025-06-02", "maybe", until="[2025-06-20..2025-07-20]")], ("restricted", "certain")),
        ([fact("restriction", "lifted", "[2025-06-20..2025-07-20]")], ("open", "possible")),
        (
            [fact("restriction", "suspended", "2025-06-10", until="[2025-06-20..2025-07-20]")],
            ("restricted", "possible"),
        ),
        (
            [fact("clearance", "granted", "[2025-06-20..2025-07-20]", "licence", **GRANT)],
            ("partially_cleared", "possible"),
        ),
        (
            [
                fact("clearance", "granted", "[2025-06-20..2025-07-20]", "licence", **GRANT),
                fact("clearance", "granted", "2025-06-20", "sure-licence", **GRANT),
            ],
            ("partially_cleared", "certain"),
        ),
        ([fact("issue", "closed", "[2025-06-20..2025-07-20]", "metals")], ("closed", "possible")),
        (
            [
                fact("restriction", "lifted", "2025-06-10"),
                fact("round", "started", "2025-06-11", "talks"),
                fact("round", "concluded", "[2025-06-20..2025-07-20]", "talks"),
            ],
            ("open", "possible"),
        ),
    ],
)
def test_a_posture_is_possible_where_a_choice_gives_another(
    metals: Client, events: list[Event], expected: tuple[str, str], basis: str
) -> None:
    """On the issue's page, whole and in pages, and in the list; also by an item that is not shown as it has ended."""
    record(metals, *events)
    own = get(metals, f"/v1/issues/metals?{basis}{D}")
    small = get(metals, f"/v1/issues/metals?limit=1&{basis}{D}")
    ended = get(metals, f"/v1/issues/metals?include=ended&{basis}{D}")
    (listed,) = get(metals, f"/v1/issues?{basis}{D}")["items"]
    found = [(each["posture"], each["posture_certainty"]) for each in (own, small, ended, listed)]
    assert found == [expected] * 4, json.dumps(own)


def test_pages_of_an_issue_pass_over_items_that_may_have_ended(metals: Client) -> None:
    """Items that have ended, but not in every reading, are read and not shown: no page is short for them."""
    for number in range(5):
        record(
            metals,
            imposed("2025-06-02", f"gone-{number}"),
            fact("restriction", "lifted", "[2025-06-20..2025-07-20]", f"gone-{number}"),
            imposed("2025-06-02", f"here-{number}"),
        )
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = get(metals, f"/v1/issues/metals?{D}&limit=2" + (f"&cursor={cursor}" if cursor else ""))
        shown = [each["id"] for each in page["items"].get("restriction", [])]
        cursor = page["next"]
        assert len(shown) == 2 or cursor is None
        found += shown
    assert found == ["ban", *(f"here-{number}" for number in range(5))]
