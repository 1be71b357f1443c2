"""Messages inside a packet: containers, acknowledgements, pings, salts; the rest are API calls.

https://core.telegram.org/mtproto/service_messages and https://core.telegram.org/mtproto/service_messages_about_messages.
"""

import struct
import time
from typing import TYPE_CHECKING

from telegram_sandbox.sessions import Session
from telegram_sandbox.wire.cipher import BadCiphertext
from telegram_sandbox.wire.tl import BadTL, rpc_result, tl_string

if TYPE_CHECKING:
    from telegram_sandbox.connection import Connection

MSG_CONTAINER = 0x73F1F8DC
MSGS_ACK = 0x62D6B459
VECTOR = 0x1CB5C415
PING = 0x7ABE77EC
PING_DELAY_DISCONNECT = 0xF3427B8C
PONG = 0x347773C5
GET_FUTURE_SALTS = 0xB921BD04
FUTURE_SALTS = 0xAE500895
MSGS_STATE_REQ = 0xDA69FB52
MSG_RESEND_REQ = 0x7D861A08
MSGS_STATE_INFO = 0x04DEB57D
RPC_DROP_ANSWER = 0x58E4A740
RPC_ANSWER_UNKNOWN = 0x5E2AD36E
DESTROY_SESSION = 0xE7512126
DESTROY_SESSION_OK = 0xE22045FC
DESTROY_SESSION_NONE = 0x62D350C9
NEW_SESSION_CREATED = 0x9EC20908
BAD_MSG_NOTIFICATION = 0xA7EFF811
BAD_SERVER_SALT = 0xEDAB447B
HTTP_WAIT = 0x9299359F
MSGS_ALL_INFO = 0x8CC0D131

BAD_SALT = 48
ID_TOO_LOW, ID_TOO_HIGH, ID_BAD_BITS = 16, 17, 18
BAD_CONTAINER = 64
_UNKNOWN, _RECEIVED = 1, 4
_PAST_SECONDS, _FUTURE_SECONDS = 300, 30
_MAX_IN_CONTAINER = 1020


def receive(connection: "Connection", session: Session, plaintext: bytes) -> None:
    """Act on one decrypted packet. Raises BadCiphertext, BadTL."""
    salt, _, message_id, sequence, length = struct.unpack_from("<q8sqII", plaintext)
    padding = len(plaintext) - 32 - length
    if length % 4 or not 12 <= padding <= 1024:
        raise BadCiphertext("padding")
    body = memoryview(plaintext)[32 : 32 + length]
    fault = _id_fault(message_id)
    if fault:
        notice = struct.pack("<IqII", BAD_MSG_NOTIFICATION, message_id, sequence, fault)
        connection.send(session, notice, content=False, answer=False)
        return
    if not connection.backend.salts.accepts(session.key, salt):
        now = connection.backend.salts.current(session.key)
        notice = struct.pack("<IqIIq", BAD_SERVER_SALT, message_id, sequence, BAD_SALT, now)
        connection.send(session, notice, content=False, answer=False)
        return
    if not session.announced:
        session.announced = True
        salt = connection.backend.salts.current(session.key)
        notice = struct.pack("<Iqqq", NEW_SESSION_CREATED, message_id, session.unique_id, salt)
        connection.send(session, notice, content=True, answer=False)
    _receive_message(connection, session, message_id, sequence, body)


def _id_fault(message_id: int) -> int | None:
    """Clients count ids by fours from the current time."""
    if message_id % 4:
        return ID_BAD_BITS
    age = time.time() - message_id / 2**32
    if age > _PAST_SECONDS:
        return ID_TOO_LOW
    return ID_TOO_HIGH if age < -_FUTURE_SECONDS else None


def _receive_message(
    connection: "Connection", session: Session, message_id: int, sequence: int, body: memoryview
) -> None:
    constructor = struct.unpack_from("<I", body)[0] if len(body) >= 4 else 0
    if constructor == MSG_CONTAINER:
        session.first_sight(message_id)
        for inner in _container(body):
            _receive_message(connection, session, *inner)
        return
    if not session.first_sight(message_id):
        _acknowledge(connection, session, message_id)
        return
    handler = _SERVICE.get(constructor)
    if handler is not None:
        try:
            handler(connection, session, message_id, body)
        except struct.error as short:
            raise BadTL("truncated service message") from short
    elif constructor not in _IGNORED:
        connection.begin_call(session, message_id, body)


