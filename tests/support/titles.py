"""Titles as the operator sees them, for tests of its decisions."""

from datetime import UTC, datetime
from typing import Any

from streamvault_operator.domain.resources import Title
from streamvault_operator.domain.title import PlannedFile, plan_files, status_file

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
CHANNEL = -1002400000123


def part(message: int = 1, size: int = 1_000_000) -> dict[str, int]:
    """A part of a file."""
    return {"channelID": CHANNEL, "messageID": message, "sizeBytes": size}


def declared(name: str = "1080p", *parts: dict[str, int], **fields: Any) -> dict[str, Any]:
    """An entry of `spec.files`."""
    return {"name": name, "quality": name.rpartition("-")[2], "parts": list(parts) or [part()], **fields}


def film(*files: dict[str, Any], status: dict[str, Any] | None = None, generation: int = 1, **spec: Any) -> Title:
    """A film with these files, else with one."""
    return Title.parse(
        {
            "metadata": {"name": "blue-tape", "namespace": "streamvault", "uid": "u1", "generation": generation},
            "spec": {"kind": "Movie", "displayName": "Blue Tape", "files": list(files) or [declared()], **spec},
            "status": status or {},
        }
    )


def remembered(*files: PlannedFile, phase: str = "Published") -> dict[str, Any]:
    """The status that a reconciliation of these files leaves behind."""
    return {"phase": phase, "files": [status_file(file).model_dump(by_alias=True) for file in files]}


def planned(title: Title, **used_gens: int) -> list[PlannedFile]:
    """The files of a title."""
    return plan_files(title, used_gens)
