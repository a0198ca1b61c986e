"""A request as text to copy: the command curl, for any POSIX shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from service.page.ask import target

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTH = 76
"""Characters of a line of JSON, at most, where it can be cut."""


class ApiRequest(NamedTuple):
    """A request. `streams` has curl show what comes as it comes, `headers_shown` the headers of the answer too."""

    method: str
    path: str
    query: Mapping[str, Any] = {}
    body: Any = None
    headers: Mapping[str, str] = {}
    streams: bool = False
    headers_shown: bool = False

    @property
    def url(self) -> str:
        """Return its path with its query."""
        return target(self.path, self.query)

    def curl(self, base: str) -> str:
        """Return the command that sends it to the service at a URL."""
        letters = "s" + "N" * self.streams + "i" * self.headers_shown
        implied = self.method == "GET" or (self.method == "POST" and self.body is not None)
        lines = [f"curl -{letters}{'' if implied else f' -X {self.method}'} {shlex.quote(base + self.url)}"]
        headers = dict(self.headers) | ({} if self.body is None else {"Content-Type": "application/json"})
        lines += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
        if self.body is None:
            return " \\\n  ".join(lines)
        return " \\\n  ".join([*lines, f"--data @- <<'END'\n{json_text(self.body)}\nEND"])


def json_text(value: Any, indent: str = "", taken: int = 0) -> str:  # noqa: ANN401 - any JSON
    """Return JSON to be read: what has room on one line is on one; `taken` characters stand on it already."""
    line = msgspec.json.encode(value)
    if not isinstance(value, dict | list) or not value:
        return line.decode()
    spaced = msgspec.json.format(line, indent=0).decode()
    if len(indent) + taken + len(spaced) <= _WIDTH:
        return spaced
    deeper = f"{indent}  "
    if isinstance(value, dict):
        begin, end = "{}"
        parts = [(f"{msgspec.json.encode(name).decode()}: ", each) for name, each in value.items()]
    else:
        begin, end = "[]"
        parts = [("", each) for each in value]
    lines = [f"{deeper}{name}{json_text(each, deeper, len(name) + 1)}" for name, each in parts]
    return f"{begin}\n" + ",\n".join(lines) + f"\n{indent}{end}"
