"""Documents on disk: parts while they are uploaded, then one file per document, read by position."""

import os
import sqlite3
import struct
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from telegram_sandbox.state.database import Database

_OPEN_FILES = 64


@dataclass(frozen=True)
class Document:
    """A stored file; ``attributes`` is a serialised vector of DocumentAttribute."""

    id: int
    dc_id: int
    size: int
    mime_type: str
    attributes: bytes | None
    date: int
    owner: int
    name: str


class StaleReference(Exception):
    """A file_reference that was valid once; ``UnknownReference`` was never given to this account."""


class UnknownReference(Exception):
    """Bytes that are no file_reference of this account and document."""


class Documents:
    """The documents table and the folder of their bytes."""

    def __init__(self, database: Database, folder: Path, reference_lifetime_seconds: int) -> None:
        self._database = database
        self._folder = folder
        self._lifetime = reference_lifetime_seconds
        self._open: OrderedDict[int, int] = OrderedDict()
        folder.mkdir(parents=True, exist_ok=True)

    def close(self) -> None:
        """Close every open file."""
        while self._open:
            os.close(self._open.popitem()[1])

    def get(self, document_id: int) -> Document | None:
        """By id."""
        row = self._database.row("SELECT * FROM documents WHERE id = ?", document_id)
        return None if row is None else _document(row)

    def all(self) -> list[Document]:
        """Every document, oldest first."""
        return [_document(row) for row in self._database.rows("SELECT * FROM documents ORDER BY date, id")]

    def adopt(
        self, file: Path, *, dc_id: int, mime_type: str, attributes: bytes | None, owner: int, name: str
    ) -> Document:
        """Take over a finished file as a new document."""
        # Ids look like Telegram's: the data centre in the upper bits, then noise.
        document_id = dc_id << 60 | int.from_bytes(os.urandom(7), "little") & ((1 << 56) - 1)
        document = Document(
            document_id, dc_id, file.stat().st_size, mime_type, attributes, int(time.time()), owner, name
        )
        file.rename(self._path(document_id))
        self._database.run("INSERT INTO documents VALUES (?,?,?,?,?,?,?,?)", *vars(document).values())
        return document

    def move(self, document_id: int, dc_id: int) -> None:
        """Place a document in another data centre."""
        self._database.run("UPDATE documents SET dc_id = ? WHERE id = ?", dc_id, document_id)

    def file(self, document_id: int) -> int:
        """A file descriptor for pread; kept open for the next call."""
        if document_id in self._open:
            self._open.move_to_end(document_id)
            return self._open[document_id]
        while len(self._open) >= _OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        descriptor = os.open(self._path(document_id), os.O_RDONLY)
        self._open[document_id] = descriptor
        return descriptor

    def access_hash(self, viewer_id: int, document_id: int) -> int:
        """The hash under which one account knows a document."""
        return self._database.digest_int64("document", viewer_id, document_id)

    def reference(self, viewer_id: int, document_id: int) -> bytes:
        """A file_reference for one account, as of now."""
        head = struct.pack("<II", self._generation(viewer_id, document_id), int(time.time()))
        return b"\x02" + head + self._database.digest("reference", viewer_id, document_id, head.hex())[:16]

    def check_reference(self, viewer_id: int, document_id: int, reference: bytes) -> None:
        """Raises UnknownReference, StaleReference."""
        head, seal = reference[1:9], reference[9:]
        if len(reference) != 25 or self._database.digest("reference", viewer_id, document_id, head.hex())[:16] != seal:
            raise UnknownReference
        generation, date = struct.unpack("<II", head)
        outlived = self._lifetime and date + self._lifetime < time.time()
        if generation != self._generation(viewer_id, document_id) or outlived:
            raise StaleReference

    def expire_references(self, account_id: int = 0, document_id: int = 0) -> None:
        """Make every reference given so far stale: for one account, one document, both, or all (0 = any)."""
        self._database.run(
            "INSERT INTO expired_references VALUES (?,?,1) ON CONFLICT DO UPDATE SET generation = generation + 1",
            account_id,
            document_id,
        )

    def _generation(self, account_id: int, document_id: int) -> int:
        return int(
            self._database.value(
                "SELECT COALESCE(SUM(generation), 0) FROM expired_references"
                " WHERE account_id IN (0, ?) AND document_id IN (0, ?)",
                account_id,
                document_id,
            )
        )

    def _path(self, document_id: int) -> Path:
        return self._folder / f"{document_id}.bin"


def _document(row: sqlite3.Row) -> Document:
    return Document(**dict(row))
