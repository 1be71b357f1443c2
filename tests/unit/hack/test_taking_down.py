"""`make down` removes the release whenever the API answers, and stops what was started in any case."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamvault_dev import checks, golang, installation
from streamvault_dev.commands import CommandError
from streamvault_dev.images import builders

STATUS = json.dumps({"info": {"status": "deployed", "description": "inputs"}})
HELM = f"""
if argv[0] == "status":
    print({STATUS!r})
"""


def calls_of(program: Path) -> list[str]:
    record = Path(f"{program}.calls")
    return record.read_text().splitlines() if record.is_file() else []


class HalfDead:
    """A cluster of which a daemon is down."""

    description = "the half-dead cluster"

    def __init__(self, kubeconfig: Path | None) -> None:
        self._kubeconfig = kubeconfig
        self.stopped = False

    def is_running(self) -> bool:
        return False

    def answering_kubeconfig(self) -> Path | None:
        return self._kubeconfig

    def stop(self) -> list[str]:
        self.stopped = True
        return ["kubelet", "kube-apiserver"]


@pytest.fixture
def helm(program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    made: Path = program("helm", HELM)
    program("kubectl", "")
    monkeypatch.setattr(golang, "client_programs", lambda: made.parent)
    monkeypatch.setattr(checks, "require_root", lambda _: None)
    exclusive = builders.exclusive
    monkeypatch.setattr(builders, "exclusive", lambda name: exclusive(name, tmp_path / "run"))
    return made


def take_down(cluster: HalfDead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "choose", lambda _: cluster)
    installation.down(wipe=False)


def test_release_goes_although_a_daemon_is_down(
    helm: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cluster = HalfDead(tmp_path / "admin.conf")
    take_down(cluster, monkeypatch)
    assert any(call.startswith("uninstall ") for call in calls_of(helm))
    assert cluster.stopped
    assert capsys.readouterr().out == "removed the release\nstopped kubelet, kube-apiserver\n"


def test_silent_cluster_is_stopped_without_helm(helm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = HalfDead(None)
    take_down(cluster, monkeypatch)
    assert calls_of(helm) == []
    assert cluster.stopped


def test_release_that_cannot_be_removed_is_an_error_after_everything_is_stopped(
    helm: Path, program: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program("helm", HELM + "else:\n    sys.exit('hook failed')")
    cluster = HalfDead(tmp_path / "admin.conf")
    with pytest.raises(CommandError, match="hook failed"):
        take_down(cluster, monkeypatch)
    assert cluster.stopped
