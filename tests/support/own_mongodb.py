"""A MongoDB or FerretDB of a test run's own in the cluster, made as the installation's is: what happens to one of the
two does not reach the other.
"""

import base64
import fcntl
import json
import secrets
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from site_under_test import eventually
from stores import PORT, moved

from demo.cluster import get, kubectl
from streamvault_common.keys import LABEL_COMPONENT

STATEFUL_SET, SECRET, POD = "mongodb", "streamvault-stores", "mongodb"
NOTE, NAMESPACES_NOTE = "mongodb", "mongodb-namespaces"
START_SECONDS = 300
LONGEST_USE_SECONDS = 2 * 3600
"""A run that was killed cannot clean up: its pod ends by itself."""


def started(run: Path) -> str:
    """Connection string of the server that all lanes of a run share, empty when the first asks; `run` is its folder.

    LookupError without an installation to take it from.
    """
    note = run / NOTE
    with (run / "mongodb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.exists():
            namespace = f"mongodb-test-{secrets.token_hex(4)}"
            with (run / NAMESPACES_NOTE).open("a") as namespaces:  # those of failed attempts have to go as well
                namespaces.write(f"{namespace}\n")
            note.write_text(_start(namespace))
        return note.read_text()


def end(run: Path) -> None:
    """Remove what `started` made."""
    if (run / NAMESPACES_NOTE).exists():
        namespaces = (run / NAMESPACES_NOTE).read_text().split()
        kubectl("delete", "namespace", *namespaces, "--wait=false", "--ignore-not-found")


def _start(namespace: str) -> str:
    running, secret = get("statefulset", STATEFUL_SET), get("secret", SECRET)
    if running is None or secret is None:
        raise LookupError("no MongoDB in the cluster to make another one like: run `make up`")
    kubectl("create", "namespace", namespace)
    listing = {"apiVersion": "v1", "kind": "List", "items": [_copy_of_secret(secret), _pod(running)]}
    kubectl("create", "--namespace", namespace, "--filename=-", stdin=json.dumps(listing))
    wait = f"--timeout={START_SECONDS}s"
    kubectl("wait", f"pod/{POD}", "--namespace", namespace, "--for=condition=Ready", wait)
    address = kubectl("get", "pod", POD, "--namespace", namespace, "--output=jsonpath={.status.podIP}")
    uri = moved(base64.b64decode(secret["data"]["MONGODB_URI"]).decode(), f"{address}:{PORT}")
    eventually(lambda: _answers(uri), START_SECONDS, "the server answers")
    return uri


def _pod(stateful_set: dict[str, Any]) -> dict[str, Any]:
    """Its pod over a volume that goes with the pod, and of no component: no Service of anybody leads to it."""
    template = stateful_set["spec"]["template"]
    claims = [claim["metadata"]["name"] for claim in stateful_set["spec"]["volumeClaimTemplates"]]
    volumes = [*template["spec"].get("volumes", []), *({"name": name, "emptyDir": {}} for name in claims)]
    own = {"serviceAccountName": "default", "restartPolicy": "Always", "activeDeadlineSeconds": LONGEST_USE_SECONDS}
    spec = template["spec"] | own | {"volumes": volumes, "terminationGracePeriodSeconds": 1}
    spec.pop("serviceAccount", None)
    labels = {LABEL_COMPONENT: "mongodb-of-a-test"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "labels": labels}, "spec": spec}


def _copy_of_secret(secret: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": secret["data"]}


def _answers(uri: str) -> bool:
    """FerretDB looks only every few seconds whether it is ready."""
    try:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=10_000) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
