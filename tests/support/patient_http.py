"""Asks a website the way a test does that claims nothing about its speed."""

from collections.abc import Mapping

import httpx

SECONDS = 60


def get(url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """The answer to a GET, whatever its status. httpx.HTTPError when there is none."""
    return httpx.get(url, headers=headers, timeout=SECONDS, trust_env=False)
