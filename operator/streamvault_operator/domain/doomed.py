"""What a purge removes: generations of stored files with the messages that hold them."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from streamvault_common.documents import Part, PurgeDebt, StoredFile, content_hash, file_id, head_id
from streamvault_common.models import TakedownReason, TitleState

from .resources import StatusFile, Takedown, Title

Messages = dict[int, list[int]]
"""Message ids by channel id."""


@dataclass(frozen=True)
class DoomedFile:
    """One generation of a stored file."""

    fid: str
    gen: int
    size_bytes: int
    video: bool
    parts: tuple[Part, ...] = ()

    @classmethod
    def stored(cls, file: StoredFile) -> "DoomedFile":
        """A file of the catalogue."""
        return cls(file.id, file.gen, file.size_bytes, file.kind == "video", file.parts)

    @classmethod
    def owed(cls, debt: PurgeDebt) -> "DoomedFile":
        """A file that left its title before."""
        return cls(debt.fid, debt.gen, debt.size_bytes, video=False, parts=debt.parts)


@dataclass(frozen=True)
class Order:
    """Who wants a title gone, why, and how far."""

    cause: Literal["TakenDown", "Deleted"]
    reason: str
    reference: str = ""
    requested_by: str = ""
    delete_source: bool = True
    delete_mirrors: bool = True


def order_of(title: Title) -> Order:
    """The takedown that was declared; for a title that was only deleted, everything."""
    if title.spec.state is not TitleState.TAKEN_DOWN:
        return Order("Deleted", "Deleted")
    declared = title.spec.takedown or Takedown(reason=TakedownReason.OTHER)
    return Order(
        "TakenDown",
        declared.reason.value,
        declared.reference,
        declared.requested_by,
        declared.delete_source,
        declared.delete_mirrors,
    )


def declared_files(title: Title) -> list[DoomedFile]:
    """What the resource itself knows of its files, for when the catalogue does not answer."""
    known = {file.name: file.gen for file in title.status.files}
    return [
        DoomedFile(
            file_id(title.metadata.name, file.name),
            known.get(file.name, title.metadata.generation),
            file.size_bytes,
            video=True,
            parts=tuple(Part(**part.model_dump()) for part in file.parts),
        )
        for file in title.spec.files
    ]


def gather(declared: Iterable[DoomedFile], *others: Iterable[DoomedFile]) -> tuple[DoomedFile, ...]:
    """Every generation once; what is named first has the word."""
    found: dict[tuple[str, int], DoomedFile] = {}
    for files in (declared, *others):
        for file in files:
            found.setdefault((file.fid, file.gen), file)
    return tuple(found.values())


def messages(files: Iterable[DoomedFile]) -> Messages:
    """The messages of all files, each once and in order."""
    found: dict[int, set[int]] = {}
    for file in files:
        for part in file.parts:
            found.setdefault(part.channel_id, set()).add(part.message_id)
    return {channel: sorted(ids) for channel, ids in sorted(found.items())}


def mirrored(title: Title) -> Messages:
    """The messages of all mirrors."""
    found: dict[int, set[int]] = {}
    for mirror in title.spec.mirrors:
        if mirror.message_ids:
            found.setdefault(mirror.channel_id, set()).update(mirror.message_ids)
    return {channel: sorted(ids) for channel, ids in sorted(found.items())}


def ids_hash(*wanted: Mapping[int, Sequence[int]]) -> str:
    """SHA-256 (hex) of channels and message ids: proves later which ones were meant, without naming them."""
    pairs = sorted({(channel, one) for group in wanted for channel, ids in group.items() for one in ids})
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


def contents(title: Title) -> tuple[str, ...]:
    """`content_hash` of every declared file."""
    parts = ((Part(**part.model_dump()) for part in file.parts) for file in title.spec.files)
    return tuple(sorted({content_hash(one) for one in parts}))


def heads(files: Iterable[StatusFile]) -> tuple[str, ...]:
    """`head_id` of every file whose first bytes were read."""
    return tuple(sorted({head_id(file.head_sha256, file.size_bytes) for file in files if file.head_sha256}))


def audit_id(uid: str) -> str:
    """Id of the takedown of one object: the same one whenever it is asked for."""
    return hashlib.sha256(f"takedown\0{uid}".encode()).hexdigest()[:32]


def managers_of_state(managed_fields: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Field managers that own `spec.state`: who asked for the takedown, in the API server's words."""
    return tuple(
        sorted(
            {
                str(entry.get("manager", ""))
                for entry in managed_fields
                if "f:state" in entry.get("fieldsV1", {}).get("f:spec", {})
            }
        )
    )
