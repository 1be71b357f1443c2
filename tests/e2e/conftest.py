"""Fixtures over the running installation."""

from collections.abc import Iterator

import api_server
import pytest
from api_server import ApiServer
from operator_forks import OperatorForks
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


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    """The cluster's API server, as its administrator."""
    with api_server.connect(api_server.kubeconfig_path()) as server:
        yield server


@pytest.fixture(scope="module")
def forks() -> Iterator[OperatorForks]:
    """Starts operators in a blink."""
    server = OperatorForks()
    yield server
    server.close()
