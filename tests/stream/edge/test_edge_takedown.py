"""A film that must vanish: tombstones and purges by the real agent on the real nginx's cache."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from edge_agent import killed_agent, running_agent
from edge_site import Site, read_until_cut, wait_until
from origin import File

from streamvault_common.keys import SLICE_BYTES


@pytest.fixture(scope="module")
def agent(running_site: Site) -> Iterator[httpx.Client]:
    """The agent beside the running edge."""
    with running_agent(running_site.nginx.cache, running_site.nginx.status_url) as client:
        yield client


def purge(agent: httpx.Client, file: File) -> dict[str, Any]:
    order = {"fid": file.fid, "gen": file.gen, "sizeBytes": len(file.content)}
    result: dict[str, Any] = agent.post("/purge", json=order).json()
    return result


def slices(agent: httpx.Client, file: File) -> dict[str, Any]:
    held: dict[str, Any] = agent.get(f"/slices/{file.fid}", params={"gen": file.gen, "size": len(file.content)}).json()
    return held


def store(site: Site, agent: httpx.Client, file: File) -> None:
    """Watch a whole film; the last slice is in its place a moment after its last byte is out."""
    site.get(site.play(file))
    wait_until(lambda: slices(agent, file)["present"] == site.slices(file), "every slice is stored")


def test_tombstone_stops_every_door_at_once(site: Site, agent: httpx.Client) -> None:
    file = site.origin.add(1000, content_type="image/webp")
    paths = [site.play(file), site.download(file, "x.mp4"), site.subtitle(file), site.image(file)]
    assert all(site.get(path).status_code == 200 for path in paths)
    assert agent.put(f"/tombstones/{file.fid}").status_code == 204
    for path in paths:
        response = site.get(path)
        assert (response.status_code, response.json()["title"]) == (410, "Gone")
        assert response.headers["cache-control"] == "no-store"
    assert agent.delete(f"/tombstones/{file.fid}").status_code == 204
    assert all(site.get(path).status_code == 200 for path in paths)


def test_purge_finds_every_slice_that_nginx_wrote(site: Site, agent: httpx.Client) -> None:
    file, other = site.origin.add(3 * SLICE_BYTES + 1), site.origin.add(SLICE_BYTES)
    store(site, agent, file)
    store(site, agent, other)
    held = slices(agent, file)
    assert (held["present"], held["expected"]) == (4, 4)
    assert held["bytes"] > len(file.content)
    assert purge(agent, file) == {"removed": 4, "remaining": 0}
    assert slices(agent, file) == {"present": 0, "expected": 4, "bytes": 0}
    assert not [path for path in site.nginx.cached() if file.fid.encode() in path.read_bytes()[:1000]]
    assert purge(agent, file) == {"removed": 0, "remaining": 0}
    assert site.get(site.play(other)).headers["x-cache"] == "HIT"


def test_purged_film_is_fetched_anew(site: Site, agent: httpx.Client) -> None:
    file = site.origin.add(2 * SLICE_BYTES)
    store(site, agent, file)
    purge(agent, file)
    response = site.get(site.play(file))
    assert (response.headers["x-cache"], response.content) == ("MISS", file.content)
    assert site.get(site.play(file)).headers["x-cache"] == "HIT"


def test_purge_forgets_images_and_subtitles(site: Site, agent: httpx.Client) -> None:
    poster = site.origin.add(500, content_type="image/webp")
    wait_until(lambda: site.get(site.image(poster)).headers["x-cache"] == "HIT", "the image is stored")
    assert purge(agent, poster) == {"removed": 1, "remaining": 0}
    assert site.get(site.image(poster)).headers["x-cache"] == "MISS"


def test_viewer_is_cut_when_the_film_is_purged(site: Site, agent: httpx.Client) -> None:
    file = site.origin.add(12 * SLICE_BYTES)
    store(site, agent, file)
    with site.slow_viewer(site.play(file)) as viewer:
        assert viewer.recv(1000)
        agent.put(f"/tombstones/{file.fid}")
        file.gone = True
        purge(agent, file)
        received = 0
        try:
            while block := viewer.recv(1 << 20):
                received += len(block)
        except ConnectionResetError:
            pass
    assert received < 2 * SLICE_BYTES
    assert slices(agent, file)["present"] == 0


def test_viewer_in_mid_film_brings_no_slice_back(site: Site, agent: httpx.Client) -> None:
    """The check for tombstones runs once per request: after it only the workers' 410 stops the next slice."""
    file = site.origin.add(6 * SLICE_BYTES)
    for faults in site.origin.faults.values():
        faults.bytes_per_second = 32 * 1024 * 1024

    def take_down(received: int) -> None:
        if not file.gone:
            agent.put(f"/tombstones/{file.fid}")
            file.gone = True
            purge(agent, file)

    with site.stream(site.play(file)) as response:
        read_until_cut(response, take_down)
    wait_until(lambda: not [path for path in site.nginx.cached() if path.suffix], "nothing is being written")
    purge(agent, file)
    assert slices(agent, file)["present"] == 0
    assert site.get(site.play(file)).status_code == 410
    assert slices(agent, file)["present"] == 0


def test_takedown_survives_that_agent_and_nginx_are_killed(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1)
    try:
        site.start()
        film, kept = site.origin.add(2 * SLICE_BYTES), site.origin.add(1000)
        with killed_agent(site.nginx.cache) as agent:
            for file in (film, kept):
                store(site, agent, file)
            agent.put(f"/tombstones/{film.fid}")
            assert purge(agent, film) == {"removed": 2, "remaining": 0}
        site.nginx.kill()
        site.nginx.start()
        assert site.get(site.play(film)).status_code == 410
        with running_agent(site.nginx.cache) as agent:
            assert agent.get("/tombstones").json() == {"fids": [film.fid]}
            assert slices(agent, film)["present"] == 0
            assert purge(agent, film) == {"removed": 0, "remaining": 0}
            assert agent.delete(f"/tombstones/{film.fid}").status_code == 204
        assert site.get(site.play(kept)).headers["x-cache"] == "HIT"
    finally:
        site.stop()


def test_slice_that_was_stored_after_a_purge_is_told_and_swept(site: Site, agent: httpx.Client) -> None:
    """What a purge answers is counted on the disk, not assumed: the second sweep finds what came back."""
    file = site.origin.add(3 * SLICE_BYTES)
    store(site, agent, file)
    assert purge(agent, file) == {"removed": 3, "remaining": 0}
    site.get(site.play(file), f"{SLICE_BYTES}-{SLICE_BYTES}")
    wait_until(lambda: slices(agent, file)["present"] == 1, "the slice is stored")
    assert purge(agent, file) == {"removed": 1, "remaining": 0}
    assert slices(agent, file)["present"] == 0


def test_agent_reports_nginx_and_the_volume(site: Site, agent: httpx.Client) -> None:
    agent.put("/tombstones/" + "0" * 32)
    text = agent.get("/metrics").text
    agent.delete("/tombstones/" + "0" * 32)
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values["streamvault_edge_nginx_up"] == "1.0"
    assert float(values["streamvault_edge_nginx_requests_total"]) >= 1
    assert float(values['streamvault_edge_connections{state="active"}']) >= 1
    assert float(values["streamvault_edge_cache_volume_free_bytes"]) > 0
    assert float(values["streamvault_edge_tombstones"]) >= 1
