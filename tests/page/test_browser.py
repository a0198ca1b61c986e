"""The page in a real Chromium: every view on every set, by keyboard, without scripts, on a phone, in the dark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.page.browser import MARKS, PHONE, SCREENS, expect, launched, tab
from tests.page.conftest import opened
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Locator
    from playwright.sync_api import Page as Window

    from tests.page.browser import Seen

pytestmark = MARKS
DAYS = {"london": "2025-06-10", "us-china": "2025-09-01", "world": "2024-12-10"}
FIXED = ("/", "/issues", "/changes?days=365", "/changes?show=days", "/changes?show=known", "/?q=steel", "/exposure")
FORMS = ("/record", "/record?type=restriction.imposed")
DARK = "us-china"
"""The set on which the rules of accessibility are asked in the dark on a phone too, of every other view."""
WEIGHT_MAX = 150_000
ITEMS = 3
"""Items of a set that are looked at, each of another kind."""
PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with launched() as started:
        yield started


@pytest.fixture
def us_china(served: Callable[[str], str]) -> str:
    """The URL of a server on the set `us-china`, which nobody writes to."""
    return served("us-china")


@pytest.fixture
def blank(migrated_sqlite_url: str) -> Iterator[str]:
    """The URL of a server on an empty ledger."""
    with serving(migrated_sqlite_url) as server:
        yield server.url


def views_of(page: Window, clocks: str) -> list[str]:
    """Return the views to look at: the fixed ones, an exposure, and some issues and items that the first view names."""
    page.goto(f"/?{clocks}")
    found = page.eval_on_selector_all("main a", "all => all.map((each) => each.getAttribute('href'))")
    items = {re.split("[/?]", each)[2]: each for each in found if each.startswith("/items/")}
    issues = [each for each in found if each.startswith("/issues/")][:1]
    fixed = [f"{path}{'&' if '?' in path else '?'}{clocks}" for path in FIXED]
    return [
        *fixed,
        *FORMS,
        f"/exposure?good=steel&origin=CN&destination=US&{clocks}",
        *issues,
        *[*items.values()][:ITEMS],
    ]


def look(seen: Seen, path: str, *, rules: bool = True) -> list[str]:
    """Open a view, and return what is wrong with it; without `rules`, all but accessibility."""
    answer = seen.page.goto(path)
    wrong = [] if answer and answer.status == 200 else [f"status {answer and answer.status}"]
    wrong += ["wider than the window"] if seen.is_too_wide() else []
    wrong += [*(seen.violations() if rules else ()), *seen.complaints, *seen.elsewhere]
    seen.complaints.clear()
    return [f"{path}: {each}" for each in wrong]


@pytest.mark.parametrize("name", DAYS)
def test_every_view_on_every_set(
    browser: Browser, served: Callable[[str], str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No view breaks a rule of accessibility, complains, asks another host, or is too wide, on a desk or on a phone."""
    url, clocks = served(name), f"as_of={DAYS[name]}&known_at={DAYS[name]}"
    wrong, lines = [], []
    with tab(browser, url) as seen:
        paths = views_of(seen.page, clocks)
        for path in paths:
            wrong += look(seen, path, rules=name == DARK or path not in FORMS)
            weight = seen.weight()
            figures = f"{weight['bytes'] / 1000:6.1f} kB {weight['answered']:5} ms {weight['shown']:5} ms"
            lines.append(f"{name:9} {figures}  {path}")
            if weight["bytes"] > WEIGHT_MAX:
                wrong.append(f"{path}: {weight['bytes']} bytes")
    with tab(browser, url, viewport=PHONE, color_scheme="dark", has_touch=True) as seen:
        for at, path in enumerate(paths):
            wrong += look(seen, path, rules=name == DARK and at % 2 == 0)
    with capsys.disabled():
        print(f"\n{name}: weight, answered after, shown after")  # noqa: T201 - the figures that are asked for
        print("\n".join(lines))  # noqa: T201
    assert not wrong, "\n".join(wrong)


