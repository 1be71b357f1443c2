"""The console page and the control API, as a person and as tests use them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pyrogram import filters, handlers
from pyrogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from sandbox import SandboxProcess


@pytest.fixture
def page(sandbox: SandboxProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.control_url, follow_redirects=True, timeout=60) as client:
        yield client


def test_overview_names_accounts_channels_and_codes(sandbox: SandboxProcess, page: httpx.Client) -> None:
    sandbox.fault(kind="latency", seconds=1, method="upload.getFile")
    text = page.get("/").text
    for word in ("Ada", "streamvault_bot", "Library", "latency", "upload.getFile"):
        assert word in text
    assert "latency" not in page.post("/faults/lift").text
    assert sandbox.get("/control/faults") == []


async def test_person_talks_to_the_bot_in_the_page(sandbox: SandboxProcess, page: httpx.Client) -> None:
    client = sandbox.client(sandbox.mint("streamvault_bot"), name="console-bot", no_updates=False)

    async def menu(_client: Any, message: Any) -> None:
        button = InlineKeyboardButton("Press <me>", callback_data="go")
        await message.reply("Choose", reply_markup=InlineKeyboardMarkup([[button]]))

    async def pressed(_client: Any, query: Any) -> None:
        await query.answer("Pressed & done")

    client.add_handler(handlers.MessageHandler(menu, filters.command("menu")))
    client.add_handler(handlers.CallbackQueryHandler(pressed))
    await client.start()
    try:
        sent = await asyncio.to_thread(page.post, "/as/ada/streamvault_bot", data={"text": "/menu <b>x</b>"})
        assert "/menu &lt;b&gt;x&lt;/b&gt;" in sent.text
        asked = sandbox.read("ada", "streamvault_bot")[-1]
        shown = await asyncio.to_thread(
            sandbox.read, "ada", "streamvault_bot", after=asked["id"] if asked["out"] else 0, wait_seconds=50
        )
        answer = [one for one in shown if one["buttons"]][-1]
        chat = await asyncio.to_thread(page.get, "/as/ada/streamvault_bot/messages")
        assert "Press &lt;me&gt;" in chat.text
        path = f"/as/ada/streamvault_bot/{answer['id']}/press"
        done = await asyncio.to_thread(page.post, path, data={"data": "go"})
        assert "Pressed &amp; done" in done.text
    finally:
        await client.stop()


def test_refusal_is_shown_in_the_page(page: httpx.Client) -> None:
    assert "CHAT_ADMIN_REQUIRED" in page.post("/as/worker1/Library", data={"text": "hello"}).text


def test_forms_of_other_sites_are_refused(page: httpx.Client) -> None:
    answer = page.post("/as/ada/streamvault_bot", data={"text": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/as/nobody", "/as/ada/nowhere", "/control/accounts/nobody", "/as/worker1/Admin"])
def test_unknown_names_are_not_found(page: httpx.Client, path: str) -> None:
    assert page.get(path).status_code == 404


def test_health_and_metrics_are_served(sandbox: SandboxProcess, page: httpx.Client) -> None:
    assert page.get("/healthz").json() == page.get("/readyz").json() == {"status": "ok"}
    assert "streamvault_sandbox_connections" in page.get("/metrics").text


def test_account_declared_over_the_control_api_can_log_in(sandbox: SandboxProcess) -> None:
    sandbox.post("/control/accounts", {"id": 5000000900, "name": "Late", "username": "late_comer", "home_dc": 3})
    minted = sandbox.post("/control/accounts/late_comer/sessions", {})
    assert minted["dc_id"] == 3
    assert len(minted["kurigram"]) == 362
