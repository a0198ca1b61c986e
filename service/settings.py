"""Every setting, read once from the environment variables PARLEY_*; a frozen object from then on."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

PREFIX = "PARLEY_"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("console", "json")
PORT_MAX = 65_535
SECONDS_MAX = 3_600
WORKERS_MAX = 64
COUNT_MAX = 1_000_000
_URL = re.compile(r"https?://[^\s\"\\?#/]+(/[^\s\"\\?#]*)?\Z")
_HOST = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
TRUE, FALSE = {"1", "true", "yes"}, {"", "0", "false", "no"}


class BadSetting(ValueError):  # noqa: N818 - named as the condition
    """A setting has a value that it cannot take; the message names the variable."""


class ClientBounds(NamedTuple):
    """What one client may have: requests in so many seconds, connections, streams; 0 for no bound."""

    requests: int = 0
    seconds: int = 60
    connections: int = 0
    streams: int = 0


EXPOSED = ClientBounds(6_000, 60, 256, 64)
"""What a client may have where others than this machine reach the service."""


@dataclass(frozen=True)
class Settings:
    """The settings of the service; a variable has the name of its field in capitals, after PARLEY_."""

    host: str = "127.0.0.1"
    port: int = 8_000
    database_url: str = ""
    read_url: str = ""
    """A copy of the database to read from: a standby; '' for none."""
    log_level: str = "INFO"
    log_format: str = "console"
    otlp_endpoint: str = ""
    """Where the spans of requests are sent (OpenTelemetry, OTLP over HTTP), without /v1/traces; "" for nowhere."""
    otlp_headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Headers of what is sent there, a key for instance; they are never shown."""
    public_reads: bool = False
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_roles_claim: str = "roles"
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    stall_seconds: int = 30
    workers: int = 1
    """How many processes serve."""
    writer_address: tuple[str, int] = ("127.0.0.1", 0)
    """Where the other processes on a database reach this one when it writes for all; port 0 is any free one."""
    rate_limit: tuple[int, int] | None = None
    """Requests in seconds that a client may send; None: as `bounds` has it."""
    client_connections: int | None = None
    client_streams: int | None = None
    public_url: str = ""
    """Where clients reach the service; "" for its own host and port, see `reached_at`."""
    nats_url: str = "nats://127.0.0.1:4222"
    key: str = field(default="", repr=False)
    """The key that commands send to a service; it is never shown."""
    webhooks_allow_private: bool = False
    webhooks_schedule: tuple[float, ...] | None = None
    """Seconds before each try to deliver; None: those of Standard Webhooks. Tests shorten it."""
    webhooks_lease: float | None = None
    """Seconds after which another process delivers in place of a silent one; None: 15. Tests shorten it."""

    @classmethod
    def from_env(cls) -> Settings:
        """Read the environment; raises BadSetting for a bad value."""
        database_url = _read("DATABASE_URL") or f"sqlite:///{_data_folder() / 'parley.db'}"
        return cls(
            host=_read("HOST") or cls.host,
            port=_number("PORT", _read("PORT") or str(cls.port), 0, PORT_MAX),
            database_url=database_url,
            read_url=_read("READ_URL"),
            log_level=_one_of("LOG_LEVEL", LEVELS, (_read("LOG_LEVEL") or cls.log_level).upper()),
            log_format=_one_of("LOG_FORMAT", FORMATS, _read("LOG_FORMAT") or cls.log_format),
            otlp_endpoint=otlp_endpoint(_read("OTLP_ENDPOINT")),
            otlp_headers=_headers(_read("OTLP_HEADERS")),
            public_reads=_flag("PUBLIC_READS"),
            oidc_issuer=_read("OIDC_ISSUER"),
            oidc_audience=_read("OIDC_AUDIENCE"),
            oidc_roles_claim=_read("OIDC_ROLES_CLAIM") or cls.oidc_roles_claim,
            allowed_hosts=hosts(_read("ALLOWED_HOSTS")),
            cors_origins=origins(_read("CORS_ORIGINS")),
            stall_seconds=_number("STALL_SECONDS", _read("STALL_SECONDS") or str(cls.stall_seconds), 1, SECONDS_MAX),
            workers=_number("WORKERS", _read("WORKERS") or "1", 1, WORKERS_MAX),
            writer_address=writer_address(_read("WRITER_ADDRESS") or "127.0.0.1"),
            rate_limit=rate(_read("RATE_LIMIT")),
            client_connections=_count("CLIENT_CONNECTIONS"),
            client_streams=_count("CLIENT_STREAMS"),
            public_url=public_url(_read("PUBLIC_URL")),
            nats_url=_read("NATS_URL") or cls.nats_url,
            key=_key(_read("KEY")),
            webhooks_allow_private=_flag("WEBHOOKS_ALLOW_PRIVATE"),
            webhooks_schedule=schedule(_read("WEBHOOKS_SCHEDULE")),
            webhooks_lease=lease(_read("WEBHOOKS_LEASE")),
        )

    @property
    def embedded(self) -> bool:
        """Whether the ledger is a SQLite file, not a database server."""
        return self.database_url.startswith("sqlite:")

    @property
    def is_shared(self) -> bool:
        """Whether other processes may write to the same ledger while this one serves."""
        return self.workers > 1 or not self.embedded

    @property
    def reached_at(self) -> str:
        """Return the URL under which clients reach the service: this machine's, unless `public_url` has another."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 - compared only  # nosec B104
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def is_loopback(self) -> bool:
        """Return whether only this machine can reach the service."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def bounds(self) -> ClientBounds:
        """Return what one client may have; on loopback without a setting all: a proxy there stands for many."""
        usual = ClientBounds() if self.is_loopback() else EXPOSED
        requests, seconds = self.rate_limit or usual[:2]
        return ClientBounds(
            requests,
            seconds,
            usual.connections if self.client_connections is None else self.client_connections,
            usual.streams if self.client_streams is None else self.client_streams,
        )

    def rates(self) -> tuple[int, int, int]:
        """Return how many requests in how many seconds one client may send, and how many streams it may have."""
        bounds = self.bounds()
        return bounds.requests, bounds.seconds, bounds.streams


