"""The control API of the installation's local Telegram, as far as tests of the whole chain need it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from site_under_test import CONTROL_URL, at_rest

from demo.world import CHANNEL_ID, WORKERS

REST_SECONDS = 2.0


@dataclass(frozen=True)
class Session:
    """A session string of an account, and the id of its key, by which it can be revoked."""

    account: str
    text: str
    key_id: str


def getfile_calls(*accounts: str) -> int:
    """How often these accounts called `upload.getFile` since the sandbox started: by default the installation's."""
    named = accounts or tuple(account for account, _ in WORKERS.values())
    queries = ({"method": "upload.getFile", "account": account} for account in named)
    return sum(int(_ask("GET", "/control/counters", params=query)["calls"]) for query in queries)


def getfile_calls_at_rest() -> int:
    """The same, once nobody has called for a while: films are also read ahead of their viewers."""
    return at_rest(getfile_calls, REST_SECONDS, 180, "nobody reads films")


@contextmanager
def account_of_its_own(name: str, **standing: Any) -> Iterator[int]:
    """The id of a new account that is in the library's channel, with this role and these rights, for a while."""
    serial = secrets.randbelow(10**7)
    number = 5_800_000_000 + serial
    spec = {"id": number, "name": name, "username": name.replace("-", "_"), "phone": f"+1556{serial:07}"}
    _ask("POST", "/control/accounts", json=spec)
    place = f"/control/channels/{CHANNEL_ID}/members/{number}"
    _ask("PUT", place, json=standing)
    try:
        yield number
    finally:
        _ask("DELETE", place)


@contextmanager
def fault(kind: str, **rule: Any) -> Iterator[None]:
    """A fault that is in force while the context is open."""
    ordered = _ask("POST", "/control/faults", json={"kind": kind, **rule})
    try:
        yield
    finally:
        _ask("DELETE", f"/control/faults/{ordered['id']}")


def mint(account: str, label: str) -> Session:
    """A session of an account; a label that is new makes a session that nobody else uses."""
    minted = _ask("POST", f"/control/accounts/{account}/sessions", json={"label": label})
    return Session(account, minted["kurigram"], minted["key_id"])


def revoke(session: Session, mode: str = "unregistered") -> None:
    """Spoil a session for good, as its owner does from another device."""
    order = {"mode": mode, "key_id": session.key_id}
    _ask("POST", f"/control/accounts/{session.account}/sessions/revoke", json=order)


def _ask(method: str, path: str, **request: Any) -> Any:
    answer = httpx.request(method, f"{CONTROL_URL}{path}", timeout=60, trust_env=False, **request)
    answer.raise_for_status()
    return answer.json() if answer.content else None
