"""How often each account called each method, and how many file bytes it moved."""

from collections import defaultdict
from dataclasses import dataclass


@dataclass
class Count:
    """``bytes`` are file bytes delivered by upload.getFile or received in parts."""

    calls: int = 0
    errors: int = 0
    bytes: int = 0


class Counters:
    """Counts per (account id, method); account 0 stands for clients that have not logged in."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[int, str], Count] = defaultdict(Count)

    def of(self, account_id: int, method: str) -> Count:
        """The counter to add to."""
        return self._counts[account_id, method]

    def snapshot(self) -> dict[tuple[int, str], Count]:
        """All counters that moved."""
        return dict(self._counts)

    def reset(self) -> None:
        """Start again from zero."""
        self._counts.clear()
