"""`python -m streamvault_worker.login`: signs an account in by phone, code and password, and keeps its session string.

The string is the account. It goes into the one file that was asked for, readable by its owner alone; neither it nor
code or password is printed or logged. Prompts and messages go to stderr, stdout stays empty.

    TG_API_ID=... TG_API_HASH=... python -m streamvault_worker.login --file config/workers/s01.session
    TG_API_ID=... TG_API_HASH=... python -m streamvault_worker.login --secret s01.json --name session-s01
"""

import argparse
import asyncio
import base64
import getpass
import json
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError
from pyrogram import Client, errors
from pyrogram.types import User

from streamvault_common.keys import SESSION_FILE_KEY
from streamvault_common.settings import TelegramSettings
from streamvault_telegram.connection import connection_factory, trust_public_key

from .telegram.session_string import parse_session_string

TRIES = 3
"""How often a wrong code or password may be corrected; Telegram itself allows few more."""
OWNER_ONLY = 0o600
T = TypeVar("T")


class LoginFailed(Exception):  # noqa: N818
    """There is no session string; the message says why and what to do."""


class Conversation(Protocol):
    """The person whose account it is."""

    async def ask(self, question: str) -> str:
        """One line; raises LoginFailed when there will be no more."""

    async def ask_hidden(self, question: str) -> str:
        """The same without showing what is typed."""

    def say(self, text: str) -> None:
        """Tell something."""


