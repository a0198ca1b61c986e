"""A real Chromium, the machine's own, that opens views and notes what goes wrong on them.

A module that imports this one is skipped where what drives Chromium is not installed.
"""

from __future__ import annotations

import base64
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed: `make dev`")
pytest.importorskip("axe_playwright_python", reason="axe is not installed: `make dev`")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Request
    from playwright.sync_api import Page as Window

__all__ = ["DESKTOP", "MARKS", "PHONE", "SCREENS", "Seen", "expect", "launched", "tab"]

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 800}
SCREENS = os.environ.get("PARLEY_SCREENS", "")
"""A directory for screenshots, such as docs/screens; none are made where it is not given."""
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
_WEIGHT = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const files = performance.getEntriesByType("resource").filter((each) => !each.name.includes("/live"));
  return {
    bytes: page.transferSize + files.reduce((sum, each) => sum + each.encodedBodySize + 300, 0),
    answered: Math.round(page.responseEnd - page.requestStart),
    shown: Math.round(page.domContentLoadedEventEnd - page.startTime),
  };
}"""


def chromium() -> str | None:
    """Return the path of Chromium; None where there is none."""
    return next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)


MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
]
"""The marks of a module of tests in Chromium."""


@contextmanager
def launched() -> Iterator[Browser]:
    """Run one Chromium to the end of the block."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        started.close()


class Seen(NamedTuple):
    """A tab, with what it complained of and what it asked of other hosts."""

    page: Window
    complaints: list[str]
    elsewhere: list[str]

    def weight(self) -> dict[str, int]:
        """Return the bytes of a first visit, and the milliseconds until the answer and the content came.

        Files that were kept from another view count as they would come over the wire, with 300 bytes of headers.
        """
        found: dict[str, int] = self.page.evaluate(_WEIGHT)
        return found

    def violations(self) -> list[str]:
        """Return the rules of accessibility that the view breaks, with the places."""
        found = Axe().run(self.page, options=_RULES).response["violations"]
        return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"][:3]]

    def is_too_wide(self) -> bool:
        """Return whether the view is wider than the window."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return wide

    def screenshot(self, name: str) -> None:
        """Keep what the window shows, where screenshots are wanted."""
        if SCREENS:
            session = self.page.context.new_cdp_session(self.page)
            taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": 82})
            (Path(SCREENS) / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def tab(browser: Browser, url: str, **options: Any) -> Iterator[Seen]:  # noqa: ANN401 - Playwright's own
    """Open a tab of its own at the server's URL, with nothing kept from others."""
    given = {"viewport": DESKTOP, "reduced_motion": "reduce", "locale": "en-GB", "base_url": url, **options}
    context = browser.new_context(**given)
    page = context.new_page()
    complaints: list[str] = []
    elsewhere: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith(f"{url}/"):
            elsewhere.append(request.url)

    def on_dialog(dialog: Dialog) -> None:
        complaints.append(dialog.message)
        dialog.dismiss()

    def on_error(error: Error) -> None:
        complaints.append(str(error))

    page.on("console", on_console)
    page.on("pageerror", on_error)
    page.on("dialog", on_dialog)
    page.on("request", on_request)
    try:
        yield Seen(page, complaints, elsewhere)
    finally:
        context.close()
