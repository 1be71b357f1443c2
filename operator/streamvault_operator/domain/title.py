"""What a Title's declaration means: its files with their generations, its documents, and how far it is published."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from streamvault_common.documents import Part, Series, StoredFile, TitleDocument, TitleFile, file_id
from streamvault_common.models import TitlePhase, TitleState

from .resources import SpecFile, StatusFile, Title

Projection = Literal["Pending", "Published", "Unlisted", "TakenDown"]
PUBLISHED_PHASES = frozenset({TitlePhase.PUBLISHED, TitlePhase.UNLISTED})
FIRST_SLICE_BYTES = 64 * 1024


@dataclass(frozen=True)
class PlannedFile:
    """A declared file with its identity; `renewed` when its bytes are others than the ones known so far."""

    spec: SpecFile
    fid: str
    gen: int
    parts_hash: str
    verified: bool
    renewed: bool
    head_sha256: str = ""

    @property
    def size_bytes(self) -> int:
        """Length of the joined parts."""
        return self.spec.size_bytes


def parts_hash(file: SpecFile) -> str:
    """16 hex digits that change with where the bytes come from and what they are called."""
    parts = [[part.channel_id, part.message_id, part.size_bytes] for part in file.parts]
    return hashlib.sha256(json.dumps([file.content_type, parts]).encode()).hexdigest()[:16]


def plan_files(title: Title, used_gens: Mapping[str, int]) -> list[PlannedFile]:
    """Identity of every declared file.

    `used_gens` is the highest generation ever given to each fid: a Title that was deleted and made again starts at
    metadata.generation 1, and a generation must never stand for two contents in anybody's cache.
    """
    known = {file.name: file for file in title.status.files}
    return [_plan(title, file, known.get(file.name), used_gens) for file in title.spec.files]


def _plan(title: Title, file: SpecFile, known: StatusFile | None, used_gens: Mapping[str, int]) -> PlannedFile:
    fid, digest = file_id(title.metadata.name, file.name), parts_hash(file)
    if known is not None and known.parts_hash == digest:
        return PlannedFile(file, fid, known.gen, digest, known.verified, False, known.head_sha256)
    gen = max(title.metadata.generation, used_gens.get(fid, 0) + 1)
    return PlannedFile(file, fid, gen, digest, verified=False, renewed=True)


def adopt(file: PlannedFile, stored: StoredFile | None) -> PlannedFile:
    """Keep the stored generation of a file whose status was lost while its bytes stayed the same."""
    if not file.renewed or stored is None or stored.blocked or stored_file("", file).parts != stored.parts:
        return file
    if stored.content_type != file.spec.content_type:
        return file
    return replace(file, gen=stored.gen, renewed=False)


def stored_file(title_id: str, file: PlannedFile) -> StoredFile:
    """The entry of `files` that workers read."""
    return StoredFile(
        id=file.fid,
        title=title_id,
        name=file.spec.name,
        kind="video",
        gen=file.gen,
        parts=tuple(Part(**part.model_dump()) for part in file.spec.parts),
        size_bytes=file.size_bytes,
        content_type=file.spec.content_type,
        quality=file.spec.quality,
        episode=file.spec.episode,
    )


def status_file(file: PlannedFile) -> StatusFile:
    """What `status.files` remembers of a file."""
    return StatusFile(
        name=file.spec.name,
        fid=file.fid,
        gen=file.gen,
        size_bytes=file.size_bytes,
        parts_hash=file.parts_hash,
        head_sha256=file.head_sha256,
        verified=file.verified,
    )


def projection_state(title: Title, files: Sequence[PlannedFile]) -> Projection:
    """How the catalogue shows a title that is not taken down.

    A title waits until every file was read once; after that a file that cannot be read yet is only left out, so that a
    new episode never takes a running season off the site.
    """
    complete = bool(files) and all(file.verified for file in files)
    running = title.status.phase in PUBLISHED_PHASES and any(file.verified for file in files)
    if not complete and not running:
        return "Pending"
    return "Unlisted" if title.spec.state is TitleState.UNLISTED else "Published"


def title_document(
    title: Title, files: Sequence[PlannedFile], state: Projection, published_at: str | None
) -> TitleDocument:
    """The entry of `titles`; lists the files that were read once."""
    spec = title.spec
    return TitleDocument(
        id=title.metadata.name,
        kind=spec.kind,
        display_name=spec.display_name,
        year=spec.year,
        series=Series(**spec.series.model_dump()) if spec.series else None,
        state=state,
        files=tuple(
            TitleFile(
                fid=file.fid,
                gen=file.gen,
                name=file.spec.name,
                quality=file.spec.quality,
                episode=file.spec.episode,
                size_bytes=file.size_bytes,
            )
            for file in files
            if file.verified
        ),
        published_at=published_at,
        uid=title.metadata.uid,
    )
