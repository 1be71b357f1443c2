"""The built cluster survives being killed at any point and touches nothing that is not its own."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from streamvault_dev.cluster import built, configuration, leftovers, pki, volumes
from streamvault_dev.cluster.daemons import Daemon, start_time, wait_until
from streamvault_dev.cluster.interface import ClusterError
from streamvault_dev.commands import output

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def daemon(folder: Path, argv: list[str]) -> Daemon:
    return Daemon("sleeper", argv, folder / "logs/sleeper.log", folder / "run/sleeper.pid")


def start(sleeper: Daemon) -> int:
    sleeper.start(os.environ["PATH"])
    assert wait_until(lambda: "up" in sleeper.log.read_text(), 120)
    pid = sleeper.pid()
    assert pid is not None
    return pid


@pytest.fixture
def sleeper(tmp_path: Path) -> Any:
    made = daemon(tmp_path, SLEEPER)
    yield made
    made.stop()


def test_daemon_outlives_its_starter_in_a_session_of_its_own(sleeper: Daemon) -> None:
    pid = start(sleeper)
    assert os.getsid(pid) == pid
    start(sleeper)
    assert sleeper.pid() == pid, "a second start leaves the running one alone"


def test_daemon_with_other_arguments_than_declared_is_outdated(sleeper: Daemon) -> None:
    assert not sleeper.is_outdated(), "nothing runs"
    start(sleeper)
    assert not sleeper.is_outdated()
    assert dataclasses.replace(sleeper, argv=[*SLEEPER, "--verbose"]).is_outdated()


def test_stop_ends_exactly_that_process(sleeper: Daemon) -> None:
    other = subprocess.Popen(SLEEPER, stdout=subprocess.DEVNULL)
    try:
        pid = start(sleeper)
        assert sleeper.stop()
        assert start_time(pid) is None
        assert other.poll() is None
        assert not sleeper.stop()
    finally:
        other.kill()
        other.wait()


def test_stubborn_daemon_is_killed_after_the_patience(tmp_path: Path) -> None:
    stubborn = daemon(tmp_path, STUBBORN)
    pid = start(stubborn)
    assert stubborn.stop(patience_seconds=0.3)
    assert start_time(pid) is None


def test_recycled_pid_is_not_mistaken_for_the_daemon(sleeper: Daemon) -> None:
    sleeper.pid_file.parent.mkdir(parents=True)
    sleeper.pid_file.write_text(f"{os.getpid()} 1")
    assert sleeper.pid() is None
    assert not sleeper.stop(), "it would have been this very test"


def test_daemon_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    broken = daemon(tmp_path, [sys.executable, "-c", "raise SystemExit('flag is unknown')"])
    broken.start(os.environ["PATH"])
    with pytest.raises(ClusterError, match="flag is unknown"):
        broken.require_ready(lambda: False, 120)


def test_log_of_the_former_run_is_kept(sleeper: Daemon) -> None:
    pid = start(sleeper)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: sleeper.pid() is None, 120)
    start(sleeper)
    assert sleeper.log.with_suffix(".log.1").read_text().startswith("up")


def test_only_mounts_below_our_folders_are_found_deepest_first() -> None:
    mounts = (
        "tmpfs /run tmpfs rw 0 0\n"
        "overlay /run/sv/containerd/x/rootfs overlay rw 0 0\n"
        "tmpfs /var/lib/sv/kubelet/pods/a/vol\\0401 tmpfs rw 0 0\n"
        "tmpfs /var/lib/sv/kubelet/pods/a/vol\\0401/sub tmpfs rw 0 0\n"
        "overlay /run/sv-other/x overlay rw 0 0\n"
    )
    assert leftovers.mounts_below(mounts, ["/run/sv", "/var/lib/sv"]) == [
        "/var/lib/sv/kubelet/pods/a/vol 1/sub",
        "/var/lib/sv/kubelet/pods/a/vol 1",
        "/run/sv/containerd/x/rootfs",
    ]


def test_only_shims_of_our_containerd_are_ours() -> None:
    shim = "/opt/bin/containerd-shim-runc-v2"
    ours = Path("/run/streamvault-dev/containerd.sock")
    assert leftovers.is_shim_of([shim, "-namespace", "k8s.io", "-address", str(ours)], ours)
    assert not leftovers.is_shim_of([shim, "-address", "/run/containerd/containerd.sock"], ours)
    assert not leftovers.is_shim_of(["vim", str(ours)], ours)
    assert not leftovers.is_shim_of([], ours)


def pool_volume(name: str, phase: str, root: Path) -> dict[str, Any]:
    made = volumes.manifest(name, root / name, "node")
    return {**made, "status": {"phase": phase}}


def test_released_volumes_of_the_pool_are_recycled_and_no_others() -> None:
    root = Path("/var/lib/pool")
    stranger = pool_volume("home", "Released", root)
    stranger["spec"]["local"]["path"] = "/home"
    pool = [
        pool_volume("local-01", "Bound", root),
        pool_volume("local-02", "Released", root),
        pool_volume("local-03", "Available", root),
        pool_volume("local-04", "Failed", root),
        stranger,
    ]
    assert volumes.recyclable(pool, root) == ["local-02", "local-04"]


def test_emptied_volume_keeps_its_folder_and_follows_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "chown", lambda _path, uid, gid: owners.append((uid, gid)))
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "film").touch()
    folder = tmp_path / "local-01"
    (folder / "pgdata/base").mkdir(parents=True)
    (folder / "pgdata/base/1").touch()
    (folder / "link").symlink_to(precious)
    volumes.empty_folder(folder)
    assert list(folder.iterdir()) == []
    assert (precious / "film").exists()
    assert owners == [(1000, 1000)]


def test_old_images_go_only_when_they_are_many_and_unused() -> None:
    old = {f"localhost/ours/worker:{number}" for number in range(built.MANY_IMAGES)}
    held = old | {"localhost/ours/worker:current", "localhost/other/thing:1"}
    needed = {"localhost/ours/worker:current", "localhost/ours/worker:7"}
    assert set(built.forgettable(held, "localhost/ours/", needed)) == old - {"localhost/ours/worker:7"}
    assert built.forgettable(held - {"localhost/ours/worker:3"}, "localhost/ours/", needed) == []


def test_certificates_are_made_again_only_when_their_names_change(tmp_path: Path) -> None:
    def wanted(node_ip: str) -> list[pki.Certificate]:
        return pki.certificates("node", node_ip, "10.43.0.1")

    pki.ensure(tmp_path, wanted("10.0.0.1"))
    first = {file.name: file.read_bytes() for file in tmp_path.glob("*.crt")}
    pki.ensure(tmp_path, wanted("10.0.0.1"))
    assert {file.name: file.read_bytes() for file in tmp_path.glob("*.crt")} == first
    pki.ensure(tmp_path, wanted("10.0.0.2"))
    assert (tmp_path / "apiserver.crt").read_bytes() != first["apiserver.crt"]
    assert (tmp_path / "admin.crt").read_bytes() == first["admin.crt"]
    assert (tmp_path / "ca.crt").read_bytes() == first["ca.crt"]
    shown = output(["openssl", "x509", "-in", tmp_path / "apiserver.crt", "-noout", "-ext", "subjectAltName"])
    assert "10.0.0.2" in shown
    output(["openssl", "verify", "-CAfile", tmp_path / "ca.crt", tmp_path / "apiserver.crt", tmp_path / "kubelet.crt"])


def test_certificates_of_an_interrupted_run_are_made_again(tmp_path: Path) -> None:
    wanted = pki.certificates("node", "10.0.0.1", "10.43.0.1")
    pki.ensure(tmp_path, wanted)
    (tmp_path / "ca.crt").unlink()
    pki.ensure(tmp_path, wanted)
    output(["openssl", "verify", "-CAfile", tmp_path / "ca.crt", tmp_path / "admin.crt"])


def test_dns_asks_outside_only_when_the_machine_has_a_server_that_pods_can_reach() -> None:
    assert configuration.usable_nameservers("# none\nnameserver 127.0.0.53\nsearch x\n") == []
    servers = configuration.usable_nameservers("nameserver 10.1.1.1\nnameserver ::1\n")
    assert servers == ["10.1.1.1"]
    assert "forward" in configuration.corefile(servers)
    assert "forward" not in configuration.corefile([])
