"""What can still be purged of a Title that a stricter schema would refuse today.

An object that was stored before its schema became stricter must not stay on the air for it. So it is read entry by
entry; what names a message and cannot be read is listed, because a step that left it out must not count as verified.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar

from pydantic import BaseModel, ValidationError

from streamvault_common.documents import Quality, TitleKind
from streamvault_common.models import TakedownReason, TitlePhase, TitleState

from .conditions import Condition
from .errors import InvalidResource
from .resources import (
    FilePart,
    Metadata,
    Mirror,
    SpecFile,
    StatusFile,
    Takedown,
    TakedownStatus,
    Title,
    TitleSpec,
    TitleStatus,
)

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Salvaged:
    """A readable title, what is wrong with the object, and the places of `spec` that name messages nobody can read."""

    title: Title
    fault: str = ""
    unreadable_files: tuple[str, ...] = ()
    unreadable_mirrors: tuple[str, ...] = ()


def salvage(current: Mapping[str, Any]) -> Salvaged:
    """Read a Title for its purge; never raises for what the object says."""
    try:
        return Salvaged(Title.parse(dict(current)))
    except InvalidResource as error:
        fault = str(error)
    spec = _mapping(current.get("spec"))
    lost_files: list[str] = []
    lost_mirrors: list[str] = []
    metadata = Metadata.model_validate(current["metadata"])
    taken_down = spec.get("state") == TitleState.TAKEN_DOWN
    read = TitleSpec(
        kind=TitleKind.MOVIE,
        display_name=metadata.name,
        files=tuple(_files(spec.get("files"), lost_files)),
        mirrors=tuple(_mirrors(spec.get("mirrors"), lost_mirrors)),
        state=TitleState.TAKEN_DOWN if taken_down else TitleState.PUBLISHED,
        takedown=_takedown(_mapping(spec.get("takedown"))) if taken_down else None,
    )
    title = Title(metadata=metadata, spec=read, status=_status(_mapping(current.get("status"))))
    return Salvaged(title, fault, tuple(lost_files), tuple(lost_mirrors))


def _files(raw: object, lost: list[str]) -> Iterator[SpecFile]:
    for place, entry in _entries(raw, "files", lost):
        parts = tuple(_parts(entry.get("parts"), place, lost))
        if parts:
            name = entry.get("name")
            yield SpecFile(name=name if isinstance(name, str) else place, quality=Quality.SD, parts=parts)


def _parts(raw: object, place: str, lost: list[str]) -> Iterator[FilePart]:
    for part, entry in _entries(raw, f"{place}.parts", lost):
        channel, message, size = _whole(entry, "channelID"), _whole(entry, "messageID"), _whole(entry, "sizeBytes")
        if channel is None or message is None:
            lost.append(part)
        else:
            yield FilePart(channel_id=channel, message_id=message, size_bytes=max(size or 1, 1))


def _mirrors(raw: object, lost: list[str]) -> Iterator[Mirror]:
    for place, entry in _entries(raw, "mirrors", lost):
        channel, listed = _whole(entry, "channelID"), entry.get("messageIDs") or []
        named = listed if isinstance(listed, list) else [listed]
        ids = tuple(one for one in named if _is_whole(one))
        if named and channel is None:
            lost.append(f"{place}.channelID")
        elif len(ids) < len(named):
            lost.append(f"{place}.messageIDs")
        if ids and channel is not None:
            yield Mirror(name=place, channel_id=channel, message_ids=ids)


def _takedown(raw: Mapping[str, Any]) -> Takedown:
    reasons = {reason.value: reason for reason in TakedownReason}
    days = _whole(raw, "tombstoneDays")
    read: dict[str, Any] = {"reason": reasons.get(str(raw.get("reason")), TakedownReason.OTHER)}
    read |= {name: raw[name] for name in ("reference", "requestedBy") if isinstance(raw.get(name), str)}
    read |= {name: raw[name] for name in ("deleteSource", "deleteMirrors") if isinstance(raw.get(name), bool)}
    if days is not None and days >= 0:
        read["tombstoneDays"] = days
    return Takedown.model_validate(read)


def _status(raw: Mapping[str, Any]) -> TitleStatus:
    """The progress of a takedown outlives whatever else of the status cannot be read."""
    phases = {phase.value: phase for phase in TitlePhase}
    return TitleStatus(
        phase=phases.get(str(raw.get("phase")), TitlePhase.PENDING),
        conditions=tuple(readable(raw.get("conditions"), Condition)),
        files=tuple(readable(raw.get("files"), StatusFile)),
        takedown=next(readable([raw.get("takedown")], TakedownStatus), TakedownStatus()),
    )


def readable(raw: object, model: type[Model]) -> Iterator[Model]:
    """The entries of a list that are what they should be."""
    for entry in raw if isinstance(raw, list) else []:
        try:
            yield model.model_validate(entry)
        except ValidationError:
            continue


def _entries(raw: object, place: str, lost: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every entry of a list with its place; no list at all, or an entry that is no object, is lost."""
    if raw is None:
        return
    if not isinstance(raw, list):
        lost.append(place)
        return
    for number, entry in enumerate(raw):
        if isinstance(entry, dict):
            yield f"{place}[{number}]", entry
        else:
            lost.append(f"{place}[{number}]")


def _mapping(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _whole(entry: Mapping[str, Any], name: str) -> int | None:
    value = entry.get(name)
    return value if _is_whole(value) else None


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
