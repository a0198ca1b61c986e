"""Bearer keys on requests (RFC 6750): a request is let through, or refused with 401 or 403."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any, cast

from service.access.keys import BadKey, Role
from service.api.http.problems import RATES, BadRequest, InsufficientRole, Unauthorized

if TYPE_CHECKING:
    from service.access.keys import ApiKey
    from service.api.http.requests import AnyRequest, Services

KEY = "parley.key"
"""Where the scope of a request has the key that it came with, an ApiKey; absent without one."""
_BEARER = b"bearer "
_REPEATED = "A request has one header Authorization."
_MISSING = "Send a key: `Authorization: Bearer parley_...`. Who runs the service makes them with `parley keys create`."


def admit(request: AnyRequest, role: Role) -> None:
    """Let a request through that may do what needs a role, and note its key; raises Unauthorized, InsufficientRole."""
    ring = cast("Services", request.app.state.services).keys
    if ring.anyone is Role.ADMIN:
        return
    sent = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(sent) > 1:
        raise BadRequest(_REPEATED)
    if not sent or sent[0][: len(_BEARER)].lower() != _BEARER:
        if role > ring.anyone:
            raise Unauthorized(_MISSING)
        return
    try:
        key = ring.find(sent[0][len(_BEARER) :].decode("latin-1").strip())
    except BadKey as bad:
        raise Unauthorized(str(bad), error="invalid_token") from bad
    cast("dict[str, Any]", request.scope)[KEY] = key
    if key.role < role:
        raise forbidden(key, role)


def enter(request: AnyRequest, role: Role) -> None:
    """Let a request through as `admit` does, and count it for its client; raises TooMany before any other refusal."""
    clients = cast("Services", request.app.state.services).clients
    try:
        admit(request, role)
    finally:
        if clients.counts:
            cast("dict[str, Any]", request.scope)[RATES] = clients.count(client_of(request))


def forbidden(key: ApiKey, role: Role, **members: Any) -> InsufficientRole:  # noqa: ANN401 - any JSON
    """Return the refusal of what needs another role than the key's."""
    needed, has = role.name.lower(), key.role.name.lower()
    return InsufficientRole(
        f"This needs the role {needed}; the key {key.id} has the role {has}.", scope=needed, **members
    )


def key_of_request(request: AnyRequest) -> ApiKey | None:
    """Return the key that a request came with; None where it was let through without one."""
    return cast("ApiKey | None", request.scope.get(KEY))


def owner_of(request: AnyRequest) -> str | None:
    """Return the name of a holder who may move only consumers of its own; None for an admin, and without a key."""
    key = key_of_request(request)
    return None if key is None or key.role is Role.ADMIN else key.name


def client_of(request: AnyRequest) -> str:
    """Return who asks: the holder of its key, or its address."""
    key = key_of_request(request)
    if key is not None:
        return f"key {key.name}"
    host = (request.scope["client"] or ("",))[0]
    if ":" not in host:
        return host
    address = IPv6Address(host)
    return str(address.ipv4_mapped or address.exploded[: len("2001:0db8:0000:0000")])
