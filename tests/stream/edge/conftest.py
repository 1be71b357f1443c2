"""One edge for all tests of this folder; every test stores its own files, so none sees another's cache."""

from collections.abc import Iterator

import pytest
from edge_site import Site


@pytest.fixture(scope="session")
def running_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("edge"))
    try:
        site.start()
        yield site
    finally:
        site.stop()


@pytest.fixture
def site(running_site: Site) -> Iterator[Site]:
    """The shared edge with every worker healed afterwards."""
    yield running_site
    running_site.recover()
