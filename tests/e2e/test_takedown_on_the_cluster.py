"""A film that was taken down is gone from every copy, at once where people see it, and its trail stays.

One takedown for all tests: it takes more than a minute, because what a late writer may bring back is looked for again.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from installed_edge import installed_edge
from installed_trail import audit_lines, audit_records, condition, events, phase
from own_films import declare, entry, film, found_again, fresh, let_go, take_down, upload
from site_under_test import Site, eventually
from takedown_story import (
    CLEAN_SECONDS,
    GONE,
    PLOT,
    PRESENT,
    REFERENCE,
    OwnFilm,
    Story,
    published,
    sight,
    take_down_and_look_on,
)
from title_endings import Titles

from demo.cluster import get, kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

OFF_AIR_SECONDS = 2.0
CUT_SECONDS = 5.0
STEPS = ("withdraw", "cache", "source", "mirrors", "database")
HINDERED = {"Unreachable", "StillPresent", "FloodWait"}
"""A busy machine may hinder a step for a moment; that is on record as well."""
EVENTS = (
    "TakedownRequested",
    "Withdrawn",
    "CachePurged",
    "SourcePurged",
    "MirrorsPurged",
    "DatabasePurged",
    "TakedownComplete",
)


@pytest.fixture(scope="module")
def story(titles: Titles) -> Iterator[Story]:
    del titles  # they are purged meanwhile
    viewer = Site()
    own = published()
    try:
        with installed_edge() as edge:
            yield take_down_and_look_on(viewer, edge, own)
    finally:
        viewer.http.close()
        let_go(own.name, "--wait=false")


def test_page_and_api_and_links_say_gone_within_two_seconds(story: Story) -> None:
    assert story.before == PRESENT
    assert {what: seconds for what, seconds in story.off_air.items() if seconds > OFF_AIR_SECONDS} == {}


def test_nothing_of_the_site_knows_the_film_afterwards(story: Story, site: Site) -> None:
    assert sight(site, story.film) == GONE
    text = site.http.get(f"/t/{story.film.name}").text
    assert story.film.called not in text
    assert PLOT not in text


@pytest.mark.parametrize("slices", ["cached", "uncached"])
def test_viewer_in_mid_film_is_cut_within_five_seconds(story: Story, slices: str) -> None:
    assert story.unread[slices] > 0, "the film was over before it was taken down"
    seconds = story.cut[slices]
    assert seconds is not None
    assert seconds <= CUT_SECONDS


def test_links_that_were_given_out_stop_working_for_good(story: Story) -> None:
    assert {status for at, status in story.answers if at < story.asked} == {206}
    later = [status for at, status in story.answers if at > OFF_AIR_SECONDS]
    assert len(later) > 50, "somebody kept asking"
    assert set(later) == {410}


def test_edge_is_clean_and_stays_clean_while_a_viewer_keeps_asking(story: Story) -> None:
    clean_since = next(at for at, count in story.slices if count == 0)
    afterwards = [count for at, count in story.slices if at >= clean_since]
    assert story.slices[-1][0] >= clean_since + CLEAN_SECONDS
    assert set(afterwards) == {0}
    assert len(afterwards) > 10


def test_messages_are_gone_from_source_and_mirror(story: Story) -> None:
    everything = [*story.film.parts, *story.film.mirrored]
    assert story.messages_before == {part.message_id for part in everything}
    assert found_again(everything) == set()


def test_every_step_is_on_record_once_and_told_once(story: Story) -> None:
    name = story.film.name
    records = audit_records(name)
    facts = Counter((record.kind, record.step) for record in records if record.outcome not in HINDERED)
    assert facts == Counter([("Requested", ""), *(("Step", step) for step in STEPS), ("Completed", "")])
    assert {record.reference for record in records} == {REFERENCE}
    assert {record.requested_by for record in records} == {"a test"}
    meant = {record.ids_sha256 for record in records}
    assert meant == {ids_sha256(story.film)}
    removed = {record.step: record.removed for record in records if record.outcome == "Verified"}
    assert (removed["source"], removed["mirrors"]) == (len(story.film.parts), len(story.film.mirrored))
    assert removed["cache"] >= 3, "the slices of the file that had been watched"

    assert Counter(audit_lines(name)) == Counter(record.id for record in records)
    assert {reason: events(name)[reason] for reason in EVENTS} == dict.fromkeys(EVENTS, 1)


def ids_sha256(own: OwnFilm) -> str:
    """What proves later which messages were meant."""
    pairs = sorted([part.channel_id, part.message_id] for part in (*own.parts, *own.mirrored))
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


def test_describe_reads_like_a_report(story: Story) -> None:
    report = " ".join(kubectl("describe", "title", story.film.name).split())
    for line in (
        "Phase: TakenDown",
        f"Reference: {REFERENCE}",
        "Reason: AllStepsVerified Status: True Type: TakedownComplete",
        f"Message: {len(story.film.parts)} messages deleted, none is left",
        f"Message: {len(story.film.mirrored)} messages deleted, none is left",
        "slices removed, none is left",
        f"OwnerRequest {REFERENCE}, requested by a test",
    ):
        assert line in report
    assert all(condition("ti", story.film.name, shown)["status"] == "True" for shown in EVENTS[1:])


def test_repeating_it_puts_nothing_on_record_again(story: Story) -> None:
    name = story.film.name
    before = sorted(record.id for record in audit_records(name))
    take_down(name, reference=REFERENCE)
    kubectl("patch", "title", name, "--type=merge", "--patch", json.dumps({"spec": {"displayName": "Another"}}))
    eventually(lambda: seen_generation(name) == declared_generation(name), 60, "the operator has looked at the edit")
    assert sorted(record.id for record in audit_records(name)) == before
    assert {reason: events(name)[reason] for reason in EVENTS} == dict.fromkeys(EVENTS, 1)


def seen_generation(name: str) -> int:
    """Which generation of a title its status tells of."""
    return int(title(name)["status"]["observedGeneration"])


def declared_generation(name: str) -> int:
    """The latest generation of a title."""
    return int(title(name)["metadata"]["generation"])


def title(name: str) -> dict[str, Any]:
    """A Title that exists."""
    found = get("title", name)
    assert found is not None, f"there is no title {name}"
    return found


@pytest.fixture
def imported() -> Iterator[Callable[[dict[str, Any]], str]]:
    """Declare a title of a new name; it is deleted after the test."""
    made: list[str] = []

    def one(file: dict[str, Any]) -> str:
        made.append(fresh("import"))
        declare(made[-1], film(files=[file]))
        return made[-1]

    yield one
    for name in made:
        let_go(name, "--wait=false")


def assert_denied(name: str) -> None:
    """The title is refused, and says why."""
    eventually(lambda: phase("ti", name) == "Failed", 60, f"{name} is refused")
    ready = condition("ti", name, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Denied")
    assert "was taken down" in ready["message"]


def test_same_messages_are_refused_under_another_name(
    story: Story, imported: Callable[[dict[str, Any]], str], site: Site
) -> None:
    name = imported(entry("720p", story.film.parts[0]))
    assert_denied(name)
    assert site.http.get(f"/api/titles/{name}").status_code == 404


def test_same_bytes_are_refused_when_they_are_uploaded_again(
    story: Story, imported: Callable[[dict[str, Any]], str], site: Site
) -> None:
    name = imported(entry("480p", *upload(story.film.small)))
    assert_denied(name)
    assert site.http.get(f"/api/titles/{name}").status_code == 404
