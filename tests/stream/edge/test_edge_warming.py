"""The manager's warming on the real edge: the player finds both ends of a film in the cache."""

from collections.abc import AsyncIterator

import pytest
from conditions import until
from edge_site import Site
from origin import File
from prometheus_client import CollectorRegistry, Counter

from streamvault_common.documents import Quality, TitleFile
from streamvault_common.keys import SLICE_BYTES
from streamvault_common.signing import Tier
from streamvault_manager.services.warming import Warmer
from streamvault_manager.stores.edge import EdgeClient


@pytest.fixture
def outcomes() -> Counter:
    return Counter("warmings", "for a test", ("outcome",), registry=CollectorRegistry())


@pytest.fixture
async def edge(site: Site) -> AsyncIterator[EdgeClient]:
    client = EdgeClient.connect(site.nginx.url)
    yield client
    await client.close()


@pytest.fixture
async def warmer(site: Site, edge: EdgeClient, outcomes: Counter) -> AsyncIterator[Warmer]:
    warmer = Warmer(edge.fetch_byte, site.keys, outcomes)
    yield warmer
    await warmer.close()


def playable(file: File) -> list[TitleFile]:
    size = len(file.content)
    return [TitleFile(fid=file.fid, gen=file.gen, name="film", quality=Quality.FHD, size_bytes=size)]


async def counted(outcomes: Counter, outcome: str, number: int) -> None:
    await until(lambda: outcomes.labels(outcome)._value.get() == number)


async def test_a_player_finds_both_ends_of_a_granted_film(site: Site, warmer: Warmer, outcomes: Counter) -> None:
    file = site.origin.add(4 * SLICE_BYTES + 100)
    warmer.granted(playable(file))
    await counted(outcomes, "held", 2)
    size, before = len(file.content), len(site.origin.requests(file))
    assert before == 2
    for wanted in ("0-1000", f"{SLICE_BYTES - 1}-{SLICE_BYTES - 1}", f"{size - 50}-"):
        response = site.get(site.play(file, tier=Tier.GUEST), wanted)
        assert (response.status_code, response.headers["x-cache"]) == (206, "HIT")
    assert len(site.origin.requests(file)) == before


async def test_only_two_bytes_reach_the_manager(site: Site, warmer: Warmer, outcomes: Counter) -> None:
    file = site.origin.add(2 * SLICE_BYTES)
    warmer.granted(playable(file))
    await counted(outcomes, "held", 2)
    viewer = f"warming-{file.fid}"
    await until(lambda: sum(entry["viewer"] == viewer for entry in site.nginx.log_entries()) == 2)
    sent = [(entry["status"], entry["bytes"]) for entry in site.nginx.log_entries() if entry["viewer"] == viewer]
    assert sent == [(206, 1), (206, 1)]


async def test_a_film_that_was_taken_down_meanwhile_is_not_warmed(
    site: Site, warmer: Warmer, outcomes: Counter
) -> None:
    file = site.origin.add(SLICE_BYTES + 1)
    file.gone = True
    warmer.granted(playable(file))
    await counted(outcomes, "failed", 2)


@pytest.mark.parametrize("path", ["/api/titles", "/healthz", "/v/broken?t=x"])
async def test_an_answer_that_is_not_one_byte_is_not_counted_as_held(site: Site, edge: EdgeClient, path: str) -> None:
    assert not await edge.fetch_byte(path, 0)
