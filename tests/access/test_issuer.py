"""Tokens of an OpenID Connect issuer, which a small server in this process plays."""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.access.holders import bearing, eventually, made, parley, service
from tests.api.conftest import LONDON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar import Litestar
    from litestar.testing import TestClient

jwt: Any = pytest.importorskip("jwt")
ec: Any = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
rsa: Any = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
serialization: Any = pytest.importorskip("cryptography.hazmat.primitives.serialization")

ISSUES = "/v1/issues"
AUDIENCE = "parley"


class Issuer:
    """An issuer with one key at a time."""

    def __init__(self, url: str) -> None:
        """Begin with a key."""
        self.url = url
        self.names = url
        self.rotate("one")

    def rotate(self, kid: str, *, curve: bool = False) -> None:
        """Take another key."""
        self.kid = kid
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, key_size=2048)
        )
        self.algorithm = "ES256" if curve else "RS256"

    def token(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:  # noqa: ANN401 - any JSON
        """Sign a token."""
        given = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 600} | claims
        kept = {name: value for name, value in given.items() if value is not None}
        signed: str = jwt.encode(kept, self.private, self.algorithm, headers={"kid": self.kid, **(headers or {})})
        return signed

    def answer(self, path: str) -> dict[str, Any]:
        """Answer as an issuer does."""
        if path == "/keys":
            algorithm = jwt.get_algorithm_by_name(self.algorithm)
            public = json.loads(algorithm.to_jwk(self.private.public_key()))
            secret = {
                "kty": "oct",
                "kid": "shared",
                "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA",
                "alg": "HS256",
            }
            return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}, secret]}
        return {"issuer": self.names, "jwks_uri": f"{self.url}/keys"}


def forged(claims: dict[str, Any], kid: str, secret: bytes) -> str:
    """Sign with a secret, which PyJWT would not do with a public key."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": kid}, claims)]
    signed = ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    made = hmac.new(secret, signed.encode(), "sha256").digest()
    return f"{signed}.{urlsafe_b64encode(made).decode().rstrip('=')}"


@contextmanager
def issuing() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(playing.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    playing = Issuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield playing
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An issuer that answers."""
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def client(migrated_url: str, issuer: Issuer) -> Iterator[TestClient[Litestar]]:
    """A ledger without keys that takes the issuer's tokens, once it has its public keys."""
    with service(migrated_url, oidc_issuer=issuer.url, oidc_audience=AUDIENCE) as client:
        eventually(lambda: client.get(ISSUES, headers=bearing(issuer.token(roles=["parley-reader"]))), 200)
        yield client


def test_a_token_has_the_role_of_its_claim(client: TestClient[Litestar], issuer: Issuer) -> None:
    """The greatest role that the claim names counts; other names in it do not, and without one nothing is allowed."""
    batch = {"events": LONDON}
    for roles, statuses in (
        (None, (403, 403)),
        (["admin", "reader"], (403, 403)),
        (["parley-reader", "x", 1], (200, 403)),
        ("parley-reader parley-recorder", (200, 201)),
        (["parley-admin"], (200, 200)),
    ):
        headers = bearing(issuer.token(roles=roles))
        read, written = client.get(ISSUES, headers=headers), client.post("/v1/events", json=batch, headers=headers)
        assert (read.status_code, written.status_code) == statuses, (roles, read.text, written.text)
    reader = bearing(issuer.token(roles=["parley-reader"]))
    event = client.get(f"/v1/events/{LONDON[3]['id']}", headers=reader).json()
    assert event["recorded_by"] == {"name": "oidc:alice", "key": "oidc"}
    assert client.get(ISSUES).status_code == 401


