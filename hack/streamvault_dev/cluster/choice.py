"""Which of the three ways to a cluster applies: the only place that knows there are three."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from .built import BuiltCluster
from .external import ExternalCluster
from .interface import Cluster
from .k3s import K3S_KUBECONFIG, K3sCluster
from .published import Origin, PublishedKubeconfig

BUILT = "built"
Choice = tuple[str, Path | None]


def choose(environment: Mapping[str, str]) -> Cluster:
    """The cluster that this machine and these variables mean. ClusterError when it cannot be used."""
    match chosen(environment):
        case "external", Path() as kubeconfig:
            return ExternalCluster(kubeconfig, environment.get("IMAGE_LOADER", ""))
        case "k3s", _:
            return K3sCluster()
        case _:
            return BuiltCluster()


def chosen(environment: Mapping[str, str]) -> Choice:
    """`way` for this machine."""
    published = PublishedKubeconfig()
    k3s_installed = shutil.which("k3s") is not None
    return way(environment, k3s_installed=k3s_installed, ours=published.file, origin=published.origin())


def way(environment: Mapping[str, str], *, k3s_installed: bool, ours: Path, origin: Origin | None) -> Choice:
    """`external` with its kubeconfig, `k3s` or `built`.

    A KUBECONFIG that names `ours`, the file that `make up` wrote, means the cluster from which that was copied.
    """
    named = environment.get("KUBECONFIG", "")
    if named and Path(named).resolve() != ours.resolve():
        return "external", Path(named).resolve()
    if named and origin is not None:
        return origin.way, Path(origin.source)
    if k3s_installed or environment.get("K3S") == "install":
        return "k3s", K3S_KUBECONFIG
    return BUILT, None
