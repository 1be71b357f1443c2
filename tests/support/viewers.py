"""Viewers of the running site in threads of their own: one in mid-film, and one who keeps asking."""

import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

RECEIVE_BUFFER_BYTES = 64 * 1024
BLOCK_BYTES = 32 * 1024
ASK_AGAIN_SECONDS = 0.25
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class InMidFilm:
    """Reads a film about as fast as it plays, and takes note of when it is cut; times are those of `time.monotonic`.

    Its buffers are small, so what it reads is never far behind what the edge sends.
    """

    def __init__(self, site_url: str, path: str, bytes_per_second: int) -> None:
        address = urlsplit(site_url)
        self._end = (address.hostname or "127.0.0.1", address.port or 80)
        self._request = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nRange: bytes=0-\r\n\r\n".encode()
        self._bytes_per_second = bytes_per_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.promised = 0
        self.received = 0
        self.cut_at: float | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=90)

    @property
    def watching(self) -> bool:
        """Whether the film has begun and is not over."""
        return self.received > 0 and self._thread.is_alive()

    def _watch(self) -> None:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            connection.settimeout(60)
            connection.connect(self._end)
            connection.sendall(self._request)
            head, _, begun = self._head(connection).partition(b"\r\n\r\n")
            length = _LENGTH.search(head + b"\r\n")
            self.promised = int(length[1]) if length else 0
            self.received = len(begun)
            began = time.monotonic()
            while not self._stop.is_set() and self.received < self.promised:
                try:
                    block = connection.recv(BLOCK_BYTES)
                except (ConnectionResetError, TimeoutError):
                    block = b""
                if not block:
                    self.cut_at = time.monotonic()
                    return
                self.received += len(block)
                self._stop.wait(max(0.0, began + self.received / self._bytes_per_second - time.monotonic()))

    def _head(self, connection: socket.socket) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and (block := connection.recv(BLOCK_BYTES)):
            head += block
        return head


@dataclass
class Insistent:
    """Asks for these links again and again; `answers` are (time of the answer, status) by link, in order."""

    site_url: str
    paths: Sequence[str]
    answers: dict[str, list[tuple[float, int]]] = field(init=False)

    def __post_init__(self) -> None:
        self.answers = {path: [] for path in self.paths}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=90)

    def _ask(self) -> None:
        with httpx.Client(base_url=self.site_url, timeout=60, trust_env=False) as http:
            while not self._stop.is_set():
                for path in self.paths:
                    with http.stream("GET", path, headers={"Range": "bytes=0-99999"}) as answer:
                        self.answers[path].append((time.monotonic(), answer.status_code))
                self._stop.wait(ASK_AGAIN_SECONDS)
