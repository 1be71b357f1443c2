"""Fixtures over the running installation."""

from collections.abc import Iterator

import pytest
from site_under_test import Site
from title_endings import Titles, ending_titles


@pytest.fixture
def site() -> Iterator[Site]:
    """A viewer of the installation that `make up` started."""
    viewer = Site()
    yield viewer
    viewer.http.close()


@pytest.fixture(scope="session")
def titles() -> Iterator[Titles]:
    """Titles that are being purged; who else has to wait for a purge asks for them first, and waits for all at once."""
    with ending_titles() as titles:
        yield titles
