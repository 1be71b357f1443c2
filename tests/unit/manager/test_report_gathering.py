"""Many events become few messages, and none is lost on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamvault_common.events import Event, Severity
from streamvault_manager.services.reports import MAX_MESSAGE_CHARACTERS, Gathering, paragraph


def event(text: str = "slow disk", group: str = "", severity: Severity = Severity.WARNING, at: float = 0) -> Event:
    return Event(part="worker", severity=severity, text=text, group=group, at=at)


def test_an_event_without_a_group_is_told_at_once() -> None:
    gathering = Gathering(window_seconds=30)
    gathering.add("1-0", event("account banned"), now=100)

    message = gathering.message(now=100)

    assert message is not None
    assert message.ids == ("1-0",)
    assert "account banned" in message.text


def test_repetitions_are_one_message_with_a_count_after_the_window() -> None:
    gathering = Gathering(window_seconds=30)
    for second in range(5):
        gathering.add(f"{second}-0", event(group="disk", at=second), now=100 + second)

    assert gathering.message(now=129) is None
    message = gathering.message(now=130)

    assert message is not None
    assert message.text == "🟠 worker ×5, 00:00:00–00:00:04 UTC\nslow disk"
    gathering.told(message)
    assert len(gathering) == 0


def test_the_same_group_of_two_parts_stays_two() -> None:
    gathering = Gathering(window_seconds=0)
    gathering.add("1-0", event(group="disk"), now=0)
    gathering.add("2-0", event(group="disk").model_copy(update={"part": "edge"}), now=0)

    message = gathering.message(now=0)

    assert message is not None
    assert "×" not in message.text


def test_what_joins_while_a_message_is_under_way_is_told_next() -> None:
    gathering = Gathering(window_seconds=30)
    gathering.add("1-0", event("first", group="disk"), now=0)
    message = gathering.message(now=30)
    assert message is not None
    gathering.add("2-0", event("second", group="disk"), now=31)

    gathering.told(message)

    assert gathering.message(now=31) is None
    rest = gathering.message(now=60)
    assert rest is not None
    assert rest.ids == ("2-0",)


def test_an_event_that_comes_twice_counts_once() -> None:
    gathering = Gathering(window_seconds=0)
    for _ in range(2):
        gathering.add("1-0", event(group="disk"), now=0)

    message = gathering.message(now=0)

    assert message is not None
    assert message.ids == ("1-0",)


def test_a_paragraph_shows_the_gravest_severity_and_at_most_five_texts() -> None:
    events = [event(f"text {number}") for number in range(8)] + [event("text 0", severity=Severity.ERROR)]

    lines = paragraph(events).splitlines()

    assert lines[0].startswith("🔴 worker ×9")
    assert lines[1] == "text 0 (×2)"
    assert lines[-1] == "and 3 more kinds"
    assert len(lines) == 7


@pytest.mark.parametrize("length", [10, 900, 50_000])
def test_no_text_makes_a_message_too_long_for_a_chat(length: int) -> None:
    gathering = Gathering(window_seconds=0)
    for number in range(50):
        gathering.add(f"{number}-0", event("x" * length), now=0)

    message = gathering.message(now=0)

    assert message is not None
    assert len(message.text) <= MAX_MESSAGE_CHARACTERS + 2


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.text(max_size=2000)), max_size=60))
def test_every_event_is_told_exactly_once(entries: list[tuple[str, str]]) -> None:
    gathering = Gathering(window_seconds=5)
    for number, (group, text) in enumerate(entries):
        gathering.add(f"{number}-0", event(text, group), now=0)

    told: list[str] = []
    while message := gathering.message(now=5):
        told.extend(message.ids)
        gathering.told(message)

    assert sorted(told) == sorted(f"{number}-0" for number in range(len(entries)))
    assert len(gathering) == 0
