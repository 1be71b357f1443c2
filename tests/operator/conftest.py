"""A private control plane, an edge agent and an operator with everything around it that a test may break."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from control_plane import ControlPlane, running_control_plane
from fault_stage import EdgeAgent, Stage, fault_stage, running_edge
from operator_forks import OperatorForks


@pytest.fixture(scope="package")
def plane() -> Iterator[ControlPlane]:
    """A control plane that belongs to these tests alone."""
    with running_control_plane() as running:
        yield running


@pytest.fixture(scope="package")
def forks() -> Iterator[OperatorForks]:
    """Starts operators in a blink."""
    server = OperatorForks()
    yield server
    server.close()


@pytest.fixture(scope="package")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeAgent]:
    """A real purge agent."""
    with running_edge(tmp_path_factory.mktemp("cache")) as running:
        yield running


@pytest.fixture
async def stage(plane: ControlPlane, forks: OperatorForks, agent: EdgeAgent, mongodb: str) -> AsyncIterator[Stage]:
    """Everything but a running operator."""
    plane.start()
    with TemporaryDirectory() as folder:
        async with fault_stage(plane, forks, agent, mongodb, Path(folder)) as built:
            yield built
