"""A film that the edge gives to a browser block by block plays as if it came in one piece."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_network import BrowserNetwork
from browser_watch import CHROMIUM
from edge_site import Site, wait_until
from origin import File
from playwright.sync_api import Page

from streamvault_common.keys import MIB, SLICE_BYTES

PROGRAM = CHROMIUM
SECONDS = 6


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Seconds of noise as MP4, which no encoder makes small: several slices."""
    path = tmp_path_factory.mktemp("noise") / "noise.mp4"
    graph = f"color=gray:s=480x270:r=12:d={SECONDS},noise=alls=100:allf=t,format=yuv420p"
    arguments = f"-f lavfi -i {graph} -c:v libx264 -preset ultrafast -qp 6 -g 12 -movflags +faststart"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments.split(), str(path)], check=True)
    return path.read_bytes()


@pytest.fixture
def edge(tmp_path: Path, network: BrowserNetwork) -> Iterator[Site]:
    """An edge whose blocks are one slice long."""
    site = Site(tmp_path, workers=1, PLAY_MIB=str(SLICE_BYTES // MIB))
    try:
        site.start()
        network.reach(site.nginx.url)
        yield site
    finally:
        site.stop()


def test_browser_plays_to_the_end_and_seeks(page: Page, edge: Site, noise: bytes) -> None:
    assert len(noise) > 2 * SLICE_BYTES
    film = File(noise)
    edge.origin.files[film.fid] = film
    page.set_content(f'<video src="{edge.nginx.url}{edge.play(film)}" muted autoplay></video>')
    page.wait_for_function("document.querySelector('video').ended", timeout=90_000)
    state = "(({error, currentTime, duration}) => [error, currentTime, duration])(document.querySelector('video'))"
    error, at, duration = page.evaluate(state)
    assert (error, round(at), round(duration)) == (None, SECONDS, SECONDS)
    page.evaluate("document.querySelector('video').currentTime = 1")
    page.wait_for_function("(v => !v.seeking && v.readyState >= 2)(document.querySelector('video'))")
    page.goto("about:blank")

    def played_bytes() -> list[int]:
        return [int(str(entry["bytes"])) for entry in edge.nginx.log_entries() if film.fid in str(entry["path"])]

    wait_until(lambda: len(played_bytes()) >= -(-len(noise) // SLICE_BYTES), "every block is in the log")
    assert max(played_bytes()) <= SLICE_BYTES