def test_the_clocks_decide_what_is_shown(browser: Browser, us_china: str) -> None:
    """D and K are chosen by their controls: on 10 August 2025 the duty was to be due in September, a day later not."""
    with tab(browser, us_china) as seen:
        seen.page.goto("/items/restriction/reciprocal-tariff-china")
        seen.page.get_by_label("On the day").fill("2025-09-01")
        seen.page.get_by_label("As known on").fill("2025-08-10")
        seen.page.get_by_role("button", name="Show").click()
        expect(seen.page.locator("main")).to_contain_text("In force")
        assert "as_of=2025-09-01" in seen.page.url
        assert "known_at=2025-08-10" in seen.page.url
        seen.page.get_by_label("As known on").fill("2025-08-11")
        seen.page.get_by_role("button", name="Show").click()
        expect(seen.page.locator("main .status").first).to_contain_text("Suspended")


def test_the_keyboard_alone_is_enough(browser: Browser, us_china: str) -> None:
    """A reader without a mouse skips to the content, searches, and opens what is found."""
    with tab(browser, us_china) as seen:
        page = seen.page
        page.goto("/?as_of=2025-09-01&known_at=2025-09-01")
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")
        press_until(page, "Shift+Tab", "document.activeElement.id === 'q'")
        page.keyboard.type("gallium")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("“gallium”")
        page.locator("#main").focus()
        press_until(page, "Tab", "document.activeElement.matches('.entry .what a')")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Enter")
        page.wait_for_url("**/items/**")


