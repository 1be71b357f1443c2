"""Titles of the running installation that end in other ways: paused, deleted, shortened, or with a short memory.

All five purges are asked for at once: each takes more than a minute, because late writers are waited for.
"""

from collections import Counter

import pytest
from installed_edge import CachedFile, installed_edge
from installed_trail import audit_records, condition, phase
from own_films import ORIGINAL, borrowed, declare, film, found_again, noise, upload
from site_under_test import Site, eventually
from title_endings import CALLED, Own, Titles, edit, until_published

from demo.cluster import get
from streamvault_common.keys import LABEL_ALLOW_DELETE

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]

PURGE_SECONDS = 400


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
    eventually(lambda: phase("ti", own.name) == "Failed", 180, "the id is refused")
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
    eventually(lambda: site.read(again, "bytes=0-99").status_code == 206, 180, "and plays")


def test_removed_file_is_purged_and_a_later_one_joins(titles: Titles, site: Site) -> None:
    own = titles.shortened
    eventually(
        lambda: site.read(own.links["480p"], "bytes=0-99").status_code == 410, 180, "the removed file is refused"
    )
    eventually(lambda: gone_from_edge_and_channel(own, "480p"), PURGE_SECONDS, "the removed file is purged")
    eventually(lambda: facts(own.name)[("Files", "")] == 1, 180, "that is on record")
    assert found_again([own.parts["720p"]]) == {own.parts["720p"].message_id}
    assert site.read(own.links["720p"], "bytes=0-99").status_code == 206

    own.parts["1080p"] = upload(noise(400_000))[0]
    edit(own, "720p", "1080p")
    eventually(lambda: qualities(site, own) == {"720p", "1080p"}, 180, "the new file has joined")
    assert phase("ti", own.name) == "Published"
    assert site.read(site.source(own.name, "1080p")["url"], "bytes=0-99").status_code == 206
    assert site.read(own.links["720p"], "bytes=0-99").status_code == 206, "the other file kept its links"


def qualities(site: Site, own: Own) -> set[str]:
    """What a viewer may choose from."""
    return {source["quality"] for source in site.grant(own.name)["sources"]}
