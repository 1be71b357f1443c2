"""`make up` says in one line why a machine will not do, before it touches anything."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from streamvault_dev.checks import Machine, MachineUnfit, require_fit

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


def test_make_up_of_another_user_ends_with_one_line_and_code_1() -> None:
    """The real program, with the user id that it would see."""
    script = "import os, sys; os.geteuid = lambda: 1000; sys.argv = ['x', 'up']\n"
    script += "import runpy; runpy.run_module('streamvault_dev', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", script], cwd=HACK, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "error: make up must run as root (it installs packages and starts containers): sudo make up"
    ]
