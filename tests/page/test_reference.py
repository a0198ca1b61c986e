"""The API's own page over HTTP: all that the document has is on it, links lead somewhere, requests are answered."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from litestar.testing import TestClient

from service.api.http.problem_kinds import PROBLEM_KINDS
from service.api.routes import ABOUT
from service.api.spec.examples import AS_OF, BASIS, ITEMS
from service.app import create_app
from service.domain.vocabulary.kinds import KINDS
from service.page.reference.guides import GUIDES, Guide, explained
from service.page.reference.handlers import Reference, served
from service.settings import Settings
from tests.page.conftest import SETS, record_all, seeds
from tests.servers import plain_client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from litestar import Litestar

    Client = TestClient[Litestar]

MADE_FIRST = ("/v1/consumers/", "/v1/subscriptions/", "/v1/watches/")
"""What the examples of these paths name has to be made first."""
OURS = ("/schema", "/problems")
NOTHING_YET = {each.rstrip("/") for each in MADE_FIRST}
_HREF = re.compile(r'href="([^"]*)"')
_CURL = re.compile(r"<pre[^>]*data-copied><code>(.*?)</code>", re.DOTALL)


@pytest.fixture(scope="module")
def everything(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a ledger with all sets of seeds."""
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('reference') / 'parley.db')}"
    with TestClient(create_app(Settings(database_url=url))) as client:
        for name in SETS:
            record_all(client, seeds(name))
        yield client


@pytest.fixture(scope="module")
def document(everything: Client) -> Any:  # noqa: ANN401 - JSON
    """The OpenAPI document."""
    return everything.get("/schema/openapi.json").json()


def ids(text: str) -> list[str]:
    """Return every id of a page."""
    return re.findall(r'\sid="([^"]*)"', text)


def test_every_link_leads_somewhere(everything: Client) -> None:
    """From the first page on, every link within the reference leads to a page, and to a place on it that is there."""
    pages: dict[str, str] = {}
    links = {"/schema"}
    while new := {link.partition("#")[0] for link in links} - pages.keys():
        for path in new:
            answer = everything.get(path)
            assert answer.status_code == 200, path
            pages[path] = answer.text if "html" in answer.headers["content-type"] else ""
            found = [unescape(link) for link in _HREF.findall(pages[path])]
            links |= {path + link if link.startswith("#") else link for link in found if link.startswith(("#", *OURS))}
    for path, text in pages.items():
        assert len(ids(text)) == len(set(ids(text))), path
    missing = [link for link in links if "#" in link and link.partition("#")[2] not in ids(pages[link.split("#")[0]])]
    assert not missing
    assert len(pages) > 400


def test_everything_in_the_document_is_on_the_page(everything: Client, document: Any) -> None:  # noqa: ANN401 - JSON
    """Every operation, type of event and kind of problem is named on the first page or on that of its kind."""
    start = everything.get("/schema").text
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert f'href="/schema/operations/{operation["operationId"]}"' in start
            text = everything.get(f"/schema/operations/{operation['operationId']}").text
            assert f'<span class="method">{method.upper()}</span> {path}' in text
            assert {f"answer-{status}" for status in operation["responses"] if status < "4"} <= set(ids(text))
    for type_ in document["components"]["schemas"]["ParleyEvent"]["discriminator"]["mapping"]:
        kind, _, change = type_.partition(".")
        assert change in ids(everything.get(f"/schema/vocabulary/{kind}").text)
    assert all(f'href="{each.type}"' in start for each in PROBLEM_KINDS.values())


