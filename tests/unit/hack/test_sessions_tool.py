"""Session strings in config/workers become Secrets and WorkerSessions; what would end an account is refused before."""

import base64
import os
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from streamvault_dev import sessions
from streamvault_dev.commands import CommandError
from streamvault_dev.paths import REPOSITORY
from streamvault_dev.sessions import Declared, Session, SessionsRefused

FIRST, SECOND = ((letter * 362) for letter in "AB")
LABELS = {"app.kubernetes.io/part-of": "streamvault"}


def put(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name}.session"
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_files_are_read_by_name_without_white_space(tmp_path: Path) -> None:
    put(tmp_path, "s02", f"{SECOND}\n")
    put(tmp_path, "s01", f"  {FIRST}\n\n")
    (tmp_path / "README.md").write_text("not a session")
    assert sessions.read_folder(tmp_path) == [Session("s01", FIRST), Session("s02", SECOND)]


def test_revision_follows_the_string_and_hides_it() -> None:
    first = Session("s01", FIRST)
    assert first.revision == Session("other", FIRST).revision != Session("s01", SECOND).revision
    assert set(first.revision) <= set(string.hexdigits.lower())
    assert len(first.revision) == 16
    assert FIRST not in repr(first)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("s01", "", "no session string of kurigram"),
        ("s01", "x" * 40, "no session string of kurigram"),
        ("s01", f"1{'A' * 351}=", "no session string of kurigram"),
        ("s01", f"{FIRST}\n{SECOND}", "no session string of kurigram"),
        ("S_01", FIRST, "at most 48 lower-case letters"),
        ("a.b", FIRST, "at most 48 lower-case letters"),
        ("a" * 49, FIRST, "at most 48 lower-case letters"),
        ("-a", FIRST, "at most 48 lower-case letters"),
    ],
)
def test_file_that_cannot_work_is_named_without_its_content(tmp_path: Path, name: str, text: str, said: str) -> None:
    put(tmp_path, name, text)
    with pytest.raises(SessionsRefused, match=said) as refused:
        sessions.read_folder(tmp_path)
    assert name in str(refused.value)
    assert not text or text not in str(refused.value)


def test_empty_folder_says_how_to_make_a_session(tmp_path: Path) -> None:
    with pytest.raises(SessionsRefused, match="hack/sessions login NAME"):
        sessions.read_folder(tmp_path)


def test_one_string_under_two_names_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "s01", FIRST)
    put(tmp_path, "s02", FIRST)
    with pytest.raises(SessionsRefused, match=r"s02\.session is the session of s01 too"):
        sessions.read_folder(tmp_path)


def test_renamed_file_is_refused_while_the_old_name_uses_the_string() -> None:
    running = {"old": Declared("session-old", text=FIRST)}
    with pytest.raises(SessionsRefused, match=r"new\.session is the session of old too"):
        sessions.require_unshared([Session("new", FIRST)], running)
    sessions.require_unshared([Session("new", SECOND), Session("old", FIRST)], running)


def kinds(session: Session, declared: Declared | None) -> list[str]:
    return [manifest["kind"] for manifest in sessions.changes(session, declared, LABELS)]


def test_new_session_gets_a_secret_then_a_resource() -> None:
    new = Session("s01", FIRST)
    secret, resource = sessions.changes(new, None, LABELS)
    assert secret["metadata"] == {"name": "session-s01", "labels": LABELS}
    assert base64.b64decode(secret["data"]["session"]).decode() == FIRST
    assert resource["metadata"] == {"name": "s01"}
    assert resource["spec"] == {"sessionSecretRef": {"name": "session-s01", "key": "session", "revision": new.revision}}


def test_unchanged_session_is_left_alone() -> None:
    same = Session("s01", FIRST)
    assert kinds(same, Declared("session-s01", "session", same.revision, FIRST)) == []


