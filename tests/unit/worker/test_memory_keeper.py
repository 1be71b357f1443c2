"""Memory is given back when streams have ended, and only then."""

from contextlib import ExitStack

from streamvault_worker.memory import MemoryKeeper
from streamvault_worker.stream.admission import Admission


def test_memory_is_given_back_after_the_streams() -> None:
    admission, given_back = Admission(max_streams=16), []
    keeper = MemoryKeeper(admission, lambda: given_back.append(admission.in_flight))
    keeper.check()
    assert given_back == []
    with ExitStack() as streams:
        for _ in range(8):
            streams.enter_context(admission.stream())
        keeper.check()
        assert given_back == []
    keeper.check()
    keeper.check()
    assert given_back == [0]
    with admission.stream():
        pass
    keeper.check()
    assert given_back == [0, 0]
