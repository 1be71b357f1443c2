"""The few pieces of ASGI that the worker needs."""

import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from streamvault_common.api import Problem
from streamvault_common.keys import HEADER_REQUEST_ID

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

RESET = "reset"
"""Key in `scope["state"]` of a function that resets the connection."""
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


@dataclass(frozen=True)
class Request:
    """A request without body; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    request_id: str
    reset: Callable[[], None]

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        """Read an ASGI scope; keeps the caller's request id when it is a plain word."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get(HEADER_REQUEST_ID.lower(), "")
        request_id = given if _REQUEST_ID.match(given) else uuid.uuid4().hex
        return cls(scope["method"], scope["path"], headers, request_id, scope["state"][RESET])


async def send_head(send: Send, status: int, headers: dict[str, str], request_id: str) -> None:
    """Send status line and headers."""
    lines = {**headers, HEADER_REQUEST_ID.lower(): request_id}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})


async def send_text(send: Send, request: Request, status: int, content_type: str, body: bytes) -> None:
    """Send a whole small answer."""
    headers = {"content-type": content_type, "content-length": str(len(body))}
    await send_head(send, status, headers, request.request_id)
    await send({"type": "http.response.body", "body": body})


async def send_problem(
    send: Send, request: Request, status: int, title: str, detail: str = "", extra: dict[str, str] | None = None
) -> None:
    """Send problem details (RFC 9457)."""
    body = Problem(title=title, status=status, detail=detail, request_id=request.request_id).model_dump_json().encode()
    headers = {"content-type": "application/problem+json", "content-length": str(len(body)), **(extra or {})}
    await send_head(send, status, headers, request.request_id)
    await send({"type": "http.response.body", "body": body})
