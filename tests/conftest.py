"""Which tests may run beside each other (`pytest -n`, as `make test` does), and what several folders share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from own_mongodb import own_mongodb

TESTS = Path(__file__).parent
SHARED = {
    "e2e": "installation",  # they look at, fill and break what `make up` started
    "upkeep": "installation",
    "operator": "operator",  # one private control plane for all of them
    "browser": "website",
}
"""Tests of these folders run one after the other, unless their module names another `xdist_group`."""
LONGEST = (
    "installation",
    "operator",
    "website",
    "stream/worker/test_worker_account_life",
    "e2e/test_operator_sessions",
    "e2e/test_operator_writes",
    "stream/chain/test_chain_bytes",
    "e2e/test_manager_bot",
    "stream/worker/test_worker_reads_telegram",
)
"""Begun first, so that none of them is left over when all others have ended."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test its group, by default that of its module, and bring the longest groups to the front."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=lambda item: _rank(_name(item)))


def _group(item: pytest.Item) -> str:
    place = item.path.relative_to(TESTS)
    return SHARED.get(place.parts[0], str(place.with_suffix("")))


def _name(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return str(marker.args[0]) if marker else ""


def _rank(group: str) -> int:
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


@pytest.fixture(scope="session")
def mongodb() -> Iterator[str]:
    """Connection string of a document database that no test of the installation takes away."""
    with own_mongodb() as uri:
        yield uri
