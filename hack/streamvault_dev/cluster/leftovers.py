"""Clearing what a killed run left behind: it may have ended at any point, all processes gone but files left."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import network
from .configuration import Layout
from .daemons import start_time, wait_until


def clear(layout: Layout) -> None:
    """To be called with containerd stopped: afterwards no container, mount, lease or socket of ours is left."""
    kill_shims(layout)
    unmount_all((layout.state, layout.run))
    network.release()
    # Never the kubelet's folders: a volume whose unmount failed would be emptied with them.
    shutil.rmtree(layout.run / "containerd", ignore_errors=True)
    for socket in layout.run.glob("*.sock*"):
        socket.unlink(missing_ok=True)


def kill_shims(layout: Layout) -> None:
    """Every shim that serves our containerd's socket, and the containers below it."""
    shims = list(shim_pids(layout.containerd_socket))
    pids = [child for shim in shims for child in descendants(shim)] + shims
    _signal(pids, signal.SIGKILL)
    wait_until(lambda: all(start_time(pid) is None for pid in pids), 10)


def terminate_containers(layout: Layout, *, patience_seconds: float) -> None:
    """Ask every container's processes to end, so that databases close their files; returns when they have or at the end
    of the patience."""
    pids = [child for shim in shim_pids(layout.containerd_socket) for child in descendants(shim)]
    _signal(pids, signal.SIGTERM)
    wait_until(lambda: all(start_time(pid) is None for pid in pids), patience_seconds)


def shim_pids(socket: Path) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and is_shim_of(_argv(folder), socket):
            yield int(folder.name)


def is_shim_of(argv: list[str], socket: Path) -> bool:
    """A shim names the address of its containerd on its command line."""
    return bool(argv) and Path(argv[0]).name == "containerd-shim-runc-v2" and str(socket) in argv


def descendants(pid: int) -> list[int]:
    """Children, and theirs, deepest first."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(word) for word in children.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in direct:
            found += [*descendants(child), child]
    return found


def unmount_all(roots: Iterable[Path]) -> None:
    mounts = Path("/proc/mounts").read_text()
    for target in mounts_below(mounts, [str(root) for root in roots]):
        subprocess.run(["umount", "-l", target], check=False, capture_output=True)


def mounts_below(proc_mounts: str, roots: list[str]) -> list[str]:
    """Mount points under the roots, deepest first."""
    targets = [line.split()[1].replace("\\040", " ") for line in proc_mounts.splitlines() if line]
    inside = [target for target in targets if any(target.startswith(root + "/") for root in roots)]
    return sorted(inside, key=lambda target: (target.count("/"), target), reverse=True)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _argv(folder: Path) -> list[str]:
    try:
        return (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []
