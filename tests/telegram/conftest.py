"""One sandbox for all tests of this folder, without faults at the start of each."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox import SandboxProcess


@pytest.fixture(scope="session")
def _shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_shared_sandbox: SandboxProcess) -> SandboxProcess:
    """A running sandbox with the default world."""
    _shared_sandbox.clear_faults()
    _shared_sandbox.reset_counters()
    return _shared_sandbox


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose size is no multiple of anything: 12 MiB + 12345 bytes, above the limit of small uploads."""
    file = tmp_path_factory.mktemp("films") / "film.mp4"
    file.write_bytes(os.urandom(12 * 1024 * 1024 + 12345))
    return file
