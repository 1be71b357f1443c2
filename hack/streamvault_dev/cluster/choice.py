"""Which of the three ways to a cluster applies: the only place that knows there are three."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from streamvault_dev.paths import KUBECONFIG

from .built import BuiltCluster
from .external import ExternalCluster
from .interface import Cluster
from .k3s import K3sCluster


def choose(environment: Mapping[str, str]) -> Cluster:
    """The cluster that this machine and these variables mean. ClusterError when it cannot be used."""
    match way(environment, k3s_installed=shutil.which("k3s") is not None):
        case "external":
            return ExternalCluster(Path(environment["KUBECONFIG"]), environment.get("IMAGE_LOADER", ""))
        case "k3s":
            return K3sCluster()
        case _:
            return BuiltCluster()


def way(environment: Mapping[str, str], *, k3s_installed: bool) -> str:
    """`external`, `k3s` or `built`. A KUBECONFIG that `make up` itself wrote is not somebody's own cluster."""
    named = environment.get("KUBECONFIG", "")
    if named and Path(named).resolve() != KUBECONFIG.resolve():
        return "external"
    if k3s_installed or environment.get("K3S") == "install":
        return "k3s"
    return "built"
