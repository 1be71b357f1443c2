"""What the bot answers; without any knowledge of how the answer travels."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streamvault_manager.services.status import StatusReader, describe

Action = Callable[[], Awaitable[str]]


@dataclass(frozen=True)
class Command:
    """A command as the bot's menu shows it."""

    name: str
    summary: str


PUBLIC_COMMANDS = (Command("start", "What this bot is"),)
ADMIN_COMMANDS = (*PUBLIC_COMMANDS, Command("status", "How the system is doing"))


class Commands:
    """Answers messages by who wrote them: admins are listed by account id in the settings."""

    def __init__(self, site_name: str, site_url: str, admins: frozenset[int], status: StatusReader) -> None:
        self._site_name = site_name
        self._site_url = site_url
        self._admins = admins
        self._status = status

    async def answer(self, user_id: int, text: str) -> str:
        """The reply to one message of a user."""
        word = text.split(maxsplit=1)[0].partition("@")[0].lower() if text.strip() else ""
        is_admin = user_id in self._admins
        if word == "/start":
            return self._greeting(is_admin)
        if not is_admin:
            return f"Sorry, this bot only works for the people who run {self._site_name}.{self._where()}"
        if word == "/status":
            return describe(await self._status.read(), time.time())
        return f"I do not know {word or 'that'}.\n\n{_menu()}"

    def _greeting(self, is_admin: bool) -> str:
        welcome = f"Welcome to {self._site_name}.{self._where()}"
        return f"{welcome}\n\n{_menu()}" if is_admin else welcome

    def _where(self) -> str:
        return f" Watch at {self._site_url}" if self._site_url else ""


def _menu() -> str:
    return "\n".join(["Commands:", *(f"/{command.name} – {command.summary}" for command in ADMIN_COMMANDS)])
