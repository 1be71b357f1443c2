"""Decides, as a network plugin would, whether policies let one pod connect to another: the local one enforces none."""

import ipaddress
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod by its labels and namespace, or an address outside."""

    labels: dict[str, str] = field(default_factory=dict)
    namespace: str = "streamvault"
    address: str = ""


def permitted(policies: list[Manifest], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
    """Both ends must agree: egress of the source, ingress of the target."""
    leaves = source.address or _side(policies, "Egress", source, target, port, protocol)
    arrives = target.address or _side(policies, "Ingress", target, source, port, protocol)
    return bool(leaves and arrives)


def _side(policies: list[Manifest], direction: str, own: Peer, other: Peer, port: int, protocol: str) -> bool:
    """Without a policy that selects the pod everything goes; else one rule of one policy must match."""
    if own.namespace != "streamvault":
        return True
    selecting = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"] and _matches(policy["spec"]["podSelector"], own.labels)
    ]
    rules = [rule for spec in selecting for rule in spec.get(direction.lower()) or []]
    peers = "to" if direction == "Egress" else "from"
    return not selecting or any(
        _any_peer(rule.get(peers), other) and _any_port(rule.get("ports"), port, protocol) for rule in rules
    )


def _any_peer(entries: list[Manifest] | None, peer: Peer) -> bool:
    return entries is None or any(_peer(entry, peer) for entry in entries)


def _peer(entry: Manifest, peer: Peer) -> bool:
    if "ipBlock" in entry:
        block = entry["ipBlock"]
        address = ipaddress.ip_address(peer.address) if peer.address else None
        return (
            address is not None
            and address in ipaddress.ip_network(block["cidr"])
            and not any(address in ipaddress.ip_network(cidr) for cidr in block.get("except", []))
        )
    if peer.address:
        return False
    if "namespaceSelector" in entry:
        space = {"kubernetes.io/metadata.name": peer.namespace}
        return _matches(entry["namespaceSelector"], space) and _matches(entry.get("podSelector", {}), peer.labels)
    return peer.namespace == "streamvault" and _matches(entry["podSelector"], peer.labels)


def _any_port(entries: list[Manifest] | None, port: int, protocol: str) -> bool:
    return entries is None or any(_port(entry, port, protocol) for entry in entries)


def _port(entry: Manifest, port: int, protocol: str) -> bool:
    first: int = entry["port"]
    last: int = entry.get("endPort", first)
    return first <= port <= last and entry.get("protocol", "TCP") == protocol


def _matches(selector: Manifest, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
