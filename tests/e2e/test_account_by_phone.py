"""A person's account on the running installation: signed in by phone, declared by `make sessions`, serving; ended by
Telegram, and serving again after a human signed it in anew."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from site_under_test import CONTROL_URL, eventually

from demo.__main__ import telegram_settings
from demo.cluster import get, kubectl
from demo.world import CHANNEL_ID

REPOSITORY = Path(__file__).parents[2]
SECONDS = 120.0


class Account:
    """One account of the local Telegram that is a member of the library's channel."""

    def __init__(self, control: httpx.Client) -> None:
        self.name = f"phone-{secrets.token_hex(3)}"
        self.phone = f"+1555{secrets.randbelow(10**7):07}"
        self._control = control
        self._id = 5_900_000_000 + secrets.randbelow(10**7)
        spec = {"id": self._id, "name": "Phone", "username": self.name.replace("-", "_"), "phone": self.phone}
        control.post("/control/accounts", json=spec).raise_for_status()
        self._standing = f"/control/channels/{CHANNEL_ID}/members/{self._id}"
        control.put(self._standing, json={"role": "member"}).raise_for_status()

    def code(self) -> str:
        codes = self._control.get("/control/codes").raise_for_status().json()
        return str(next(one["code"] for one in codes if one["phone"] == self.phone.lstrip("+")))

    def revoke(self) -> None:
        """As from the list of devices of the account's phone: the key is void and its connections end."""
        path = f"/control/accounts/{self._id}/sessions/revoke"
        assert self._control.post(path, json={"mode": "unregistered"}).raise_for_status().json()
        self._control.delete("/control/connections", params={"account": self._id}).raise_for_status()

    def leave(self) -> None:
        self._control.delete(self._standing).raise_for_status()


@pytest.fixture
def account() -> Iterator[Account]:
    with httpx.Client(base_url=CONTROL_URL, timeout=30, trust_env=False) as control:
        made = Account(control)
        yield made
        kubectl("delete", "workersession", made.name, "--ignore-not-found", "--wait=false")
        kubectl("delete", "secret", f"session-{made.name}", "--ignore-not-found")
        made.leave()
        eventually(lambda: get("pod", f"ws-{made.name}") is None, SECONDS, "its pod is gone")


def driver(*arguments: str) -> list[str]:
    return [str(REPOSITORY / "hack/sessions"), *arguments]


def environment() -> dict[str, str]:
    settings = telegram_settings()
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TG_API_ID": str(settings.tg_api_id),
        "TG_API_HASH": settings.tg_api_hash.get_secret_value(),
        "TG_DC_MAP": settings.tg_dc_map,
        "TG_RSA_PUBLIC_KEY": settings.tg_rsa_public_key,
    }


def sign_in(account: Account, folder: Path) -> str:
    """`hack/sessions login NAME`, typed; returns what it showed."""
    screen = folder / "screen.txt"
    with screen.open("w") as shown:
        person = subprocess.Popen(
            driver("login", account.name, "--folder", str(folder)),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=shown,
            stderr=shown,
            text=True,
        )
        assert person.stdin is not None
        try:
            person.stdin.write(f"{account.phone}\n")
            person.stdin.flush()
            eventually(lambda: "Code that" in screen.read_text() or person.poll() is not None, SECONDS, "it asks")
            assert person.poll() is None, screen.read_text()
            person.stdin.write(f"{account.code()}\n")
            person.stdin.close()
            assert person.wait(SECONDS) == 0, screen.read_text()
        finally:
            person.kill()
            person.wait()
    return screen.read_text()


def declare(folder: Path) -> str:
    done = subprocess.run(
        driver("--folder", str(folder)), env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def standing(name: str) -> tuple[str, str]:
    """Phase, and the reason of Ready."""
    found: dict[str, Any] = json.loads(kubectl("get", "workersession", name, "-o", "json"))
    conditions = {one["type"]: one for one in found.get("status", {}).get("conditions", [])}
    return found.get("status", {}).get("phase", ""), conditions.get("Ready", {}).get("reason", "")


@pytest.mark.timeout(600)
def test_account_serves_is_ended_and_serves_again_after_a_new_sign_in(account: Account, tmp_path: Path) -> None:
    file = tmp_path / f"{account.name}.session"
    shown = sign_in(account, tmp_path)
    first = file.read_text()
    assert first not in shown
    assert f"{account.name}: created" in declare(tmp_path)
    eventually(lambda: standing(account.name) == ("Active", "Serving"), SECONDS, "the account serves")
    assert f"{account.name}: unchanged" in declare(tmp_path)

    account.revoke()
    eventually(lambda: standing(account.name)[0] == "Banned", SECONDS, "Telegram ended the session")
    eventually(lambda: get("pod", f"ws-{account.name}") is None, SECONDS, "its pod is gone")
    assert f"{account.name}: unchanged" in declare(tmp_path)
    assert standing(account.name)[0] == "Banned", "the same string is not tried again"

    file.rename(file.with_suffix(".old"))
    sign_in(account, tmp_path)
    assert file.read_text() != first
    assert f"{account.name}: renewed" in declare(tmp_path)
    eventually(lambda: standing(account.name) == ("Active", "Serving"), SECONDS, "the account serves again")
