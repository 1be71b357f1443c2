"""Titles of the running installation that end in other ways: paused, deleted, shortened, or with a short memory.

All five purges are asked for at once: each takes more than a minute, because late writers are waited for.
"""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from installed_edge import CachedFile, installed_edge
from installed_trail import audit_records, condition, phase
from own_films import ORIGINAL, borrowed, declare, entry, film, found_again, fresh, let_go, noise, take_down, upload
from site_under_test import Site, eventually

from demo.cluster import NAMESPACE, get, kubectl
from demo.telegram import StoredPart
from streamvault_common.keys import LABEL_ALLOW_DELETE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(420)]

PURGE_SECONDS = 150
CALLED, CALLED_WHILE_PAUSED = "Own Film", "Another Name"


@dataclass
class Own:
    """A published title, the messages of its files, its links by quality, and what the edge holds of them."""

    name: str
    parts: dict[str, StoredPart]
    links: dict[str, str]
    cached: dict[str, CachedFile]


@dataclass
class Titles:
    """The five titles after their purges were asked for, and what was seen on the way."""

    forgotten: Own
    paused: Own
    deleted: Own
    shortened: Own
    borrowed: Own
    refusal: str
    paused_reason: str
    name_while_paused: str


@pytest.fixture(scope="module")
def titles() -> Iterator[Titles]:
    viewer = Site()
    names = [fresh(word) for word in ("forgotten", "paused", "deleted", "shortened")]
    lent = fresh("lent")
    try:
        declare(lent, borrowed())
        forgotten, paused, deleted, shortened = published(viewer, names)
        until_published(lent)
        other = watched(viewer, lent, {})
        take_down(forgotten.name, tombstoneDays=0)
        reason, shown = pause(viewer, paused)
        take_down(paused.name)
        refusal = refused_deletion(deleted.name)
        let_go(deleted.name, "--wait=false")
        let_go(other.name, "--wait=false")
        edit(shortened, "720p")
        yield Titles(forgotten, paused, deleted, shortened, other, refusal, reason, shown)
    finally:
        viewer.http.close()
        for name in [*names, lent]:
            let_go(name, "--wait=false")


def published(site: Site, names: list[str]) -> list[Own]:
    """Films of these names with two files each, each of which was read once."""
    parts = upload(*(noise(400_000) for _ in range(2 * len(names))))
    stored = [dict(zip(("720p", "480p"), parts[at : at + 2], strict=True)) for at in range(0, len(parts), 2)]
    for name, files in zip(names, stored, strict=True):
        declare(name, film(displayName=CALLED, files=[entry(*item) for item in files.items()]))
    for name in names:
        until_published(name)
    return [watched(site, name, files) for name, files in zip(names, stored, strict=True)]


def until_published(name: str) -> None:
    """Wait until a title is on the air."""
    eventually(lambda: phase("ti", name) == "Published", 60, f"{name} is published")


def watched(site: Site, name: str, parts: dict[str, StoredPart]) -> Own:
    """Read every file until it comes from the edge."""
    sources = {source["quality"]: source for source in site.grant(name)["sources"]}

    def held() -> bool:
        answers = [site.read(source["url"], "bytes=0-99") for source in sources.values()]
        return {(answer.status_code, answer.headers["x-cache"]) for answer in answers} == {(206, "HIT")}

    eventually(held, 20, "the edge holds every file")
    cached = {quality: CachedFile.of(source) for quality, source in sources.items()}
    return Own(name, parts, {quality: source["url"] for quality, source in sources.items()}, cached)


def edit(own: Own, *qualities: str) -> None:
    """Declare a title with only these of its files."""
    declare(own.name, film(displayName=CALLED, files=[entry(quality, own.parts[quality]) for quality in qualities]))


def pause(site: Site, own: Own) -> tuple[str, str]:
    """Suspend a title, then give it another name; returns the reason of Ready and the name that people see."""
    change = {"spec": {"suspend": True, "displayName": CALLED_WHILE_PAUSED}}
    kubectl("patch", "title", own.name, "--type=merge", "--patch", json.dumps(change))
    eventually(lambda: condition("ti", own.name, "Ready").get("reason") == "Suspended", 30, "it is shown as suspended")
    shown: str = site.http.get(f"/api/titles/{own.name}").json()["displayName"]
    return condition("ti", own.name, "Ready")["reason"], shown


def refused_deletion(name: str) -> str:
    """What is said to somebody who deletes a title just so."""
    command = ["kubectl", "--namespace", NAMESPACE, "delete", "title", name]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def gone_from_edge_and_channel(own: Own, *qualities: str) -> bool:
    """Whether neither a slice nor a message of these files is left."""
    with installed_edge() as edge:
        left = sum(edge.slices(own.cached[quality]) for quality in qualities)
    return left == 0 and found_again(own.parts[quality] for quality in qualities) == set()


