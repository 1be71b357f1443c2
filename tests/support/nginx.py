"""The edge's real nginx (Debian forky's, as in its image) on free loopback ports: unprivileged, read-only root."""

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ports import free_port

from streamvault_dev.paths import CACHE

REPOSITORY = Path(__file__).parents[2]
CONFIG = REPOSITORY / "images/edge/nginx"
MODULES = "libnginx-mod-http-headers-more-filter,libnginx-mod-http-js"
PACKAGES = f"base-files,dash,sed,grep,findutils,coreutils,nginx,{MODULES}"
MODULE = CONFIG / "module"
BUILD_PACKAGES = "base-files,bash,dash,sed,grep,mawk,coreutils,gcc,make,libc6-dev,dpkg-dev,perl-base,nginx-dev"
UID = 1000
START_SECONDS = 60.0


class NginxFailed(RuntimeError):  # noqa: N818
    """nginx did not start or stop; the message holds its log."""


def rootfs() -> Path:
    """A folder with nginx, its module and what start-edge needs, unpacked and built once per machine (a minute)."""
    inputs = [PACKAGES.encode(), BUILD_PACKAGES.encode(), *(file.read_bytes() for file in sorted(MODULE.iterdir()))]
    key = hashlib.sha256(b"\0".join(inputs)).hexdigest()[:12]
    root = CACHE / "rootfs" / f"nginx-{key}"
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _make(root)
    return root


def _make(root: Path) -> None:
    partial, builder = root.with_name(f"{root.name}.partial"), root.with_name(f"{root.name}.builder")
    for folder in (partial, builder):
        shutil.rmtree(folder, ignore_errors=True)
    _unpack(PACKAGES, partial)
    for name in ("cache", "etc/streamvault-edge", "usr/local/bin"):
        (partial / name).mkdir(parents=True, exist_ok=True)
    for name in ("etc/resolv.conf", "usr/local/bin/start-edge"):
        (partial / name).touch()
    _unpack(BUILD_PACKAGES, builder)
    shutil.copytree(MODULE, builder / "module")
    _run("build the edge's module", "chroot", str(builder), "/module/build", "/built")
    for built in (builder / "built").iterdir():
        shutil.copy(built, partial / "usr/lib/nginx/modules")
    shutil.rmtree(builder)
    partial.rename(root)


def _unpack(packages: str, folder: Path) -> None:
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    command += ['--aptopt=Acquire::Check-Valid-Until "false"', f"--include={packages}", "forky", str(folder)]
    _run("unpack nginx", *command)


def _run(what: str, *command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise NginxFailed(f"cannot {what}: {result.stdout[-1000:]}{result.stderr[-2000:]}")


def version() -> tuple[int, ...]:
    """The version of this nginx."""
    result = subprocess.run(["chroot", str(rootfs()), "nginx", "-v"], capture_output=True, text=True, check=True)
    return tuple(map(int, result.stderr.rpartition("/")[2].split(".")))


class Nginx:
    """One running edge; `cache` is its volume, `url` its address."""

    program: tuple[str, ...] = ("/usr/local/bin/start-edge",)

    def __init__(self, folder: Path, environment: Mapping[str, str], host: str = "127.0.0.1", port: int = 0) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.scratch = folder / "tmp"
        self.host = host
        self.port = port or free_port(host)
        self.status_port = free_port()
        self.url = f"http://{host}:{self.port}"
        self.status_url = f"http://127.0.0.1:{self.status_port}/status"
        self.environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        for path in (self.cache, self.scratch):
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, UID, UID)
        for path in (self.access_log, self.error_log):
            path.touch()
            os.chown(path, UID, UID)

    @property
    def access_log(self) -> Path:
        return self.folder / "access.log"

    @property
    def error_log(self) -> Path:
        return self.folder / "error.log"

    @property
    def pid(self) -> int:
        """Process id of the master."""
        assert self._process is not None, "nginx is not running"
        return self._process.pid

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run start-edge in its own mount namespace: uid 1000, root read-only but /tmp and /cache."""
        root = rootfs()
        resolv = self.folder / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\nsearch test.svc.cluster.local svc.cluster.local\n")
        binds = {
            "tmp": self.scratch,
            "cache": self.cache,
            "etc/streamvault-edge": CONFIG,
            "etc/resolv.conf": resolv,
            "usr/local/bin/start-edge": CONFIG / "start-edge",
        }
        script = [f"mount --bind {root} {root}", f"cd {root}", "mount -o remount,ro,bind ."]
        script += [f"mount --bind {shlex.quote(str(source))} ./{target}" for target, source in binds.items()]
        script += ["mount --rbind /dev ./dev", "mount --rbind /proc ./proc"]
        run = ["chroot", f"--userspec={UID}:{UID}", "--groups=", ".", *self.program, *arguments]
        script += [f"exec {shlex.join(run)}"]
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(script)]
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "WORKER_PROCESSES": "1"}
        variables |= {"LISTEN": f"{self.host}:{self.port}", "STATUS_LISTEN": f"127.0.0.1:{self.status_port}"}
        with self.access_log.open("ab") as out, self.error_log.open("ab") as err:
            return subprocess.Popen(command, env=variables | self.environment, stdout=out, stderr=err)

    def start(self) -> None:
        """Start and wait until it answers; raises NginxFailed with its log."""
        self._process = self.spawn()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/healthz", timeout=1):
                return
            time.sleep(0.02)
        self.kill()
        raise NginxFailed(f"nginx did not start:\n{self.error_log.read_text()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop and wait for the end."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired as error:
                self.kill()
                raise NginxFailed(f"nginx did not stop:\n{self.error_log.read_text()}") from error
        self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the master."""
        os.kill(self.pid, number)

    def wait_for_end(self) -> None:
        """Wait until it has ended by itself."""
        assert self._process is not None
        self._process.wait(timeout=60)

    def kill(self) -> None:
        """End master and workers as an out-of-memory kill would."""
        assert self._process is not None
        workers = self.worker_pids()
        # The master first: it would replace a killed worker.
        self._process.kill()
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=60)
        self._process = None

    def worker_pids(self) -> list[int]:
        """Process ids of the workers and the cache's helpers."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except FileNotFoundError:
            return []
        return [int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == "nginx"]

    def open_files(self) -> int:
        """File descriptors that all processes of this nginx hold."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.worker_pids())

    def memory_kib(self) -> int:
        """Resident memory of all processes of this nginx, shared pages counted once for each."""
        statuses = [Path(f"/proc/{pid}/status").read_text() for pid in self.worker_pids()]
        return sum(int(status.partition("VmRSS:")[2].split()[0]) for status in statuses)

    def cached(self, zone: str = "video") -> list[Path]:
        """Files of a cache zone, half-written ones included."""
        return [path for path in (self.cache / zone).rglob("*") if path.is_file()]

    def log_entries(self) -> list[dict[str, object]]:
        """The access log."""
        return [json.loads(line) for line in self.access_log.read_text().splitlines() if line.startswith("{")]


@contextmanager
def running(folder: Path, environment: Mapping[str, str]) -> Iterator[Nginx]:
    """An edge that runs until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    nginx = Nginx(folder, environment)
    nginx.start()
    try:
        yield nginx
    finally:
        nginx.stop()
