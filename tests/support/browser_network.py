"""A network namespace for Chromium, where no interface ever comes or goes.

Chromium drops every connection (ERR_NETWORK_CHANGED) when an interface of its network appears, and every pod has one.
In a namespace of its own it sees nothing but loopback; chosen servers outside are relayed to it.
Source: network_namespaces(7), setns(2).
"""

import ctypes
import socket
import struct
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 256 * 1024
NO_TIME = struct.pack("ii", 1, 0)
"""To linger: closing sends RST, as the other end of the relay did."""
CLONE_NEWNET = 0x40000000


class BrowserNetwork:
    """Context manager; whatever was started in the network should have ended before it is left.

    Needs root. OSError when the namespace cannot be made.
    """

    def __enter__(self) -> "BrowserNetwork":
        self._folder = TemporaryDirectory()
        self._listeners: dict[int, socket.socket] = {}
        script = "ip link set lo up && echo up && exec cat"  # it ends with this process, and the namespace with it
        self._keeper = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"up\n":
            raise OSError("no network namespace for the browser: is this root?")
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._listeners.values():
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            if pipe:
                pipe.close()
        self._keeper.wait(10)
        self._folder.cleanup()

    def program(self, path: str) -> Path:
        """A program that runs `path` in this network, with the same arguments."""
        inside = Path(self._folder.name) / Path(path).name
        inside.write_text(f'#!/bin/sh\nexec nsenter --net={self._namespace} -- {path} "$@"\n')
        inside.chmod(0o755)
        return inside

    def reach(self, url: str) -> str:
        """Let the network reach a server, at the same port of its own loopback; returns the address there."""
        server = urlsplit(url)
        host, port = server.hostname or LOOPBACK, server.port or 80
        if port not in self._listeners:
            self._listeners[port] = self._listen(port)
            threading.Thread(target=_accept, args=(self._listeners[port], (host, port)), daemon=True).start()
        return server._replace(netloc=f"{LOOPBACK}:{port}").geturl()

    @property
    def _namespace(self) -> str:
        return f"/proc/{self._keeper.pid}/ns/net"

    def _listen(self, port: int) -> socket.socket:
        """A socket belongs to the network in which it was made: a thread that goes there makes it."""
        made: list[socket.socket] = []

        def make() -> None:
            with Path(self._namespace).open() as there:
                if ctypes.CDLL(None).setns(there.fileno(), CLONE_NEWNET) != 0:
                    return
            made.append(socket.create_server((LOOPBACK, port)))

        maker = threading.Thread(target=make)
        maker.start()
        maker.join()
        if not made:
            raise OSError(f"nothing listens on port {port} in the browser's network")
        return made[0]


def _accept(listener: socket.socket, server: tuple[str, int]) -> None:
    with suppress(OSError):  # closed: the network is being left
        while True:
            asking, _ = listener.accept()
            threading.Thread(target=_relay, args=(asking, server), daemon=True).start()


def _relay(asking: socket.socket, server: tuple[str, int]) -> None:
    """One connection, both ways, until both ends are done or one is reset."""
    with asking:
        try:
            answering = socket.create_connection(server)
        except OSError:
            return
        with answering:
            back = threading.Thread(target=_pass_on, args=(answering, asking), daemon=True)
            back.start()
            _pass_on(asking, answering)
            back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    """What comes, and then how it ended: in order, or by a reset."""
    try:
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_TIME)
                end.shutdown(socket.SHUT_RD)  # whoever waits for more of it
