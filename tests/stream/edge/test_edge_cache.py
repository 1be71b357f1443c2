"""The slice cache: who asks whom how often, and what a viewer's pace costs."""

import os
import threading
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from edge_site import Site, wait_until
from origin import File

from streamvault_common.keys import SLICE_BYTES
from streamvault_common.signing import Tier

VIEWERS = 200


def test_second_viewer_is_served_from_the_cache(site: Site) -> None:
    file = site.origin.add(2 * SLICE_BYTES + 5)
    first = site.get(site.play(file, user="u1"))
    asked = len(site.origin.requests(file))
    second = site.get(site.play(file, user="u2", tier=Tier.GUEST))
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("MISS", "HIT")
    assert second.content == file.content
    assert asked == len(site.origin.requests(file)) == site.slices(file)


def test_download_shares_the_slices_of_play(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES + 5)
    site.get(site.play(file))
    response = site.get(site.download(file, "x.mp4"))
    assert (response.headers["x-cache"], response.content) == ("HIT", file.content)
    assert len(site.origin.requests(file)) == site.slices(file)


def test_another_generation_is_another_film(site: Site) -> None:
    file = site.origin.add(1000)
    site.get(site.play(file))
    file.gen, file.content = 2, os.urandom(1000)
    response = site.get(site.play(file))
    assert (response.headers["x-cache"], response.content) == ("MISS", file.content)


def test_cold_crowd_costs_one_request_per_slice(site: Site) -> None:
    file = site.origin.add(2 * SLICE_BYTES)
    site.origin.release.clear()
    paths = [site.play(file, user=f"u{number}") for number in range(VIEWERS)]
    middle = f"bytes={SLICE_BYTES - 1000}-{SLICE_BYTES + 999}"
    with ExitStack() as stack:
        crowd = [stack.enter_context(site.connection()) for _ in paths]
        for viewer, path in zip(crowd, paths, strict=True):
            head = f"GET {path} HTTP/1.1\r\nHost: site\r\nRange: {middle}\r\nConnection: close\r\n\r\n"
            viewer.sendall(head.encode())
        wait_until(lambda: _connections(site) >= VIEWERS, "the crowd waits")
        site.origin.release.set()
        bodies = {viewer.makefile("rb").read().partition(b"\r\n\r\n")[2] for viewer in crowd}
    assert bodies == {file.content[SLICE_BYTES - 1000 : SLICE_BYTES + 1000]}
    assert site.origin.ranges(file) == {
        f"bytes=0-{SLICE_BYTES - 1}": 1,
        f"bytes={SLICE_BYTES}-{2 * SLICE_BYTES - 1}": 1,
    }


def test_slow_viewer_does_not_pull_the_film(site: Site) -> None:
    file = site.origin.add(10 * SLICE_BYTES)
    with site.slow_viewer(site.play(file)) as viewer:
        received = 0
        while received < SLICE_BYTES // 2:
            received += len(viewer.recv(65536))
        wait_until(lambda: len(site.origin.requests(file)) >= 1, "the first slice is asked")
        at_rest = _requests_at_rest(site, file.fid)
    assert at_rest < 3, "slices far ahead of the viewer were pulled"


def test_slow_viewer_of_a_cached_film_holds_few_files(site: Site) -> None:
    file = File(bytes(24 * SLICE_BYTES))
    site.origin.files[file.fid] = file
    site.get(site.play(file))
    before = site.nginx.open_files()
    with site.slow_viewer(site.play(file)) as viewer:
        received = 0
        while received < 3 * SLICE_BYTES:
            received += len(viewer.recv(65536))
        held = site.nginx.open_files() - before
    assert held < 20


@pytest.mark.parametrize(("cold", "kib_per_slice"), [(True, 300), (False, 100)])
def test_film_watched_by_one_request_costs_little_memory(tmp_path: Path, cold: bool, kib_per_slice: int) -> None:
    """What a slice took is given back only when the request ends: 500 slices for a film of 4 GB."""
    site, count = Site(tmp_path, workers=1), 24
    try:
        site.start()
        file = File(bytes(count * SLICE_BYTES))
        site.origin.files[file.fid] = file
        if not cold:
            for number in range(count):
                site.get(site.play(file), f"{number * SLICE_BYTES}-{number * SLICE_BYTES}")
        before = site.nginx.memory_kib()
        with site.slow_viewer(site.play(file)) as viewer:
            received = 0
            while received < (count - 1) * SLICE_BYTES:
                received += len(viewer.recv(1 << 20))
            grown = site.nginx.memory_kib() - before
        assert grown < count * kib_per_slice
    finally:
        site.stop()


def _connections(site: Site) -> int:
    status = httpx.get(site.nginx.status_url, timeout=60).text
    return int(status.split()[2])


def _requests_at_rest(site: Site, fid: str) -> int:
    """Requests for a file once their number has not changed for one second (a slice takes some 20 ms here)."""
    seen, unchanged = -1, 0
    while unchanged < 10:
        count = sum(fid in asked.request.path for asked in site.origin.asked)
        seen, unchanged = (seen, unchanged + 1) if count == seen else (count, 0)
        threading.Event().wait(0.1)
    return seen


def test_viewer_who_leaves_lets_the_slice_be_stored(site: Site) -> None:
    file = site.origin.add(SLICE_BYTES)
    for faults in site.origin.faults.values():
        faults.bytes_per_second = 32 * 1024 * 1024
    with site.slow_viewer(site.play(file)) as viewer:
        assert viewer.recv(1024)
    wait_until(lambda: site.get(site.play(file), "0-0").headers["x-cache"] == "HIT", "the slice is cached")
    assert len(site.origin.requests(file)) == 1


def test_too_many_streams_of_one_viewer_are_refused(site: Site) -> None:
    file = site.origin.add(4 * SLICE_BYTES)
    path = site.play(file, tier=Tier.GUEST, user="greedy")
    site.get(site.play(file))
    viewers = [site.slow_viewer(path) for _ in range(6)]
    sockets = [viewer.__enter__() for viewer in viewers]
    try:
        assert all(socket.recv(1) for socket in sockets)
        refused = site.get(path)
        assert (refused.status_code, refused.json()["title"]) == (429, "Too many connections")
        assert refused.headers["retry-after"] == "5"
        assert site.get(site.play(file, tier=Tier.GUEST, user="modest"), "0-0").status_code == 206
        assert site.get(site.play(file, tier=Tier.PREMIUM, user="greedy"), "0-0").status_code == 206
    finally:
        for viewer in viewers:
            viewer.__exit__(None, None, None)


def test_subtitles_are_text_and_cached(site: Site) -> None:
    track = site.origin.add(900, content_type="application/octet-stream")
    first, second = site.get(site.subtitle(track, "en")), site.get(site.subtitle(track, "pt-BR"))
    assert first.headers["content-type"] == "text/vtt; charset=utf-8"
    assert (second.headers["x-cache"], second.content) == ("HIT", track.content)
