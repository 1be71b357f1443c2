"""Which errors of Telegram mean that a session string is dead for good."""

from pyrogram import errors

from streamvault_common.models import AuthVerdict

_BY_ERROR: dict[type[Exception], AuthVerdict] = {
    errors.AuthKeyUnregistered: AuthVerdict.AUTH_KEY_UNREGISTERED,
    errors.AuthKeyInvalid: AuthVerdict.AUTH_KEY_UNREGISTERED,
    errors.SessionRevoked: AuthVerdict.SESSION_REVOKED,
    errors.SessionExpired: AuthVerdict.SESSION_EXPIRED,
    errors.AuthKeyDuplicated: AuthVerdict.AUTH_KEY_DUPLICATED,
    errors.UserDeactivated: AuthVerdict.USER_DEACTIVATED,
    errors.UserDeactivatedBan: AuthVerdict.USER_DEACTIVATED_BAN,
}

AUTH_ERRORS = (errors.Unauthorized, errors.AuthKeyDuplicated)
"""What Telegram answers to a key that it does not accept (any more)."""


class AccountDead(Exception):  # noqa: N818
    """The session string can never work again."""

    def __init__(self, verdict: AuthVerdict, message: str) -> None:
        super().__init__(message)
        self.verdict = verdict


def verdict_of(error: Exception) -> AuthVerdict | None:
    """The verdict that an error passes on the session; None when it says nothing final."""
    return next((verdict for kind, verdict in _BY_ERROR.items() if isinstance(error, kind)), None)
