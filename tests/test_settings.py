"""Settings come from the environment, and people can find each of them."""

from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.settings import Settings

GIVEN = {
    "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing listens there
    "port": ("8123", 8_123),
    "database_url": ("sqlite:///elsewhere.db", "sqlite:///elsewhere.db"),
    "log_level": ("debug", "DEBUG"),
    "log_format": ("json", "json"),
    "otlp_endpoint": ("http://collector:4318/", "http://collector:4318"),
    "otlp_headers": ("Authorization=Basic%20YTpi, x-team=desk", {"authorization": "Basic YTpi", "x-team": "desk"}),
    "public_reads": ("1", True),
    "oidc_issuer": ("https://login.example/realms/desk", "https://login.example/realms/desk"),
    "oidc_audience": ("parley", "parley"),
    "oidc_roles_claim": ("realm_access.roles", "realm_access.roles"),
    "key": ("parley_a_b", "parley_a_b"),
    "allowed_hosts": ("parley, ledger.example", ("parley", "ledger.example")),
    "cors_origins": ("https://desk.example,http://[::1]:3000", ("https://desk.example", "http://[::1]:3000")),
    "stall_seconds": ("7", 7),
    "read_url": ("postgresql://standby/parley", "postgresql://standby/parley"),
    "workers": ("4", 4),
    "writer_address": ("10.0.0.5:7000", ("10.0.0.5", 7_000)),
    "rate_limit": ("100/10", (100, 10)),
    "client_connections": ("8", 8),
    "client_streams": ("0", 0),
    "public_url": ("https://parley.example/", "https://parley.example"),
    "nats_url": ("nats://broker:4222", "nats://broker:4222"),
    "webhooks_allow_private": ("yes", True),
    "webhooks_schedule": ("0,1.5", (0.0, 1.5)),
    "webhooks_lease": ("3", 3.0),
}
"""By field: a text that the variable can have, and the setting that it makes."""
HIDDEN = {"webhooks_schedule", "webhooks_lease"}
"""For tests; they are in no list."""


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_a_variable_sets_its_field_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """PARLEY_NAME is read into its field, and no other field changes."""
    written, expected = GIVEN[name]
    before = Settings.from_env()
    monkeypatch.setenv(f"PARLEY_{name.upper()}", written)
    after = Settings.from_env()
    changed = {field.name for field in fields(Settings) if getattr(after, field.name) != getattr(before, field.name)}
    assert (changed, getattr(after, name)) == ({name}, expected)


def test_every_setting_is_listed_where_people_look() -> None:
    """README and `parley --help` name every variable."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    help_ = CliRunner().invoke(cli, ["--help"]).output
    for field in fields(Settings):
        if field.name not in HIDDEN:
            assert f"PARLEY_{field.name.upper()}" in readme
            assert f"PARLEY_{field.name.upper()}" in help_
