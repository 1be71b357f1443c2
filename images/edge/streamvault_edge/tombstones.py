"""Tombstones: empty files that nginx looks for on every request, so that a takedown needs no reload."""

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_FID = re.compile(r"[0-9a-f]{32}")


class Tombstones:
    """The folder of tombstones; it lies on the cache's volume and survives restarts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Create the folder; raises OSError when the volume cannot be written."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def raise_(self, fid: str) -> None:
        """Make nginx answer 410 for a file from now on; on disk when this returns."""
        with (self._folder / fid).open("a") as stone:
            os.fsync(stone.fileno())
        self._sync()

    def remove(self, fid: str) -> None:
        """Let a file be served again; nothing happens when it has no tombstone."""
        with suppress(FileNotFoundError):
            (self._folder / fid).unlink()
            self._sync()

    def since(self, fid: str) -> datetime | None:
        """When a file's tombstone was raised; None without one."""
        try:
            return datetime.fromtimestamp((self._folder / fid).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def all(self) -> list[str]:
        """Every fid with a tombstone, sorted."""
        return sorted(entry.name for entry in self._folder.iterdir() if _FID.fullmatch(entry.name))

    def writable(self) -> bool:
        """Whether a tombstone could be raised now."""
        return self._folder.is_dir() and os.access(self._folder, os.W_OK)

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
