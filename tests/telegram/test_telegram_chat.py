"""`make chat`: a person at a terminal writes to the bot and presses its buttons."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any

import pytest
from attempts import once_in_time
from conditions import until
from pyrogram import Client, filters
from pyrogram.handlers import CallbackQueryHandler, MessageHandler
from pyrogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message
from sandbox import REPOSITORY, SandboxProcess

BOT = "streamvault_bot"


@asynccontextmanager
async def answering_bot(sandbox: SandboxProcess) -> AsyncIterator[None]:
    """A bot with a welcome, two buttons, and an answer to each press."""

    async def welcome(_client: Client, message: Message) -> None:
        buttons = [[InlineKeyboardButton(name, callback_data=name.lower()) for name in ("Library", "Health")]]
        await message.reply("Welcome aboard", reply_markup=InlineKeyboardMarkup(buttons))

    async def pressed(_client: Client, query: Any) -> None:
        await query.answer(f"you chose {query.data}")
        await query.message.reply(f"opening {query.data}")

    client = sandbox.client(sandbox.mint(BOT), name=BOT, no_updates=False)
    client.add_handler(MessageHandler(welcome, filters.command("start")))
    client.add_handler(CallbackQueryHandler(pressed))
    await client.start()
    try:
        yield
    finally:
        await client.stop()


class Terminal:
    """The chat's standard input and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str], output: IO[str]) -> None:
        self._process = process
        self._output = output

    def type(self, line: str) -> None:
        """One line and Enter."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def shown(self) -> list[str]:
        """The lines on the screen."""
        self._output.seek(0)
        return self._output.read().splitlines()

    async def shows(self, line: str) -> None:
        """Wait until a line appears."""
        await until(lambda: line in self.shown())

    def leave(self) -> int:
        """Ctrl-D; gives the exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(120)


@pytest.fixture
def output(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[IO[str], IO[str]]]:
    file = tmp_path_factory.mktemp("terminal") / "screen"
    with file.open("w") as writer, file.open() as reader:
        yield writer, reader


@contextmanager
def chat(sandbox: SandboxProcess, output: tuple[IO[str], IO[str]]) -> Iterator[Terminal]:
    """The program that `make chat` starts, at this sandbox."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY / "hack"),
        "PYTHONUNBUFFERED": "1",
        "SANDBOX_URL": sandbox.control_url,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "streamvault_dev", "chat"],
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=output[0],
        stderr=subprocess.STDOUT,
    )
    try:
        yield Terminal(process, output[1])
    finally:
        process.kill()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


async def test_person_starts_the_bot_and_presses_its_buttons(
    sandbox: SandboxProcess, output: tuple[IO[str], IO[str]]
) -> None:
    async with answering_bot(sandbox):
        with chat(sandbox, output) as terminal:
            await terminal.shows("You are ada. Type a message (try /start), !N to press button N, Ctrl-D to leave.")
            terminal.type("!1")
            await terminal.shows("  there is no button 1")
            terminal.type("/start")
            await terminal.shows("you: /start")
            await terminal.shows("bot: Welcome aboard")
            await terminal.shows("  [1] Library  [2] Health")
            terminal.type("!2")
            await terminal.shows("  (you chose health)")
            await terminal.shows("bot: opening health")
            terminal.type("!3")
            await terminal.shows("  there is no button 3")
            assert terminal.leave() == 0
            assert "bot: opening library" not in terminal.shown()


async def test_piped_message_gets_its_answer(sandbox: SandboxProcess, output: tuple[IO[str], IO[str]]) -> None:
    async def shown_at_the_end() -> bool:
        """The program stays for three seconds."""
        before = len(sandbox.read("ada", BOT))
        with chat(sandbox, output) as terminal:
            terminal.type("/start")
            await until(lambda: len(sandbox.read("ada", BOT)) >= before + 2)
            assert terminal.leave() == 0
            return terminal.shown()[-2:] == ["bot: Welcome aboard", "  [1] Library  [2] Health"]

    async with answering_bot(sandbox):
        assert await once_in_time(shown_at_the_end)
