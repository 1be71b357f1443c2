"""config/workers/NAME.session as Secret and WorkerSession NAME; changed content reaches the pod by a new revision.

A string is never printed, not even by an error of kubectl. Removing a file removes nothing: that is an edit of the
WorkerSession, so that it is drained first.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamvault_common.keys import API_VERSION, APP_NAME, SESSION_FILE_KEY

from . import commands, environments
from .paths import BUILD, KUBECONFIG, REPOSITORY, VENV

FOLDER = REPOSITORY / "config/workers"
SUFFIX = ".session"
NAME_FORM = re.compile(r"[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?")
STRING_FORM = re.compile(r"[A-Za-z0-9_-]{351,362}")
LABELS = {"app.kubernetes.io/part-of": APP_NAME}
FIELD_MANAGER = "streamvault-sessions"
REVISION_LENGTH = 16
Object = dict[str, Any]


class SessionsRefused(Exception):  # noqa: N818 what a user reads
    """Nothing was applied; the message names the file and what to change."""


@dataclass(frozen=True)
class Session:
    """One file: a WorkerSession's name and the session string of its account."""

    name: str
    text: str = field(repr=False)

    @property
    def revision(self) -> str:
        """Differs when the string does, and tells nothing about it: it holds 256 random bits."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:REVISION_LENGTH]


@dataclass(frozen=True)
class Declared:
    """What the cluster has under one WorkerSession's name."""

    secret: str
    key: str = SESSION_FILE_KEY
    revision: str = ""
    text: str = field(default="", repr=False)
    exists: bool = True


def read_folder(folder: Path) -> list[Session]:
    """Every NAME.session, sorted by name. SessionsRefused."""
    sessions = [Session(file.stem, _read(file)) for file in sorted(folder.glob(f"*{SUFFIX}"))]
    if not sessions:
        raise SessionsRefused(f"there is no NAME{SUFFIX} in {folder}; make one: hack/sessions login NAME")
    names: dict[str, str] = {}
    for session in sessions:
        if (other := names.setdefault(session.text, session.name)) != session.name:
            raise SessionsRefused(_used_twice(session.name, other))
    return sessions


def readable_by_others(folder: Path) -> list[str]:
    """Names of files that more people than their owner may read."""
    files = sorted(folder.glob(f"*{SUFFIX}"))
    return [file.name for file in files if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]


def require_unshared(sessions: list[Session], declared: Mapping[str, Declared]) -> None:
    """SessionsRefused when a string would run under two names: Telegram would end it for good."""
    known = {entry.text: name for name, entry in declared.items() if entry.text}
    for session in sessions:
        if (other := known.get(session.text, session.name)) != session.name:
            raise SessionsRefused(_used_twice(session.name, other))


def changes(session: Session, declared: Declared | None, labels: Mapping[str, str]) -> list[Object]:
    """Manifests to apply, in this order: the Secret before the revision that makes the operator look at it."""
    entry = declared or Declared(f"session-{session.name}", exists=False)
    manifests: list[Object] = []
    if entry.text != session.text:
        data = {entry.key: base64.b64encode(session.text.encode()).decode()}
        metadata = {"name": entry.secret, "labels": dict(labels)}
        manifests.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    if not entry.exists or entry.revision != session.revision:
        reference = {"name": entry.secret, "key": entry.key, "revision": session.revision}
        manifests.append(
            {
                "apiVersion": API_VERSION,
                "kind": "WorkerSession",
                "metadata": {"name": session.name},
                "spec": {"sessionSecretRef": reference},
            }
        )
    return manifests


