"""What the edge answers for a film that was taken down, by setting: 410, or 451 and who asked for it (RFC 7725)."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from edge_agent import running_agent
from edge_site import LINK_KEYS, Site

from nginx import NginxFailed, running
from streamvault_common.keys import SLICE_BYTES

COURT = "https://court.example/orders?id=7"


@pytest.fixture(scope="module")
def legal_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An edge that answers 451."""
    folder = tmp_path_factory.mktemp("legal")
    site = Site(folder, workers=1, TAKEDOWN_STATUS="451", TAKEDOWN_BLOCKED_BY=COURT)
    try:
        site.start()
        yield site
    finally:
        site.stop()


def must_withhold(answer: httpx.Response) -> None:
    assert answer.status_code == 451
    assert answer.headers["link"] == f'<{COURT}>; rel="blocked-by"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (answer.json()["status"], answer.json()["title"]) == (451, "Unavailable for legal reasons")


def test_every_door_of_a_film_answers_451_and_names_who_asked(legal_site: Site) -> None:
    site, file = legal_site, legal_site.origin.add(1000, content_type="image/webp")
    paths = [site.play(file), site.download(file, "x.mp4"), site.subtitle(file), site.image(file)]
    assert all(site.get(path).status_code == 200 for path in paths)
    with running_agent(site.nginx.cache, site.nginx.status_url) as agent:
        assert agent.put(f"/tombstones/{file.fid}").status_code == 204
        for path in paths:
            must_withhold(site.get(path))
        head = site.client.head(site.nginx.url + site.play(file))
        assert (head.status_code, head.content) == (451, b"")


def test_what_a_worker_calls_gone_is_451_for_the_viewer(legal_site: Site) -> None:
    file = legal_site.origin.add(SLICE_BYTES, gone=True)
    must_withhold(legal_site.get(legal_site.play(file)))
    assert legal_site.origin.requests(file), "a worker was asked"
    assert not [path for path in legal_site.nginx.cached() if file.fid.encode() in path.read_bytes()[:1000]]


def test_other_refusals_name_nobody(legal_site: Site) -> None:
    for path, status in (("/v/nonsense", 403), ("/i/nonsense", 404)):
        answer = legal_site.get(path)
        assert (answer.status_code, answer.headers.get("link")) == (status, None)


def test_without_the_setting_it_is_410_and_names_nobody(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES, gone=True)
    answer = site.get(site.play(file))
    assert (answer.status_code, answer.json()["title"], answer.headers.get("link")) == (410, "Gone", None)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TAKEDOWN_STATUS": "404"}, "TAKEDOWN_STATUS=404 is not 410 or 451"),
        ({"TAKEDOWN_BLOCKED_BY": "court; evil on"}, "is not a web address"),
        ({"TAKEDOWN_BLOCKED_BY": 'https://a/"; evil on; #'}, "is not a web address"),
    ],
)
def test_a_setting_that_says_nothing_stops_the_start(tmp_path: Path, variables: dict[str, str], said: str) -> None:
    good = {"LINK_KEYS": LINK_KEYS, "RESOLVER": "127.0.0.1:5353"}
    with pytest.raises(NginxFailed, match=re.escape(said)), running(tmp_path, good | variables):
        pass
