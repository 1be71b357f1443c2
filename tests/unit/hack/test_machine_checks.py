"""`make up` says in one line why a machine will not do, before it touches anything."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streamvault_dev.checks import Machine, MachineUnfit, require_fit, size_gib, this_machine

HACK = Path(__file__).parents[3] / "hack"
DEBIAN_12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
FIT = Machine(user_id=0, os_release=DEBIAN_12, free_gib={"/root/.cache": 21.0, "/var/lib": 21.0}, warm=False)


def test_root_on_debian_12_with_room_is_accepted() -> None:
    require_fit(FIT)


def test_testing_without_a_version_number_is_accepted() -> None:
    release = 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nID=debian\n'
    require_fit(dataclasses.replace(FIT, os_release=release))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"user_id": 1000}, "must run as root"),
        ({"os_release": 'PRETTY_NAME="Ubuntu 24.04"\nVERSION_ID="24.04"\nID=ubuntu\n'}, "this is Ubuntu 24.04"),
        ({"os_release": 'PRETTY_NAME="Debian 11"\nVERSION_ID="11"\nID=debian\n'}, "Debian 12 or newer"),
        ({"os_release": ""}, "Debian 12 or newer"),
        ({"free_gib": {"/root/.cache": 21.0, "/var/lib": 19.9}}, "19.9 GiB free for /var/lib, needed are 20"),
    ],
)
def test_reason_is_one_clear_line(change: dict[str, object], said: str) -> None:
    with pytest.raises(MachineUnfit) as refused:
        require_fit(dataclasses.replace(FIT, **change))  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_machine_that_was_up_before_needs_less_room() -> None:
    crowded = dataclasses.replace(FIT, free_gib={"/": 5.0})
    with pytest.raises(MachineUnfit):
        require_fit(crowded)
    require_fit(dataclasses.replace(crowded, warm=True))


# Of 20 GiB: begun and interrupted among the packages, after Go's build, after images that docker keeps.
@pytest.mark.parametrize(("written", "free"), [(0.001, 18.0), (8.5, 9.5), (12.0, 3.0)])
def test_repeat_is_not_refused_for_what_the_run_before_wrote(written: float, free: float) -> None:
    require_fit(dataclasses.replace(FIT, free_gib={"/": free}, written_gib=written))


@pytest.mark.parametrize(
    ("written", "free", "needed"), [(0.001, 13.0, "14"), (8.5, 5.0, "5.5"), (12.0, 2.9, "3"), (40.0, 2.9, "3")]
)
def test_repeat_needs_room_for_the_rest(written: float, free: float, needed: str) -> None:
    with pytest.raises(MachineUnfit, match=rf"needed are {needed} GiB"):
        require_fit(dataclasses.replace(FIT, free_gib={"/": free}, written_gib=written))


def test_folders_are_measured_only_when_room_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (tmp_path / "cache", tmp_path / "state", tmp_path / "nothing")
    for folder in folders[:2]:
        folder.mkdir()
        (folder / "file").write_bytes(b"x" * 2**20)
    assert 2 <= size_gib(folders) * 2**10 < 3
    assert size_gib(folders[2:]) == 0
    for free, measured in ((19, True), (21, False)):
        usage = shutil._ntuple_diskusage(2**40, 2**40, free * 2**30)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        machine = this_machine(folders, folders, warm=False)
        assert machine.free_gib == dict.fromkeys(map(str, folders), free)
        assert (machine.written_gib > 0) is measured


def drive(command: str, *changes: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real program, with what it would see on another machine."""
    script = f"import os, shutil, sys; sys.argv = ['x', {command!r}]\n" + "\n".join(changes)
    script += "\nimport runpy; runpy.run_module('streamvault_dev', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=HACK,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["up", "down", "test", "images"])
def test_another_user_is_told_in_one_line_with_code_1(command: str) -> None:
    done = drive(command, "os.geteuid = lambda: 1000")
    assert (done.returncode, done.stdout) == (1, "")
    reason = "it installs packages and starts containers"
    assert done.stderr == f"error: make {command} must run as root ({reason}): sudo make {command}\n"


def test_make_up_without_disk_space_is_told_in_one_line_with_code_1(tmp_path: Path) -> None:
    cramped = "shutil.disk_usage = lambda _: shutil._ntuple_diskusage(2**40, 2**40, 19 * 2**30)"
    stateless = f"from streamvault_dev import paths; paths.STATE = paths.Path({str(tmp_path / 'state')!r})"
    done = drive("up", "os.geteuid = lambda: 0", cramped, stateless, XDG_CACHE_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    place = tmp_path / "streamvault"
    assert done.stderr == f"error: 19.0 GiB free for {place}, needed are 20 GiB: make room, then repeat\n"


def test_folder_of_somebody_else_is_named_without_a_traceback() -> None:
    refuse = (
        "from streamvault_dev import installation\ndef refuse(): raise PermissionError(13, 'denied', '/clone/build')"
    )
    done = drive("status", refuse, "from streamvault_dev import installation; installation.status = refuse")
    assert done.returncode == 1
    assert done.stderr == "error: /clone/build: permission denied; run as root, or as who owns it\n"
