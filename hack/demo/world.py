"""The sandbox's accounts that the sample library uses, and how this machine reaches the sandbox."""

import json
import os
import urllib.request

HOST = os.environ.get("SANDBOX_HOST", "127.0.0.1")
CONTROL_URL = f"http://{HOST}:30081"
DC_MAP = ",".join(f"{dc}={HOST}:{30430 + dc}" for dc in range(1, 6))
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the installation is never behind a proxy
CHANNEL_ID = -1002400000123
UPLOADER = "uploader"
WORKERS = {
    "one": ("worker1", ["Stream"]),
    "two": ("worker2", ["Stream"]),
    "three": ("worker3", ["Stream"]),
    "four": ("worker4", ["Stream", "Moderate"]),
}
"""Account name and roles by WorkerSession."""


def mint_session(account: str) -> str:
    """The session string of a sandbox account for this use; asked again it is the same one."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{CONTROL_URL}/control/accounts/{account}/sessions", data=b'{"label": "sample-library"}', method="POST"
    )
    request.add_header("Content-Type", "application/json")
    with DIRECT.open(request, timeout=30) as answer:
        session: str = json.load(answer)["kurigram"]
    return session
