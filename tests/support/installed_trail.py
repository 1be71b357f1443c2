"""What the running operator told of an object: conditions, Events, the audit trail and its lines in the log."""

import json
from collections import Counter
from typing import Any

from pymongo import MongoClient
from stores import installation_uri

from demo.cluster import get, kubectl
from streamvault_common.documents import AUDIT, AuditRecord
from streamvault_common.keys import LABEL_COMPONENT


def condition(kind: str, name: str, wanted: str) -> dict[str, Any]:
    """A condition of an object; {} while there is none."""
    found = get(kind, name) or {}
    conditions: list[dict[str, Any]] = found.get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == wanted), {})


def phase(kind: str, name: str) -> str:
    """The phase of an object; empty while there is none."""
    return str((get(kind, name) or {}).get("status", {}).get("phase", ""))


def events(name: str) -> Counter[str]:
    """How often which Event was told of an object, by its reason."""
    listed = kubectl("get", "events", f"--field-selector=involvedObject.name={name}", "-o", "json")
    told: Counter[str] = Counter()
    for event in json.loads(listed)["items"]:
        told[event["reason"]] += event.get("count") or 1
    return told


def audit_records(title: str) -> list[AuditRecord]:
    """What the audit collection holds of a title."""
    with MongoClient[dict[str, Any]](installation_uri(), serverSelectionTimeoutMS=60_000) as client:
        return [AuditRecord.model_validate(entry) for entry in client[_database()][AUDIT].find({"title": title})]


def audit_lines(title: str) -> list[str]:
    """Ids of the records of a title that the operator's log tells, one for each line."""
    log = kubectl("logs", "-l", f"{LABEL_COMPONENT}=operator", "--tail=-1")
    lines = [json.loads(line) for line in log.splitlines() if '"audit"' in line]
    return [line["audit"]["_id"] for line in lines if line.get("audit", {}).get("title") == title]


def _database() -> str:
    manager = get("deployment", "manager")
    assert manager is not None, "the manager is not installed"
    environment = manager["spec"]["template"]["spec"]["containers"][0]["env"]
    name: str = next(entry["value"] for entry in environment if entry["name"] == "MONGODB_DATABASE")
    return name
