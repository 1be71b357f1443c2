"""Posters and stills: public, whole, kept apart from films, and drawn where they are missing."""

import xml.etree.ElementTree as ElementTree

import httpx
import pytest
from edge_site import Site
from origin import File

AS_CHROMIUM_ASKS = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
AS_SAFARI_ASKS = "image/webp,image/avif,image/jxl,video/*;q=0.8,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
AS_A_PAGE_IS_ASKED = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


def missing(site: Site) -> File:
    """An image that no worker knows."""
    return File(b"never stored", content_type="image/webp")


def require_placeholder(response: httpx.Response, status: int) -> None:
    assert response.status_code == status
    assert response.headers["content-type"] == "image/svg+xml"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert ElementTree.fromstring(response.text).tag == "{http://www.w3.org/2000/svg}svg"
    assert response.text.count("http") == 1, "nothing but the name of the language is referred to"


@pytest.mark.parametrize("accept", [AS_CHROMIUM_ASKS, AS_SAFARI_ASKS, "image/*"])
def test_missing_picture_is_drawn_for_an_img(site: Site, accept: str) -> None:
    require_placeholder(site.get(site.image(missing(site)), Accept=accept), 404)


def test_placeholder_keeps_the_status_of_what_is_wrong(site: Site) -> None:
    gone = site.origin.add(100, content_type="image/webp", gone=True)
    require_placeholder(site.get(site.image(gone), Accept=AS_CHROMIUM_ASKS), 410)
    tombstone = site.nginx.cache / "tombstones" / ("ab" * 16)
    tombstone.touch()
    require_placeholder(site.get(f"/i/{tombstone.name}", Accept=AS_CHROMIUM_ASKS), 410)
    tombstone.unlink()
    for faults in site.origin.faults.values():
        faults.busy = 503
    busy = site.get(site.image(missing(site)), Accept=AS_CHROMIUM_ASKS)
    require_placeholder(busy, 503)
    assert busy.headers["retry-after"] == "5"


def test_picture_that_comes_back_is_shown(site: Site) -> None:
    poster = File(b"picture", content_type="image/webp")
    require_placeholder(site.get(site.image(poster), Accept=AS_CHROMIUM_ASKS), 404)
    site.origin.files[poster.fid] = poster
    assert site.get(site.image(poster), Accept=AS_CHROMIUM_ASKS).content == b"picture"


@pytest.mark.parametrize("accept", [AS_A_PAGE_IS_ASKED, "*/*", "application/json"])
def test_people_and_programs_are_told_in_words(site: Site, accept: str) -> None:
    response = site.get(site.image(missing(site)), Accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


def test_nothing_is_drawn_at_the_doors_of_films(site: Site) -> None:
    file = site.origin.add(100, gone=True)
    for path, status in ((site.play(file), 410), (f"/v/{file.fid}/1", 403), (f"/s/{file.fid}/en.vtt", 403)):
        response = site.get(path, Accept=AS_CHROMIUM_ASKS)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert site.client.post(site.nginx.url + site.image(file), headers={"Accept": "image/*"}).status_code == 405


def test_images_are_public_whole_and_kept_apart(site: Site) -> None:
    poster = site.origin.add(70_000, content_type="image/avif")
    first, second = site.get(site.image(poster)), site.get(site.image(poster))
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert second.content == poster.content
    assert second.headers["content-type"] == "image/avif"
    assert second.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert site.get(site.image(poster), "5-9").content == poster.content[5:10]
    assert len(site.origin.requests(poster)) == 1
    key = f"KEY: asset:{poster.fid}\n".encode()
    assert any(key in path.read_bytes() for path in site.nginx.cached("images"))
    assert not any(key in path.read_bytes() for path in site.nginx.cached("video"))


def test_film_does_not_leave_by_the_unsigned_door(site: Site) -> None:
    file = site.origin.add(50_000)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        site.get(site.image(file))
    site.get(site.play(file))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        site.get(site.image(file))
    assert {asked.request.headers["x-file-kind"] for asked in site.origin.requests(file)} == {"image", "video"}
