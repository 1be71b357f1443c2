"""`make sessions` on the live API server: what it declares is accepted, and repeated it changes nothing."""

import base64
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import api_server
from api_server import ApiServer

REPOSITORY = Path(__file__).parents[2]
FIRST, SECOND = ((letter * 362) for letter in "AB")


def run(folder: Path, namespace: str) -> str:
    done = subprocess.run(
        [REPOSITORY / "hack/sessions", "--folder", folder, "--namespace", namespace],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": str(api_server.kubeconfig_path())},
    )
    assert done.returncode == 0, done.stderr
    assert FIRST not in done.stdout + done.stderr
    return done.stdout


def put(folder: Path, text: str) -> None:
    file = folder / "account.session"
    file.write_text(f"{text}\n")
    file.chmod(stat.S_IRUSR | stat.S_IWUSR)


def test_file_becomes_a_secret_and_a_session_and_follows_its_changes(
    api: ApiServer, namespace: str, tmp_path: Path
) -> None:
    def found() -> tuple[dict[str, Any], str]:
        session = api.get(f"/apis/streamvault.io/v1alpha1/namespaces/{namespace}/workersessions/account")
        secret = api.get(f"/api/v1/namespaces/{namespace}/secrets/session-account")
        return session, base64.b64decode(secret["data"]["session"]).decode()

    put(tmp_path, FIRST)
    assert "account: created" in run(tmp_path, namespace)
    created, text = found()
    assert text == FIRST
    assert created["spec"]["roles"] == ["Stream"]
    path = f"/apis/streamvault.io/v1alpha1/namespaces/{namespace}/workersessions/account"
    api.patch(path, {"spec": {"priority": 7, "desiredState": "Resting"}})
    before = found()
    assert "account: unchanged" in run(tmp_path, namespace)
    assert found() == before
    put(tmp_path, SECOND)
    assert "account: renewed" in run(tmp_path, namespace)
    renewed, text = found()
    assert text == SECOND
    assert renewed["spec"]["sessionSecretRef"]["revision"] != created["spec"]["sessionSecretRef"]["revision"]
    assert (renewed["spec"]["priority"], renewed["spec"]["desiredState"]) == (7, "Resting"), "a person's edits stay"
