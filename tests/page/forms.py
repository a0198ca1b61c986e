"""A form of a page as a browser reads it: where it goes, and the values that it would send as it stands."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple


class Form(NamedTuple):
    """A form: its action, and its values by name."""

    action: str
    values: dict[str, str]


class _Reader(HTMLParser):
    """Reads the form `draft`."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.values = "", dict[str, str]()
        self._inside, self._select, self._text = False, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("id") == "draft":
            self._inside, self.action = True, given.get("action") or ""
        if not self._inside:
            return
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.values[name] = value
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.values[self._select] = value
        elif tag == "textarea":
            self._text, self.values[name] = name, ""

    def handle_data(self, data: str) -> None:
        if self._text:
            self.values[self._text] += data if self.values[self._text] else data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._text = ""


def form_of(text: str) -> Form:
    """Return the form of a draft on a page."""
    reader = _Reader()
    reader.feed(text)
    assert reader.action, text[:2000]
    return Form(reader.action, reader.values)
