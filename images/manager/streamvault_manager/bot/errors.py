"""What can go wrong with sending, in this project's own words."""


class NotPosted(Exception):  # noqa: N818
    """A message did not arrive; trying again before `retry_after_seconds` have passed is wrong."""

    def __init__(self, reason: str, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds
