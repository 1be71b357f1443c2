"""Errors that reach a client as rpc_error or as a transport error."""

import re

# https://core.telegram.org/api/errors; the code belongs to the error's name, so a name alone is enough to raise it.
_CODES = (
    (re.compile(r"(FILE|PHONE|USER|NETWORK|STATS)_MIGRATE_\d+$"), 303),
    (re.compile(r"(FLOOD_WAIT|FLOOD_PREMIUM_WAIT|SLOWMODE_WAIT|TAKEOUT_INIT_DELAY)_\d+$"), 420),
    (re.compile(r"AUTH_KEY_DUPLICATED$|FILEREF_UPGRADE_NEEDED$|CHANNEL_PRIVATE_406$"), 406),
    (
        re.compile(
            r"(AUTH_KEY_UNREGISTERED|AUTH_KEY_INVALID|USER_DEACTIVATED|USER_DEACTIVATED_BAN|SESSION_REVOKED"
            r"|SESSION_EXPIRED|SESSION_PASSWORD_NEEDED|AUTH_KEY_PERM_EMPTY)$"
        ),
        401,
    ),
    (re.compile(r"(CHAT_WRITE_FORBIDDEN|MESSAGE_AUTHOR_REQUIRED|MESSAGE_DELETE_FORBIDDEN|USER_RESTRICTED)$"), 403),
    (re.compile(r"(INTERNAL_SERVER_ERROR|INTERNAL|RPC_CALL_FAIL|RPC_MCGET_FAIL|BOT_RESPONSE_TIMEOUT_500)$"), 500),
    (re.compile(r"(TIMEOUT|Timeout)$"), -503),
)


class RpcError(Exception):
    """An API error with its code and name, as in https://core.telegram.org/api/errors."""

    def __init__(self, name: str, code: int | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.code = code_of(name) if code is None else code


class ConnectionDrop(Exception):
    """The connection must end now; ``reset`` sends a TCP RST instead of a clean end."""

    def __init__(self, reason: str, *, reset: bool = False) -> None:
        super().__init__(reason)
        self.reset = reset


class TransportRefusal(Exception):
    """A negative 32-bit code is sent in place of a packet (-404 unknown key, -429 flood, -444 wrong DC)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"transport error {code}")
        self.code = code


class Unanswered(Exception):
    """The request gets no answer at all."""


def code_of(name: str) -> int:
    """The code that belongs to an error name; 400 for every name without a rule of its own."""
    for pattern, code in _CODES:
        if pattern.search(name):
            return code
    return 400
