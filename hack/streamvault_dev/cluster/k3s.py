"""k3s on this machine. Installed only on request; started only when it is not running, and then stopped again."""

import os
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from streamvault_dev import commands
from streamvault_dev.paths import BUILD, RUN, STEP_LOGS

from .containerd import ContainerdImages
from .daemons import wait_until
from .interface import ClusterError
from .published import PublishedKubeconfig

WAY = "k3s"
K3S_KUBECONFIG = Path("/etc/rancher/k3s/k3s.yaml")
INSTALLER = "https://get.k3s.io"
# Traefik would take ports 80 and 443 of a machine that may have another use for them.
INSTALL_ARGUMENTS = "--disable traefik --write-kubeconfig-mode 600"
STARTED_BY_US = RUN / "k3s-started"
START_DEADLINE_SECONDS = 180


class K3sCluster:
    description = "k3s on this machine"

    def __init__(
        self,
        source: Path = K3S_KUBECONFIG,
        *,
        published: PublishedKubeconfig | None = None,
        started_by_us: Path = STARTED_BY_US,
    ) -> None:
        self._source = source
        self._published = published or PublishedKubeconfig()
        self._started_by_us = started_by_us
        self._images = ContainerdImages(["k3s", "ctr"])
        self.held_blobs = self._images.held_blobs
        self.held_images = self._images.held_images

    def kubeconfig(self) -> Path:
        return self._published.file

    def answering_kubeconfig(self) -> Path | None:
        return self._source if self._answers() else None

    def forget_images(self, prefix: str, keep: set[str]) -> None:
        """Left to its kubelet, which collects unused images when the disk fills."""

    def load(self, archive: Iterator[bytes], references: set[str]) -> None:
        self._images.load(archive, references)

    def is_running(self) -> bool:
        """It answers, and build/kubeconfig is its kubeconfig as that is now."""
        return self._published.is_from(WAY, self._source) and self._answers()

    def start(self) -> None:
        """Install on request, start the service when it is down. ClusterError, CommandError."""
        if shutil.which("k3s") is None:
            script = BUILD / "cluster" / "install-k3s.sh"
            script.parent.mkdir(parents=True, exist_ok=True)
            try:
                urllib.request.urlretrieve(INSTALLER, script)
            except OSError as error:
                raise ClusterError(f"k3s cannot be installed: no installer from {INSTALLER} ({error})") from error
            arguments = {**os.environ, "INSTALL_K3S_EXEC": INSTALL_ARGUMENTS}
            commands.run(["sh", script], log=STEP_LOGS / "k3s.log", env=arguments)
            self._note_start()
        if not self._answers():
            commands.output(["systemctl", "start", "k3s"])
            self._note_start()
        if not wait_until(self._answers, START_DEADLINE_SECONDS):
            raise ClusterError("k3s does not answer; see `journalctl -u k3s`")
        self._published.publish(WAY, self._source, self._source.read_text())

    def stop(self) -> list[str]:
        """Only when `start` had to install or start it."""
        if not self._started_by_us.exists():
            return []
        commands.output(["systemctl", "stop", "k3s"])
        self._started_by_us.unlink()
        return ["k3s"]

    def wipe(self) -> None:
        """Nothing to do: its data is not ours."""

    def details(self) -> list[str]:
        return []

    def released_volumes(self) -> list[str]:
        """None: its own provisioner deletes them."""
        return []

    def sweep_volumes(self) -> None:
        """Nothing to do."""

    def _note_start(self) -> None:
        self._started_by_us.parent.mkdir(parents=True, exist_ok=True)
        self._started_by_us.touch()

    def _answers(self) -> bool:
        return commands.succeeds(["k3s", "kubectl", "get", "--raw", "/readyz"])
