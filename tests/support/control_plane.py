"""A Kubernetes control plane of one's own: kine and kube-apiserver of `make up`, on free ports, with this tree's CRDs.

No kubelet, scheduler or controller runs, so nothing but the part under test and the test itself changes an object: a
test plays the kubelet, and may stop the API server, which on the installation's cluster would stop everybody.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import api_server
import httpx
from api_server import REPOSITORY, ApiServer, Manifest, Refused
from custom_resources import definition
from ports import free_port

from streamvault_dev.cluster import pki
from streamvault_dev.cluster.configuration import API_SERVICE_IP, NODE_NAME, Layout, kubeconfig
from streamvault_dev.cluster.control_plane import daemons
from streamvault_dev.cluster.daemons import Daemon

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KINDS = ("workersessions", "titles")
START_SECONDS = 180.0
PAUSE_SECONDS = 0.05
LOOPBACK = "127.0.0.1"
# Nobody makes service accounts here, and loopback is no address for an endpoint.
WITHOUT_CONTROLLERS = ("--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none")


class ControlPlane:
    """Stopped and started again on the same port and the same data; `folder` is the caller's to remove."""

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(state=folder, run=folder, binaries=REPOSITORY / "build/bin")
        self.port = free_port()
        self.kubeconfig = folder / "kubeconfig"
        pki.ensure(self._layout.pki, pki.certificates(NODE_NAME, LOOPBACK, API_SERVICE_IP))
        self.write_kubeconfig(self.kubeconfig, self.port)
        self._kine, self._apiserver = self._daemons()

    @property
    def pki(self) -> Path:
        """`ca.crt`, and certificate and key of the API server (also valid for another port on loopback)."""
        return self._layout.pki

    def write_kubeconfig(self, path: Path, port: int) -> None:
        """Write a kubeconfig of the administrator for a port on loopback."""
        config = json.loads(kubeconfig(self._layout, "admin"))
        config["clusters"][0]["cluster"]["server"] = f"https://{LOOPBACK}:{port}"
        path.write_text(json.dumps(config), encoding="utf-8")

    def start(self) -> None:
        """Start what does not run and wait until the API server is ready; raises ClusterError."""
        self._kine.start(path="")
        self._kine.require_ready(self._layout.kine_socket.exists, START_SECONDS)
        self._apiserver.start(path="")
        with self._unchecked() as http:
            self._apiserver.require_ready(lambda: _is_ready(http), START_SECONDS)

    def stop(self) -> None:
        """End the API server at once, as a crash does; its data stays."""
        self._apiserver.stop(patience_seconds=0)

    def close(self) -> None:
        """End everything."""
        self.stop()
        self._kine.stop(patience_seconds=1)

    def define(self, *definitions: Manifest) -> None:
        """Apply custom resource definitions and wait until they are served."""
        with api_server.connect(self.kubeconfig) as api:
            for manifest in definitions:
                path = f"{CRDS}/{manifest['metadata']['name']}"
                api.apply(path, manifest, manager="tests")
                _until(partial(_is_served, api, path), f"{path} is not served")

    def _daemons(self) -> tuple[Daemon, Daemon]:
        declared = daemons(self._layout, LOOPBACK)
        api = declared["kube-apiserver"]
        flags = [flag for flag in api.argv if not flag.startswith("--secure-port=")]
        own = [f"--secure-port={self.port}", f"--bind-address={LOOPBACK}", *WITHOUT_CONTROLLERS]
        return declared["kine"], replace(api, argv=[*flags, *own])

    @contextmanager
    def _unchecked(self) -> Iterator[httpx.Client]:
        with httpx.Client(base_url=f"https://{LOOPBACK}:{self.port}", verify=False, trust_env=False) as http:
            yield http


@contextmanager
def running_control_plane() -> Iterator[ControlPlane]:
    """A control plane with both CRDs, gone afterwards with everything in it."""
    with TemporaryDirectory(prefix="control-plane-") as folder:
        plane = ControlPlane(Path(folder))
        try:
            plane.start()
            plane.define(*map(definition, KINDS))
            yield plane
        finally:
            plane.close()


def _is_ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _is_served(api: ApiServer, path: str) -> bool:
    found = api.get(path)
    spec, conditions = found["spec"], found.get("status", {}).get("conditions") or []
    if not any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
        return False
    try:
        api.get(f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}", limit="1")
    except Refused:
        return False
    return True


def _until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(PAUSE_SECONDS)
