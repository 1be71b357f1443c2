"""What the edge's CPU gives out from its cache: against nginx with the same file raw, and as viewers grow in number.

Run by `make bench`. The clients are processes of their own; CPU is that of the nginx processes alone. Writes
build/bench/edge_serving.json; ends with 1 when a target is missed.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench_targets import Figure, report
from byte_chain import cpu_seconds
from edge_site import Site
from origin import File

from nginx import Nginx
from streamvault_common.keys import SLICE_BYTES

FILM_SLICES = 12
WRITE_BYTES = 72 * 1024
"""As nginx writes what it stores with the buffers of workers.conf: how a file was written decides its folios."""
WHOLE_READS = 40
GROWTH = (10, 100, 1000)
DELIVERED_BYTES = 3_000_000_000
ROUNDS = 8
LEAST_SHARE_PERCENT, MOST_GROWTH = 85, 1.3
_READER = """
import asyncio, sys
url, (viewers, size, times, length) = sys.argv[1], map(int, sys.argv[2:])
host, _, path = url.removeprefix("http://").partition("/")
name, port = host.split(":")
head = f"GET /{path} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n"

class Viewer(asyncio.BufferedProtocol):
    buffer = bytearray(1 << 18)
    def __init__(self, first):
        self.ended = asyncio.get_running_loop().create_future()
        self.received, self.first = 0, first
    def connection_made(self, transport):
        transport.write(f"{head}Range: bytes={self.first}-{self.first + size - 1}\\r\\n\\r\\n".encode())
    def get_buffer(self, sizehint): return self.buffer
    def buffer_updated(self, nbytes): self.received += nbytes
    def connection_lost(self, error): self.ended.done() or self.ended.set_result(None)

async def view(first):
    for _ in range(times):
        _, viewer = await asyncio.get_running_loop().create_connection(lambda: Viewer(first), name, int(port))
        await viewer.ended
        if viewer.received < size: raise SystemExit(f"cut after {viewer.received} bytes")

async def main(): await asyncio.gather(*(view((length - size) * number // viewers) for number in range(viewers)))
asyncio.run(main())
"""


def read(url: str, viewers: int, size: int, times: int, length: int) -> None:
    """Let viewers, in a process of their own, read `size` bytes `times` times each, evenly spread over `length`."""
    arguments = [url, *map(str, (viewers, size, times, length))]
    subprocess.run([sys.executable, "-c", _READER, *arguments], check=True, timeout=600)


def nginx_cpu(nginx: Nginx) -> float:
    """CPU seconds of master and workers so far."""
    return cpu_seconds(nginx.pid, *nginx.worker_pids())


def mb_per_cpu_second(nginx: Nginx, megabytes: float, work: Callable[[], None]) -> float:
    """MB that one CPU second of nginx gives out."""
    before = nginx_cpu(nginx)
    work()
    return megabytes / (nginx_cpu(nginx) - before)


class RawFile(Nginx):
    """The same nginx with one plain file and nothing else."""

    program = ("/usr/sbin/nginx", "-e", "stderr", "-c", "/tmp/raw.conf")

    def offer(self, content: bytes) -> tuple[str, str]:
        """Lay the file where it is served from; its addresses without and with sendfile."""
        temporary = " ".join(
            f"{kind}_temp_path /tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        with (self.cache / "film.mp4").open("wb", buffering=0) as file:
            for start in range(0, len(content), WRITE_BYTES):
                file.write(content[start : start + WRITE_BYTES])
        (self.scratch / "raw.conf").write_text(
            "daemon off; pid /tmp/raw.pid; worker_processes 1; events { worker_connections 4096; }\n"
            f"http {{ access_log off; sendfile off; {temporary}\n"
            f"server {{ listen 127.0.0.1:{self.port} backlog=4096; root /cache;\n"
            "location = /sendfile { sendfile on; alias /cache/film.mp4; }\n"
            "location = /healthz { return 200; } } }\n"
        )
        return f"{self.url}/film.mp4", f"{self.url}/sendfile"


def warm_against_raw(site: Site, film: File, raw: RawFile) -> list[Figure]:
    """Whole reads of a cached film by four viewers, and of the same file without any cache."""
    size, viewers = len(film.content), 4
    megabytes = viewers * WHOLE_READS / 4 * size / 1e6
    warm, (plain, sendfile) = site.nginx.url + site.play(film), raw.offer(film.content)
    raw.start()
    best = dict.fromkeys((warm, plain, sendfile), 0.0)
    for _ in range(ROUNDS):  # in turn, so that whatever else the machine does meets all
        for nginx, url in ((site.nginx, warm), (raw, plain), (raw, sendfile)):
            work = partial(read, url, viewers, size, WHOLE_READS // 4, size)
            best[url] = max(best[url], mb_per_cpu_second(nginx, megabytes, work))
    return [
        Figure("nginx, the same file raw", best[plain], "MB/CPU-s", note="the baseline: without sendfile, as the edge"),
        Figure(
            "nginx, the same file raw, sendfile", best[sendfile], "MB/CPU-s", note="not for the edge, see film.conf"
        ),
        Figure("edge, warm film", best[warm], "MB/CPU-s"),
        Figure("edge / raw", 100 * best[warm] / best[plain], "%", at_least=LEAST_SHARE_PERCENT),
    ]


def growth(site: Site, film: File) -> list[Figure]:
    """The same bytes in all, out of the same film, for ever more viewers at once."""
    costs = dict.fromkeys(GROWTH, float("inf"))
    for _ in range(ROUNDS):
        for viewers in GROWTH:
            size = min(len(film.content), DELIVERED_BYTES // viewers)
            times = max(1, DELIVERED_BYTES // viewers // size)
            work = partial(read, site.nginx.url + site.play(film), viewers, size, times, len(film.content))
            cost = 1000 / mb_per_cpu_second(site.nginx, viewers * size * times / 1e6, work)
            costs[viewers] = min(costs[viewers], cost)
    return [
        *(Figure(f"edge, {viewers} viewers", cost, "CPU-s/GB") for viewers, cost in costs.items()),
        Figure("highest / lowest", max(costs.values()) / min(costs.values()), "x", at_most=MOST_GROWTH),
    ]


def main() -> int:
    """Measure, report; gives the exit status."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        site, raw = Site(folder / "site", CONNECTIONS_PREMIUM="5000"), RawFile(folder / "raw", {})
        try:
            site.start()
            film = site.origin.add(FILM_SLICES * SLICE_BYTES)
            read(site.nginx.url + site.play(film), 1, len(film.content), 1, len(film.content))
            return report("edge_serving", [*warm_against_raw(site, film, raw), *growth(site, film)])
        finally:
            raw.stop()
            site.stop()


if __name__ == "__main__":
    sys.exit(main())
