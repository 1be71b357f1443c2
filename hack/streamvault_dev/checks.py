"""What must be true of the machine before anything is touched; one clear line for the first thing that is not."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

COLD_GIB = 20
WARM_GIB = 3
OLDEST_DEBIAN = 12


class MachineUnfit(Exception):  # noqa: N818 what a user reads, not a fault of the program
    """The machine cannot do it; the message is the one line that says why and what to do."""


@dataclass(frozen=True)
class Machine:
    """What the checks look at. `warm` = programs and images of a former run are in their folders."""

    user_id: int
    os_release: str
    free_gib: dict[str, float]
    warm: bool


def require_fit(machine: Machine) -> None:
    """MachineUnfit for the first reason that is found."""
    require_root("make up", machine.user_id)
    if problem := _release_problem(machine.os_release):
        raise MachineUnfit(problem)
    needed = WARM_GIB if machine.warm else COLD_GIB
    for folder, free in machine.free_gib.items():
        if free < needed:
            raise MachineUnfit(f"{free:.1f} GiB free for {folder}, needed are {needed} GiB: make room, then repeat")


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


def this_machine(folders: tuple[Path, ...], *, warm: bool) -> Machine:
    release = Path("/etc/os-release")
    return Machine(
        user_id=os.geteuid(),
        os_release=release.read_text() if release.is_file() else "",
        free_gib={str(folder): free_gib(folder) for folder in folders},
        warm=warm,
    )


def free_gib(folder: Path) -> float:
    """Of the file system on which the folder is, or would be made."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free / 2**30
