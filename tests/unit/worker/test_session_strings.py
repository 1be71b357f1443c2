"""A bad session string is told from a good one before anything is sent."""

import base64
import struct

import pytest

from streamvault_worker.telegram.session_string import InvalidSessionString, parse_session_string

KEY = bytes(range(256))


def encoded(layout: str, *values: object) -> str:
    return base64.urlsafe_b64encode(struct.pack(layout, *values)).decode().rstrip("=")


def test_every_form_of_session_string_is_read() -> None:
    new = parse_session_string(encoded(">BI?256sQ?", 4, 12345, False, KEY, 5_000_000_001, False) + "\n")
    assert (new.dc_id, new.user_id, new.is_bot) == (4, 5_000_000_001, False)
    old = parse_session_string(encoded(">B?256sQ?", 2, False, KEY, 7, True))
    assert (old.dc_id, old.user_id, old.is_bot) == (2, 7, True)
    oldest = parse_session_string(encoded(">B?256sI?", 1, False, KEY, 7, False))
    assert oldest.dc_id == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "*" * 362,
        "A" * 362,
        encoded(">BI?256sQ?", 9, 1, False, KEY, 5, False),
        encoded(">BI?256sQ?", 2, 1, False, KEY, 0, False),
        encoded(">BI?256sQ?", 2, 1, False, bytes(256), 5, False),
    ],
)
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(InvalidSessionString):
        parse_session_string(text)


def test_the_session_string_never_shows() -> None:
    session = parse_session_string(encoded(">BI?256sQ?", 4, 12345, False, KEY, 5, False))
    assert session.text not in repr(session)
