"""What the edge finds on its volume when it starts, and the nginx that it is."""

import re
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx
from edge_agent import running_agent
from edge_site import Site, wait_until

from nginx import CONFIG, UID, version
from streamvault_common.keys import SLICE_BYTES


def test_leftovers_of_a_killed_edge_are_removed(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1)
    try:
        site.start()
        file = site.origin.add(SLICE_BYTES)
        for faults in site.origin.faults.values():
            faults.hold_after_bytes = SLICE_BYTES // 2
        site.origin.release_held.clear()
        with site.slow_viewer(site.play(file)) as viewer:
            assert viewer.recv(1024)
            wait_until(lambda: any(path.suffix for path in site.nginx.cached()), "a slice is being written")
            site.nginx.kill()
        assert [path for path in site.nginx.cached() if path.suffix]
        site.origin.heal()
        site.start()
        assert not [path for path in site.nginx.cached() if path.suffix]
        assert site.get(site.play(file)).content == file.content
        assert all(path.stat().st_uid == UID for path in site.nginx.cached())
    finally:
        site.stop()


def test_cache_survives_a_restart(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1)
    try:
        site.start()
        file = site.origin.add(SLICE_BYTES)
        site.get(site.play(file))
        site.nginx.stop()
        site.nginx.start()
        assert site.get(site.play(file)).headers["x-cache"] == "HIT"
    finally:
        site.stop()


def test_nginx_is_new_enough() -> None:
    """Older ones disclose memory with slices and overflow in maps (CVE-2026-60005, CVE-2026-42533)."""
    oldest = re.search(r"ge ([0-9.]+)", (CONFIG / "Dockerfile").read_text())
    assert oldest, "the image's build must refuse older ones"
    assert oldest[1] == "1.30.4"
    assert version() >= (1, 30, 4)


def test_full_keys_zone_is_told_to_whoever_watches(tmp_path: Path) -> None:
    """nginx then caches less than there is room for, and says so nowhere but in its error log."""
    site = Site(tmp_path, workers=1, CACHE_KEYS_ZONE="32k", CACHE_MAX_SIZE="64m")

    def failures(agent: httpx.Client) -> float:
        found = re.search(r"^streamvault_edge_keys_zone_failures_total (.+)$", agent.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else -1.0

    try:
        site.start()
        with running_agent(site.nginx.cache, site.nginx.status_url) as agent, ExitStack() as viewers:
            assert failures(agent) == 0
            site.origin.release.clear()
            for number in range(400):
                viewer: socket.socket = viewers.enter_context(site.connection())
                path = site.play(site.origin.add(10), user=f"u{number}")
                viewer.sendall(f"GET {path} HTTP/1.1\r\nHost: site\r\n\r\n".encode())
            wait_until(lambda: failures(agent) > 0, "the agent counts what nginx could not keep")
            assert agent.get("/keys-zone").json()["failures"] > 0, "the operator asks for this, and tells the admins"
            site.origin.release.set()
        file = site.origin.add(1000)
        wait_until(lambda: site.get(site.play(file)).content == file.content, "films are served again")
    finally:
        site.stop()
