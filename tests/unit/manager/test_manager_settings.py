"""A missing or wrong setting stops the manager with one line that names it and shows no secret."""

import asyncio
import os
import sys

import pytest
from manager_process import SETTINGS, manager_path

from streamvault_common.settings import InvalidSetting
from streamvault_manager.settings import load
from streamvault_manager.stores import redis
from streamvault_manager.stores.mongo import MongoCatalogue


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LINK_KEYS", None, "LINK_KEYS: Field required"),
        ("LINK_KEYS", "k1:c2hvcnQ", "LINK_KEYS: the secret of k1 has fewer than 32 bytes"),
        ("ADMIN_API_TOKEN", "sesame", "ADMIN_API_TOKEN: "),
        ("ADMIN_USER_IDS", "12,ada", "ADMIN_USER_IDS: "),
        ("ADMIN_CHANNEL_ID", "@admins", "ADMIN_CHANNEL_ID: "),
        ("TG_BOT_TOKEN", "", "TG_BOT_TOKEN: Field required"),
        ("TG_DC_MAP", "1-5=127.0.0.1:443", "set TG_DC_MAP and TG_RSA_PUBLIC_KEY together"),
        ("GRANT_TTL_SECONDS", "5", "GRANT_TTL_SECONDS: "),
        ("EDGE_URL", "edge:8080", "EDGE_URL: "),
        ("EDGE_URL", "http://edge/path", "EDGE_URL: "),
        ("TAKEDOWN_STATUS", "404", "TAKEDOWN_STATUS: Input should be 410 or 451"),
        ("TAKEDOWN_BLOCKED_BY", "the court", "TAKEDOWN_BLOCKED_BY: "),
        ("TAKEDOWN_BLOCKED_BY", "https://court.example/>; rel=x", "TAKEDOWN_BLOCKED_BY: "),
    ],
)
def test_a_wrong_variable_is_named(
    environment: pytest.MonkeyPatch, name: str, value: str | None, expected: str
) -> None:
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)

    with pytest.raises(InvalidSetting) as refused:
        load()

    assert expected in str(refused.value)
    assert "sesame" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_admins_are_a_list_of_numbers_and_may_be_none(environment: pytest.MonkeyPatch) -> None:
    assert load().admin_user_ids == ()
    environment.setenv("ADMIN_USER_IDS", " 5000000001, 7,")
    assert load().admin_user_ids == (5000000001, 7)


def test_a_takedown_is_answered_410_unless_told_otherwise(environment: pytest.MonkeyPatch) -> None:
    assert load().takedown_status == 410
    environment.setenv("TAKEDOWN_STATUS", "451")
    assert load().takedown_status == 451


def test_store_addresses_are_checked_without_showing_them() -> None:
    with pytest.raises(InvalidSetting, match=r"^MONGODB_URI must begin with mongodb://"):
        MongoCatalogue("sesame", "none")
    with pytest.raises(InvalidSetting, match=r"^REDIS_URL is not a Redis address"):
        redis.connect("sesame")


async def test_the_process_ends_with_one_line() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "streamvault_manager"),
        env={"PYTHONPATH": manager_path(), **SETTINGS, "TG_DC_MAP": "1=a:1", "TG_RSA_PUBLIC_KEY": "/nowhere.pem"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 2
    assert output == b""
    assert errors.startswith(b"streamvault_manager: TG_RSA_PUBLIC_KEY: cannot read /nowhere.pem")
    assert errors.count(b"\n") == 1