def _container(body: memoryview) -> list[tuple[int, int, memoryview]]:
    count, position, messages = struct.unpack_from("<I", body, 4)[0], 8, []
    if count > _MAX_IN_CONTAINER:
        raise BadTL("container size")
    for _ in range(count):
        try:
            message_id, sequence, length = struct.unpack_from("<qII", body, position)
        except struct.error as short:
            raise BadTL("truncated container") from short
        inner = body[position + 16 : position + 16 + length]
        if len(inner) != length or length < 4 or struct.unpack_from("<I", inner)[0] == MSG_CONTAINER:
            raise BadTL("bad message in container")
        messages.append((message_id, sequence, inner))
        position += 16 + length
    return messages


def _acknowledge(connection: "Connection", session: Session, message_id: int) -> None:
    connection.send(session, struct.pack("<IIIq", MSGS_ACK, VECTOR, 1, message_id), content=False, answer=False)


def _ids(body: memoryview) -> list[int]:
    vector, count = struct.unpack_from("<II", body, 4)
    if vector != VECTOR or count > 8192:
        raise BadTL("vector of ids")
    return list(struct.unpack_from(f"<{count}q", body, 12))


def _on_ack(_connection: "Connection", session: Session, _message_id: int, body: memoryview) -> None:
    session.acknowledge(_ids(body))


def _on_ping(connection: "Connection", session: Session, message_id: int, body: memoryview) -> None:
    (ping_id,) = struct.unpack_from("<q", body, 4)
    connection.send(session, struct.pack("<Iqq", PONG, message_id, ping_id), content=False, answer=True)


def _on_future_salts(connection: "Connection", session: Session, message_id: int, body: memoryview) -> None:
    count = min(max(struct.unpack_from("<i", body, 4)[0], 1), 64)
    head = struct.pack("<Iqi", FUTURE_SALTS, message_id, int(time.time()))
    connection.send(session, head + connection.backend.salts.future(session.key, count), content=False, answer=True)


def _on_state_request(connection: "Connection", session: Session, message_id: int, body: memoryview) -> None:
    states = bytes(_RECEIVED if session.has_seen(one) else _UNKNOWN for one in _ids(body))
    info = struct.pack("<Iq", MSGS_STATE_INFO, message_id) + tl_string(states)
    connection.send(session, info, content=False, answer=True)


def _on_resend_request(connection: "Connection", session: Session, message_id: int, body: memoryview) -> None:
    kept = {one: (sequence, push) for one, sequence, push in session.unacknowledged()}
    wanted = _ids(body)
    for one in wanted:
        if one in kept:
            connection.send_message(session, one, *kept[one])
    states = bytes(_RECEIVED if one in kept else _UNKNOWN for one in wanted)
    info = struct.pack("<Iq", MSGS_STATE_INFO, message_id) + tl_string(states)
    connection.send(session, info, content=False, answer=True)


def _on_drop_answer(connection: "Connection", session: Session, message_id: int, _body: memoryview) -> None:
    answer = rpc_result(message_id, struct.pack("<I", RPC_ANSWER_UNKNOWN))
    connection.send(session, answer, content=True, answer=True)


def _on_destroy_session(connection: "Connection", session: Session, _message_id: int, body: memoryview) -> None:
    target = bytes(body[4:12])
    known = target != session.id and connection.backend.sessions.destroy(session.key, target)
    head = struct.pack("<I", DESTROY_SESSION_OK if known else DESTROY_SESSION_NONE)
    connection.send(session, head + target, content=True, answer=True)


_SERVICE = {
    MSGS_ACK: _on_ack,
    PING: _on_ping,
    PING_DELAY_DISCONNECT: _on_ping,
    GET_FUTURE_SALTS: _on_future_salts,
    MSGS_STATE_REQ: _on_state_request,
    MSG_RESEND_REQ: _on_resend_request,
    RPC_DROP_ANSWER: _on_drop_answer,
    DESTROY_SESSION: _on_destroy_session,
}
_IGNORED = {HTTP_WAIT, MSGS_STATE_INFO, MSGS_ALL_INFO}
