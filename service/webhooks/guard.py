"""The guard: events go to public addresses over TLS only, so that no subscriber can reach internal hosts through us.

A host is resolved and all its addresses are checked when a subscription is made, and again for each connection, which
goes to the very address that was checked: a name that points elsewhere a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

import httpcore

from service.webhooks.rules import SUBSCRIPTIONS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from httpcore import SOCKET_OPTION, AsyncNetworkStream

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 4.0
"""For each address of a host: one that never answers leaves time for the next."""
HTTPS_PORT = 443
PORT_MAX = 65_535
_URL = re.compile(
    r"([a-z]+)://(?:([!-.0-~]*)@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?((?:[/?][!-\"$-~]*)?)(#[!-~]*)?",
    re.ASCII,
)
_RESOLVING = ThreadPoolExecutor(3 * SUBSCRIPTIONS_MAX, "resolve")
"""Threads, made when needed: a name whose servers say nothing keeps one for longer than RESOLVE_SECONDS."""
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


class Forbidden(Exception):  # noqa: N818 - named as the condition
    """Nothing may be sent to this URL; the text says why."""


@lru_cache(maxsize=256)
def target(url: str, *, allow_private: bool) -> httpcore.URL:
    """Parse the URL of a receiver; raises Forbidden for no URL, a user, a fragment, or another scheme.

    Stricter than RFC 3986, so that no two readers can differ: printable ASCII only, a host of letters, digits, dots and
    hyphens (names in other letters are written in Punycode), or an IPv6 address in brackets.
    """
    match = _URL.fullmatch(url)
    if match is None:
        msg = "not a URL of the form https://host/path, in ASCII"
        raise Forbidden(msg)
    scheme, user, host, port, rest, fragment = match.groups()
    schemes = ("https", "http") if allow_private else ("https",)
    complaints = {
        f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}": scheme not in schemes,
        "must not hold a user or password": user is not None,
        "must not hold a fragment": fragment is not None,
        "has no IPv6 address in its brackets": host.startswith("[") and not _is_ipv6(host[1:-1]),
        "names no port that can be reached": port is not None and not 0 < int(port) <= PORT_MAX,
    }
    for complaint, holds in complaints.items():
        if holds:
            raise Forbidden(complaint)
    path = rest if rest.startswith("/") else f"/{rest}"
    return httpcore.URL(scheme=scheme, host=host.lower(), port=None if port is None else int(port), target=path)


def _is_ipv6(written: str) -> bool:
    try:
        IPv6Address(written)
    except ValueError:
        return False
    return True


def is_public(written: str) -> bool:
    """Return whether an address is one of the public internet (the special-purpose registries of IANA)."""
    address = ip_address(written)
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return _is_public(inner)
        if address.sixtofour is not None or address.teredo is not None or address in _NAT64_LOCAL:
            return False  # a way into networks whose addresses cannot be seen here
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    special = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or (isinstance(address, IPv6Address) and address.is_site_local)
    )
    return address.is_global and not special


async def resolve(host: str, port: int, *, allow_private: bool) -> list[str]:
    """Return the addresses of a host; raises Forbidden when it has none, or one that is not public.

    The odd spellings that getaddrinfo accepts (`127.1`, `0x7f000001`, `2130706433`) are resolved, and so checked too.
    """
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            lookup = partial(socket.getaddrinfo, host.strip("[]"), port, type=socket.SOCK_STREAM)
            resolved = await asyncio.get_running_loop().run_in_executor(_RESOLVING, lookup)
    except (OSError, UnicodeError, TimeoutError) as error:
        msg = f"the host {host} cannot be resolved"
        raise Forbidden(msg) from error
    addresses = [str(info[4][0]).partition("%")[0] for info in resolved]
    if not allow_private and not all(is_public(address) for address in addresses):
        msg = f"the host {host} has an address that is not public"
        raise Forbidden(msg)
    return addresses


async def check(url: str, *, allow_private: bool) -> None:
    """Check the URL of a receiver when a subscription is made or changed; raises Forbidden if it may not be used."""
    receiver = target(url, allow_private=allow_private)
    if not allow_private:  # a receiver on this machine may be started later
        await resolve(receiver.host.decode(), receiver.port or HTTPS_PORT, allow_private=allow_private)


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked a moment before, wherever the name points next."""

    def __init__(self, *, allow_private: bool) -> None:
        """`allow_private` accepts every address."""
        self._allow_private = allow_private
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first address of a host that answers.

        TLS still names the host: the certificate must be that of the name. Raises Forbidden for a host with an address
        that is not public, httpcore.ConnectError or ConnectTimeout when no address answers.
        """
        failure: Exception = httpcore.ConnectError(f"no address of {host}")
        for address in await resolve(host, port, allow_private=self._allow_private):
            try:
                patience = timeout or CONNECT_SECONDS
                return await self._plain.connect_tcp(address, port, patience, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, path: str, *_: Any, **__: Any) -> AsyncNetworkStream:  # noqa: ANN401 - httpcore's
        """Refuse: no receiver is a file."""
        raise Forbidden(path)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
