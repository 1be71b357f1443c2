"""A plain HTTP client of the live API server, made from the kubeconfig, that reads refusals as text."""

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
LATE_WATCH_SECONDS = 60
Manifest = dict[str, Any]


class Refused(Exception):  # noqa: N818 - what the API server calls it
    """The API server said no; `str()` is its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ApiServer:
    """Requests to one API server; answers are manifests."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, media_type: str = "application/json", **params: str) -> Manifest:
        """GET; another media type asks for another form, such as the table that kubectl prints."""
        return self._send("GET", path, None, "application/json", params, media_type)

    def create(self, path: str, manifest: Manifest, **params: str) -> Manifest:
        """POST, refusing unknown fields as kubectl does."""
        return self._send("POST", path, manifest, "application/json", {"fieldValidation": "Strict"} | params)

    def patch(self, path: str, changes: Manifest, **params: str) -> Manifest:
        """JSON merge PATCH, refusing unknown fields."""
        return self._send(
            "PATCH", path, changes, "application/merge-patch+json", {"fieldValidation": "Strict"} | params
        )

    def apply(self, path: str, manifest: Manifest, manager: str) -> Manifest:
        """Server-side apply."""
        params = {"fieldManager": manager, "force": "true"}
        return self._send("PATCH", path, manifest, "application/apply-patch+yaml", params)

    def delete(self, path: str, **params: str) -> Manifest:
        """DELETE."""
        return self._send("DELETE", path, None, "application/json", params)

    def history(self, path: str, since: str) -> list[Manifest]:
        """Every change of a collection's objects after a resource version, as watch events, oldest first.

        Up to now: up to the latest change of the objects that are there. A watch may be behind what a list tells.
        """
        latest = max((_version(one) for one in self.get(path)["items"]), default=0)
        if latest <= int(since):
            return []
        params = {"watch": "true", "resourceVersion": since, "timeoutSeconds": str(LATE_WATCH_SECONDS)}
        seen: list[Manifest] = []
        with self._http.stream("GET", path, params=params) as answer:
            if answer.is_error:
                answer.read()
                raise Refused(answer.status_code, _reason(answer))
            for line in filter(None, answer.iter_lines()):
                seen.append(json.loads(line))
                if _version(seen[-1]["object"]) >= latest:
                    return seen
        raise TimeoutError(f"a watch of {path} did not come to {latest} within {LATE_WATCH_SECONDS} s")

    def _send(
        self,
        verb: str,
        path: str,
        body: Manifest | None,
        media_type: str,
        params: dict[str, str],
        accept: str = "application/json",
    ) -> Manifest:
        headers = {"Content-Type": media_type, "Accept": accept}
        answer = self._http.request(verb, path, json=body, headers=headers, params=params)
        if answer.is_error:
            raise Refused(answer.status_code, _reason(answer))
        document: Manifest = answer.json()
        return document


def _version(thing: Manifest) -> int:
    """The API server counts them up."""
    return int(thing["metadata"]["resourceVersion"])


def kubeconfig_path() -> Path:
    """$KUBECONFIG, else the file that `make up` writes."""
    return Path(os.environ.get("KUBECONFIG") or REPOSITORY / "build/kubeconfig")


@contextmanager
def connect(kubeconfig: Path) -> Iterator[ApiServer]:
    """The cluster and user of the kubeconfig's current context; client certificates and tokens are understood."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    context = next(entry["context"] for entry in config["contexts"] if entry["name"] == config["current-context"])
    cluster = next(entry["cluster"] for entry in config["clusters"] if entry["name"] == context["cluster"])
    user = next(entry["user"] for entry in config["users"] if entry["name"] == context["user"])
    with tempfile.TemporaryDirectory() as folder:
        tls = ssl.create_default_context(cadata=_pem(cluster, "certificate-authority").decode())
        if "client-certificate" in user or "client-certificate-data" in user:
            certificate, key = Path(folder, "user.crt"), Path(folder, "user.key")
            certificate.write_bytes(_pem(user, "client-certificate"))
            key.write_bytes(_pem(user, "client-key"))
            tls.load_cert_chain(certificate, key)
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    with httpx.Client(base_url=cluster["server"], verify=tls, headers=headers, timeout=90, trust_env=False) as http:
        yield ApiServer(http)


def _reason(answer: httpx.Response) -> str:
    """The message of a Status; a path that is not served (yet) is answered with plain text."""
    is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    return str(answer.json().get("message", answer.text)) if is_json else answer.text


def _pem(entry: dict[str, str], name: str) -> bytes:
    """A certificate or key that a kubeconfig holds as text or names as a file."""
    embedded = entry.get(f"{name}-data")
    return base64.b64decode(embedded) if embedded else Path(entry[name]).read_bytes()
