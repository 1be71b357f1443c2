"""The local Telegram as a subprocess, for any test that needs Telegram.

    with SandboxProcess(tmp_path) as sandbox:
        session = sandbox.mint("worker1")                       # kurigram session string
        async with sandbox.kurigram("worker1") as client: ...   # unmodified client, logged in
        stored = await sandbox.upload(file, channel=-1002400000123)
        sandbox.fault(kind="error", error="FLOOD_WAIT_3", account="worker1", method="upload.getFile", count=1)
        sandbox.counters(method="upload.getFile")["calls"]

``environment`` holds TG_DC_MAP, TG_RSA_PUBLIC_KEY, TG_API_ID and TG_API_HASH for a part under test.
"""

import asyncio
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import preloaded_python
import pyrogram
import rsa as pure_rsa
from pyrogram.connection import Connection
from pyrogram.connection.transport import TCP, TCPAbridged
from pyrogram.crypto import rsa
from pyrogram.session import Session

REPOSITORY = Path(__file__).resolve().parents[2]
API_ID = 17349
API_HASH = "0123456789abcdef0123456789abcdef"
LIBRARY = -1002400000123
MIRROR = -1002400000124
ADMIN_CHANNEL = -1002400000125
START_SECONDS = 120


@dataclass(frozen=True)
class Stored:
    """An uploaded file: where it is and how large."""

    channel_id: int
    message_id: int
    size_bytes: int


