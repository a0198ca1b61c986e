"""An issuer of OpenID Connect whose tokens are taken in place of keys: signed JWTs with a role of Parley in a claim.

Its public keys are kept in memory, so that a token costs no request. They are fetched every five minutes, and when a
token names a key that is not known, at most once in ten seconds. While the issuer does not answer, the keys that it
gave last go on.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog

from service.access.keys import ApiKey, BadKey, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""The signatures that are taken: those of a private key alone, so that whoever can check one cannot make one."""
REQUIRED: Final = ("exp", "iss", "aud", "sub")
PREFIX: Final = "parley-"
"""What a role of Parley has before its name in the claim: an issuer's own `admin` is no admin here."""
KEY_ID: Final = "oidc"
"""The id of a token as a key: it is kept with an event that is recorded with one."""
LEEWAY_SECONDS: Final = 30
"""How much the clock of the issuer may differ."""
REFETCH_SECONDS: Final = 300.0
WANTED_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 1.0
FETCH_SECONDS: Final = 5.0
FETCH_BYTES: Final = 1_000_000
TOKEN_MAX: Final = 16_384
"""Bytes that a token may have."""
NAME_MAX: Final = 255
KEPT_MAX: Final = 1_000
"""Tokens that were checked and are kept with their digest until they expire."""

logger = structlog.get_logger(__name__)


class Issuer:
    """One issuer, and its public keys."""

    def __init__(self, url: str, audience: str, claim: str, clock: Callable[[], int]) -> None:
        """`claim` is where tokens have roles: names with dots between them. Raises ValueError for what cannot be."""
        if not audience:
            msg = "PARLEY_OIDC_ISSUER needs PARLEY_OIDC_AUDIENCE: who the tokens are for"
            raise ValueError(msg)
        try:
            self._jwt: Any = import_module("jwt")
        except ImportError as error:
            msg = "PARLEY_OIDC_ISSUER needs PyJWT: pip install 'parley-ledger[oidc]'"
            raise ValueError(msg) from error
        self._url, self._audience, self._claim, self._clock = url, audience, claim.split("."), clock
        self._public: dict[str, Any] = {}
        self._checked: dict[bytes, ApiKey] = {}
        self._wanted = True

    async def watch(self) -> None:
        """Fetch the public keys again and again, until cancelled."""
        fetched = float("-inf")
        time = asyncio.get_running_loop().time
        while True:
            if time() - fetched >= (WANTED_SECONDS if self._wanted else REFETCH_SECONDS):
                fetched = time()
                try:
                    await self._fetch()
                except Exception as error:  # noqa: BLE001 - whatever it answers, it is asked again
                    logger.warning("oidc.lost", issuer=self._url, error=str(error) or type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    def find(self, token: str) -> ApiKey:
        """Return a token as a key; raises BadKey, which does not repeat it."""
        digest = sha256(token.encode()).digest()
        now = self._clock()
        key = self._checked.get(digest)
        if key is None:
            key = self._verified(token)
            if len(self._checked) >= KEPT_MAX:
                self._checked.clear()
            self._checked[digest] = key
        if key.end(now):
            reason = "The token is expired."
            raise BadKey(reason)
        return key

    def _verified(self, token: str) -> ApiKey:
        try:
            claims = self._claims(token)
        except Exception as error:  # a token can also be nested too deep, or have numbers that no machine has
            reason = f"The token is not taken: {type(error).__name__}."
            raise BadKey(reason) from error
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= NAME_MAX or not subject.isprintable():
            reason = "The token names nobody."
            raise BadKey(reason)
        until = (int(claims["exp"]) + LEEWAY_SECONDS) * 1_000_000
        return ApiKey(KEY_ID, f"{KEY_ID}:{subject}", self._role(claims), b"", 0, until)

    def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > TOKEN_MAX:
            raise self._jwt.DecodeError
        public = self._public.get(self._jwt.get_unverified_header(token).get("kid", ""))
        if public is None:
            self._wanted = True
            raise self._jwt.InvalidKeyError
        claims: Mapping[str, Any] = self._jwt.decode(
            token,
            public,
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=self._url,
            leeway=LEEWAY_SECONDS,
            options={"require": list(REQUIRED)},
        )
        return claims

    def _role(self, claims: Mapping[str, Any]) -> Role:
        """Return the greatest role that the claim names, as a list or as words; ANYONE where it names none."""
        found: Any = claims
        for name in self._claim:
            found = found.get(name) if isinstance(found, dict) else None
        names = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
        roles = {f"{PREFIX}{role.name.lower()}": role for role in Role if role}
        return max((roles[name] for name in names if isinstance(name, str) and name in roles), default=Role.ANYONE)

    async def _fetch(self) -> None:
        async with httpx.AsyncClient(timeout=FETCH_SECONDS) as client:
            about = await _json(client, f"{self._url.rstrip('/')}/.well-known/openid-configuration")
            if about.get("issuer") != self._url:
                msg = f"it calls itself {about.get('issuer')!r:.200}"
                raise ValueError(msg)
            where = checked_url(str(about.get("jwks_uri", "")))
            keys = (await _json(client, where))["keys"]
        public = {}
        for each in keys:
            if each.get("kty") in {"RSA", "EC", "OKP"} and each.get("use", "sig") == "sig" and each.get("kid"):
                try:
                    public[each["kid"]] = self._jwt.PyJWK(each)
                except self._jwt.PyJWTError:
                    logger.warning("oidc.key", issuer=self._url, reason="a key of a kind that is not known")
        if public.keys() != self._public.keys():
            self._checked.clear()  # what a key signed that is gone is no longer taken
        self._public, self._wanted = public, False


def checked_url(url: str) -> str:
    """Return a URL that nobody on the way can change: https, or http to loopback; raises ValueError for another."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}:
        return url
    msg = f"{url!r} must begin with https://"
    raise ValueError(msg)


async def _json(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """Read a JSON object of a bounded size."""
    read = b""
    async with asyncio.timeout(FETCH_SECONDS), client.stream("GET", url) as response:
        response.raise_for_status()
        async for part in response.aiter_bytes():
            read += part
            if len(read) > FETCH_BYTES:
                msg = f"{url} sends too much"
                raise ValueError(msg)
    return msgspec.json.decode(read, type=dict[str, Any])
