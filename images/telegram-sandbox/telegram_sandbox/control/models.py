"""What the control API takes and gives, as JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from telegram_sandbox.state.accounts import Account
from telegram_sandbox.state.channels import Channel, Member, Right, Role, marked_id


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountView(BaseModel):
    """One account."""

    id: int
    name: str
    username: str | None
    phone: str | None
    bot: bool
    premium: bool
    home_dc: int
    deactivated: bool

    @classmethod
    def of(cls, account: Account) -> "AccountView":
        """From the stored form."""
        return cls(
            id=account.id,
            name=account.first_name,
            username=account.username,
            phone=account.phone,
            bot=account.is_bot,
            premium=account.premium,
            home_dc=account.home_dc,
            deactivated=account.deactivated,
        )


class AccountChange(_Strict):
    """Fields to change; ``password`` "" removes it."""

    premium: bool | None = None
    deactivated: bool | None = None
    home_dc: int | None = Field(default=None, ge=1, le=5)
    password: str | None = None


class MemberView(BaseModel):
    """One member of a channel."""

    account: int
    role: Role
    rights: list[Right]


class ChannelView(BaseModel):
    """One channel; ``id`` is in the -100... form, ``bare_id`` is Telegram's own."""

    id: int
    bare_id: int
    title: str
    username: str | None
    group: bool
    pts: int
    members: list[MemberView]

    @classmethod
    def of(cls, channel: Channel, members: list[Member]) -> "ChannelView":
        """From the stored form."""
        return cls(
            id=marked_id(channel.id),
            bare_id=channel.id,
            title=channel.title,
            username=channel.username,
            group=channel.megagroup,
            pts=channel.pts,
            members=[
                MemberView(account=member.account_id, role=member.role, rights=sorted(member.rights))
                for member in members
            ],
        )


class Standing(_Strict):
    """How an account stands to a channel; rights count for admins, all of them by default."""

    role: Role
    rights: list[Right] = Field(default_factory=lambda: list(Right))


class SessionOrder(_Strict):
    """A session to mint: the same label gives the same session while it is good."""

    label: str | None = None
    api_id: int = Field(default=1, gt=0)
    dc_id: int | None = None


class MintedSession(BaseModel):
    """Session strings for both client libraries, of one key."""

    account: int
    dc_id: int
    key_id: str
    kurigram: str
    telethon: str


class KeyView(BaseModel):
    """One authorization key of an account."""

    key_id: str
    dc_id: int
    label: str | None
    device: str
    verdict: str | None
    connections: int


class Revocation(_Strict):
    """How keys go bad: unregistered (401), duplicated (406) or forgotten (-404); of one key or of all."""

    mode: Literal["unregistered", "duplicated", "forgotten"] = "unregistered"
    key_id: str | None = None


class MessageOrder(_Strict):
    """Text to write as an account."""

    text: str
    reply_to: int | None = None


class PressOrder(_Strict):
    """Which button to press: by its text, or by its callback data."""

    text: str | None = None
    data: str | None = None


class PressAnswer(BaseModel):
    """What the bot answered."""

    message: str | None
    alert: bool
    url: str | None


class ButtonView(BaseModel):
    """One inline button."""

    text: str
    data: str | None
    url: str | None


class DocumentView(BaseModel):
    """A stored file."""

    id: int
    dc_id: int
    name: str
    mime_type: str
    size: int


class DocumentChange(_Strict):
    """Where a document lives."""

    dc_id: int = Field(ge=1, le=5)


class MessageView(BaseModel):
    """One message as an account sees it."""

    id: int
    sender: int
    out: bool
    date: int
    edit_date: int | None
    text: str
    reply_to: int | None
    grouped_id: int | None
    document: DocumentView | None
    buttons: list[list[ButtonView]]


class ChatView(BaseModel):
    """One chat of an account; ``peer`` names it in the other calls."""

    peer: int
    title: str
    kind: Literal["private", "bot", "channel", "group"]
    last_message_id: int


class ReferenceExpiry(_Strict):
    """Whose file references go stale; absent means everyone's, or every document's."""

    account: int | str | None = None
    document: int | None = None


class CountView(BaseModel):
    """Calls, failed calls and file bytes of one account (0 = not logged in) and method."""

    account: int
    method: str
    calls: int
    errors: int
    bytes: int


class CounterReport(BaseModel):
    """Counters that match, and their sums."""

    calls: int
    errors: int
    bytes: int
    items: list[CountView]


class ConnectionView(BaseModel):
    """One open connection."""

    dc_id: int
    remote: str
    transport: str | None
    account: int | None
    calls_in_progress: int


class Endpoints(BaseModel):
    """How to reach the server; ``dc_map`` and ``public_key`` are the values of TG_DC_MAP and TG_RSA_PUBLIC_KEY."""

    dcs: dict[int, int]
    dc_map: str
    public_key: str
    fingerprint: int


class CodeView(BaseModel):
    """A sign-in code on its way."""

    phone: str
    code: str
