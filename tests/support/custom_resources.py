"""Both custom resources as tests use them: their definitions, valid samples, and changes by path."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from streamvault_common.keys import API_VERSION

REPOSITORY = Path(__file__).resolve().parents[2]
CRD_FOLDER = REPOSITORY / "charts/streamvault/files/crds"
REMOVED = object()
"""As the value of a change: the field is left out."""

Manifest = dict[str, Any]
Changes = Mapping[str, object]


@dataclass(frozen=True)
class Rule:
    """One rule of a schema: changes that it refuses, with what it says, and the nearest ones that it lets pass."""

    says: str
    bad: Changes
    good: Changes
    before: Changes | None = None
    """For rules about updates: the changes that make the stored object."""

    def __str__(self) -> str:
        return re.sub(r"[^A-Za-z0-9.]+", "-", f"{next(iter(self.bad))} {self.says}")[:80]


def definition(plural: str) -> Manifest:
    """The CRD as the chart installs it."""
    document: Manifest = yaml.safe_load((CRD_FOLDER / f"{plural}.yaml").read_text(encoding="utf-8"))
    return document


def schema(plural: str) -> Manifest:
    """The OpenAPI schema of the served version."""
    version: Manifest = definition(plural)["spec"]["versions"][0]
    root: Manifest = version["schema"]["openAPIV3Schema"]
    return root


def session() -> Manifest:
    """The smallest valid WorkerSession."""
    return _resource("WorkerSession", "s01", {"sessionSecretRef": {"name": "s01"}})


def part(message: int = 1, channel: int = -1002400000123) -> Manifest:
    """A part of a file."""
    return {"channelID": channel, "messageID": message, "sizeBytes": 1048577}


def movie() -> Manifest:
    """A valid film with one file."""
    files = [{"name": "1080p", "quality": "1080p", "parts": [part()]}]
    return _resource("Title", "blue-tape", {"kind": "Movie", "displayName": "Blue Tape", "files": files})


def season() -> Manifest:
    """A valid season with two files."""
    files = [
        {"name": "s01e01-1080p", "quality": "1080p", "episode": 1, "parts": [part(1)]},
        {"name": "s01e02-1080p", "quality": "1080p", "episode": 2, "parts": [part(2)]},
    ]
    series = {"id": "night-train", "name": "Night Train", "season": 1}
    spec = {"kind": "Season", "displayName": "Night Train 1", "series": series, "files": files}
    return _resource("Title", "night-train-s01", spec)


def changed(manifest: Manifest, changes: Changes) -> Manifest:
    """A copy with every dotted path (list entries by number) set to its value, or removed."""
    result = copy.deepcopy(manifest)
    for path, value in changes.items():
        *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = result
        for step in parents:
            place = place.setdefault(step, {}) if isinstance(step, str) else place[step]
        if value is REMOVED:
            del place[last]
        elif isinstance(last, int) and last == len(place):
            place.append(copy.deepcopy(value))
        else:
            place[last] = copy.deepcopy(value)
    return result


def nodes(node: Manifest, path: str = "") -> Iterator[tuple[str, Manifest]]:
    """Every schema node with its dotted path; a list's entries are `[]`."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}".lstrip("."))
    if "items" in node:
        yield from nodes(node["items"], f"{path}.[]")


def cel_messages(plural: str) -> list[str]:
    """What every CEL rule of a resource says when it refuses."""
    rules = (rule for _, node in nodes(schema(plural)) for rule in node.get("x-kubernetes-validations", []))
    return [rule["message"] for rule in rules]


def condition(kind: str, status: str, reason: str) -> Manifest:
    """A condition of a status."""
    moment = "2026-11-22T13:00:00Z"
    return {"type": kind, "status": status, "reason": reason, "message": "because", "lastTransitionTime": moment}


def _resource(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
