"""Which tests may meet when they run in several lanes, as in `make test`, and what several folders share."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import own_mongodb
import preloaded_python
import pytest
from redis_server import RedisServer
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

INSTALLATION, PLANE = "the installation", "the operator's control plane"
GROUPS = {
    "tests/e2e": INSTALLATION,  # they look at, fill and break what `make up` started
    "tests/e2e/test_manager_api.py": PLANE,  # no part of it, but they share a database server
    "tests/e2e/test_operator_store.py": PLANE,
    "tests/e2e/test_manager_bot.py": "e2e/manager_bot",  # processes of their own
    "tests/e2e/test_operator_lookout.py": "e2e/operator_lookout",
    "tests/e2e/test_operator_sessions.py": "e2e/operator_sessions",
    "tests/e2e/test_operator_writes.py": "e2e/operator_writes",
    "tests/e2e/test_release_life.py": "e2e/release_life",  # a release of its own; the local Telegram is common to both
    "tests/browser": "the website",
    "tests/browser/test_running_site.py": INSTALLATION,
    "tests/operator": PLANE,
    "tests/operator/test_operator_faults_outages.py": "operator/outages",  # they take minutes, each on its own plane
    "tests/operator/test_operator_withdrawals.py": "operator/withdrawals",
}
"""What runs one after the other; whatever is not named here is a group by itself, module by module."""
LONGEST = (
    "tests/e2e/test_account_by_phone.py",
    "tests/operator/",
    "tests/browser/",
    "tests/stream/worker/test_worker_account_life.py",
    "tests/e2e/test_release_life.py",
    "tests/e2e/test_operator_",
    "tests/stream/chain/",
    "tests/e2e/test_manager_bot.py",
    "tests/stream/",
)
"""Groups that are begun first, by what the first of their tests begins with: else one would be left over at the end."""


RUN = "STREAMVAULT_TEST_RUN"
"""Names a folder that all lanes of a run have in common."""


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """Gives every lane one group after the other. In this way, because `loadgroup` does nothing under pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return GROUPS.get(module) or GROUPS.get("/".join(module.split("/")[:2])) or module


hypothesis.settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy machine")


def pytest_configure(config: pytest.Config) -> None:
    if not _is_lane(config):
        os.environ[RUN] = tempfile.mkdtemp(prefix="streamvault-tests-")
    preloaded_python.preload()


def pytest_unconfigure(config: pytest.Config) -> None:
    preloaded_python.unload()
    if not _is_lane(config):
        run = Path(os.environ.pop(RUN))
        own_mongodb.end(run)
        shutil.rmtree(run)


def _is_lane(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the longest groups to the front."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    matching = (number for number, start in enumerate(LONGEST) if item.nodeid.startswith(start))
    return next(matching, len(LONGEST))


@pytest.fixture(scope="session")
def mongodb() -> str:
    """Connection string of a document database that no test of the installation takes away; all lanes share it."""
    return own_mongodb.started(Path(os.environ[RUN]))


@pytest.fixture
async def redis_server() -> AsyncIterator[RedisServer]:
    """A running Redis of the test's own."""
    with tempfile.TemporaryDirectory() as folder:
        async with RedisServer(Path(folder)) as server:
            yield server