def test_every_field_of_a_body_and_a_parameter_is_said(everything: Client, document: Any) -> None:  # noqa: ANN401
    """The page of an operation has each parameter and each member of its body, with what the document says of it."""
    text = everything.get("/schema/operations/append_events").text
    for name in ("dry_run", "Idempotency-Key", "events", "expected_versions"):
        assert f"<code>{name}</code>" in text
    assert "The events to record, in the order in which they get their positions." in text
    kind = everything.get("/schema/vocabulary/restriction").text
    for term, shape in document["components"]["schemas"]["RestrictionTerms"]["properties"].items():
        assert f'id="term-{term}"' in kind, shape
    assert "Must have <a" in kind


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_a_guide_says_what_the_document_says(everything: Client, guide: Guide) -> None:
    """A guide has the headings of the document that it explains."""
    text = everything.get(guide.url).text
    for name in guide.explains:
        assert name in text
        assert f"**{name}.**" in ABOUT
    assert len(_CURL.findall(text)) == len(guide.steps)


def test_no_paragraph_of_the_document_is_left_out() -> None:
    """Each paragraph with a heading is in one guide; one that nobody has thought of is in the last."""
    more = f"{ABOUT}\n\n**Tea.** There is tea."
    names = [name for guide in GUIDES for name, _ in explained(guide, more)]
    assert sorted(names) == sorted(re.findall(r"\*\*([^*]+)\.\*\* ", more))
    assert ("Tea", "There is tea.") in explained(GUIDES[-1], more)


def test_the_request_of_every_question_is_answered(everything: Client, document: Any) -> None:  # noqa: ANN401 - JSON
    """Each operation that reads has a request that the seeds answer with something, but what has to be made first."""
    for path, item in document["paths"].items():
        if "get" not in item or path.startswith(MADE_FIRST) or path == "/v1/feed/stream":
            continue
        text = everything.get(f"/schema/operations/{item['get']['operationId']}").text
        [command] = _CURL.findall(text)
        found = re.fullmatch(r"curl -s '?http://[^/]+(/[^']*)'?", unescape(command))
        assert found, command
        answer = everything.get(found[1])
        assert answer.status_code == 200, f"{command}: {answer.text}"
        assert answer.text
        if path.count("/") == 2 and "json" in answer.headers["content-type"] and "items" in answer.json():
            assert answer.json()["items"] or path in NOTHING_YET, path


@pytest.mark.parametrize("kind", ITEMS)
def test_the_example_of_a_state_is_what_the_service_answers(everything: Client, document: Any, kind: str) -> None:  # noqa: ANN401
    """The example of each kind is the answer on the seeds, but for the basis, and it is an entry of the list."""
    path = f"/v1/{KINDS[kind].plural}/{{item}}"
    example = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    answer = everything.get(f"/v1/{KINDS[kind].plural}/{ITEMS[kind]}", params=AS_OF).json()
    assert {**answer, **BASIS} == example
    listed = document["paths"][f"/v1/{KINDS[kind].plural}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert listed["example"]["items"] == [{name: value for name, value in example.items() if name not in BASIS}]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_commands_of_the_guides_work(filled_once: Any, tmp_path: Path) -> None:  # noqa: ANN401 - a fixture
    """Copied into a shell, each command of each guide is answered on London; a write the second time too."""
    ledger = tmp_path / "parley.db"
    shutil.copy(filled_once("london").removeprefix("sqlite:///"), ledger)
    with serving(f"sqlite:///{ledger}") as server, plain_client(server.url) as reader:
        texts = [reader.get(guide.url).text for guide in GUIDES]
        commands = [unescape(command) for text in texts for command in _CURL.findall(text)]
        assert len(commands) == sum(len(guide.steps) for guide in GUIDES)
        writes = [command for command in commands if "--data" in command]
        assert len(writes) > 5
        for command in [*commands, *writes]:
            check(command.replace("wait=10", "wait=1"), server.url)


def check(command: str, url: str) -> None:
    """Run a command; the service it is sent to answers with a status of 2xx, or begins to stream."""
    assert f"{url}/v1/" in command
    if "stream" in command:
        with subprocess.Popen(["sh", "-c", f"exec {command}"], stdout=subprocess.PIPE, text=True) as streaming:
            assert streaming.stdout
            first = streaming.stdout.readline()
            streaming.kill()
        assert re.match("id:|event:|data:|retry:|:", first), first
        return
    bounded = command.replace("curl ", "curl --max-time 30 -o /dev/null -w '%{http_code}' ", 1)
    done = subprocess.run(["sh", "-c", bounded], capture_output=True, text=True, check=False, timeout=60)
    assert re.fullmatch("2..", done.stdout), f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("rate percent", ["/schema/vocabulary/restriction#term-rate_percent"]),
        ("restriction.imposed", ["/schema/vocabulary/restriction#imposed"]),
        ("expected_versions", ["/schema/operations/append_events"]),
        ("409", ["/problems/version-conflict"]),
        ("WEBHOOK", ["/schema/operations/subscribe"]),
    ],
)
def test_a_search_finds(everything: Client, query: str, places: list[str]) -> None:
    """Words, codes and names find operations, terms, types and problems, in any case."""
    text = everything.get("/schema", params={"q": query}).text
    assert [place for place in places if f'href="{place}"' not in text] == []


