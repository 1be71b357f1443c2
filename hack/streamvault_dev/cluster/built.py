"""A single node of upstream Kubernetes, built from Go modules, with the datastore and storage class that k3s has."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from streamvault_dev import golang
from streamvault_dev.commands import CommandError, output, succeeds
from streamvault_dev.images import oci
from streamvault_dev.images.platforms import native_architecture
from streamvault_dev.paths import BUILD, REPOSITORY, RUN, STATE

from . import configuration, control_plane, leftovers, network, pki, volumes
from .configuration import API_PORT, NODE_NAME
from .containerd import ContainerdImages
from .interface import ClusterError
from .kubectl import Kubectl
from .published import PublishedKubeconfig

WAY = "built"
ADDONS = REPOSITORY / "hack/cluster/addons"
START_DEADLINE_SECONDS = 120
MANY_IMAGES = 60


class BuiltCluster:
    """State is machine-wide; what runs is known by pid files below /run."""

    description = f"Kubernetes {golang.KUBERNETES_VERSION} built from source, on this machine"

    def __init__(self, state: Path = STATE, run: Path = RUN) -> None:
        self._layout = configuration.Layout(state, run, golang.cluster_binaries())
        self._daemons = control_plane.daemons(self._layout, network.node_ip())
        self._admin = state / "admin.conf"
        self._published = PublishedKubeconfig()
        self._kubectl = Kubectl(self._layout.binaries / "kubectl", self._admin)
        ctr = self._layout.binaries / "ctr"
        self._images = ContainerdImages([ctr, "--address", self._layout.containerd_socket])
        self.held_blobs = self._images.held_blobs
        self.held_images = self._images.held_images

    def kubeconfig(self) -> Path:
        return self._published.file

    def answering_kubeconfig(self) -> Path | None:
        return self._admin if self._api_is_ready() else None

    def forget_images(self, prefix: str, keep: set[str]) -> None:
        """The kubelet here never collects: it could not tell which images can be loaded again."""
        pods = self._kubectl.get_json("pods", "--all-namespaces")["items"]
        used = {container["image"] for pod in pods for container in containers_of(pod)}
        self._images.remove(forgettable(self.held_images(), prefix, keep | used))

    def load(self, archive: Iterator[bytes], references: set[str]) -> None:
        self._images.load(archive, references)

    def is_running(self) -> bool:
        """Every daemon lives as declared now, API server and node are ready, and this clone has the kubeconfig."""
        alive = all(daemon.pid() is not None for daemon in self._daemons.values())
        current = alive and self._published.is_from(WAY, self._admin) and not self._is_outdated()
        return current and self._api_is_ready() and self._node_is_ready()

    def start(self) -> None:
        """Bring up whatever of it is down. With containerd gone nothing of a former run is trusted: all starts anew."""
        if self._daemons["containerd"].pid() is None or self._is_outdated():
            self._stop_daemons()
            leftovers.clear(self._layout)
        self._require_free_port()
        self._write_configuration()
        network.prepare()
        path = f"{self._layout.binaries}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        self._start("containerd", path, self._images_answer)
        self._start("kine", path, lambda: _accepts(self._layout.kine_socket))
        self._start("kube-apiserver", path, self._api_is_ready)
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            self._daemons[name].start(path)
        self._load_own_images()
        self._install_addons()
        self._daemons["kubelet"].require_ready(self._node_is_ready, START_DEADLINE_SECONDS)
        self._kubectl.run("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
        self.publish_kubeconfig()

    def stop(self) -> list[str]:
        """Containers first, asked politely, then the daemons in reverse; data stays."""
        stopped = ["kubelet"] if self._daemons["kubelet"].stop() else []
        leftovers.terminate_containers(self._layout, patience_seconds=15)
        stopped += self._stop_daemons()
        leftovers.clear(self._layout)
        succeeds([self._layout.binaries / "kube-proxy", "--cleanup"])
        return stopped

    def wipe(self) -> None:
        """Datastore, containers and volumes; programs, base images and built images stay."""
        for name in ("state.db", "state.db-shm", "state.db-wal"):
            (self._layout.state / name).unlink(missing_ok=True)
        for name in ("containerd", "kubelet", "volumes", "pki", "cni"):
            shutil.rmtree(self._layout.state / name, ignore_errors=True)
        self._published.forget(WAY)

    def details(self) -> list[str]:
        pids = ", ".join(f"{name} {daemon.pid() or 'down'}" for name, daemon in self._daemons.items())
        lines = [pids, f"logs in {self._layout.logs}, data in {self._layout.state}"]
        if not self._published.is_from(WAY, self._admin):
            lines.append(f"{self._published.file} is not (or no longer) its kubeconfig: make up")
        return lines

    def released_volumes(self) -> list[str]:
        return volumes.released(self._kubectl, self._layout.volumes)

    def sweep_volumes(self) -> None:
        volumes.sweep(self._kubectl, self._layout.volumes)

    def publish_kubeconfig(self) -> None:
        """Put the kubeconfig and a way to the logs into this clone's build folder."""
        logs = BUILD / "cluster" / "logs"
        logs.parent.mkdir(parents=True, exist_ok=True)
        if not logs.is_symlink():
            logs.symlink_to(self._layout.logs)
        self._published.publish(WAY, self._admin, self._admin.read_text())

    def _start(self, name: str, path: str, ready: Callable[[], bool]) -> None:
        daemon = self._daemons[name]
        daemon.start(path)
        daemon.require_ready(ready, START_DEADLINE_SECONDS)

    def _stop_daemons(self) -> list[str]:
        return [name for name, daemon in reversed(self._daemons.items()) if daemon.stop()]

    def _write_configuration(self) -> None:
        layout = self._layout
        for folder in (layout.state / "cni", layout.logs, layout.volumes, layout.run):
            folder.mkdir(parents=True, exist_ok=True)
        node_ip = network.node_ip()
        pki.ensure(layout.pki, pki.certificates(NODE_NAME, node_ip, configuration.API_SERVICE_IP))
        for file, text in self._configuration().items():
            file.write_text(text)
        for user in ("admin", "kubelet"):
            file = layout.state / f"{user}.conf"
            file.write_text(configuration.kubeconfig(layout, user))
            file.chmod(0o600)

    def _configuration(self) -> dict[Path, str]:
        layout = self._layout
        return {
            layout.state / "containerd.toml": configuration.containerd_toml(layout),
            layout.state / "cni" / "10-bridge.conflist": configuration.cni_conflist(),
            layout.state / "kubelet.yaml": configuration.kubelet_configuration(layout, resolv_conf()),
        }

    def _is_outdated(self) -> bool:
        """Programs, arguments or configuration have changed since the start."""
        changed = any(not file.is_file() or file.read_text() != text for file, text in self._configuration().items())
        return changed or any(daemon.is_outdated() for daemon in self._daemons.values())

    def _require_free_port(self) -> None:
        if self._daemons["kube-apiserver"].pid() is not None:
            return
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", API_PORT))  # noqa: S104 the API server will bind there too
            except OSError as error:
                owner = output(["ss", "-Hltnp", f"sport = :{API_PORT}"])
                raise ClusterError(f"port {API_PORT} is taken by another program: {owner}") from error

    def _load_own_images(self) -> None:
        wanted = {configuration.PAUSE_IMAGE: "pause", configuration.COREDNS_IMAGE: "coredns"}
        missing = set(wanted) - self.held_images()
        architecture = native_architecture()
        images = [oci.from_program(name, self._layout.binaries / wanted[name], architecture) for name in missing]
        if missing:
            self.load(oci.archive(images, held=set()), missing)

    def _install_addons(self) -> None:
        servers = configuration.usable_nameservers(resolv_conf().read_text())
        self._kubectl.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "coredns", "namespace": "kube-system"},
                "data": {"Corefile": configuration.corefile(servers)},
            }
        )
        self._kubectl.run("apply", "--server-side", "--force-conflicts", "-f", str(ADDONS))
        volumes.ensure_pool(self._kubectl, self._layout.volumes, NODE_NAME)
        volumes.sweep(self._kubectl, self._layout.volumes)

    def _images_answer(self) -> bool:
        try:
            self.held_images()
        except CommandError:
            return False
        return True

    def _api_is_ready(self) -> bool:
        return self._kubectl.works("get", "--raw", "/readyz")

    def _node_is_ready(self) -> bool:
        try:
            node = json.loads(self._kubectl.run("get", "node", NODE_NAME, "-o", "json"))
        except CommandError:
            return False
        return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])


def resolv_conf() -> Path:
    """systemd-resolved's stub is of no use inside a pod; the file beside it names the real servers."""
    real = Path("/run/systemd/resolve/resolv.conf")
    return real if real.is_file() else Path("/etc/resolv.conf")


def containers_of(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def forgettable(held: set[str], prefix: str, needed: set[str]) -> list[str]:
    """Old builds, once there are many of them: until then they make a step back cheap."""
    ours = {name for name in held if name.startswith(prefix)}
    return sorted(ours - needed) if len(ours) > MANY_IMAGES else []


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
