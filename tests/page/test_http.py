"""The page by plain HTTP: every view, what it lets in, and what it says where there is nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.events import event
from tests.page.conftest import opened, record_all

if TYPE_CHECKING:
    from litestar import Litestar
    from litestar.testing import TestClient

    Client = TestClient[Litestar]

CLOCKS = "as_of=2025-09-01&known_at=2025-09-01"
VIEWS = (
    "/",
    "/issues",
    "/issues/reciprocal-tariffs",
    "/items/restriction/reciprocal-tariff-china",
    "/changes",
    "/changes?days=365",
    "/changes?show=days",
    "/changes?show=known&since=2025-06-01",
    "/?q=steel",
    "/?q=steel&compared=no",
    "/?q=Japan",
    "/?q=8541",
    "/exposure",
    "/exposure?good=steel&origin=CN&destination=US",
)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_is_one_page_of_our_own_files(page: Client, path: str) -> None:
    """Each view is HTML with a title, one heading and one main part; it names no file but ours, and no inline code."""
    answer = page.get(f"{path}{'&' if '?' in path else '?'}{CLOCKS}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    text = answer.text
    assert re.search(r"<title>[^<]+ · Parley</title>", text)
    assert len(re.findall("<h1[ >]", text)) == 1
    assert text.count("<main") == 1
    assert not re.findall(r"<script(?![^>]+src=)|<style|\sstyle=|\son\w+=", text)
    assert all(url.startswith("/static/") for url in re.findall(r'(?:src|<link [^>]*href)="([^"]*)"', text))


@pytest.mark.parametrize("path", ["/", "/issues/reciprocal-tariffs", "/static/parley.css"])
def test_head_answers_as_get_does(page: Client, path: str) -> None:
    """HEAD has the status and the type of GET, and no body."""
    answer = page.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == page.get(path).headers["content-type"]


def test_json_clients_do_not_get_the_page(page: Client) -> None:
    """A client that asks for JSON gets a problem, as before there was a page."""
    answer = page.get("/", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/issues/no-such-issue", 404, "Not found"),
        ("/items/restriction/no-such-item", 404, "Not found"),
        ("/items/no-kind/x", 404, "no kind of item"),
        ("/no-such-page", 404, "no such page"),
        ("/changes?show=days&since=x", 422, "from"),
        ("/exposure?good=steel&origin=CN&destination=CN", 422, "the same as origin"),
        ("/?as_of=yesterday", 422, "as_of"),
        ("/?known_basis=recorded&known_position=999999", 400, "beyond the head"),
    ],
)
def test_a_refusal_is_a_page(page: Client, path: str, status: int, words: str) -> None:
    """What the API refuses, the page says, with the same status."""
    answer = page.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert words in answer.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("hs=72", "72 from China to the United States"),
        ("eccn=3A090", "3A090 from China to the United States"),
        ("entity=Nexperia", "Nexperia from China to the United States"),
    ],
)
def test_exposure_takes_the_names_of_the_api(page: Client, query: str, words: str) -> None:
    """A question of `/v1/exposure` is one of the page: the good by each of its names, as the link to the answer has."""
    asked = f"{query}&origin=CN&destination=US"
    text = page.get(f"/exposure?{asked}&{CLOCKS}").text
    assert f"<h1>{words}</h1>" in re.sub(r"\s+", " ", text)
    assert f"/v1/exposure?{asked}".replace("&", "&amp;") in text
    expected = page.get(f"/v1/exposure?{asked}&known_basis=published&{CLOCKS}&limit=100").json()["items"]
    assert text.count('<li class="entry ') == len(expected)


def test_exposure_of_either_side(page: Client) -> None:
    """`party` asks for what a country does and what is done to it, as in the API."""
    text = page.get(f"/exposure?good=steel&party=CN&{CLOCKS}").text
    assert "steel, with China on either side" in text
    assert '<li class="entry ' in text


def test_a_rate_that_is_not_known_is_said_so(page: Client) -> None:
    """Where a change takes a rate away, no rate stands in what comes next."""
    text = page.get("/?a=US&b=CN&as_of=2027-05-01&known_at=2026-11-01").text
    assert "at a rate that is not known" in text
    assert "None%" not in text


def test_both_clocks_are_in_every_link(page: Client) -> None:
    """Links to views carry D and K, so that what a reader follows is as of the same day."""
    text = page.get(f"/?{CLOCKS}").text
    links = re.findall(r'href="(/(?:issues|items|changes|exposure)[^"]*)"', text)
    assert len(links) > 20
    assert all("as_of=2025-09-01" in link and "known_at=2025-09-01" in link for link in links)


def test_a_pinned_view_never_changes(empty: Client) -> None:
    """The pinned URL of a view shows the same when more has been recorded; the view itself shows what is new."""
    record_all(empty, [opened("One")])
    plain = "/?as_of=2025-06-10&known_at=2025-06-10"
    pinned = re.search(r'class="pin" href="([^"]+)"', empty.get(plain).text)
    assert pinned
    url = pinned[1].replace("&amp;", "&")
    before = empty.get(url).text
    record_all(empty, [opened("Two")])
    assert empty.get(url).text == before
    assert "Two" in empty.get(plain).text


def test_texts_of_the_ledger_are_escaped(empty: Client) -> None:
    """A title with markup is shown as text, in every view that has it."""
    record_all(empty, [opened(HOSTILE)])
    slug = "script-alert-script-img-src-x-onerror-alert"
    for path in ("/", "/issues", f"/issues/{slug}", f"/items/issue/{slug}", f"/?q={HOSTILE}"):
        text = empty.get(path, params=None if "?" in path else {"as_of": "2025-06-10"}).text
        assert "<script>alert" not in text
        assert "<img" not in text
    assert "&lt;script&gt;" in empty.get("/issues?as_of=2025-06-10").text


def test_an_empty_ledger_has_a_page(empty: Client) -> None:
    """Before anything is recorded every view says so."""
    for path in ("/", "/issues", "/changes", "/exposure"):
        assert empty.get(path).status_code == 200


def test_a_search_says_its_day_and_what_may_touch_the_good(page: Client) -> None:
    """The heading has the day in words; what cannot be compared and the status of an issue say what they are."""
    text = page.get("/?q=gallium&as_of=2024-12-10&known_at=2024-12-10").text
    assert "“gallium” between the United States and China on 10 December 2024</h1>" in text
    assert re.search(r"\d+ measures between them may be on “gallium” or not", text)
    assert "as known on 10 December 2024, is on a good called “gallium”" in text
    assert "The status is that of the whole issue" in text


def test_a_search_says_that_there_is_more(empty: Client) -> None:
    """Of each list a search shows twelve items: where there are thirteen it says so, and where there are twelve not."""
    record_all(empty, [opened("One")])
    terms = {"imposed_by": "CN", "against": ["JP"], "instrument": "quota", "goods": [{"name": "terbium"}]}
    record_all(empty, [event("restriction.imposed", f"quota-{each}", "one", **terms) for each in range(12)])
    asked = "/?q=terbium&as_of=2025-06-10"
    text = empty.get(asked).text
    assert re.search(r'On this good, between any parties <span class="count">12</span>', text)
    assert "There is more than is shown here" not in text
    record_all(empty, [event("restriction.imposed", "quota-12", "one", **terms)])
    text = empty.get(asked).text
    assert re.search(r'On this good, between any parties <span class="count">12 and more</span>', text)
    assert "There is more than is shown here" in text


def test_an_empty_calendar_leads_further_ahead(page: Client) -> None:
    """Days without a change lead to more days, and plans to where they stand; the last choice leads no further."""
    text = page.get("/changes?as_of=2027-01-01&known_at=2026-11-28").text
    assert "No change is known for these days, as known on 28 November 2026." in text
    further = re.search(r'<a href="([^"]*days=365[^"]*)">365 days</a>', text)
    assert further
    assert "23 June 2027" in page.get(further[1].replace("&amp;", "&")).text
    assert re.search(r'<a href="/\?[^"]+#next">What comes next</a>', text)
    assert "Look further ahead" not in page.get("/changes?as_of=2030-01-01&days=1095").text


def test_a_rate_leads_to_the_fact_that_gives_it(page: Client) -> None:
    """Of an item with many sources, the page says which of its facts gives the rate, and who reports that."""
    text = page.get("/items/restriction/reciprocal-tariff-china?as_of=2025-11-15&known_at=2025-08-15").text
    link = re.search(r'The rate of <b>34%</b> is from <a href="#(fact-[0-9a-f-]+)">12 May 2025: eased</a>', text)
    assert link
    fact = text.partition(f'id="{link[1]}"')[2].partition("</li>")[0]
    assert "On 15 November 2025 it gives: legal reference, rate<" in fact
    assert "Joint Statement on U.S.-China Economic and Trade Meeting in Geneva" in text[link.end() : link.end() + 2500]
