"""How many pieces all streams together may hold, so that many streams share the memory of a few."""

AMPLE_SHARE = 0.25


class PieceBudget:
    """Counts pieces that were asked for and not handed over yet, beyond the first one of each stream."""

    def __init__(self, pieces: int) -> None:
        self._pieces = pieces
        self.taken = 0

    @property
    def is_ample(self) -> bool:
        """Whether there is room for what nobody asked for yet."""
        return self._pieces - self.taken >= self._pieces * AMPLE_SHARE

    def take(self) -> bool:
        """Take a place; False when there is none."""
        if self.taken >= self._pieces:
            return False
        self.taken += 1
        return True

    def give_back(self) -> None:
        """Give a place back."""
        self.taken -= 1