class Terminal:
    """stdin and stderr; the answers may also come through a pipe."""

    async def ask(self, question: str) -> str:
        """Show the question and read a line."""
        self._prompt(question)
        return await in_background(read_line)

    async def ask_hidden(self, question: str) -> str:
        """Switch the terminal's echo off meanwhile."""
        if sys.stdin.isatty():
            return await in_background(lambda: getpass.getpass(question, stream=sys.stderr))
        return await self.ask(question)

    def say(self, text: str) -> None:
        """A line on stderr."""
        self._prompt(f"{text}\n")

    @staticmethod
    def _prompt(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def read_line() -> str:
    """The next line of stdin, stripped; raises LoginFailed at its end."""
    line = sys.stdin.readline()
    if not line:
        raise LoginFailed("the input ended before the account was signed in")
    return line.strip()


async def in_background(read: Callable[[], str]) -> str:
    """Read while the connection lives on; an executor's thread would hold up the end of the process after Ctrl-C."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def settle(text: str, error: BaseException | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(text)

    def work() -> None:
        text, failure = "", None
        try:
            text = read()
        except EOFError:
            failure = LoginFailed("the input ended before the account was signed in")
        except LoginFailed as error:
            failure = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, text, failure)

    threading.Thread(target=work, daemon=True).start()
    return await answer


@dataclass(frozen=True)
class Destination:
    """A file of its own for one session string; `secret` = the name of the Secret as whose manifest it is written."""

    path: Path
    secret: str = ""
    replace: bool = False

    def require_free(self) -> None:
        """Refuse, before anybody types a code, what could not be written afterwards; raises LoginFailed."""
        if self.path.exists() and not (self.replace and self.path.is_file()):
            raise LoginFailed(f"{self.path} exists: move it away, or use --replace")
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise LoginFailed(f"{self.path.parent} is not a folder that can be written to")

    def write(self, session: str) -> None:
        """All or nothing, readable by the owner alone; raises OSError."""
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".session-")  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(self.content(session))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path)  # noqa: PTH105 - the name is text
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)  # noqa: PTH108
            raise

    def content(self, session: str) -> str:
        """The string alone, or a Secret that holds it."""
        if not self.secret:
            return session
        data = {SESSION_FILE_KEY: base64.b64encode(session.encode()).decode()}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": self.secret}, "data": data}
        return json.dumps(manifest, indent=1) + "\n"


class Login:
    """Signing in, step by step, with one client that is connected but belongs to nobody yet."""

    def __init__(self, client: Client, person: Conversation) -> None:
        self._client = client
        self._person = person

    async def run(self) -> User:
        """The account; raises LoginFailed, RPCError."""
        phone = await self._person.ask("Phone number, with country code: ")
        user = await self._by_code(phone)
        if not isinstance(user, User):
            raise LoginFailed("this number has no Telegram account yet: make one with an official app first")
        return user

    async def _by_code(self, phone: str) -> object:
        sent = await self._patiently(lambda: self._client.send_phone_number_code(phone))
        for _ in range(TRIES):
            code = re.sub(r"[\s-]", "", await self._person.ask("Code that Telegram sent: "))
            try:
                return await self._patiently(lambda: self._client.sign_in(phone, sent.phone_code_hash, code))  # noqa: B023
            except errors.SessionPasswordNeeded:
                return await self._by_password()
            except (errors.PhoneCodeInvalid, errors.PhoneCodeEmpty):
                self._person.say("This code is not right.")
            except errors.PhoneCodeExpired:
                self._person.say("This code is too old; Telegram sends another one.")
                sent = await self._patiently(lambda: self._client.send_phone_number_code(phone))
        raise LoginFailed(f"no right code in {TRIES} tries")

    async def _by_password(self) -> User:
        for _ in range(TRIES):
            password = await self._person.ask_hidden("Password of the two-step verification: ")
            try:
                return await self._patiently(lambda: self._client.check_password(password))  # noqa: B023
            except errors.PasswordHashInvalid:
                self._person.say("This password is not right.")
        raise LoginFailed(f"no right password in {TRIES} tries")

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """Wait as long as Telegram orders, every time it does."""
        while True:
            try:
                return await call()
            except errors.FloodWait as flood:
                seconds = int(flood.seconds or 0)
                self._person.say(f"Telegram orders a wait of {seconds} s: waiting.")
                await asyncio.sleep(seconds)


async def login(settings: TelegramSettings, person: Conversation, destination: Destination) -> None:
    """Sign in and write the session string; raises LoginFailed, RPCError, OSError."""
    destination.require_free()
    client = new_client(settings)
    await client.connect()
    try:
        user = await Login(client, person).run()
        session = await client.export_session_string()
        home_dc = parse_session_string(session).dc_id
        try:
            destination.write(session)
        except OSError:
            await client.log_out()  # nobody has the string, so nobody could end this sign-in later
            raise
        person.say(f"Signed in as user {user.id} (data centre {home_dc}); the session is in {destination.path}.")
        person.say("Use it in one place only: from two places at once Telegram ends it for good.")
    finally:
        with suppress(ConnectionError, OSError):
            await client.disconnect()


def new_client(settings: TelegramSettings) -> Client:
    """A client that keeps nothing on disk and leaves every ordered wait to its caller."""
    if settings.rsa_public_key_pem:
        trust_public_key(settings.rsa_public_key_pem)
    return Client(
        "login",
        api_id=settings.tg_api_id,
        api_hash=settings.tg_api_hash.get_secret_value(),
        in_memory=True,
        no_updates=True,
        sleep_threshold=0,
        workers=1,
        connection_factory=connection_factory(settings.dc_addresses),
        loop=asyncio.get_running_loop(),
    )


def parse(arguments: list[str] | None = None) -> Destination:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m streamvault_worker.login", description="Make a session string.")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--file", type=Path, help="write the string alone, for `make sessions`")
    target.add_argument("--secret", type=Path, help="write a Secret's manifest, for `kubectl apply -f`")
    parser.add_argument("--name", help="name of that Secret (default: session-<file name>)")
    parser.add_argument("--replace", action="store_true", help="overwrite the file")
    options = parser.parse_args(arguments)
    if options.file:
        return Destination(options.file.absolute(), replace=options.replace)
    return Destination(options.secret.absolute(), options.name or f"session-{options.secret.stem}", options.replace)


def main() -> int:
    """Exit status 0 when the file is written; else one line on stderr and 1."""
    destination = parse()
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    os.chdir(tempfile.gettempdir())  # pyrogram appends errors that it does not know to a file in the working folder
    try:
        asyncio.run(login(TelegramSettings(), Terminal(), destination))
    except ValidationError as error:
        return failed("; ".join(_setting(problem) for problem in error.errors(include_input=False)))
    except (LoginFailed, errors.RPCError, OSError) as error:
        return failed(str(error))
    except KeyboardInterrupt:
        return failed("interrupted; nothing was written")
    return 0


def failed(why: str) -> int:
    """Tell why on stderr; returns the exit status."""
    sys.stderr.write(f"error: {why}\n")
    return 1


def _setting(problem: Any) -> str:
    names = ", ".join(str(name).upper() for name in problem["loc"])
    return f"{names}: {problem['msg']}" if names else str(problem["msg"])


if __name__ == "__main__":
    sys.exit(main())