class SandboxProcess:
    """One sandbox with its own data folder; ports are free ones and stay the same over a restart."""

    def __init__(self, data_dir: Path, world: Path | None = None, **environment: str) -> None:
        self.data_dir = data_dir
        self._world = world
        self._extra = environment
        self._process: preloaded_python.Program | None = None
        self._ports: dict[int, int] = {}
        self._control_port = 0
        self._http: httpx.Client | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until every port answers."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        endpoints = self.data_dir / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        ports = ",".join(f"{dc_id}={self._ports.get(dc_id, 0)}" for dc_id in range(1, 6))
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "images/telegram-sandbox"),
            "TG_SANDBOX_HOST": "127.0.0.1",
            "TG_SANDBOX_DATA_DIR": str(self.data_dir),
            "TG_SANDBOX_DC_PORTS": ports,
            "TG_SANDBOX_VERIFY_ANSWERS": "true",
            "TG_SANDBOX_CONTROL_PORT": str(self._control_port),
            "TG_SANDBOX_WORLD_FILE": str(self._world) if self._world else "",
            **self._extra,
        }
        with (self.data_dir / "log.txt").open("ab") as log:
            self._process = preloaded_python.start("telegram_sandbox", environment, log.fileno())
        deadline = time.monotonic() + START_SECONDS
        while not endpoints.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the sandbox did not start:\n{self.log()}")
            time.sleep(0.02)
        found = json.loads(endpoints.read_text())
        self._ports = {int(dc_id): port for dc_id, port in found["dcs"].items()}
        self._control_port = found["control"]
        self._http = httpx.Client(base_url=self.control_url, timeout=60)
        register_public_key(self.get("/control/endpoints")["public_key"])

    def stop(self) -> None:
        """Stop; the data folder stays, so ``start`` continues where this ended."""
        if self._http is not None:
            self._http.close()
            self._http = None
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it without notice (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
        self.stop()

    def log(self) -> str:
        """What the process wrote."""
        return (self.data_dir / "log.txt").read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The process id."""
        if self._process is None:
            raise RuntimeError("the sandbox is not running")
        return self._process.pid

    @property
    def control_url(self) -> str:
        """Base address of the control API."""
        return f"http://127.0.0.1:{self._control_port}"

    @property
    def ports(self) -> dict[int, int]:
        """Port of every data centre."""
        return dict(self._ports)

    @property
    def public_key(self) -> str:
        """The server's RSA key as PKCS#1 PEM."""
        pem: str = self.get("/control/endpoints")["public_key"]
        return pem

    @property
    def environment(self) -> dict[str, str]:
        """Settings that point a part of StreamVault at this server."""
        return {
            "TG_DC_MAP": ",".join(f"{dc_id}=127.0.0.1:{port}" for dc_id, port in sorted(self._ports.items())),
            "TG_RSA_PUBLIC_KEY": self.public_key,
            "TG_API_ID": str(API_ID),
            "TG_API_HASH": API_HASH,
        }

    def call(self, verb: str, path: str, body: Any = None, /, **query: Any) -> Any:
        """One control call; gives the JSON answer. Raises httpx.HTTPStatusError."""
        if self._http is None:
            raise RuntimeError("the sandbox is not running")
        query = {name: value for name, value in query.items() if value is not None}
        answer = self._http.request(verb, path, json=body, params=query)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str, /, **query: Any) -> Any:
        """GET a control path."""
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any = None) -> Any:
        """POST to a control path."""
        return self.call("POST", path, body)

    def mint(self, who: str | int, *, label: str | None = None, library: str = "kurigram") -> str:
        """A session string of an account; ``library`` is kurigram or telethon."""
        minted = self.post(f"/control/accounts/{who}/sessions", {"label": label, "api_id": API_ID})
        text: str = minted[library]
        return text

    def fault(self, **rule: Any) -> int:
        """Order a fault (fields: images/telegram-sandbox/README.md); gives its id."""
        fault_id: int = self.post("/control/faults", rule)["id"]
        return fault_id

    def clear_faults(self) -> None:
        """Lift every fault."""
        self.call("DELETE", "/control/faults")

    def counters(self, **which: Any) -> dict[str, Any]:
        """Calls, errors and file bytes since the last reset; filter by account and method."""
        report: dict[str, Any] = self.get("/control/counters", **which)
        return report

    def reset_counters(self) -> None:
        """Start counting from zero."""
        self.call("DELETE", "/control/counters")

    def say(self, who: str | int, peer: str | int, text: str) -> dict[str, Any]:
        """Write as an account."""
        message: dict[str, Any] = self.post(f"/control/accounts/{who}/chats/{peer}/messages", {"text": text})
        return message

    def read(self, who: str | int, peer: str | int, **query: Any) -> list[dict[str, Any]]:
        """Read a chat as an account, oldest first; ``after`` and ``wait_seconds`` wait for something new."""
        messages: list[dict[str, Any]] = self.get(f"/control/accounts/{who}/chats/{peer}/messages", **query)
        return messages

    def client(
        self,
        session_string: str | None = None,
        *,
        name: str = "test",
        transport: type[TCP] = TCPAbridged,
        **options: Any,
    ) -> Any:
        """An unmodified kurigram client of this server, not started (untyped: its answers are unions with None)."""
        return pyrogram.Client(
            name,
            api_id=API_ID,
            api_hash=API_HASH,
            session_string=session_string,
            in_memory=True,
            connection_factory=connection_factory(self._ports),
            protocol_factory=transport,
            **{"no_updates": True, "fetch_replies": False, **options},
        )

    @asynccontextmanager
    async def kurigram(self, who: str | int, **options: Any) -> AsyncIterator[Any]:
        """A started kurigram client, logged in by a minted session string."""
        client = self.client(self.mint(who), name=str(who), **options)
        await asyncio.wait_for(client.start(), START_SECONDS)
        try:
            yield client
        finally:
            # kurigram's stop() forgets its plain sessions to other data centres.
            for session in client.sessions.values():
                await session.stop()
            await client.stop()

    async def upload(self, file: Path, *, channel: int = LIBRARY, who: str = "uploader", caption: str = "") -> Stored:
        """Send a file to a channel through the protocol."""
        size_bytes = file.stat().st_size
        async with self.kurigram(who) as client:
            await learn_peers(client)
            message = await client.send_document(channel, str(file), caption=caption, force_document=True)
        if message is None:
            raise RuntimeError("the upload gave no message")
        return Stored(channel, message.id, size_bytes)


async def learn_peers(client: Any) -> None:
    """Let a user account's client know the channels it is in (a session string holds none)."""
    async for _ in client.get_dialogs():
        pass


def connection_factory(ports: dict[int, int]) -> type[Connection]:
    """kurigram's connection class with the addresses of this server."""

    class SandboxConnection(Connection):
        def __init__(self, **options: Any) -> None:
            options["server_address"] = "127.0.0.1"
            options["port"] = ports[options["dc_id"]]
            super().__init__(**options)

    return SandboxConnection


def register_public_key(pem: str) -> None:
    """Make kurigram trust a server key."""
    key = pure_rsa.PublicKey.load_pkcs1(pem.encode())
    rsa.server_public_keys[fingerprint(key.n, key.e)] = rsa.PublicKey(key.n, key.e)
    Session.START_TIMEOUT = 10


def fingerprint(modulus: int, exponent: int) -> int:
    """Telegram's name of an RSA key: the end of SHA-1 over both numbers as TL bytes."""

    def tl(number: int) -> bytes:
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        head = bytes([len(raw)]) if len(raw) < 254 else b"\xfe" + len(raw).to_bytes(3, "little")
        return head + raw + bytes(-(len(head) + len(raw)) % 4)

    return int.from_bytes(sha1(tl(modulus) + tl(exponent)).digest()[-8:], "little", signed=True)
