"""A DNS server for tests: answers A queries from a table that a test may change while nginx runs."""

import socket
import struct
import threading
from contextlib import suppress


class NameServer:
    """Listens on a free loopback UDP port; unknown names get NXDOMAIN, every answer lives one second."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
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
            labels.append(query[position + 1 : position + 1 + query[position]].decode())
            position += 1 + query[position]
        question = query[12 : position + 5]
        kind = struct.unpack(">H", query[position + 1 : position + 3])[0]
        name = ".".join(labels).lower()
        addresses = self.records.get(name, []) if kind == 1 else []
        code = 0x8180 if name in self.records else 0x8183
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + socket.inet_aton(a) for a in addresses)
        return query[:2] + struct.pack(">HHHHH", code, 1, len(addresses), 0, 0) + question + records
