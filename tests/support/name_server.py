"""A DNS server for tests: answers A and SRV queries from tables that a test may change while nginx runs."""

import socket
import struct
import threading
from contextlib import suppress

A, SRV = 1, 33


class NameServer:
    """Listens on a free loopback UDP port; unknown names get NXDOMAIN, every answer lives one second.

    `ports` holds the port `http` of names that are headless Services: each of their addresses has a name of its own.
    """

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.ports: dict[str, int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._closing = threading.Event()
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._closing.set()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing.is_set():
            with suppress(TimeoutError):
                query, peer = self._socket.recvfrom(4096)
                self._socket.sendto(self._answer(query), peer)

    def _answer(self, query: bytes) -> bytes:
        labels, position = [], 12
        while query[position]:
            labels.append(query[position + 1 : position + 1 + query[position]].decode().lower())
            position += 1 + query[position]
        question = query[12 : position + 5]
        kind = struct.unpack(">H", query[position + 1 : position + 3])[0]
        found = self._find(kind, labels)
        records = [b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(data)) + data for data in found or []]
        code = 0x8183 if found is None else 0x8180
        return query[:2] + struct.pack(">HHHHH", code, 1, len(records), 0, 0) + question + b"".join(records)

    def _find(self, kind: int, labels: list[str]) -> list[bytes] | None:
        """The data of the records of a kind; None when there is no such name."""
        if labels[:2] == ["_http", "_tcp"]:
            service = ".".join(labels[2:])
            port = struct.pack(">HHH", 0, 100 // max(1, len(self.records.get(service, []))), self.ports.get(service, 0))
            targets = [port + _encode(pod_name(address, service)) for address in self.records.get(service, [])]
            return (targets if kind == SRV else []) if service in self.ports and service in self.records else None
        name = ".".join(labels)
        addresses = self.records.get(name, self._pods().get(name))
        if addresses is None:
            return None
        return [socket.inet_aton(address) for address in addresses] if kind == A else []

    def _pods(self) -> dict[str, list[str]]:
        return {pod_name(address, name): [address] for name in self.ports for address in self.records.get(name, [])}


def pod_name(address: str, service: str) -> str:
    """The name of one pod of a headless Service, as the cluster's DNS makes it."""
    return f"{address.replace('.', '-')}.{service}"


def _encode(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
