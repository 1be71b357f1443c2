"""What the edge finds on its volume when it starts, and the nginx that it is."""

import re
from pathlib import Path

from edge_site import Site, wait_until

from nginx import CONFIG, UID, version
from streamvault_common.keys import SLICE_BYTES


def test_leftovers_of_a_killed_edge_are_removed(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1)
    try:
        site.start()
        file = site.origin.add(SLICE_BYTES)
        for faults in site.origin.faults.values():
            faults.bytes_per_second = 16 * 1024 * 1024
        with site.slow_viewer(site.play(file)) as viewer:
            assert viewer.recv(1024)
            wait_until(lambda: any(path.suffix for path in site.nginx.cached()), "a slice is being written")
            site.nginx.kill()
        assert [path for path in site.nginx.cached() if path.suffix]
        site.origin.heal()
        site.nginx.start()
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
