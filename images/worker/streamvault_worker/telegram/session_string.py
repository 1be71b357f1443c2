"""Looks at a session string before anything is sent: pyrogram fails late and unclearly on a bad one."""

import base64
import binascii
import struct
from dataclasses import dataclass, field

_LAYOUTS = {362: ">BI?256sQ?", 356: ">B?256sQ?", 351: ">B?256sI?"}
"""Length in characters -> packed fields (dc id, [api id], test mode, auth key, user id, is bot), newest form first."""


class InvalidSessionString(ValueError):  # noqa: N818
    """Not a session string of an account that has signed in; the message says what is wrong, never its content."""


@dataclass(frozen=True)
class SessionString:
    """A well-formed session string and who it belongs to."""

    text: str = field(repr=False)
    dc_id: int
    user_id: int
    is_bot: bool


def parse_session_string(text: str) -> SessionString:
    """Read a pyrogram session string (surrounding white space allowed); raises InvalidSessionString."""
    text = text.strip()
    layout = _LAYOUTS.get(len(text))
    if layout is None:
        raise InvalidSessionString(f"{len(text)} characters long; a session string has 362 (older ones 351 or 356)")
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        dc_id, *_, auth_key, user_id, is_bot = struct.unpack(layout, packed)
    except (binascii.Error, struct.error) as error:
        raise InvalidSessionString("not URL-safe base64 of a session") from error
    if not 1 <= dc_id <= 5:
        raise InvalidSessionString(f"names data centre {dc_id}; there are 1 to 5")
    if not user_id or not any(auth_key):
        raise InvalidSessionString("belongs to no signed-in account")
    return SessionString(text, dc_id, user_id, is_bot)
