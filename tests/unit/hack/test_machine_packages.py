"""Installing Debian packages starts no service and leaves the machine's own rules alone."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from streamvault_dev import packages
from streamvault_dev.commands import CommandError

OWNERS = "#!/bin/sh\nexit 104\n"


def test_no_service_is_started_meanwhile(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with packages.no_service_starts(policy):
        assert subprocess.run([policy, "redis-server", "start"], check=False).returncode == 101
    assert not policy.exists()


def test_policy_is_gone_after_a_failure_too(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with pytest.raises(CommandError), packages.no_service_starts(policy):
        raise CommandError("apt-get ended with 100")
    assert not policy.exists()


def test_policy_of_the_owner_stays(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text(OWNERS)
    with packages.no_service_starts(policy):
        assert policy.read_text() == OWNERS
    assert policy.read_text() == OWNERS


def test_policy_that_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text(packages.REFUSE_STARTS)
    with packages.no_service_starts(policy):
        assert policy.exists()
    assert not policy.exists()


@pytest.mark.parametrize(("listed", "disabled"), [("", ["disable redis-server"]), ("installed redis-server", [])])
def test_only_a_redis_that_came_now_is_disabled(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, disabled: list[str]
) -> None:
    program("dpkg-query", f"print({listed!r})")
    program("dpkg", "")
    apt = program("apt-get", "")
    calls = Path(f"{program('systemctl', '')}.calls")
    policy = tmp_path / "policy-rc.d"
    no_service_starts = packages.no_service_starts
    monkeypatch.setattr(packages, "no_service_starts", lambda: no_service_starts(policy))
    monkeypatch.setattr(packages, "LOG", tmp_path / "packages.log")
    packages.install(("qemu-user-static",))
    assert (calls.read_text().splitlines() if calls.exists() else []) == disabled
    ran = Path(f"{apt}.calls").read_text().splitlines()
    assert ran == ["update", "install -y --no-install-recommends qemu-user-static"]
