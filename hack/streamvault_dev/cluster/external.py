"""The user's own cluster, named by KUBECONFIG: neither started nor stopped here, only loaded and installed into."""

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from streamvault_dev import golang
from streamvault_dev.paths import BUILD

from .interface import ClusterError
from .kubectl import Kubectl
from .published import LOOPBACK, PublishedKubeconfig

WAY = "external"
LOADED = BUILD / "cluster" / "loaded"
LAST_WORDS = 2000


class ExternalCluster:
    """`IMAGE_LOADER` is a command that takes an OCI archive on standard input, for example
    `ssh node sudo ctr -n k8s.io images import -`."""

    def __init__(
        self,
        kubeconfig: Path,
        image_loader: str,
        *,
        published: PublishedKubeconfig | None = None,
        loaded: Path = LOADED,
        kubectl: Path | None = None,
    ) -> None:
        if not kubeconfig.is_file():
            raise ClusterError(f"KUBECONFIG={kubeconfig} is not a file; unset it to have a cluster made here")
        self._source = kubeconfig
        self._loader = shlex.split(image_loader)
        self._published = published or PublishedKubeconfig()
        self._loaded = loaded
        self._kubectl = Kubectl(kubectl or golang.client_programs() / "kubectl", kubeconfig)
        self.description = f"the cluster of {kubeconfig}"

    def kubeconfig(self) -> Path:
        return self._published.file

    def answering_kubeconfig(self) -> Path | None:
        return self._source if self._kubectl.works("get", "--raw", "/readyz") else None

    def is_running(self) -> bool:
        """It answers, and build/kubeconfig is its kubeconfig as that is now."""
        return self._published.is_from(WAY, self._source) and self.answering_kubeconfig() is not None

    def start(self) -> None:
        """Take over its kubeconfig, with whatever files that names inside. ClusterError when it does not answer."""
        if self.answering_kubeconfig() is None:
            raise ClusterError(f"the cluster of KUBECONFIG={self._source} does not answer")
        content = self._kubectl.run("config", "view", "--raw", "--flatten", "--minify")
        host = node_address(self._kubectl.get_json("nodes")["items"])
        self._published.publish(WAY, self._source, content + "\n", host)

    def stop(self) -> list[str]:
        return []

    def wipe(self) -> None:
        """Nothing to do: its data is not ours."""

    def details(self) -> list[str]:
        if self._published.is_from(WAY, self._source):
            return []
        return [f"{self._published.file} is not (or no longer) its kubeconfig: make up"]

    def released_volumes(self) -> list[str]:
        """None: its own provisioner deletes them."""
        return []

    def sweep_volumes(self) -> None:
        """Nothing to do."""

    def held_blobs(self) -> set[str]:
        return set()

    def held_images(self) -> set[str]:
        """What was sent to it before from this clone; the cluster itself cannot be asked."""
        record = self._record()
        return set(record.read_text().split()) if record.is_file() else set()

    def forget_images(self, prefix: str, keep: set[str]) -> None:
        """Left to the cluster."""

    def load(self, archive: Iterator[bytes], references: set[str]) -> None:
        """Pipe the images into IMAGE_LOADER. ClusterError when it is unset or fails, with what it said."""
        if not self._loader:
            raise ClusterError("KUBECONFIG is set, so set IMAGE_LOADER to a command that takes an OCI archive on stdin")
        record = self._record()
        with tempfile.TemporaryFile() as said:
            code = pipe(archive, self._loader, said)
            said.seek(0)
            words = said.read().decode(errors="replace").strip()[-LAST_WORDS:]
        if code != 0:
            raise ClusterError(f"IMAGE_LOADER ended with {code}: {words}")
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text("\n".join(sorted(self.held_images() | references)))

    def _record(self) -> Path:
        """Named by the cluster itself: another cluster, or this one made anew, holds nothing yet."""
        uid = self._kubectl.run("get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}")
        return self._loaded / uid


def pipe(archive: Iterator[bytes], argv: list[str], said: Any) -> int:
    """The exit code of a program that reads the archive; one that leaves early is no error by itself."""
    try:
        program = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=said, stderr=said)
    except OSError as error:
        raise ClusterError(f"IMAGE_LOADER={shlex.join(argv)} cannot be run: {error}") from error
    assert program.stdin is not None
    with suppress(BrokenPipeError):
        for chunk in archive:
            program.stdin.write(chunk)
    with suppress(BrokenPipeError):
        program.stdin.close()
    return program.wait()


def node_address(nodes: list[dict[str, Any]]) -> str:
    """Where NodePorts answer: a node's external address before its internal one, before the loopback one."""
    for kind in ("ExternalIP", "InternalIP"):
        for node in nodes:
            for address in node.get("status", {}).get("addresses", []):
                if address["type"] == kind:
                    found = str(address["address"])
                    return f"[{found}]" if ":" in found else found
    return LOOPBACK
