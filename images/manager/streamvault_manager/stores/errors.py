"""What can go wrong with a store, in this project's own words."""

_MAX_CAUSE = 160
"""Drivers append whole topologies."""


class StoreUnavailable(Exception):  # noqa: N818 - named for what is wrong, as everywhere in this project
    """A store did not answer in time or refused; `store` is `mongodb` or `redis`. Trying again later is right."""

    def __init__(self, store: str, cause: BaseException) -> None:
        super().__init__(f"{store} does not answer: {type(cause).__name__}: {str(cause)[:_MAX_CAUSE]}")
        self.store = store
