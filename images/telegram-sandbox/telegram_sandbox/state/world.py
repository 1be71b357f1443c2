"""The declared world: which accounts and channels exist. A YAML file, or the built-in one."""

import hashlib
import time
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from telegram_sandbox.state.accounts import Account, Accounts
from telegram_sandbox.state.channels import Channel, Channels, Right, Role, bare_id
from telegram_sandbox.state.database import Database
from telegram_sandbox.state.mailbox import Draft, Mailbox

BUILT_IN = Path(__file__).with_name("world.yaml")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccountSpec(_Strict):
    """One user, or a bot when it has a token."""

    id: int = Field(gt=0)
    name: str
    last_name: str | None = None
    username: str | None = None
    phone: str | None = None
    token: str | None = None
    premium: bool = False
    home_dc: int = Field(default=2, ge=1, le=5)
    password: str | None = None


class ChannelSpec(_Strict):
    """One channel; members are named by username, first name or id, and stand as a role or a list of rights."""

    id: int
    title: str
    username: str | None = None
    about: str = ""
    group: bool = False
    members: dict[str | int, Role | list[Right]] = {}
    messages: list[str] = []


class World(_Strict):
    """Everything that is declared."""

    accounts: list[AccountSpec] = []
    channels: list[ChannelSpec] = []


def apply_world(database: Database, accounts: Accounts, channels: Channels, mailbox: Mailbox, file: Path) -> None:
    """Bring the declared world into the database, once per version of the file; what happened since stays."""
    text = file.read_bytes()
    digest = hashlib.sha256(text).digest()
    if database.remembered("world") == digest:
        return
    world = World.model_validate(yaml.safe_load(text) or {})
    with database.together():
        for account in world.accounts:
            declare_account(accounts, account)
        for channel in world.channels:
            declare_channel(accounts, channels, mailbox, channel)
        database.remember("world", digest)


def declare_account(accounts: Accounts, spec: AccountSpec) -> Account:
    """Create or update one account."""
    known = accounts.get(spec.id)
    account = Account(
        id=spec.id,
        first_name=spec.name,
        last_name=spec.last_name,
        username=spec.username,
        phone=spec.phone,
        bot_token=spec.token,
        premium=spec.premium,
        home_dc=spec.home_dc,
        password=spec.password,
        deactivated=known.deactivated if known else False,
        pts=1,
    )
    accounts.put(account)
    return accounts.require(spec.id)


def declare_channel(accounts: Accounts, channels: Channels, mailbox: Mailbox, spec: ChannelSpec) -> Channel:
    """Create or update one channel; its messages are posted only when it is new."""
    channel_id = bare_id(spec.id)
    is_new = channels.get(channel_id) is None
    channels.put(Channel(channel_id, spec.title, spec.username, spec.about, spec.group, int(time.time()), 1))
    creator = 0
    for name, standing in spec.members.items():
        account = find_account(accounts, name)
        rights = frozenset(standing) if isinstance(standing, list) else frozenset(Right)
        role = Role.ADMIN if isinstance(standing, list) else standing
        channels.put_member(channel_id, account.id, role, rights)
        creator = account.id if role is Role.CREATOR else creator
    for text in spec.messages if is_new else []:
        mailbox.post(channel_id, creator, Draft(text=text))
    channel = channels.get(channel_id)
    if channel is None:
        raise LookupError(f"channel {channel_id} was not stored")
    return channel


def find_account(accounts: Accounts, name: str | int) -> Account:
    """By id, username or first name. Raises LookupError."""
    if isinstance(name, int) or name.isdigit():
        return accounts.require(int(name))
    found = accounts.by_username(name)
    if found is None:
        found = next((account for account in accounts.all() if account.first_name.lower() == name.lower()), None)
    if found is None:
        raise LookupError(f"no account named {name}")
    return found
