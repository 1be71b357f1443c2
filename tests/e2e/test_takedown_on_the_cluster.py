"""A film that was taken down is gone from every copy, at once where people see it, and its trail stays.

One takedown for all tests: it takes more than a minute, because what a late writer may bring back is looked for again.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import dropwhile
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
    Withdrawal,
    published,
    sight,
    take_down_and_look_on,
    withdraw_another,
)
from title_endings import Titles

from demo.cluster import get, kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

IN_TIME_SECONDS = {"page": 2.0, "api": 2.0, "link": 2.0, "cached": 5.0, "uncached": 5.0}
"""Until a page, the API and a link say that a film is gone, and until who watches it is cut."""
WITHDRAWALS = 5
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


@pytest.fixture(scope="module")
def soonest(story: Story) -> dict[str, float]:
    """After how many seconds each of IN_TIME_SECONDS was so: the least of a few takedowns where the first is too late.

    Everything on the way shares one machine, and any part of it may be held up for a moment. What is slow by itself is
    slow every time.
    """
    viewer, withdrawals = Site(), [story.withdrawal]
    while late(least := least_seconds(withdrawals)) and len(withdrawals) < WITHDRAWALS:
        withdrawals.append(withdraw_another(viewer))
    viewer.http.close()
    return least


def least_seconds(withdrawals: Iterable[Withdrawal]) -> dict[str, float]:
    """By what is waited for; whoever saw the whole film before it was taken down was not cut."""
    found: dict[str, float] = {}
    for one in withdrawals:
        cut = {slices: at for slices, at in one.cut.items() if at is not None and one.unread[slices] > 0}
        for what, seconds in (one.off_air | cut).items():
            found[what] = min(seconds, found.get(what, seconds))
    return found


def late(least: dict[str, float]) -> dict[str, float]:
    """What of it took too long; what was never seen takes for ever."""
    return {what: took for what, limit in IN_TIME_SECONDS.items() if (took := least.get(what, math.inf)) > limit}


def test_page_and_api_and_links_say_gone_within_two_seconds(story: Story, soonest: dict[str, float]) -> None:
    assert story.before == PRESENT
    assert not late(soonest).keys() & {"page", "api", "link"}, soonest


def test_nothing_of_the_site_knows_the_film_afterwards(story: Story, site: Site) -> None:
    assert sight(site, story.film) == GONE
    text = site.http.get(f"/t/{story.film.name}").text
    assert story.film.called not in text
    assert PLOT not in text


@pytest.mark.parametrize("slices", ["cached", "uncached"])
def test_viewer_in_mid_film_is_cut_within_five_seconds(soonest: dict[str, float], slices: str) -> None:
    assert slices not in late(soonest), soonest


def test_links_that_were_given_out_stop_working_for_good(story: Story) -> None:
    for answers in story.answers.values():
        before = {status for at, status in answers if at < story.withdrawal.asked}
        assert 206 in before
        assert 410 not in before
        refused = list(dropwhile(lambda status: status != 410, (status for _, status in answers)))
        assert len(refused) > 20, "somebody kept asking"
        assert set(refused) == {410}


def test_edge_is_clean_and_stays_clean_while_a_viewer_keeps_asking(story: Story) -> None:
    clean_since = next(at for at, count in story.slices if count == 0)
    afterwards = [count for at, count in story.slices if at >= clean_since]
    assert story.slices[-1][0] >= clean_since + CLEAN_SECONDS
    assert set(afterwards) == {0}
    assert len(afterwards) > 5


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
    eventually(lambda: seen_generation(name) == declared_generation(name), 180, "the operator has looked at the edit")
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
    eventually(lambda: phase("ti", name) == "Failed", 180, f"{name} is refused")
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
