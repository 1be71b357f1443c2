"""The console page: a person acts as any account, in plain forms."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, select_autoescape

from telegram_sandbox.backend import Backend
from telegram_sandbox.control.acting import Actor
from telegram_sandbox.control.models import AccountView, ChannelView, MessageView
from telegram_sandbox.errors import RpcError
from telegram_sandbox.listener import Listener


def console_router(backend: Backend, listener: Listener) -> APIRouter:
    """/ and /as/{who}."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    pages = _Pages(backend, listener)

    @router.get("/")
    async def overview(notice: str = "") -> HTMLResponse:
        return HTMLResponse(pages.overview(notice))

    @router.post("/faults/lift")
    async def lift_faults(request: Request) -> RedirectResponse:
        await _form(request)
        backend.faults.clear()
        return RedirectResponse("/", 303)

    @router.get("/as/{who}")
    async def chats(who: str) -> HTMLResponse:
        return HTMLResponse(pages.chat(Actor(backend, who), None, ""))

    @router.get("/as/{who}/{peer}")
    async def chat(who: str, peer: str, notice: str = "") -> HTMLResponse:
        return HTMLResponse(pages.chat(Actor(backend, who), peer, notice))

    @router.get("/as/{who}/{peer}/messages")
    async def messages(who: str, peer: str) -> HTMLResponse:
        return HTMLResponse(pages.messages(Actor(backend, who), peer))

    @router.post("/as/{who}/{peer}")
    async def write(request: Request, who: str, peer: str) -> RedirectResponse:
        text = (await _form(request)).get("text", "")
        actor = Actor(backend, who)
        try:
            actor.say(actor.chat(peer), text)
        except RpcError as refused:
            return _back(who, peer, f"Refused: {refused.name}")
        return _back(who, peer)

    @router.post("/as/{who}/{peer}/{message_id}/press")
    async def press(request: Request, who: str, peer: str, message_id: int) -> RedirectResponse:
        data = (await _form(request)).get("data", "")
        actor = Actor(backend, who)
        try:
            answer = await actor.press(actor.chat(peer), message_id, text=None, data=data)
        except RpcError as refused:
            return _back(who, peer, f"The bot did not answer: {refused.name}")
        return _back(who, peer, answer.message or "")

    return router


class _Pages:
    """The pages as text."""

    def __init__(self, backend: Backend, listener: Listener) -> None:
        self._backend = backend
        self._listener = listener
        self._templates = Environment(
            loader=PackageLoader("telegram_sandbox.control"), autoescape=select_autoescape(), trim_blocks=True
        )
        self._templates.filters["clock"] = _clock

    def overview(self, notice: str) -> str:
        """Accounts, codes, faults and channels."""
        store = self._backend.store
        return self._templates.get_template("overview.html").render(
            notice=notice,
            accounts=[AccountView.of(account) for account in store.accounts.all()],
            channels=[ChannelView.of(one, store.channels.members(one.id)) for one in store.channels.all()],
            codes=list(self._backend.transient.codes.values()),
            faults=self._backend.faults.all(),
            connections=len(self._listener.connections),
        )

    def chat(self, actor: Actor, peer: str | None, notice: str) -> str:
        """An account's chats, one of them open."""
        shown = self._messages(actor, peer) if peer is not None else []
        chats = actor.chats()
        number = actor.peer_id(peer) if peer is not None else None
        title = next((chat.title for chat in chats if chat.peer == number), peer)
        return self._templates.get_template("chat.html").render(
            notice=notice,
            account=actor.account,
            chats=chats,
            peer=number,
            title=title,
            messages=shown,
            names=self._names(shown),
        )

    def messages(self, actor: Actor, peer: str) -> str:
        """The messages of one chat, for replacing in the page."""
        shown = self._messages(actor, peer)
        return self._templates.get_template("messages.html").render(
            account=actor.account, peer=actor.peer_id(peer), messages=shown, names=self._names(shown)
        )

    def _messages(self, actor: Actor, peer: str) -> list[MessageView]:
        return actor.messages(actor.chat(peer), limit=100)

    def _names(self, messages: list[MessageView]) -> dict[int, str]:
        accounts = self._backend.store.accounts
        return {one.sender: account.first_name for one in messages if (account := accounts.get(one.sender))}


async def _form(request: Request) -> dict[str, str]:
    """The fields of a posted form. A page of another site may not post here."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "forms are taken from the console only")
    fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def _back(who: str, peer: str, notice: str = "") -> RedirectResponse:
    query = f"?{urlencode({'notice': notice})}" if notice else ""
    return RedirectResponse(f"/as/{who}/{peer}{query}", 303)


def _clock(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%d %b %H:%M:%S")
