"""The protocol below the API, driven by a client that shares no code with the server."""

import asyncio
import gzip
import os
import struct
from hashlib import sha1
from typing import Any

import pytest
from raw_mtproto import BAD_SERVER_SALT, VECTOR, RawClient, take_bytes, tl_bytes
from sandbox import SandboxProcess

RPC_RESULT, RPC_ERROR, PONG = 0xF35C6D01, 0x2144CA19, 0x347773C5
NEW_SESSION, BAD_MESSAGE, CONTAINER = 0x9EC20908, 0xA7EFF811, 0x73F1F8DC
NEAREST_DC, CONFIG = 0x8E1A1775, 0xCC1A241E
GET_NEAREST_DC = struct.pack("<I", 0x1FB33026)
DESTROY_SESSION, DESTROYED, NONE_TO_DESTROY = 0xE7512126, 0xE22045FC, 0x62D350C9
GET_CONFIG = struct.pack("<I", 0xC4F9186B)
GZIP_PACKED = 0x3072CFA1
IMPORT_BOT = struct.pack("<Iii", 0x67A3FF2C, 0, 1) + tl_bytes(b"hash") + tl_bytes(b"7000000001:sandbox-bot-token")


def ping(number: int) -> bytes:
    return struct.pack("<Iq", 0x7ABE77EC, number)


def get_self(times: int) -> bytes:
    """users.getUsers of the own account, named so many times."""
    return struct.pack("<III", 0x0D91A548, VECTOR, times) + times * struct.pack("<I", 0xF7C1B13F)


async def client_with_key(sandbox: SandboxProcess, **options: Any) -> RawClient:
    client = await RawClient.connect(sandbox.ports[2])
    await client.handshake(sandbox.public_key, **options)
    return client


@pytest.mark.parametrize("pad", ["rsa_pad", "legacy"])
async def test_key_exchange_with_either_padding_gives_a_working_key(sandbox: SandboxProcess, pad: str) -> None:
    client = await client_with_key(sandbox, pad=pad)
    sent = await client.send(ping(77), content=False)
    assert struct.unpack("<Iqq", await client.receive_until(PONG)) == (PONG, sent, 77)
    await client.close()


@pytest.mark.parametrize("spoil", ["rsa", "g_b"])
async def test_broken_key_exchange_is_ended(sandbox: SandboxProcess, spoil: str) -> None:
    client = await RawClient.connect(sandbox.ports[2])
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.handshake(sandbox.public_key, spoil=spoil)
    await client.close()


async def test_key_exchange_for_another_data_centre_is_refused(sandbox: SandboxProcess) -> None:
    client = await RawClient.connect(sandbox.ports[2])
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.handshake(sandbox.public_key, dc_id=4)
    await client.close()


async def test_unknown_key_is_answered_by_minus_404(sandbox: SandboxProcess) -> None:
    client = await RawClient.connect(sandbox.ports[2])
    client.auth_key = os.urandom(256)
    await client.send(ping(1))
    with pytest.raises(ConnectionError, match="-404"):
        await client.receive()
    await client.close()


