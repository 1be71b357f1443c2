"""From a parsed request to its handler: wrappers, log-in checks, ordered faults, counters."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from pyrogram.raw import functions

from telegram_sandbox.call import Call, FileSlice
from telegram_sandbox.errors import ConnectionDrop, RpcError, TransportRefusal, Unanswered
from telegram_sandbox.faults import Fault, FaultKind
from telegram_sandbox.wire.tl import LAYER, TLObject, method_name

log = logging.getLogger(__name__)

RequestType = type[TLObject[Any]]
Handler = Callable[[Call, Any], Awaitable[object]]


class Access(Enum):
    """Who may call a method."""

    ANYONE = auto()
    ACCOUNTS = auto()
    USERS = auto()
    BOTS = auto()


@dataclass(frozen=True)
class Method:
    """A registered handler."""

    handler: Handler
    access: Access


METHODS: dict[RequestType, Method] = {}


def handles(request: RequestType, access: Access = Access.ACCOUNTS) -> Callable[[Handler], Handler]:
    """Register the decorated function for a request class."""

    def register(handler: Handler) -> Handler:
        METHODS[request] = Method(handler, access)
        return handler

    return register


@dataclass(frozen=True)
class Outcome:
    """A handler's answer, and how fast the connection may carry it (bytes per second; None = at once)."""

    answer: object
    bytes_per_second: float | None


async def perform(call: Call, request: TLObject[Any]) -> Outcome:
    """Answer a request. Raises RpcError, ConnectionDrop, TransportRefusal, Unanswered."""
    call, request = _unwrap(call, request)
    name = method_name(request)
    account_id = call.key.account_id or 0
    count = call.backend.counters.of(account_id, name)
    count.calls += 1
    try:
        faults = call.backend.faults.hitting(account_id, name, request, call.dc_id)
        await _suffer(faults)
        if call.key.verdict is not None:
            raise RpcError(call.key.verdict)
        answer = await _handle(call, request, name)
    except RpcError as error:
        count.errors += 1
        log.debug("%s by %s: %s %s", name, account_id, error.code, error.name)
        raise
    answer = _shorten(faults, answer)
    if isinstance(answer, FileSlice):
        count.bytes += answer.length
    elif isinstance(request, functions.upload.SaveFilePart | functions.upload.SaveBigFilePart):
        count.bytes += len(request.bytes)
    limits = [fault.bytes_per_second for fault in faults if fault.bytes_per_second is not None]
    return Outcome(answer, min(limits) if limits else None)


async def _handle(call: Call, request: TLObject[Any], name: str) -> object:
    method = METHODS.get(type(request))
    if method is None:
        if call.key.account_id is None:
            raise RpcError("AUTH_KEY_UNREGISTERED")
        log.warning("%s is not part of the sandbox", name)
        raise RpcError("METHOD_NOT_IMPLEMENTED", 501)
    if method.access is not Access.ANYONE:
        account = call.account
        if method.access is Access.USERS and account.is_bot:
            raise RpcError("BOT_METHOD_INVALID")
        if method.access is Access.BOTS and not account.is_bot:
            raise RpcError("USER_BOT_REQUIRED")
    return await method.handler(call, request)


def _unwrap(call: Call, request: TLObject[Any]) -> tuple[Call, TLObject[Any]]:
    while True:
        if isinstance(request, functions.InvokeWithLayer):
            if request.layer > LAYER:
                log.warning("client speaks layer %s, this server %s", request.layer, LAYER)
            call.session.layer = request.layer
        elif isinstance(request, functions.InitConnection):
            if call.session.layer is None:
                raise RpcError("CONNECTION_LAYER_INVALID")
            _note_device(call, request)
        elif isinstance(request, functions.InvokeWithoutUpdates):
            call = replace(call, without_updates=True)
        elif not isinstance(request, functions.InvokeAfterMsg | functions.InvokeAfterMsgs):
            return call, request
        request = request.query


def _note_device(call: Call, request: functions.InitConnection) -> None:
    if request.api_id <= 0:
        raise RpcError("API_ID_INVALID")
    device = f"{request.device_model}, {request.app_version}"
    if call.key.device != device:
        call.key.device = device
        call.store.auth_keys.save(call.key)


async def _suffer(faults: list[Fault]) -> None:
    for fault in faults:
        match fault.kind:
            case FaultKind.LATENCY:
                await asyncio.sleep(fault.seconds + random.uniform(0, fault.jitter_seconds))
            case FaultKind.RESET:
                raise ConnectionDrop("ordered reset", reset=True)
            case FaultKind.SILENCE:
                raise Unanswered
            case FaultKind.TRANSPORT:
                raise TransportRefusal(fault.code or -429)
            case FaultKind.ERROR:
                raise RpcError(fault.error or "INTERNAL", fault.code)


def _shorten(faults: list[Fault], answer: object) -> object:
    if isinstance(answer, FileSlice):
        for fault in faults:
            if fault.kind is FaultKind.SHORT:
                answer = replace(answer, length=min(answer.length, fault.keep_bytes))
    return answer