def test_changed_string_goes_into_the_secret_that_the_resource_names_before_the_revision() -> None:
    new = Session("s01", SECOND)
    secret, resource = sessions.changes(new, Declared("by-hand", "string", "1", FIRST), LABELS)
    assert (secret["kind"], secret["metadata"]["name"], list(secret["data"])) == ("Secret", "by-hand", ["string"])
    assert resource["spec"]["sessionSecretRef"] == {"name": "by-hand", "key": "string", "revision": new.revision}


def test_run_that_ended_between_the_two_is_finished_by_the_next() -> None:
    new = Session("s01", SECOND)
    assert kinds(new, Declared("session-s01", "session", "older", SECOND)) == ["WorkerSession"]
    assert kinds(new, Declared("session-s01", "session", new.revision, "")) == ["Secret"], "the Secret was deleted"


CLUSTER = """
state = pathlib.Path({state!r})
import json
objects = json.loads(state.read_text()) if state.exists() else {{}}
words = [word for word in argv if word not in ("--namespace", "films")]
if words[0] == "get":
    kind = {{"secrets": "Secret", "workersessions": "WorkerSession"}}[words[1]]
    print(json.dumps({{"items": [value for value in objects.values() if value["kind"] == kind]}}))
else:
    manifest = json.load(sys.stdin)
    if {broken!r} and manifest["kind"] == "Secret":
        sys.exit("cannot store " + manifest["data"]["session"])
    objects[manifest["kind"] + "/" + manifest["metadata"]["name"]] = manifest
    state.write_text(json.dumps(objects))
"""


@pytest.fixture
def cluster(program: Any, tmp_path: Path) -> Path:
    made: Path = program("kubectl", CLUSTER.format(state=str(tmp_path / "state"), broken=False))
    return made


def test_repeated_runs_apply_only_what_changed(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "workers"
    folder.mkdir()
    put(folder, "s01", FIRST)
    swarm = sessions.Swarm("films", cluster, None)

    def run() -> list[str]:
        sessions.apply(folder, swarm)
        said = capsys.readouterr()
        for text in (FIRST, SECOND, base64.b64encode(FIRST.encode()).decode()):
            assert text not in said.out + said.err
        place, *lines = said.out.splitlines()
        assert place.startswith("into namespace films of ")
        return [line.split(" (")[0].strip() for line in lines]

    assert run() == ["s01: created"]
    assert run() == ["s01: unchanged"]
    put(folder, "s01", SECOND)
    put(folder, "s02", FIRST)
    with pytest.raises(SessionsRefused, match=r"s02\.session is the session of s01 too"):
        run()
    (folder / "s02.session").unlink()
    assert run() == ["s01: renewed"]
    put(folder, "s02", FIRST)
    assert run() == ["s01: unchanged", "s02: created"]
    calls = Path(f"{cluster}.calls").read_text()
    assert FIRST not in calls, "not on a command line either: everybody on the machine can read those"


def test_file_that_others_can_read_is_pointed_out(
    cluster: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "workers"
    folder.mkdir()
    put(folder, "s01", FIRST).chmod(0o644)
    sessions.apply(folder, sessions.Swarm("films", cluster, None))
    assert "note: s01.session can be read by others: chmod 600" in capsys.readouterr().out


def test_words_of_kubectl_are_shown_without_the_string(program: Any, tmp_path: Path) -> None:
    broken = program("kubectl", CLUSTER.format(state=str(tmp_path / "state"), broken=True))
    put(tmp_path, "s01", FIRST)
    with pytest.raises(CommandError, match="cannot store …") as failed:
        sessions.apply(tmp_path, sessions.Swarm("films", broken, None))
    assert base64.b64encode(FIRST.encode()).decode() not in str(failed.value)


def test_program_refuses_in_one_line_with_code_1(tmp_path: Path) -> None:
    done = subprocess.run(
        [REPOSITORY / "hack/sessions", "--folder", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: there is no NAME.session in {tmp_path}; make one: hack/sessions login NAME\n"
