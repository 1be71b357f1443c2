"""An edge whose keys zone is full is told to the admins: by an Event, and through Redis in the Admin Channel."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from edge_agent import TOKEN, running_agent
from operator_config import CONFIG
from redis_server import RedisServer

from streamvault_common.keys import EVENTS_STREAM
from streamvault_edge.metrics import KEYS_ZONE_FAILURES
from streamvault_operator.config import OperatorConfig
from streamvault_operator.edge_alarm import REASON, TELL_AGAIN_SECONDS, EdgeAlarm
from streamvault_operator.io.agents import Agents, AgentUnavailable
from streamvault_operator.io.kube import KubeError
from streamvault_operator.io.reports import Reports

PODS = [{"status": {"phase": "Running", "podIP": address}} for address in ("::1", "127.0.0.1")]
"""At the first address nobody answers, as on a node that was lost."""


class Kube:
    """Knows the pods of the edge, and keeps the Events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.away = False

    async def select(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        return PODS

    async def find(self, *_: Any) -> dict[str, Any]:
        if self.away:
            raise KubeError("the API server is away")
        return {"metadata": {"name": "edge"}}

    async def post_event(self, _: dict[str, Any], reason: str, message: str, *, warning: bool) -> None:
        assert warning
        self.events.append((reason, message))


class Edge:
    """A running agent whose nginx has counted so many failures, and an alarm that looks at it."""

    def __init__(self, cache: Path, deps: Any) -> None:
        self.now = 0.0
        self.kube: Kube = deps.kube
        self._file = cache / KEYS_ZONE_FAILURES
        self._alarm = EdgeAlarm(deps, lambda: self.now)

    async def counted(self, failures: int) -> None:
        self._file.write_text(f"{failures}\n")
        await self._alarm.look()


@pytest.fixture
async def edge(tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Edge]:
    cache = tmp_path / "cache"
    cache.mkdir()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with running_agent(cache) as client:
        async with aiohttp.ClientSession(headers=headers) as http:
            agents = Agents(http, client.base_url.port or 0)
            config = OperatorConfig.model_validate(CONFIG)
            reports = Reports.connect(redis_server.url)
            yield Edge(cache, SimpleNamespace(config=config, kube=Kube(), agents=agents, reports=reports))
            await reports.close()


async def test_a_full_zone_is_told_once_an_hour_while_it_grows(edge: Edge, redis_server: RedisServer) -> None:
    await edge.counted(0)
    assert edge.kube.events == []
    await edge.counted(3)
    await edge.counted(7)
    assert [reason for reason, _ in edge.kube.events] == [REASON]
    assert "no room in it 3 times" in edge.kube.events[0][1]
    async with redis_server.client() as client:
        entries: Any = await client.xrange(EVENTS_STREAM)
    [(_, told)] = entries
    assert told["text"] == edge.kube.events[0][1]
    edge.now += TELL_AGAIN_SECONDS
    await edge.counted(7)
    assert "no room in it 4 times" in edge.kube.events[1][1], "what came since the hour began"
    edge.now += TELL_AGAIN_SECONDS
    await edge.counted(7)
    assert len(edge.kube.events) == 2, "nothing happened since"


async def test_what_could_not_be_told_is_told_later(edge: Edge) -> None:
    edge.kube.away = True
    with pytest.raises(KubeError):
        await edge.counted(3)
    edge.kube.away = False
    await edge.counted(4)
    assert "no room in it 4 times" in edge.kube.events[0][1]


async def test_an_nginx_that_started_anew_counts_from_nothing(edge: Edge) -> None:
    await edge.counted(5)
    edge.now += TELL_AGAIN_SECONDS
    await edge.counted(0)
    assert len(edge.kube.events) == 1
    await edge.counted(2)
    assert "no room in it 2 times" in edge.kube.events[1][1]


async def test_an_agent_that_refuses_is_an_error_and_no_alarm(tmp_path: Path) -> None:
    with running_agent(tmp_path) as client:
        async with aiohttp.ClientSession() as http:
            with pytest.raises(AgentUnavailable, match="401"):
                await Agents(http, client.base_url.port or 0).keys_zone_failures("127.0.0.1")