def test_what_the_issuer_has_not_signed_for_us_is_refused(client: TestClient[Litestar], issuer: Issuer) -> None:
    """Another audience, issuer or key, no end, a past one, and every algorithm but a private key's: 401."""
    admin: dict[str, Any] = {"roles": ["parley-admin"]}
    good = issuer.token(**admin)
    head, body, signature = good.split(".")
    public = issuer.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    stranger = Issuer(issuer.url)
    claims = {"iss": issuer.url, "aud": AUDIENCE, "sub": "eve", "exp": int(time.time()) + 600, **admin}
    refused = {
        "another audience": issuer.token(aud="other", **admin),
        "no audience": issuer.token(aud=None, **admin),
        "another issuer": issuer.token(iss="https://evil.example", **admin),
        "expired": issuer.token(exp=int(time.time()) - 60, **admin),
        "no end": issuer.token(exp=None, **admin),
        "not yet": issuer.token(nbf=int(time.time()) + 600, **admin),
        "nobody": issuer.token(sub=None, **admin),
        "a name of two lines": issuer.token(sub="a\nb", **admin),
        "a stranger's key": stranger.token(**admin),
        "another body": f"{head}.{issuer.token(roles=['parley-admin'], sub='eve').split('.')[1]}.{signature}",
        "no signature": f"{head}.{body}.",
        "none": jwt.encode(claims, None, "none", headers={"kid": issuer.kid}),
        "the public key as a secret": forged(claims, issuer.kid, public),
        "a shared secret": forged(claims, "shared", b"secret-secret-secret-secret-secret"),
        "no kid": jwt.encode(claims, issuer.private, "RS256"),
        "a kid of another type": issuer.token(headers={"kid": "../../keys"}, **admin),
        "not a token": "a.b.c",
        "a deep head": ".".join([urlsafe_b64encode(b"[" * 9_000).decode(), body, signature]),
        "a list as kid": ".".join([urlsafe_b64encode(b'{"alg":"RS256","kid":[]}').decode(), body, signature]),
        "no number": issuer.token(nbf=float("inf"), **admin),
        "too long": good + "x" * 20_000,
    }
    for name, token in refused.items():
        response = client.get(ISSUES, headers=bearing(token))
        assert response.status_code == 401, name
        assert 'error="invalid_token"' in response.headers["www-authenticate"]
        assert token[-20:] not in response.text
    assert client.get(ISSUES, headers=bearing(good)).status_code == 200


def test_keys_go_on_beside_tokens(client: TestClient[Litestar], issuer: Issuer, migrated_url: str) -> None:
    """A key of the ledger opens it too, and its holder is not a token's of the same name."""
    key = made(migrated_url, "recorder", "--name", "alice")
    eventually(lambda: client.get(ISSUES, headers=bearing(key)), 200)
    token = issuer.token(roles=["parley-recorder"])
    assert client.put("/v1/consumers/a", json={"position": 0}, headers=bearing(key)).status_code == 201
    assert client.delete("/v1/consumers/a", headers=bearing(token)).status_code == 403


@pytest.mark.slow
def test_a_new_key_of_the_issuer_is_fetched(client: TestClient[Litestar], issuer: Issuer) -> None:
    """After a rotation tokens of the new key are taken soon, and those of the old one no longer."""
    before = issuer.token(roles=["parley-reader"])
    assert client.get(ISSUES, headers=bearing(before)).status_code == 200
    issuer.rotate("two", curve=True)
    after = issuer.token(roles=["parley-reader"])
    eventually(lambda: client.get(ISSUES, headers=bearing(after)), 200)
    assert client.get(ISSUES, headers=bearing(before)).status_code == 401


def test_an_issuer_that_calls_itself_otherwise_is_not_believed(migrated_sqlite_url: str, issuer: Issuer) -> None:
    """Its keys are not taken, and the service stays closed."""
    issuer.names = "https://other.example"
    with service(migrated_sqlite_url, oidc_issuer=issuer.url, oidc_audience=AUDIENCE) as client:
        for _ in range(3):
            assert client.get(ISSUES, headers=bearing(issuer.token(roles=["parley-reader"]))).status_code == 401
            time.sleep(0.5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PARLEY_OIDC_ISSUER": "https://login.example"}, "PARLEY_OIDC_AUDIENCE"),
        ({"PARLEY_OIDC_ISSUER": "http://login.example", "PARLEY_OIDC_AUDIENCE": "a"}, "must begin with https://"),
    ],
)
def test_a_half_set_up_does_not_start(
    migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], said: str
) -> None:
    """Without an audience, or without TLS, the service says what is missing."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    done = parley(migrated_sqlite_url, "serve", "--port", "0")
    assert (done.exit_code, said in done.stderr) == (2, True)
