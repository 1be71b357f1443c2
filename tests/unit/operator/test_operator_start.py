"""The operator against a cluster without its resources: one line that says what to install, and exit code 1."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from operator_config import CONFIG

from streamvault_common.keys import API_VERSION, TITLES, WORKER_SESSIONS
from streamvault_operator.__main__ import MissingKinds, require_kinds

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
async def api_server() -> AsyncIterator[tuple[str, list[str]]]:
    """An API server that knows no StreamVault; its address, and which paths it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"kind": "Status", "message": "the server could not find it"}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    await runner.cleanup()


async def test_without_its_crds_it_ends_with_a_line_that_says_what_to_install(
    tmp_path: Path, api_server: tuple[str, list[str]]
) -> None:
    address, asked = api_server
    environment = _environment(tmp_path, address)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streamvault_operator", env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode == 1, output.decode()
    assert f"/apis/{API_VERSION}" in asked
    last = json.loads(output.decode().splitlines()[-1])
    assert "cannot start: the cluster does not serve titles.streamvault.io, workersessions.streamvault.io" in str(last)
    assert "crds.install=true" in str(last)


@pytest.mark.parametrize(
    ("served", "missing"),
    [({TITLES}, "workersessions.streamvault.io"), ({WORKER_SESSIONS}, "titles.streamvault.io")],
    ids=str,
)
async def test_the_missing_kind_is_named(served: set[str], missing: str) -> None:
    with pytest.raises(MissingKinds, match=f"does not serve {missing}:"):
        await require_kinds(_serving(served))


async def test_with_both_kinds_it_goes_on() -> None:
    await require_kinds(_serving({TITLES, WORKER_SESSIONS, "others"}))


def _serving(kinds: set[str]) -> Any:
    class Kube:
        async def served(self, api_version: str) -> set[str]:
            assert api_version == API_VERSION
            return kinds

    class Deps:
        kube = Kube()

    return Deps()


def _environment(folder: Path, address: str) -> dict[str, str]:
    config, kubeconfig = folder / "config.yaml", folder / "kubeconfig"
    config.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    named = {"name": "none"}
    clusters = [{**named, "cluster": {"server": address}}]
    contexts = [{**named, "context": {"cluster": "none", "user": "none"}}]
    document = {"apiVersion": "v1", "kind": "Config", "current-context": "none", "clusters": clusters}
    users = [{**named, "user": {"token": "none"}}]
    kubeconfig.write_text(yaml.safe_dump({**document, "contexts": contexts, "users": users}), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{REPOSITORY / 'operator'}:{REPOSITORY / 'images/common'}",
        "KUBECONFIG": str(kubeconfig),
        "STREAMVAULT_CONFIG": str(config),
        "POD_NAMESPACE": "streamvault",
        "MONGODB_URI": "mongodb://127.0.0.1:9",
        "REDIS_URL": "redis://127.0.0.1:9",
        "EDGE_AGENT_TOKEN": "a-token-of-the-tests",
        "PORT": "0",
    }
