"""The URL of a PostgreSQL database, read as libpq reads it: several hosts, `connect_timeout`, keepalives.

Neither a URL nor a part of it stands in a message: a password that is written wrongly may be anywhere in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Mapping

CONNECT_SECONDS = 3
"""How long each host is tried, unless the URL says otherwise."""
KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""Seconds of silence until a server is asked for a sign of life, seconds between two asks, asks; and milliseconds that
data may stay without a receipt: a server that has lost its power or its network is noticed in some ten seconds."""
_PARTS = {"user", "password", "host", "hostaddr", "port", "dbname"}
_OURS = {"connect_timeout", "keepalives", *KEEPALIVE}
_DRIVER = {
    "gsslib",
    "krbsrvname",
    "passfile",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
}
"""Parameters that asyncpg reads from a URL, and from nowhere else."""
_SERVER = {"application_name", "options"}
_HARMLESS = {
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "load_balance_hosts",
    "sslcompression",
    "sslsni",
    "target_session_attrs",
}
"""Parameters that change nothing here when they are left out, or that are read on their own."""
_ADVICE = "write a special character of a user or password, such as / : @ # or %, as %2F %3A %40 %23 %25"


class BadUrl(ValueError):  # noqa: N818 - named as the condition
    """A database URL that cannot be used; the message says why, and holds nothing of it but names of parameters."""


class Host(NamedTuple):
    """Where a server listens: a host name, an address or a folder of sockets; None: where the driver looks."""

    host: str | None
    port: int | None


class Target(NamedTuple):
    """A database as a URL names it: where its servers may be, and how to connect to each."""

    places: tuple[Host, ...]
    arguments: Mapping[str, Any]
    """What asyncpg takes by name, its time limit included."""
    settings: Mapping[str, str]
    """Settings of a session."""
    keepalive: Mapping[str, int]
    """As `KEEPALIVE`; empty when the URL turns it off."""

    @property
    def has_one_primary(self) -> bool:
        """Return whether it names several servers of which one takes writes, and that one is wanted."""
        return len(self.places) > 1 and self.arguments["target_session_attrs"] in {"read-write", "primary"}


def _read(url: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items() if value not in {None, ""}}
    except ProgrammingError as error:
        name = str(error).partition('invalid URI query parameter: "')[2].partition('"')[0]
        reason = f"it has no parameter {name}" if name.isidentifier() else _ADVICE
    msg = f"the database URL cannot be read: {reason}"
    raise BadUrl(msg)


def _places(given: Mapping[str, str]) -> tuple[Host, ...]:
    hosts = (given.get("hostaddr") or given.get("host") or "").split(",")
    ports = (given.get("port") or "").split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    wrong = [port for port in ports if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 2**16)]
    if wrong or len(ports) != len(hosts) or any("@" in host for host in hosts):
        msg = f"the database URL has no host and port that can be read: {_ADVICE}"
        raise BadUrl(msg)
    return tuple(Host(host or None, int(port) if port else None) for host, port in zip(hosts, ports, strict=True))


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.removeprefix("-").isdecimal():
        msg = f"{name} in the database URL must be a number"
        raise BadUrl(msg)
    return int(text)


def target(url: str) -> Target:
    """Read a URL as libpq does; raises BadUrl."""
    given = _read(url)
    unknown = given.keys() - _PARTS - _OURS - _DRIVER - _SERVER - _HARMLESS
    if given.get("channel_binding") in {"disable", "prefer"}:
        unknown.discard("channel_binding")
    if unknown:
        msg = f"Parley cannot do what {min(unknown)} in the database URL asks for"
        raise BadUrl(msg)
    places = _places(given)
    # One that takes writes, where there is a choice: commits go to no other.
    attributes = given.get("target_session_attrs") or ("read-write" if len(places) > 1 else None)
    driver = {name: value for name, value in given.items() if name in _DRIVER}
    seconds = _number(given, "connect_timeout", CONNECT_SECONDS)
    arguments = {
        "user": given.get("user"),
        "password": given.get("password"),
        "database": given.get("dbname"),
        "dsn": f"postgresql://?{urlencode(driver)}",
        "target_session_attrs": attributes,
        "timeout": max(seconds, 2) if seconds > 0 else None,  # as libpq has it
    }
    alive = {name: _number(given, name, default) for name, default in KEEPALIVE.items()}
    return Target(
        places,
        arguments,
        {name: value for name, value in given.items() if name in _SERVER},
        alive if given.get("keepalives", "1") != "0" else {},
    )


def defaults(url: str) -> dict[str, Any]:
    """Return what libpq is given in addition to a URL, so that it waits for no silent server; raises BadUrl."""
    given, known = _read(url), target(url)
    added: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **KEEPALIVE}
    if len(known.places) > 1:
        added["target_session_attrs"] = "read-write"
    return {name: value for name, value in added.items() if name not in given}


def shown(url: str) -> str:
    """Return a URL for people to read, without its password and other parameters; raises BadUrl."""
    known = target(url)
    user, name = known.arguments["user"], known.arguments["database"]
    hosts = [_shown(place) for place in known.places]
    at = f"{quote(user)}{':***' if known.arguments['password'] else ''}@" if user else ""
    return f"postgresql://{at}{','.join(hosts)}/{quote(name or '')}"


def _shown(place: Host) -> str:
    host = place.host or ""
    written = f"[{host}]" if ":" in host else quote(host, safe="")
    return f"{written}:{place.port}" if place.port else written
