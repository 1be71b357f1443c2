"""build/kubeconfig, and beside it a note of whose copy it is: that it exists says nothing about the cluster in use."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from streamvault_dev.paths import KUBECONFIG

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Origin:
    """`way` as `choice.way` names it; `source` is the file that was copied; `host` is where NodePorts answer."""

    way: str
    source: str
    source_digest: str
    copy_digest: str
    host: str


class PublishedKubeconfig:
    """The kubeconfig that people, tests and helm use."""

    def __init__(self, file: Path = KUBECONFIG) -> None:
        self.file = file
        self._note = file.with_name(f"{file.name}.origin")

    def origin(self) -> Origin | None:
        """Where the file came from; None when it is not there, or was changed by somebody else."""
        try:
            found = Origin(**json.loads(self._note.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        return found if digest(self.file) == found.copy_digest else None

    def is_from(self, way: str, source: Path) -> bool:
        """Whether it is a copy of that source as the source is now."""
        origin = self.origin()
        wanted = (way, str(source), digest(source))
        return origin is not None and (origin.way, origin.source, origin.source_digest) == wanted

    def publish(self, way: str, source: Path, content: str, host: str = LOOPBACK) -> None:
        """Write the copy, then the note: after an interruption between them the copy counts as nobody's."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_name(f"{self.file.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(content)
        fresh.replace(self.file)
        origin = Origin(way, str(source), digest(source), digest(self.file), host)
        self._note.write_text(json.dumps(asdict(origin), indent=1) + "\n")

    def host(self) -> str:
        """Where NodePorts of the cluster in use answer."""
        origin = self.origin()
        return origin.host if origin else LOOPBACK

    def forget(self, way: str) -> None:
        """Remove both files, unless another way's cluster is in use."""
        origin = self.origin()
        if origin is None or origin.way == way:
            self.file.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)


def digest(file: Path) -> str:
    """SHA-256 of the content; empty when there is no such file."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
