"""Builds the website once per content and runs it as its image does: the standalone server on a free port."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from streamvault_dev import environments, fingerprint

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "images" / "frontend"
BUILT = REPOSITORY / "build" / "website"
BUILD_SECONDS = 1500
START_SECONDS = 180
STOP_SECONDS = 60


def install() -> None:
    """The packages of the lock file, unless they are the ones installed."""
    if not environments.frontend_is_ready():
        environments.install_frontend()


def build() -> Path:
    """The folder of the standalone server for the sources as they are."""
    sources = [
        "app",
        "components",
        "lib",
        "proxy.ts",
        "start.mjs",
        "next.config.ts",
        "tsconfig.json",
        "package.json",
        "package-lock.json",
    ]
    target = BUILT / fingerprint.of_paths(SOURCE, sources)
    if (target / "server.js").is_file():
        return target
    install()
    run(["npm", "run", "build"], SKIP_TYPES="1")
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(SOURCE / ".next" / "standalone", unfinished, symlinks=True)
    shutil.copytree(SOURCE / ".next" / "static", unfinished / ".next" / "static")
    shutil.copy(SOURCE / "start.mjs", unfinished)
    unfinished.rename(target)
    return target


def run(argv: list[str], **environment: str) -> None:
    """Runs in the website's folder; on failure its last lines become the error."""
    done = subprocess.run(
        argv,
        cwd=SOURCE,
        env={**os.environ, **environments.node_environment(), "NEXT_TELEMETRY_DISABLED": "1", **environment},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


@contextmanager
def running(port: int, manager_port: int, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """The website on `port`, asking the manager on `manager_port`; stopped when the block ends."""
    log = REPOSITORY / "build" / "logs" / f"website-{port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    folder = build()
    path = environments.node_environment().get("PATH", os.environ["PATH"])
    settings = {"PORT": str(port), "MANAGER_URL": f"http://127.0.0.1:{manager_port}"}
    with log.open("w") as output:
        process = subprocess.Popen(
            ["node", "start.mjs"],
            cwd=folder,
            env={"PATH": path, "NODE_ENV": "production", **settings, **(environment or {})},
            stdout=output,
            stderr=output,
        )
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/healthz", process, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=10).status_code == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the website did not start:\n{log.read_text()[-3000:]}")
