"""Debian packages that the cluster, the image builds and the tests need."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import commands
from .paths import STEP_LOGS

ALWAYS = (
    # cluster
    *("runc", "containernetworking-plugins", "iptables", "conntrack", "iproute2", "procps", "kmod", "openssl"),
    # image builds
    *("buildah", "skopeo", "mmdebstrap", "debian-archive-keyring", "ca-certificates", "gcc", "libc6-dev"),
    # Python environment, sample library, tests
    *("python3-venv", "ffmpeg", "fonts-dejavu-core", "redis-server"),
    *("chromium", "chromium-headless-shell"),
    # the byte path's native code, also for the board's processor
    *("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"),
)
# Only where nothing of that name is installed: a newer one from elsewhere is fine.
UNLESS_PRESENT = {"go": "golang-go", "node": "nodejs", "npm": "npm", "git": "git"}
LOG = STEP_LOGS / "packages.log"
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
# What Debian's packages ask before they start a service.
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE_STARTS = "#!/bin/sh\n# of StreamVault's `make up`, only while it installs packages\nexit 101\n"
SERVICE = "redis-server"


def missing() -> list[str]:
    """Packages that are still to be installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/go/bin"
    wanted = [package for program, package in UNLESS_PRESENT.items() if shutil.which(program, path=path) is None]
    return [package for package in (*ALWAYS, *wanted) if package not in installed()]


def installed() -> set[str]:
    listed = commands.output(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n"])
    return set(re.findall(r"(?m)^installed (\S+)$", listed))


def install(wanted: Sequence[str] = ()) -> None:
    """What is missing, or `wanted`. Repeatable: a half-done dpkg run is finished first. CommandError."""
    had_service = SERVICE in installed()
    with no_service_starts():
        commands.run(["dpkg", "--configure", "-a"], log=LOG, env=QUIET)
        commands.run(["apt-get", "update"], log=LOG)
        names = wanted or missing()
        commands.run(["apt-get", "install", "-y", "--no-install-recommends", *names], log=LOG, env=QUIET)
    if not had_service:
        commands.succeeds(["systemctl", "disable", SERVICE])  # only its program is used


@contextlib.contextmanager
def no_service_starts(policy: Path = POLICY) -> Iterator[None]:
    """Redis and others are else started as services; a policy of the machine's owner is left alone."""
    if policy.exists() and policy.read_text(errors="replace") != REFUSE_STARTS:
        yield
        return
    policy.write_text(REFUSE_STARTS)
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)
