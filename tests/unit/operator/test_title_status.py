"""What `kubectl get ti` and `kubectl describe ti` show, and what the first-slice check makes of a worker's answer."""

from dataclasses import replace
from typing import Any

import pytest
from titles import NOW, declared, film, part, planned, remembered

from streamvault_operator.domain.errors import InvalidResource, Retry
from streamvault_operator.domain.reading import judge
from streamvault_operator.domain.resources import Title
from streamvault_operator.domain.title import status_file
from streamvault_operator.domain.title_status import (
    Outcome,
    published,
    render_status,
    transition,
    unusable,
    waiting,
)

LATER = Retry(30, "SourceUnreachable", "1080p: no worker's account can read its messages")


def entries(title: Title, *, verified: bool) -> list[Any]:
    return [status_file(replace(file, verified=verified)) for file in planned(title)]


def conditions(title: Title, outcome: Outcome) -> dict[str, str]:
    status = render_status(title, outcome, NOW)
    return {item["type"]: f"{item['status']}/{item['reason']}" for item in status["conditions"]}


def test_a_published_title_counts_its_files() -> None:
    title = film(declared("1080p"), declared("720p", part(2)))
    status = render_status(title, published(title, entries(title, verified=True)), NOW)
    assert (status["phase"], status["filesReady"]) == ("Published", "2/2")
    assert set(status["files"][0]) == {"name", "fid", "gen", "sizeBytes", "partsHash", "headSha256", "verified"}
    assert conditions(title, published(title, entries(title, verified=True))) == {
        "Ready": "True/Published",
        "Ingested": "Unknown/NotStarted",
        "TakedownComplete": "False/NotRequested",
        "Stalled": "False/Progressing",
    }


def test_an_unlisted_title_is_ready_too() -> None:
    title = film(state="Unlisted")
    outcome = published(title, entries(title, verified=True))
    assert (outcome.phase, conditions(title, outcome)["Ready"]) == ("Unlisted", "True/Unlisted")


def test_a_title_whose_source_is_gone_waits_and_says_so() -> None:
    title = film()
    outcome = waiting(title, entries(title, verified=False), LATER)
    assert (outcome.phase, conditions(title, outcome)["Ready"]) == ("Pending", "False/SourceUnreachable")
    assert transition(title, outcome) == ("SourceUnreachable", LATER.message, True)


def test_a_running_title_keeps_its_phase_while_a_new_file_waits() -> None:
    old = [replace(file, verified=True) for file in planned(film())]
    title = film(declared("1080p"), declared("720p", part(2)), status=remembered(*old), generation=2)
    outcome = waiting(title, [status_file(file) for file in planned(title)], LATER)
    assert (outcome.phase, conditions(title, outcome)["Ready"]) == ("Published", "False/SourceUnreachable")


def test_a_second_look_changes_nothing() -> None:
    title = film()
    first = render_status(title, published(title, entries(title, verified=True)), NOW)
    again = film(status=first)
    outcome = published(again, entries(again, verified=True))
    assert render_status(again, outcome, NOW.replace(hour=20)) == first
    assert transition(again, outcome) is None


def test_a_suspended_title_keeps_its_phase_and_files() -> None:
    files = [replace(file, verified=True) for file in planned(film())]
    title = film(status=remembered(*files), suspend=True)
    status = render_status(title, unusable(title, "Suspended", ""), NOW)
    assert (status["phase"], status["filesReady"]) == ("Published", "1/1")


def test_an_object_that_the_schema_should_have_refused_names_its_fault() -> None:
    with pytest.raises(InvalidResource, match=r"spec\.kind"):
        Title.parse({"metadata": {"name": "x"}, "spec": {"kind": "Opera", "displayName": "x"}})


@pytest.mark.parametrize(
    ("answer", "reason", "after_seconds"),
    [
        ((206, 1_000_000, 65536, None), None, 0),
        ((206, 999_999, 65536, None), "SourceUnreachable", 30),
        ((206, None, 65536, None), "SourceUnreachable", 30),
        ((206, 1_000_000, 65535, None), "SourceUnreachable", 30),
        ((200, None, 0, None), "SourceUnreachable", 30),
        ((424, None, 0, None), "SourceUnreachable", 30),
        ((410, None, 0, None), "SourceUnreachable", 30),
        ((404, None, 0, None), "Pending", 5),
        ((429, None, 0, 17.0), "Pending", 17),
        ((503, None, 0, None), "Pending", 5),
        ((0, None, 0, None), "Pending", 5),
    ],
)
def test_the_first_bytes_decide(
    answer: tuple[int, int | None, int, float | None], reason: str | None, after_seconds: float
) -> None:
    (file,) = planned(film())
    verdict = judge(file, *answer)
    assert (verdict.reason if verdict else None) == reason
    if verdict is not None:
        assert verdict.after_seconds == after_seconds
        assert verdict.message.startswith("1080p: ")


def test_a_file_shorter_than_the_first_slice_is_read_whole() -> None:
    (file,) = planned(film(declared("1080p", part(1, 100))))
    assert judge(file, 206, 100, 100, None) is None
