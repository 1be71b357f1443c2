"""The built cluster's daemons and their command lines, in the order in which they start."""

from collections.abc import Sequence

from .configuration import API_PORT, NODE_NAME, POD_CIDR, SERVICE_CIDR, Layout
from .daemons import Daemon

SQLITE_PARAMETERS = "_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate&_synchronous=NORMAL"


def daemons(layout: Layout, node_ip: str) -> dict[str, Daemon]:
    """By name, in starting order."""
    commands: dict[str, Sequence[str]] = {
        "containerd": ["-c", f"{layout.state}/containerd.toml"],
        "kine": [
            f"--endpoint=sqlite://{layout.state}/state.db?{SQLITE_PARAMETERS}",
            f"--listen-address=unix://{layout.kine_socket}",
            "--metrics-bind-address=0",
        ],
        "kube-apiserver": _apiserver(layout, node_ip),
        "kube-controller-manager": [
            *_controller(layout),
            f"--cluster-signing-cert-file={layout.pki}/ca.crt",
            f"--cluster-signing-key-file={layout.pki}/ca.key",
            f"--root-ca-file={layout.pki}/ca.crt",
            f"--service-account-private-key-file={layout.pki}/sa.key",
            "--use-service-account-credentials",
        ],
        "kube-scheduler": _controller(layout),
        "kubelet": [
            f"--config={layout.state}/kubelet.yaml",
            f"--kubeconfig={layout.state}/kubelet.conf",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={node_ip}",
            f"--root-dir={layout.state}/kubelet",
        ],
        "kube-proxy": [
            f"--kubeconfig={layout.state}/admin.conf",
            f"--cluster-cidr={POD_CIDR}",
            f"--hostname-override={NODE_NAME}",
            "--conntrack-max-per-core=0",
            "--proxy-mode=iptables",
        ],
    }
    return {
        name: Daemon(
            name=name,
            argv=[f"{layout.binaries}/{name}", *arguments],
            log=layout.logs / f"{name}.log",
            pid_file=layout.run / f"{name}.pid",
        )
        for name, arguments in commands.items()
    }


def _apiserver(layout: Layout, node_ip: str) -> list[str]:
    pki = layout.pki
    return [
        f"--etcd-servers=unix://{layout.kine_socket}",
        f"--secure-port={API_PORT}",
        f"--advertise-address={node_ip}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--kubelet-client-certificate={pki}/admin.crt",
        f"--kubelet-client-key={pki}/admin.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        # `kubectl logs` would else look up the node's name, which no resolver knows.
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
    ]


def _controller(layout: Layout) -> list[str]:
    admin = f"{layout.state}/admin.conf"
    return [
        f"--kubeconfig={admin}",
        f"--authentication-kubeconfig={admin}",
        f"--authorization-kubeconfig={admin}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    ]