def press_until(page: Window, key: str, condition: str) -> None:
    """Press a key until something is so; at most as often as there are places to go."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate(condition):
            return
    pytest.fail(f"{key} never leads to: {condition}")


HOSTILE = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'


def test_a_hostile_title_does_not_run(browser: Browser, blank: str) -> None:
    """Markup in a title, an outlet, a speaker or a link is text."""
    with plain_client(blank) as client:
        event = opened(HOSTILE)
        event["reports"] = [{"outlet": HOSTILE, "title": HOSTILE, "speaker": HOSTILE, "published": "2025-06-01"}]
        client.post("/v1/events", json={"events": [event]}).raise_for_status()
    slug = event["item"]
    with tab(browser, blank) as seen:
        for path in ("/", "/issues", f"/issues/{slug}", "/?q=img", "/changes?show=days&since=2025-01-01"):
            seen.page.goto(path)
            assert seen.page.evaluate("window.ran") is None
        assert not seen.complaints
        seen.page.goto("/issues")
        expect(seen.page.locator("main")).to_contain_text("onerror")


def test_a_new_fact_is_noted(browser: Browser, blank: str) -> None:
    """While a view is open, a new event brings a note; the view changes when the reader asks."""
    with tab(browser, blank) as seen, plain_client(blank) as client:
        seen.page.goto("/issues")
        client.post("/v1/events", json={"events": [opened("New matter")]}).raise_for_status()
        note = seen.page.get_by_role("status")
        expect(note).to_contain_text("1 new event", timeout=PATIENCE_MS)
        expect(seen.page.locator("main")).not_to_contain_text("New matter")
        note.get_by_role("link").click()
        expect(seen.page.locator("main")).to_contain_text("New matter")


def test_a_fact_is_recorded_by_keyboard(browser: Browser, blank: str) -> None:
    """Without a mouse: a type is chosen, faults are mended, the dry run is read, the fact recorded, and retracted."""
    with plain_client(blank) as client:
        client.post("/v1/events", json={"events": [opened("A matter")]}).raise_for_status()
    with tab(browser, blank) as seen:
        page = seen.page
        page.goto("/record?kind=restriction")
        press_to(page, page.locator("a[href='/record?type=restriction.imposed']"))
        page.keyboard.press("Enter")
        type_in(page, {"issues": "a-matter", "item": "steel-duty", "occurred": "2025-13", "against": "China"})
        type_in(page, {"imposed_by": "United States", "instrument": "tariff", "goods": "steel; hs=7208"})
        type_in(page, {"rate_percent": "25", "reports.0.outlet": "Gazette"})
        page.keyboard.press("Enter")
        summary = page.get_by_role("alert")
        expect(summary).to_contain_text("there is no 2025-13")
        press_to(page, summary.get_by_role("link", name="Occurred"))
        page.keyboard.press("Enter")
        expect(page.locator("[name=occurred]")).to_have_accessible_description(re.compile("there is no 2025-13"))
        assert not seen.violations()
        type_in(page, {"occurred": "2025-06-01"})
        page.keyboard.press("Enter")
        preview = page.get_by_role("region", name="What the answer would be")
        expect(preview).to_contain_text("a duty of 25% on steel (HS 7208) from China")
        with plain_client(blank) as client:
            assert client.get("/v1/restrictions").json()["items"] == []
        assert not seen.violations()
        press_to(page, preview.get_by_role("button", name="Record it"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Recorded at position 2")
        press_to(page, page.get_by_role("link", name="Open the item"))
        page.keyboard.press("Enter")
        press_to(page, page.get_by_role("link", name=re.compile("^Retract")))
        page.keyboard.press("Enter")
        type_in(page, {"reason": "A rumour."})
        press_to(page, page.get_by_role("button", name=re.compile("^Check")))
        page.keyboard.press("Enter")
        expect(preview).to_contain_text("Nothing is known of it")
        press_to(page, preview.get_by_role("button", name="Record it"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Recorded at position 3")


def press_to(page: Window, place: Locator) -> None:
    """Press Tab until a place has the focus."""
    handle = place.element_handle()
    for _ in range(200):
        page.keyboard.press("Tab")
        if handle.evaluate("each => each === document.activeElement"):
            return
    pytest.fail(f"the keyboard never comes to {place}")


def type_in(page: Window, values: dict[str, str]) -> None:
    """Fill fields in by keys alone, in the order of the form."""
    for name, text in values.items():
        field = page.locator(f"[name='{name}']")
        field.focus()
        page.keyboard.press("Control+a")
        page.keyboard.type(text)


def test_without_scripts_all_is_there(browser: Browser, us_china: str) -> None:
    """A browser that runs no script asks and reads the same."""
    with tab(browser, us_china, java_script_enabled=False) as seen:
        seen.page.goto("/?as_of=2025-09-01&known_at=2025-09-01")
        seen.page.get_by_label("Search").fill("steel")
        seen.page.get_by_role("button", name="Show").click()
        expect(seen.page.locator("h1")).to_contain_text("“steel”")
        expect(seen.page.locator(".entry").first).to_be_visible()


@pytest.mark.skipif(not SCREENS, reason="they are drawn by `make screens`")
def test_screens_for_the_documents(browser: Browser, us_china: str) -> None:
    """Each view is drawn, in light, in the dark and on a phone; `make screens` keeps the pictures for docs/page.md."""
    for name, path in SCREENS_OF.items():
        for suffix, options in LOOKS_OF.get(name, LOOKS).items():
            with tab(browser, us_china, **options) as seen:
                seen.page.goto(path)
                expect(seen.page.locator("h1")).to_be_visible()
                if name == "record":
                    type_in(seen.page, {"occurred": "2026-11-20", "rate_percent": "60", "reports.0.outlet": "Gazette"})
                    type_in(seen.page, {"reports.0.published": "2999-09-01"})
                    seen.page.keyboard.press("Enter")
                    expect(seen.page.get_by_role("region", name="What the answer would be")).to_be_in_viewport()
                if (aim := AIMS.get(name)) and not suffix:
                    seen.page.locator(aim).evaluate("each => each.scrollIntoView()")
                seen.screenshot(f"{name}{suffix}")


_CLOCKS = "as_of=2025-09-01&known_at=2025-09-01"
SCREENS_OF = {
    "start": f"/?{_CLOCKS}",
    "search": f"/?q=steel&{_CLOCKS}",
    "issue": f"/issues/reciprocal-tariffs?{_CLOCKS}",
    "item": "/items/restriction/reciprocal-tariff-china?as_of=2025-09-01&known_at=2026-06-01",
    "believed": "/items/restriction/reciprocal-tariff-china?as_of=2025-09-01&known_at=2026-06-01",
    "changes": f"/changes?days=180&{_CLOCKS}",
    "learnt": f"/changes?show=known&since=2025-06-01&{_CLOCKS}",
    "exposure": f"/exposure?good=steel&origin=CN&destination=US&{_CLOCKS}",
    "record": "/record?type=restriction.tightened&item=section-301-semiconductors&issues=section-301-tariffs",
}
AIMS = {"issue": "#timeline", "believed": "#believed", "exposure": "#charge"}
"""What stands at the top of the picture, where that is not the top of the view."""
_SCREEN = {"viewport": {"width": 1180, "height": 820}}
LOOKS: dict[str, dict[str, Any]] = {"": _SCREEN}
_MORE: dict[str, dict[str, Any]] = {"-dark": {**_SCREEN, "color_scheme": "dark"}, "-phone": {"viewport": PHONE}}
LOOKS_OF = {name: {**LOOKS, **_MORE} for name in ("start", "issue")}
