"""All images for one processor, also another than this machine's: built, started once, packed into one archive."""

from pathlib import Path

from streamvault_dev import commands, packages
from streamvault_dev.paths import STEP_LOGS

from . import build, builders
from .catalogue import IMAGES, Plan
from .platforms import native_architecture

BINFMT = Path("/proc/sys/fs/binfmt_misc")
EMULATORS = {"arm64": "qemu-aarch64", "amd64": "qemu-x86_64"}
EMULATION_PACKAGES = ("qemu-user-static", "binfmt-support", "arch-test")
LOG = STEP_LOGS / "emulation.log"


def build_for(platform: str) -> None:
    """`platform` as linux/arm64; empty = this machine's. CommandError, CatalogueError."""
    architecture = platform.removeprefix("linux/") or native_architecture()
    if architecture not in EMULATORS:
        raise commands.CommandError(f"PLATFORM={platform}: use linux/amd64 or linux/arm64")
    if architecture != native_architecture():
        ensure_emulation(architecture)
    plan = Plan(architecture)
    builder = builders.choose(architecture)
    build.build(plan, builder, list(IMAGES))
    build.check(plan, builder, list(IMAGES))
    archive, values = build.export(plan, builder)
    size_mib = archive.stat().st_size / 2**20
    print(f"archive  {archive}  ({size_mib:.0f} MiB; on the board: k3s ctr images import {archive.name})")
    print(f"values   {values}  (with the archive's tags: helm upgrade ... -f {values.name})")


def ensure_emulation(architecture: str) -> None:
    """Debian's static qemu, known to the kernel as the interpreter of that processor's programs."""
    entry = BINFMT / EMULATORS[architecture]
    if not set(EMULATION_PACKAGES) <= packages.installed():
        packages.install(EMULATION_PACKAGES)
    if not (BINFMT / "register").exists():
        commands.output(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT])
    if not entry.exists():
        commands.run(["update-binfmts", "--enable", EMULATORS[architecture]], log=LOG)