def rate(text: str) -> tuple[int, int] | None:
    """Return the requests and seconds of a text such as 6000/60; requests are 0 for none; raises BadSetting."""
    requests, _, seconds = text.partition("/")
    if text and not (requests.isdecimal() and int(requests) <= COUNT_MAX and (seconds or requests == "0")):
        msg = f"{PREFIX}RATE_LIMIT must be requests/seconds such as 6000/60, or 0, not {text!r}"
        raise BadSetting(msg)
    return (int(requests), _number("RATE_LIMIT", seconds or "1", 1, SECONDS_MAX)) if text else None


def public_url(text: str) -> str:
    """Return the URL under which clients reach the service, without a slash at its end; raises BadSetting otherwise."""
    if text and not _URL.match(text):
        msg = f"{PREFIX}PUBLIC_URL must be an http:// or https:// URL without query, not {text!r}"
        raise BadSetting(msg)
    return text.rstrip("/")


def otlp_endpoint(text: str) -> str:
    """Return the URL that spans are sent to, without a slash at its end; "" for none; raises BadSetting otherwise."""
    if text and not _URL.match(text):
        msg = f"{PREFIX}OTLP_ENDPOINT must be an http:// or https:// URL without query"
        raise BadSetting(msg)
    return text.rstrip("/")


def hosts(text: str) -> tuple[str, ...]:
    """Return the names of a list with commas between them, without ports; raises BadSetting for what is no name."""
    return _listed("ALLOWED_HOSTS", text, _HOST, "names of hosts without ports")


def origins(text: str) -> tuple[str, ...]:
    """Return the origins of a list with commas between them, such as https://desk.example; raises BadSetting."""
    return _listed("CORS_ORIGINS", text, _ORIGIN, "origins such as https://desk.example")


def schedule(text: str) -> tuple[float, ...] | None:
    """Return the seconds before each try to deliver, from a text with commas between them; None for an empty text."""
    return tuple(_fraction("WEBHOOKS_SCHEDULE", part.strip()) for part in text.split(",")) if text else None


def lease(text: str) -> float | None:
    """Return the seconds after which another process delivers; None for an empty text."""
    return _fraction("WEBHOOKS_LEASE", text) if text else None


def writer_address(text: str) -> tuple[str, int]:
    """Return the host and the port of HOST or HOST:PORT, port 0 without one; raises BadSetting otherwise."""
    host, port = (text, "0") if re.fullmatch(r"[^:\s]+|\[[0-9a-f:.]+\]", text) else text.rpartition(":")[::2]
    bare = host.strip("[]")
    if not bare or not port.isdecimal() or int(port) > PORT_MAX or bare in {"0.0.0.0", "::"}:  # noqa: S104 - refused  # nosec B104
        msg = f"{PREFIX}WRITER_ADDRESS must be an address that others reach, HOST or HOST:PORT, not {text!r}"
        raise BadSetting(msg)
    return bare, int(port)


def _listed(name: str, text: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    listed = tuple(part.strip() for part in text.split(",") if part.strip())
    for each in listed:
        if not form.fullmatch(each):
            msg = f"{PREFIX}{name} must be {what}, with commas between them; {each!r} is none"
            raise BadSetting(msg)
    return listed


def _key(text: str) -> str:
    if not re.fullmatch("[!-~]*", text):
        msg = f"{PREFIX}KEY must be printable ASCII without spaces"
        raise BadSetting(msg)
    return text


def _headers(text: str) -> dict[str, str]:
    """Read name=value with commas between them, percent-encoded, as OTEL_EXPORTER_OTLP_HEADERS is written."""
    pairs = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    found = {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in found.items()):
        msg = f"{PREFIX}OTLP_HEADERS must be name=value with commas between them, percent-encoded"
        raise BadSetting(msg)
    return found


def _fraction(name: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        msg = f"{PREFIX}{name} must be a number of seconds, not {text!r}"
        raise BadSetting(msg)
    return float(text)


def _read(name: str) -> str:
    return os.environ.get(PREFIX + name, "").strip()


def _data_folder() -> Path:
    """Return the user's data folder (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "parley"


def _number(name: str, text: str, least: int, most: int) -> int:
    """Return a whole number from `least` to `most`; raises BadSetting otherwise."""
    if not text.isdecimal() or not least <= int(text) <= most:
        msg = f"{PREFIX}{name} must be a number from {least} to {most}, not {text!r}"
        raise BadSetting(msg)
    return int(text)


def _count(name: str) -> int | None:
    return _number(name, text, 0, COUNT_MAX) if (text := _read(name)) else None


def _one_of(name: str, allowed: tuple[str, ...], value: str) -> str:
    if value not in allowed:
        msg = f"{PREFIX}{name} must be one of {', '.join(allowed)}, not {value!r}"
        raise BadSetting(msg)
    return value


def _flag(name: str) -> bool:
    value = _read(name).lower()
    if value not in TRUE | FALSE:
        msg = f"{PREFIX}{name} must be 1 or 0, not {value!r}"
        raise BadSetting(msg)
    return value in TRUE
