"""Files that clients are sending: parts in, one finished file out (https://core.telegram.org/api/files#uploading-files)."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

MAX_PART_BYTES = 512 * 1024
MAX_SMALL_FILE_BYTES = 10 * 1024 * 1024
MAX_PARTS = {False: 4000, True: 8000}
LIFETIME_SECONDS = 6 * 3600


class BadUpload(Exception):
    """A part or a finished file that Telegram refuses; the message is the error's name."""


@dataclass
class _Upload:
    path: Path
    total_parts: int | None
    part_size: int | None = None
    last_part: bytes | None = None
    received: set[int] = field(default_factory=set)
    touched: float = field(default_factory=time.monotonic)


class Uploads:
    """Unfinished files, each written straight to its place on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._uploads: dict[tuple[int, int], _Upload] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.iterdir():
            leftover.unlink()

    def save(
        self, account_id: int, file_id: int, part: int, data: bytes, *, total: int | None, premium: bool = False
    ) -> None:
        """Store a part; ``total`` is given for big files only. Raises BadUpload."""
        _check_part(part, data, total, premium=premium)
        upload = self._begin(account_id, file_id, total)
        upload.touched = time.monotonic()
        is_last = total is not None and part == total - 1
        if is_last and upload.part_size is None and part:
            # Its place is unknown until some full part has told the part size.
            upload.last_part = data
        elif is_last:
            self._write(upload, part, data)
        else:
            self._save_inner(upload, part, data)
        upload.received.add(part)

    def finish(self, account_id: int, file_id: int, parts: int) -> Path:
        """The complete file, which the caller takes over. Raises BadUpload."""
        upload = self._uploads.get((account_id, file_id))
        if upload is None or not parts > 0:
            raise BadUpload("FILE_PARTS_INVALID")
        missing = next((part for part in range(parts) if part not in upload.received), None)
        if missing is not None:
            raise BadUpload(f"FILE_PART_{missing}_MISSING")
        if len(upload.received) != parts:
            raise BadUpload("FILE_PARTS_INVALID")
        if upload.last_part is not None:
            self._write(upload, parts - 1, upload.last_part)
        del self._uploads[account_id, file_id]
        return upload.path

    def _begin(self, account_id: int, file_id: int, total: int | None) -> _Upload:
        known = self._uploads.get((account_id, file_id))
        if known is not None:
            return known
        self._drop_old()
        upload = _Upload(self._folder / f"{account_id}-{file_id & (1 << 64) - 1:016x}", total)
        upload.path.touch()
        self._uploads[account_id, file_id] = upload
        return upload

    def _save_inner(self, upload: _Upload, part: int, data: bytes) -> None:
        small_last = upload.total_parts is None and upload.part_size is not None and len(data) < upload.part_size
        if upload.part_size is None:
            upload.part_size = len(data)
        elif len(data) != upload.part_size and not small_last:
            raise BadUpload("FILE_PART_SIZE_CHANGED")
        if upload.total_parts is None and part * upload.part_size + len(data) > MAX_SMALL_FILE_BYTES:
            raise BadUpload("FILE_PART_TOO_BIG")
        self._write(upload, part, data)

    def _write(self, upload: _Upload, part: int, data: bytes) -> None:
        descriptor = os.open(upload.path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, data, part * (upload.part_size or 0))
        finally:
            os.close(descriptor)

    def _drop_old(self) -> None:
        limit = time.monotonic() - LIFETIME_SECONDS
        for key in [key for key, upload in self._uploads.items() if upload.touched < limit]:
            self._uploads.pop(key).path.unlink(missing_ok=True)


def _check_part(part: int, data: bytes, total: int | None, *, premium: bool) -> None:
    if total is not None and not 0 < total <= MAX_PARTS[premium]:
        raise BadUpload("FILE_PARTS_INVALID")
    if not 0 <= part < (MAX_PARTS[premium] if total is None else total):
        raise BadUpload("FILE_PART_INVALID")
    if not data:
        raise BadUpload("FILE_PART_EMPTY")
    if len(data) > MAX_PART_BYTES:
        raise BadUpload("FILE_PART_TOO_BIG")
    if total is not None and part != total - 1 and (len(data) % 1024 or MAX_PART_BYTES % len(data)):
        raise BadUpload("FILE_PART_SIZE_INVALID")
