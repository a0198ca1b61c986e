"""Each operation needs a role: without a key it is refused, with another role too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from service.access.keys import Role
from service.api.roles import ROLES
from service.api.routes import ROUTES
from tests.access import holders
from tests.access.holders import bearing, made, service
from tests.api.conftest import LONDON

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from litestar import Litestar
    from litestar.testing import TestClient

OPERATIONS = [route.operation for route in ROUTES]
NEEDED = [operation for operation in OPERATIONS if ROLES[operation.operation_id]]
REPORTS = [{"outlet": "A newsroom"}]


@pytest.fixture(scope="module")
def keys(shared_url: str) -> dict[str, str]:
    """A key of each role."""
    return {role: made(shared_url, role, "--name", f"the {role}") for role in holders.ROLES}


@pytest.fixture(scope="module")
def client(shared_url: str, keys: dict[str, str]) -> Iterator[TestClient[Litestar]]:
    """A ledger that has keys."""
    with service(shared_url) as client:
        yield client


def asked(client: TestClient[Litestar], operation: Any, key: str | None = None) -> httpx.Response:  # noqa: ANN401
    """Ask for an operation, with a body and parameters that it will refuse if it comes to that."""
    path = re.sub(r"\{[a-z_]+\}", "none", operation.path) + "?no_such_parameter=1"
    body = {"no_such_field": 1} if operation.method in {"POST", "PUT", "PATCH"} else None
    return client.request(operation.method, path, headers=bearing(key) if key else {}, json=body)


def test_every_operation_has_a_role_and_no_role_is_left_over() -> None:
    """The table names each operation once, and nothing else; the document says which role it is."""
    assert sorted(ROLES) == sorted(operation.operation_id for operation in OPERATIONS)
    assert {operation.role for operation in OPERATIONS} == set(Role)


@pytest.mark.parametrize("operation", NEEDED, ids=lambda each: each.operation_id)
def test_nothing_is_done_without_a_key(client: TestClient[Litestar], operation: Any) -> None:  # noqa: ANN401
    """Without a key the answer is 401 with the scheme that is asked for, before anything else is read."""
    response = asked(client, operation)
    assert (response.status_code, response.json()["type"]) == (401, "/problems/unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="parley"'
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("role", holders.ROLES)
@pytest.mark.parametrize("operation", NEEDED, ids=lambda each: each.operation_id)
def test_a_role_may_do_what_the_table_says(
    client: TestClient[Litestar],
    keys: dict[str, str],
    operation: Any,  # noqa: ANN401
    role: str,
) -> None:
    """A key of a lesser role gets 403 with the role that is needed; one of the role or a greater one comes through."""
    needed = ROLES[operation.operation_id]
    response = asked(client, operation, keys[role])
    if Role[role.upper()] >= needed:
        assert response.status_code in {200, 400, 404, 412, 422}, response.text
    else:
        assert (response.status_code, response.json()["type"]) == (403, "/problems/insufficient-scope")
        scope = f'error="insufficient_scope", scope="{needed.name.lower()}"'
        assert response.headers["www-authenticate"] == f'Bearer realm="parley", {scope}'


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/schema", "/schema/openapi.json", "/problems/unauthorized"])
def test_health_and_documentation_are_for_anyone(client: TestClient[Litestar], path: str) -> None:
    """A probe and a reader of the documentation need no key."""
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("edit", "allowed"),
    [
        ({"type": "record.corrected", "event": LONDON[3]}, False),
        ({"type": "record.retracted", "reason": "Twice."}, False),
        ({"type": "record.report_added", "reports": REPORTS}, True),
        ({"type": "record.disputed", "reports": REPORTS}, True),
    ],
)
def test_a_batch_does_not_get_round_the_role(
    client: TestClient[Litestar],
    keys: dict[str, str],
    edit: dict[str, Any],
    allowed: bool,  # noqa: FBT001
) -> None:
    """A recorder cannot correct or retract by POST /v1/events either; an editor can, and a recorder adds reports."""
    recorder, editor = bearing(keys["recorder"]), bearing(keys["editor"])
    client.post("/v1/events", json={"events": LONDON}, headers=recorder)
    record = {"id": str(uuid4()), "target": LONDON[3]["id"], **edit}
    sent = {"events": [{**LONDON[4], "id": str(uuid4()), "occurred": "2025-06-01"}, record]}
    response = client.post("/v1/events", json=sent, headers=recorder)
    if allowed:
        assert response.status_code == 201, response.text
    else:
        assert (response.status_code, response.json()["type"]) == (403, "/problems/insufficient-scope")
        assert [error["pointer"] for error in response.json()["errors"]] == ["#/events/1/type"]
        assert client.post("/v1/events", json=sent, headers=editor).status_code == 201


@pytest.mark.parametrize("change", ["revised", "closed", "reopened"])
def test_only_an_editor_changes_an_issue(client: TestClient[Litestar], keys: dict[str, str], change: str) -> None:
    """What PATCH and DELETE of an issue do, a recorder cannot do by an event."""
    event = {"type": f"issue.{change}", "issues": ["a"], "item": "a", "occurred": "2025-06-01", "reports": REPORTS}
    event |= {"title": "T"} if change == "revised" else {}
    response = client.post("/v1/events", json={"events": [event]}, headers=bearing(keys["recorder"]))
    assert response.status_code == 403
    response = client.post("/v1/events", json={"events": [event]}, headers=bearing(keys["editor"]))
    assert response.status_code == 422  # there is no such issue


def test_a_consumer_belongs_to_the_name_that_made_it(client: TestClient[Litestar], shared_url: str) -> None:
    """Another holder can neither move nor delete it, a second key of the same name and an admin can."""
    one, again, other = (bearing(made(shared_url, "recorder", "--name", name)) for name in ("one", "one", "other"))
    admin = bearing(made(shared_url, "admin"))
    holders.eventually(lambda: client.get("/v1/consumers", headers=admin), 200)
    path = f"/v1/consumers/c{uuid4().hex[:8]}"
    assert client.put(path, json={"position": 0}, headers=one).status_code == 201
    for response in (
        client.put(path, json={"position": 0}, headers=other),
        client.put(path, json={"position": 0, "expected": 0}, headers=other),
        client.put(path, json={"position": 0}, headers=other | {"If-Match": '"0"'}),
        client.delete(path, headers=other),
    ):
        assert (response.status_code, response.json()["type"]) == (403, "/problems/insufficient-scope")
    assert client.put(path, json={"position": 0, "expected": 0}, headers=again).status_code == 200
    assert client.put(path, json={"position": 0, "expected": 0}, headers=admin).status_code == 200
    assert client.get(path, headers=other).status_code == 200
    assert client.delete(path, headers=admin).status_code == 204
