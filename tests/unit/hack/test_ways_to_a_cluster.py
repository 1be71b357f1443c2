"""Which cluster `make up` means, and that build/kubeconfig always belongs to that one."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamvault_dev.cluster import choice
from streamvault_dev.cluster import k3s as k3s_module
from streamvault_dev.cluster.external import ExternalCluster, node_address
from streamvault_dev.cluster.interface import ClusterError
from streamvault_dev.cluster.k3s import K3S_KUBECONFIG, K3sCluster
from streamvault_dev.cluster.published import Origin, PublishedKubeconfig

HACK = Path(__file__).parents[3] / "hack"
OURS = Path("/clone/build/kubeconfig")
MINE = Origin("external", "/home/me/board.yaml", "a", "b", "10.0.0.7")
KUBECTL = """
file = pathlib.Path(argv[1])
cluster = file.read_text().strip()
words = argv[2:]
if cluster == "dead":
    sys.exit("connection refused")
if words[:2] == ["config", "view"]:
    assert "--flatten" in words, "certificates named by relative paths would be lost"
    print(cluster)
elif words[:2] == ["get", "nodes"]:
    print('{"items": [{"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.7"}]}}]}')
elif words[:3] == ["get", "namespace", "kube-system"]:
    print(f"uid-of-{cluster}", end="")
"""


@pytest.mark.parametrize(
    ("environment", "k3s_installed", "origin", "expected"),
    [
        ({}, False, None, ("built", None)),
        ({"KUBECONFIG": ""}, False, None, ("built", None)),
        ({"KUBECONFIG": str(OURS)}, False, None, ("built", None)),
        ({"KUBECONFIG": "/etc/other"}, False, None, ("external", Path("/etc/other"))),
        ({"KUBECONFIG": "/etc/other"}, True, None, ("external", Path("/etc/other"))),
        ({"KUBECONFIG": "/etc/other"}, False, MINE, ("external", Path("/etc/other"))),
        ({}, True, None, ("k3s", K3S_KUBECONFIG)),
        ({"K3S": "install"}, False, None, ("k3s", K3S_KUBECONFIG)),
        # `export KUBECONFIG=$PWD/build/kubeconfig`, as the README says, changes nothing:
        ({"KUBECONFIG": str(OURS)}, False, MINE, ("external", Path("/home/me/board.yaml"))),
        ({"KUBECONFIG": str(OURS)}, True, MINE, ("external", Path("/home/me/board.yaml"))),
        ({"KUBECONFIG": str(OURS)}, True, Origin("built", "/s/admin.conf", "a", "b", ""), ("built", None)),
        # without it the first way that applies is taken, whatever was used before:
        ({}, False, MINE, ("built", None)),
    ],
)
def test_first_way_to_a_cluster_that_applies_is_taken(
    environment: dict[str, str], k3s_installed: bool, origin: Origin | None, expected: tuple[str, Path | None]
) -> None:
    way, source = choice.way(environment, k3s_installed=k3s_installed, ours=OURS, origin=origin)
    assert (way, source if way != "built" else None) == expected


@pytest.fixture
def published(tmp_path: Path) -> PublishedKubeconfig:
    return PublishedKubeconfig(tmp_path / "build/kubeconfig")


class Clusters:
    """External clusters of one clone; each kubeconfig holds only its cluster's name."""

    def __init__(self, folder: Path, published: PublishedKubeconfig, kubectl: Path) -> None:
        self._folder, self._published, self._kubectl = folder, published, kubectl

    def file(self, name: str) -> Path:
        file = self._folder / f"{name}.yaml"
        if not file.exists():
            file.write_text(name)
        return file

    def use(self, name: str, loader: str = "") -> ExternalCluster:
        loaded = self._folder / "loaded"
        return ExternalCluster(self.file(name), loader, published=self._published, loaded=loaded, kubectl=self._kubectl)


@pytest.fixture
def clusters(tmp_path: Path, published: PublishedKubeconfig, program: Any) -> Clusters:
    return Clusters(tmp_path, published, program("kubectl", KUBECTL))


