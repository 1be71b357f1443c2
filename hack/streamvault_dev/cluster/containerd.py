"""Images in a containerd: what it holds, and taking in a stream."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from streamvault_dev.commands import output

from .interface import ClusterError


class ContainerdImages:
    """Speaks through `ctr` (or `k3s ctr`) in the namespace that the kubelet uses."""

    def __init__(self, ctr: Sequence[str | Path]) -> None:
        self._ctr = [*(str(word) for word in ctr), "--namespace", "k8s.io"]

    def held_blobs(self) -> set[str]:
        return set(output([*self._ctr, "content", "ls", "--quiet"]).split())

    def held_images(self) -> set[str]:
        return set(output([*self._ctr, "images", "ls", "--quiet"]).split())

    def remove(self, names: list[str]) -> None:
        if names:
            output([*self._ctr, "images", "rm", *names])

    def load(self, archive: Iterator[bytes], references: set[str]) -> None:
        """Import a tar stream. ClusterError with what the import said, or when an image is still missing."""
        importer = subprocess.Popen(
            [*self._ctr, "images", "import", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if importer.stdin is None or importer.stdout is None:
            raise ClusterError("the image import gave no pipes")
        with importer:
            try:
                for chunk in archive:
                    importer.stdin.write(chunk)
                importer.stdin.close()
            except BrokenPipeError:
                pass  # it ended early; its output below tells why
            said = importer.stdout.read().decode(errors="replace")
        if importer.returncode != 0:
            raise ClusterError(f"image import failed: {said[-2000:]}")
        if lost := references - self.held_images():
            raise ClusterError(f"image import lost {', '.join(sorted(lost))}: {said[-2000:]}")
