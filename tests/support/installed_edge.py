"""The cache of the running installation, asked through the purge agent beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx
from site_under_test import secret_value

from demo.cluster import forwarded
from streamvault_common.keys import EDGE_AGENT_PORT, EDGE_AGENT_SERVICE


@dataclass(frozen=True)
class CachedFile:
    """One generation of a stored file."""

    fid: str
    gen: int
    size_bytes: int

    @classmethod
    def of(cls, source: dict[str, Any]) -> Self:
        """The file that a source of a play grant leads to."""
        _, _, fid, gen = source["url"].partition("?")[0].split("/")
        return cls(fid, int(gen), source["sizeBytes"])


class InstalledEdge:
    """What the edge holds of a file, and how to make it forget."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def slices(self, file: CachedFile) -> int:
        """How many slices of a file are on the edge."""
        answer = self._http.get(f"/slices/{file.fid}", params={"gen": file.gen, "size": file.size_bytes})
        answer.raise_for_status()
        present: int = answer.json()["present"]
        return present

    def purge(self, file: CachedFile) -> None:
        """Empty the edge of one file."""
        order = {"fid": file.fid, "gen": file.gen, "sizeBytes": file.size_bytes}
        answer = self._http.post("/purge", json=order)
        answer.raise_for_status()
        assert answer.json()["remaining"] == 0, f"the edge kept slices of {file.fid}: {answer.text}"


@contextmanager
def installed_edge() -> Iterator[InstalledEdge]:
    """A way to the agent while the context is open."""
    token = secret_value("streamvault-edge-agent", "EDGE_AGENT_TOKEN")
    with (
        forwarded(EDGE_AGENT_SERVICE, EDGE_AGENT_PORT) as address,
        httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
        ) as http,
    ):
        yield InstalledEdge(http)
