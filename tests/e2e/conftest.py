"""Fixtures over the running installation."""

from collections.abc import Iterator

import pytest
from site_under_test import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """A viewer of the installation that `make up` started."""
    viewer = Site()
    yield viewer
    viewer.http.close()
