"""What the Kubernetes API refuses, and what that means for the caller."""

import json


class KubeError(Exception):
    """A refused or failed call; the message names the object and the API server's reason."""


class NotFound(KubeError):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """There is no such object, or no such kind."""


class Conflict(KubeError):  # noqa: N818
    """The object exists already, or changed meanwhile."""


class Invalid(KubeError):  # noqa: N818
    """The API server refuses the content or the right to do it."""


class Forbidden(Invalid):
    """The operator's account may not do it."""


class Unavailable(KubeError):  # noqa: N818
    """The API server cannot answer now: try again, not before `after_seconds` when it said so."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Expired(Unavailable):
    """What the API server was asked to go on from is too old: begin anew."""


class Untyped(Unavailable):
    """The stored object does not fit its schema of today, so server-side apply cannot work on it."""


def refusal(status: int, method: str, path: str, content: bytes, retry_after: str) -> KubeError:
    """What an answer that is no success means; it is returned, not raised."""
    try:
        message = str(json.loads(content).get("message", ""))
    except ValueError:
        message = content[:200].decode(errors="replace")
    text = f"{method} {path}: {status} {message}"
    if status == 404:
        return NotFound(text)
    if status == 409:
        return Conflict(text)
    if status == 410:
        return Expired(text)
    if status == 403:
        return Forbidden(text)
    if status in {400, 405, 415, 422}:
        return Invalid(text)
    if status == 500 and " typed" in message:
        return Untyped(text)
    return Unavailable(text, float(retry_after) if retry_after.isdigit() else None)
