"""Talk to the bot in the local Telegram as the admin `ada`: lines are messages, `!2` presses button 2."""

import json
import os
import sys
import threading
import urllib.error
import urllib.request
from typing import Any

from .cluster.published import PublishedKubeconfig

CHAT = "/control/accounts/ada/chats/streamvault_bot"
WAIT_SECONDS = 20
LAST_ANSWER_SECONDS = 3  # for an answer to what came last from a pipe
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the sandbox is never behind a proxy
INTRODUCTION = "You are ada. Type a message (try /start), !N to press button N, Ctrl-D to leave.\n"


class NobodyThere(Exception):  # noqa: N818 what a user reads
    """The local Telegram cannot be talked to; the message says what to do."""


class Chat:
    """One private chat; keeps the buttons of the newest message that has some."""

    def __init__(self) -> None:
        self._seen = 0
        self._buttons: list[tuple[int, str]] = []

    def show_news(self, wait_seconds: int) -> None:
        """Print what came since the last call, waiting for it up to so long."""
        for message in call(f"/messages?after={self._seen}&wait_seconds={wait_seconds}"):
            self._seen = max(self._seen, message["id"])
            print(f"{'you' if message['out'] else 'bot'}: {message['text']}")
            rows = message.get("buttons") or []
            if rows:
                self._buttons = [(message["id"], button["text"]) for row in rows for button in row]
                print("  " + "  ".join(f"[{n}] {text}" for n, (_, text) in enumerate(self._buttons, 1)))

    def say(self, line: str) -> None:
        """A message, or the press of a button."""
        if not line.startswith("!"):
            call("/messages", {"text": line})
            return
        number = line[1:].strip()
        if not number.isdigit() or not 1 <= int(number) <= len(self._buttons):
            print(f"  there is no button {number}")
            return
        message, text = self._buttons[int(number) - 1]
        answer = call(f"/messages/{message}/press", {"text": text})
        if answer.get("message"):
            print(f"  ({answer['message']})")


def main() -> None:
    """Until the end of the input. NobodyThere."""
    chat = Chat()
    call("/messages?after=0&wait_seconds=0")
    print(INTRODUCTION)
    listener = threading.Thread(target=_listen, args=(chat,), daemon=True)
    listener.start()
    for line in sys.stdin:
        if text := line.strip():
            chat.say(text)
    listener.join(LAST_ANSWER_SECONDS)


def _listen(chat: Chat) -> None:
    try:
        while True:
            chat.show_news(WAIT_SECONDS)
    except NobodyThere as gone:
        print(f"  ({gone})")


def console() -> str:
    """Base address of the sandbox of the installation in use."""
    return os.environ.get("SANDBOX_URL") or f"http://{PublishedKubeconfig().host()}:30081"


def call(path: str, body: dict[str, str] | None = None) -> Any:
    """One request to the control API; NobodyThere when it is refused or nothing answers."""
    data = None if body is None else json.dumps(body).encode()
    address = console()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}{CHAT}{path}", data, headers)  # noqa: S310 our own
    try:
        with DIRECT.open(request, timeout=WAIT_SECONDS + 10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise NobodyThere(f"the local Telegram at {address} refused: {error.read().decode()[:200]}") from error
    except OSError as error:
        raise NobodyThere(f"no local Telegram answers at {address} ({error}): make up") from error
