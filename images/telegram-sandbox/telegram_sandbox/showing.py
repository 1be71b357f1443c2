"""``python -m telegram_sandbox show``: what a client needs to reach a running server, as lines for a shell."""

import json
import re
import shlex
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any

_TIMEOUT_SECONDS = 10


def show_lines(control_url: str, names: Sequence[str], label: str) -> Iterator[str]:
    """TG_DC_MAP, TG_RSA_PUBLIC_KEY and a session string per account and library; every account when none is named.

    Raises OSError when nothing listens or a name is unknown (HTTPError).
    """
    endpoints = _call(f"{control_url}/control/endpoints")
    yield f"TG_DC_MAP={shlex.quote(endpoints['dc_map'])}"
    yield f"TG_RSA_PUBLIC_KEY={shlex.quote(endpoints['public_key'])}"
    everyone = (one["username"] or str(one["id"]) for one in _call(f"{control_url}/control/accounts"))
    for name in names or everyone:
        minted = _call(f"{control_url}/control/accounts/{name}/sessions", {"label": label})
        variable = re.sub(r"\W", "_", name)
        yield f"KURIGRAM_SESSION_{variable}={shlex.quote(minted['kurigram'])}"
        yield f"TELETHON_SESSION_{variable}={shlex.quote(minted['telethon'])}"


def _call(url: str, body: dict[str, str] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - the server's own
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
        return json.load(answer)
