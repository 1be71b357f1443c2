"""Making a session string by phone: against the local Telegram, through the program that a person runs."""

import base64
import json
import os
import pty
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from conditions import until
from sandbox import API_HASH, SandboxProcess

REPOSITORY = Path(__file__).parents[3]
PACKAGES = ":".join(str(REPOSITORY / "images" / part) for part in ("worker", "common"))
PHONES = {"viewer1": "+15550000011", "viewer2": "+15550000012", "viewer3": "+15550000013", "worker3": "+15550000103"}
PASSWORD = "correct horse battery"
SECONDS = 120.0


class LoginProcess:
    """The program, and all that it has printed so far."""

    def __init__(self, telegram: SandboxProcess, folder: Path, *arguments: str, stdin: int = subprocess.PIPE) -> None:
        environment = {**os.environ, **telegram.environment, "PYTHONPATH": PACKAGES, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamvault_worker.login", *arguments],
            cwd=folder,
            env=environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.printed = {"stdout": b"", "stderr": b""}
        self._readers = [
            threading.Thread(target=self._collect, args=(name, stream))
            for name, stream in (("stdout", self.process.stdout), ("stderr", self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _collect(self, name: str, stream: IO[bytes]) -> None:
        while chunk := stream.read1(4096):  # type: ignore[attr-defined]
            self.printed[name] += chunk
        stream.close()

    @property
    def stderr(self) -> str:
        return self.printed["stderr"].decode()

    async def answer(self, question: str, line: str, times: int = 1) -> None:
        """Wait until it was asked so often, then type."""
        await until(lambda: self.stderr.count(question) >= times or self.process.poll() is not None, SECONDS)
        assert self.process.stdin is not None
        assert self.process.poll() is None, self.stderr
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    async def end(self) -> int:
        """Its exit status."""
        await until(lambda: self.process.poll() is not None, SECONDS)
        for reader in self._readers:
            reader.join(SECONDS)
        return int(self.process.wait())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(SECONDS)
        if self.process.stdin is not None:
            self.process.stdin.close()


@pytest.fixture
def started() -> Iterator[list[LoginProcess]]:
    """Programs that are ended with the test."""
    processes: list[LoginProcess] = []
    yield processes
    for one in processes:
        one.close()


@pytest.fixture
def program(telegram: SandboxProcess, tmp_path: Path, started: list[LoginProcess]) -> LoginProcess:
    """It writes s01.session into the test's folder."""
    started.append(LoginProcess(telegram, tmp_path, "--file", "s01.session"))
    return started[0]


@pytest.fixture
def password(telegram: SandboxProcess) -> Iterator[str]:
    """viewer2 has two-step verification meanwhile."""
    telegram.call("PATCH", "/control/accounts/viewer2", {"password": PASSWORD})
    yield PASSWORD
    telegram.call("PATCH", "/control/accounts/viewer2", {"password": ""})


async def code_for(telegram: SandboxProcess, phone: str, one: LoginProcess) -> str:
    """The code that this program has sent to that phone."""
    await until(lambda: "Code that Telegram sent" in one.stderr or one.process.poll() is not None, SECONDS)
    codes: dict[str, str] = {code["phone"]: code["code"] for code in telegram.get("/control/codes")}
    return codes[phone.lstrip("+")]


async def whose(telegram: SandboxProcess, session: str) -> str:
    """The user name that a session string signs in as."""
    client = telegram.client(session)
    await client.start()
    me = await client.get_me()
    await client.stop()
    return str(me.username)


def assert_nothing_secret_was_said(one: LoginProcess, *secrets: str) -> None:
    assert one.printed["stdout"] == b""
    for secret in (*secrets, API_HASH):
        assert secret not in one.stderr
    assert not re.search(r"[A-Za-z0-9_-]{100,}", one.stderr), "nothing as long as a session string"


async def test_session_by_phone_and_code_is_in_the_file_and_nowhere_else(
    telegram: SandboxProcess, program: LoginProcess, tmp_path: Path
) -> None:
    phone = PHONES["viewer1"]
    await program.answer("Phone number", phone)
    code = await code_for(telegram, phone, program)
    await program.answer("Code", f"{code[:2]} {code[2:]}")
    assert await program.end() == 0, program.stderr
    file = tmp_path / "s01.session"
    assert file.stat().st_mode & 0o777 == 0o600
    session = file.read_text()
    assert await whose(telegram, session) == "viewer1"
    assert_nothing_secret_was_said(program, session, code, phone)
    assert [path.name for path in tmp_path.iterdir()] == ["s01.session"]


async def test_wrong_code_may_be_corrected(telegram: SandboxProcess, program: LoginProcess, tmp_path: Path) -> None:
    await program.answer("Phone number", PHONES["viewer3"])
    code = await code_for(telegram, PHONES["viewer3"], program)
    await program.answer("Code", "0")
    await program.answer("Code", code, times=2)
    assert await program.end() == 0, program.stderr
    assert "This code is not right." in program.stderr
    assert await whose(telegram, (tmp_path / "s01.session").read_text()) == "viewer3"


async def test_after_three_wrong_codes_nothing_is_written(program: LoginProcess, tmp_path: Path) -> None:
    await program.answer("Phone number", PHONES["viewer3"])
    for number in (1, 2, 3):
        await program.answer("Code", "no", times=number)
    assert await program.end() == 1
    assert program.stderr.endswith("error: no right code in 3 tries\n")
    assert list(tmp_path.iterdir()) == []


async def test_password_is_asked_for_and_written_into_a_secret(
    telegram: SandboxProcess, started: list[LoginProcess], tmp_path: Path, password: str
) -> None:
    one = LoginProcess(telegram, tmp_path, "--secret", "s02.json", "--name", "session-s02")
    started.append(one)
    await one.answer("Phone number", PHONES["viewer2"])
    code = await code_for(telegram, PHONES["viewer2"], one)
    await one.answer("Code", code)
    await one.answer("Password", "wrong horse")
    await one.answer("Password", password, times=2)
    assert await one.end() == 0, one.stderr
    manifest = json.loads((tmp_path / "s02.json").read_text())
    assert (manifest["kind"], manifest["metadata"]["name"], list(manifest["data"])) == (
        "Secret",
        "session-s02",
        ["session"],
    )
    session = base64.b64decode(manifest["data"]["session"]).decode()
    assert await whose(telegram, session) == "viewer2"
    assert_nothing_secret_was_said(one, session, manifest["data"]["session"], code, password, "wrong horse")


async def test_terminal_does_not_echo_the_password(
    telegram: SandboxProcess, started: list[LoginProcess], tmp_path: Path, password: str
) -> None:
    keyboard, screen = pty.openpty()
    one = LoginProcess(telegram, tmp_path, "--file", "s01.session", stdin=screen)
    started.append(one)
    os.close(screen)
    os.set_blocking(keyboard, False)
    echoed = b""

    async def type_after(question: str, line: str) -> None:
        await until(lambda: question in one.stderr, SECONDS)
        os.write(keyboard, f"{line}\n".encode())

    await type_after("Phone number", PHONES["viewer2"])
    await type_after("Code", await code_for(telegram, PHONES["viewer2"], one))
    await type_after("Password", password)
    assert await one.end() == 0, one.stderr
    try:
        while chunk := os.read(keyboard, 4096):
            echoed += chunk
    except OSError:
        pass  # the other end is closed
    os.close(keyboard)
    assert PHONES["viewer2"].encode() in echoed, "what is not secret is echoed"
    assert password.encode() not in echoed
    assert_nothing_secret_was_said(one, password)


async def test_ordered_wait_is_honoured_in_full(
    telegram: SandboxProcess, program: LoginProcess, tmp_path: Path
) -> None:
    rule = telegram.fault(kind="error", error="FLOOD_WAIT_3", method="auth.signIn", count=1)
    try:
        await program.answer("Phone number", PHONES["viewer1"])
        began = time.monotonic()
        await program.answer("Code", await code_for(telegram, PHONES["viewer1"], program))
        assert await program.end() == 0, program.stderr
    finally:
        telegram.call("DELETE", f"/control/faults/{rule}")
    assert "Telegram orders a wait of 3 s: waiting." in program.stderr
    assert time.monotonic() - began >= 3
    assert await whose(telegram, (tmp_path / "s01.session").read_text()) == "viewer1"


async def test_account_of_another_data_centre_signs_in_there(
    telegram: SandboxProcess, program: LoginProcess, tmp_path: Path
) -> None:
    await program.answer("Phone number", PHONES["worker3"])
    await program.answer("Code", await code_for(telegram, PHONES["worker3"], program))
    assert await program.end() == 0, program.stderr
    assert "(data centre 4)" in program.stderr
    assert await whose(telegram, (tmp_path / "s01.session").read_text()) == "worker3"


async def test_what_is_no_number_is_one_clear_line(program: LoginProcess, tmp_path: Path) -> None:
    await program.answer("Phone number", "+12")
    assert await program.end() == 1
    last = program.stderr.splitlines()[-1]
    assert "PHONE_NUMBER_INVALID" in last
    assert "Traceback" not in program.stderr
    assert list(tmp_path.iterdir()) == []


async def test_number_without_an_account_is_not_signed_up(
    telegram: SandboxProcess, program: LoginProcess, tmp_path: Path
) -> None:
    await program.answer("Phone number", "+15559999999")
    await program.answer("Code", await code_for(telegram, "+15559999999", program))
    assert await program.end() == 1
    assert "error: this number has no Telegram account yet" in program.stderr
    assert list(tmp_path.iterdir()) == []


async def test_file_that_exists_is_refused_before_anything_is_asked(
    telegram: SandboxProcess, started: list[LoginProcess], tmp_path: Path
) -> None:
    (tmp_path / "s01.session").write_text("precious")
    one = LoginProcess(telegram, tmp_path, "--file", "s01.session")
    started.append(one)
    assert await one.end() == 1
    assert "s01.session exists: move it away, or use --replace" in one.stderr
    assert "Phone number" not in one.stderr
    assert (tmp_path / "s01.session").read_text() == "precious"


async def test_stdout_is_no_place_for_a_session(
    telegram: SandboxProcess, started: list[LoginProcess], tmp_path: Path
) -> None:
    one = LoginProcess(telegram, tmp_path, "--file", "/dev/stdout", "--replace")
    started.append(one)
    assert await one.end() == 1
    assert "Phone number" not in one.stderr


def test_missing_settings_are_named_without_their_values(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PACKAGES, "TG_API_HASH": API_HASH}
    done = subprocess.run(
        [sys.executable, "-m", "streamvault_worker.login", "--file", "s01.session"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: TG_API_ID: Field required\n"


async def test_input_that_ends_is_one_clear_line(program: LoginProcess, tmp_path: Path) -> None:
    assert program.process.stdin is not None
    program.process.stdin.close()
    assert await program.end() == 1
    assert program.stderr.endswith("error: the input ended before the account was signed in\n")
    assert list(tmp_path.iterdir()) == []