class Swarm:
    """WorkerSessions and their Secrets of one namespace, through kubectl."""

    def __init__(self, namespace: str, kubectl: Path, kubeconfig: Path | None) -> None:
        where: list[str | Path] = ["--kubeconfig", kubeconfig] if kubeconfig else []
        self._kubectl: list[str | Path] = [kubectl, *where, "--namespace", namespace]
        self.place = f"namespace {namespace} of {kubeconfig or os.environ.get('KUBECONFIG') or 'the default cluster'}"

    def declared(self) -> dict[str, Declared]:
        """By WorkerSession; a Secret that is missing leaves the text empty. CommandError."""
        secrets = {item["metadata"]["name"]: item.get("data", {}) for item in self._items("secrets")}
        return {item["metadata"]["name"]: _declared(item, secrets) for item in self._items("workersessions")}

    def apply(self, manifest: Object, hidden: str) -> None:
        """Declare one object. CommandError, without the hidden text in any form."""
        arguments = ["apply", "--server-side", "--force-conflicts", "--field-manager", FIELD_MANAGER, "-f", "-"]
        try:
            commands.output([*self._kubectl, *arguments], stdin=json.dumps(manifest))
        except commands.CommandError as error:
            said = str(error).replace(hidden, "…").replace(base64.b64encode(hidden.encode()).decode(), "…")
            raise commands.CommandError(said) from None

    def _items(self, kind: str) -> list[Object]:
        found: list[Object] = json.loads(commands.output([*self._kubectl, "get", kind, "-o", "json"]))["items"]
        return found


def apply(folder: Path, swarm: Swarm) -> None:
    """Bring the cluster to what the folder says; prints one line per session. SessionsRefused, CommandError."""
    sessions = read_folder(folder)
    declared = swarm.declared()
    require_unshared(sessions, declared)
    print(f"into {swarm.place}:")
    for name in readable_by_others(folder):
        print(f"  note: {name} can be read by others: chmod 600 {folder / name}")
    for session in sessions:
        known = declared.get(session.name)
        manifests = changes(session, known, LABELS)
        for manifest in manifests:
            swarm.apply(manifest, session.text)
        done = "created" if known is None else "renewed" if manifests else "unchanged"
        print(f"  {session.name}: {done} (revision {session.revision})")


def login(name: str, folder: Path) -> int:
    """Make folder/NAME.session by phone, code and password, at the terminal; returns the exit code."""
    if not NAME_FORM.fullmatch(name):
        raise SessionsRefused(_bad_name(name))
    folder.mkdir(parents=True, exist_ok=True)
    program = [str(VENV / "bin/python"), "-m", "streamvault_worker.login"]
    return commands.show(
        [*program, "--file", str(folder / f"{name}{SUFFIX}")], env=environments.tool_environment(KUBECONFIG)
    )


def swarm_of(environment: Mapping[str, str], namespace: str) -> Swarm:
    """The cluster of KUBECONFIG, else the one of `make up`, else the one that kubectl means."""
    kubectl = BUILD / "bin/kubectl"
    if not kubectl.is_file():
        kubectl = Path(shutil.which("kubectl") or kubectl)
    published = KUBECONFIG if KUBECONFIG.is_file() and not environment.get("KUBECONFIG") else None
    return Swarm(namespace, kubectl, published)


def _read(file: Path) -> str:
    if not NAME_FORM.fullmatch(file.stem):
        raise SessionsRefused(_bad_name(file.stem))
    text = file.read_text(errors="replace").strip()
    if not STRING_FORM.fullmatch(text):
        raise SessionsRefused(
            f"{file} is no session string of kurigram or pyrogram: one line of 351 to 362 letters, digits, - and _"
        )
    return text


def _declared(item: Object, secrets: Mapping[str, Mapping[str, str]]) -> Declared:
    reference = item["spec"]["sessionSecretRef"]
    key = reference.get("key", SESSION_FILE_KEY)
    text = base64.b64decode(secrets.get(reference["name"], {}).get(key, "")).decode(errors="replace").strip()
    return Declared(reference["name"], key, reference.get("revision", ""), text)


def _bad_name(name: str) -> str:
    return f"{name}{SUFFIX}: a WorkerSession's name has at most 48 lower-case letters, digits and dashes"


def _used_twice(name: str, other: str) -> str:
    return f"{name}{SUFFIX} is the session of {other} too: from two places at once Telegram ends it for good"
