"""The views of issues and items by plain HTTP: each of every set is drawn, and no text in them becomes markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.domain.vocabulary.kinds import KINDS
from service.settings import Settings
from tests.page.conftest import record_all
from tests.page.generated import MANY_RECTANGLES, batches

if TYPE_CHECKING:
    from litestar import Litestar

    Client = TestClient[Litestar]

HOSTILE = "</title></svg><script>alert(1)</script>\"'"
STEP = 4
"""By recording, every so manyth is drawn; by publication, every other one."""
DAYS = ("2020-03-01", "2023-06-10", "2025-06-10", "2026-06-01")


@pytest.mark.slow
@pytest.mark.parametrize("basis", ["published", "recorded"])
def test_issues_and_items_are_drawn(seeded_url: str, basis: str) -> None:
    """Issues and items of a set have their views on days before, within and after their lives, on either basis."""
    with TestClient(create_app(Settings(database_url=seeded_url))) as client:
        paths = [f"/issues/{each['id']}" for each in listed(client, "issues")]
        for kind in [each for each in KINDS.values() if each.name != "issue"]:
            paths += [f"/items/{kind.name}/{each['id']}" for each in listed(client, kind.plural)]
        assert len(paths) > 5
        for place, path in enumerate(paths[:: 2 if basis == "published" else STEP]):
            day = DAYS[place % len(DAYS)]
            answer = client.get(path, params={"as_of": day, "known_basis": basis})
            assert answer.status_code in {200, 404}, (path, day)
            assert client.get(path, params={"as_of": "2026-06-01", "known_basis": basis}).status_code == 200, path


def listed(client: Client, collection: str) -> list[dict[str, Any]]:
    """Return the items of a collection, ended ones as well."""
    query: dict[str, str | int] = {"limit": 1000, "sources": "none", "as_of": "2026-06-01"}
    if collection != "issues":
        query["include"] = "ended"
    found: list[dict[str, Any]] = client.get(f"/v1/{collection}", params=query).json()["items"]
    return found


def test_the_pictures_say_what_the_api_says(page: Client) -> None:
    """The state beside each lane is that of the API, and each rectangle of `/versions` is drawn once."""
    text = page.get("/issues/reciprocal-tariffs?as_of=2025-06-10&known_at=2026-06-01").text
    lane = re.search(
        r"<li class=\"lane\"(?:(?!</li>).)*>Reciprocal tariff China</a>(?:(?!</li>).)*</li>", text, re.DOTALL
    )
    assert lane
    assert "<span>suspended, 10%" in lane[0]
    query: dict[str, str | int] = {
        "known_basis": "published",
        "known_at": "2026-06-01",
        "sources": "none",
        "limit": 1000,
    }
    known = page.get("/v1/restrictions/reciprocal-tariff-china/versions", params=query).json()["items"]
    text = page.get("/items/restriction/reciprocal-tariff-china?as_of=2025-06-10&known_at=2026-06-01").text
    assert len(re.findall('class="cell ', text)) == len(known) + len(
        set(re.findall('<rect class="cell .*? width="28"', text))
    )


def test_the_window_of_days_is_in_the_url(page: Client) -> None:
    """Fewer days are shown where the URL says so, and links to other days keep that."""
    text = page.get("/issues/section-301-tariffs?as_of=2024-06-10&known_at=2026-06-01&span=1y").text
    figure = re.search(r'data-first="(\d+)" data-last="(\d+)" data-day="(\d+)"', text)
    assert figure
    first, last, day = (int(each) for each in figure.groups())
    assert first < day < last
    assert last - first == 365
    assert 'name="span" value="1y"' in text
    assert "span=1y" in (re.search(r'href="([^"]+)" rel="next"', text) or [""])[0]


def test_a_name_of_another_kind_of_page_is_ignored(page: Client) -> None:
    """A span or a year that there is not is as if it were not named."""
    for query in ("span=forever", "year=1850", "year=<b>"):
        answer = page.get(f"/issues/section-301-tariffs?known_at=2026-06-01&{query}")
        assert answer.status_code == 200
        assert "<b>&quot;" not in answer.text


def test_texts_in_pictures_are_escaped(empty: Client) -> None:
    """A city, a speaker, a good, an outlet and a reason with markup are text in every picture, title and table."""
    report = {"outlet": HOSTILE, "title": HOSTILE, "published": "2025-06-01", "url": "https://example.org/"}
    given = {"issues": ["a-matter"], "occurred": "2025-06-01", "reports": [report]}
    restriction = {"imposed_by": "US", "against": ["CN"], "instrument": "tariff", "rate_percent": 10}
    number, between, goods = "00000000-0000-4000-8000-000000000002", {"parties": ["CN", "US"]}, [{"name": HOSTILE}]
    later = {**given, "occurred": "2025-07-01"}
    events: list[dict[str, Any]] = [
        {**given, "type": "issue.opened", "item": "a-matter", "title": HOSTILE, "summary": HOSTILE, **between},
        {**given, "type": "round.concluded", "item": "talks", "city": HOSTILE, "country": "CH"},
        {**given, "type": "statement.made", "item": "words", "speaker": HOSTILE, "summary": HOSTILE, "party": "US"},
        {**given, "type": "restriction.imposed", "item": "duty", "id": number, **restriction, "goods": goods},
        {**later, "type": "restriction.amended", "item": "duty", "goods": [{"name": HOSTILE + "2"}]},
        {"type": "record.disputed", "target": number, "occurred": "2025-06-02", "reason": HOSTILE, "reports": [report]},
    ]  # fmt: skip
    record_all(empty, events)
    for path in ("/issues/a-matter", "/items/restriction/duty", "/items/round/talks", "/items/statement/words"):
        answer = empty.get(path, params={"as_of": "2025-08-01"})
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert not re.findall(r"<script(?![^>]+src=)|<style|\sstyle=|\son\w+=", answer.text)


def test_a_retraction_is_shown_as_one(empty: Client) -> None:
    """A retracted fact stays on the list, marked, with the reason; the picture marks when it was retracted."""
    number = "00000000-0000-4000-8000-000000000003"
    report = [{"outlet": "Gazette", "published": "2025-06-01"}]
    given = {"issues": ["a-matter"], "occurred": "2025-06-01", "reports": report}
    terms = {"imposed_by": "US", "against": ["CN"], "instrument": "tariff", "rate_percent": 10, "all_goods": True}
    later = {"id": number, "occurred": "2025-07-01", "rate_percent": 50}
    opening = {"title": "A", "summary": "A", "parties": ["CN", "US"]}
    record_all(
        empty,
        [
            {**given, "type": "issue.opened", "item": "a-matter", **opening},
            {**given, "type": "restriction.imposed", "item": "duty", **terms},
            {**given, "type": "restriction.tightened", "item": "duty", **later},
        ],
    )
    assert empty.delete(f"/v1/events/{number}", params={"reason": "It was a rumour."}).status_code in {200, 201}
    text = empty.get("/items/restriction/duty", params={"as_of": "2025-08-01", "known_basis": "recorded"}).text
    fact = text[text.index(f'id="fact-{number}"') - 40 :]
    assert 'class="fact retracted"' in fact[:80]
    assert "It was a rumour." in fact
    assert 'class="k-label retracted"' in text
    assert "50%" in text
    now = empty.get("/v1/restrictions/duty", params={"as_of": "2025-08-01"}).json()
    assert now["charged_percent"] == 10


@pytest.mark.slow
def test_a_long_history_is_shown_by_the_year(empty: Client) -> None:
    """Of more facts than one view has, those of one year are there; a mark of another year leads to that year."""
    for events in batches():
        record_all(empty, events)
    text = empty.get("/issues/generated-matter?as_of=2022-06-10&known_basis=recorded").text
    shown = set(re.findall(r'id="fact-([^"]+)"', text))
    assert 50 < len(shown) < 400
    led = re.findall(r'href="([^"]*)#fact-([^"]+)"', text)
    assert led
    assert all((not path) == (fact in shown) for path, fact in led)
    path, fact = next((path, fact) for path, fact in led if path)
    assert f'id="fact-{fact}"' in empty.get(path.replace("&amp;", "&")).text
    drawn = empty.get(f"/items/restriction/{MANY_RECTANGLES}?as_of=2020-06-10&known_basis=recorded").text
    assert len(re.findall('class="cell ', drawn)) > 1000
