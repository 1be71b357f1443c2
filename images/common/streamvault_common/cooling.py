"""When an account may be used again after the server ordered a wait: the worker and the operator reckon the same."""

import hashlib
from dataclasses import dataclass


def share(seed: str) -> float:
    """A number from 0 up to 1 that depends on the seed alone: jitter that no restart rolls anew."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True)
class Cooldown:
    """What one session adds to an ordered wait; the wait itself is never shortened."""

    session: str
    min_seconds: float = 0.0
    jitter_percent: float = 0.0

    def ends_at(self, began_at: float, ordered_seconds: float) -> float:
        """End of the cooling (Unix seconds) for a wait ordered at `began_at`."""
        wait = max(ordered_seconds, self.min_seconds)
        return began_at + wait * (1 + self.jitter_percent / 100 * share(f"{self.session}/{int(began_at)}"))
