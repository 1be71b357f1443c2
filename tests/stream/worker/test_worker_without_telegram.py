"""A worker that cannot sign in stays up, says why, and leaves the verdict to those who can give one."""

import base64
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from conditions import until_true
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from redis_server import RedisServer
from worker_process import WorkerProcess

from streamvault_common import keys

NAME = "w1"


@pytest.fixture
def deaf_port() -> int:
    """A port that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def worker(tmp_path: Path, redis_server: RedisServer, deaf_port: int) -> AsyncIterator[WorkerProcess]:
    """A worker whose Telegram, MongoDB and session string are all missing; not started yet."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    process = WorkerProcess(
        {
            "WORKER_NAME": NAME,
            "SESSION_REVISION": "r7",
            "TG_SESSION_FILE": str(tmp_path / "session"),
            "TG_API_ID": "1",
            "TG_API_HASH": "0" * 32,
            "TG_DC_MAP": f"1-5=127.0.0.1:{deaf_port}",
            "TG_RSA_PUBLIC_KEY": pem,
            "MONGODB_URI": f"mongodb://127.0.0.1:{deaf_port}",
            "REDIS_URL": redis_server.url,
            "START_TIMEOUT_SECONDS": "1",
        }
    )
    yield process
    await process.stop()


def well_formed_session() -> str:
    packed = struct.pack(">BI?256sQ?", 2, 1, False, bytes(range(256)), 5_000_000_001, False)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


async def test_garbage_for_a_session_string_is_a_verdict_and_no_crash(
    worker: WorkerProcess, redis_server: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "session").write_text("certainly not a session string")
    await worker.start()
    async with redis_server.client() as store, httpx.AsyncClient(base_url=worker.url, timeout=60) as http:
        verdict = await until_true(lambda: store.hgetall(keys.verdict_key(NAME)))
        assert (verdict["reason"], verdict["revision"]) == ("SessionInvalid", "r7")
        assert "certainly" not in verdict["message"]
        assert (await store.hgetall(keys.session_key(NAME)))["state"] == "unauthorized"
        assert (await http.get("/healthz")).status_code == 200
        ready = await http.get("/readyz")
        assert (ready.status_code, "SessionInvalid" in ready.text) == (503, True)
        assert await store.xlen(keys.EVENTS_STREAM) == 1
    assert worker.exit_code is None
    worker.terminate()
    assert await worker.wait() == 0


async def test_an_unreachable_telegram_is_no_verdict(
    worker: WorkerProcess, redis_server: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "session").write_text(well_formed_session())
    await worker.start()
    await until_true(lambda: _says(worker, "sign-in failed", times=2))
    async with redis_server.client() as store, httpx.AsyncClient(base_url=worker.url, timeout=60) as http:
        report = await until_true(lambda: store.hgetall(keys.session_key(NAME)))
        assert report["state"] == "starting"
        assert await store.hgetall(keys.verdict_key(NAME)) == {}
        assert (await http.get("/readyz")).status_code == 503
        read = await http.get(f"/files/{'a' * 32}/1")
        assert (read.status_code, read.headers["content-type"]) == (503, "application/problem+json")
    worker.terminate()
    assert await worker.wait() == 0


async def test_only_one_of_dc_map_and_key_is_refused_at_start(worker: WorkerProcess) -> None:
    worker.environment["TG_RSA_PUBLIC_KEY"] = ""
    with pytest.raises(AssertionError, match="TG_DC_MAP and TG_RSA_PUBLIC_KEY"):
        await worker.start()


async def _says(worker: WorkerProcess, message: str, times: int) -> bool:
    return len(worker.said(message)) >= times