def test_another_kubeconfig_is_taken_over_although_one_exists(
    clusters: Clusters, published: PublishedKubeconfig
) -> None:
    source = clusters.file("built")
    published.publish("built", source, "built")
    board = clusters.use("board")
    assert not board.is_running(), "build/kubeconfig is still that of the built cluster"
    board.start()
    assert board.is_running()
    assert published.file.read_text().strip() == "board"
    assert published.file.stat().st_mode & 0o777 == 0o600
    assert published.host() == "10.0.0.7"
    assert not published.is_from("built", source)
    assert not clusters.use("other").is_running()


def test_changed_kubeconfig_is_taken_over_again(clusters: Clusters, published: PublishedKubeconfig) -> None:
    board = clusters.use("board")
    board.start()
    clusters.file("board").write_text("board-with-new-certificate")
    assert not board.is_running()
    board.start()
    assert published.file.read_text().strip() == "board-with-new-certificate"


def test_kubeconfig_that_somebody_else_wrote_counts_as_nobodys(
    clusters: Clusters, published: PublishedKubeconfig
) -> None:
    clusters.use("board").start()
    published.file.write_text("other")
    assert published.origin() is None
    assert not clusters.use("board").is_running()


def test_silent_cluster_is_named_and_nothing_is_taken_over(
    clusters: Clusters, published: PublishedKubeconfig, tmp_path: Path
) -> None:
    with pytest.raises(ClusterError, match=r"dead\.yaml does not answer"):
        clusters.use("dead").start()
    assert not published.file.exists()
    with pytest.raises(ClusterError, match="is not a file; unset it"):
        ExternalCluster(tmp_path / "nothing", "")


def chunks() -> Iterator[bytes]:
    yield b"layer" * 1000
    yield b"end"


