"""A pyrogram session that carries files: opens their pieces itself and hands on everything else."""

import asyncio
import bisect
import logging
from typing import Any

from pyrogram import Client, raw
from pyrogram.session import Session

from .answers import FileAnswer, ForgedPacket, SessionKeys, open_file_answer
from .cipher import Decrypt

log = logging.getLogger(__name__)

EARLIEST_SECONDS = -300
LATEST_SECONDS = 30
"""A message id may lie so far from now (core.telegram.org/mtproto/security_guidelines#checking-msg-id)."""


class FileSession(Session):
    """Its requests for file pieces are answered with a memoryview instead of an `upload.File`."""

    def __init__(self, client: Client, like: Session, address: tuple[str, int], decrypt: Decrypt) -> None:
        """Not started; the same data centre and key as the session `like`, whose authorization it shares."""
        super().__init__(client, like.dc_id, *address, like.auth_key, like.test_mode, is_media=True)
        self._decrypt = decrypt

    async def handle_packet(self, packet: bytearray) -> None:
        """Deliver a piece to whoever asked for it; pyrogram handles any other packet."""
        assert self.connection is not None
        transport: Any = self.connection.protocol
        try:
            await self._handle(packet, transport)
        except RuntimeError:
            if not transport.closed:
                raise
            # Its threads have ended with the connection: nobody waits for what still came out of it.

    async def _handle(self, packet: bytearray, transport: Any) -> None:
        keys = SessionKeys(self.auth_key, self.auth_key_id, self.session_id)
        try:
            answer = await asyncio.get_running_loop().run_in_executor(
                transport.threads, open_file_answer, packet, keys, self._decrypt
            )
        except ForgedPacket as error:
            log.warning("restarting a session", extra={"error": str(error)})
            self.client.loop.create_task(self.restart())  # type: ignore[no-untyped-call]
            return
        if answer is None:
            await super().handle_packet(bytes(packet))  # type: ignore[no-untyped-call]
        elif await self._is_new(answer):
            await self._deliver(answer)

    async def _is_new(self, answer: FileAnswer) -> bool:
        """Whether the message is neither a repetition nor out of time; the session's books are pyrogram's own."""
        seen = self.stored_msg_ids
        if answer.msg_id in self.recent_msg_ids or (seen and answer.msg_id < seen[0]):
            return False
        at = bisect.bisect_left(seen, answer.msg_id)
        if at < len(seen) and seen[at] == answer.msg_id:
            return False
        now: int = await self.msg_factory.allocate_message_identity()
        if not EARLIEST_SECONDS <= (answer.msg_id - now) / 2**32 <= LATEST_SECONDS:
            return False
        seen.insert(at, answer.msg_id)
        if len(seen) > self.STORED_MSG_IDS_MAX_SIZE:
            del seen[: self.STORED_MSG_IDS_MAX_SIZE // 2]
        return True

    async def _deliver(self, answer: FileAnswer) -> None:
        result = self.results.get(answer.req_msg_id)
        if result is not None:
            result.value = answer.content
            result.event.set()
        if answer.seq_no % 2:
            self.pending_acks.add(answer.msg_id)
        if len(self.pending_acks) >= self.ACKS_THRESHOLD:
            await self._acknowledge()

    async def _acknowledge(self) -> None:
        due, self.pending_acks = self.pending_acks, set()
        try:
            await self.send(raw.types.MsgsAck(msg_ids=list(due)), False)
        except OSError:
            self.pending_acks |= due
