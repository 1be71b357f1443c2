"""A whole little site behind the real edge: workers, manager and website as test servers, names through DNS."""

import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from conditions import DEADLINE_SECONDS
from name_server import NameServer
from origin import Echo, File, Origin

from nginx import Nginx
from streamvault_common import signing
from streamvault_common.keys import SLICE_BYTES
from streamvault_common.signing import Grant, LinkKeys, Tier

LINK_KEYS = "new:bmV3LXNlY3JldC1vZi1hdC1sZWFzdC0zMi1ieXRlcy1sb25n,old:b2xkLXNlY3JldC1vZi1hdC1sZWFzdC0zMi1ieXRlcy1sb25n"
DOMAIN = "test.svc.cluster.local"
LINK_SECONDS = 3600
CUT_OFF = (httpx.RemoteProtocolError, httpx.ReadError)
"""What a client sees when a body ends before its announced length."""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Poll until a condition holds; fails with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def read_until_cut(response: httpx.Response, at_block: Callable[[int], None] = lambda received: None) -> bytes:
    """Bytes of a body that must break off; `at_block` is told after each block how many came."""
    received = b""
    try:
        for block in response.iter_raw():
            received += block
            at_block(len(received))
    except CUT_OFF:
        return received
    raise AssertionError(f"the body ended cleanly after {len(received)} bytes")


class Site:
    """The running edge and all that stands behind it."""

    def __init__(self, folder: Path, *, workers: int = 3, **environment: str) -> None:
        self.origin = Origin(workers)
        self.manager = Echo(self.origin.thread, "manager", "127.0.2.1")
        self.website = Echo(self.origin.thread, "website", "127.0.3.1")
        self.names = NameServer()
        self.all_workers_in_dns()
        self.names.ports[f"workers.{DOMAIN}"] = self.origin.port
        self.names.records |= {f"manager.{DOMAIN}": ["127.0.2.1"], f"frontend.{DOMAIN}": ["127.0.3.1"]}
        self.keys = LinkKeys.parse(LINK_KEYS)
        variables = {
            "LINK_KEYS": LINK_KEYS,
            "RESOLVER": self.names.address,
            "MANAGER_ADDRESS": f"manager:{self.manager.port}",
            "FRONTEND_ADDRESS": f"frontend:{self.website.port}",
            "CACHE_MIN_FREE": "1m",
            "WORKERS_FAIL_TIMEOUT": "1s",
            "RESOLVER_VALID": "1s",
        }
        self.nginx = Nginx(folder, variables | environment)
        # A viewer is a connection here; making a client anew for each costs 30 ms.
        self.client = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=60)

    def all_workers_in_dns(self) -> None:
        """Publish every worker's address, as the headless Service does for ready pods."""
        self.names.records[f"workers.{DOMAIN}"] = list(self.origin.addresses)

    def start(self) -> None:
        """Start nginx and wait until it knows its upstreams."""
        self.nginx.start()
        file = self.origin.add(10, content_type="image/webp")
        wait_until(lambda: self.get(self.image(file)).status_code != 503, "workers resolved")
        wait_until(lambda: self.get("/api/x").status_code == 200, "manager resolved")
        wait_until(lambda: self.get("/x").status_code == 200, "website resolved")

    def film_at(self, worker: str, size: int) -> File:
        """A film that is not cached, and whose first block is asked from this worker."""
        file = self.origin.add(10)

        def lives_there() -> bool:
            nonlocal file
            file = self.origin.add(10)
            self.get(self.play(file))
            return [asked.worker for asked in self.origin.requests(file)] == [worker]

        wait_until(lives_there, f"a film of {worker}")
        self.origin.forget(file)
        file.gen, file.content = 2, random.randbytes(size)
        return file

    def recover(self) -> None:
        """Every worker well again, and known to nginx as such."""
        unseen = self.origin.heal()
        unseen |= set(self.origin.addresses) - set(self.names.records[f"workers.{DOMAIN}"])
        self.all_workers_in_dns()

        def asked_again() -> bool:
            file = self.origin.add(10)
            self.get(self.play(file))
            unseen.difference_update(asked.worker for asked in self.origin.requests(file))
            return not unseen

        wait_until(asked_again, "every worker is asked again")

    def stop(self) -> None:
        """End everything."""
        self.client.close()
        self.nginx.stop()
        self.manager.close()
        self.website.close()
        self.origin.close()
        self.names.close()

    def token(self, scope: str, *, tier: Tier = Tier.PREMIUM, user: str = "u1", seconds: float = LINK_SECONDS) -> str:
        """A signed token as the manager makes it."""
        return signing.sign(self.keys, Grant(scope, int(time.time() + seconds), tier, user))

    def play(self, file: File, *, tier: Tier = Tier.PREMIUM, user: str = "u1", seconds: float = LINK_SECONDS) -> str:
        """Path and query that play a file."""
        scope = signing.play_scope(file.fid, file.gen)
        return f"{scope}?t={self.token(scope, tier=tier, user=user, seconds=seconds)}"

    def download(self, file: File, name: str) -> str:
        """Path and query that download a file under a name."""
        scope = signing.download_scope(file.fid, file.gen)
        return f"{scope}/{quote(name, safe='')}?t={self.token(scope)}"

    def subtitle(self, file: File, track: str = "en") -> str:
        """Path and query of a subtitle track."""
        scope = signing.subtitle_scope(file.fid)
        return f"{scope}/{track}.vtt?t={self.token(scope)}"

    @staticmethod
    def image(file: File) -> str:
        """Path of an image."""
        return f"/i/{file.fid}"

    def get(self, path: str, range_: str | None = None, **headers: str) -> httpx.Response:
        """One GET on its own connection."""
        extra = {"Range": f"bytes={range_}"} if range_ is not None else {}
        return self.client.get(self.nginx.url + path, headers=headers | extra)

    @contextmanager
    def stream(self, path: str, range_: str = "0-") -> Iterator[httpx.Response]:
        """One GET whose body the test reads itself."""
        with self.client.stream("GET", self.nginx.url + path, headers={"Range": f"bytes={range_}"}) as response:
            yield response

    def slices(self, file: File) -> int:
        """How many slices a file has."""
        return -(-len(file.content) // SLICE_BYTES)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        """A bare TCP connection to the edge."""
        with socket.create_connection(("127.0.0.1", self.nginx.port), 60) as connection:
            yield connection

    @contextmanager
    def slow_viewer(self, path: str, range_: str = "0-", agent: str = "slow") -> Iterator[socket.socket]:
        """A viewer that asked and reads nothing unless the test does; small receive buffer as on a slow line."""
        with socket.socket() as viewer:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            viewer.settimeout(60)
            viewer.connect(("127.0.0.1", self.nginx.port))
            head = f"GET {path} HTTP/1.1\r\nHost: site\r\nUser-Agent: {agent}\r\nRange: bytes={range_}\r\n\r\n"
            viewer.sendall(head.encode())
            yield viewer