async def test_key_of_one_data_centre_is_unknown_in_another(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    elsewhere = await RawClient.connect(sandbox.ports[4])
    elsewhere.auth_key, elsewhere.salt = client.auth_key, client.salt
    await elsewhere.send(ping(1))
    with pytest.raises(ConnectionError, match="-404"):
        await elsewhere.receive()
    await client.close()
    await elsewhere.close()


async def test_wrong_salt_is_corrected(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    client.salt = 12345
    sent = await client.send(GET_NEAREST_DC)
    _, bad_id, _, code, salt = struct.unpack("<IqIIq", await client.receive_until(BAD_SERVER_SALT))
    assert (bad_id, code) == (sent, 48)
    client.salt = salt
    await client.send(GET_NEAREST_DC)
    assert struct.unpack_from("<I", await client.receive_until(RPC_RESULT), 12) == (NEAREST_DC,)
    await client.close()


async def test_new_session_is_announced_once(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    first = await client.send(ping(1), content=False)
    assert struct.unpack_from("<Iq", await client.receive_until(NEW_SESSION)) == (NEW_SESSION, first)
    await client.receive_until(PONG)
    await client.send(ping(2), content=False)
    _, _, body = await client.receive()
    assert struct.unpack_from("<I", body) == (PONG,)
    await client.close()


@pytest.mark.parametrize(("shift", "code"), [(-400 << 32, 16), (60 << 32, 17), (1, 18)])
async def test_bad_message_ids_are_named(sandbox: SandboxProcess, shift: int, code: int) -> None:
    client = await client_with_key(sandbox)
    wrong = client.message_id() + shift
    await client.send(ping(1), message_id=wrong)
    assert struct.unpack("<IqII", await client.receive_until(BAD_MESSAGE))[1::2] == (wrong, code)
    await client.close()


async def test_container_with_gzip_is_opened(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    packed = struct.pack("<I", GZIP_PACKED) + tl_bytes(gzip.compress(GET_NEAREST_DC))
    packed_id, ping_id = client.message_id(), client.message_id()
    inner = struct.pack("<qII", packed_id, 1, len(packed)) + packed
    inner += struct.pack("<qII", ping_id, 2, len(ping(9))) + ping(9)
    await client.send(struct.pack("<II", CONTAINER, 2) + inner, content=False)
    found: dict[int, bytes] = {}
    while len(found) < 2:
        _, _, body = await client.receive()
        (kind,) = struct.unpack_from("<I", body)
        if kind in (RPC_RESULT, PONG):
            found[kind] = body
    assert struct.unpack_from("<qI", found[RPC_RESULT], 4) == (packed_id, NEAREST_DC)
    assert struct.unpack_from("<qq", found[PONG], 4) == (ping_id, 9)
    await client.close()


async def test_request_inside_layer_and_connection_is_answered(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    layered = struct.pack("<Ii", 0xDA9B0D0D, 229) + _init_connection(GET_CONFIG)
    await client.send(layered)
    body = await client.receive_until(RPC_RESULT)
    assert struct.unpack_from("<I", body, 12)[0] == CONFIG
    await client.close()


async def test_large_answer_is_compressed(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    await client.send(IMPORT_BOT)
    await client.receive_until(RPC_RESULT)
    await client.send(get_self(1))
    once = (await client.receive_until(RPC_RESULT))[12:]
    assert struct.unpack_from("<II", once) == (VECTOR, 1)
    await client.send(get_self(500))
    packed = (await client.receive_until(RPC_RESULT))[12:]
    assert struct.unpack_from("<I", packed) == (GZIP_PACKED,)
    whole = gzip.decompress(take_bytes(packed, 4)[0])
    assert whole == struct.pack("<II", VECTOR, 500) + 500 * once[8:]
    assert len(packed) < len(whole) // 2
    await client.close()


def _init_connection(query: bytes) -> bytes:
    fields = b"".join(tl_bytes(word) for word in (b"test", b"1", b"1", b"en", b"", b"en"))
    return struct.pack("<IIi", 0xC1CD5EA9, 0, 1) + fields + query


@pytest.mark.parametrize(
    "body",
    [
        GET_NEAREST_DC + b"\0\0\0\0",
        struct.pack("<I", 0xDEADBEEF),
        struct.pack("<Iq", 0xBE5335BE, 0)[:8],
    ],
    ids=["trailing bytes", "unknown constructor", "truncated"],
)
async def test_malformed_request_is_refused(sandbox: SandboxProcess, body: bytes) -> None:
    client = await client_with_key(sandbox)
    await client.send(body)
    answer = await client.receive_until(RPC_RESULT)
    kind, code = struct.unpack_from("<Ii", answer, 12)
    assert (kind, code) == (RPC_ERROR, 400)
    assert take_bytes(answer, 20)[0] == b"INPUT_FETCH_ERROR"
    await client.close()


async def test_api_call_without_login_is_unauthorised(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    await client.send(struct.pack("<I", 0xEDD4882A))
    answer = await client.receive_until(RPC_RESULT)
    assert struct.unpack_from("<Ii", answer, 12) == (RPC_ERROR, 401)
    assert take_bytes(answer, 20)[0] == b"AUTH_KEY_UNREGISTERED"
    await client.close()


async def test_quick_acknowledgement_names_the_packet(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    await client.send(ping(5), content=False, quick_ack=True)
    receipt = await client.receive_packet()
    assert len(receipt) == 4
    assert struct.unpack("<I", receipt)[0] & 0x80000000
    await client.receive_until(PONG)
    await client.close()


async def test_repeated_message_is_acknowledged_and_not_done_again(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    sent = await client.send(GET_NEAREST_DC)
    await client.receive_until(RPC_RESULT)
    before = sandbox.counters(method="help.getNearestDc")["calls"]
    await client.send(GET_NEAREST_DC, message_id=sent)
    assert struct.unpack_from("<IIIq", await client.receive_until(0x62D6B459))[1:] == (VECTOR, 1, sent)
    assert sandbox.counters(method="help.getNearestDc")["calls"] == before
    await client.close()


async def test_future_salts_are_accepted(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    sent = await client.send(struct.pack("<Ii", 0xB921BD04, 3))
    body = await client.receive_until(0xAE500895)
    _, asked, _now, count = struct.unpack_from("<IqiI", body)
    assert (asked, count) == (sent, 3)
    client.salt = struct.unpack_from("<iiq", body, 20 + 16)[2]
    await client.send(ping(3), content=False)
    await client.receive_until(PONG)
    await client.close()


async def test_client_ends_another_of_its_sessions(sandbox: SandboxProcess) -> None:
    ended = await client_with_key(sandbox)
    await ended.send(ping(1), content=False)
    await ended.receive_until(PONG)
    client = await RawClient.connect(sandbox.ports[2])
    client.auth_key, client.salt = ended.auth_key, ended.salt
    for session_id, verdict in [
        (ended.session_id, DESTROYED),
        (ended.session_id, NONE_TO_DESTROY),
        (os.urandom(8), NONE_TO_DESTROY),
        (client.session_id, NONE_TO_DESTROY),
    ]:
        await client.send(struct.pack("<I", DESTROY_SESSION) + session_id)
        assert (await client.receive_until(verdict))[4:12] == session_id
    first = await ended.send(ping(2), content=False)
    assert struct.unpack_from("<Iq", await ended.receive_until(NEW_SESSION)) == (NEW_SESSION, first)
    await client.close()
    await ended.close()


async def test_session_of_another_key_is_not_ended(sandbox: SandboxProcess) -> None:
    other = await client_with_key(sandbox)
    await other.send(ping(1), content=False)
    await other.receive_until(PONG)
    client = await client_with_key(sandbox)
    await client.send(struct.pack("<I", DESTROY_SESSION) + other.session_id)
    await client.receive_until(NONE_TO_DESTROY)
    await other.send(ping(2), content=False)
    _, _, body = await other.receive()
    assert struct.unpack_from("<I", body) == (PONG,)
    await client.close()
    await other.close()


async def test_tampered_packet_ends_the_connection(sandbox: SandboxProcess) -> None:
    client = await client_with_key(sandbox)
    await client.send_packet(sha1(client.auth_key).digest()[12:20] + os.urandom(16 + 64))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.receive()
    await client.close()