def facts(name: str) -> Counter[tuple[str, str]]:
    """Kinds and steps on record of a title, without what hindered a step for a moment."""
    known = {"Verified", "NotRequested", "AllStepsVerified", "TakenDown", "Deleted"}
    return Counter((record.kind, record.step) for record in audit_records(name) if record.outcome in known)


WHOLE_TRAIL = Counter(
    [
        ("Requested", ""),
        *(("Step", step) for step in ("withdraw", "cache", "source", "mirrors", "database")),
        ("Completed", ""),
        ("Released", ""),
    ]
)


def test_title_with_no_days_of_tombstone_goes_and_stays_refused(titles: Titles, site: Site) -> None:
    own = titles.forgotten
    eventually(lambda: get("title", own.name) is None, PURGE_SECONDS, "the resource is gone")
    assert facts(own.name) == WHOLE_TRAIL
    assert gone_from_edge_and_channel(own, "720p", "480p")
    declare(own.name, film(*upload(noise(1_000))))
    eventually(lambda: phase("ti", own.name) == "Failed", 60, "the id is refused")
    assert condition("ti", own.name, "Ready")["reason"] == "Denied"
    assert site.http.get(f"/api/titles/{own.name}").status_code in {404, 410}


def test_suspended_title_is_left_alone_but_for_a_takedown(titles: Titles, site: Site) -> None:
    own = titles.paused
    assert (titles.paused_reason, titles.name_while_paused) == ("Suspended", CALLED)
    eventually(lambda: phase("ti", own.name) == "TakenDown", PURGE_SECONDS, "it is taken down although it is suspended")
    assert gone_from_edge_and_channel(own, "720p", "480p")
    assert site.http.get(f"/api/titles/{own.name}").status_code == 410


def test_plain_deletion_is_refused_and_purges_when_it_is_allowed(titles: Titles, site: Site) -> None:
    own = titles.deleted
    assert "TakenDown" in titles.refusal
    assert LABEL_ALLOW_DELETE in titles.refusal
    eventually(lambda: get("title", own.name) is None, PURGE_SECONDS, "the resource is gone")
    assert facts(own.name) == WHOLE_TRAIL
    assert {record.reason for record in audit_records(own.name)} == {"Deleted"}
    assert gone_from_edge_and_channel(own, "720p", "480p")
    assert {site.read(link, "bytes=0-99").status_code for link in own.links.values()} <= {404, 410}
    assert site.http.get(f"/api/titles/{own.name}").status_code == 404


def test_deleted_title_leaves_what_another_one_shows_and_can_be_made_again(titles: Titles, site: Site) -> None:
    own = titles.borrowed
    eventually(lambda: get("title", own.name) is None, PURGE_SECONDS, "the resource is gone")
    assert site.read(own.links["720p"], "bytes=0-99").status_code in {404, 410}
    assert site.http.get(f"/api/titles/{own.name}").status_code == 404
    with installed_edge() as edge:
        edge.purge(CachedFile.of(site.source(ORIGINAL, "720p")))
    assert site.read(site.source(ORIGINAL, "720p")["url"], "bytes=0-99").status_code == 206

    declare(own.name, borrowed())
    until_published(own.name)
    again = site.source(own.name, "720p")["url"]
    assert again.partition("?")[0] != own.links["720p"].partition("?")[0], "another generation"
    eventually(lambda: site.read(again, "bytes=0-99").status_code == 206, 10, "and plays")


def test_removed_file_is_purged_and_a_later_one_joins(titles: Titles, site: Site) -> None:
    own = titles.shortened
    eventually(lambda: site.read(own.links["480p"], "bytes=0-99").status_code == 410, 10, "the removed file is refused")
    eventually(lambda: gone_from_edge_and_channel(own, "480p"), PURGE_SECONDS, "the removed file is purged")
    eventually(lambda: facts(own.name)[("Files", "")] == 1, 10, "that is on record")
    assert found_again([own.parts["720p"]]) == {own.parts["720p"].message_id}
    assert site.read(own.links["720p"], "bytes=0-99").status_code == 206

    own.parts["1080p"] = upload(noise(400_000))[0]
    edit(own, "720p", "1080p")
    eventually(lambda: qualities(site, own) == {"720p", "1080p"}, 60, "the new file has joined")
    assert phase("ti", own.name) == "Published"
    assert site.read(site.source(own.name, "1080p")["url"], "bytes=0-99").status_code == 206
    assert site.read(own.links["720p"], "bytes=0-99").status_code == 206, "the other file kept its links"


def qualities(site: Site, own: Own) -> set[str]:
    """What a viewer may choose from."""
    return {source["quality"] for source in site.grant(own.name)["sources"]}
