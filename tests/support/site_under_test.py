"""The running installation as tests meet it: the site, the sandbox, kubectl."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from conditions import pause_after

from demo.cluster import kubectl

SITE_URL = os.environ.get("SITE_URL", "http://127.0.0.1:30080")
CONTROL_URL = os.environ.get("SANDBOX_URL", "http://127.0.0.1:30081")


T = TypeVar("T")

BUSY = {502, 503, 504}


class Patient(httpx.BaseTransport):
    """Asks again while nobody can answer at this moment: on a busy machine one part may wait too long for another."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._http = httpx.HTTPTransport(trust_env=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer that is none of BUSY, else the last one."""
        deadline = time.monotonic() + self._seconds
        while True:
            answer = self._http.handle_request(request)
            if answer.status_code not in BUSY or time.monotonic() >= deadline:
                return answer
            answer.read()
            time.sleep(0.5)  # the pause between two looks, not a wait

    def close(self) -> None:
        """Drop every connection."""
        self._http.close()


class Site:
    """A viewer without a browser, who sees a 503 only if it lasts for `patience_seconds`."""

    def __init__(self, base_url: str = SITE_URL, patience_seconds: float = 60.0) -> None:
        self.http = httpx.Client(base_url=base_url, timeout=60, trust_env=False, transport=Patient(patience_seconds))

    def grant(self, title: str, episode: int | None = None) -> dict[str, Any]:
        """A play grant, as the player asks for it."""
        answer = self.http.post(f"/api/play/{title}", json={"episode": episode})
        answer.raise_for_status()
        grant: dict[str, Any] = answer.json()
        return grant

    def source(self, title: str, quality: str, episode: int | None = None) -> dict[str, Any]:
        """One quality of a grant."""
        return next(source for source in self.grant(title, episode)["sources"] if source["quality"] == quality)

    def read(self, url: str, byte_range: str) -> httpx.Response:
        """One ranged GET."""
        return self.http.get(url, headers={"Range": byte_range})

    def sha256(self, url: str) -> tuple[str, int]:
        """Digest and length of everything behind `url`."""
        digest, length = hashlib.sha256(), 0
        with self.http.stream("GET", url) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_bytes(1 << 20):
                digest.update(chunk)
                length += len(chunk)
        return digest.hexdigest(), length


def eventually(probe: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first true answer of `probe`; AssertionError names `what` when there is none within `seconds`."""
    began = time.monotonic()
    while not (answer := probe()):
        waited = time.monotonic() - began
        assert waited < seconds, f"not within {seconds} s: {what}"
        time.sleep(pause_after(waited))
    return answer


def at_rest(ask: Callable[[], T], rest_seconds: float, seconds: float, what: str) -> T:
    """What `ask` says once that has not changed for `rest_seconds`; AssertionError names `what` after `seconds`."""
    said = ask()
    began = since = time.monotonic()
    while (now := time.monotonic()) < since + rest_seconds:
        assert now < began + seconds, f"not within {seconds} s: {what}"
        time.sleep(pause_after(now - began))
        if (again := ask()) != said:
            said, since = again, time.monotonic()
    return said


def secret_value(name: str, key: str) -> str:
    """A value of a Secret of the installation."""
    return base64.b64decode(json.loads(kubectl("get", "secret", name, "-o", "json"))["data"][key]).decode()


def restarts() -> dict[str, int]:
    """Container restarts by pod and container."""
    pods = json.loads(kubectl("get", "pods", "-o", "json"))["items"]
    return {
        f"{pod['metadata']['name']}/{status['name']}": status["restartCount"]
        for pod in pods
        for status in pod["status"].get("containerStatuses", [])
    }
