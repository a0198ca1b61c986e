"""The API's own page in a real Chromium: on a desk and on a phone, searched and copied from, without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.page.browser import MARKS, PHONE, expect, launched, tab
from tests.servers import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

pytestmark = MARKS
PATHS = (
    "/schema", "/schema/guides/d-and-k", "/schema/guides/recording", "/schema/operations/get_between",
    "/schema/operations/append_events", "/schema/vocabulary", "/schema/vocabulary/restriction", "/schema/shapes/Party",
    "/schema?q=rate", "/problems/version-conflict",
)  # fmt: skip
WEIGHT_MAX = 20_000
LENGTH_MAX = 8_000
"""Pixels that a page on a desk is long; the one page of before was 114,614."""
SCREENS_OF = {"api": PATHS[0], "api-operation": PATHS[3], "api-kind": PATHS[6]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with launched() as started:
        yield started


@pytest.fixture(scope="module")
def london(filled_once: Callable[[str], str]) -> Iterator[str]:
    """The URL of a server on the set of London."""
    with serving(filled_once("london")) as server:
        yield server.url


def test_every_sort_of_page(browser: Browser, london: str, capsys: pytest.CaptureFixture[str]) -> None:
    """None breaks a rule of accessibility, complains, asks another host, is too heavy, too long or too wide."""
    wrong, lines = [], []
    dark = {"viewport": PHONE, "color_scheme": "dark", "has_touch": True}
    for name, options in {"desk": {}, "phone": dark}.items():
        with tab(browser, london, **options) as seen:
            for path in PATHS:
                seen.page.goto(path)
                weight = seen.weight()
                length = seen.page.evaluate("document.documentElement.scrollHeight")
                lines.append(f"{name:5} {weight['bytes'] / 1000:5.1f} kB {length:6} px  {path}")
                wrong += [f"{path}: wider than the window"] if seen.is_too_wide() else []
                wrong += [f"{path}: {weight['bytes']} bytes"] if weight["bytes"] > WEIGHT_MAX else []
                wrong += [f"{path}: {length} pixels"] if length > LENGTH_MAX and name == "desk" else []
                wrong += [f"{path}: {each}" for each in (*seen.violations(), *seen.complaints, *seen.elsewhere)]
                seen.complaints.clear()
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201 - the figures that are asked for
    assert not wrong, "\n".join(wrong)


def test_a_search_answers_while_it_is_typed(browser: Browser, london: str) -> None:
    """What is found replaces the page as one types, and what was there comes back when the field is empty."""
    with tab(browser, london) as seen:
        page = seen.page
        page.goto("/schema")
        page.get_by_role("searchbox").press_sequentially("suspension")
        expect(page.get_by_role("heading", level=1)).to_have_text("“suspension” in the API")
        expect(page.get_by_role("link", name="restriction.suspension_extended")).to_be_visible()
        assert not seen.violations()
        page.get_by_role("searchbox").fill("")
        expect(page.get_by_role("heading", level=1)).to_have_text("The API")
        expect(page.get_by_role("heading", name="Guides")).to_be_visible()
        page.get_by_role("searchbox").fill("rate percent")
        page.get_by_role("link", name="restriction: rate_percent").click()
        expect(page.locator("#term-rate_percent")).to_be_in_viewport()
        assert not seen.complaints


def test_a_request_is_copied(browser: Browser, london: str) -> None:
    """The button copies the command as it stands, and says so."""
    with tab(browser, london, permissions=["clipboard-read", "clipboard-write"]) as seen:
        seen.page.goto("/schema/operations/get_between")
        seen.page.get_by_role("button", name="Copy").click()
        expect(seen.page.get_by_role("button", name="Copied")).to_be_visible()
        copied = seen.page.evaluate("navigator.clipboard.readText()")
        assert copied == f"curl -s '{london}/v1/between?as_of=2025-06-10&a=US&b=CN'"


def test_without_scripts_all_is_there(browser: Browser, london: str) -> None:
    """A browser that runs no script searches, reads an operation, and opens its answer."""
    with tab(browser, london, java_script_enabled=False) as seen:
        page = seen.page
        page.goto("/schema")
        page.get_by_role("searchbox").fill("two partners")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Get what stands between two partners").click()
        expect(page.get_by_role("heading", name="Parameters")).to_be_visible()
        expect(page.get_by_role("button", name="Copy")).to_have_count(0)
        page.get_by_role("link", name="See the answer").click()
        expect(page.locator("body")).to_contain_text("china-seven-rare-earths-control")


def test_screens_for_the_documents(browser: Browser, london: str) -> None:
    """The pages are drawn; `make screens` keeps the pictures for docs/page.md."""
    for name, path in SCREENS_OF.items():
        with tab(browser, london, viewport={"width": 1180, "height": 820}) as seen:
            seen.page.goto(path)
            expect(seen.page.get_by_role("heading", level=1)).to_be_visible()
            seen.screenshot(name)
