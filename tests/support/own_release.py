"""A release of the chart in a namespace of a test's own, on the cluster that `make up` uses.

It takes its Telegram from the main installation's sandbox, and leaves the resource definitions, which the whole cluster
shares, to the main release.
"""

import base64
import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import api_server
import yaml
from chart import CHART, NAMESPACE, REPOSITORY, helm
from site_under_test import Site, eventually

from demo.__main__ import telegram_settings
from streamvault_common.keys import SESSION_FILE_KEY
from streamvault_dev.cluster.choice import choose

NAME, PREFIX = "streamvault", "release-test-"
LONGEST_LIFE = timedelta(minutes=45)
WORKLOADS = ("deployment/streamvault-operator", "deployment/manager", "statefulset/mongodb", "statefulset/redis")
START_SECONDS = 300
STOP_SECONDS = 300
CUSTOM = "titles,workersessions"
PARTS = "app.kubernetes.io/name=streamvault,app.kubernetes.io/component!=worker"
SANDBOX = "telegram-sandbox.streamvault.svc"


class OwnRelease:
    """`install` and `uninstall` as an owner does them; everything goes by `close`."""

    def __init__(self, namespace: str, values: Path | None = None) -> None:
        self.namespace = namespace
        self._values = [REPOSITORY / "manifests/sandbox/values.yaml", *filter(None, [values])]

    def create(self) -> None:
        """Make its namespace, with the pod security that the chart promises to keep."""
        self.kubectl("create", "namespace", self.namespace)
        self.kubectl("label", "namespace", self.namespace, "pod-security.kubernetes.io/enforce=restricted")

    def install(self) -> None:
        """Install the chart of this tree and wait until all of it runs, the edge too."""
        self._helm("install", NAME, str(CHART), *(word for file in self._values for word in ("--values", str(file))))
        eventually(lambda: self.get("statefulset", "edge"), START_SECONDS, "the operator makes the edge")
        for workload in (*WORKLOADS, "statefulset/edge"):
            self.kubectl("rollout", "status", workload, f"--timeout={START_SECONDS}s")

    def uninstall(self) -> None:
        """Uninstall and wait until nothing of the release runs any more; worker pods belong to their sessions."""
        self._helm("uninstall", NAME, "--ignore-not-found")
        eventually(lambda: not self._listed("statefulsets,deployments"), STOP_SECONDS, "the edge goes as well")
        eventually(lambda: not self._listed("pods", "--selector", PARTS), STOP_SECONDS, "its pods have ended")

    def close(self) -> None:
        """Nothing of it is left: a purge needs an operator, so the finalizers are taken off by hand."""
        self.uninstall()  # an operator that still runs would put its finalizers back
        for item in self._listed(CUSTOM):
            kind, name = item["kind"].lower(), item["metadata"]["name"]
            self.kubectl("patch", kind, name, "--type=merge", "--patch", '{"metadata": {"finalizers": null}}')
        self.kubectl("delete", CUSTOM, "--all", "--wait=false")
        self.kubectl("delete", "namespace", self.namespace, f"--timeout={STOP_SECONDS}s")
        cluster = choose(os.environ)
        if cluster.released_volumes():
            cluster.sweep_volumes()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints in this namespace; raises CalledProcessError."""
        command = ["kubectl", "--namespace", self.namespace, *arguments]
        return subprocess.run(command, input=stdin, check=True, stdout=subprocess.PIPE, text=True).stdout

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object, or None."""
        found = self.kubectl("get", kind, name, "--ignore-not-found", "--output=json")
        return json.loads(found) if found.strip() else None

    def condition(self, kind: str, name: str, wanted: str) -> dict[str, Any]:
        """A condition of an object; {} while there is none."""
        conditions = (self.get(kind, name) or {}).get("status", {}).get("conditions", [])
        return next((one for one in conditions if one["type"] == wanted), {})

    def names(self, kinds: str) -> set[str]:
        """Names of all objects of these kinds."""
        return {item["metadata"]["name"] for item in self._listed(kinds)}

    def uids(self, kinds: str) -> dict[str, str]:
        """Identity of all objects of these kinds by name; another one of the same name has another uid."""
        return {item["metadata"]["name"]: item["metadata"]["uid"] for item in self._listed(kinds)}

    def apply(self, *manifests: dict[str, Any]) -> None:
        """Declare objects."""
        listing = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(listing))

    def sign_in(self, name: str, session: str, **spec: Any) -> None:
        """Declare a WorkerSession of this session string."""
        data = {SESSION_FILE_KEY: base64.b64encode(session.encode()).decode()}
        self.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data},
            {
                "apiVersion": "streamvault.io/v1alpha1",
                "kind": "WorkerSession",
                "metadata": {"name": name},
                "spec": {"sessionSecretRef": {"name": name}, "drain": {"timeoutSeconds": 5}, **spec},
            },
        )

    @contextmanager
    def site(self) -> Iterator[Site]:
        """A viewer of this release, by a way that holds as long as its edge runs."""
        command = ["kubectl", "--namespace", self.namespace, "port-forward", "service/edge", ":80"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                line = process.stdout.readline() if process.stdout else ""
                port = re.search(r"127\.0\.0\.1:(\d+)", line)
                assert port, f"kubectl port-forward said {line!r}"
                viewer = Site(f"http://127.0.0.1:{port[1]}")
                yield viewer
                viewer.http.close()
            finally:
                process.terminate()

    def _listed(self, kinds: str, *selection: str) -> list[dict[str, Any]]:
        found = json.loads(self.kubectl("get", kinds, *selection, "--output=json"))
        items: list[dict[str, Any]] = found["items"]
        return items

    def _helm(self, *arguments: str) -> str:
        where = ("--kubeconfig", str(api_server.kubeconfig_path()), "--namespace", self.namespace)
        return helm(*arguments, *where)


@contextmanager
def own_release(folder: Path, **values: Any) -> Iterator[OwnRelease]:
    """A namespace for a release with these sections of values, gone afterwards, as are those that a killed run left."""
    _sweep()
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(_values() | values), encoding="utf-8")
    release = OwnRelease(f"{PREFIX}{secrets.token_hex(4)}", file)
    try:
        release.create()
        yield release
    finally:
        release.close()