def test_images_go_through_the_loader_once_per_cluster(clusters: Clusters, program: Any, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    loader = program("load-images", f"pathlib.Path({str(taken)!r}).write_bytes(sys.stdin.buffer.read())")
    board = clusters.use("board", f"{loader} --board")
    board.load(chunks(), {"worker:1", "edge:1"})
    assert taken.read_bytes() == b"".join(chunks())
    assert board.held_images() == {"worker:1", "edge:1"}
    assert clusters.use("other").held_images() == set(), "another cluster has none of them"


def test_loader_that_leaves_early_is_reported_with_its_words(clusters: Clusters, program: Any) -> None:
    loader = program("load-images", "sys.exit('no space left on the board')")
    board = clusters.use("board", str(loader))
    endless = (b"x" * 65536 for _ in range(1000))
    with pytest.raises(ClusterError, match="IMAGE_LOADER ended with 1: no space left on the board"):
        board.load(endless, {"worker:1"})
    assert board.held_images() == set()


@pytest.mark.parametrize(("loader", "said"), [("", "set IMAGE_LOADER"), ("/no/such/loader", "cannot be run")])
def test_loader_that_is_none_is_named(clusters: Clusters, loader: str, said: str) -> None:
    with pytest.raises(ClusterError, match=said):
        clusters.use("board", loader).load(chunks(), {"worker:1"})


def test_addresses_are_those_of_a_node() -> None:
    def node(**addresses: str) -> dict[str, Any]:
        return {"status": {"addresses": [{"type": kind, "address": value} for kind, value in addresses.items()]}}

    assert node_address([node(InternalIP="10.0.0.1", Hostname="a"), node(ExternalIP="203.0.113.4")]) == "203.0.113.4"
    assert node_address([node(InternalIP="fd00::1")]) == "[fd00::1]"
    assert node_address([]) == "127.0.0.1"


K3S = """
state = pathlib.Path({state!r})
running = state.exists()
if argv[0] == "kubectl":
    sys.exit(0 if running else "connection refused")
if argv[:4] == ["ctr", "--namespace", "k8s.io", "images"] and argv[4] == "import":
    sys.stdin.buffer.read()
    pathlib.Path({images!r}).write_text("worker:1")
elif argv[4:5] == ["ls"]:
    file = pathlib.Path({images!r})
    print(file.read_text() if file.exists() else "")
"""


@pytest.fixture
def k3s(tmp_path: Path, published: PublishedKubeconfig, program: Any) -> K3sCluster:
    state = tmp_path / "k3s-runs"
    program("k3s", K3S.format(state=str(state), images=str(tmp_path / "images")))
    act = f"state = pathlib.Path({str(state)!r})\nstate.touch() if argv[0] == 'start' else state.unlink()"
    program("systemctl", act)
    source = tmp_path / "k3s.yaml"
    source.write_text("k3s")
    return K3sCluster(source, published=published, started_by_us=tmp_path / "run/k3s-started")


def test_k3s_that_was_down_is_started_and_stopped_again(
    k3s: K3sCluster, published: PublishedKubeconfig, tmp_path: Path
) -> None:
    published.publish("built", tmp_path / "admin.conf", "built")
    assert not k3s.is_running()
    assert k3s.answering_kubeconfig() is None
    k3s.start()
    assert k3s.is_running()
    assert published.file.read_text() == "k3s"
    k3s.load(chunks(), {"worker:1"})
    assert k3s.held_images() == {"worker:1"}
    assert k3s.stop() == ["k3s"]
    assert not k3s.is_running()
    assert k3s.stop() == []


def test_k3s_that_runs_already_is_left_running(k3s: K3sCluster, published: PublishedKubeconfig, tmp_path: Path) -> None:
    (tmp_path / "k3s-runs").touch()
    published.publish("built", tmp_path / "admin.conf", "built")
    assert not k3s.is_running(), "build/kubeconfig is still that of the built cluster"
    assert k3s.answering_kubeconfig() is not None
    k3s.start()
    assert published.file.read_text() == "k3s"
    assert k3s.stop() == []
    assert k3s.is_running()


@pytest.fixture
def empty_machine(k3s: K3sCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> K3sCluster:
    """Without k3s; its installer is to bring it."""
    (tmp_path / "programs/k3s").rename(tmp_path / "k3s")
    monkeypatch.setattr(k3s_module, "BUILD", tmp_path / "build")
    monkeypatch.setattr(k3s_module, "STEP_LOGS", tmp_path / "logs")
    return k3s


def test_k3s_that_was_installed_is_stopped_although_it_answered_at_once(
    empty_machine: K3sCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installer = f"mv {tmp_path}/k3s {tmp_path}/programs/k3s\ntouch {tmp_path}/k3s-runs\n"
    monkeypatch.setattr(urllib.request, "urlretrieve", lambda _, script: script.write_text(installer))
    empty_machine.start()
    assert empty_machine.is_running()
    assert empty_machine.stop() == ["k3s"]
    assert not empty_machine.is_running()


def test_k3s_without_internet_is_one_clear_line(empty_machine: K3sCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlretrieve", fail)
    with pytest.raises(ClusterError, match=r"^k3s cannot be installed: .*no route to host.*$"):
        empty_machine.start()
    assert empty_machine.stop() == []


def drive(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real program."""
    command = [sys.executable, "-m", "streamvault_dev", *arguments]
    return subprocess.run(
        command, cwd=HACK, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_status_of_a_cluster_that_does_not_answer_is_code_1(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "board.yaml"
    kubeconfig.write_text("apiVersion: v1\nkind: Config\n")
    done = drive("status", KUBECONFIG=str(kubeconfig))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[0] == f"cluster  the cluster of {kubeconfig}: not running"


def test_kubeconfig_that_is_no_file_is_one_line_and_code_1() -> None:
    done = drive("status", KUBECONFIG="/nothing/here")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: KUBECONFIG=/nothing/here is not a file; unset it to have a cluster made here\n"


def test_chat_without_an_installation_is_one_line_and_code_1() -> None:
    done = drive("chat", SANDBOX_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no local Telegram answers at http://127.0.0.1:9 (")
    assert done.stderr.endswith("): make up\n")
    assert done.stderr.count("\n") == 1
