"""One TCP connection of a client: packets in, key exchange or messages, answers out."""

import asyncio
import contextlib
import logging
import os
import socket
import struct
import time
from typing import Any

from telegram_sandbox import service_messages
from telegram_sandbox.backend import Backend
from telegram_sandbox.call import Call, FileSlice
from telegram_sandbox.dispatch import perform
from telegram_sandbox.errors import ConnectionDrop, RpcError, TransportRefusal, Unanswered
from telegram_sandbox.sessions import Session
from telegram_sandbox.state.auth_keys import DUPLICATED, AuthKey
from telegram_sandbox.wire import cipher
from telegram_sandbox.wire.handshake import Handshake, HandshakeFailed
from telegram_sandbox.wire.tl import RPC_RESULT, BadTL, method_name, parse, rpc_error, rpc_result, serialise
from telegram_sandbox.wire.transports import BadTransport, Transport, detect

log = logging.getLogger(__name__)

KEY_NOT_FOUND = -404
MAX_CALLS_AT_ONCE = 128
_UNSENT_BYTES = 4 << 20
"""So much may wait in a connection's buffers: with less, one whose client reads late falls behind the others."""
_UPLOAD_FILE = 0x096A18D5


class Connection:
    """Serves one client until it leaves."""

    def __init__(
        self, backend: Backend, dc_id: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.backend = backend
        self.dc_id = dc_id
        self.remote = str(writer.get_extra_info("peername")[0])
        self._reader = reader
        self._writer = writer
        self._transport: Transport | None = None
        self._handshake = Handshake(backend.server_key, dc_id)
        self._key: AuthKey | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self._free_at = 0.0
        self._has_spoken = False
        writer.transport.set_write_buffer_limits(high=_UNSENT_BYTES)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNSENT_BYTES)

    async def serve(self) -> None:
        """Read packets until the client leaves or breaks the protocol."""
        try:
            self._transport = await detect(self._reader)
            while True:
                packet = await self._transport.read_packet()
                await self._on_packet(packet.payload, quick_ack=packet.quick_ack)
                await asyncio.sleep(0)  # connections take turns, packet by packet, also where many wait to be read
                while len(self._calls) >= MAX_CALLS_AT_ONCE:
                    await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        except TransportRefusal as refusal:
            self._write([struct.pack("<i", refusal.code)])
        except ConnectionDrop as drop:
            log.info("dropping %s: %s", self.remote, drop)
        except (BadTransport, HandshakeFailed, cipher.BadCiphertext, BadTL) as broken:
            log.warning("%s broke the protocol: %s: %s", self.remote, type(broken).__name__, broken)
        finally:
            await self._close()

    def send_message(self, session: Session, message_id: int, sequence: int, body: bytes) -> None:
        """Encrypt and queue one message."""
        plaintext = struct.pack("<q8sqII", self._salt(session), session.id, message_id, sequence, len(body)) + body
        self._write(list(cipher.seal_message(session.key.key, session.key.id, plaintext)))

    def send(self, session: Session, body: bytes, *, content: bool, answer: bool) -> None:
        """Queue one message with the next id and sequence number."""
        message_id = session.next_message_id(answer=answer)
        self.send_message(session, message_id, session.next_sequence(content=content), body)

    def begin_call(self, session: Session, message_id: int, body: memoryview) -> None:
        """Answer a request in the background."""
        task = asyncio.get_running_loop().create_task(self._answer(session, message_id, body))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    @property
    def account_id(self) -> int | None:
        """The account that this connection's key is logged in to."""
        return self._key.account_id if self._key else None

    def describe(self) -> dict[str, Any]:
        """For the control API."""
        return {
            "dc_id": self.dc_id,
            "remote": self.remote,
            "transport": self._transport.name if self._transport else None,
            "account": self.account_id,
            "calls_in_progress": len(self._calls),
        }

    def abort(self, *, reset: bool = False) -> None:
        """End the connection at once; with ``reset`` by a TCP RST."""
        if reset:
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _on_packet(self, packet: bytes, *, quick_ack: bool) -> None:
        if packet[:8] == bytes(8):
            answer, new_key = self._handshake.answer(packet)
            if new_key is not None:
                self.backend.store.auth_keys.add(new_key.auth_key, self.dc_id, new_key.first_salt)
            self._write([answer])
            return
        key = self.backend.store.auth_keys.get(packet[:8])
        if key is None or key.dc_id != self.dc_id:
            raise TransportRefusal(KEY_NOT_FOUND)
        plaintext, token = cipher.open_packet(key.key, packet)
        if quick_ack and self._transport is not None:
            self._writer.write(self._transport.quick_ack(token))
        if self._key is None:
            self._key = key
        self._watch_duplicates(key)
        session = self.backend.sessions.open(key, plaintext[8:16])
        self._attach(session)
        service_messages.receive(self, session, plaintext)

    def _attach(self, session: Session) -> None:
        if session.connection is self:
            return
        session.connection = self
        for message_id, sequence, body in session.unacknowledged():
            self.send_message(session, message_id, sequence, body)

    def _watch_duplicates(self, key: AuthKey) -> None:
        """Two live connections from two addresses speaking in turn under one key spoil it; a mere move does not."""
        moved = key.last_remote not in (None, self.remote)
        if moved and self._has_spoken and key.verdict is None and self.backend.settings.detect_duplicate_keys:
            key.verdict = DUPLICATED
            self.backend.store.auth_keys.save(key)
            log.warning("a key of %s is used from %s and %s at once", key.account_id, key.last_remote, self.remote)
        self._has_spoken = True
        key.last_remote = self.remote

    async def _answer(self, session: Session, message_id: int, body: memoryview) -> None:
        name = "?"
        try:
            try:
                request = parse(body)
                name = method_name(request)
                outcome = await perform(Call(self.backend, session, self.dc_id), request)
                await self._send_answer(session, message_id, outcome.answer, outcome.bytes_per_second)
            except BadTL as broken:
                log.warning("request of %s refused: %s", self.remote, broken)
                raise RpcError("INPUT_FETCH_ERROR") from broken
            except (RpcError, ConnectionDrop, TransportRefusal, Unanswered, ConnectionError):
                raise
            except Exception as failure:
                log.exception("%s failed", name)
                raise RpcError("INTERNAL") from failure
        except RpcError as error:
            await self._send_answer(session, message_id, rpc_error(error.code, error.name), None)
        except TransportRefusal as refusal:
            self._write([struct.pack("<i", refusal.code)])
        except ConnectionDrop as drop:
            self.abort(reset=drop.reset)
        except (Unanswered, ConnectionError):
            pass

    async def _send_answer(self, session: Session, message_id: int, answer: object, rate: float | None) -> None:
        if rate is not None:
            await self._pace(answer.length if isinstance(answer, FileSlice) else 256, rate)
        async with self._sending:
            await self._writer.drain()
            if isinstance(answer, FileSlice):
                self._send_file(session, message_id, answer)
            else:
                body = serialise(answer)
                if self.backend.settings.verify_answers and not isinstance(answer, bytes):
                    _verify(body)
                self.send(session, rpc_result(message_id, body), content=True, answer=True)

    def _send_file(self, session: Session, request_id: int, answer: FileSlice) -> None:
        """upload.file inside rpc_result: one buffer, read into by the kernel, hashed and encrypted once."""
        length = answer.length
        prefix = bytes([length]) if length < 254 else b"\xfe" + length.to_bytes(3, "little")
        tail = -(len(prefix) + length) % 4
        body_bytes = 12 + 12 + len(prefix) + length + tail
        unpadded = 32 + body_bytes
        buffer = bytearray(unpadded + cipher.padding_length(unpadded))
        message_id, sequence = session.next_message_id(answer=True), session.next_sequence(content=True)
        struct.pack_into("<q8sqII", buffer, 0, self._salt(session), session.id, message_id, sequence, body_bytes)
        struct.pack_into("<Iq", buffer, 32, RPC_RESULT, request_id)
        struct.pack_into("<III", buffer, 44, _UPLOAD_FILE, answer.file_type, answer.mtime)
        start = 56 + len(prefix)
        buffer[56:start] = prefix
        with memoryview(buffer) as view:
            read = os.preadv(answer.descriptor, [view[start : start + length]], answer.offset)
            if read != length:
                raise RpcError("FILE_READ_FAILED", 500)
            view[unpadded:] = os.urandom(len(buffer) - unpadded)
        self._write(list(cipher.seal(session.key.key, session.key.id, buffer)))

    async def _pace(self, size: int, bytes_per_second: float) -> None:
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + size / bytes_per_second
        await asyncio.sleep(self._free_at - now)

    def _salt(self, session: Session) -> int:
        return self.backend.salts.current(session.key)

    def _write(self, chunks: list[bytes]) -> None:
        if self._transport is not None and not self._writer.is_closing():
            for chunk in self._transport.frame(chunks):
                self._writer.write(chunk)

    async def _close(self) -> None:
        for task in list(self._calls):
            task.cancel()
        if self._key is not None:
            for session in self.backend.sessions.of_key(self._key):
                if session.connection is self:
                    session.connection = None
        self._writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._writer.wait_closed()


def _verify(body: bytes) -> None:
    """For tests: fields that share a flag in the schema must be given together, which only reading back shows."""
    try:
        parse(body)
    except BadTL as broken:
        raise RuntimeError("the answer does not follow the schema") from broken
