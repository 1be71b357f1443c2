"""Where nginx keeps the slices of a film, computed from nginx's own cache key: no index, no module, no directory walk.

The keys are those of images/edge/nginx/film.conf and asset.conf, the folders those of `levels=1:2`.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

VIDEO_ZONE = "video"
ASSET_ZONE = "images"


@dataclass(frozen=True)
class Film:
    """One generation of a stored file, cut into slices of `slice_bytes`."""

    fid: str
    gen: int
    size_bytes: int
    slice_bytes: int

    @property
    def slice_count(self) -> int:
        return -(-self.size_bytes // self.slice_bytes)

    def slice_keys(self) -> Iterator[str]:
        """nginx's `$fid:$gen|$slice_range`; the last range is not clamped to the file."""
        for start in range(0, self.size_bytes, self.slice_bytes):
            yield f"{self.fid}:{self.gen}|bytes={start}-{start + self.slice_bytes - 1}"


@dataclass(frozen=True)
class Presence:
    """What a cache holds of a film."""

    present: int
    expected: int
    bytes: int


@dataclass(frozen=True)
class Purged:
    """What a purge did; `remaining` counts files that are there (again) after it."""

    removed: int
    remaining: int


def entry_path(root: Path, zone: str, key: str) -> Path:
    """The file of one cache entry."""
    digest = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
    return root / zone / digest[-1] / digest[-3:-1] / digest


def film_paths(root: Path, film: Film) -> Iterator[Path]:
    """The files of all slices of a film, cached or not."""
    return (entry_path(root, VIDEO_ZONE, key) for key in film.slice_keys())


def asset_path(root: Path, fid: str) -> Path:
    """The file of an image or a subtitle track."""
    return entry_path(root, ASSET_ZONE, f"asset:{fid}")


def presence(root: Path, film: Film) -> Presence:
    """Count the cached slices of a film and their bytes on disk (each has some hundred bytes of nginx's header)."""
    sizes = [size for size in map(_size, film_paths(root, film)) if size is not None]
    return Presence(len(sizes), film.slice_count, sum(sizes))


def purge(root: Path, film: Film) -> Purged:
    """Remove every slice of a film and its asset entry, cutting off readers in mid-slice; safe to repeat.

    Truncation comes first: viewers who hold a slice open would otherwise read it to its end, and the disk stay full.
    """
    paths = [*film_paths(root, film), asset_path(root, film.fid)]
    removed = sum(_remove(path) for path in paths)
    return Purged(removed, _count(paths))


def _remove(path: Path) -> bool:
    try:
        os.truncate(path, 0)
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _count(paths: Iterable[Path]) -> int:
    return sum(path.exists() for path in paths)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
