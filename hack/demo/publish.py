"""Sample titles as resources and details: what was uploaded, declared."""

import base64
import json
import urllib.request
from typing import Any

from streamvault_common.keys import API_VERSION, SESSION_FILE_KEY

from .catalogue import EPISODE_NAMES, SampleTitle
from .telegram import StoredPart
from .world import DIRECT

Parts = list[StoredPart]


def title_manifest(title: SampleTitle, files: dict[str, tuple[str, int | None, Parts]]) -> dict[str, Any]:
    """The Title resource; `files` maps a file's name to its quality, episode and parts."""
    entries = []
    for name, (quality, episode, parts) in files.items():
        entry: dict[str, Any] = {"name": name, "quality": quality, "parts": [_part_spec(part) for part in parts]}
        entries.append(entry if episode is None else entry | {"episode": episode})
    spec: dict[str, Any] = {
        "kind": title.kind,
        "displayName": title.display_name,
        "year": title.year,
        "state": "Published",
        "files": entries,
    }
    if title.series:
        spec["series"] = dict(zip(("id", "name", "season"), title.series, strict=True))
    return {"apiVersion": API_VERSION, "kind": "Title", "metadata": {"name": title.id}, "spec": spec}


def session_manifests(name: str, session: str, roles: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Secret that holds a session string, and the WorkerSession that names it."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"session-{name}"},
        "data": {SESSION_FILE_KEY: base64.b64encode(session.encode()).decode()},
    }
    worker = {
        "apiVersion": API_VERSION,
        "kind": "WorkerSession",
        "metadata": {"name": name},
        "spec": {"sessionSecretRef": {"name": f"session-{name}"}, "pool": "default", "roles": roles},
    }
    return secret, worker


def asset(name: str, kind: str, parts: Parts, content_type: str, **facts: object) -> dict[str, Any]:
    """One stored image or subtitle track as the manager's admin API takes it."""
    return {
        "name": name,
        "kind": kind,
        "contentType": content_type,
        "sizeBytes": sum(part.size_bytes for part in parts),
        "parts": [
            {"channelId": part.channel_id, "messageId": part.message_id, "sizeBytes": part.size_bytes} for part in parts
        ],
    } | {key: value for key, value in facts.items() if value is not None}


def details(title: SampleTitle, codecs: dict[str, str], assets: list[dict[str, Any]]) -> dict[str, Any]:
    """A title's details as the manager's admin API takes them; `codecs` by file name (RFC 6381)."""
    return {
        "tagline": title.tagline,
        "plot": title.plot,
        "genres": title.genres,
        "cast": [{"name": name, "role": role} for name, role in title.cast],
        "runtimeSeconds": title.reels[0].seconds,
        "color": title.color,
        "episodes": [
            {
                "number": reel.episode,
                "name": EPISODE_NAMES[reel.episode - 1],
                "plot": reel.plot,
                "runtimeSeconds": reel.seconds,
            }
            for reel in title.reels
            if reel.episode is not None
        ],
        "codecs": codecs,
        "assets": assets,
    }


def send_details(manager: str, token: str, title_id: str, body: dict[str, Any]) -> None:
    """Write a title's details; `manager` is a base URL; raises urllib.error.HTTPError."""
    request = urllib.request.Request(  # noqa: S310 - the address is our own
        f"{manager}/api/admin/titles/{title_id}/details",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="PUT",
    )
    with DIRECT.open(request, timeout=30):
        pass


def _part_spec(part: StoredPart) -> dict[str, int]:
    return {"channelID": part.channel_id, "messageID": part.message_id, "sizeBytes": part.size_bytes}
