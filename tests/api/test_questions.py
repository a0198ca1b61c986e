"""docs/questions.md as it is printed: each request is sent to a ledger with the set, and answered as shown."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from service import transfer
from service.app import create_app
from service.settings import Settings
from tests.ledgers import opened
from tests.migrations import migrate

Client = TestClient[Litestar]
PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
HOST = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OF_ONE_SET = 10
"""Questions that are asked of a ledger with one set."""
ANY = "…"
"""In a list that is shown, any number of entries."""


class Asked(NamedTuple):
    """A request of the page and the answer beneath it."""

    question: str
    path: str
    shown: Any


def asked() -> list[Asked]:
    """Read every request, with its answer, under the number of its question."""
    found = []
    for section in PAGE.split("\n## ")[1:]:
        blocks = BLOCK.findall(section)
        assert [language for language, _ in blocks] == ["sh", "json"] * (len(blocks) // 2), section
        for (_, command), (_, answer) in zip(blocks[::2], blocks[1::2], strict=True):
            request = re.fullmatch(rf"curl -s '{HOST}(/v1/\S+)'\n", command)
            assert request, command
            found.append(Asked(section.split(".")[0], request[1], json.loads(answer)))
    return found


def differences(shown: Any, given: Any, at: str = "") -> list[str]:  # noqa: ANN401 - any JSON
    """Return where an answer differs from what is shown: members may be left out, entries of a list only at `ANY`."""
    if isinstance(shown, dict) and isinstance(given, dict):
        absent = [f"{at}/{name}: absent" for name in shown if name not in given]
        both = [name for name in shown if name in given]
        return absent + [each for name in both for each in differences(shown[name], given[name], f"{at}/{name}")]
    if isinstance(shown, list) and isinstance(given, list):
        return _list_differences(shown, given, at)
    same = type(shown) is type(given) and shown == given
    return [] if same else [f"{at}: {json.dumps(shown)} is shown, {json.dumps(given)} given"]


def _list_differences(shown: list[Any], given: list[Any], at: str) -> list[str]:
    if ANY in shown:
        return [] if _in_order(shown, given) else [f"{at}: not as shown"]
    if len(shown) != len(given):
        return [f"{at}: {len(shown)} entries are shown, {len(given)} given"]
    return [
        each
        for number, (one, other) in enumerate(zip(shown, given, strict=True))
        for each in differences(one, other, f"{at}/{number}")
    ]


def _in_order(shown: list[Any], given: list[Any]) -> bool:
    if not shown:
        return not given
    if shown[0] == ANY:
        return any(_in_order(shown[1:], given[skipped:]) for skipped in range(len(given) + 1))
    return bool(given) and not differences(shown[0], given[0]) and _in_order(shown[1:], given[1:])


@pytest.fixture(scope="module")
def client(shared_url: str) -> Iterator[Client]:
    """A ledger with the set and nothing else on each backend; it is only read."""
    yield from loaded(shared_url)


def loaded(url: str) -> Iterator[Client]:
    """Load the set as `parley seed` does, and serve it."""

    async def seed() -> tuple[int, int]:
        async with opened(url) as ledger:
            done = await transfer.seed(ledger.database, ledger.ledger, "us-china")
            return done.recorded, done.already_recorded

    recorded, known = asyncio.run(seed())
    assert f"{recorded} events recorded, {known} known already" in PAGE
    with TestClient(create_app(Settings(database_url=url)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A ledger with both sets, one after the other."""
    url = f"sqlite:///{tmp_path_factory.mktemp('both') / 'parley.db'}"
    migrate(url)

    async def seed() -> None:
        async with opened(url) as ledger:
            for name in ("us-china", "world"):
                await transfer.seed(ledger.database, ledger.ledger, name)

    asyncio.run(seed())
    with TestClient(create_app(Settings(database_url=url)), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("question", [pytest.param(each, id=f"{each.question}:{each.path}") for each in asked()])
def test_the_answer_is_as_the_page_shows_it(client: Client, both: Client, question: Asked) -> None:
    """Every member shown is in the answer, with that value; a problem comes with its status."""
    response = (client if int(question.question) <= OF_ONE_SET else both).get(question.path)
    status = question.shown.get("status")
    assert response.status_code == (status if isinstance(status, int) else 200), response.text
    assert differences(question.shown, response.json()) == []


def test_the_questions_are_numbered_and_each_is_asked() -> None:
    """The questions are numbered from 1 to 15, and each has a request."""
    numbers = re.findall(r"^## (\d+)\. .+\?$", PAGE, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 16)]
    assert list(dict.fromkeys(each.question for each in asked())) == numbers


def test_the_questions_go_to_different_operations() -> None:
    """The page shows an item, a list, an issue, a timeline, a diff, versions and an event, and both readings of K."""
    paths = " ".join(each.path for each in asked())
    for part in ("/restrictions/", "/clearances?", "/issues/tik", "/timeline?", "/diff?", "/versions", "/events/"):
        assert part in paths
    assert "known_basis=published&known_at=" in paths
    assert "known_position=" in paths


@pytest.mark.parametrize(
    ("shown", "given"),
    [
        ({"status": "in_force"}, {"status": "lifted"}),
        ({"until": None}, {}),
        ({"rate": 34}, {"rate": 34.0}),
        ({"contested": 1}, {"contested": True}),
        ({"items": []}, {"items": [{}]}),
        ({"items": [{"id": "a"}]}, {"items": [{"id": "a"}, {"id": "b"}]}),
        ({"items": [{"id": "a"}, ANY]}, {"items": [{"id": "b"}, {"id": "a"}]}),
        ({"items": [ANY, {"id": "a"}]}, {"items": [{"id": "a"}, {"id": "b"}]}),
        ({"items": [{"id": "a"}]}, {"items": {"id": "a"}}),
    ],
)
def test_what_differs_is_found(shown: object, given: object) -> None:
    """A changed value, an absent member, another type, an entry too many or out of order: each is a difference."""
    assert differences(shown, given) != []


@pytest.mark.parametrize(
    ("shown", "given"),
    [
        ({"status": "in_force"}, {"id": "a", "status": "in_force"}),
        ({"items": [ANY, {"id": "b"}, ANY]}, {"items": [{"id": "a"}, {"id": "b", "on": 1}]}),
        ({"items": [{"id": "a"}, ANY, {"id": "c"}]}, {"items": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}),
    ],
)
def test_what_is_left_out_is_no_difference(shown: object, given: object) -> None:
    """Members may be left out, and entries of a list where it has `ANY`."""
    assert differences(shown, given) == []
