"""The whole byte path without a cluster: local Telegram, workers with accounts of their own, and the real edge."""

import asyncio
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from conditions import until_true
from edge_site import DOMAIN, LINK_KEYS
from mongo_wire import MongoWire
from name_server import NameServer
from ports import free_port
from redis_server import RedisServer
from sandbox import SandboxProcess
from worker_process import WorkerProcess
from worker_stack import SampleFile

from nginx import Nginx
from streamvault_common import signing
from streamvault_common.documents import FILES
from streamvault_common.signing import Grant, LinkKeys, Tier

ACCOUNTS = ("worker1", "worker2", "worker4")
"""Accounts of the local Telegram's world whose home is the library's data centre."""
EDGE_AVOIDS_SECONDS = 2.1
"""For so long after a failure of a worker the edge may ask others only; where all have failed, readers are cut.

It is set to one second, and nginx counts in whole ones.
"""
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(*pids: int) -> float:
    """User and system time of processes."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used += int(fields[11]) + int(fields[12])
    return used / TICKS_PER_SECOND


@dataclass
class ByteChain:
    """Its running parts; `workers` by account."""

    sandbox: SandboxProcess
    mongo: MongoWire
    names: NameServer
    nginx: Nginx
    workers: dict[str, WorkerProcess]
    http: httpx.AsyncClient

    def publish(self, *files: SampleFile) -> None:
        """Declare files in the database."""
        for file in files:
            self.mongo.insert(FILES, file.stored.model_dump(mode="json", by_alias=True))

    def link(self, file: SampleFile, user: str = "viewer") -> str:
        """A signed link that plays a file, path and query."""
        scope = signing.play_scope(file.stored.id, file.stored.gen)
        grant = Grant(scope, int(time.time()) + 3600, Tier.PREMIUM, user)
        return f"{scope}?t={signing.sign(LinkKeys.parse(LINK_KEYS), grant)}"

    async def read(self, file: SampleFile, extent: str = "") -> httpx.Response:
        """GET a file through the edge, or the range `extent` of it."""
        return await self.http.get(self.link(file), headers={"Range": f"bytes={extent}"} if extent else {})

    async def read_whole(self, file: SampleFile) -> bool:
        """Read a file; whether the body was whole. What there is of it is right, or AssertionError."""
        received = bytearray()
        async with self.http.stream("GET", self.link(file)) as answer:
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.status_code
                return False
            try:
                async for chunk in answer.aiter_raw():
                    received += chunk
            except (httpx.RemoteProtocolError, httpx.ReadError):
                assert received == file.content[: len(received)]
                return False
        assert received == file.content
        return True

    async def until_whole(self, file: SampleFile) -> None:
        """Read again until who was told to wait has waited; whatever comes meanwhile is right as well."""
        await until_true(lambda: self.read_whole(file))

    def empty_cache(self) -> None:
        """Remove every slice; nginx finds out by itself."""
        for path in self.nginx.cached():
            path.unlink(missing_ok=True)

    async def kill(self, account: str) -> None:
        """End a worker as an out-of-memory kill would; its address stays known for a while."""
        self.workers[account].send(signal.SIGKILL)
        await self.workers[account].wait()

    async def serving(self) -> str:
        """The account whose worker is reading now."""

        async def one() -> str:
            for account, worker in self.workers.items():
                if worker.exit_code is None:
                    metrics = (await self.http.get(f"{worker.url}/metrics")).text
                    if "streamvault_worker_streams_in_flight 1.0" in metrics:
                        return account
            return ""

        return await until_true(one)

    async def until_dead(self) -> str:
        """Wait until a worker serves no more; its account."""

        async def dead() -> str:
            for account in self.workers:
                if not await self._is_ready(account):
                    return account
            return ""

        return await until_true(dead)

    async def sign_in_anew(self, account: str) -> None:
        """As a human does who renews the session of a worker: another string, and another revision of it."""
        worker = self.workers[account]
        worker.terminate()
        await worker.wait()
        revision = secrets.token_hex(4)
        Path(worker.environment["TG_SESSION_FILE"]).write_text(self.sandbox.mint(account, label=revision))
        worker.environment["SESSION_REVISION"] = revision
        await worker.start()

    async def until_all_ready(self) -> None:
        """Wait until every worker is signed in and not told to wait."""
        await asyncio.gather(*(self.until_ready(account) for account in self.workers))

    async def until_ready(self, account: str) -> None:
        """Wait until a worker is signed in."""
        await until_true(lambda: self._is_ready(account))

    async def _is_ready(self, account: str) -> bool:
        return (await self.http.get(f"{self.workers[account].url}/readyz")).status_code == 200


@asynccontextmanager
async def byte_chain(
    folder: Path,
    sandbox: SandboxProcess,
    accounts: Sequence[str] = ACCOUNTS,
    edge: dict[str, str] | None = None,
    **environment: str,
) -> AsyncIterator[ByteChain]:
    """Start everything and wait until a worker answers through the edge; `environment` is the workers'."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(RedisServer(folder))
        mongo, names = MongoWire(), NameServer()
        stack.callback(names.close)
        await mongo.start()
        stack.push_async_callback(mongo.stop)
        port = free_port()
        hosts = {account: f"127.0.4.{number}" for number, account in enumerate(accounts, 1)}
        shared = {
            "MONGODB_URI": mongo.uri,
            "REDIS_URL": redis.url,
            "MAX_STREAMS": "64",
            "WORKERS_ADDRESS": ",".join(f"{host}:{port}" for host in hosts.values()),
            **sandbox.environment,
            **environment,
        }
        workers = {
            account: await stack.enter_async_context(_worker(folder, sandbox, account, host, port, shared))
            for account, host in hosts.items()
        }
        service = f"workers.{DOMAIN}"
        names.records[service], names.ports[service] = list(hosts.values()), port
        nginx = Nginx(
            folder / "edge",
            {
                "LINK_KEYS": LINK_KEYS,
                "RESOLVER": names.address,
                "RESOLVER_VALID": "1s",
                "WORKERS_FAIL_TIMEOUT": "1s",
                "CACHE_MIN_FREE": "1m",
                "CONNECTIONS_PREMIUM": "4000",
                **(edge or {}),
            },
        )
        nginx.start()
        stack.callback(nginx.stop)
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=nginx.url, timeout=60, trust_env=False))
        chain = ByteChain(sandbox, mongo, names, nginx, workers, http)
        await chain.until_all_ready()
        yield chain


@asynccontextmanager
async def _worker(
    folder: Path, sandbox: SandboxProcess, account: str, host: str, port: int, shared: dict[str, str]
) -> AsyncIterator[WorkerProcess]:
    session = folder / f"{account}.session"
    session.write_text(sandbox.mint(account))
    process = WorkerProcess(
        {
            "WORKER_NAME": account,
            "TG_SESSION_FILE": str(session),
            "HOST": host,
            "PORT": str(port),
            "POD_IP": host,
            **shared,
        }
    )
    await process.start()
    try:
        yield process
    finally:
        await process.stop()
