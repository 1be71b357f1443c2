"""The built cluster's addresses and the configuration files of its daemons, as plain data (JSON is YAML too)."""

import json
from dataclasses import dataclass
from pathlib import Path

API_PORT = 6443
NODE_NAME = "streamvault"
POD_CIDR = "10.42.0.0/24"
SERVICE_CIDR = "10.43.0.0/16"
API_SERVICE_IP = "10.43.0.1"
DNS_IP = "10.43.0.10"
BRIDGE = "svdev0"
CNI_NETWORK = "streamvault-dev"
CNI_LEASES = Path("/var/lib/cni/networks") / CNI_NETWORK
PAUSE_IMAGE = "localhost/streamvault-dev/pause:1"
COREDNS_IMAGE = "localhost/streamvault-dev/coredns:v1.14.6"


@dataclass(frozen=True)
class Layout:
    """Folders and sockets of the built cluster."""

    state: Path
    run: Path
    binaries: Path

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def volumes(self) -> Path:
        return self.state / "volumes"

    @property
    def containerd_socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def kine_socket(self) -> Path:
        return self.run / "kine.sock"


def containerd_toml(layout: Layout) -> str:
    """containerd 2, config version 3."""
    return f"""version = 3
root = "{layout.state}/containerd"
state = "{layout.run}/containerd"
[grpc]
address = "{layout.containerd_socket}"
[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
# Without CAP_SYS_RESOURCE a lower oom_score_adj is refused and every sandbox would die.
restrict_oom_score_adj = true
# Each container is asked by a call to its shim; every second, which is the default, costs a tenth of a core in all.
stats_collect_period = "15s"
# So that a cleanup after a crash removes no one else's network namespaces.
netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{layout.state}/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def cni_conflist() -> str:
    """Masquerading is one rule for the whole range (network.py): one per pod would outlive a crash."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": POD_CIDR}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": ipam}
    return json.dumps({"cniVersion": "1.0.0", "name": CNI_NETWORK, "plugins": [bridge]}, indent=1)


def kubelet_configuration(layout: Layout, resolv_conf: Path) -> str:
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "failSwapOn": False,
            "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
            "clusterDNS": [DNS_IP],
            "clusterDomain": "cluster.local",
            "resolvConf": str(resolv_conf),
            "podCIDR": POD_CIDR,
            "maxPods": 200,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(layout.pki / "kubelet.crt"),
            "tlsPrivateKeyFile": str(layout.pki / "kubelet.key"),
            "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
            # Our images come from no registry: what the kubelet collected could not be pulled again.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
        },
        indent=1,
    )


def kubeconfig(layout: Layout, user: str) -> str:
    cluster = {"server": f"https://127.0.0.1:{API_PORT}", "certificate-authority": str(layout.pki / "ca.crt")}
    keys = {"client-certificate": str(layout.pki / f"{user}.crt"), "client-key": str(layout.pki / f"{user}.key")}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "streamvault-dev",
            "clusters": [{"name": "streamvault-dev", "cluster": cluster}],
            "users": [{"name": user, "user": keys}],
            "contexts": [
                {
                    "name": "streamvault-dev",
                    "context": {"cluster": "streamvault-dev", "user": user, "namespace": "streamvault"},
                }
            ],
        },
        indent=1,
    )


def corefile(upstream_nameservers: list[str]) -> str:
    """Names outside the cluster are asked for only when the machine itself has a usable name server."""
    forward = "  forward . /etc/resolv.conf\n" if upstream_nameservers else ""
    return (
        ".:5353 {\n  errors\n  health :8081\n  ready :8181\n"
        "  kubernetes cluster.local in-addr.arpa {\n    pods insecure\n    ttl 5\n  }\n"
        f"{forward}  cache 5\n  loadbalance\n}}\n"
    )


def usable_nameservers(resolv_conf: str) -> list[str]:
    """Addresses a pod can reach: loopback ones (a local stub resolver) are of no use inside it."""
    words = (line.split() for line in resolv_conf.splitlines())
    servers = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
    return [server for server in servers if not server.startswith("127.") and server != "::1"]
