"""Outcomes that are not success: `Retry` asks for another attempt, `InvalidResource` waits for an edit."""

from dataclasses import dataclass


class InvalidResource(ValueError):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """A resource that its own schema should have refused; the message lists the wrong fields."""


@dataclass(frozen=True)
class Retry:
    """Try again `after_seconds`; `reason` and `message` go into the condition meanwhile."""

    after_seconds: float
    reason: str
    message: str
