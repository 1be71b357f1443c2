"""Packets with file pieces are opened as pyrogram opens them, forged ones are refused, all others left alone."""

import hashlib
import os
import random
from io import BytesIO
from typing import Any

import native_cipher
import pytest
import tgcrypto
from pyrogram import raw
from pyrogram.crypto import mtproto
from pyrogram.raw.core import Int, Long

from streamvault_worker.telegram.fastpath.answers import (
    WORTH_BYTES,
    ForgedPacket,
    SessionKeys,
    derive,
    open_file_answer,
)
from streamvault_worker.telegram.fastpath.cipher import Decrypt, choose_cipher, decrypt_with_tgcrypto

AUTH_KEY = hashlib.shake_256(b"auth key").digest(256)
KEYS = SessionKeys(AUTH_KEY, hashlib.sha1(AUTH_KEY, usedforsecurity=False).digest()[-8:], b"session!")
MSG_ID, REQ_MSG_ID = (1_700_000_000 << 32) + 1, (1_700_000_000 << 32) + 4
CIPHERS = pytest.mark.parametrize(
    "decrypt", [choose_cipher(native_cipher.library()), decrypt_with_tgcrypto], ids=["native", "tgcrypto"]
)


def file_answer(content: bytes) -> bytes:
    """The body of a message: rpc_result with an upload.file."""
    file = raw.types.upload.File(type=raw.types.storage.FileMp4(), mtime=7, bytes=content)
    return Int(0xF35C6D01, False) + Long(REQ_MSG_ID) + file.write()


def packet(body: bytes, *, msg_id: int = MSG_ID, session: bytes = KEYS.session_id, padding: int | None = None) -> bytes:
    """What the server sends for a message."""
    plain = Long(5) + session + Long(msg_id) + Int(3) + Int(len(body)) + body
    plain += os.urandom(-(len(plain) + 12) % 16 + 12 if padding is None else padding)
    msg_key = hashlib.sha256(AUTH_KEY[96:128] + plain).digest()[8:24]
    encrypted: bytes = tgcrypto.ige256_encrypt(plain, *derive(AUTH_KEY, msg_key))
    return KEYS.auth_key_id + msg_key + encrypted


@CIPHERS
@pytest.mark.parametrize("size", [WORTH_BYTES, WORTH_BYTES + 1, 65_537, 1_048_575, 1_048_576])
def test_a_piece_is_what_pyrogram_reads(size: int, decrypt: Decrypt) -> None:
    content = random.Random(size).randbytes(size)
    sent = packet(file_answer(content))
    answer = open_file_answer(bytearray(sent), KEYS, decrypt)
    message: Any = mtproto.unpack(BytesIO(sent), KEYS.session_id, AUTH_KEY, KEYS.auth_key_id)
    assert answer is not None
    assert answer.content == message.body.result.bytes == content
    assert (answer.msg_id, answer.seq_no) == (message.msg_id, message.seq_no)
    assert answer.req_msg_id == message.body.req_msg_id


@CIPHERS
def test_other_packets_are_left_as_they_are(decrypt: Decrypt) -> None:
    config = raw.types.DataJSON(data="x" * 2 * WORTH_BYTES)
    others = (
        packet(file_answer(b"short")),
        packet(Int(0xF35C6D01, False) + Long(REQ_MSG_ID) + config.write()),
        packet(config.write()),
        packet(raw.types.Pong(msg_id=1, ping_id=2).write()),
        b"\x6c\xfe\xff\xff",
        os.urandom(3) * WORTH_BYTES,
    )
    for sent in others:
        received = bytearray(sent)
        if received[:8] == KEYS.auth_key_id or len(received) < WORTH_BYTES or (len(received) - 24) % 16:
            assert open_file_answer(received, KEYS, decrypt) is None
        assert received == sent


@CIPHERS
def test_a_changed_bit_is_never_taken_for_a_piece(decrypt: Decrypt) -> None:
    """A change in the first blocks makes it another message, which pyrogram refuses; any other is refused here."""
    dice = random.Random(11)
    sent = packet(file_answer(dice.randbytes(20_000)))
    for _ in range(400):
        received = bytearray(sent)
        received[dice.randrange(len(sent))] ^= 1 << dice.randrange(8)
        try:
            answer = open_file_answer(received, KEYS, decrypt)
        except ForgedPacket:
            continue
        assert answer is None
        with pytest.raises(Exception):  # noqa: B017 - pyrogram raises whatever its parser stumbles over
            mtproto.unpack(BytesIO(bytes(received)), KEYS.session_id, AUTH_KEY, KEYS.auth_key_id)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (packet(file_answer(bytes(20_000)), session=b"another!"), "another session"),
        (packet(file_answer(bytes(20_000)), msg_id=MSG_ID + 1), "client's"),
        (packet(file_answer(bytes(20_000)), padding=1028), "padding"),
        (packet(file_answer(bytes(20_000))[:-4], padding=24), "longer than its message"),
    ],
)
def test_a_packet_that_breaks_a_rule_is_refused(sent: bytes, why: str) -> None:
    with pytest.raises(ForgedPacket, match=why):
        open_file_answer(bytearray(sent), KEYS, decrypt_with_tgcrypto)


def test_a_packet_for_another_key_is_refused() -> None:
    sent = packet(file_answer(bytes(20_000)))
    with pytest.raises(ForgedPacket, match="another key"):
        open_file_answer(bytearray(b"12345678" + sent[8:]), KEYS, decrypt_with_tgcrypto)
