"""What is fuzzed: functions of bytes that return whether the bytes were taken, and raise when something is wrong.

Each compares the code with a second reader that shares nothing with it.
"""

from __future__ import annotations

import json
import re
import socket
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from service.api.http import moments
from service.domain.admit.strict_json import LARGE_BODY, accept
from service.domain.errors import FAULTS_MAX, Malformed, NotJson
from service.domain.vocabulary import dates, instants
from service.domain.vocabulary.events import Batch
from service.webhooks.guard import Forbidden, is_public, target
from tests import oracle

if TYPE_CHECKING:
    from collections.abc import Callable

MICROS = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decoder(data: bytes) -> bool:
    """A body of POST /v1/events: taken, not JSON, or malformed with its faults; never anything else.

    A large one is decoded a part at a time: that has the same outcome.
    """
    assert outcome(data + LARGE) == outcome(data)
    try:
        batch = accept(data, Batch)
    except NotJson as refused:
        return _is_refused(str(refused))
    except Malformed as refused:
        return _is_refused(*(fault.detail for fault in refused.faults))
    members: Any = json.loads(data, object_pairs_hook=_named_once, parse_constant=_refuse)
    assert "\0" not in json.dumps(members, ensure_ascii=False)
    again = msgspec.json.encode(batch)
    assert accept(again, Batch) == batch
    assert len(members["events"]) == len(batch.events)
    return True


LARGE = b" " * LARGE_BODY
"""What makes a body a large one, which is decoded a part at a time."""


def outcome(data: bytes) -> object:
    """Return the batch, the faults, or that it is not JSON."""
    try:
        return accept(data, Batch)
    except Malformed as refused:
        return refused.faults
    except NotJson:
        return "not JSON"


def _is_refused(*details: str) -> bool:
    """Return False, having checked that a refusal says why."""
    assert 1 <= len(details) <= FAULTS_MAX
    assert all(details)
    return False


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    assert len(members) == len(pairs), pairs
    assert not any("\0" in name for name in members)
    return members


def _refuse(constant: str) -> None:
    raise AssertionError(constant)


def days(data: bytes) -> bool:
    """Text as a date, an instant, a position or a place of a query."""
    text = data.decode("utf-8", "replace")
    found = [_is_date(text)]
    for pattern, reader in moments.READERS.items():
        if re.search(pattern, text) is not None:
            found.append(_is_read(reader, text))
    return any(found)


def _is_date(text: str) -> bool:
    try:
        first, last = oracle.bounds(text)
    except ValueError:
        expected = None
    else:
        expected = (first.toordinal(), last.toordinal())
    try:
        when = dates.parse(text)
    except ValueError:
        assert expected is None, text
        return False
    assert (when.lo, when.hi) == expected, text
    assert when.text == text
    assert when.pair == ("," in text)
    if (after := dates.day_after(when)) is not None:
        again = dates.parse(after.text)
        assert again.hi == after.hi == when.hi + 1
        assert again.lo in {after.lo, dates.OPEN}
    else:
        assert when.hi == date.max.toordinal()
    return True


def _is_read(reader: Callable[[str], object], text: str) -> bool:
    try:
        value = reader(text)
    except ValueError:
        return False
    if reader is moments.micros and "T" in text:
        assert isinstance(value, int)
        moment = datetime.fromisoformat(text)
        assert value == (moment - EPOCH) // MICROS
        assert instants.parse(instants.text(value)) == value
        assert 1 <= instants.day(value) <= date.max.toordinal()
    return True


_SPECIAL = [
    ip_network(written)
    for written in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.2.0/24", "192.88.99.2/32", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64", "2001:2::/48", "2001:db8::/32"),
        *("2001::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
]
"""Addresses that lead to no network, or to one that cannot be seen (IANA's special-purpose registries)."""
_WITHIN = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))
"""IPv6 addresses that stand for an IPv4 address, which is their last 32 bits."""


def guard(data: bytes) -> bool:
    """The URL of a webhook, and the addresses that its host may be: nothing that is not public is taken."""
    if len(data) in {4, 16}:
        _check(ip_address(data))
    url = data.decode("latin-1")
    try:
        found = target(url, allow_private=False)
    except Forbidden as refused:
        return _is_refused(str(refused))
    parts = urlsplit(url)
    assert (parts.scheme, parts.username, parts.password, parts.fragment) == ("https", None, None, "")
    assert (found.scheme, found.host.decode(), found.port) == (b"https", _host(parts.netloc), parts.port)
    assert url.isascii()
    assert url.isprintable()
    assert url.endswith(found.target.decode()) or found.target == b"/" or found.target[1:2] == b"?"
    for address in _addresses(found.host.decode()):
        _check(address)
    return True


def _host(netloc: str) -> str:
    """Return the host of a network location, as it is written but for its case."""
    return (netloc[: netloc.index("]") + 1] if "]" in netloc else netloc.partition(":")[0]).lower()


def _addresses(host: str) -> list[IPv4Address | IPv6Address]:
    """Return the addresses that a host writes as numbers, however oddly; nothing is asked of a server of names."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [ip_address(str(info[4][0])) for info in found]


def _check(address: IPv4Address | IPv6Address) -> None:
    if isinstance(address, IPv6Address) and any(address in network for network in _WITHIN):
        address_within = IPv4Address(int(address) & 0xFFFF_FFFF)
        special = _is_special(address_within)
    else:
        special = _is_special(address)
    assert not (special and is_public(str(address))), address


def _is_special(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _SPECIAL)


TARGETS: dict[str, Callable[[bytes], bool]] = {"decoder": decoder, "days": days, "guard": guard}
"""By name."""
