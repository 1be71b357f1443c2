"""The machine's share in the pod network: kernel switches and a few packet rules, all marked with our name."""

import shutil
import subprocess

from streamvault_dev.commands import output, succeeds

from .configuration import BRIDGE, CNI_LEASES, CNI_NETWORK, POD_CIDR

SWITCHES = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",  # service addresses work between pods on one bridge
    "net.ipv4.conf.all.route_localnet": "1",  # NodePorts answer on 127.0.0.1
    "fs.inotify.max_user_instances": "1024",
}
MARK = ("-m", "comment", "--comment", CNI_NETWORK)
RULES = (
    ("nat", "POSTROUTING", ("-s", POD_CIDR, "!", "-o", BRIDGE, *MARK, "-j", "MASQUERADE")),
    ("filter", "FORWARD", ("-s", POD_CIDR, *MARK, "-j", "ACCEPT")),
    ("filter", "FORWARD", ("-d", POD_CIDR, *MARK, "-j", "ACCEPT")),
)


def prepare() -> None:
    """Load what the kernel has as modules, set the switches, add the rules that are missing. CommandError."""
    for module in ("overlay", "br_netfilter"):
        succeeds(["modprobe", module])  # may be built in, or forbidden in a container that has it already
    for name, value in SWITCHES.items():
        output(["sysctl", "-qw", f"{name}={value}"])
    for table, chain, rule in RULES:
        if not succeeds(["iptables", "-t", table, "-C", chain, *rule]):
            output(["iptables", "-t", table, "-I", chain, *rule])


def release() -> None:
    """Take away rules, address leases and the bridge; missing ones are fine."""
    for table, chain, rule in RULES:
        subprocess.run(["iptables", "-t", table, "-D", chain, *rule], check=False, capture_output=True)
    shutil.rmtree(CNI_LEASES, ignore_errors=True)
    subprocess.run(["ip", "link", "delete", BRIDGE], check=False, capture_output=True)


def node_ip() -> str:
    """The address of the default route; a loopback one would be refused by the kubelet. CommandError."""
    words = output(["ip", "-4", "route", "get", "192.0.2.1"]).split()
    return words[words.index("src") + 1]
