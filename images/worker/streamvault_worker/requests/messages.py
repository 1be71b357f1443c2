"""Finds and deletes messages of channels with this worker's account."""

from pyrogram import errors, raw

from streamvault_common.requests import MessagesReply, MessagesRequest, ReplyOutcome, RequestKind
from streamvault_worker.errors import AccountUnavailable, SourceUnreachable, WorkerBusy
from streamvault_worker.telegram.account import AccountState
from streamvault_worker.telegram.calls import FLOODS, NoAnswer
from streamvault_worker.telegram.channels import Channels
from streamvault_worker.telegram.sessions import Sessions
from streamvault_worker.telegram.verdicts import AUTH_ERRORS

UNKNOWN_CHANNEL = (errors.ChannelInvalid, errors.PeerIdInvalid)
NO_RIGHTS = (errors.Forbidden, errors.ChatAdminRequired, errors.ChannelPrivate, SourceUnreachable)


class ChannelMessages:
    """Answers MessagesRequests; every wait that Telegram orders is told to the caller and to the account's state."""

    def __init__(self, state: AccountState, patience_seconds: float) -> None:
        self._state = state
        self._patience_seconds = patience_seconds
        self._sessions: Sessions | None = None
        self._channels: Channels | None = None

    def attach(self, sessions: Sessions, channels: Channels) -> None:
        """Use the sessions of a (new) sign-in."""
        self._sessions = sessions
        self._channels = channels

    async def answer(self, request: MessagesRequest) -> MessagesReply:
        """Do what is asked, or say why not."""
        try:
            return MessagesReply(outcome=ReplyOutcome.DONE, present=await self._do(request))
        except FLOODS as error:
            self._state.flooded(error)
            return _flooded(int(error.seconds or 1), str(error))
        except WorkerBusy as busy:
            return _flooded(busy.retry_after_seconds or 1, str(busy))
        except NO_RIGHTS as error:
            return MessagesReply(outcome=ReplyOutcome.DENIED, message=f"channel {request.channel_id}: {_told(error)}")
        except AUTH_ERRORS as error:
            return MessagesReply(outcome=ReplyOutcome.FAILED, message=str(self._state.judge(error)))
        except (AccountUnavailable, NoAnswer, errors.RPCError, OSError) as error:
            return MessagesReply(outcome=ReplyOutcome.FAILED, message=_told(error))

    async def _do(self, request: MessagesRequest) -> tuple[int, ...]:
        try:
            return await self._once(request)
        except UNKNOWN_CHANNEL as error:
            # An access hash from an earlier life of the account: learn it anew, once.
            if self._channels is not None:
                self._channels.forget(request.channel_id)
            try:
                return await self._once(request)
            except UNKNOWN_CHANNEL:
                raise SourceUnreachable(_told(error)) from error

    async def _once(self, request: MessagesRequest) -> tuple[int, ...]:
        """The asked ids that exist; after a deletion, none is named."""
        self._state.require_usable()
        if self._sessions is None or self._channels is None:
            raise AccountUnavailable("the account is not signed in", 5)
        channel, ids = await self._channels.input_channel(request.channel_id), list(request.message_ids)
        caller = self._sessions.main
        if request.kind is RequestKind.DELETE_MESSAGES:
            deletion = raw.functions.channels.DeleteMessages(channel=channel, id=ids)
            await caller.call(deletion, self._patience_seconds)
            return ()
        query = raw.functions.channels.GetMessages(
            channel=channel, id=[raw.types.InputMessageID(id=one) for one in ids]
        )
        found = await caller.call(raw.functions.InvokeWithoutUpdates(query=query), self._patience_seconds)
        asked = set(ids)
        known = {one.id for one in found.messages if not isinstance(one, raw.types.MessageEmpty)}
        return tuple(sorted(known & asked))


def _flooded(seconds: int, message: str) -> MessagesReply:
    return MessagesReply(outcome=ReplyOutcome.FLOODED, wait_seconds=seconds, message=message)


def _told(error: Exception) -> str:
    """Telegram's own word for an error, which does not change from one attempt to the next."""
    return str(getattr(error, "ID", None) or error)
