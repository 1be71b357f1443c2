"""One local Telegram with a few files for all tests of this folder, and one worker for those that leave it whole."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sandbox import SandboxProcess
from worker_stack import SampleFile, WorkerStack, upload_sample, worker_stack

from streamvault_common.keys import MIB


@dataclass(frozen=True)
class Library:
    """`film` is one message of 16 MiB and a byte; `parted` is three messages of sizes that fit no border."""

    film: SampleFile
    parted: SampleFile


@pytest.fixture(scope="session")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("telegram")) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def library(telegram: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("library")

    async def upload() -> Library:
        film = await upload_sample(telegram, folder, "film", [16 * MIB + 1])
        parted = await upload_sample(telegram, folder, "parted", [2 * MIB + 12_345, 3 * MIB - 1, 777_777])
        return Library(film, parted)

    return asyncio.run(upload())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_stack(
    telegram: SandboxProcess, library: Library, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkerStack]:
    folder: Path = tmp_path_factory.mktemp("worker")
    async with worker_stack(folder, telegram, telegram.mint("worker1"), name="w1") as stack:
        stack.publish(library.film, library.parted)
        await stack.until_ready()
        yield stack


@pytest_asyncio.fixture(loop_scope="module")
async def stack(running_stack: WorkerStack) -> AsyncIterator[WorkerStack]:
    """The module's worker, with counters at zero and no fault in force before and after."""
    running_stack.sandbox.clear_faults()
    running_stack.sandbox.reset_counters()
    yield running_stack
    running_stack.sandbox.clear_faults()
