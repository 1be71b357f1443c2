"""Content hashes of files and folders: the same bytes under the same names give the same hash, whatever their times."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

HASH_LENGTH = 16
GENERATED_NAMES = frozenset(
    {"__pycache__", "node_modules", ".next", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
)


def of_text(*texts: str) -> str:
    """16 hex digits over the texts, each kept apart from its neighbours."""
    digest = hashlib.sha256()
    for text in texts:
        raw = text.encode()
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.hexdigest()[:HASH_LENGTH]


def of_paths(root: Path, paths: Iterable[str], *extra: str) -> str:
    """16 hex digits over names, modes (executable or not) and bytes of files below `root`. FileNotFoundError."""
    digest = hashlib.sha256()
    for file in sorted({file for path in paths for file in files_below(root / path)}):
        content = file.read_bytes()
        mode = "x" if file.stat().st_mode & 0o100 else "-"
        digest.update(f"{file.relative_to(root)}\0{mode}\0{len(content)}\0".encode() + content)
    for text in extra:
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()[:HASH_LENGTH]


def files_below(path: Path) -> Iterator[Path]:
    """The file itself, or every file below the folder except what tools generate. FileNotFoundError."""
    if path.is_file():
        yield path
    elif path.is_dir():
        for child in sorted(path.iterdir()):
            if child.name not in GENERATED_NAMES and child.suffix != ".pyc":
                yield from files_below(child)
    else:
        raise FileNotFoundError(path)
