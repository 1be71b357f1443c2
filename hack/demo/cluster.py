"""What the sample library asks of the cluster: through kubectl, as an operator would."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMESPACE = os.environ.get("STREAMVAULT_NAMESPACE", "streamvault")


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl in the product's namespace and return what it printed; raises CalledProcessError."""
    command = ["kubectl", "--namespace", NAMESPACE, *arguments]
    return subprocess.run(command, input=stdin, check=True, stdout=subprocess.PIPE, text=True).stdout


def get(kind: str, name: str) -> dict[str, Any] | None:
    """Return an object, or None when there is none of that name."""
    found = kubectl("get", kind, name, "--ignore-not-found", "--output=json")
    return json.loads(found) if found.strip() else None


def apply(*manifests: dict[str, Any]) -> None:
    """Declare objects by server-side apply."""
    listing = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    kubectl("apply", "--server-side", "--field-manager=streamvault-demo", "-f", "-", stdin=json.dumps(listing))


@contextmanager
def forwarded(service: str, port: int) -> Iterator[str]:
    """Base URL on loopback of a cluster-internal service, while the context is open."""
    command = ["kubectl", "--namespace", NAMESPACE, "port-forward", f"service/{service}", f":{port}"]
    # kubectl calls every connection that its client closes an error; what it says matters only when it does not start.
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            match = re.search(r"127\.0\.0\.1:(\d+)", line)
            if match is None:
                said.seek(0)
                raise ConnectionError(f"kubectl port-forward to {service} said {line!r} {said.read()!r}")
            yield f"http://127.0.0.1:{match[1]}"
        finally:
            process.terminate()
