"""The user's own cluster, named by KUBECONFIG: neither started nor stopped here, only loaded and installed into."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from streamvault_dev import golang
from streamvault_dev.paths import BUILD, KUBECONFIG

from .interface import ClusterError
from .kubectl import Kubectl

LOADED = BUILD / "cluster" / "loaded-images"


class ExternalCluster:
    """`IMAGE_LOADER` is a command that takes an OCI archive on standard input, for example
    `ssh node sudo ctr -n k8s.io images import -`."""

    def __init__(self, kubeconfig: Path, image_loader: str) -> None:
        if not kubeconfig.is_file():
            raise ClusterError(f"KUBECONFIG={kubeconfig} is not a file; unset it to have a cluster made here")
        self._kubeconfig = kubeconfig
        self._loader = shlex.split(image_loader)
        self.description = f"the cluster of {kubeconfig}"

    def kubeconfig(self) -> Path:
        return KUBECONFIG

    def is_running(self) -> bool:
        kubectl = Kubectl(golang.cluster_binaries() / "kubectl", self._kubeconfig)
        return KUBECONFIG.is_file() and kubectl.works("get", "--raw", "/readyz")

    def start(self) -> None:
        """Take over its kubeconfig. ClusterError when it does not answer."""
        KUBECONFIG.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._kubeconfig, KUBECONFIG)
        KUBECONFIG.chmod(0o600)
        if not self.is_running():
            raise ClusterError(f"the cluster of KUBECONFIG={self._kubeconfig} does not answer")

    def stop(self) -> list[str]:
        return []

    def wipe(self) -> None:
        """Nothing to do: its data is not ours."""

    def details(self) -> list[str]:
        return []

    def released_volumes(self) -> list[str]:
        """None: its own provisioner deletes them."""
        return []

    def sweep_volumes(self) -> None:
        """Nothing to do."""

    def held_blobs(self) -> set[str]:
        return set()

    def held_images(self) -> set[str]:
        """What was sent before from this clone; the cluster itself cannot be asked."""
        return set(LOADED.read_text().split()) if LOADED.is_file() else set()

    def forget_images(self, prefix: str, keep: set[str]) -> None:
        """Left to the cluster."""

    def load(self, archive: Iterator[bytes], references: set[str]) -> None:
        """Pipe the images into IMAGE_LOADER. ClusterError when it is unset or fails."""
        if not self._loader:
            raise ClusterError("KUBECONFIG is set, so set IMAGE_LOADER to a command that takes an OCI archive on stdin")
        loader = subprocess.Popen(self._loader, stdin=subprocess.PIPE)
        if loader.stdin is None:
            raise ClusterError("IMAGE_LOADER gave no pipe")
        for chunk in archive:
            loader.stdin.write(chunk)
        loader.stdin.close()
        if loader.wait() != 0:
            raise ClusterError(f"IMAGE_LOADER ended with {loader.returncode}")
        LOADED.parent.mkdir(parents=True, exist_ok=True)
        LOADED.write_text("\n".join(sorted(self.held_images() | references)))
