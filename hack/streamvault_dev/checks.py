"""What must be true of the machine before anything is touched; one clear line for the first thing that is not."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

COLD_GIB = 20
WARM_GIB = 3
# Debian packages, and the images where docker builds them: what a run writes outside of the folders that are measured.
ELSEWHERE_GIB = 6
OLDEST_DEBIAN = 12


class MachineUnfit(Exception):  # noqa: N818 what a user reads, not a fault of the program
    """The machine cannot do it; the message is the one line that says why and what to do."""


@dataclass(frozen=True)
class Machine:
    """What the checks look at.

    `warm` = programs and images of a former run are in their folders, `written_gib` = what is in all of our folders.
    """

    user_id: int
    os_release: str
    free_gib: dict[str, float]
    warm: bool
    written_gib: float = 0


def require_fit(machine: Machine) -> None:
    """MachineUnfit for the first reason that is found."""
    require_root("make up", machine.user_id)
    if problem := _release_problem(machine.os_release):
        raise MachineUnfit(problem)
    needed = needed_gib(machine)
    for folder, free in machine.free_gib.items():
        if free < needed:
            raise MachineUnfit(f"{free:.1f} GiB free for {folder}, needed are {needed:.3g} GiB: make room, then repeat")


def needed_gib(machine: Machine) -> float:
    """For what is still to come: no run is refused for what an interrupted one wrote."""
    if machine.warm:
        return WARM_GIB
    return max(WARM_GIB, COLD_GIB - ELSEWHERE_GIB - machine.written_gib) if machine.written_gib else COLD_GIB


def require_root(command: str, user_id: int | None = None) -> None:
    """MachineUnfit for everybody else; without `user_id` the one of this process counts."""
    if (os.geteuid() if user_id is None else user_id) != 0:
        raise MachineUnfit(f"{command} must run as root (it installs packages and starts containers): sudo {command}")


def _release_problem(os_release: str) -> str | None:
    fields = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)"?$', os_release))
    name = fields.get("PRETTY_NAME", "an unknown system")
    version = fields.get("VERSION_ID", "")  # testing and unstable have none
    if fields.get("ID") != "debian":
        return f"this is {name}; needed is Debian {OLDEST_DEBIAN} or newer"
    if version and int(version.split(".")[0]) < OLDEST_DEBIAN:
        return f"this is {name}; needed is Debian {OLDEST_DEBIAN} or newer"
    return None


def this_machine(folders: Iterable[Path], written: Iterable[Path], *, warm: bool) -> Machine:
    """Free space on the file systems of `folders`; what is in `written` is measured only when that is little."""
    release = Path("/etc/os-release")
    free = {str(folder): free_gib(folder) for folder in folders}
    return Machine(
        user_id=os.geteuid(),
        os_release=release.read_text() if release.is_file() else "",
        free_gib=free,
        warm=warm,
        written_gib=size_gib(written) if min(free.values()) < COLD_GIB else 0,
    )


def free_gib(folder: Path) -> float:
    """Of the file system on which the folder is, or would be made."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free / 2**30


def size_gib(folders: Iterable[Path]) -> float:
    """What is in the folders that exist."""
    existing = [str(folder) for folder in folders if folder.exists()]
    if not existing:
        return 0
    measure = ["du", "--summarize", "--total", "--one-file-system", "--block-size=1", *existing]
    # du ends with 1 for a file that vanished meanwhile, and has measured the rest.
    measured = subprocess.run(measure, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return int(measured.stdout.splitlines()[-1].split()[0]) / 2**30
