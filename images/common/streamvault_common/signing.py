"""Signed viewer links: the one definition of the token `t` (made by the manager, checked by the edge's njs).

A token covers one path scope (`/v/<fid>/<gen>`, `/d/<fid>/<gen>`, `/s/<fid>`, `/z/<pack>`), not a query and not an
address: viewers change networks. It never enters a cache key.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum

USER_PATTERN = re.compile(r"^[A-Za-z0-9_-]{1,64}$")
KEY_ID_PATTERN = re.compile(r"^[A-Za-z0-9]{1,16}$")
MIN_SECRET_BYTES = 32


class Tier(StrEnum):
    """Who watches; the edge derives the rate limit from it."""

    GUEST = "g"
    MEMBER = "m"
    PREMIUM = "p"


class InvalidLinkKeys(ValueError):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """LINK_KEYS is not `kid:secret[,kid:secret...]`; the message says which entry and why."""


class LinkRefused(Exception):  # noqa: N818
    """A token that must not be honoured; `reason` is `malformed`, `unknown-key`, `bad-signature` or `expired`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Grant:
    """What a valid token says."""

    scope: str
    expires_at: int
    tier: Tier
    user: str


@dataclass(frozen=True)
class LinkKeys:
    """Keys by id; the first signs, all verify, so that a new key is added first and the old one removed later."""

    signing_id: str
    secrets: dict[str, bytes]

    @classmethod
    def parse(cls, text: str) -> "LinkKeys":
        """Read `kid:base64url-secret,...` (secrets of at least 32 bytes); raises InvalidLinkKeys."""
        secrets: dict[str, bytes] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            kid, _, encoded = entry.partition(":")
            if not KEY_ID_PATTERN.match(kid):
                raise InvalidLinkKeys(f"LINK_KEYS: key id {kid!r} must be 1-16 letters or digits")
            try:
                secret = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except ValueError as error:
                raise InvalidLinkKeys(f"LINK_KEYS: the secret of {kid} is not base64url") from error
            if len(secret) < MIN_SECRET_BYTES:
                raise InvalidLinkKeys(f"LINK_KEYS: the secret of {kid} has fewer than {MIN_SECRET_BYTES} bytes")
            secrets[kid] = secret
        if not secrets:
            raise InvalidLinkKeys("LINK_KEYS: no key given; expected kid:secret[,kid:secret...]")
        return cls(next(iter(secrets)), secrets)


def play_scope(fid: str, gen: int) -> str:
    """Scope of a link that plays a stored file."""
    return f"/v/{fid}/{gen}"


def download_scope(fid: str, gen: int) -> str:
    """Scope of a link that downloads a stored file under any name."""
    return f"/d/{fid}/{gen}"


def subtitle_scope(fid: str) -> str:
    """Scope of a link to a subtitle track."""
    return f"/s/{fid}"


def pack_scope(pack: str) -> str:
    """Scope of a link to a season as one file."""
    return f"/z/{pack}"


def sign(keys: LinkKeys, grant: Grant) -> str:
    """Make the token `<kid>.<exp>.<tier>.<user>.<signature>`; `grant.user` must match USER_PATTERN."""
    if not USER_PATTERN.match(grant.user):
        raise ValueError(f"user {grant.user!r} must match {USER_PATTERN.pattern}")
    signature = _signature(keys.secrets[keys.signing_id], grant)
    return f"{keys.signing_id}.{grant.expires_at}.{grant.tier}.{grant.user}.{signature}"


def verify(keys: LinkKeys, scope: str, token: str, now: float) -> Grant:
    """Read a token for `scope` at `now` (Unix seconds); raises LinkRefused."""
    fields = token.split(".")
    if len(fields) != 5 or not fields[1].isdigit() or len(fields[1]) > 12 or not USER_PATTERN.match(fields[3]):
        raise LinkRefused("malformed")
    kid, expires, tier, user, signature = fields
    if tier not in {member.value for member in Tier}:
        raise LinkRefused("malformed")
    secret = keys.secrets.get(kid)
    if secret is None:
        raise LinkRefused("unknown-key")
    grant = Grant(scope, int(expires), Tier(tier), user)
    if not hmac.compare_digest(_signature(secret, grant), signature):
        raise LinkRefused("bad-signature")
    if grant.expires_at <= now:
        raise LinkRefused("expired")
    return grant


def _signature(secret: bytes, grant: Grant) -> str:
    message = f"v1\n{grant.scope}\n{grant.expires_at}\n{grant.tier}\n{grant.user}".encode()
    return base64.urlsafe_b64encode(hmac.new(secret, message, hashlib.sha256).digest()).rstrip(b"=").decode()
