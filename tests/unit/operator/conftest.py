"""What unit tests of the operator share."""

import pytest

from streamvault_operator.io import reports


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis on a busy machine may be slow; one that is away says so at once."""
    monkeypatch.setattr(reports, "TIMEOUT_SECONDS", 60.0)
