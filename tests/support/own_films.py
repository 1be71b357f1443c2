"""Films of a test's own in the installation: uploaded through the protocol, declared, and let go for good."""

import asyncio
import json
import secrets
from typing import Any

import httpx
from site_under_test import CONTROL_URL

from demo.__main__ import telegram_settings
from demo.cluster import apply, get, kubectl
from demo.telegram import StoredPart, uploader
from demo.world import CHANNEL_ID, UPLOADER
from streamvault_common.keys import API_VERSION, LABEL_ALLOW_DELETE

MIRROR_ID = -1002400000124


def fresh(name: str) -> str:
    """A name that no title had before: what was taken down once is refused for good."""
    return f"{name}-{secrets.token_hex(3)}"


def upload(*contents: bytes, channel: int = CHANNEL_ID) -> list[StoredPart]:
    """Store contents in a channel, one message each."""

    async def store() -> list[StoredPart]:
        async with uploader(telegram_settings(), _session(), channel) as store:
            return [await store.store(content, f"{fresh('own')}.bin") for content in contents]

    return asyncio.run(store())


def noise(size_bytes: int) -> bytes:
    """Content that was never stored before."""
    return secrets.token_bytes(size_bytes)


def film(*parts: StoredPart, **changes: Any) -> dict[str, Any]:
    """The spec of a film with one file."""
    listed = [
        {"channelID": part.channel_id, "messageID": part.message_id, "sizeBytes": part.size_bytes} for part in parts
    ]
    files = [{"name": "720p", "quality": "720p", "parts": listed}]
    return {"kind": "Movie", "displayName": "Own Film", "files": files, **changes}


def resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A custom resource."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def declare(name: str, spec: dict[str, Any]) -> None:
    """Make or change a Title."""
    apply(resource("Title", name, spec))


def take_down(name: str, **takedown: Any) -> None:
    """Declare a takedown, as an operator would."""
    declared = {"reason": "OwnerRequest", "requestedBy": "a test", **takedown}
    patch = {"spec": {"state": "TakenDown", "takedown": declared}}
    kubectl("patch", "title", name, "--type=merge", "--patch", json.dumps(patch))


def let_go(name: str, *arguments: str) -> None:
    """Delete a Title, purge included; `--wait=false` leaves the operator to it."""
    if get("title", name) is not None:
        kubectl("label", "title", name, f"{LABEL_ALLOW_DELETE}=true", "--overwrite")
        kubectl("delete", "title", name, "--ignore-not-found", *arguments)


def messages(channel: int = CHANNEL_ID) -> set[int]:
    """Ids of the last posts of a channel, as the uploader sees them."""
    path = f"{CONTROL_URL}/control/accounts/{UPLOADER}/chats/{channel}/messages"
    answer = httpx.get(path, params={"limit": 100}, timeout=20, trust_env=False)
    answer.raise_for_status()
    return {int(message["id"]) for message in answer.json()}


def _session() -> str:
    """A session of the uploader that nobody else uses."""
    path = f"{CONTROL_URL}/control/accounts/{UPLOADER}/sessions"
    answer = httpx.post(path, json={"label": fresh("test")}, timeout=30, trust_env=False)
    answer.raise_for_status()
    session: str = answer.json()["kurigram"]
    return session