def _sweep() -> None:
    """Their volumes would be missed: a cluster made by `make up` has twelve."""
    listed = subprocess.run(["kubectl", "get", "namespaces", "--output=json"], check=True, stdout=subprocess.PIPE)
    now = datetime.now(UTC)
    for item in json.loads(listed.stdout)["items"]:
        name, born = item["metadata"]["name"], datetime.fromisoformat(item["metadata"]["creationTimestamp"])
        if name.startswith(PREFIX) and now - born > LONGEST_LIFE:
            OwnRelease(name).close()


def _values() -> dict[str, Any]:
    """What differs from the sandbox's values: small, without ports of the node, with somebody else's Telegram."""
    known, main = telegram_settings(), ("--namespace", NAMESPACE, "--kubeconfig", str(api_server.kubeconfig_path()))
    return {
        # Those that run: what was built last may not be in the cluster.
        "images": json.loads(helm("get", "values", NAME, "--output=json", *main))["images"],
        "crds": {"install": False},
        "telegram": {
            "apiId": str(known.tg_api_id),
            "apiHash": known.tg_api_hash.get_secret_value(),
            "dcMap": ",".join(f"{dc}={SANDBOX}:{4430 + dc}" for dc in range(1, 6)),
            "rsaPublicKey": known.tg_rsa_public_key,
        },
        # A bot that Telegram does not know: two that share a token would both answer.
        "manager": {"botToken": "1:no-bot-of-this-sandbox", "adminUserIds": [], "adminChannelId": 0},
        "frontend": {"replicas": 0},
        "edge": {"service": {"type": "ClusterIP", "nodePort": 0}},
        "workers": {"terminationGraceSeconds": 5},
        "sandbox": {"enabled": False},
    }
