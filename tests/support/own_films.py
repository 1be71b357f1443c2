"""Films of a test's own in the installation: uploaded through the protocol, declared, and let go for good."""

import asyncio
import json
import secrets
from collections.abc import Iterable
from typing import Any

import httpx
from sandbox_control import mint
from site_under_test import CONTROL_URL, secret_value

from demo import publish
from demo.__main__ import telegram_settings
from demo.cluster import apply, forwarded, get, kubectl
from demo.telegram import StoredPart, uploader
from demo.world import CHANNEL_ID, UPLOADER
from streamvault_common.keys import API_VERSION, HTTP_PORT, LABEL_ALLOW_DELETE

MIRROR_ID = -1002400000124
ORIGINAL = "aurora-drift"
"""The film of the sample library that tests may borrow."""


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


def entry(quality: str, *parts: StoredPart) -> dict[str, Any]:
    """An entry of `spec.files`, named after its quality."""
    listed = [
        {"channelID": part.channel_id, "messageID": part.message_id, "sizeBytes": part.size_bytes} for part in parts
    ]
    return {"name": quality, "quality": quality, "parts": listed}


def film(*parts: StoredPart, **changes: Any) -> dict[str, Any]:
    """The spec of a film with one file."""
    return {"kind": "Movie", "displayName": "Own Film", "files": [entry("720p", *parts)], **changes}


def borrowed(**changes: Any) -> dict[str, Any]:
    """The spec of a film whose messages belong to a film of the sample library as well."""
    original = get("title", ORIGINAL)
    assert original is not None, f"{ORIGINAL} is not in the library: run `make up`"
    files = [file for file in original["spec"]["files"] if file["quality"] == "720p"]
    return {"kind": "Movie", "displayName": "Borrowed", "files": files, **changes}


def adorn(name: str, plot: str, poster: StoredPart, subtitles: StoredPart) -> None:
    """Give a title a plot, a poster and a subtitle track, as an editor would."""
    assets = [
        publish.asset(
            "poster-400.webp", "image", [poster], "image/webp", role="poster", width=400, height=600, format="webp"
        ),
        publish.asset("en.vtt", "subtitle", [subtitles], "text/vtt", language="en", label="English"),
    ]
    token = secret_value("streamvault-manager", "ADMIN_API_TOKEN")
    with forwarded("manager", HTTP_PORT) as manager:
        publish.send_details(manager, token, name, {"plot": plot, "assets": assets})


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


def found_again(parts: Iterable[StoredPart]) -> set[int]:
    """Ids of those messages that their channel still has when the uploader asks for them again."""
    found: set[int] = set()
    by_channel: dict[int, set[int]] = {}
    for part in parts:
        by_channel.setdefault(part.channel_id, set()).add(part.message_id)
    for channel, ids in by_channel.items():
        path = f"{CONTROL_URL}/control/accounts/{UPLOADER}/chats/{channel}/messages"
        query = {"after": min(ids) - 1, "before": max(ids) + 1, "limit": 1000}
        answer = httpx.get(path, params=query, timeout=60, trust_env=False)
        answer.raise_for_status()
        found |= ids & {int(message["id"]) for message in answer.json()}
    return found


def _session() -> str:
    """A session of the uploader that nobody else uses."""
    return mint(UPLOADER, fresh("test")).text
