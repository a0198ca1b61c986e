"""A real browser on a page of another origin: what it can do to a service on loopback (needs Chromium)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.processes import PATIENCE
from tests.servers import openings, plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Figure = Callable[[str], None]

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=20000")
PAGE = """<pre id=found></pre><script>
const url = %s + "/v1/events", json = JSON.stringify({events: %s}), found = {};
const post = (rest) => fetch(url, {method: "POST", ...rest});
const ways = {
  blob: () => post({mode: "no-cors", body: new Blob([json])}),
  bytes: () => post({mode: "no-cors", body: new TextEncoder().encode(json)}),
  text: () => post({mode: "no-cors", body: json}),
  beacon: async () => ({status: navigator.sendBeacon(url, new Blob([json])) ? 0 : 1}),
  json: () => post({headers: {"Content-Type": "application/json"}, body: json}),
  read: () => fetch(url),
};
(async () => {
  for (const [way, send] of Object.entries(ways))
    found[way] = await send().then((answer) => answer.status, () => "refused");
  document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>
"""
"""A page that tries each way to write that a browser has, and to read; 0 is an answer that the page may not see."""

pytestmark = [
    pytest.mark.attack,
    pytest.mark.row(48),
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium here"),
]


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """Serve a folder; return its origin."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("listed", [False, True])
def test_a_page_of_another_origin(sqlite_url: str, tmp_path: Path, figure: Figure, *, listed: bool) -> None:
    """It can neither write in any way nor read; an origin that is listed can write as a client does, and read."""
    with (
        site(tmp_path) as origin,
        serving(sqlite_url, *(("--cors-origins", origin) if listed else ())) as server,
        plain_client(server.url) as client,
    ):
        (tmp_path / "page.html").write_text(PAGE % (json.dumps(server.url), json.dumps(openings())))
        shown = subprocess.run(
            [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"{origin}/page.html"],
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=True,
        ).stdout
        head = client.get("/readyz").json()["head"]
    written = re.search(r"<pre[^>]*>(.+?)</pre>", shown)
    assert written is not None, shown
    found = json.loads(written[1])
    hidden = dict.fromkeys(("blob", "bytes", "text", "beacon"), 0)
    assert found == hidden | ({"json": 201, "read": 200} if listed else {"json": "refused", "read": "refused"})
    assert head == (len(openings()) if listed else 0)
    figure(f"{'a listed origin' if listed else 'another origin'}: {head} facts recorded by 5 ways to write")
