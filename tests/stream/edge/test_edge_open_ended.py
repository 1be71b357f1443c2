"""Players that ask for all that is left of a film get it block by block, so that nginx never holds many slices."""

from collections.abc import Iterator

import httpx
import pytest
from edge_site import Site
from origin import File

from streamvault_common.keys import AFFINITY_BYTES, MIB, SLICE_BYTES

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
BLOCK = 2 * SLICE_BYTES
SIZE = 2 * BLOCK + 12345


@pytest.fixture(scope="module")
def short_blocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An edge whose blocks are two slices long."""
    site = Site(tmp_path_factory.mktemp("blocks"), workers=1, PLAY_MIB=str(BLOCK // MIB))
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture(scope="module")
def film(short_blocks: Site) -> File:
    return short_blocks.origin.add(SIZE)


def ask(site: Site, path: str, range_: str | None, agent: str = BROWSER) -> httpx.Response:
    return site.get(path, range_, **{"User-Agent": agent})


def test_player_gets_the_whole_film_block_by_block(short_blocks: Site, film: File) -> None:
    received, answers = b"", 0
    while len(received) < SIZE:
        response = ask(short_blocks, short_blocks.play(film), f"{len(received)}-")
        last = min(len(received) + BLOCK, SIZE) - 1
        assert (response.status_code, response.headers["content-range"]) == (
            206,
            f"bytes {len(received)}-{last}/{SIZE}",
        )
        received, answers = received + response.content, answers + 1
    assert (received == film.content, answers) == (True, 3)
    assert set(short_blocks.origin.ranges(film).values()) == {1}, "no slice is asked for twice"


@pytest.mark.parametrize(
    ("start", "end"), [(0, BLOCK), (1, BLOCK), (BLOCK - 1, BLOCK), (BLOCK, 2 * BLOCK), (SLICE_BYTES + 5, BLOCK)]
)
def test_answer_ends_where_its_block_does(short_blocks: Site, film: File, start: int, end: int) -> None:
    response = ask(short_blocks, short_blocks.play(film), f"{start}-")
    assert response.content == film.content[start:end]


@pytest.mark.parametrize("range_", [f"5-{BLOCK + 9}", "0-0", f"-{BLOCK + 7}", None])
def test_whoever_names_an_end_gets_all_of_it(short_blocks: Site, film: File, range_: str | None) -> None:
    response = ask(short_blocks, short_blocks.play(film), range_)
    plain = ask(short_blocks, short_blocks.play(film), range_, "curl/8.14")
    assert (response.status_code, response.content) == (plain.status_code, plain.content)
    assert len(response.content) == {None: SIZE, "0-0": 1, f"-{BLOCK + 7}": BLOCK + 7}.get(range_, BLOCK + 5)


@pytest.mark.parametrize("agent", ["curl/8.14", "VLC/3.0.21 LibVLC/3.0.21", "Lavf/61.7.100", ""])
def test_programs_get_all_that_is_left(short_blocks: Site, film: File, agent: str) -> None:
    assert ask(short_blocks, short_blocks.play(film), "7-", agent).content == film.content[7:]


def test_download_is_resumed_by_one_request(short_blocks: Site, film: File) -> None:
    assert ask(short_blocks, short_blocks.download(film, "x.mp4"), "7-").content == film.content[7:]


def test_stale_validator_gives_the_whole_film(short_blocks: Site, film: File) -> None:
    headers = {"User-Agent": BROWSER, "If-Range": '"older"'}
    response = short_blocks.get(short_blocks.play(film), "7-", **headers)
    assert (response.status_code, response.content) == (200, film.content)


def test_beginning_beyond_the_end_is_416(short_blocks: Site, film: File) -> None:
    response = ask(short_blocks, short_blocks.play(film), f"{SIZE}-")
    assert (response.status_code, response.headers["content-range"]) == (416, f"bytes */{SIZE}")


def test_browser_at_the_end_of_its_answer_holds_few_files(site: Site) -> None:
    file = File(bytes(24 * SLICE_BYTES))
    site.origin.files[file.fid] = file
    site.get(site.play(file))
    before = site.nginx.open_files()
    with site.slow_viewer(site.play(file), agent=BROWSER) as viewer:
        head = viewer.recv(4096)
        received = len(head)
        while received < 15 * SLICE_BYTES:
            received += len(viewer.recv(1 << 20))
        held = site.nginx.open_files() - before
    assert f"content-range: bytes 0-{16 * SLICE_BYTES - 1}/".encode() in head.lower()
    assert 10 < held < 20
    assert AFFINITY_BYTES % (16 * SLICE_BYTES) == 0, "no answer crosses from one worker to another"
