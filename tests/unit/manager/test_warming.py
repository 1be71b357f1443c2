"""Which slices are warmed after a grant, how many at once, and that no viewer ever waits for it."""

import asyncio
import re
import time
from dataclasses import dataclass, field

import pytest
from catalogue_samples import film
from conditions import until
from prometheus_client import CollectorRegistry, Counter

from streamvault_common.documents import Quality, TitleFile
from streamvault_common.keys import SLICE_BYTES
from streamvault_common.signing import LinkKeys, Tier, verify
from streamvault_manager.services import warming
from streamvault_manager.services.warming import Warmer, end_bytes, likely_file
from streamvault_manager.stores.edge import EdgeClient, EdgeUnavailable

KEYS = LinkKeys("k1", {"k1": bytes(32)})
ALL = tuple(Quality)


@dataclass
class Edge:
    """What was asked; answers wait for `open`."""

    asked: list[tuple[str, int]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    down: bool = False

    async def fetch_byte(self, link: str, position: int) -> bool:
        self.asked.append((link, position))
        await self.open.wait()
        if self.down:
            raise EdgeUnavailable("ClientConnectorError")
        return True


@dataclass
class Clock:
    seconds: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.seconds


def large(title_id: str) -> list[TitleFile]:
    """One file of four slices."""
    return [file.model_copy(update={"size_bytes": 4 * SLICE_BYTES}) for file in film(title_id, qualities=ALL[:1]).files]


def outcomes() -> Counter:
    return Counter("warmings", "for a test", ("outcome",), registry=CollectorRegistry())


@pytest.mark.parametrize(
    ("qualities", "likely"),
    [
        (ALL, Quality.FHD),
        ((Quality.SD, Quality.UHD), Quality.UHD),
        ((Quality.SD, Quality.HD), Quality.HD),
        ((Quality.SD,), Quality.SD),
    ],
)
def test_the_likely_quality_fills_a_full_hd_screen_and_no_more(qualities: tuple[Quality, ...], likely: Quality) -> None:
    assert likely_file(film("aurora", qualities=qualities).files).quality == likely


@pytest.mark.parametrize(
    ("size", "positions"),
    [
        (1, (0,)),
        (SLICE_BYTES, (0,)),
        (SLICE_BYTES + 1, (0, SLICE_BYTES)),
        (5 * SLICE_BYTES, (0, 5 * SLICE_BYTES - 1)),
    ],
)
def test_both_ends_are_warmed_where_they_lie_in_different_slices(size: int, positions: tuple[int, ...]) -> None:
    assert end_bytes(size) == positions


async def test_link_is_good_for_this_film_and_counts_against_no_viewer() -> None:
    edge, counted, files = Edge(), outcomes(), large("aurora")
    edge.open.set()
    warmer = Warmer(edge.fetch_byte, KEYS, counted)
    warmer.granted(files)
    await until(lambda: len(edge.asked) == 2)
    await warmer.close()
    assert [position for _, position in edge.asked] == [0, 4 * SLICE_BYTES - 1]
    scope, _, token = edge.asked[0][0].partition("?t=")
    grant = verify(KEYS, scope, token, time.time())
    assert scope == f"/v/{files[0].fid}/1"
    assert (grant.tier, grant.user) == (Tier.PREMIUM, f"warming-{files[0].fid}")
    assert grant.expires_at - time.time() <= warming.LINK_SECONDS


async def test_a_film_is_warmed_once_in_some_minutes() -> None:
    edge, clock = Edge(), Clock()
    edge.open.set()
    warmer = Warmer(edge.fetch_byte, KEYS, outcomes(), clock)
    for _ in range(50):
        warmer.granted(large("aurora"))
    await until(lambda: len(edge.asked) == 2)
    clock.seconds += warming.REPEAT_SECONDS - 1
    warmer.granted(large("aurora"))
    warmer.granted(large("another"))
    await until(lambda: len(edge.asked) == 4)
    clock.seconds += 2
    warmer.granted(large("aurora"))
    await until(lambda: len(edge.asked) == 6)
    await warmer.close()
    assert len({link.partition("?")[0] for link, _ in edge.asked}) == 2


async def test_a_slow_edge_is_asked_few_at_once_and_holds_up_nobody() -> None:
    edge, counted = Edge(), outcomes()
    warmer = Warmer(edge.fetch_byte, KEYS, counted)
    for number in range(2 * warming.MOST_WAITING):
        warmer.granted(large(f"film-{number}"))
    await until(lambda: len(edge.asked) == warming.AT_ONCE)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(edge.asked) == warming.AT_ONCE
    edge.open.set()
    await until(lambda: counted.labels("held")._value.get() == 2 * warming.MOST_WAITING)
    assert len(edge.asked) == 2 * warming.MOST_WAITING, "no more than so many films wait, each asked for two slices"
    await warmer.close()


async def test_an_edge_that_is_away_is_counted_and_hurts_nobody() -> None:
    edge, counted = Edge(down=True), outcomes()
    edge.open.set()
    warmer = Warmer(edge.fetch_byte, KEYS, counted)
    warmer.granted(large("aurora"))
    await until(lambda: counted.labels("failed")._value.get() == 2)
    await warmer.close()


async def test_closing_gives_up_what_waits() -> None:
    edge = Edge()
    warmer = Warmer(edge.fetch_byte, KEYS, outcomes())
    warmer.granted(large("aurora"))
    await until(lambda: len(edge.asked) == 1)
    await asyncio.wait_for(warmer.close(), 60)
    assert len(edge.asked) == 1


async def test_an_address_where_nobody_listens_is_told_without_the_link() -> None:
    client = EdgeClient.connect("http://127.0.0.1:1")
    with pytest.raises(EdgeUnavailable) as failed:
        await client.fetch_byte("/v/abc/1?t=secret", 0)
    assert not re.search("secret|abc", str(failed.value))
    await client.close()
