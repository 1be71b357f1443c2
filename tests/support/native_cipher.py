"""The worker's native cipher, compiled for this machine as its image compiles it, and for the board's processor."""

import hashlib
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "images/worker/native"
STRICT = ("-O3", "-Wall", "-Wextra", "-Werror")
ARM64_EMULATOR = ("qemu-aarch64", "-cpu", "max")


def library() -> Path:
    """The shared library of this source; compiled once per content, whoever asks first."""
    return _compiled("gcc", "library", "-shared", "-fPIC", str(FOLDER / "ige.c"))


def arm64_filter() -> Path:
    """`native/filter.c` as a static program for ARM64."""
    return _compiled("aarch64-linux-gnu-gcc", "filter", "-static", str(FOLDER / "ige.c"), str(FOLDER / "filter.c"))


def _compiled(compiler: str, name: str, *arguments: str) -> Path:
    sources = b"".join(path.read_bytes() for path in sorted(FOLDER.glob("*.c")))
    digest = hashlib.sha256(sources + " ".join((compiler, *arguments)).encode()).hexdigest()[:12]
    target = ROOT / f"build/native/{name}-{digest}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, *STRICT, "-o", str(made), *arguments], check=True)
        made.rename(target)
    return target
