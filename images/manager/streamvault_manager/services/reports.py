"""Pure: which events become which message to the admins, and when."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from streamvault_common.events import Event, Severity

MAX_MESSAGE_CHARACTERS = 3500
"""Below Telegram's 4096, counted in UTF-16 units there; the rest is left for symbols that count twice."""
_MAX_TEXT_CHARACTERS = 800
_MAX_DISTINCT_TEXTS = 5
_SYMBOLS = {Severity.INFO: "🟢", Severity.WARNING: "🟠", Severity.ERROR: "🔴"}


@dataclass
class Gathered:
    """Events of one group, waiting to be told as one; an event without a group is alone."""

    tell_at: float
    ids: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True)
class Message:
    """One message to the admins, and the stream entries that it tells."""

    text: str
    ids: tuple[str, ...]
    keys: tuple[str, ...]


class Gathering:
    """Events on their way to the admins; the clock (seconds, rising) is an argument.

    A group is told `window_seconds` after its first event, as one paragraph with a count. Everything that may be told
    at one moment shares a message, so that an hour's backlog does not become an hour of messages.
    """

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._waiting: dict[str, Gathered] = {}
        self._ids: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, entry_id: str, event: Event, now: float) -> None:
        """Take an event in; one that is already here is left alone."""
        if entry_id in self._ids:
            return
        self._ids.add(entry_id)
        key = f"group:{event.part}:{event.group}" if event.group else f"entry:{entry_id}"
        wait_seconds = self._window_seconds if event.group else 0.0
        gathered = self._waiting.setdefault(key, Gathered(tell_at=now + wait_seconds))
        gathered.ids.append(entry_id)
        gathered.events.append(event)

    def message(self, now: float) -> Message | None:
        """What may be told now, oldest first; it stays here until `told`."""
        paragraphs: list[str] = []
        ids: list[str] = []
        keys: list[str] = []
        length = 0
        for key, gathered in self._waiting.items():
            if gathered.tell_at > now:
                continue
            text = paragraph(gathered.events)
            length += len(text) + 2
            if paragraphs and length > MAX_MESSAGE_CHARACTERS:
                break
            paragraphs.append(text)
            ids.extend(gathered.ids)
            keys.append(key)
        return Message("\n\n".join(paragraphs), tuple(ids), tuple(keys)) if paragraphs else None

    def told(self, message: Message) -> None:
        """Forget what a message told; what joined a group since then stays and is told next."""
        told = set(message.ids)
        self._ids -= told
        for key in message.keys:
            gathered = self._waiting.pop(key)
            rest = [(id_, event) for id_, event in zip(gathered.ids, gathered.events, strict=True) if id_ not in told]
            if rest:
                ids, events = zip(*rest, strict=True)
                self._waiting[key] = Gathered(gathered.tell_at + self._window_seconds, list(ids), list(events))


def paragraph(events: list[Event]) -> str:
    """Events of one group as people read them: the gravest severity, the texts, how often and when (UTC)."""
    gravest = max(events, key=lambda event: list(Severity).index(event.severity)).severity
    head = f"{_SYMBOLS[gravest]} {events[0].part}"
    if len(events) > 1:
        first, last = min(event.at for event in events), max(event.at for event in events)
        head += f" ×{len(events)}, {_clock(first)}–{_clock(last)} UTC"
    texts = Counter(_shortened(event.text) for event in events)
    lines = [text if count == 1 or len(texts) == 1 else f"{text} (×{count})" for text, count in texts.items()]
    if len(lines) > _MAX_DISTINCT_TEXTS:
        lines[_MAX_DISTINCT_TEXTS:] = [f"and {len(lines) - _MAX_DISTINCT_TEXTS} more kinds"]
    return "\n".join([head, *lines])[:MAX_MESSAGE_CHARACTERS]


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARACTERS else text[: _MAX_TEXT_CHARACTERS - 1] + "…"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")
