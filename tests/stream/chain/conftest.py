"""One local Telegram with a film, three workers and the real edge, for all tests of this folder."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from byte_chain import ByteChain, byte_chain
from sandbox import SandboxProcess
from worker_stack import SampleFile, upload_sample

from streamvault_common.keys import MIB


@pytest.fixture(scope="package")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path_factory.mktemp("telegram")) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def film(telegram: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> SampleFile:
    """Three messages of sizes that fit no border, five slices in all."""
    folder = tmp_path_factory.mktemp("library")
    return asyncio.run(upload_sample(telegram, folder, "long", [13 * MIB + 12_345, 9 * MIB - 1, 11 * MIB + 777]))


@pytest.fixture(scope="package")
def short_film(telegram: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> SampleFile:
    """Two slices, ten pieces."""
    return asyncio.run(upload_sample(telegram, tmp_path_factory.mktemp("library"), "short", [9 * MIB + 1]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_chain(
    request: pytest.FixtureRequest,
    telegram: SandboxProcess,
    film: SampleFile,
    short_film: SampleFile,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[ByteChain]:
    patience: str = request.module.ANSWER_TIMEOUT_SECONDS
    async with byte_chain(tmp_path_factory.mktemp("chain"), telegram, ANSWER_TIMEOUT_SECONDS=patience) as chain:
        chain.publish(film, short_film)
        yield chain


@pytest_asyncio.fixture(loop_scope="module")
async def chain(running_chain: ByteChain) -> AsyncIterator[ByteChain]:
    """The chain with an empty cache, no fault in force, and no worker that was told to wait."""
    running_chain.sandbox.clear_faults()
    await running_chain.until_all_ready()
    running_chain.empty_cache()
    yield running_chain
    running_chain.sandbox.clear_faults()
