"""The control API of the installation's local Telegram, as far as tests of the whole chain need it."""

import httpx
from site_under_test import CONTROL_URL


def getfile_calls() -> int:
    """How often all accounts together called `upload.getFile` since the sandbox started."""
    answer = httpx.get(
        f"{CONTROL_URL}/control/counters", params={"method": "upload.getFile"}, timeout=10, trust_env=False
    )
    answer.raise_for_status()
    calls: int = answer.json()["calls"]
    return calls