@pytest.mark.parametrize("query", ['"><script>alert(1)</script>', "nothing-has-this", "x" * 5000, "\x00", " "])
def test_a_search_for_anything_is_a_page(everything: Client, query: str) -> None:
    """What is searched for is text on the page, however odd or long it is."""
    answer = everything.get("/schema", params={"q": query})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "path", ["/schema/operations/x", "/schema/vocabulary/x", "/schema/shapes/x", "/schema/guides/x", "/problems/x"]
)
def test_what_is_not_in_the_api_is_not_found(everything: Client, path: str) -> None:
    """A page about nothing is a 404, itself a problem."""
    answer = everything.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


def test_the_pages_are_small_and_let_nothing_else_in(everything: Client) -> None:
    """The pages are a few kB, load our own files alone, and have no inline code; a client that has one gets 304."""
    for path in ("/schema", "/schema/vocabulary", "/schema/operations/get_issue", "/problems/malformed", "/schema?q=a"):
        answer = everything.get(path, headers={"Accept-Encoding": "gzip"})
        assert int(answer.headers["content-length"]) < 20_000
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.findall(r"<script(?![^>]+src=)|<style|\sstyle=|\son\w+=", answer.text)
        loaded = re.findall(r'(?:src|<link [^>]*href)="([^"]*)"', answer.text)
        assert all(url.startswith("/static/") for url in loaded)
        again = everything.get(path, headers={"If-None-Match": answer.headers["etag"], "Accept-Encoding": "gzip"})
        assert (again.status_code, again.content) == (304, b"")


def test_what_the_document_says_is_text(document: Any) -> None:  # noqa: ANN401 - JSON
    """Markup in a summary, a description, an example or an address is shown as it is."""
    hostile = "<img src=x onerror=alert(1)>\"'`<b>`**<i>**"
    node = document["paths"]["/v1/events"]["post"]
    changed = {**node, "summary": hostile, "description": hostile}
    paths = {**document["paths"], "/v1/events": {"post": changed}}
    reference = Reference(msgspec.json.encode({**document, "paths": paths}))
    for page in (reference.operation("append_events"), reference.start(), reference.found("onerror")):
        text = served(reference, page, f"http://{hostile}").content.decode()
        assert "&lt;img" in text
        assert not re.search("<(img|b|i)>?[ >]|<(b|i)>", text)


def test_requests_go_to_where_the_reader_is(everything: Client) -> None:
    """The commands name the address by which the reader has come, as text."""
    assert (
        "curl -s http://parley.test:81/healthz"
        in everything.get("/schema/operations/get_health", headers={"Host": "parley.test:81"}).text
    )
    odd = everything.get("/schema/operations/get_health", headers={"Host": "a<b>'$(x)"}).text
    assert "<b>" not in odd
