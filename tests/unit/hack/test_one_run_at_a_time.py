"""A second run on the machine waits for the first one, and says so."""

import threading
from pathlib import Path

import pytest

from streamvault_dev.cluster.daemons import wait_until
from streamvault_dev.images.builders import exclusive


def test_second_run_says_what_it_waits_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    came = threading.Event()

    def second() -> None:
        with exclusive("up", tmp_path):
            came.set()

    printed = ""

    def has_spoken() -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return bool(printed)

    with exclusive("up", tmp_path):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert wait_until(has_spoken, 120)
        assert not came.is_set()
    waiting.join(120)
    assert came.is_set()
    assert printed == f"      another run on this machine holds {tmp_path / 'up.lock'}: waiting until it ends\n"


def test_single_run_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with exclusive("up", tmp_path):
        pass
    assert capsys.readouterr().out == ""
