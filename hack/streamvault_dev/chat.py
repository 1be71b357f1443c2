"""Talk to the bot in the local Telegram as the admin `ada`: lines are messages, `!2` presses button 2."""

import json
import sys
import threading
import urllib.request
from typing import Any

CONTROL = "http://127.0.0.1:30081/control/accounts/ada/chats/streamvault_bot"
WAIT_SECONDS = 20
LAST_ANSWER_SECONDS = 3  # for an answer to what came last from a pipe
INTRODUCTION = "You are ada. Type a message (try /start), !N to press button N, Ctrl-D to leave.\n"


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
    """Until the end of the input. URLError when nothing listens: `make up` first."""
    chat = Chat()
    print(INTRODUCTION)
    listener = threading.Thread(target=_listen, args=(chat,), daemon=True)
    listener.start()
    for line in sys.stdin:
        if text := line.strip():
            chat.say(text)
    listener.join(LAST_ANSWER_SECONDS)


def _listen(chat: Chat) -> None:
    while True:
        chat.show_news(WAIT_SECONDS)


def call(path: str, body: dict[str, str] | None = None) -> Any:
    """One request to the control API; HTTPError with its status."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(CONTROL + path, data, {"Content-Type": "application/json"})  # noqa: S310 fixed
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS + 10) as answer:  # noqa: S310 fixed
        return json.load(answer)
