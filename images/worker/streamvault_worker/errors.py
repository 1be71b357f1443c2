"""Why a read cannot be served: each error carries the status that the edge contract gives it."""

from typing import ClassVar


class CannotServe(Exception):  # noqa: N818 - the subclasses name what is wrong
    """A read that ends in an error answer, or in a reset connection once the status line is out."""

    status: ClassVar[int] = 503
    title: ClassVar[str] = "Cannot be served"

    def __init__(self, detail: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class UnknownFile(CannotServe):
    """No stored file has this id, or not in this generation."""

    status = 404
    title = "Unknown file"


class FileWithdrawn(CannotServe):
    """Taken down: it must not be served by anybody again."""

    status = 410
    title = "Withdrawn"


class SourceUnreachable(CannotServe):
    """This account cannot read the source; another account may."""

    status = 424
    title = "Source unreachable"


class WorkerBusy(CannotServe):
    """The whole worker takes no read for now: full, draining, or told by Telegram to wait."""

    title = "Worker busy"


class AccountUnavailable(CannotServe):
    """The Telegram account is not signed in."""

    title = "Account unavailable"


class TelegramUnavailable(CannotServe):
    """Telegram did not answer properly within all attempts."""

    title = "Telegram unavailable"


class CatalogueUnavailable(CannotServe):
    """The file is not in the cache and the database does not answer."""

    title = "Catalogue unavailable"
