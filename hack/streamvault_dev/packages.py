"""Debian packages that the cluster, the image builds and the tests need."""

import os
import re
import shutil

from . import commands
from .paths import STEP_LOGS

ALWAYS = (
    # cluster
    *("runc", "containernetworking-plugins", "iptables", "conntrack", "iproute2", "procps", "kmod", "openssl"),
    # image builds
    *("buildah", "skopeo", "mmdebstrap", "debian-archive-keyring", "ca-certificates", "gcc", "libc6-dev"),
    # Python environment, sample library, tests
    *("python3-venv", "ffmpeg", "fonts-dejavu-core", "redis-server", "chromium"),
    # the byte path's native code, also for the board's processor
    *("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"),
)
# Only where nothing of that name is installed: a newer one from elsewhere is fine.
UNLESS_PRESENT = {"go": "golang-go", "node": "nodejs", "npm": "npm", "git": "git"}
LOG = STEP_LOGS / "packages.log"
# Redis and others would else be started as services.
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}


def missing() -> list[str]:
    """Packages that are still to be installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/go/bin"
    wanted = [package for program, package in UNLESS_PRESENT.items() if shutil.which(program, path=path) is None]
    return [package for package in (*ALWAYS, *wanted) if package not in installed()]


def installed() -> set[str]:
    listed = commands.output(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n"])
    return set(re.findall(r"(?m)^installed (\S+)$", listed))


def install() -> None:
    """Repeatable after an interruption: a half-done dpkg run is finished first. CommandError."""
    commands.run(["dpkg", "--configure", "-a"], log=LOG, env=QUIET)
    commands.run(["apt-get", "update"], log=LOG)
    commands.run(["apt-get", "install", "-y", "--no-install-recommends", *missing()], log=LOG, env=QUIET)
