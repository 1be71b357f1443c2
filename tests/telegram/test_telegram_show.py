"""`python -m telegram_sandbox show` gives a shell everything that a client needs."""

import os
import shlex
import subprocess
import sys

from sandbox import REPOSITORY, SandboxProcess
from telethon_client import telethon_client


def show(sandbox: SandboxProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    control_port = sandbox.control_url.rsplit(":", 1)[1]
    return subprocess.run(
        [sys.executable, "-m", "telegram_sandbox", "show", *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "images/telegram-sandbox"),
            "TG_SANDBOX_CONTROL_PORT": control_port,
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def variables(text: str) -> dict[str, str]:
    """What a shell would read."""
    return dict(word.split("=", 1) for word in shlex.split(text))


async def test_shown_values_let_both_libraries_in(sandbox: SandboxProcess) -> None:
    done = show(sandbox, "worker1", "5000000001")
    assert done.returncode == 0, done.stderr
    shown = variables(done.stdout)
    assert shown["TG_DC_MAP"] == sandbox.environment["TG_DC_MAP"]
    assert shown["TG_RSA_PUBLIC_KEY"] == sandbox.public_key
    client = sandbox.client(shown["KURIGRAM_SESSION_worker1"])
    await client.start()
    assert (await client.get_me()).username == "worker1"
    await client.stop()
    other = telethon_client(sandbox, shown["TELETHON_SESSION_5000000001"])
    await other.connect()
    assert (await other.get_me()).username == "ada"
    await other.disconnect()


def test_every_account_is_shown_and_the_same_again(sandbox: SandboxProcess) -> None:
    first = show(sandbox)
    shown = variables(first.stdout)
    names = [one["username"] for one in sandbox.get("/control/accounts") if one["username"]]
    assert {f"KURIGRAM_SESSION_{name}" for name in names} <= set(shown)
    assert first.stdout == show(sandbox).stdout
    assert show(sandbox, "--label", "another", "ada").stdout.splitlines()[-1] != first.stdout.splitlines()[-1]


def test_wrong_name_and_silent_server_are_one_clear_line(sandbox: SandboxProcess) -> None:
    for arguments in (("nobody",), ("--control", "http://127.0.0.1:1")):
        done = show(sandbox, *arguments)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("http://127.0.0.1:")
