"""A page cursor survives the way to the client and back, and nothing else is taken for one."""

import base64
import json

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamvault_manager.services.catalogue import read_cursor, write_cursor
from streamvault_manager.services.errors import CursorUnreadable
from streamvault_manager.stores.mongo import Position


@given(st.none() | st.text(max_size=40), st.text(max_size=63))
def test_what_was_written_is_read_again(published_at: str | None, title_id: str) -> None:
    position = Position(published_at, title_id)

    assert read_cursor(write_cursor(position)) == position


@pytest.mark.parametrize("text", ["", "x", "%%%", "bnVsbA", "W10", "WzEsMl0", "WyJhIiwiYiIsImMiXQ", "é", "W" * 500])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(CursorUnreadable):
        read_cursor(text)


@pytest.mark.parametrize("place", [["\ud800", "x"], ["2026", "x\udfff"], [None, "\ude00\ud83d"]], ids=ascii)
def test_halves_of_characters_are_refused(place: list[str | None]) -> None:
    with pytest.raises(CursorUnreadable):
        read_cursor(base64.urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=").decode())


@given(st.none() | st.text(max_size=40), st.text(max_size=63))
def test_what_is_read_can_be_asked_for(published_at: str | None, title_id: str) -> None:
    bson.encode({"published_at": published_at, "_id": title_id})


@given(st.text(max_size=60))
def test_no_text_makes_it_crash(text: str) -> None:
    try:
        read_cursor(text)
    except CursorUnreadable:
        return
