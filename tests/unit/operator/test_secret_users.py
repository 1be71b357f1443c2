"""Who mounts a Secret: a pod that is being made counts, and many sessions that ask cost one list."""

import asyncio
from typing import Any

from streamvault_operator.secret_users import SecretUsers


def pod(name: str, secret: str) -> dict[str, Any]:
    """A worker pod that mounts one Secret."""
    return {"metadata": {"name": name}, "spec": {"volumes": [{"secret": {"secretName": secret}}, {"emptyDir": {}}]}}


class Cluster:
    """Pods, and how often they were listed."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.lists = 0
        self.now = 100.0
        self.hold = asyncio.Event()
        self.hold.set()
        self.users = SecretUsers(self.fetch, lambda: self.now)

    async def fetch(self) -> list[dict[str, Any]]:
        self.lists += 1
        found = list(self.pods)
        await self.hold.wait()
        return found


async def test_two_hundred_sessions_that_start_at_once_cost_one_list() -> None:
    cluster = Cluster()
    cluster.pods = [pod("ws-a", "a")]
    await asyncio.gather(*(cluster.users.refresh() for _ in range(200)))
    assert cluster.lists == 1
    assert cluster.users.other("a", "ws-b") == "ws-a"
    assert cluster.users.other("a", "ws-a") == ""
    assert cluster.users.other("b", "ws-b") == ""
    cluster.pods = []
    cluster.now += 2
    await cluster.users.refresh()
    assert cluster.users.other("a", "ws-b") == ""


async def test_a_pod_counts_from_before_it_is_made_until_a_later_list_says_otherwise() -> None:
    cluster = Cluster()
    await cluster.users.refresh()
    cluster.now += 2
    cluster.hold.clear()
    listing = asyncio.create_task(cluster.users.refresh())
    await asyncio.sleep(0)
    with cluster.users.making(pod("ws-a", "s")):
        assert cluster.users.other("s", "ws-b") == "ws-a"
        cluster.hold.set()
        await listing
        assert cluster.users.other("s", "ws-b") == "ws-a", "the list began before it was made"
        cluster.now += 5
        await cluster.users.refresh()
        assert cluster.users.other("s", "ws-b") == "ws-a", "its making takes long"
    assert cluster.users.other("s", "ws-b") == "ws-a"
    cluster.now += 2
    await cluster.users.refresh()
    assert cluster.users.other("s", "ws-b") == "", "it was refused, or has gone meanwhile"
