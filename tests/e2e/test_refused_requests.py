"""Links that must not work do not, and say so in a form that programs understand."""

import time

import pytest
from site_under_test import Site, secret_value

from streamvault_common.signing import Grant, LinkKeys, Tier, play_scope, sign

pytestmark = pytest.mark.cluster


@pytest.fixture
def url(site: Site) -> str:
    return str(site.source("glass-harbour", "720p")["url"])


@pytest.fixture
def keys() -> LinkKeys:
    return LinkKeys.parse(secret_value("streamvault-link-keys", "LINK_KEYS"))


def test_a_link_without_a_token_or_with_a_broken_one_is_refused(site: Site, url: str) -> None:
    path, token = url.split("?t=")
    for broken in (path, f"{path}?t=", f"{path}?t=nonsense", f"{path}?t={forged(token)}", f"{path}0?t={token}"):
        assert site.read(broken, "bytes=0-0").status_code == 403, broken


def forged(token: str) -> str:
    """The token with another character in the middle of its signature; bits of the last one may stand for nothing."""
    claims, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    other = "B" if signature[middle] == "A" else "A"
    return f"{claims}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def test_an_expired_link_is_refused(site: Site, url: str, keys: LinkKeys) -> None:
    path = url.split("?")[0]
    old = sign(keys, Grant(path, int(time.time()) - 1, Tier.GUEST, "e2e"))
    new = sign(keys, Grant(path, int(time.time()) + 600, Tier.GUEST, "e2e"))
    assert site.read(f"{path}?t={old}", "bytes=0-0").status_code == 403
    assert site.read(f"{path}?t={new}", "bytes=0-0").status_code == 206


def test_several_ranges_at_once_are_refused(site: Site, url: str) -> None:
    assert site.read(url, "bytes=0-1,5-6").status_code == 416


def test_a_range_beyond_the_end_is_refused(site: Site, url: str) -> None:
    assert site.read(url, "bytes=99999999999-").status_code == 416


def test_an_unknown_file_is_not_found(site: Site, keys: LinkKeys) -> None:
    path = play_scope("f" * 32, 1)
    token = sign(keys, Grant(path, int(time.time()) + 600, Tier.GUEST, "e2e"))
    assert site.read(f"{path}?t={token}", "bytes=0-0").status_code == 404


def test_an_unknown_title_is_a_problem_document_with_a_request_id(site: Site) -> None:
    answer = site.http.get("/api/titles/no-such-title")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["requestId"]


def test_the_admin_api_is_not_reachable_from_outside(site: Site) -> None:
    assert site.http.get("/api/admin/titles/glass-harbour/details").status_code == 404


def test_a_film_cannot_be_read_through_the_unsigned_image_route(site: Site, url: str) -> None:
    fid = url.split("/")[2]
    assert site.http.get(f"/i/{fid}").status_code in {403, 404}
